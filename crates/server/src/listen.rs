//! Accepts connections and serves HTTP/1 and HTTP/2 on them: how many there may be, what each may hold, and how long it may do nothing.
//!
//! Data in: a bound listener and routes. Nothing here knows what the routes do. A connection is *idle* while no request of it is being
//! answered: from its first byte on until the request's headers are whole, and between requests. Invariants:
//!
//! - No more connections than the limit, those apart that are just going: when a further one comes, the one that has been idle
//!   longest goes. So clients that only hold connections open keep nobody out.
//! - A connection ends when it is idle for too long, or when one request of it is older than a request may become. That covers headers
//!   and bodies that trickle, streams that are opened and never fed, and answers that nobody reads.
//! - An error of `accept` (no descriptors left, for one) never ends the loop.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tower::ServiceExt as _;

use crate::listen::activity::{Activity, InAnswer, Overdue};
use crate::listen::idle::IdleConnections;
use crate::metrics::{Closed, Metrics};
use crate::receive::Peer;

mod activity;
mod host;
mod idle;

pub(crate) use host::AllowedHosts;

/// Pause after an `accept` that failed for want of something: without it the loop would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Connections beyond the limit that may be on their way out.
const GOING: usize = 64;
/// How long a newcomer waits for one of them to be gone; those behind it wait in the kernel.
const ROOM_WAIT: Duration = Duration::from_secs(1);
/// What a connection that is asked to end may take for it.
const GOODBYE: Duration = Duration::from_secs(5);
/// Resets of streams that the peer may cause and we have not looked at: h2's own default, against rapid resets (RUSTSEC-2023-0034).
const MAX_PENDING_RESETS: usize = 20;
/// Resets that a peer's errors may cause in one connection: h2's own default (RUSTSEC-2024-0003).
const MAX_LOCAL_RESETS: usize = 1024;

/// Limits of one listener's connections.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionLimits {
    /// Name of the listener, for metrics and the log.
    pub listener: &'static str,
    /// Open at a time.
    pub max_connections: usize,
    /// From the connection to the first whole request head.
    pub first_request_timeout: Duration,
    /// Between requests.
    pub idle_timeout: Duration,
    /// From a request's head to the last byte of its answer; `None`: answers may stream for as long as they like.
    pub max_request_age: Option<Duration>,
    /// HTTP/2 pings while nothing comes: finds out peers that are gone.
    pub ping_interval: Duration,
    /// Time to answer a ping.
    pub ping_timeout: Duration,
    /// HTTP/2 streams at a time.
    pub max_concurrent_streams: u32,
    /// HTTP/2 flow control of one stream, in bytes.
    pub stream_window_bytes: u32,
    /// HTTP/2 flow control of a connection, in bytes.
    pub connection_window_bytes: u32,
    /// All headers of a request, in bytes.
    pub max_header_bytes: u32,
    /// Names that are answered to; others are told 421.
    pub allowed_hosts: AllowedHosts,
}

/// Serves until `stop`, then lets requests in answer finish.
///
/// `new_peer` makes what is put into each request of one connection.
pub(crate) async fn serve(
    listener: TcpListener,
    routes: Router,
    limits: ConnectionLimits,
    new_peer: impl Fn() -> Peer,
    metrics: Metrics,
    stop: impl Future<Output = ()>,
) {
    let server =
        Arc::new(Server { routes, builder: builder(&limits), idle: IdleConnections::default(), limits, metrics });
    let (ending, ended) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    if !server.makes_room(&mut connections).await {
                        server.metrics.closed(server.limits.listener, Closed::evicted);
                        continue;
                    }
                    connections.spawn(server.clone().connection(stream, new_peer(), ended.clone()));
                }
                Err(error) => {
                    if !is_of_one_connection(&error) {
                        tracing::warn!(%error, listener = server.limits.listener, "cannot take a connection");
                        server.idle.evict_longest();
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
            },
        }
    }
    drop(listener);
    ending.send_replace(true);
    while connections.join_next().await.is_some() {}
}

/// The peer of that connection went away before it was taken.
fn is_of_one_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Plain text, whatever was asked for: whoever gets it was not meant to be here.
fn misdirected() -> Response {
    let text = "this name is not one of connections.allowed_hosts\n";
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = http::StatusCode::MISDIRECTED_REQUEST;
    response
}

fn builder(limits: &ConnectionLimits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.idle_timeout)
        .max_buf_size(http1_buffer(limits));
    builder
        .http2()
        .timer(TokioTimer::new())
        .initial_stream_window_size(limits.stream_window_bytes)
        .initial_connection_window_size(limits.connection_window_bytes)
        .max_concurrent_streams(limits.max_concurrent_streams)
        .max_header_list_size(limits.max_header_bytes)
        .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
        .max_local_error_reset_streams(MAX_LOCAL_RESETS)
        .keep_alive_interval(limits.ping_interval)
        .keep_alive_timeout(limits.ping_timeout);
    builder
}

/// hyper wants at least 8 KiB; its buffer holds body bytes too, and small ones cost many reads.
fn http1_buffer(limits: &ConnectionLimits) -> usize {
    usize::try_from(limits.max_header_bytes).unwrap_or(usize::MAX).max(64 * 1024)
}

struct Server {
    routes: Router,
    builder: auto::Builder<TokioExecutor>,
    idle: IdleConnections,
    limits: ConnectionLimits,
    metrics: Metrics,
}

impl Server {
    /// Whether a further connection may be served: the one that has been idle longest goes for it, and the newcomer waits a little.
    async fn makes_room(&self, connections: &mut JoinSet<()>) -> bool {
        let max = self.limits.max_connections;
        if connections.len() < max || (self.idle.evict_longest() && connections.len() < max + GOING) {
            return true;
        }
        matches!(tokio::time::timeout(ROOM_WAIT, connections.join_next()).await, Ok(Some(_)))
    }

    async fn connection(self: Arc<Self>, stream: TcpStream, peer: Peer, mut ending: watch::Receiver<bool>) {
        // An answer of one small segment must not wait for the peer's acknowledgement of the one before.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection was gone before it was served");
            return;
        }
        let open = self.metrics.connections(self.limits.listener);
        open.inc();
        let activity = Activity::new(&self.idle);
        let (routes, in_answer) = (self.routes.clone(), activity.clone());
        let allowed_hosts = self.limits.allowed_hosts.clone();
        let service = tower::service_fn(move |mut request: Request<hyper::body::Incoming>| {
            let answering = in_answer.begin();
            request.extensions_mut().insert(peer.clone());
            let answer = allowed_hosts.allow(&request).then(|| routes.clone().oneshot(request));
            async move {
                let response = match answer {
                    Some(answer) => answer.await?,
                    None => misdirected(),
                };
                Ok::<_, Infallible>(response.map(|body| InAnswer::new(body, answering)))
            }
        });
        let mut connection =
            pin!(self.builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)));
        let mut goodbye = None;
        let mut is_ending = false;
        loop {
            let wake_at = goodbye.unwrap_or_else(|| activity.deadline(&self.limits));
            tokio::select! {
                // A connection that breaks off is its client's affair.
                _ = connection.as_mut() => break,
                () = activity.changed() => {}
                () = activity.evicted() => {
                    self.metrics.closed(self.limits.listener, Closed::evicted);
                    break;
                }
                _ = ending.wait_for(|ending| *ending), if !is_ending => {
                    is_ending = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = tokio::time::sleep_until(wake_at) => match activity.overdue(&self.limits) {
                    _ if goodbye.is_some() => break,
                    Some(Overdue::Idle) => {
                        self.metrics.closed(self.limits.listener, Closed::idle);
                        connection.as_mut().graceful_shutdown();
                        goodbye = Some(Instant::now() + GOODBYE);
                    }
                    Some(Overdue::Request) => {
                        self.metrics.closed(self.limits.listener, Closed::stalled);
                        break;
                    }
                    None => {}
                },
            }
        }
        open.dec();
    }
}
