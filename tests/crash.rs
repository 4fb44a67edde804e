//! The server is killed with SIGKILL under load and started again: each acknowledged trace is there exactly once (I1),
//! nothing unacknowledged is there in part (I2). The built binary, real sockets, a real kill.

#![allow(clippy::expect_used, reason = "a test that cannot set its scene has failed")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gleaner_wire::proto;
use prost::Message as _;
use serde_json::Value;

/// Rounds of serve, load, kill.
const ROUNDS: u64 = 4;
/// Clients sending at the same time.
const CLIENTS: u64 = 4;
/// Spans of each trace, all in one request: a trace is there whole or not at all.
const SPANS_PER_TRACE: u64 = 3;
/// A server that is not ready by then has failed.
const READY_TIMEOUT: Duration = Duration::from_secs(60);

/// Scenario: four clients send traces of three spans; the server is killed at another moment in each round and started again
/// on the same directory; clients send some acknowledged requests a second time, as exporters do.
/// Guarantees: afterwards each acknowledged trace has exactly its three spans, no trace has another number of them, the
/// journal position moved on, and a store rebuilt from the journal alone holds the same rows.
#[test]
fn killed_under_load_every_acknowledged_trace_is_there_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let acknowledged = Arc::new(Mutex::new(BTreeSet::new()));
    for round in 0..ROUNDS {
        let mut server = Server::start(dir.path());
        let stop = Arc::new(AtomicBool::new(false));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (stop, acknowledged, otlp) = (stop.clone(), acknowledged.clone(), server.otlp_http.clone());
                std::thread::spawn(move || send_until(&stop, &otlp, round * CLIENTS + client, &acknowledged))
            })
            .collect();
        std::thread::sleep(Duration::from_millis(250 + 170 * round));
        server.child.kill().expect("SIGKILL");
        server.child.wait().expect("reaped");
        stop.store(true, Ordering::Release);
        clients.into_iter().for_each(|client| client.join().expect("a client ends"));
    }
    let acknowledged = acknowledged.lock().expect("no client panicked").clone();
    assert!(
        acknowledged.len() > 20,
        "only {} traces were acknowledged: too little load to prove anything",
        acknowledged.len()
    );

    let server = Server::start(dir.path());
    let counts = spans_per_trace(&server.sql(COUNTS));
    drop(server);
    assert_whole_and_once(&acknowledged, &counts);

    let rebuilt = gleaner().args(["rebuild", "--data"]).arg(dir.path()).output().expect("runs");
    assert!(rebuilt.status.success(), "{}", String::from_utf8_lossy(&rebuilt.stderr));
    let output = gleaner().args(["sql", COUNTS, "--format", "json", "--data"]).arg(dir.path()).output().expect("runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(spans_per_trace(&output.stdout), counts, "a rebuilt store holds the same");
}

const COUNTS: &str = "SELECT trace_id, count(*) AS spans FROM execution_spans GROUP BY trace_id ORDER BY trace_id";

fn assert_whole_and_once(acknowledged: &BTreeSet<String>, counts: &[(String, u64)]) {
    let found: BTreeSet<&String> = counts.iter().map(|(trace, _)| trace).collect();
    let lost: Vec<_> = acknowledged.iter().filter(|trace| !found.contains(trace)).collect();
    assert!(lost.is_empty(), "{} acknowledged traces are lost, e.g. {:?}", lost.len(), lost.first());
    let partial: Vec<_> = counts.iter().filter(|(_, spans)| *spans != SPANS_PER_TRACE).collect();
    assert!(partial.is_empty(), "traces with another number of spans than sent: {partial:?}");
}

fn spans_per_trace(json: &[u8]) -> Vec<(String, u64)> {
    let rows: Vec<Value> = serde_json::from_slice(json).expect("an array of rows");
    rows.iter()
        .map(|row| (row["trace_id"].as_str().expect("an id").to_owned(), row["spans"].as_u64().expect("a count")))
        .collect()
}

fn send_until(stop: &AtomicBool, otlp: &str, client: u64, acknowledged: &Mutex<BTreeSet<String>>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let http = reqwest::Client::new();
    let mut n = 0u64;
    while !stop.load(Ordering::Acquire) {
        n += 1;
        let trace_id = trace_id(client, n);
        let body = request(&trace_id).encode_to_vec();
        let send = || {
            let request =
                http.post(format!("http://{otlp}/v1/traces")).header("content-type", "application/x-protobuf");
            runtime.block_on(request.body(body.clone()).send())
        };
        let Ok(response) = send() else { return };
        if response.status().is_success() {
            acknowledged.lock().expect("no client panicked").insert(hex(&trace_id));
            if n.is_multiple_of(5) {
                let _ = send();
            }
        }
    }
}

fn trace_id(client: u64, n: u64) -> Vec<u8> {
    [(client + 1).to_be_bytes(), n.to_be_bytes()].concat()
}

fn request(trace_id: &[u8]) -> proto::collector::trace::v1::ExportTraceServiceRequest {
    let spans = (1..=SPANS_PER_TRACE)
        .map(|n| proto::trace::v1::Span {
            trace_id: trace_id.to_vec(),
            span_id: n.to_be_bytes().to_vec(),
            parent_span_id: if n == 1 { Vec::new() } else { 1u64.to_be_bytes().to_vec() },
            name: format!("span {n}"),
            start_time_unix_nano: 1_700_000_000_000_000_000 + n,
            end_time_unix_nano: 1_700_000_000_000_001_000 + n,
            ..Default::default()
        })
        .collect();
    proto::collector::trace::v1::ExportTraceServiceRequest {
        resource_spans: vec![proto::trace::v1::ResourceSpans {
            scope_spans: vec![proto::trace::v1::ScopeSpans { spans, ..Default::default() }],
            ..Default::default()
        }],
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn gleaner() -> Command {
    Command::new(env!("CARGO_BIN_EXE_gleaner"))
}

/// The built binary, serving. Killed when dropped.
struct Server {
    child: Child,
    otlp_http: String,
    api: String,
}

impl Server {
    fn start(data: &Path) -> Self {
        let [grpc, http, api] = free_addresses();
        let child = gleaner()
            .args(["serve", "--otlp-grpc", &grpc, "--otlp-http", &http, "--api", &api, "--data"])
            .arg(data)
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        let server = Self { child, otlp_http: http, api };
        let deadline = Instant::now() + READY_TIMEOUT;
        while std::net::TcpStream::connect(&server.api).is_err() || server.output(&["sql", "SELECT 1"]).is_none() {
            assert!(Instant::now() < deadline, "the server is not ready after {READY_TIMEOUT:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    fn sql(&self, query: &str) -> Vec<u8> {
        self.output(&["sql", query, "--format", "json"]).expect("the query runs")
    }

    fn output(&self, args: &[&str]) -> Option<Vec<u8>> {
        let output = gleaner().args(args).args(["--api", &self.api]).output().expect("runs");
        output.status.success().then_some(output.stdout)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already dead after a kill of the scenario.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Three free ports. Held together until all are known, so that they differ.
fn free_addresses() -> [String; 3] {
    let listeners: Vec<_> = (0..3).map(|_| std::net::TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
    let address = |n: usize| listeners[n].local_addr().expect("an address").to_string();
    [address(0), address(1), address(2)]
}
