//! For tests only: arbitrary OTLP messages, and a plain writer of OTLP/JSON to read back.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::proto::collector::logs::v1::ExportLogsServiceRequest;
use crate::proto::collector::trace::v1::ExportTraceServiceRequest;
use crate::proto::common::v1::any_value::Value;
use crate::proto::common::v1::{AnyValue, ArrayValue, EntityRef, InstrumentationScope, KeyValue, KeyValueList};
use crate::proto::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use crate::proto::resource::v1::Resource;
use crate::proto::trace::v1::span::{Event, Link};
use crate::proto::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), ".{0,12}", "[a-z.\\\\\"\u{0}\u{1f}\u{10000}é]{1,8}"]
}

/// Now and then a length that is wrong.
fn id(bytes: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![4 => vec(any::<u8>(), bytes), 1 => Just(vec![0; bytes]), 1 => vec(any::<u8>(), 0..20)]
}

/// No NaN, which equals nothing; the fixtures have it.
fn double() -> impl Strategy<Value = f64> {
    use proptest::num::f64::{INFINITE, NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO | INFINITE
}

pub(crate) fn value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        Just(None),
        text().prop_map(|text| Some(Value::StringValue(text))),
        any::<bool>().prop_map(|truth| Some(Value::BoolValue(truth))),
        any::<i64>().prop_map(|integer| Some(Value::IntValue(integer))),
        double().prop_map(|double| Some(Value::DoubleValue(double))),
        vec(any::<u8>(), 0..6).prop_map(|bytes| Some(Value::BytesValue(bytes))),
        any::<i32>().prop_map(|index| Some(Value::StringValueStrindex(index))),
    ]
    .prop_map(|value| AnyValue { value });
    leaf.prop_recursive(4, 12, 3, |inner| {
        let pair =
            (text(), option::of(inner.clone())).prop_map(|(key, value)| KeyValue { key, value, key_strindex: 0 });
        prop_oneof![
            vec(inner, 0..3).prop_map(|values| Value::ArrayValue(ArrayValue { values })),
            vec(pair, 0..3).prop_map(|values| Value::KvlistValue(KeyValueList { values })),
        ]
        .prop_map(|value| AnyValue { value: Some(value) })
    })
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let pair = (text(), option::of(value()), any::<i32>());
    vec(pair.prop_map(|(key, value, key_strindex)| KeyValue { key, value, key_strindex }), 0..3)
}

fn resource() -> impl Strategy<Value = Resource> {
    let entity = (text(), text(), vec(text(), 0..3), vec(text(), 0..2)).prop_map(|(schema_url, r#type, ids, texts)| {
        EntityRef { schema_url, r#type, id_keys: ids, description_keys: texts }
    });
    (attributes(), any::<u32>(), vec(entity, 0..2)).prop_map(|(attributes, dropped_attributes_count, entity_refs)| {
        Resource { attributes, dropped_attributes_count, entity_refs }
    })
}

fn scope() -> impl Strategy<Value = InstrumentationScope> {
    (text(), text(), attributes(), any::<u32>()).prop_map(|(name, version, attributes, dropped_attributes_count)| {
        InstrumentationScope { name, version, attributes, dropped_attributes_count }
    })
}

prop_compose! {
    fn event()(time_unix_nano: u64, name in text(), attributes in attributes(), dropped_attributes_count: u32) -> Event {
        Event { time_unix_nano, name, attributes, dropped_attributes_count }
    }
}

prop_compose! {
    fn link()(
        trace_id in id(16), span_id in id(8), trace_state in text(), attributes in attributes(),
        dropped_attributes_count: u32, flags: u32,
    ) -> Link {
        Link { trace_id, span_id, trace_state, attributes, dropped_attributes_count, flags }
    }
}

prop_compose! {
    fn span()(
        (trace_id, span_id, parent_span_id) in (id(16), id(8), id(8)),
        (trace_state, name, message) in (text(), text(), text()),
        (kind, code, flags) in any::<(i32, i32, u32)>(),
        (start_time_unix_nano, end_time_unix_nano) in any::<(u64, u64)>(),
        (attributes, events, links) in (attributes(), vec(event(), 0..2), vec(link(), 0..2)),
        (dropped_attributes_count, dropped_events_count, dropped_links_count) in any::<(u32, u32, u32)>(),
        has_status: bool,
    ) -> Span {
        let status = has_status.then_some(Status { message, code });
        Span {
            trace_id, span_id, trace_state, parent_span_id, flags, name, kind, start_time_unix_nano,
            end_time_unix_nano, attributes, dropped_attributes_count, events, dropped_events_count, links,
            dropped_links_count, status,
        }
    }
}

prop_compose! {
    fn log_record()(
        (trace_id, span_id) in (id(16), id(8)),
        (severity_text, event_name) in (text(), text()),
        (time_unix_nano, observed_time_unix_nano) in any::<(u64, u64)>(),
        (severity_number, dropped_attributes_count, flags) in any::<(i32, u32, u32)>(),
        body in option::of(value()), attributes in attributes(),
    ) -> LogRecord {
        LogRecord {
            time_unix_nano, observed_time_unix_nano, severity_number, severity_text, body, attributes,
            dropped_attributes_count, flags, trace_id, span_id, event_name,
        }
    }
}

pub(crate) fn traces() -> impl Strategy<Value = ExportTraceServiceRequest> {
    let scoped = (option::of(scope()), vec(span(), 0..3), text()).prop_map(|(scope, spans, schema_url)| ScopeSpans {
        scope,
        spans,
        schema_url,
    });
    let of_resource = (option::of(resource()), vec(scoped, 0..3), text())
        .prop_map(|(resource, scope_spans, schema_url)| ResourceSpans { resource, scope_spans, schema_url });
    vec(of_resource, 0..3).prop_map(|resource_spans| ExportTraceServiceRequest { resource_spans })
}

pub(crate) fn logs() -> impl Strategy<Value = ExportLogsServiceRequest> {
    let scoped = (option::of(scope()), vec(log_record(), 0..3), text())
        .prop_map(|(scope, log_records, schema_url)| ScopeLogs { scope, log_records, schema_url });
    let of_resource = (option::of(resource()), vec(scoped, 0..3), text())
        .prop_map(|(resource, scope_logs, schema_url)| ResourceLogs { resource, scope_logs, schema_url });
    vec(of_resource, 0..3).prop_map(|resource_logs| ExportLogsServiceRequest { resource_logs })
}

/// A request with one span, whose ids are good.
pub(crate) fn one_span(attributes: Vec<KeyValue>) -> ExportTraceServiceRequest {
    let span = Span { trace_id: vec![1; 16], span_id: vec![2; 8], attributes, ..Span::default() };
    let scope_spans = vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }];
    ExportTraceServiceRequest { resource_spans: vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }] }
}

/// A value nested in lists of key-values: level 1 is a plain value.
pub(crate) fn nested_in_lists_of_pairs(levels: u32) -> AnyValue {
    (1..levels).fold(AnyValue { value: Some(Value::BoolValue(true)) }, |inner, _| {
        let pair = KeyValue { key: "k".to_owned(), value: Some(inner), key_strindex: 0 };
        AnyValue { value: Some(Value::KvlistValue(KeyValueList { values: vec![pair] })) }
    })
}

/// OTLP/JSON as the specification writes it.
pub(crate) fn traces_json(request: &ExportTraceServiceRequest) -> Json {
    let spans = |span: &Span| {
        json!({
            "traceId": hex::encode(&span.trace_id), "spanId": hex::encode_upper(&span.span_id),
            "traceState": span.trace_state, "parentSpanId": hex::encode(&span.parent_span_id), "flags": span.flags,
            "name": span.name, "kind": span.kind, "startTimeUnixNano": span.start_time_unix_nano.to_string(),
            "endTimeUnixNano": span.end_time_unix_nano, "attributes": pairs(&span.attributes),
            "droppedAttributesCount": span.dropped_attributes_count,
            "events": span.events.iter().map(|event| json!({
                "timeUnixNano": event.time_unix_nano.to_string(), "name": event.name,
                "attributes": pairs(&event.attributes), "droppedAttributesCount": event.dropped_attributes_count,
            })).collect::<Json>(),
            "droppedEventsCount": span.dropped_events_count.to_string(),
            "links": span.links.iter().map(|link| json!({
                "traceId": hex::encode(&link.trace_id), "spanId": hex::encode(&link.span_id),
                "traceState": link.trace_state, "attributes": pairs(&link.attributes),
                "droppedAttributesCount": link.dropped_attributes_count, "flags": link.flags,
            })).collect::<Json>(),
            "droppedLinksCount": span.dropped_links_count,
            "status": span.status.as_ref().map(|s| json!({ "message": s.message, "code": s.code })),
        })
    };
    let scopes = |scoped: &ScopeSpans| {
        json!({
            "scope": scope_json(scoped.scope.as_ref()), "spans": scoped.spans.iter().map(spans).collect::<Json>(),
            "schemaUrl": scoped.schema_url,
        })
    };
    let resources = |of_resource: &ResourceSpans| {
        json!({
            "resource": resource_json(of_resource.resource.as_ref()),
            "scopeSpans": of_resource.scope_spans.iter().map(scopes).collect::<Json>(),
            "schemaUrl": of_resource.schema_url,
        })
    };
    json!({ "resourceSpans": request.resource_spans.iter().map(resources).collect::<Json>() })
}

/// OTLP/JSON as the specification writes it.
pub(crate) fn logs_json(request: &ExportLogsServiceRequest) -> Json {
    let records = |record: &LogRecord| {
        json!({
            "timeUnixNano": record.time_unix_nano.to_string(), "severityNumber": record.severity_number,
            "observedTimeUnixNano": record.observed_time_unix_nano.to_string(), "severityText": record.severity_text,
            "body": record.body.as_ref().map(value_json), "attributes": pairs(&record.attributes),
            "droppedAttributesCount": record.dropped_attributes_count, "flags": record.flags,
            "traceId": hex::encode(&record.trace_id), "spanId": hex::encode(&record.span_id),
            "eventName": record.event_name,
        })
    };
    let scopes = |scoped: &ScopeLogs| {
        json!({
            "scope": scope_json(scoped.scope.as_ref()), "schemaUrl": scoped.schema_url,
            "logRecords": scoped.log_records.iter().map(records).collect::<Json>(),
        })
    };
    let resources = |of_resource: &ResourceLogs| {
        json!({
            "resource": resource_json(of_resource.resource.as_ref()), "schemaUrl": of_resource.schema_url,
            "scopeLogs": of_resource.scope_logs.iter().map(scopes).collect::<Json>(),
        })
    };
    json!({ "resourceLogs": request.resource_logs.iter().map(resources).collect::<Json>() })
}

fn resource_json(resource: Option<&Resource>) -> Json {
    let Some(resource) = resource else { return Json::Null };
    json!({
        "attributes": pairs(&resource.attributes), "droppedAttributesCount": resource.dropped_attributes_count,
        "entityRefs": resource.entity_refs.iter().map(|entity| json!({
            "schemaUrl": entity.schema_url, "type": entity.r#type, "idKeys": entity.id_keys,
            "descriptionKeys": entity.description_keys,
        })).collect::<Json>(),
    })
}

fn scope_json(scope: Option<&InstrumentationScope>) -> Json {
    let Some(scope) = scope else { return Json::Null };
    json!({
        "name": scope.name, "version": scope.version, "attributes": pairs(&scope.attributes),
        "droppedAttributesCount": scope.dropped_attributes_count,
    })
}

fn pairs(pairs: &[KeyValue]) -> Json {
    let pair = |pair: &KeyValue| {
        json!({
            "key": pair.key, "value": pair.value.as_ref().map(value_json), "keyStrindex": pair.key_strindex,
        })
    };
    pairs.iter().map(pair).collect()
}

fn value_json(value: &AnyValue) -> Json {
    match &value.value {
        None => json!({}),
        Some(Value::StringValue(text)) => json!({ "stringValue": text }),
        Some(Value::BoolValue(truth)) => json!({ "boolValue": truth }),
        Some(Value::IntValue(integer)) => json!({ "intValue": integer.to_string() }),
        Some(Value::DoubleValue(double)) if double.is_infinite() => {
            json!({ "doubleValue": if *double > 0.0 { "Infinity" } else { "-Infinity" } })
        }
        Some(Value::DoubleValue(double)) => json!({ "doubleValue": double }),
        Some(Value::ArrayValue(array)) => {
            json!({ "arrayValue": { "values": array.values.iter().map(value_json).collect::<Json>() } })
        }
        Some(Value::KvlistValue(list)) => json!({ "kvlistValue": { "values": pairs(&list.values) } }),
        Some(Value::BytesValue(bytes)) => json!({ "bytesValue": STANDARD.encode(bytes) }),
        Some(Value::StringValueStrindex(index)) => json!({ "stringValueStrindex": index }),
    }
}
