//! Arbitrary telemetry: keys, names and values of the corpus, mixed with each other and with everything that goes wrong.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use gleaner_model::{Fragment, LogFragment, ScopeInfo, SpanFragment};
use gleaner_wire::proto::collector::logs::v1::ExportLogsServiceRequest;
use gleaner_wire::proto::collector::trace::v1::ExportTraceServiceRequest;
use gleaner_wire::proto::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value};
use gleaner_wire::proto::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use gleaner_wire::proto::resource::v1::Resource;
use gleaner_wire::proto::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value};

use crate::bodies;

/// Requests of one span or one record each.
#[derive(Debug, Clone)]
pub(crate) struct Telemetry {
    spans: Vec<ResourceSpans>,
    logs: Vec<ResourceLogs>,
}

impl Telemetry {
    pub(crate) fn len(&self) -> usize {
        self.spans.len() + self.logs.len()
    }

    /// As decoded.
    pub(crate) fn fragments(&self) -> Vec<Fragment> {
        let mut fragments =
            gleaner_normalize::decode_traces(ExportTraceServiceRequest { resource_spans: self.spans.clone() });
        fragments.extend(gleaner_normalize::decode_logs(ExportLogsServiceRequest { resource_logs: self.logs.clone() }));
        fragments
    }
}

/// Spans that may be reported several times, with cycles, absent parents and records of their own.
pub(crate) fn arbitrary() -> impl Strategy<Value = Telemetry> {
    (vec(any_span(), 1..8), vec(any_record(), 0..6)).prop_map(|(spans, logs)| Telemetry { spans, logs })
}

/// Every span once, its events at times of their own.
pub(crate) fn once_each() -> impl Strategy<Value = Telemetry> {
    arbitrary().prop_map(|mut telemetry| {
        let mut known = BTreeSet::new();
        telemetry.spans.retain(|spans| known.insert(spans.scope_spans[0].spans[0].span_id.clone()));
        for span in telemetry.spans.iter_mut().flat_map(|spans| &mut spans.scope_spans[0].spans) {
            for (time, event) in (100..).zip(&mut span.events) {
                event.time_unix_nano = time;
            }
            // Half of a placeholder is none.
            span.attributes.retain(|pair| pair.key != "logfire.span_type");
        }
        telemetry
    })
}

/// What the corpus holds.
struct Vocabulary {
    spans: Vec<SpanFragment>,
    logs: Vec<LogFragment>,
    keys: Vec<String>,
    values: Vec<Value>,
    event_names: Vec<String>,
    scopes: Vec<ScopeInfo>,
}

/// Keys that no capture shows: Gleaner's own, and those of libraries that are not in the corpus.
const OTHER_KEYS: &[&str] = &[
    "gleaner.session.id",
    "gleaner.session.need",
    "gleaner.user.id",
    "gleaner.lineage.id",
    "gleaner.lineage.label",
    "gleaner.agent.name",
    "gleaner.agent.version",
    "gleaner.rollout.id",
    "gleaner.rollout.cycle",
    "gleaner.attempt.id",
    "gleaner.attempt.number",
    "gleaner.attempt.test_input",
    "gleaner.artifact.name",
    "gleaner.artifact.content",
    "agentops.span.kind",
    "braintrust.input_json",
    "braintrust.output_json",
    "crew_agents",
    "gen_ai.prompt.0.content",
    "gen_ai.completion.0.tool_calls.0.arguments",
    "haystack.agent.input",
    "langwatch.input",
    "langwatch.span.type",
    "lk.chat_ctx",
    "mcp.tool.arguments",
    "weave.op_name",
];

fn vocabulary() -> &'static Vocabulary {
    static VOCABULARY: OnceLock<Vocabulary> = OnceLock::new();
    VOCABULARY.get_or_init(Vocabulary::read)
}

impl Vocabulary {
    fn read() -> Self {
        const LONGEST_VALUE_BYTES: usize = 6_000;
        let entries = std::fs::read_dir(bodies::corpus()).expect("the corpus is there");
        let mut folders: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).filter(|p| p.is_dir()).collect();
        folders.sort();
        let (mut spans, mut logs) = (Vec::new(), Vec::new());
        for fragment in folders.iter().flat_map(|folder| bodies::read(folder)).flat_map(|body| body.fragments()) {
            match fragment {
                Fragment::Span(span) => spans.push(*span),
                Fragment::Log(log) => logs.push(*log),
            }
        }
        let mut keys: BTreeSet<String> = OTHER_KEYS.iter().map(|key| (*key).to_owned()).collect();
        let (mut values, mut event_names, mut scopes) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut learn = |attributes: &Map<String, Value>| {
            for (key, value) in attributes {
                keys.insert(key.clone());
                let json = value.to_string();
                if json.len() <= LONGEST_VALUE_BYTES {
                    values.insert(json);
                }
            }
        };
        for span in &spans {
            learn(&span.attributes);
            learn(&span.resource);
            span.events.iter().for_each(|event| learn(&event.attributes));
            event_names.extend(span.events.iter().map(|event| event.name.clone()));
            scopes.insert((span.scope.name.clone(), span.scope.version.clone()));
        }
        for log in &logs {
            learn(&log.attributes);
            learn(&Map::from_iter([("message".to_owned(), log.body.clone())]));
            event_names.insert(log.event_name.clone());
            scopes.insert((log.scope.name.clone(), log.scope.version.clone()));
        }
        let scope = |(name, version)| ScopeInfo { name, version, ..ScopeInfo::default() };
        Self {
            spans,
            logs,
            keys: keys.into_iter().collect(),
            values: values.iter().map(|json| serde_json::from_str(json).expect("it was written as JSON")).collect(),
            event_names: event_names.into_iter().collect(),
            scopes: scopes.into_iter().map(scope).collect(),
        }
    }
}

fn any_span() -> impl Strategy<Value = ResourceSpans> {
    let names = vocabulary();
    let shape = (any::<bool>(), 0..5_u8, 0..9_u8, 0..40_u64, 0..40_u64, 0..3_i32);
    let content = (
        prop_oneof![3 => Just(true), 1 => Just(false)].prop_flat_map(attributes_of_span),
        attributes(3),
        vec((select(&names.event_names[..]), 0..40_u64, attributes(6)), 0..4),
        vec(attributes(1), 0..2),
    );
    (shape, any::<Index>(), content, select(&names.scopes[..])).prop_map(
        |((other_trace, id, parent, start, length, status), real, (own, resource, events, links), scope)| {
            let real = &names.spans[real.index(names.spans.len())];
            let event = |(name, time_unix_nano, attributes)| span::Event {
                name,
                time_unix_nano,
                attributes,
                ..span::Event::default()
            };
            let link = |attributes| span::Link {
                trace_id: vec![7; 16],
                span_id: vec![7; 8],
                attributes,
                ..span::Link::default()
            };
            let span = Span {
                trace_id: trace_id(other_trace),
                span_id: span_id(id),
                parent_span_id: if parent == 0 { Vec::new() } else { span_id(parent) },
                name: real.name.clone(),
                kind: real.kind,
                start_time_unix_nano: start * 10_000_000,
                end_time_unix_nano: (start + length) * 10_000_000,
                attributes: own,
                events: events.into_iter().map(event).collect(),
                links: links.into_iter().map(link).collect(),
                status: Some(Status {
                    code: status,
                    message: if status == 2 { "broke".to_owned() } else { String::new() },
                }),
                ..Span::default()
            };
            ResourceSpans {
                resource: Some(Resource { attributes: resource, ..Resource::default() }),
                scope_spans: vec![ScopeSpans {
                    scope: Some(scope_of(&scope)),
                    spans: vec![span],
                    ..ScopeSpans::default()
                }],
                ..ResourceSpans::default()
            }
        },
    )
}

fn any_record() -> impl Strategy<Value = ResourceLogs> {
    let names = vocabulary();
    let shape = (any::<bool>(), 0..7_u8, 0..40_u64, any::<bool>());
    let body = prop_oneof![any_value(), Just(AnyValue::default())];
    (
        shape,
        any::<Index>(),
        body,
        any::<bool>().prop_flat_map(attributes_of_record),
        attributes(2),
        select(&names.scopes[..]),
    )
        .prop_map(|((other_trace, id, time, is_real), real, body, attributes, resource, scope)| {
            let real = &names.logs[real.index(names.logs.len())];
            let record = LogRecord {
                // Zero: outside any trace.
                trace_id: if id == 0 { Vec::new() } else { trace_id(other_trace) },
                span_id: if id < 2 { Vec::new() } else { span_id(id - 2) },
                event_name: real.event_name.clone(),
                observed_time_unix_nano: time * 10_000_000,
                body: Some(if is_real { any_value_of(&real.body) } else { body }),
                attributes,
                ..LogRecord::default()
            };
            ResourceLogs {
                resource: Some(Resource { attributes: resource, ..Resource::default() }),
                scope_logs: vec![ScopeLogs {
                    scope: Some(scope_of(&scope)),
                    log_records: vec![record],
                    ..ScopeLogs::default()
                }],
                ..ResourceLogs::default()
            }
        })
}

fn trace_id(is_other: bool) -> Vec<u8> {
    vec![1 + u8::from(is_other); 16]
}

fn span_id(id: u8) -> Vec<u8> {
    vec![id + 1; 8]
}

fn scope_of(scope: &ScopeInfo) -> InstrumentationScope {
    InstrumentationScope { name: scope.name.clone(), version: scope.version.clone(), ..InstrumentationScope::default() }
}

/// The attributes of a real span, some of them changed; or any at all.
fn attributes_of_span(is_real: bool) -> BoxedStrategy<Vec<KeyValue>> {
    let spans = &vocabulary().spans;
    if is_real {
        (0..spans.len()).prop_flat_map(|place| changed(pairs(&vocabulary().spans[place].attributes))).boxed()
    } else {
        attributes(12).boxed()
    }
}

fn attributes_of_record(is_real: bool) -> BoxedStrategy<Vec<KeyValue>> {
    let logs = &vocabulary().logs;
    if is_real {
        (0..logs.len()).prop_flat_map(|place| changed(pairs(&vocabulary().logs[place].attributes))).boxed()
    } else {
        attributes(8).boxed()
    }
}

/// Some values damaged, some replaced, some keys added.
fn changed(pairs: Vec<KeyValue>) -> impl Strategy<Value = Vec<KeyValue>> {
    let places = pairs.len().max(1);
    let changes = vec((0..places, any_value(), damage(), any::<bool>()), 0..4);
    (Just(pairs), changes, attributes(3)).prop_map(|(mut pairs, changes, more)| {
        for (place, other, damage, is_damaged) in changes {
            let Some(pair) = pairs.get_mut(place) else { continue };
            match pair.value.as_ref().and_then(|value| value.value.as_ref()) {
                Some(any_value::Value::StringValue(text)) if is_damaged => {
                    pair.value = Some(text_value(damage.of(text)))
                }
                _ => pair.value = Some(other),
            }
        }
        pairs.extend(more);
        pairs
    })
}

fn attributes(most: usize) -> impl Strategy<Value = Vec<KeyValue>> {
    let pair =
        (key(), any_value()).prop_map(|(key, value)| KeyValue { key, value: Some(value), ..KeyValue::default() });
    vec(pair, 0..=most)
}

fn key() -> impl Strategy<Value = String> {
    let real = || select(&vocabulary().keys[..]);
    prop_oneof![
        12 => real(),
        2 => (real(), any::<u64>()).prop_map(|(key, index)| with_index(&key, index)),
        1 => (real(), vec(real(), 0..40)).prop_map(|(key, more)| format!("{key}.{}", more.join("."))),
        1 => ".{0,20}",
    ]
}

/// Every number in a flattened key replaced.
fn with_index(key: &str, index: u64) -> String {
    let segment = |segment: &str| if segment.parse::<u64>().is_ok() { index.to_string() } else { segment.to_owned() };
    key.split('.').map(segment).collect::<Vec<_>>().join(".")
}

/// What clients and exporters do to text.
#[derive(Debug, Clone)]
enum Damage {
    CutAfter(Index),
    EncodedAgain,
    Printed,
    Replaced(Index),
    Nested(usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        4 => any::<Index>().prop_map(Damage::CutAfter),
        2 => Just(Damage::EncodedAgain),
        1 => Just(Damage::Printed),
        1 => any::<Index>().prop_map(Damage::Replaced),
        1 => (1..200_usize).prop_map(Damage::Nested),
    ]
}

impl Damage {
    fn of(&self, text: &str) -> String {
        match self {
            Self::CutAfter(index) => text.chars().take(index.index(text.len() + 1)).collect(),
            Self::EncodedAgain => Value::from(text).to_string(),
            Self::Printed => {
                text.replace('"', "'").replace("true", "True").replace("false", "False").replace("null", "None")
            }
            Self::Replaced(index) => {
                let at = index.index(text.len() + 1);
                text.char_indices().map(|(place, c)| if place == at { '\u{fffd}' } else { c }).collect()
            }
            Self::Nested(depth) => format!("{}{text}{}", "[".repeat(*depth), "]".repeat(*depth)),
        }
    }
}

fn any_value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        6 => select(&vocabulary().values[..]).prop_map(|value| any_value_of(&value)),
        4 => (select(&vocabulary().values[..]), damage()).prop_map(|(value, damage)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            text_value(damage.of(&text))
        }),
        2 => odd_text().prop_map(text_value),
        1 => any::<i64>().prop_map(|number| value_of(any_value::Value::IntValue(number))),
        1 => any::<f64>().prop_map(|number| value_of(any_value::Value::DoubleValue(number))),
        1 => any::<bool>().prop_map(|flag| value_of(any_value::Value::BoolValue(flag))),
        1 => vec(any::<u8>(), 0..8).prop_map(|bytes| value_of(any_value::Value::BytesValue(bytes))),
        1 => Just(AnyValue::default()),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let named = (select(&vocabulary().keys[..]), inner.clone());
        let pair = named.prop_map(|(key, value)| KeyValue { key, value: Some(value), ..KeyValue::default() });
        prop_oneof![
            vec(inner, 0..4).prop_map(|values| value_of(any_value::Value::ArrayValue(ArrayValue { values }))),
            vec(pair, 0..4).prop_map(|values| value_of(any_value::Value::KvlistValue(KeyValueList { values }))),
        ]
    })
}

fn odd_text() -> impl Strategy<Value = String> {
    let known = [
        "",
        " ",
        "[",
        "{\"",
        "\"\\u",
        "\u{0}",
        "\u{feff}{}",
        "🙂".repeat(3).as_str(),
        "null",
        "NaN",
        "-1",
        "1e999",
        "18446744073709551616",
        "007",
        "[{'role': 'user', 'content': \"it's\"}]",
        "{'a': None, 'b': (1, 2), 'c': {'d'}}",
        "ChatMessage(role=<MessageRole.USER: 'user'>, blocks=[TextBlock(text='hi')])",
        "[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"te",
        "{\"choices\":[{\"message\":{\"tool_calls\":[{\"function\":{\"name\":null,\"arguments\":\"{\"}}]}}]}",
        "data: {\"choices\":[]}\n\ndata: [DONE]",
    ]
    .map(str::to_owned);
    prop_oneof![select(known.to_vec()), ".{0,30}", (1..3_000_usize).prop_map(|depth| "[".repeat(depth))]
}

fn value_of(value: any_value::Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn text_value(text: String) -> AnyValue {
    value_of(any_value::Value::StringValue(text))
}

fn pairs(attributes: &Map<String, Value>) -> Vec<KeyValue> {
    let pair = |(key, value): (&String, &Value)| KeyValue {
        key: key.clone(),
        value: Some(any_value_of(value)),
        ..KeyValue::default()
    };
    attributes.iter().map(pair).collect()
}

/// Back to the wire.
fn any_value_of(value: &Value) -> AnyValue {
    match value {
        Value::Null => AnyValue::default(),
        Value::String(text) => text_value(text.clone()),
        Value::Bool(flag) => value_of(any_value::Value::BoolValue(*flag)),
        Value::Number(number) => value_of(match number.as_i64() {
            Some(whole) => any_value::Value::IntValue(whole),
            None => any_value::Value::DoubleValue(number.as_f64().expect("every number is a double")),
        }),
        Value::Array(items) => {
            value_of(any_value::Value::ArrayValue(ArrayValue { values: items.iter().map(any_value_of).collect() }))
        }
        Value::Object(fields) => value_of(any_value::Value::KvlistValue(KeyValueList { values: pairs(fields) })),
    }
}
