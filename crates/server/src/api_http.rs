//! HTTP side of the API (4319): feedback as JSON, SQL, exports, rebuilding the store, health and metrics.
//!
//! Errors are `{"error": "…"}` with the status of the error table.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use clap::ValueEnum as _;
use gleaner_query::{Control, QueryError};
use gleaner_store::Reader;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use opentelemetry::trace::SpanKind;
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt as _};

use crate::as_of::AsOf;
use crate::cli::SqlFormat;
use crate::commands::sql::SqlParams;
use crate::engine::Rebuilds;
use crate::error::{ErrorCode, Refusal};
use crate::export::{ArchiveOutput, ArchiveProgress, Asker, Export, ExportRequest};
use crate::feedback::Feedback;
use crate::ingest::{Ingest, PROJECT_HEADER, project_of};
use crate::metrics;
use crate::own_traces::OwnSpan;
use crate::queries::{Pieces, Queries, Question, Text, query_refused};
use crate::receive::{Peer, http_body, in_time};
use crate::snapshot::{self, SnapshotRequest};

/// Tells a client how many acknowledged records its answer does not see yet; absent when it sees all.
pub(crate) const BEHIND_HEADER: &str = "x-gleaner-behind";
/// Set when an answer was cut at a row or byte limit.
pub(crate) const TRUNCATED_HEADER: &str = "x-gleaner-truncated";
/// Where the store is asked to be made anew, and how far that is.
pub(crate) const REBUILD_PATH: &str = "/v1/store/rebuild";
/// Feedback batches are small: a thousand items of a few KiB, corrections included.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

/// Pieces of an export that wait for a slow client; each is about a quarter of a MiB.
const ARCHIVE_PIECES: usize = 16;

/// What the API serves from.
#[derive(Clone)]
pub(crate) struct Api {
    /// Where queries are asked.
    pub queries: Queries,
    /// Where feedback goes.
    pub feedback: Feedback,
    /// What counts and holds telemetry, for `/metrics`.
    pub ingest: Ingest,
    /// Where the store is asked to be made anew.
    pub rebuilds: Rebuilds,
    /// Limits of feedback as JSON.
    pub wire_limits: Arc<gleaner_wire::Limits>,
}

/// The routes of the API over HTTP.
pub(crate) fn routes(api: Api) -> Router {
    Router::new()
        .route("/v1/feedback:submit", post(submit_feedback))
        .route("/v1/sql", post(run_sql))
        .route("/v1/export", post(run_export))
        .route("/v1/snapshot", post(run_snapshot))
        .route(REBUILD_PATH, post(request_rebuild).get(show_rebuild))
        .route("/metrics", get(show_metrics))
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(api)
}

/// Held to the limits and budgets of telemetry: size, bytes in flight, time to arrive.
async fn submit_feedback(State(api): State<Api>, request: Request) -> Response {
    let (parts, mut body) = request.into_parts();
    let headers = parts.headers;
    let answer = async {
        require_json(&headers)?;
        let mut held = api.ingest.admit(parts.extensions.get::<Peer>())?;
        let body = in_time(api.ingest.timeout(), http_body(&mut body, &api.wire_limits, &mut held)).await?;
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
    params: SqlParams,
    /// Else what `Accept` says, else JSON.
    format: Option<SqlFormat>,
    /// Journal position, or time in UTC: every relation as it was then.
    as_of: Option<AsOf>,
}

async fn run_sql(State(api): State<Api>, headers: HeaderMap, body: Bytes) -> Response {
    let answer = async { sql(&api, parse(&headers, &body)?, &headers).await };
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

async fn sql(api: &Api, request: SqlRequest, headers: &HeaderMap) -> Result<Response, Refusal> {
    let format = match request.format {
        Some(format) => format,
        None => accepted(headers)?,
    };
    let question = Question { sql: request.query, params: request.params.into(), as_of: request.as_of };
    let mut pieces = api.queries.text(question, format.into(), Control::default()).await?;
    let behind = pieces.behind;
    let mut response = match pieces.next().await {
        Some(Ok(Text::Whole(bytes, summary))) => {
            let mut response = answered(format.media_type(), Body::from(bytes));
            if summary.truncated {
                response.headers_mut().insert(TRUNCATED_HEADER, HeaderValue::from_static("true"));
            }
            response
        }
        Some(Ok(Text::Part(first))) => answered(format.media_type(), Body::from_stream(rest(first, pieces))),
        Some(Err(error)) => return Err(query_refused(error)),
        None => answered(format.media_type(), Body::empty()),
    };
    if behind > 0 {
        response.headers_mut().insert(BEHIND_HEADER, HeaderValue::from(behind));
    }
    Ok(response)
}

/// The parts of a long answer. An error in the midst of it breaks the connection off, which no client takes for the end.
fn rest(first: Bytes, pieces: Pieces<Text>) -> impl Stream<Item = Result<Bytes, QueryError>> {
    let first = tokio_stream::once(Ok(first));
    first.chain(pieces.map(|piece| {
        piece.map(|piece| match piece {
            Text::Whole(bytes, _) | Text::Part(bytes) => bytes,
        })
    }))
}

/// The format of `Accept`; JSON if it says nothing.
fn accepted(headers: &HeaderMap) -> Result<SqlFormat, Refusal> {
    let Some(accept) = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()) else {
        return Ok(SqlFormat::Json);
    };
    let media = accept.split(',').map(|range| range.split(';').next().unwrap_or_default().trim());
    media.into_iter().find_map(SqlFormat::of_media_type).ok_or_else(|| {
        let served = SqlFormat::value_variants().iter().map(|format| format.media_type()).collect::<Vec<_>>();
        Refusal::new(ErrorCode::UnsupportedMediaType, format!("accept is {accept:?}, served are {}", served.join(", ")))
    })
}

async fn run_export(State(api): State<Api>, headers: HeaderMap, body: Bytes) -> Response {
    let answer = async {
        let request: ExportRequest = parse(&headers, &body)?;
        let slot = api.queries.slot().await?;
        let (reader, behind) = api.queries.open(request.as_of).await?;
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
        let checked =
            tokio::task::spawn_blocking(move || (Export::new(&reader, &request, Asker::Stranger), reader, request));
        let (export, reader, request) = checked.await.map_err(given_up)?;
        let export = export.map_err(refused)?;
        let mut span = api.queries.own_traces.begin("export", SpanKind::Server);
        span.set("gleaner.kinds", request.kinds.len());
        Ok(archive(reader, slot, request.progress, span, move |reader, out, progress| {
            export.write(reader, out, progress).map(|_| ())
        }))
    };
    match answer.await {
        Ok(archive) => archive,
        Err(refusal) => refused(&refusal),
    }
}

async fn run_snapshot(State(api): State<Api>, headers: HeaderMap, body: Bytes) -> Response {
    let answer = async {
        let request: SnapshotRequest = parse(&headers, &body)?;
        let slot = api.queries.slot().await?;
        let (reader, behind) = api.queries.open(request.as_of).await?;
        if behind > 0 {
            // A snapshot names its journal position, as an export does.
            return Err(Refusal::new(
                ErrorCode::Busy,
                format!("{behind} acknowledged requests are not loaded yet, try again"),
            ));
        }
        let span = api.queries.own_traces.begin("snapshot", SpanKind::Server);
        let write = |reader: &Reader, out: &mut ArchiveOutput, progress: &mut ArchiveProgress| {
            snapshot::write(reader, out, progress)
        };
        Ok(archive(reader, slot, request.progress, span, write))
    };
    match answer.await {
        Ok(archive) => archive,
        Err(refusal) => refused(&refusal),
    }
}

/// Sends the files that `write` makes, as they are made. Whoever hangs up ends it.
fn archive(
    reader: Reader,
    slot: OwnedSemaphorePermit,
    is_progress_wanted: bool,
    mut span: OwnSpan,
    write: impl FnOnce(&Reader, &mut ArchiveOutput, &mut ArchiveProgress) -> anyhow::Result<()> + Send + 'static,
) -> Response {
    let interrupt = reader.interrupt_handle();
    let client_gone = OnDrop(move || interrupt.interrupt());
    let (lines, received) = tokio::sync::mpsc::channel(ARCHIVE_PIECES);
    tokio::task::spawn_blocking(move || {
        let _slot = slot;
        let mut out = ArchiveOutput::new(lines);
        let mut progress = out.progress(is_progress_wanted);
        if let Err(error) = write(&reader, &mut out, &mut progress) {
            tracing::warn!(error = format!("{error:#}"), "an export ended early");
            span.fail("export");
            out.fail(&error);
        }
    });
    let lines = ReceiverStream::new(received).map(move |line| {
        let _held_while_the_client_reads = &client_gone;
        Ok::<_, std::convert::Infallible>(line)
    });
    answered("application/x-ndjson", Body::from_stream(lines))
}

async fn readyz(State(api): State<Api>) -> Response {
    let reads = api.queries.reads.clone();
    // It writes to the disk.
    let probed = tokio::task::spawn_blocking(move || reads.probe()).await;
    match probed.unwrap_or_else(|error| Err(error.into())) {
        Ok(told) => answered("text/plain; charset=utf-8", Body::from([&told, "\n"].concat())),
        Err(why) => refused(&Refusal::new(ErrorCode::Unavailable, why.to_string())),
    }
}

/// Body of `POST /v1/store/rebuild`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RebuildRequest {}

/// Asks for it, and answers before it is done. Asked again meanwhile, it tells how far it is.
async fn request_rebuild(State(api): State<Api>, headers: HeaderMap, body: Bytes) -> Response {
    let answer = async {
        let RebuildRequest {} = parse(&headers, &body)?;
        let rebuilds = api.rebuilds.clone();
        // It writes to the disk.
        let requested = tokio::task::spawn_blocking(move || rebuilds.request()).await;
        let not_written = |error: std::io::Error| {
            tracing::error!(%error, "a request to make the store anew cannot be written down");
            Refusal::new(ErrorCode::Unavailable, "the request cannot be written down, see the log")
        };
        let given_up = |_| Refusal::new(ErrorCode::Unavailable, "the request was given up, try again later");
        requested.map_err(given_up)?.map_err(not_written)
    };
    match answer.await {
        Ok(status) => {
            let mut response = json(&status);
            *response.status_mut() = StatusCode::ACCEPTED;
            response
        }
        Err(refusal) => refused(&refusal),
    }
}

async fn show_rebuild(State(api): State<Api>) -> Response {
    json(&api.rebuilds.status())
}

async fn show_metrics(State(api): State<Api>) -> Response {
    let readings = api.queries.reads.readings(api.ingest.in_flight_bytes());
    answered(metrics::CONTENT_TYPE, Body::from(api.ingest.metrics().render(readings)))
}

/// Runs when it goes out of scope, also when a handler is dropped because its client hung up.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

fn answered(content_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn json(value: &impl serde::Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => answered("application/json", Body::from(body)),
        Err(error) => refused(&Refusal::new(ErrorCode::Unavailable, error.to_string())),
    }
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
