//! OTLP over gRPC (4317): takes the bytes of each request as they are and hands them to [`Ingest::accept`].
//!
//! A codec that does not decode lets the request be checked by a scan and journalled without building the message.
//! Metrics are accepted with a warning and not kept. tonic's answer to an oversized message is mended here.

use std::convert::Infallible;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, BufMut, Bytes};
use gleaner_wire::{Encoding, answer};
use http::{HeaderValue, Request, Response};
use tonic::Status;
use tonic::body::Body;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, NamedService, UnaryService};
use tower::Service;

use crate::ingest::{Ingest, PROJECT_HEADER, Signal, project_of};

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
            if request.uri().path().rsplit('/').next() != Some("Export") {
                return Ok(Status::unimplemented("OTLP has one method, Export").into_http());
            }
            let max_bytes = ingest.limits().max_request_bytes;
            let mut grpc = Grpc::new(RawCodec)
                .max_decoding_message_size(max_bytes)
                .accept_compressed(CompressionEncoding::Gzip)
                .accept_compressed(CompressionEncoding::Zstd);
            let response = grpc.unary(Export { ingest, signal: W::SIGNAL }, request).await;
            Ok(mend_oversize(response))
        })
    }
}

struct Export {
    ingest: Ingest,
    signal: Option<Signal>,
}

impl UnaryService<Bytes> for Export {
    type Response = Bytes;
    type Future = Pin<Box<dyn Future<Output = Result<tonic::Response<Bytes>, Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let (ingest, signal) = (self.ingest.clone(), self.signal);
        Box::pin(async move {
            let Some(signal) = signal else {
                let body = answer::success(answer::Signal::Metrics, Encoding::Protobuf, 0, METRICS_WARNING);
                return Ok(tonic::Response::new(body));
            };
            let header = request.metadata().get(PROJECT_HEADER).map(|v| v.as_encoded_bytes().to_vec());
            let project = project_of(header.as_deref()).map_err(|r| r.to_status())?;
            let accepted = ingest
                .accept(signal, Encoding::Protobuf, project, request.into_inner())
                .await
                .map_err(|r| r.to_status())?;
            let body = answer::success(signal.into(), Encoding::Protobuf, accepted.rejected, &accepted.message);
            Ok(tonic::Response::new(body))
        })
    }
}

/// tonic answers a message over the limit with OUT_OF_RANGE, which OTLP clients retry for ever. OTLP 1.11 wants
/// RESOURCE_EXHAUSTED, not retryable. Nothing of ours answers OUT_OF_RANGE, so the code alone tells.
fn mend_oversize(mut response: Response<Body>) -> Response<Body> {
    const OUT_OF_RANGE: &[u8] = b"11";
    if response.headers().get("grpc-status").is_some_and(|v| v.as_bytes() == OUT_OF_RANGE) {
        response.headers_mut().insert("grpc-status", HeaderValue::from_static("8"));
    }
    response
}

/// A codec of plain bytes: message framing and compression are tonic's, the message is left as it is.
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
