//! Small telemetry in OTLP/JSON's spirit: spans and records by their attributes, derived as the loader would.

use gleaner_model::{DerivedTrace, Fragment, LogFragment, Span, SpanEvent, SpanFragment, SpanLink, StoredFragment};
use serde_json::{Map, Value, json};

pub(crate) const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// A span that can be told more of.
pub(crate) struct Sent(pub(crate) SpanFragment);

pub(crate) fn span(id: &str, parent: Option<&str>, at: (u64, u64), attributes: Value) -> Sent {
    Sent(SpanFragment {
        trace_id: TRACE.to_owned(),
        span_id: id.to_owned(),
        parent_span_id: parent.map(str::to_owned),
        name: id.to_owned(),
        start_time_unix_nano: at.0 * 1_000_000_000,
        end_time_unix_nano: at.1 * 1_000_000_000,
        attributes: object(attributes),
        ..SpanFragment::default()
    })
}

impl Sent {
    pub(crate) fn name(mut self, name: &str) -> Self {
        self.0.name = name.to_owned();
        self
    }

    pub(crate) fn trace(mut self, trace_id: &str) -> Self {
        self.0.trace_id = trace_id.to_owned();
        self
    }

    pub(crate) fn scope(mut self, scope: &str) -> Self {
        self.0.scope.name = scope.to_owned();
        self
    }

    pub(crate) fn resource(mut self, attributes: Value) -> Self {
        self.0.resource = object(attributes);
        self
    }

    pub(crate) fn event(mut self, name: &str, attributes: Value) -> Self {
        let time_unix_nano = self.0.start_time_unix_nano + self.0.events.len() as u64;
        self.0.events.push(SpanEvent { name: name.to_owned(), time_unix_nano, attributes: object(attributes) });
        self
    }

    pub(crate) fn link(mut self, span_id: &str) -> Self {
        self.0.links.push(SpanLink {
            trace_id: self.0.trace_id.clone(),
            span_id: span_id.to_owned(),
            ..SpanLink::default()
        });
        self
    }
}

/// A log record of a span, or of none.
pub(crate) fn record(span_id: Option<&str>, at: u64, event_name: &str, attributes: Value, body: Value) -> Fragment {
    Fragment::Log(Box::new(LogFragment {
        trace_id: span_id.map(|_| TRACE.to_owned()),
        span_id: span_id.map(str::to_owned),
        event_name: event_name.to_owned(),
        time_unix_nano: at * 1_000_000_000,
        observed_time_unix_nano: at * 1_000_000_000,
        attributes: object(attributes),
        body,
        ..LogFragment::default()
    }))
}

impl From<Sent> for Fragment {
    fn from(sent: Sent) -> Self {
        Self::Span(Box::new(sent.0))
    }
}

/// Every fragment in a request of its own.
pub(crate) fn derive(fragments: Vec<Fragment>) -> Vec<DerivedTrace> {
    let stored = |(position, fragment)| StoredFragment {
        project: "default".to_owned(),
        position,
        ordinal: 0,
        recorded_at_unix_nano: 1,
        fragment,
    };
    let stored: Vec<StoredFragment> = (1..).zip(fragments).map(stored).collect();
    gleaner_normalize::derive_unit("default", &stored)
}

/// The trace of spans that make one.
pub(crate) fn trace(spans: impl IntoIterator<Item = Sent>) -> DerivedTrace {
    let mut traces = derive(spans.into_iter().map(Fragment::from).collect());
    assert_eq!(traces.len(), 1, "one trace");
    traces.remove(0)
}

/// The row of a lone span.
pub(crate) fn alone(attributes: Value) -> Span {
    trace([span("only", None, (1, 2), attributes)]).spans.remove(0)
}

pub(crate) fn row<'a>(trace: &'a DerivedTrace, id: &str) -> &'a Span {
    trace.spans.iter().find(|span| span.span_id == id).unwrap_or_else(|| panic!("{id} is not derived"))
}

/// Model calls that are counted.
pub(crate) fn calls(trace: &DerivedTrace) -> Vec<&str> {
    let is_call = |span: &&Span| span.kind == gleaner_model::SpanKind::Llm && span.duplicate_of.is_none();
    trace.spans.iter().filter(is_call).map(|span| span.span_id.as_str()).collect()
}

pub(crate) fn chat(more: Value) -> Value {
    let mut attributes = object(json!({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}));
    attributes.extend(object(more));
    Value::Object(attributes)
}

/// Messages in OpenTelemetry's form, as JSON text.
pub(crate) fn said(messages: &[(&str, &str)]) -> Value {
    let message = |(role, text): &(&str, &str)| json!({"role": role, "parts": [{"type": "text", "content": text}]});
    json!(messages.iter().map(message).collect::<Value>().to_string())
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("no attributes: {other}"),
    }
}
