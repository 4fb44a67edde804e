use gleaner_model::Fragment;
use gleaner_wire::proto::collector::logs::v1::ExportLogsServiceRequest;
use gleaner_wire::proto::collector::trace::v1::ExportTraceServiceRequest;
use gleaner_wire::proto::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value::Value as Kind,
};
use gleaner_wire::proto::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use gleaner_wire::proto::resource::v1::Resource;
use gleaner_wire::proto::trace::v1::{ResourceSpans, ScopeSpans, Span};
use serde_json::json;

use super::{decode_logs, decode_traces};

fn any(value: Kind) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn pair(key: &str, value: AnyValue) -> KeyValue {
    KeyValue { key: key.into(), value: Some(value), ..KeyValue::default() }
}

fn string(key: &str, text: &str) -> KeyValue {
    pair(key, any(Kind::StringValue(text.into())))
}

fn spans(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope = InstrumentationScope { name: "tracer".into(), version: "1".into(), ..InstrumentationScope::default() };
    let scope_spans = ScopeSpans { scope: Some(scope), spans, schema_url: "u".into() };
    let resource = Resource { attributes: vec![string("service.name", "shop")], ..Resource::default() };
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource),
            scope_spans: vec![scope_spans],
            ..ResourceSpans::default()
        }],
    }
}

fn span(trace_id: Vec<u8>, span_id: Vec<u8>) -> Span {
    Span { trace_id, span_id, name: "chat".into(), ..Span::default() }
}

#[test]
fn every_value_becomes_json_and_nothing_is_lost() {
    let mut one = span(vec![1; 16], vec![2; 8]);
    one.parent_span_id = vec![0; 8];
    one.attributes = vec![
        string("text", "é"),
        pair("flag", any(Kind::BoolValue(true))),
        pair("int", any(Kind::IntValue(i64::MIN))),
        pair("double", any(Kind::DoubleValue(1.0))),
        pair("nan", any(Kind::DoubleValue(f64::NAN))),
        pair("low", any(Kind::DoubleValue(f64::NEG_INFINITY))),
        pair("bytes", any(Kind::BytesValue(b"hi".to_vec()))),
        pair("list", any(Kind::ArrayValue(ArrayValue { values: vec![any(Kind::IntValue(1)), AnyValue::default()] }))),
        pair("map", any(Kind::KvlistValue(KeyValueList { values: vec![string("k", "v")] }))),
        KeyValue { key: "absent".into(), value: None, ..KeyValue::default() },
        string("text", "last wins"),
    ];
    let decoded = decode_traces(spans(vec![one]));
    let [Fragment::Span(fragment)] = decoded.as_slice() else { panic!("{decoded:?}") };
    let expected = json!({
        "text": "last wins", "flag": true, "int": i64::MIN, "double": 1.0, "nan": {"$double": "NaN"},
        "low": {"$double": "-Infinity"}, "bytes": {"$bytes": "aGk="}, "list": [1, null], "map": {"k": "v"}, "absent": null,
    });
    assert_eq!(json!(fragment.attributes), expected);
    assert_eq!(fragment.attributes["double"].to_string(), "1.0");
    assert_eq!(fragment.trace_id, "01".repeat(16));
    assert_eq!((fragment.span_id.as_str(), fragment.parent_span_id.as_deref()), ("0202020202020202", None));
    assert_eq!(json!(fragment.resource), json!({"service.name": "shop"}));
    assert_eq!((fragment.scope.name.as_str(), fragment.scope.schema_url.as_str()), ("tracer", "u"));
}

#[test]
fn spans_with_bad_ids_are_left_out() {
    let good = span(vec![1; 16], vec![2; 8]);
    let bad = [
        span(vec![1; 15], vec![2; 8]),
        span(vec![0; 16], vec![2; 8]),
        span(vec![1; 16], vec![]),
        span(vec![1; 16], vec![0; 8]),
    ];
    let all = bad.into_iter().chain([good]).collect();
    assert_eq!(decode_traces(spans(all)).len(), 1);
}

#[test]
fn records_are_named_and_bad_ids_ignored() {
    let record = |event_name: &str, named: &str, trace_id: Vec<u8>, span_id: Vec<u8>| LogRecord {
        event_name: event_name.into(),
        attributes: vec![string("event.name", named)],
        trace_id,
        span_id,
        ..LogRecord::default()
    };
    let log_records = vec![
        record("field", "attribute", vec![1; 16], vec![2; 8]),
        record("", "attribute", vec![1; 16], vec![2; 7]),
        record("", "", vec![1; 3], vec![2; 8]),
        LogRecord { attributes: vec![string("event_name", "underscore")], ..LogRecord::default() },
    ];
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    let request =
        ExportLogsServiceRequest { resource_logs: vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }] };
    let read: Vec<_> = decode_logs(request)
        .into_iter()
        .map(|fragment| match fragment {
            Fragment::Log(log) => (log.event_name, log.trace_id.is_some(), log.span_id.is_some()),
            Fragment::Span(span) => panic!("{span:?}"),
        })
        .collect();
    let expected =
        [("field", true, true), ("attribute", true, false), ("", false, false), ("underscore", false, false)];
    assert_eq!(read, expected.map(|(name, in_trace, in_span)| (name.to_owned(), in_trace, in_span)));
}
