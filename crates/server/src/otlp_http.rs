//! OTLP over HTTP (4318): `/v1/traces`, `/v1/logs` (protobuf and JSON, gzip and zstd) and `/v1/metrics` (a warning).
//!
//! Some clients (Gemini CLI over HTTP, for one) post every signal to the bare endpoint: JSON tells there what it is by its first
//! key, while protobuf does not.
//!
//! Every answer has the content type of its request, errors too (OTLP/HTTP Response), 404 and 405 among them. Only where a request has
//! none of the two types there is no such answer, and it is plain text, as the Collector's. What is accepted is decided in
//! [`Ingest::accept`], as for gRPC.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use bytes::Bytes;
use gleaner_wire::{ContentEncoding, Encoding, answer};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use crate::error::{ErrorCode, Refusal, status_body};
use crate::ingest::{Accepted, Arrived, Ingest, PROJECT_HEADER, Signal, project_of};
use crate::metrics::Transport;
use crate::otlp_grpc::METRICS_WARNING;
use crate::receive::{Peer, decompressed, drain, http_body, in_time};

/// Answers below this are not compressed: gzip's own 20 bytes and the time cost more than is saved.
const MIN_GZIP_BYTES: usize = 256;

/// A body that was refused is read on for so many times the largest request, so that its client gets to read why.
const DRAINED_REQUESTS: usize = 4;

/// The routes of OTLP over HTTP.
pub(crate) fn routes(ingest: Ingest) -> Router {
    Router::new().fallback(any(answer)).with_state(ingest)
}

async fn answer(State(ingest): State<Ingest>, request: Request) -> Response {
    let (parts, mut body) = request.into_parts();
    let encoding = encoding(&parts.headers);
    let result = match (encoding, route(&parts.method, parts.uri.path(), encoding)) {
        (_, Err(refusal)) => Err(refusal),
        (None, Ok(_)) => Err(Refusal::new(
            ErrorCode::UnsupportedMediaType,
            "want content-type application/x-protobuf or application/json",
        )),
        (Some(encoding), Ok(route)) => {
            let peer = parts.extensions.get::<Peer>();
            accept(&ingest, route, encoding, &parts.headers, peer, &mut body).await
        }
    };
    let gzip = accepts_gzip(&parts.headers);
    match result {
        Ok((signal, accepted)) => {
            let encoding = encoding.unwrap_or(Encoding::Protobuf);
            let body = answer::success(signal, encoding, accepted.rejected, &accepted.message);
            answered(StatusCode::OK, encoding.content_type(), body, gzip)
        }
        Err(refusal) => {
            ingest.metrics().refused(Transport::http, refusal.code);
            // Who waits for our word before sending the body reads it first.
            if !parts.headers.contains_key(header::EXPECT) {
                drain(body, DRAINED_REQUESTS * ingest.limits().max_request_bytes, ingest.timeout());
            }
            refused(encoding, &refusal, gzip)
        }
    }
}

/// `None`: a media type that is not OTLP's, or none.
fn encoding(headers: &HeaderMap) -> Option<Encoding> {
    let content_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Encoding::from_content_type(content_type).ok()
}

/// What a path asks for.
#[derive(Debug, Clone, Copy)]
enum Route {
    Signal(answer::Signal),
    /// The bare endpoint: the body tells.
    Untold,
}

fn route(method: &Method, path: &str, encoding: Option<Encoding>) -> Result<Route, Refusal> {
    let route = match path {
        "/v1/traces" => Route::Signal(answer::Signal::Traces),
        "/v1/logs" => Route::Signal(answer::Signal::Logs),
        "/v1/metrics" => Route::Signal(answer::Signal::Metrics),
        "/" if encoding == Some(Encoding::Json) => Route::Untold,
        _ => return Err(Refusal::new(ErrorCode::NotFound, "not an OTLP path, want /v1/traces or /v1/logs")),
    };
    if method != Method::POST {
        return Err(Refusal::new(ErrorCode::MethodNotAllowed, "OTLP wants POST"));
    }
    Ok(route)
}

async fn accept(
    ingest: &Ingest,
    route: Route,
    encoding: Encoding,
    headers: &HeaderMap,
    peer: Option<&Peer>,
    body: &mut Body,
) -> Result<(answer::Signal, Accepted), Refusal> {
    let project = project_of(headers.get(PROJECT_HEADER).map(HeaderValue::as_bytes))?;
    let content_encoding = match headers.get(header::CONTENT_ENCODING) {
        None => ContentEncoding::Identity,
        Some(value) => ContentEncoding::parse(value.to_str().unwrap_or("?"))?,
    };
    let limits = ingest.limits();
    let mut held = ingest.admit(peer)?;
    let compressed = in_time(ingest.timeout(), http_body(body, limits, &mut held)).await?;
    if let Route::Signal(answer::Signal::Metrics) = route {
        return Ok((answer::Signal::Metrics, metrics()));
    }
    let received = decompressed(content_encoding, compressed, limits, held).await?;
    let signal = match route {
        Route::Signal(signal) => signal,
        Route::Untold => told_by(&received.body).ok_or_else(|| {
            Refusal::new(
                ErrorCode::Invalid,
                "no OTLP request: want resourceSpans, resourceLogs or resourceMetrics first",
            )
        })?,
    };
    let kept = match signal {
        answer::Signal::Traces => Signal::Traces,
        answer::Signal::Logs => Signal::Logs,
        answer::Signal::Metrics => return Ok((signal, metrics())),
    };
    let arrived = Arrived { transport: Transport::http, signal: kept, encoding, project, received };
    Ok((signal, ingest.accept(arrived).await?))
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

/// Whether gzip is among what the client takes; a quality of 0 takes it out.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let listed = headers.get_all(header::ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
    listed.flat_map(|list| list.split(',')).any(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let quality = parts.find_map(|part| part.strip_prefix("q=")).and_then(|q| q.parse::<f32>().ok());
        named && quality.is_none_or(|q| q > 0.0)
    })
}

fn refused(encoding: Option<Encoding>, refusal: &Refusal, gzip: bool) -> Response {
    let status = StatusCode::from_u16(refusal.code.http()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let mut response = match encoding {
        Some(encoding) => answered(status, encoding.content_type(), status_body(encoding, refusal), gzip),
        None => answered(status, "text/plain; charset=utf-8", Bytes::from(refusal.message.clone()), false),
    };
    if let Some(delay) = refusal.code.retry_after() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(delay.as_secs().max(1)));
    }
    if refusal.code == ErrorCode::MethodNotAllowed {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    }
    response
}

fn answered(status: StatusCode, content_type: &'static str, body: Bytes, gzip: bool) -> Response {
    let compressed = (gzip && body.len() >= MIN_GZIP_BYTES).then(|| gleaner_wire::gzip(&body)).flatten();
    let is_compressed = compressed.is_some();
    let mut response = Response::new(Body::from(compressed.unwrap_or(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if is_compressed {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}
