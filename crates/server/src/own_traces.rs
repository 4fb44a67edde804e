//! Traces of this program's own work, through OpenTelemetry: receive → journal append → load → commit → checkpoint; queries and exports.
//!
//! Off by default, and then nothing is recorded: every call here looks at one `Option`. Nothing global is set, so that servers in one process do not
//! mix, and no event of the log becomes part of a span: what a span says is named here and there by hand, and is numbers and words of ours,
//! never a payload, a query's text or a path.
//!
//! Invariants: recording never waits. A span that is ended goes into a queue of fixed length; where that is full it is dropped, and counted. An
//! endpoint that is one of this server's own listeners is refused at the start: each export would be a reason for the next.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context as _;
use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanKind, Status, TraceContextExt as _, Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider, Span as SdkSpan, SpanData, SpanProcessor};
use prost::Message as _;
use tokio::sync::mpsc;
use tonic::transport::{Channel, Endpoint};

use crate::config;
use crate::metrics::{Metrics, OwnSpans};
use crate::otlp_grpc::RawCodec;

/// How often a receiver that takes nothing is told of: what cannot be reached mostly cannot be for long.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// Records spans, or does nothing. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct OwnTraces(Option<Arc<Recorder>>);

struct Recorder {
    tracer: SdkTracer,
    /// Ends with the last clone: whoever exports then has all there is.
    _provider: SdkTracerProvider,
}

/// A span under way; it ends when it is dropped. Does nothing where it is not recorded.
#[derive(Default)]
pub(crate) struct OwnSpan(Option<(SdkSpan, Arc<Recorder>)>);

impl OwnTraces {
    /// What is configured, and what is to be run to send it.
    ///
    /// # Errors
    /// When the endpoint cannot be used, or is one of `listeners`.
    pub(crate) fn new(
        config: &config::OwnTraces,
        listeners: &[SocketAddr],
        metrics: Metrics,
    ) -> anyhow::Result<(Self, Option<Exporting>)> {
        if config.endpoint.is_empty() {
            return Ok((Self::default(), None));
        }
        refuse_own_listeners(&config.endpoint, listeners)?;
        let endpoint = Endpoint::from_shared(config.endpoint.clone()).context("own_traces.endpoint")?;
        let (queue, queued) = mpsc::channel(config.max_queue_spans);
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource = Resource::builder_empty().with_service_name("gleaner").with_attribute(version).build();
        let provider = SdkTracerProvider::builder()
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(config.sampling_ratio))))
            .with_resource(resource.clone())
            .with_span_processor(Queue { queue, metrics: metrics.clone() })
            .build();
        let tracer = provider.tracer("gleaner");
        let recorder = Recorder { tracer, _provider: provider };
        Ok((
            Self(Some(Arc::new(recorder))),
            Some(Exporting { config: config.clone(), endpoint, resource, queued, metrics }),
        ))
    }

    /// A span without a parent, which is recorded if it is one of the sample.
    pub(crate) fn begin(&self, name: &'static str, kind: SpanKind) -> OwnSpan {
        let Some(recorder) = &self.0 else { return OwnSpan::default() };
        recorder.begin(SpanBuilder::from_name(name).with_kind(kind), &Context::new())
    }

    /// A span for loading the records after `from` up to `to`: the appends between them are its requests.
    pub(crate) fn begin_load(&self, from: u64, to: u64) -> OwnSpan {
        let mut span = self.begin("load", SpanKind::Internal);
        span.set("gleaner.journal.from", from);
        span.set("gleaner.journal.to", to);
        span
    }
}

impl Recorder {
    fn begin(self: &Arc<Self>, builder: SpanBuilder, parent: &Context) -> OwnSpan {
        let span = self.tracer.build_with_context(builder, parent);
        OwnSpan(span.is_recording().then(|| (span, self.clone())))
    }
}

impl OwnSpan {
    /// A number or a word of ours.
    pub(crate) fn set<T: OwnValue>(&mut self, key: &'static str, value: T) {
        if let Some((span, _)) = &mut self.0 {
            span.set_attribute(KeyValue::new(key, value.into_value()));
        }
    }

    /// It did not work; `reason` is a code of ours, such as the label of a counter.
    pub(crate) fn fail(&mut self, reason: &'static str) {
        if let Some((span, _)) = &mut self.0 {
            span.set_status(Status::error(reason));
            span.set_attribute(KeyValue::new("error.type", reason));
        }
    }

    /// A part of it.
    pub(crate) fn child(&self, name: &'static str) -> OwnSpan {
        let Some((span, recorder)) = &self.0 else { return Self::default() };
        let parent = Context::new().with_remote_span_context(span.span_context().clone());
        recorder.begin(SpanBuilder::from_name(name), &parent)
    }

    /// A part of it that began then and took so long.
    pub(crate) fn past_child(&self, name: &'static str, began: SystemTime, took: Duration) {
        let Some((span, recorder)) = &self.0 else { return };
        let parent = Context::new().with_remote_span_context(span.span_context().clone());
        let child = recorder.begin(SpanBuilder::from_name(name).with_start_time(began), &parent);
        if let Some((mut child, _)) = child.0 {
            child.end_with_timestamp(began + took);
        }
    }
}

/// What spans may say: so no text that came from elsewhere gets in by accident.
pub(crate) trait OwnValue {
    fn into_value(self) -> Value;
}

impl OwnValue for u64 {
    fn into_value(self) -> Value {
        Value::I64(i64::try_from(self).unwrap_or(i64::MAX))
    }
}

impl OwnValue for usize {
    fn into_value(self) -> Value {
        (self as u64).into_value()
    }
}

impl OwnValue for bool {
    fn into_value(self) -> Value {
        Value::Bool(self)
    }
}

impl OwnValue for &'static str {
    fn into_value(self) -> Value {
        Value::String(self.into())
    }
}

/// Where ended spans wait.
struct Queue {
    queue: mpsc::Sender<SpanData>,
    metrics: Metrics,
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").finish_non_exhaustive()
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut SdkSpan, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.queue.try_send(span).is_err() {
            self.metrics.own_spans(OwnSpans::dropped, 1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// Sends what is recorded, batch by batch.
pub(crate) struct Exporting {
    config: config::OwnTraces,
    endpoint: Endpoint,
    resource: Resource,
    queued: mpsc::Receiver<SpanData>,
    metrics: Metrics,
}

impl Exporting {
    /// Ends when nobody records any more.
    pub(crate) async fn run(mut self) {
        let resource = ResourceAttributesWithSchema::from(&self.resource);
        let timeout = Duration::from_millis(self.config.timeout_ms);
        // Connects when there is something to send, and again after it was lost.
        let channel = self.endpoint.clone().connect_timeout(timeout).connect_lazy();
        let mut told_at: Option<Instant> = None;
        let mut batch = Vec::new();
        while self.queued.recv_many(&mut batch, self.config.max_batch_spans).await > 0 {
            let spans = batch.len() as u64;
            let resource_spans = group_spans_by_resource_and_scope(std::mem::take(&mut batch), &resource);
            match tokio::time::timeout(timeout, export(&channel, resource_spans)).await {
                Ok(Ok(())) => self.metrics.own_spans(OwnSpans::exported, spans),
                failed => {
                    self.metrics.own_spans(OwnSpans::failed, spans);
                    if told_at.is_none_or(|at| at.elapsed() > TOLD_EVERY) {
                        told_at = Some(Instant::now());
                        let error = failed.map_or_else(|_| "no answer in time".to_owned(), |sent| format!("{sent:?}"));
                        tracing::warn!(error, spans, "own traces could not be sent, and are dropped");
                    }
                }
            }
            // Spans that end within a moment go together.
            tokio::time::sleep(Duration::from_millis(self.config.interval_ms)).await;
        }
    }
}

/// One request, not tried again: a trace that is lost is a trace less.
async fn export(
    channel: &Channel,
    resource_spans: Vec<opentelemetry_proto::tonic::trace::v1::ResourceSpans>,
) -> Result<(), tonic::Status> {
    let body = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
    let mut grpc = tonic::client::Grpc::new(channel.clone());
    grpc.ready().await.map_err(|error| tonic::Status::unavailable(error.to_string()))?;
    let path = http::uri::PathAndQuery::from_static("/opentelemetry.proto.collector.trace.v1.TraceService/Export");
    grpc.unary(tonic::Request::new(bytes::Bytes::from(body)), path, RawCodec).await.map(|_| ())
}

/// # Errors
/// When an endpoint is no `http://host:port`, or leads to one of these listeners.
fn refuse_own_listeners(endpoint: &str, listeners: &[SocketAddr]) -> anyhow::Result<()> {
    let uri: http::Uri = endpoint.parse().with_context(|| format!("own_traces.endpoint is {endpoint:?}"))?;
    let (Some("http"), Some(host)) = (uri.scheme_str(), uri.host()) else {
        anyhow::bail!("own_traces.endpoint is {endpoint:?}, must be http://HOST:PORT of an OTLP receiver over gRPC");
    };
    let (host, port) = (host.trim_start_matches('[').trim_end_matches(']'), uri.port_u16().unwrap_or(80));
    // A name that cannot be looked up now may be one later: the port then decides by itself, which is stricter.
    let addresses: Option<Vec<IpAddr>> = std::net::ToSocketAddrs::to_socket_addrs(&(host, port))
        .ok()
        .map(|found| found.map(|found| found.ip()).collect());
    for listener in listeners.iter().filter(|listener| listener.port() == port) {
        let leads_here = addresses.as_ref().is_none_or(|addresses| {
            addresses.iter().any(|ip| {
                *ip == listener.ip()
                    || ip.is_unspecified()
                    || (listener.ip().is_unspecified() && is_of_this_machine(*ip))
            })
        });
        anyhow::ensure!(
            !leads_here,
            "own_traces.endpoint is {endpoint:?}, which is this server itself ({listener}): each export would be a reason for the next"
        );
    }
    Ok(())
}

/// Only addresses of the machine can be bound.
fn is_of_this_machine(ip: IpAddr) -> bool {
    std::net::UdpSocket::bind((ip, 0)).is_ok()
}

#[cfg(test)]
mod tests;
