//! What is measured: processes that take OTLP over gRPC, each with a folder of its own.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Buf as _;
use gleaner_wire::proto::Message as _;
use gleaner_wire::proto::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

/// Ticks of `/proc/<pid>/stat` a second, on every Linux of today.
const TICKS_PER_SECOND: f64 = 100.0;

/// One process to measure.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    command: Command,
    port: u16,
    api_port: Option<u16>,
    dir: tempfile::TempDir,
    child: Option<Child>,
}

impl Peer {
    /// Decodes and drops: what transport and prost cost.
    pub(crate) fn sink() -> Self {
        let mut peer = Self::new("sink", Command::new(std::env::current_exe().expect("this program")));
        peer.command.args(["sink", &peer.port.to_string()]);
        peer
    }

    /// `collector.py`.
    pub(crate) fn sqlite(python: &str) -> Self {
        let mut peer = Self::new("sqlite", Command::new(python));
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/ingest/collector.py");
        peer.command.arg(script).arg(peer.port.to_string()).arg(peer.dir.path().join("spans.db"));
        peer
    }

    pub(crate) fn gleaner() -> Self {
        let mut peer = Self::new("gleaner", Command::new(env!("CARGO_BIN_EXE_gleaner")));
        let (http, api) = (free_port(), free_port());
        peer.command.arg("serve").arg("--data").arg(peer.dir.path());
        for (flag, port) in [("--otlp-grpc", peer.port), ("--otlp-http", http), ("--api", api)] {
            peer.command.args([flag, &format!("127.0.0.1:{port}")]);
        }
        peer.api_port = Some(api);
        peer
    }

    fn new(name: &'static str, mut command: Command) -> Self {
        command.stderr(Stdio::inherit());
        let dir = tempfile::tempdir().expect("a directory");
        Self { name, command, port: free_port(), api_port: None, dir, child: None }
    }

    /// Returns when it takes connections and is ready.
    pub(crate) fn start(&mut self) {
        self.command.env("GLEANER_LOG", "warn");
        self.child = Some(self.command.spawn().unwrap_or_else(|error| panic!("{}: {error}", self.name)));
        let deadline = Instant::now() + Duration::from_secs(60);
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() || self.lag().is_none() {
            assert!(Instant::now() < deadline, "{} does not start", self.name);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns when everything acknowledged can be queried.
    pub(crate) fn drained(&self) {
        while self.lag().is_some_and(|lag| lag > 0.0) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Acknowledged and not yet loaded; 0 for peers that load before they acknowledge.
    fn lag(&self) -> Option<f64> {
        let Some(port) = self.api_port else { return Some(0.0) };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let text = reqwest::get(format!("http://127.0.0.1:{port}/metrics")).await.ok()?.text().await.ok()?;
            text.lines().find_map(|line| line.strip_prefix("gleaner_journal_lag_records "))?.parse().ok()
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().expect("started").id()
    }

    /// The most resident memory that it had.
    pub(crate) fn rss_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("the process is there");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells the peak");
        peak.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    }

    pub(crate) fn disk_bytes(&self) -> u64 {
        fn of(path: &std::path::Path) -> u64 {
            let Ok(entries) = std::fs::read_dir(path) else { return 0 };
            let sizes = entries.flatten().map(|entry| match entry.metadata() {
                Ok(found) if found.is_dir() => of(&entry.path()),
                Ok(found) => found.len(),
                Err(_) => 0,
            });
            sizes.sum()
        }
        of(self.dir.path())
    }

    /// SIGTERM, and waits.
    pub(crate) fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let asked = Command::new("kill").arg(child.id().to_string()).status();
        assert!(asked.is_ok_and(|status| status.success()), "kill runs");
        child.wait().expect("reaped");
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// User and system time of a process.
pub(crate) fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process is there");
    // The name before it may hold spaces.
    let fields: Vec<&str> = stat.rsplit(')').next().expect("after the name").split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<f64>().expect("a number");
    (ticks(11) + ticks(12)) / TICKS_PER_SECOND
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}

/// Takes OTLP, decodes it with prost, and keeps nothing.
pub(crate) fn serve_sink(port: u16) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    let served = tonic::transport::Server::builder()
        .initial_stream_window_size(4 << 20)
        .initial_connection_window_size(16 << 20)
        .add_service(Sink)
        .serve(address);
    runtime.block_on(served).expect("serves");
}

#[derive(Clone)]
struct Sink;

impl tonic::server::NamedService for Sink {
    const NAME: &'static str = "opentelemetry.proto.collector.trace.v1.TraceService";
}

impl tower::Service<http::Request<Body>> for Sink {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            let mut grpc = tonic::server::Grpc::new(Prost).max_decoding_message_size(64 << 20);
            Ok(grpc.unary(DropIt, request).await)
        })
    }
}

struct DropIt;

impl tonic::server::UnaryService<ExportTraceServiceRequest> for DropIt {
    type Response = ExportTraceServiceResponse;
    type Future = std::future::Ready<Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status>>;

    fn call(&mut self, _: tonic::Request<ExportTraceServiceRequest>) -> Self::Future {
        std::future::ready(Ok(tonic::Response::new(ExportTraceServiceResponse::default())))
    }
}

/// What tonic's own codec does.
#[derive(Clone, Copy)]
struct Prost;

impl Codec for Prost {
    type Encode = ExportTraceServiceResponse;
    type Decode = ExportTraceServiceRequest;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Prost {
    type Item = ExportTraceServiceResponse;
    type Error = tonic::Status;

    fn encode(&mut self, item: Self::Item, out: &mut EncodeBuf<'_>) -> Result<(), tonic::Status> {
        item.encode(out).map_err(|error| tonic::Status::internal(error.to_string()))
    }
}

impl Decoder for Prost {
    type Item = ExportTraceServiceRequest;
    type Error = tonic::Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<Self::Item>, tonic::Status> {
        let length = bytes.remaining();
        let message = ExportTraceServiceRequest::decode(bytes.take(length));
        message.map(Some).map_err(|error| tonic::Status::internal(error.to_string()))
    }
}
