//! OTLP messages to fragments: a translation that loses nothing and judges nothing.
//!
//! Spans with ids of a wrong length or all zero are left out: they were counted and refused when they were received. Such
//! ids on a log record are ignored, and so are they as a parent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gleaner_model::{Fragment, LogFragment, ScopeInfo, SpanEvent, SpanFragment, SpanLink};
use gleaner_wire::proto::collector::logs::v1::ExportLogsServiceRequest;
use gleaner_wire::proto::collector::trace::v1::ExportTraceServiceRequest;
use gleaner_wire::proto::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use gleaner_wire::proto::logs::v1::LogRecord;
use gleaner_wire::proto::resource::v1::Resource;
use gleaner_wire::proto::trace::v1::Span;
use serde_json::{Map, Value, json};

/// Lengths of the ids in bytes.
const TRACE_ID_BYTES: usize = 16;
const SPAN_ID_BYTES: usize = 8;

/// The spans of a request, in the order sent.
pub fn decode_traces(request: ExportTraceServiceRequest) -> Vec<Fragment> {
    let mut fragments = Vec::new();
    for resource_spans in request.resource_spans {
        let resource = resource_attributes(resource_spans.resource);
        for scope_spans in resource_spans.scope_spans {
            let scope = scope_info(scope_spans.scope, scope_spans.schema_url);
            for span in scope_spans.spans {
                let (Some(trace_id), Some(span_id)) =
                    (id(&span.trace_id, TRACE_ID_BYTES), id(&span.span_id, SPAN_ID_BYTES))
                else {
                    continue;
                };
                let mut fragment = span_fragment(span, trace_id, span_id);
                fragment.resource.clone_from(&resource);
                fragment.resource_schema_url.clone_from(&resource_spans.schema_url);
                fragment.scope.clone_from(&scope);
                fragments.push(Fragment::Span(Box::new(fragment)));
            }
        }
    }
    fragments
}

/// The log records of a request, in the order sent.
pub fn decode_logs(request: ExportLogsServiceRequest) -> Vec<Fragment> {
    let mut fragments = Vec::new();
    for resource_logs in request.resource_logs {
        let resource = resource_attributes(resource_logs.resource);
        for scope_logs in resource_logs.scope_logs {
            let scope = scope_info(scope_logs.scope, scope_logs.schema_url);
            for record in scope_logs.log_records {
                let mut fragment = log_fragment(record);
                fragment.resource.clone_from(&resource);
                fragment.scope.clone_from(&scope);
                fragments.push(Fragment::Log(Box::new(fragment)));
            }
        }
    }
    fragments
}

fn span_fragment(span: Span, trace_id: String, span_id: String) -> SpanFragment {
    let status = span.status.unwrap_or_default();
    SpanFragment {
        trace_id,
        span_id,
        parent_span_id: id(&span.parent_span_id, SPAN_ID_BYTES),
        trace_state: span.trace_state,
        flags: span.flags,
        name: span.name,
        kind: span.kind,
        start_time_unix_nano: span.start_time_unix_nano,
        end_time_unix_nano: span.end_time_unix_nano,
        status_code: status.code,
        status_message: status.message,
        attributes: attributes(span.attributes),
        events: span
            .events
            .into_iter()
            .map(|event| SpanEvent {
                name: event.name,
                time_unix_nano: event.time_unix_nano,
                attributes: attributes(event.attributes),
            })
            .collect(),
        links: span
            .links
            .into_iter()
            .map(|link| SpanLink {
                trace_id: hex::encode(link.trace_id),
                span_id: hex::encode(link.span_id),
                attributes: attributes(link.attributes),
            })
            .collect(),
        dropped_counts: [span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count],
        ..SpanFragment::default()
    }
}

fn log_fragment(record: LogRecord) -> LogFragment {
    let attributes = attributes(record.attributes);
    // LiteLLM spells it with an underscore.
    let named = ["event.name", "event_name"].iter().find_map(|key| attributes.get(*key)?.as_str()).unwrap_or_default();
    let event_name = if record.event_name.is_empty() { named.to_owned() } else { record.event_name };
    let trace_id = id(&record.trace_id, TRACE_ID_BYTES);
    LogFragment {
        // A span id without a trace names nothing.
        span_id: trace_id.as_ref().and_then(|_| id(&record.span_id, SPAN_ID_BYTES)),
        trace_id,
        event_name,
        time_unix_nano: record.time_unix_nano,
        observed_time_unix_nano: record.observed_time_unix_nano,
        severity_number: record.severity_number,
        severity_text: record.severity_text,
        body: record.body.map(any_value).unwrap_or_default(),
        attributes,
        ..LogFragment::default()
    }
}

fn resource_attributes(resource: Option<Resource>) -> Map<String, Value> {
    attributes(resource.unwrap_or_default().attributes)
}

fn scope_info(scope: Option<InstrumentationScope>, schema_url: String) -> ScopeInfo {
    let scope = scope.unwrap_or_default();
    ScopeInfo { name: scope.name, version: scope.version, attributes: attributes(scope.attributes), schema_url }
}

/// Hex of an id; `None` where the length is wrong or all bytes are zero.
fn id(bytes: &[u8], length: usize) -> Option<String> {
    (bytes.len() == length && bytes.iter().any(|byte| *byte != 0)).then(|| hex::encode(bytes))
}

fn attributes(pairs: Vec<KeyValue>) -> Map<String, Value> {
    pairs.into_iter().map(|pair| (pair.key, pair.value.map(any_value).unwrap_or_default())).collect()
}

fn any_value(value: AnyValue) -> Value {
    match value.value {
        None => Value::Null,
        Some(any_value::Value::StringValue(text)) => Value::String(text),
        Some(any_value::Value::BoolValue(flag)) => Value::Bool(flag),
        Some(any_value::Value::IntValue(number)) => json!(number),
        Some(any_value::Value::DoubleValue(number)) => double(number),
        Some(any_value::Value::ArrayValue(list)) => list.values.into_iter().map(any_value).collect(),
        Some(any_value::Value::KvlistValue(list)) => Value::Object(attributes(list.values)),
        Some(any_value::Value::BytesValue(bytes)) => json!({"$bytes": STANDARD.encode(bytes)}),
        // An index into a table that only profiles carry.
        Some(_) => Value::Null,
    }
}

fn double(number: f64) -> Value {
    match number {
        n if n.is_finite() => json!(n),
        n if n.is_nan() => json!({"$double": "NaN"}),
        n if n > 0.0 => json!({"$double": "Infinity"}),
        _ => json!({"$double": "-Infinity"}),
    }
}

#[cfg(test)]
mod tests;
