//! What was sent can be read back: OTLP → journal → store → what was sent, up to the normalisation that `gleaner_model::Fragment` documents: ids are
//! lower-case hex, of repeated keys the last wins, a value that is empty or absent is null, bytes and doubles that JSON lacks are wrapped, an invalid
//! parent is none. Not kept in the store, only in the journal: trace states and flags of links, and the counts of what was dropped from events, links,
//! resources and scopes.

use std::cell::RefCell;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gleaner_model::{Fragment, ScopeInfo, SpanEvent, SpanFragment, SpanLink};
use gleaner_wire::proto::collector::trace::v1::ExportTraceServiceRequest;
use gleaner_wire::proto::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value};
use gleaner_wire::proto::resource::v1::Resource;
use gleaner_wire::proto::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use prost::Message as _;
use serde_json::{Map, Number, Value, json};

use super::*;
use crate::ingest::{Signal, telemetry_record};

/// Texts that JSON, SQL and views might trip over, and some of the keys that mean something.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => ".{0,12}",
        1 => prop::sample::select(vec![
            "", "null", "{\"a\": [1, 2.0]}", "\u{0}", "\"attributes\":{}", "gen_ai.input.messages", "session.id", "é\u{301}💥", "'; DROP TABLE texts; --", "$bytes",
        ]).prop_map(str::to_owned),
        1 => ("[a-z ]{20}", 1..400usize).prop_map(|(words, times)| words.repeat(times)),
    ]
}

fn value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        Just(None),
        text().prop_map(|text| Some(any_value::Value::StringValue(text))),
        any::<bool>().prop_map(|value| Some(any_value::Value::BoolValue(value))),
        any::<i64>().prop_map(|value| Some(any_value::Value::IntValue(value))),
        any::<f64>().prop_map(|value| Some(any_value::Value::DoubleValue(value))),
        prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 1.0, 1e300])
            .prop_map(|value| Some(any_value::Value::DoubleValue(value))),
        vec(any::<u8>(), 0..20).prop_map(|bytes| Some(any_value::Value::BytesValue(bytes))),
    ]
    .prop_map(|value| AnyValue { value });
    leaf.prop_recursive(3, 12, 4, |inner| {
        let pairs = vec((text(), inner.clone()), 0..4).prop_map(pairs_of);
        prop_oneof![
            vec(inner, 0..4).prop_map(|values| any_value::Value::ArrayValue(ArrayValue { values })),
            pairs.prop_map(|values| any_value::Value::KvlistValue(KeyValueList { values })),
        ]
        .prop_map(|value| AnyValue { value: Some(value) })
    })
}

fn pairs_of(pairs: Vec<(String, AnyValue)>) -> Vec<KeyValue> {
    pairs.into_iter().map(|(key, value)| KeyValue { key, value: Some(value), ..Default::default() }).collect()
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    vec((text(), value()), 0..6).prop_map(pairs_of)
}

fn spans() -> impl Strategy<Value = Vec<Span>> {
    let event = (text(), any::<u64>(), attributes());
    let event = event.prop_map(|(name, time_unix_nano, attributes)| span::Event {
        name,
        time_unix_nano,
        attributes,
        ..Default::default()
    });
    let link = (vec(any::<u8>(), 16), vec(any::<u8>(), 8), attributes());
    let link = link.prop_map(|(trace_id, span_id, attributes)| span::Link {
        trace_id,
        span_id,
        attributes,
        ..Default::default()
    });
    let ids = (any::<[u8; 8]>(), prop_oneof![Just(Vec::new()), vec(any::<u8>(), 8), vec(any::<u8>(), 3)]);
    let numbers = (any::<i32>(), any::<u32>(), any::<u64>(), any::<u64>(), any::<[u32; 3]>(), 0..3i32);
    let one = (ids, text(), text(), text(), numbers, attributes(), vec(event, 0..3), vec(link, 0..3)).prop_map(
        |((span_id, parent_span_id), name, trace_state, message, numbers, attributes, events, links)| {
            let (kind, flags, start_time_unix_nano, end_time_unix_nano, dropped, code) = numbers;
            Span {
                span_id: span_id.to_vec(),
                parent_span_id,
                name,
                trace_state,
                kind,
                flags,
                start_time_unix_nano,
                end_time_unix_nano,
                dropped_attributes_count: dropped[0],
                dropped_events_count: dropped[1],
                dropped_links_count: dropped[2],
                status: Some(Status { code, message }),
                attributes,
                events,
                links,
                ..Default::default()
            }
        },
    );
    vec(one, 1..4)
}

fn requests() -> impl Strategy<Value = ExportTraceServiceRequest> {
    let scope = (text(), text(), attributes(), text());
    (spans(), attributes(), text(), scope).prop_map(
        |(spans, resource, resource_schema_url, (name, version, scope, schema_url))| {
            let scope = Some(InstrumentationScope { name, version, attributes: scope, ..Default::default() });
            let scope_spans = vec![ScopeSpans { scope, spans, schema_url }];
            let resource = Some(Resource { attributes: resource, ..Default::default() });
            ExportTraceServiceRequest {
                resource_spans: vec![ResourceSpans { resource, scope_spans, schema_url: resource_schema_url }],
            }
        },
    )
}

/// The value that the documentation promises.
fn expected_value(value: &AnyValue) -> Value {
    match &value.value {
        None => Value::Null,
        Some(any_value::Value::StringValue(text)) => json!(text),
        Some(any_value::Value::BoolValue(value)) => json!(value),
        Some(any_value::Value::IntValue(value)) => json!(value),
        Some(any_value::Value::DoubleValue(value)) => match Number::from_f64(*value) {
            Some(number) => Value::Number(number),
            None if value.is_nan() => json!({"$double": "NaN"}),
            None if *value > 0.0 => json!({"$double": "Infinity"}),
            None => json!({"$double": "-Infinity"}),
        },
        Some(any_value::Value::BytesValue(bytes)) => json!({"$bytes": STANDARD.encode(bytes)}),
        Some(any_value::Value::ArrayValue(array)) => array.values.iter().map(expected_value).collect(),
        Some(any_value::Value::KvlistValue(list)) => Value::Object(expected_attributes(&list.values)),
        Some(other) => panic!("{other:?} is not made here"),
    }
}

fn expected_attributes(pairs: &[KeyValue]) -> Map<String, Value> {
    let mut map = Map::new();
    for pair in pairs {
        map.insert(pair.key.clone(), pair.value.as_ref().map_or(Value::Null, expected_value));
    }
    map
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn expected_spans(request: &ExportTraceServiceRequest) -> Vec<SpanFragment> {
    let resource_spans = &request.resource_spans[0];
    let scope_spans = &resource_spans.scope_spans[0];
    let scope = scope_spans.scope.clone().unwrap();
    let is_id = |id: &[u8]| id.len() == 8 && id.iter().any(|byte| *byte != 0);
    let one = |span: &Span| SpanFragment {
        trace_id: hex(&span.trace_id),
        span_id: hex(&span.span_id),
        parent_span_id: is_id(&span.parent_span_id).then(|| hex(&span.parent_span_id)),
        trace_state: span.trace_state.clone(),
        flags: span.flags,
        name: span.name.clone(),
        kind: span.kind,
        start_time_unix_nano: span.start_time_unix_nano,
        end_time_unix_nano: span.end_time_unix_nano,
        status_code: span.status.as_ref().unwrap().code,
        status_message: span.status.as_ref().unwrap().message.clone(),
        attributes: expected_attributes(&span.attributes),
        events: span
            .events
            .iter()
            .map(|event| SpanEvent {
                name: event.name.clone(),
                time_unix_nano: event.time_unix_nano,
                attributes: expected_attributes(&event.attributes),
            })
            .collect(),
        links: span
            .links
            .iter()
            .map(|link| SpanLink {
                trace_id: hex(&link.trace_id),
                span_id: hex(&link.span_id),
                attributes: expected_attributes(&link.attributes),
            })
            .collect(),
        dropped_counts: [span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count],
        resource: expected_attributes(&resource_spans.resource.as_ref().unwrap().attributes),
        resource_schema_url: resource_spans.schema_url.clone(),
        scope: ScopeInfo {
            name: scope.name.clone(),
            version: scope.version.clone(),
            attributes: expected_attributes(&scope.attributes),
            schema_url: scope_spans.schema_url.clone(),
        },
    };
    scope_spans.spans.iter().map(one).collect()
}

/// Scenario: arbitrary spans, each request a trace of its own, through the journal and the loader into DuckDB; `PROPTEST_CASES` sets how many.
/// Guarantees: the journal gives back the bytes of the request, and the store, which has cut and shared all its texts, gives back every span with
/// every field; a second store made from the journal alike.
#[test]
fn what_was_sent_can_be_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let config = gleaner_journal::Config { min_free_disk_bytes: 0, ..Default::default() };
    let (journal, _) = Journal::open(dir.path(), config).unwrap();
    let limits = BatchLimits { max_bytes: 1 << 20, max_records: 10 };
    let loader = |store| Loader::new(journal.clone(), store, Settings::default(), limits).unwrap().0;
    let running = RefCell::new(loader(Store::open_in_memory().unwrap()));
    let sent = RefCell::new(BTreeMap::new());
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(60);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let check = |mut request: ExportTraceServiceRequest| {
        let number = sent.borrow().len() as u128 + 1;
        let spans = &mut request.resource_spans[0].scope_spans[0].spans;
        for (n, span) in (1u64..).zip(spans) {
            span.trace_id = number.to_be_bytes().to_vec();
            // Ids that are valid and differ; all other bytes are as they came.
            span.span_id[..2].copy_from_slice(&(n as u16).to_be_bytes());
        }
        let body = request.encode_to_vec();
        let record = telemetry_record(Signal::Traces, Encoding::Protobuf, "default".to_owned(), body.clone());
        let position = journal.append_blocking(record).unwrap();
        let (_, read) = journal.read_from(position - 1).unwrap().next().unwrap().unwrap();
        prop_assert!(read.payload == body, "the journal gives back other bytes");
        running.borrow_mut().catch_up(&mut |_, _| ()).unwrap();
        let expected = expected_spans(&request);
        prop_assert_eq!(&read_back(running.borrow().store(), number), &expected);
        sent.borrow_mut().insert(number, expected);
        Ok(())
    };
    runner.run(&requests(), check).unwrap();

    let mut rebuilt = loader(Store::open_in_memory().unwrap());
    rebuilt.catch_up(&mut |_, _| ()).unwrap();
    for (number, expected) in sent.into_inner() {
        assert_eq!(read_back(rebuilt.store(), number), expected);
    }
}

fn read_back(store: &Store, trace: u128) -> Vec<SpanFragment> {
    let stored = store.fragments(&[("default".to_owned(), format!("{trace:032x}"))]).unwrap();
    let spans = stored.into_iter().map(|stored| match stored.fragment {
        Fragment::Span(span) => *span,
        Fragment::Log(log) => panic!("nobody sent {log:?}"),
    });
    spans.collect()
}
