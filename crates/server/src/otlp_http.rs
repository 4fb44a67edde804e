//! OTLP over HTTP (4318): `/v1/traces`, `/v1/logs` (protobuf and JSON, gzip and zstd) and `/v1/metrics` (a warning).
//!
//! Some clients (Gemini CLI over HTTP, for one) post every signal to the bare endpoint: JSON tells there what it is by its first
//! key, while protobuf does not.
//!
//! Every answer has the content type of its request, errors too (OTLP/HTTP Response). What is accepted is decided in
//! [`Ingest::accept`], as for gRPC.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{any, post};
use bytes::Bytes;
use gleaner_wire::{ContentEncoding, Encoding, answer};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, Limited};

use crate::error::{ErrorCode, Refusal, status_body};
use crate::ingest::{Accepted, Ingest, PROJECT_HEADER, Signal, project_of};
use crate::otlp_grpc::METRICS_WARNING;

/// The routes of OTLP over HTTP.
pub(crate) fn routes(ingest: Ingest) -> Router {
    Router::new()
        .route("/v1/{signal}", post(export).fallback(wrong_method))
        .route("/", post(export_untold).fallback(wrong_method))
        .fallback(any(|| async { plain(StatusCode::NOT_FOUND, "not an OTLP path, want /v1/traces or /v1/logs") }))
        .with_state(ingest)
}

async fn wrong_method() -> Response {
    plain(StatusCode::METHOD_NOT_ALLOWED, "OTLP wants POST")
}

async fn export(State(ingest): State<Ingest>, Path(signal): Path<String>, headers: HeaderMap, body: Body) -> Response {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
    let Ok(encoding) = Encoding::from_content_type(content_type) else {
        return plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, "want application/x-protobuf or application/json");
    };
    let Some(signal) = signal_of(&signal) else {
        return plain(StatusCode::NOT_FOUND, "not an OTLP signal, want /v1/traces or /v1/logs");
    };
    answer(&ingest, Some(signal), encoding, &headers, body).await
}

async fn export_untold(State(ingest): State<Ingest>, headers: HeaderMap, body: Body) -> Response {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
    match Encoding::from_content_type(content_type) {
        Ok(Encoding::Json) => answer(&ingest, None, Encoding::Json, &headers, body).await,
        _ => plain(StatusCode::NOT_FOUND, "not an OTLP path, want /v1/traces or /v1/logs"),
    }
}

async fn answer(
    ingest: &Ingest,
    signal: Option<answer::Signal>,
    encoding: Encoding,
    headers: &HeaderMap,
    body: Body,
) -> Response {
    match accept(ingest, signal, encoding, headers, body).await {
        Ok((signal, accepted)) => {
            let body = answer::success(signal, encoding, accepted.rejected, &accepted.message);
            answered(StatusCode::OK, encoding, body)
        }
        Err(refusal) => refused(encoding, &refusal),
    }
}

fn signal_of(name: &str) -> Option<answer::Signal> {
    match name {
        "traces" => Some(answer::Signal::Traces),
        "logs" => Some(answer::Signal::Logs),
        "metrics" => Some(answer::Signal::Metrics),
        _ => None,
    }
}

async fn accept(
    ingest: &Ingest,
    signal: Option<answer::Signal>,
    encoding: Encoding,
    headers: &HeaderMap,
    body: Body,
) -> Result<(answer::Signal, Accepted), Refusal> {
    let project = project_of(headers.get(PROJECT_HEADER).map(HeaderValue::as_bytes))?;
    let content_encoding = match headers.get(header::CONTENT_ENCODING) {
        None => ContentEncoding::Identity,
        Some(value) => ContentEncoding::parse(value.to_str().unwrap_or("?"))?,
    };
    let arriving = read_body(body, ingest.limits().max_request_bytes);
    let compressed = tokio::time::timeout(ingest.timeout(), arriving)
        .await
        .map_err(|_| Refusal::new(ErrorCode::Unavailable, "the request body did not arrive in time"))??;
    if signal == Some(answer::Signal::Metrics) {
        return Ok((answer::Signal::Metrics, metrics()));
    }
    let body = gleaner_wire::decompress(content_encoding, compressed, ingest.limits())?;
    let signal = signal.or_else(|| told_by(&body)).ok_or_else(|| {
        Refusal::new(ErrorCode::Invalid, "no OTLP request: want resourceSpans, resourceLogs or resourceMetrics first")
    })?;
    let accepted = match signal {
        answer::Signal::Traces => ingest.accept(Signal::Traces, encoding, project, body).await?,
        answer::Signal::Logs => ingest.accept(Signal::Logs, encoding, project, body).await?,
        answer::Signal::Metrics => metrics(),
    };
    Ok((signal, accepted))
}

fn metrics() -> Accepted {
    Accepted { rejected: 0, message: METRICS_WARNING.to_owned() }
}

/// The signal of a JSON request, by its first key.
fn told_by(body: &[u8]) -> Option<answer::Signal> {
    let inside = body.trim_ascii_start().strip_prefix(b"{")?.trim_ascii_start().strip_prefix(b"\"")?;
    let key = inside.split(|byte| *byte == b'"').next()?;
    match key {
        b"resourceSpans" | b"resource_spans" => Some(answer::Signal::Traces),
        b"resourceLogs" | b"resource_logs" => Some(answer::Signal::Logs),
        b"resourceMetrics" | b"resource_metrics" => Some(answer::Signal::Metrics),
        _ => None,
    }
}

async fn read_body(body: Body, max_bytes: usize) -> Result<Bytes, Refusal> {
    match Limited::new(body, max_bytes).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            Err(Refusal::new(ErrorCode::TooLarge, format!("request body is over the limit of {max_bytes} bytes")))
        }
        Err(_) => Err(Refusal::new(ErrorCode::Invalid, "the request body broke off")),
    }
}

fn refused(encoding: Encoding, refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.code.http()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let mut response = answered(status, encoding, status_body(encoding, refusal));
    if let Some(delay) = refusal.code.retry_after() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(delay.as_secs().max(1)));
    }
    response
}

fn answered(status: StatusCode, encoding: Encoding, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(encoding.content_type()));
    response
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
