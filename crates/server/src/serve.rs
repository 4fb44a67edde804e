//! The server: three listeners over one engine, and a shutdown that drains.
//!
//! Ports are bound before anything is opened, so that a port in use is told at once. Telemetry is served as soon as the journal is open; reads
//! and feedback when the store holds what was journalled before the start. On shutdown listeners stop, requests in flight get their answers, the journal
//! is loaded as far as the deadline allows, then journal and store close.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use arrow_flight::flight_service_server::FlightServiceServer;
use gleaner_journal::{Disk, FileSystem};
use gleaner_normalize::feedback::FeedbackLimits;
use gleaner_query::Isolation;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::api_grpc::{FeedbackRpc, stubs};
use crate::api_http::{self, Api};
use crate::as_of::EarlierStates;
use crate::cli::SQL_WORKER;
use crate::config::{Config, mib};
use crate::engine::Engine;
use crate::feedback::Feedback;
use crate::flight::FlightSql;
use crate::ingest::Ingest;
use crate::listen::{self, ConnectionLimits};
use crate::metrics::Metrics;
use crate::otlp_grpc::{self, ExportService, Logs, Traces};
use crate::otlp_http;
use crate::own_traces::OwnTraces;
use crate::queries::{Queries, Unclaimed};

/// How long connections may take to finish what is in flight once no new ones are taken. A journal write takes milliseconds;
/// a connection that never said anything would hold up the end for the whole drain time.
const CONNECTION_GRACE: Duration = Duration::from_secs(3);

/// A running server.
pub struct Running {
    /// Where OTLP over gRPC is served.
    pub otlp_grpc: SocketAddr,
    /// Where OTLP over HTTP is served.
    pub otlp_http: SocketAddr,
    /// Where feedback, SQL and exports are served.
    pub api: SocketAddr,
    stop: watch::Sender<bool>,
    listeners: JoinSet<anyhow::Result<()>>,
    _api_runtime: Yielding,
    engine: Engine,
    drain: Duration,
}

/// Binds, opens, serves. Returns when the server is ready, or when it is known that only the store is not: then telemetry is taken all the
/// same, the log and `/readyz` say why, and the store is opened as soon as that works.
///
/// # Errors
/// When a port is taken, the data directory cannot be used, or its journal is damaged.
pub async fn start(config: Config) -> anyhow::Result<Running> {
    start_with(config, std::env::current_exe().context("cannot find this program's own file")?).await
}

/// As [`start`], with the program that runs queries apart named: where this process is not that program itself.
///
/// # Errors
/// As [`start`].
pub async fn start_with(config: Config, program: PathBuf) -> anyhow::Result<Running> {
    start_on(Arc::new(FileSystem), config, program).await
}

/// As [`start_with`], with the journal on another disk than the file system: for tests in which it fails.
///
/// # Errors
/// As [`start`].
pub async fn start_on(disk: Arc<dyn Disk>, config: Config, program: PathBuf) -> anyhow::Result<Running> {
    let (otlp_grpc, grpc_addr) = bind(config.otlp.grpc.endpoint, "OTLP gRPC").await?;
    let (otlp_http, http_addr) = bind(config.otlp.http.endpoint, "OTLP HTTP").await?;
    let (api, api_addr) = bind(config.api.endpoint, "API").await?;
    for addr in [grpc_addr, http_addr, api_addr] {
        if !addr.ip().is_loopback() {
            tracing::warn!(%addr, "listening beyond loopback without authentication: whoever reaches it reads and writes everything");
        }
    }

    let opened = config.clone();
    let metrics = Metrics::new();
    let (own_traces, exporting) =
        OwnTraces::new(&config.own_traces, &[grpc_addr, http_addr, api_addr], metrics.clone())?;
    let (measured, worker, recorded) = (metrics.clone(), program.clone(), own_traces.clone());
    let engine =
        tokio::task::spawn_blocking(move || Engine::start(&opened, disk, worker, &measured, recorded)).await??;
    let timeout = Duration::from_millis(config.ingest.request_timeout_ms);
    let (journal, limits) = (engine.journal().clone(), config.wire_limits());
    let ingest = Ingest::new(journal, limits, config.in_flight(), metrics.clone(), own_traces.clone());
    let feedback = Feedback::new(
        engine.journal().clone(),
        feedback_limits(&config),
        config.feedback.max_items_per_request,
        timeout,
    );
    let (keys, waiting) = (engine.feedback_keys(), feedback.clone());
    let beginning = tokio::spawn(async move {
        if let Some(keys) = keys.await {
            waiting.begin(keys).await;
        }
    });
    let queries = Queries {
        reads: engine.fresh_reads(Duration::from_millis(config.read.fresh_timeout_ms)),
        earlier: EarlierStates::new(&config, engine.journal().clone())?,
        limits: Arc::new(config.query_limits()),
        slots: Arc::new(Semaphore::new(config.sql.max_concurrent)),
        stall: Duration::from_millis(config.sql.stall_ms),
        isolation: Arc::new(isolation(&config, program)?),
        own_traces,
        unclaimed: Unclaimed::default(),
    };
    let wire_limits = Arc::new(config.wire_limits());
    let rebuilds = engine.rebuilds();
    let api_state = Api { queries, feedback: feedback.clone(), ingest: ingest.clone(), rebuilds, wire_limits };

    let (stop, stopped) = watch::channel(false);
    let mut listeners = JoinSet::new();
    // A request may take its time to arrive, as much again to reach the disk, and as much again until its answer is read.
    let request_age = Some(timeout * 3);
    let streams = config.otlp.grpc.max_concurrent_streams;
    let mut serve = |listener, routes, limits: ConnectionLimits| {
        let admission = ingest.clone();
        let new_peer = move || admission.new_peer();
        let (metrics, stop) = (metrics.clone(), until(&stopped));
        listeners.spawn(async move {
            listen::serve(listener, routes, limits, new_peer, metrics, stop).await;
            Ok(())
        });
    };
    let limits = |listener, address, age| config.connection_limits(listener, address, streams, age);
    serve(otlp_grpc, otlp_grpc_routes(&ingest).await, limits("otlp_grpc", grpc_addr, request_age));
    serve(otlp_http, otlp_http::routes(ingest.clone()), limits("otlp_http", http_addr, request_age));
    // Exports stream for as long as they take.
    let (routes, api_limits) = (api_routes(api_state, feedback).await?, limits("api", api_addr, None));
    let (admission, counted, stopping, api) = (ingest.clone(), metrics.clone(), until(&stopped), api.into_std()?);
    let api_runtime = Yielding::new()?;
    let serving = api_runtime.spawn(async move {
        let api = TcpListener::from_std(api)?;
        listen::serve(api, routes, api_limits, move || admission.new_peer(), counted, stopping).await;
        Ok(())
    });
    listeners.spawn(async move { serving.await? });
    if let Some(exporting) = exporting {
        api_runtime.spawn(exporting.run());
    }
    engine.settled().await;
    if engine.is_open() {
        beginning.await?;
    }
    let drain = Duration::from_millis(config.shutdown.drain_timeout_ms);
    let (otlp_grpc, otlp_http, api) = (grpc_addr, http_addr, api_addr);
    Ok(Running { otlp_grpc, otlp_http, api, stop, listeners, _api_runtime: api_runtime, engine, drain })
}

impl Running {
    /// Stops taking requests, answers those in flight, loads what was journalled, closes.
    ///
    /// # Errors
    /// When a listener had failed.
    pub async fn shutdown(mut self) -> anyhow::Result<()> {
        self.stop.send_replace(true);
        let deadline = tokio::time::Instant::now() + self.drain;
        let answered_by = deadline.min(tokio::time::Instant::now() + CONNECTION_GRACE);
        let mut failed = None;
        while let Ok(Some(ended)) = tokio::time::timeout_at(answered_by, self.listeners.join_next()).await {
            failed = ended.map_err(anyhow::Error::from).and_then(|r| r).err().or(failed);
        }
        self.listeners.abort_all();
        let left = deadline.saturating_duration_since(tokio::time::Instant::now());
        let engine = self.engine;
        tokio::task::spawn_blocking(move || engine.shutdown(left)).await?;
        failed.map_or(Ok(()), Err)
    }
}

/// Threads for the API alone: long answers are sent, and exports written, by threads that give way to those that receive.
struct Yielding(Option<Runtime>);

impl Yielding {
    fn new() -> std::io::Result<Self> {
        let mut threads = tokio::runtime::Builder::new_multi_thread();
        let threads = threads.enable_all().thread_name("api").on_thread_start(gleaner_query::give_way_a_little);
        Ok(Self(Some(threads.build()?)))
    }

    fn spawn<T: Send + 'static>(&self, task: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        match &self.0 {
            Some(runtime) => runtime.spawn(task),
            // It is there until it is dropped.
            None => tokio::spawn(task),
        }
    }
}

impl Drop for Yielding {
    /// The threads of another runtime may not wait for these.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

async fn otlp_grpc_routes(ingest: &Ingest) -> axum::Router {
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_serving::<ExportService<Traces>>().await;
    reporter.set_serving::<ExportService<Logs>>().await;
    tonic::service::Routes::new(health)
        .add_service(ExportService::<Traces>::new(ingest.clone()))
        .add_service(ExportService::<Logs>::new(ingest.clone()))
        .add_service(ExportService::<otlp_grpc::Metrics>::new(ingest.clone()))
        .prepare()
        .into_axum_router()
}

/// gRPC and HTTP share the API's port: gRPC is HTTP/2 with paths of its own.
async fn api_routes(api: Api, feedback: Feedback) -> anyhow::Result<axum::Router> {
    let flight = FlightServiceServer::new(FlightSql::new(api.queries.clone())?);
    let service = stubs::feedback_service_server::FeedbackServiceServer::new(FeedbackRpc::new(feedback));
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_serving::<stubs::feedback_service_server::FeedbackServiceServer<FeedbackRpc>>().await;
    reporter.set_serving::<FlightServiceServer<FlightSql>>().await;
    // Clients are about equally split between the two versions of reflection.
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(gleaner_wire::feedback::FEEDBACK_DESCRIPTOR)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let grpc = tonic::service::Routes::new(service)
        .add_service(flight)
        .add_service(health)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?);
    Ok(grpc.prepare().into_axum_router().merge(api_http::routes(api)).fallback(api_http::not_found))
}

fn until(stopped: &watch::Receiver<bool>) -> impl Future<Output = ()> + Send + 'static {
    let mut stopped = stopped.clone();
    async move {
        // A sender that is gone means the server is gone.
        let _ = stopped.wait_for(|stop| *stop).await;
    }
}

/// What a killed server left of its queries goes now: the directory is held by this process.
fn isolation(config: &Config, program: PathBuf) -> anyhow::Result<Isolation> {
    let scratch = config.data_dir.join("sql-work");
    if scratch.exists() {
        std::fs::remove_dir_all(&scratch).with_context(|| format!("cannot remove {}", scratch.display()))?;
    }
    let arguments = vec![SQL_WORKER.to_owned()];
    Ok(Isolation { program, arguments, scratch, memory_bytes: mib(config.sql.worker_memory_mib) })
}

async fn bind(endpoint: SocketAddr, what: &str) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener =
        TcpListener::bind(endpoint).await.with_context(|| format!("cannot listen on {endpoint} for {what}"))?;
    let addr = listener.local_addr()?;
    Ok((listener, addr))
}

fn feedback_limits(config: &Config) -> FeedbackLimits {
    FeedbackLimits {
        max_text_bytes: config.feedback.max_text_kib * 1024,
        max_entries: config.feedback.max_entries,
        ..FeedbackLimits::default()
    }
}
