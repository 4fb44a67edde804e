//! What the requests of a capture hold, and where: every string and number with the span or record that it stands in, and its key.
//!
//! It knows no convention, so that it cannot err as a mapping does. JSON within strings is looked into; the keys of that JSON
//! become part of the place.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use gleaner_wire::proto::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use gleaner_wire::proto::resource::v1::Resource;
use gleaner_wire::proto::trace::v1::Span;
use gleaner_wire::{Encoding, Limits};
use serde_json::Value;

use crate::bodies::{Body, Signal};
use crate::text::{is_space, normal};

/// A span, a log record, or what many of them share: a resource, a scope.
#[derive(Default)]
pub(crate) struct Unit {
    pub(crate) kind: UnitKind,
    /// Of a span its name, of a record its event's.
    pub(crate) name: String,
    pub(crate) scope: String,
    /// Hexadecimal; empty where there is none.
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
    pub(crate) parent_span_id: String,
    pub(crate) start_unix_nano: u64,
    pub(crate) end_unix_nano: u64,
}

#[derive(Default, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum UnitKind {
    #[default]
    Shared,
    Span,
    Record,
}

/// Where a string or a number stands.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Place {
    pub(crate) unit: usize,
    key: usize,
}

/// Every string and number of the requests.
#[derive(Default)]
pub(crate) struct Evidence {
    pub(crate) units: Vec<Unit>,
    keys: Interner,
    /// White space made one, one a line.
    all: String,
    /// Where each begins in `all`, and where it stands in the requests.
    starts: Vec<usize>,
    holders: Vec<Vec<Place>>,
    numbers: HashMap<u64, Vec<Place>>,
    answers: RefCell<HashMap<String, Vec<Place>>>,
}

impl Evidence {
    pub(crate) fn new(bodies: &[Body]) -> Self {
        let mut walk = Walk::default();
        bodies.iter().for_each(|body| walk.body(body));
        let mut evidence = walk.evidence;
        for (text, mut holders) in walk.strings {
            holders.sort_unstable();
            holders.dedup();
            evidence.starts.push(evidence.all.len());
            evidence.all.push_str(&text);
            evidence.all.push('\n');
            evidence.holders.push(holders);
        }
        evidence
    }

    /// Where a text occurs, white space apart.
    pub(crate) fn text(&self, text: &str) -> Vec<Place> {
        if let Some(known) = self.answers.borrow().get(text) {
            return known.clone();
        }
        let sought = normal(text);
        let mut places = Vec::new();
        if !sought.is_empty() {
            let mut last = None;
            for (at, _) in self.all.match_indices(&sought) {
                let string = self.starts.partition_point(|start| *start <= at) - 1;
                if last.replace(string) != Some(string) {
                    places.extend(&self.holders[string]);
                }
            }
        }
        places.sort_unstable();
        places.dedup();
        self.answers.borrow_mut().insert(text.to_owned(), places.clone());
        places
    }

    /// Where a string stands that passes a test.
    pub(crate) fn whole(&self, test: impl Fn(&str) -> bool) -> Vec<Place> {
        let strings = self.all.split('\n').zip(&self.holders).filter(|(text, _)| test(text));
        strings.flat_map(|(_, holders)| holders.iter().copied()).collect()
    }

    pub(crate) fn number(&self, number: i64) -> &[Place] {
        self.numbers.get(&bits(number as f64)).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn trace(&self, place: Place) -> &str {
        &self.units[place.unit].trace_id
    }

    /// For people.
    pub(crate) fn describe(&self, place: Place) -> String {
        let unit = &self.units[place.unit];
        format!("{:?} {:?} of {:?}: {}", unit.kind, unit.name, unit.scope, self.key(place))
    }

    pub(crate) fn key(&self, place: Place) -> &str {
        &self.keys.texts[place.key]
    }
}

fn bits(number: f64) -> u64 {
    // Minus zero is zero.
    (number + 0.0).to_bits()
}

#[derive(Default)]
struct Interner {
    texts: Vec<String>,
    known: HashMap<String, usize>,
}

impl Interner {
    fn place(&mut self, text: &str) -> usize {
        if let Some(known) = self.known.get(text) {
            return *known;
        }
        self.texts.push(text.to_owned());
        self.known.insert(text.to_owned(), self.texts.len() - 1);
        self.texts.len() - 1
    }
}

#[derive(Default)]
struct Walk {
    evidence: Evidence,
    strings: BTreeMap<String, Vec<Place>>,
    unit: usize,
}

impl Walk {
    fn body(&mut self, body: &Body) {
        let limits = &Limits::ACCEPTED;
        match body.signal {
            Signal::Traces => {
                let request = gleaner_wire::decode_traces(Encoding::Protobuf, &body.bytes, limits).expect("OTLP");
                for resource_spans in &request.resource_spans {
                    self.resource(resource_spans.resource.as_ref(), &resource_spans.schema_url);
                    for scope_spans in &resource_spans.scope_spans {
                        self.scope(scope_spans.scope.as_ref(), &scope_spans.schema_url);
                        let scope = scope_name(scope_spans.scope.as_ref());
                        scope_spans.spans.iter().for_each(|span| self.span(span, scope));
                    }
                }
            }
            Signal::Logs => {
                let request = gleaner_wire::decode_logs(Encoding::Protobuf, &body.bytes, limits).expect("OTLP");
                for resource_logs in &request.resource_logs {
                    self.resource(resource_logs.resource.as_ref(), &resource_logs.schema_url);
                    for scope_logs in &resource_logs.scope_logs {
                        self.scope(scope_logs.scope.as_ref(), &scope_logs.schema_url);
                        for record in &scope_logs.log_records {
                            self.enter(Unit {
                                kind: UnitKind::Record,
                                name: record.event_name.clone(),
                                scope: scope_name(scope_logs.scope.as_ref()).to_owned(),
                                trace_id: hex(&record.trace_id),
                                span_id: hex(&record.span_id),
                                start_unix_nano: record.time_unix_nano.max(record.observed_time_unix_nano),
                                ..Unit::default()
                            });
                            self.text(&record.severity_text, "severity", 0);
                            self.text(&record.event_name, "event_name", 0);
                            self.attributes(&record.attributes, "");
                            record.body.iter().for_each(|body| self.any_value(body, "body"));
                        }
                    }
                }
            }
        }
    }

    fn enter(&mut self, unit: Unit) {
        self.unit = self.evidence.units.len();
        self.evidence.units.push(unit);
    }

    fn resource(&mut self, resource: Option<&Resource>, schema_url: &str) {
        self.enter(Unit { name: "resource".to_owned(), ..Unit::default() });
        self.text(schema_url, "schema_url", 0);
        resource.into_iter().for_each(|resource| self.attributes(&resource.attributes, ""));
    }

    fn scope(&mut self, scope: Option<&InstrumentationScope>, schema_url: &str) {
        self.enter(Unit { name: "scope".to_owned(), ..Unit::default() });
        self.text(schema_url, "schema_url", 0);
        if let Some(scope) = scope {
            self.text(&scope.name, "name", 0);
            self.text(&scope.version, "version", 0);
            self.attributes(&scope.attributes, "");
        }
    }

    fn span(&mut self, span: &Span, scope: &str) {
        self.enter(Unit {
            kind: UnitKind::Span,
            name: span.name.clone(),
            scope: scope.to_owned(),
            trace_id: hex(&span.trace_id),
            span_id: hex(&span.span_id),
            parent_span_id: hex(&span.parent_span_id),
            start_unix_nano: span.start_time_unix_nano,
            end_unix_nano: span.end_time_unix_nano,
        });
        self.text(&span.name, "name", 0);
        self.text(&span.trace_state, "trace_state", 0);
        self.attributes(&span.attributes, "");
        for event in &span.events {
            self.text(&event.name, "event", 0);
            self.attributes(&event.attributes, &format!("{}/", event.name));
        }
        for link in &span.links {
            self.text(&link.trace_state, "link", 0);
            self.attributes(&link.attributes, "link/");
        }
        span.status.iter().for_each(|status| self.text(&status.message, "status", 0));
    }

    fn attributes(&mut self, pairs: &[KeyValue], before: &str) {
        for pair in pairs {
            let key = format!("{before}{}", pair.key);
            self.text(&pair.key, &format!("{key} (key)"), 0);
            pair.value.iter().for_each(|value| self.any_value(value, &key));
        }
    }

    fn any_value(&mut self, value: &AnyValue, key: &str) {
        match &value.value {
            Some(any_value::Value::StringValue(text)) => self.text(text, key, 0),
            Some(any_value::Value::IntValue(number)) => self.number(*number as f64, key),
            Some(any_value::Value::DoubleValue(number)) => self.number(*number, key),
            Some(any_value::Value::ArrayValue(list)) => list.values.iter().for_each(|item| self.any_value(item, key)),
            Some(any_value::Value::KvlistValue(list)) => self.attributes(&list.values, &format!("{key}.")),
            _ => {}
        }
    }

    fn here(&mut self, key: &str) -> Place {
        Place { unit: self.unit, key: self.evidence.keys.place(key) }
    }

    fn number(&mut self, number: f64, key: &str) {
        let place = self.here(key);
        let places = self.evidence.numbers.entry(bits(number)).or_default();
        if places.last() != Some(&place) {
            places.push(place);
        }
    }

    /// A string, and what is in it where it is JSON.
    fn text(&mut self, text: &str, key: &str, depth: u8) {
        const MAX_JSON_IN_JSON: u8 = 4;
        let place = self.here(key);
        let places = self.strings.entry(normal(text)).or_default();
        if places.last() != Some(&place) {
            places.push(place);
        }
        // A number as text is one.
        if let Ok(number) = text.parse::<i64>() {
            self.number(number as f64, key);
        }
        if depth < MAX_JSON_IN_JSON
            && text.trim_start_matches(is_space).starts_with(['[', '{', '"'])
            && let Ok(value) = serde_json::from_str::<Value>(text)
        {
            self.json(&value, key, depth);
        }
    }

    fn json(&mut self, value: &Value, key: &str, depth: u8) {
        match value {
            Value::String(text) => self.text(text, key, depth + 1),
            Value::Array(items) => items.iter().for_each(|item| self.json(item, key, depth)),
            Value::Object(fields) => {
                fields.iter().for_each(|(name, item)| self.json(item, &format!("{key}.{name}"), depth));
            }
            Value::Number(number) => self.number(number.as_f64().unwrap_or(f64::NAN), key),
            Value::Bool(_) | Value::Null => {}
        }
    }
}

fn scope_name(scope: Option<&InstrumentationScope>) -> &str {
    scope.map_or("", |scope| &scope.name)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
