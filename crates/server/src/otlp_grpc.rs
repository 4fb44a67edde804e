//! OTLP over gRPC (4317): takes the bytes of each request as they are and hands them to [`Ingest::accept`].
//!
//! The framing of a unary call is read here and not by tonic: so the length of a message is judged before anything is allocated for it,
//! its bytes count against the budgets while they arrive, decompression is the one that HTTP has, and an oversized message is
//! RESOURCE_EXHAUSTED (tonic says OUT_OF_RANGE, which OTLP clients retry for ever). Statuses, health and routing are tonic's.
//! Metrics are accepted with a warning and not kept.

use std::convert::Infallible;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use gleaner_wire::{ContentEncoding, Encoding, answer};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full};
use tonic::Status;
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::NamedService;
use tower::Service;

use crate::error::{ErrorCode, Refusal};
use crate::ingest::{Arrived, Ingest, PROJECT_HEADER, Signal, project_of};
use crate::metrics::Transport;
use crate::receive::{Peer, decompressed, grpc_message, in_time};

const GRPC_ENCODING: &str = "grpc-encoding";
const GRPC_ACCEPT_ENCODING: &str = "grpc-accept-encoding";
/// Codecs of messages that are taken.
const ACCEPTED_ENCODINGS: &str = "identity,gzip,zstd";

/// Marks which of OTLP's services this is.
pub(crate) trait Which: Clone + Send + Sync + 'static {
    /// Full name of the service.
    const NAME: &'static str;
    /// What it carries; `None`: accepted with a warning, not kept.
    const SIGNAL: Option<Signal>;
}

/// `opentelemetry.proto.collector.trace.v1.TraceService`
#[derive(Clone)]
pub(crate) struct Traces;
impl Which for Traces {
    const NAME: &'static str = "opentelemetry.proto.collector.trace.v1.TraceService";
    const SIGNAL: Option<Signal> = Some(Signal::Traces);
}

/// `opentelemetry.proto.collector.logs.v1.LogsService`
#[derive(Clone)]
pub(crate) struct Logs;
impl Which for Logs {
    const NAME: &'static str = "opentelemetry.proto.collector.logs.v1.LogsService";
    const SIGNAL: Option<Signal> = Some(Signal::Logs);
}

/// `opentelemetry.proto.collector.metrics.v1.MetricsService`
#[derive(Clone)]
pub(crate) struct Metrics;
impl Which for Metrics {
    const NAME: &'static str = "opentelemetry.proto.collector.metrics.v1.MetricsService";
    const SIGNAL: Option<Signal> = None;
}

/// What a metrics client is told.
pub(crate) const METRICS_WARNING: &str = "metrics are not kept; point only traces and logs here";

/// One OTLP export service.
#[derive(Clone)]
pub(crate) struct ExportService<W> {
    ingest: Ingest,
    which: PhantomData<W>,
}

impl<W: Which> ExportService<W> {
    /// A service that hands its requests to `ingest`.
    pub(crate) fn new(ingest: Ingest) -> Self {
        Self { ingest, which: PhantomData }
    }
}

impl<W: Which> NamedService for ExportService<W> {
    const NAME: &'static str = W::NAME;
}

impl<W: Which> Service<Request<Body>> for ExportService<W> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let ingest = self.ingest.clone();
        Box::pin(async move {
            Ok(match export(&ingest, W::SIGNAL, request).await {
                Ok(message) => answered(&message),
                Err(Failure::Refused(refusal)) => {
                    ingest.metrics().refused(Transport::grpc, refusal.code);
                    refusal.to_status().into_http()
                }
                Err(Failure::Protocol(response)) => *response,
            })
        })
    }
}

/// Why a request has no success for an answer.
enum Failure {
    Refused(Refusal),
    /// What gRPC itself says of a request that is not its own.
    Protocol(Box<Response<Body>>),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

async fn export(ingest: &Ingest, signal: Option<Signal>, request: Request<Body>) -> Result<Bytes, Failure> {
    check_protocol(&request)?;
    let (parts, body) = request.into_parts();
    let project = project_of(parts.headers.get(PROJECT_HEADER).map(HeaderValue::as_bytes))?;
    let message_encoding = message_encoding(&parts.headers)?;
    let mut held = ingest.admit(parts.extensions.get::<Peer>())?;
    let limits = ingest.limits();
    let mut body = axum::body::Body::new(body);
    let (compressed, message) = in_time(ingest.timeout(), grpc_message(&mut body, limits, &mut held)).await?;
    let Some(signal) = signal else {
        return Ok(answer::success(answer::Signal::Metrics, Encoding::Protobuf, 0, METRICS_WARNING));
    };
    let encoding = match (compressed, message_encoding) {
        (false, _) => ContentEncoding::Identity,
        (true, ContentEncoding::Identity) => {
            return Err(
                Refusal::new(ErrorCode::Invalid, "a message is compressed, but grpc-encoding names no codec").into()
            );
        }
        (true, encoding) => encoding,
    };
    let received = decompressed(encoding, message, limits, held).await?;
    let arrived = Arrived { transport: Transport::grpc, signal, encoding: Encoding::Protobuf, project, received };
    let accepted = ingest.accept(arrived).await?;
    Ok(answer::success(signal.into(), Encoding::Protobuf, accepted.rejected, &accepted.message))
}

/// gRPC over HTTP/2: POST, `application/grpc`, and the one method that OTLP has.
fn check_protocol(request: &Request<Body>) -> Result<(), Failure> {
    let content_type = request.headers().get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    if request.method() != http::Method::POST || !content_type.starts_with(b"application/grpc") {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = http::StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(Failure::Protocol(Box::new(response)));
    }
    if request.uri().path().rsplit('/').next() != Some("Export") {
        return Err(Refusal::new(ErrorCode::NotFound, "OTLP has one method, Export").into());
    }
    Ok(())
}

/// How messages are compressed, if they are. gRPC asks for UNIMPLEMENTED and the list of what is known otherwise.
fn message_encoding(headers: &HeaderMap) -> Result<ContentEncoding, Failure> {
    let Some(header) = headers.get(GRPC_ENCODING) else { return Ok(ContentEncoding::Identity) };
    header.to_str().ok().and_then(|name| ContentEncoding::parse(name).ok()).ok_or_else(|| {
        let mut response =
            Status::unimplemented("grpc-encoding is not served, want gzip, zstd or identity").into_http();
        response.headers_mut().insert(GRPC_ACCEPT_ENCODING, HeaderValue::from_static(ACCEPTED_ENCODINGS));
        Failure::Protocol(Box::new(response))
    })
}

/// One message and the status OK. An answer is too small for compression to pay.
fn answered(message: &Bytes) -> Response<Body> {
    let mut framed = BytesMut::with_capacity(5 + message.len());
    framed.put_u8(0);
    // An answer is at most a few KiB: `answer::MAX_MESSAGE_BYTES`.
    framed.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    framed.put_slice(message);
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let body = Full::new(framed.freeze()).with_trailers(std::future::ready(Some(Ok(trailers))));
    let mut response = Response::new(Body::new(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response.headers_mut().insert(GRPC_ACCEPT_ENCODING, HeaderValue::from_static(ACCEPTED_ENCODINGS));
    response
}

/// A codec of plain bytes for tonic's clients: the message is left as it is.
#[derive(Clone, Copy, Default)]
pub struct RawCodec;

impl Codec for RawCodec {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, dst: &mut EncodeBuf<'_>) -> Result<(), Status> {
        dst.put(item);
        Ok(())
    }
}

impl Decoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, src: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(src.copy_to_bytes(src.remaining())))
    }
}
