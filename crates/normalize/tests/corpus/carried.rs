//! Which facts the bytes of a capture hold at all. A rough test: a text occurs in some string, a number is some number.
//!
//! It knows no convention, so that it cannot err as a mapping does: what no byte tells is not asked for.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use gleaner_wire::proto::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use gleaner_wire::proto::resource::v1::Resource;
use gleaner_wire::proto::trace::v1::Span;
use gleaner_wire::{Encoding, Limits};
use serde_json::Value;

use crate::bodies::{Body, Signal};
use crate::text::{canonical_finish_reason, is_space, normal};

/// Every string and number of the requests, also those within JSON text.
pub(crate) struct Carried {
    /// One a line.
    all: String,
    models: HashSet<String>,
    finish_reasons: HashSet<String>,
    numbers: HashSet<u64>,
    answers: RefCell<HashMap<String, bool>>,
    /// Different trace ids of spans.
    pub(crate) trace_ids: HashSet<String>,
}

impl Carried {
    pub(crate) fn new(bodies: &[Body]) -> Self {
        let mut walk = Walk::default();
        for body in bodies {
            walk.body(body);
        }
        let short = |length: usize| walk.strings.iter().filter(move |text| text.chars().count() < length);
        let tails = |text: &String| {
            let after_slashes = text.match_indices('/').map(|(at, _)| text[at + 1..].to_owned());
            after_slashes.chain([text.clone()]).collect::<Vec<_>>()
        };
        Self {
            models: short(120).flat_map(tails).collect(),
            finish_reasons: short(40).filter_map(|text| canonical_finish_reason(text)).collect(),
            all: walk.strings.iter().map(String::as_str).collect::<Vec<_>>().join("\n"),
            numbers: walk.numbers,
            answers: RefCell::default(),
            trace_ids: walk.trace_ids,
        }
    }

    /// Whether a text occurs, white space apart.
    pub(crate) fn text(&self, text: &str) -> bool {
        let known = self.answers.borrow().get(text).copied();
        known.unwrap_or_else(|| {
            let sought = normal(text);
            let found = !sought.is_empty() && self.all.contains(&sought);
            self.answers.borrow_mut().insert(text.to_owned(), found);
            found
        })
    }

    /// Whether a string names the model, with or without a router's prefix.
    pub(crate) fn model(&self, model: &str) -> bool {
        self.models.contains(model)
    }

    /// Whether a string is the finish reason, in any provider's word for it.
    pub(crate) fn finish_reason(&self, reason: &str) -> bool {
        canonical_finish_reason(reason).is_some_and(|reason| self.finish_reasons.contains(&reason))
    }

    pub(crate) fn number(&self, number: i64) -> bool {
        self.numbers.contains(&(number as f64).to_bits())
    }
}

#[derive(Default)]
struct Walk {
    /// White space made one.
    strings: HashSet<String>,
    numbers: HashSet<u64>,
    trace_ids: HashSet<String>,
    /// Strings that were looked into, and how deep within others they stood at the least.
    seen: HashMap<String, u8>,
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
                        scope_spans.spans.iter().for_each(|span| self.span(span));
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
                            self.text(&record.severity_text, 0);
                            self.text(&record.event_name, 0);
                            self.attributes(&record.attributes);
                            record.body.iter().for_each(|body| self.any_value(body));
                        }
                    }
                }
            }
        }
    }

    fn resource(&mut self, resource: Option<&Resource>, schema_url: &str) {
        self.text(schema_url, 0);
        resource.into_iter().for_each(|resource| self.attributes(&resource.attributes));
    }

    fn scope(&mut self, scope: Option<&InstrumentationScope>, schema_url: &str) {
        self.text(schema_url, 0);
        if let Some(scope) = scope {
            self.text(&scope.name, 0);
            self.text(&scope.version, 0);
            self.attributes(&scope.attributes);
        }
    }

    fn span(&mut self, span: &Span) {
        self.trace_ids.insert(span.trace_id.iter().map(|byte| format!("{byte:02x}")).collect());
        self.text(&span.name, 0);
        self.text(&span.trace_state, 0);
        self.attributes(&span.attributes);
        for event in &span.events {
            self.text(&event.name, 0);
            self.attributes(&event.attributes);
        }
        for link in &span.links {
            self.text(&link.trace_state, 0);
            self.attributes(&link.attributes);
        }
        span.status.iter().for_each(|status| self.text(&status.message, 0));
    }

    fn attributes(&mut self, pairs: &[KeyValue]) {
        for pair in pairs {
            self.text(&pair.key, 0);
            pair.value.iter().for_each(|value| self.any_value(value));
        }
    }

    fn any_value(&mut self, value: &AnyValue) {
        match &value.value {
            Some(any_value::Value::StringValue(text)) => self.text(text, 0),
            Some(any_value::Value::IntValue(number)) => self.number(*number as f64),
            Some(any_value::Value::DoubleValue(number)) => self.number(*number),
            Some(any_value::Value::ArrayValue(list)) => list.values.iter().for_each(|item| self.any_value(item)),
            Some(any_value::Value::KvlistValue(list)) => self.attributes(&list.values),
            _ => {}
        }
    }

    fn number(&mut self, number: f64) {
        // Minus zero is zero.
        self.numbers.insert((number + 0.0).to_bits());
    }

    /// A string, and what is in it where it is JSON.
    fn text(&mut self, text: &str, depth: u8) {
        const MAX_JSON_IN_JSON: u8 = 4;
        match self.seen.get_mut(text) {
            Some(known) if *known <= depth => return,
            Some(known) => *known = depth,
            None => {
                self.seen.insert(text.to_owned(), depth);
                self.strings.insert(normal(text));
            }
        }
        if depth < MAX_JSON_IN_JSON
            && text.trim_start_matches(is_space).starts_with(['[', '{', '"'])
            && let Ok(value) = serde_json::from_str::<Value>(text)
        {
            self.json(&value, depth);
        }
    }

    fn json(&mut self, value: &Value, depth: u8) {
        match value {
            Value::String(text) => self.text(text, depth + 1),
            Value::Array(items) => items.iter().for_each(|item| self.json(item, depth)),
            Value::Object(fields) => fields.values().for_each(|item| self.json(item, depth)),
            Value::Number(number) => self.number(number.as_f64().unwrap_or(f64::NAN)),
            Value::Bool(flag) => self.number(f64::from(u8::from(*flag))),
            Value::Null => {}
        }
    }
}
