//! HTTP side of the API (4319): feedback as JSON, SQL, exports, health and metrics.
//!
//! Errors are `{"error": "…"}` with the status of the error table.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use gleaner_query::{QueryError, QueryLimits};
use gleaner_store::Reader;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;

use crate::as_of::{AsOf, EarlierStates};
use crate::cli::SqlFormat;
use crate::engine::{FreshReads, Unreadable};
use crate::error::{ErrorCode, Refusal};
use crate::export::{ArchiveOutput, Export, ExportRequest};
use crate::feedback::Feedback;
use crate::ingest::{Ingest, PROJECT_HEADER, project_of};
use crate::metrics;

/// Tells a client how many acknowledged records its answer does not see yet; absent when it sees all.
pub(crate) const BEHIND_HEADER: &str = "x-gleaner-behind";
/// Set when an answer was cut at a row or byte limit.
pub(crate) const TRUNCATED_HEADER: &str = "x-gleaner-truncated";
/// Feedback batches are small: a thousand items of a few KiB, corrections included.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

/// Pieces of an export that wait for a slow client; each is about a quarter of a MiB.
const ARCHIVE_PIECES: usize = 16;

/// What the API serves from.
#[derive(Clone)]
pub(crate) struct Api {
    /// Fresh reads.
    pub reads: FreshReads,
    /// Where feedback goes.
    pub feedback: Feedback,
    /// Limits of a stranger's query.
    pub query_limits: Arc<QueryLimits>,
    /// How many queries and exports run at once.
    pub slots: Arc<Semaphore>,
    /// States of the store at earlier journal positions.
    pub earlier: EarlierStates,
    /// What counts and holds telemetry, for `/metrics`.
    pub ingest: Ingest,
    /// Limits of feedback as JSON.
    pub wire_limits: Arc<gleaner_wire::Limits>,
}

/// The routes of the API over HTTP.
pub(crate) fn routes(api: Api) -> Router {
    Router::new()
        .route("/v1/feedback:submit", post(submit_feedback))
        .route("/v1/sql", post(run_sql))
        .route("/v1/export", post(run_export))
        .route("/metrics", get(show_metrics))
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(api)
}

async fn submit_feedback(State(api): State<Api>, headers: HeaderMap, body: Bytes) -> Response {
    let answer = async {
        require_json(&headers)?;
        let project = project_of(headers.get(PROJECT_HEADER).map(HeaderValue::as_bytes))?;
        let items = gleaner_wire::feedback::decode_json_items(&body, &api.wire_limits)?;
        let response = api.feedback.submit(&project, items).await?;
        Ok::<_, Refusal>(gleaner_wire::feedback::encode_json(&response)?)
    };
    match answer.await {
        Ok(body) => answered("application/json", Body::from(body)),
        Err(refusal) => refused(&refusal),
    }
}

/// JSON must say that it is JSON: a web page can post plain text to a local server without asking, JSON it cannot.
fn require_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
    if content_type.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case("application/json")) {
        return Ok(());
    }
    Err(Refusal::new(ErrorCode::UnsupportedMediaType, "content type must be application/json"))
}

/// What is not served. gRPC clients read the status from a header, everyone else must not take it for a success.
pub(crate) async fn not_found(headers: HeaderMap) -> Response {
    let grpc = headers.get(header::CONTENT_TYPE).is_some_and(|v| v.as_bytes().starts_with(b"application/grpc"));
    if grpc {
        return tonic::Status::unimplemented("no such service or method").into_http();
    }
    let body = serde_json::json!({ "error": "no such path; OTLP over HTTP has a port of its own, 4318 by default" });
    let mut response = answered("application/json", Body::from(body.to_string()));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

/// Body of `POST /v1/sql`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SqlRequest {
    query: String,
    #[serde(default)]
    params: Vec<serde_json::Value>,
    #[serde(default = "json")]
    format: SqlFormat,
    /// Journal position, or time in UTC: every relation as it was then.
    as_of: Option<AsOf>,
}

fn json() -> SqlFormat {
    SqlFormat::Json
}

async fn run_sql(State(api): State<Api>, headers: HeaderMap, body: Bytes) -> Response {
    let answer = async { sql(&api, parse(&headers, &body)?).await };
    match answer.await {
        Ok(response) => response,
        Err(refusal) => refused(&refusal),
    }
}

/// A JSON body, or what is wrong with it.
fn parse<T: serde::de::DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T, Refusal> {
    require_json(headers)?;
    serde_json::from_slice(body).map_err(|e| Refusal::new(ErrorCode::Invalid, format!("request body: {e}")))
}

async fn sql(api: &Api, request: SqlRequest) -> Result<Response, Refusal> {
    // The slot belongs to the query, not to its client: one that hangs up ends the query, which then gives the slot back.
    let slot = api.slots.clone().acquire_owned().await;
    let (reader, behind) = open(api, request.as_of).await?;
    let (limits, format) = (api.query_limits.clone(), request.format);
    let interrupt = reader.interrupt_handle();
    let _client_gone = OnDrop(move || interrupt.interrupt());
    let (summary, out) = tokio::task::spawn_blocking(move || {
        let _slot = slot;
        let mut out = Vec::new();
        let summary = gleaner_query::run(&reader, &request.query, &request.params, format.into(), &limits, &mut out)?;
        Ok::<_, QueryError>((summary, out))
    })
    .await
    .map_err(|_| Refusal::new(ErrorCode::Unavailable, "the query was given up"))?
    .map_err(query_refused)?;
    let mut response = answered(format.media_type(), Body::from(out));
    if summary.truncated {
        response.headers_mut().insert(TRUNCATED_HEADER, HeaderValue::from_static("true"));
    }
    if behind > 0 {
        response.headers_mut().insert(BEHIND_HEADER, HeaderValue::from(behind));
    }
    Ok(response)
}

/// A reader of the present, with the number of acknowledged records that it does not see yet, or of an earlier state.
async fn open(api: &Api, as_of: Option<AsOf>) -> Result<(Reader, u64), Refusal> {
    let Some(as_of) = as_of else {
        let (reader, freshness) = api.reads.open().await.map_err(store_unavailable)?;
        return Ok((reader, freshness.behind()));
    };
    let earlier = api.earlier.clone();
    let reader = tokio::task::spawn_blocking(move || earlier.reader(as_of, &mut |_, _| {}))
        .await
        .map_err(|_| Refusal::new(ErrorCode::Unavailable, "the earlier state was given up"))?
        .map_err(|e| Refusal::new(ErrorCode::Invalid, format!("{e:#}")))?;
    Ok((reader, 0))
}

async fn run_export(State(api): State<Api>, headers: HeaderMap, body: Bytes) -> Response {
    let answer = async {
        let request: ExportRequest = parse(&headers, &body)?;
        let slot = api.slots.clone().acquire_owned().await;
        let (reader, behind) = open(&api, request.as_of).await?;
        if behind > 0 {
            // An export names its journal position; one that lags would look complete and not be.
            return Err(Refusal::new(
                ErrorCode::Busy,
                format!("{behind} acknowledged requests are not loaded yet, try again"),
            ));
        }
        // With its causes: they say what is wrong with a condition.
        let refused = |e: anyhow::Error| Refusal::new(ErrorCode::Invalid, format!("{e:#}"));
        let given_up = |_| Refusal::new(ErrorCode::Unavailable, "the export was given up");
        let checked = tokio::task::spawn_blocking(move || (Export::new(&reader, &request), reader, request));
        let (export, reader, request) = checked.await.map_err(given_up)?;
        let export = export.map_err(refused)?;
        let interrupt = reader.interrupt_handle();
        let client_gone = OnDrop(move || interrupt.interrupt());
        let (lines, received) = tokio::sync::mpsc::channel(ARCHIVE_PIECES);
        tokio::task::spawn_blocking(move || {
            let _slot = slot;
            let mut out = ArchiveOutput::new(lines);
            let mut progress = out.progress(request.progress);
            if let Err(error) = export.write(&reader, &mut out, &mut progress) {
                tracing::warn!(error = format!("{error:#}"), "an export ended early");
                out.fail(&error);
            }
        });
        Ok(ReceiverStream::new(received).map(move |line| {
            let _held_while_the_client_reads = &client_gone;
            Ok::<_, std::convert::Infallible>(line)
        }))
    };
    match answer.await {
        Ok(archive) => answered("application/x-ndjson", Body::from_stream(archive)),
        Err(refusal) => refused(&refusal),
    }
}

async fn readyz(State(api): State<Api>) -> Response {
    let reads = api.reads.clone();
    // It writes to the disk.
    let probed = tokio::task::spawn_blocking(move || reads.probe()).await;
    match probed.unwrap_or_else(|error| Err(error.into())) {
        Ok(()) => answered("text/plain; charset=utf-8", Body::from("ok\n")),
        Err(why) => refused(&Refusal::new(ErrorCode::Unavailable, why.to_string())),
    }
}

async fn show_metrics(State(api): State<Api>) -> Response {
    let readings = api.reads.readings(api.ingest.in_flight_bytes());
    answered(metrics::CONTENT_TYPE, Body::from(api.ingest.metrics().render(readings)))
}

/// Runs when it goes out of scope, also when a handler is dropped because its client hung up.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// A query that the guard or DuckDB refuses, or that takes too much, is the client's to mend; a store that fails is not.
fn query_refused(error: QueryError) -> Refusal {
    match error {
        QueryError::Store(error) => store_unavailable(error),
        error => Refusal::new(ErrorCode::Invalid, error.to_string()),
    }
}

fn store_unavailable(error: impl Into<Unreadable>) -> Refusal {
    let error = error.into();
    if let Unreadable::NotOpen(_) = error {
        return Refusal::new(ErrorCode::Unavailable, error.to_string());
    }
    tracing::error!(%error, "the store gives no reader");
    Refusal::new(ErrorCode::Unavailable, "the store cannot be read now, telemetry and feedback are still taken")
}

fn answered(content_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn refused(refusal: &Refusal) -> Response {
    let body = serde_json::json!({ "error": refusal.message }).to_string();
    let mut response = answered("application/json", Body::from(body));
    *response.status_mut() = StatusCode::from_u16(refusal.code.http()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    if let Some(delay) = refusal.code.retry_after() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(delay.as_secs().max(1)));
    }
    response
}
