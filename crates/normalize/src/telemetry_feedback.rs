//! Feedback that travels in telemetry: scores as log records, span events and span attributes become evaluations.
//!
//! One file per carrier, in `telemetry_feedback/`; each reads a [`Carrier`] and gives [`Draft`]s. Invariants:
//! - A pure function of the fragment and its project: no clock, nothing of other fragments.
//! - An item satisfies the rules of items that are sent (`crate::feedback`): a criterion wherever there is a value or a label,
//!   finite numbers, texts and keys within the limits. What is over a limit stands in `metadata`.
//! - A number becomes `value`, never `score`: nobody says that its scale is from 1 to 10.
//! - The item's id is made of what is said, not of where and when: the same evaluation as a log record and as a span event
//!   (OpenLIT sends both), or sent again, is one fact.
//!
//! Where the sender does not say who judged, `source` is `code`: a program sent it, and no person is claimed.

use gleaner_model::{
    ContentHash, Evaluation, FeedbackBody, FeedbackItem, Fragment, LogFragment, Source, SpanFragment, StoredFragment,
    Target, derive_id,
};
use serde_json::{Map, Value, json};

use crate::feedback::FeedbackLimits;
use crate::value::{first, first_str, first_text};

mod agent_lightning;
mod claude_code;
mod genai;
mod generic;
mod guardrail;
mod langwatch;
mod logfire;
mod openinference;

/// How the carriers of one library or convention are read.
struct Reader {
    /// Named in the metadata of an item.
    name: &'static str,
    /// What the carrier's name or one of its attribute keys begins with, where it is worth reading: nearly nothing is.
    marks: &'static [&'static str],
    read: fn(&Carrier<'_>) -> Vec<Draft>,
}

const READERS: &[Reader] = &[
    Reader { name: "gen_ai.evaluation", marks: &["gen_ai.eval"], read: genai::read },
    Reader { name: "openinference", marks: openinference::MARKS, read: openinference::read },
    Reader { name: "agentlightning", marks: &["agentlightning.", "agentops."], read: agent_lightning::read },
    Reader { name: "claude_code", marks: &["feedback_survey", "claude_code."], read: claude_code::read },
    Reader { name: "langwatch", marks: &["langwatch.e"], read: langwatch::read },
    Reader { name: "logfire", marks: &["logfire.feedback."], read: logfire::read },
    Reader { name: "guardrail", marks: &["gen_ai.guardrail."], read: guardrail::read },
    Reader { name: "user_feedback", marks: &["user_feedback", "user.feedback", "feedback."], read: generic::read },
];

/// The evaluations that one fragment carries: none for nearly all. A pure function of the fragment, so that an item is a fact
/// like any other, with an id made of its content.
pub fn telemetry_feedback(stored: &StoredFragment) -> Vec<FeedbackItem> {
    let mut items: Vec<FeedbackItem> = Vec::new();
    each_carrier(&stored.fragment, |carrier| {
        for reader in READERS.iter().filter(|reader| carrier.is_marked(reader.marks)) {
            let drafts = (reader.read)(carrier).into_iter();
            items.extend(drafts.filter_map(|draft| draft.finish(reader.name, carrier, stored)));
        }
    });
    items
}

/// Whether a log record carries feedback, and so is explained by it.
pub(crate) fn carries_feedback(log: &LogFragment) -> bool {
    Carrier::of_log(log).says_something()
}

/// Whether the attributes of a span carry feedback.
pub(crate) fn span_carries_feedback(span: &SpanFragment) -> bool {
    Carrier::of_span(span).says_something()
}

fn each_carrier(fragment: &Fragment, mut visit: impl FnMut(&Carrier<'_>)) {
    match fragment {
        Fragment::Log(log) => visit(&Carrier::of_log(log)),
        // A copy of a span that has only started, under an id of its own: the span itself comes later.
        Fragment::Span(span) if span.attributes.get("logfire.span_type") == Some(&json!("pending_span")) => {}
        Fragment::Span(span) => {
            visit(&Carrier::of_span(span));
            for event in &span.events {
                visit(&Carrier {
                    signal: Signal::SpanEvent,
                    name: &event.name,
                    attributes: &event.attributes,
                    time_unix_nano: event.time_unix_nano,
                    ..Carrier::of_span(span)
                });
            }
        }
    }
}

/// Where something may be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signal {
    Span,
    SpanEvent,
    Log,
}

/// A span, one event of it, or a log record.
#[derive(Clone, Copy)]
struct Carrier<'a> {
    signal: Signal,
    /// Name of the span, or of the event.
    name: &'a str,
    attributes: &'a Map<String, Value>,
    resource: &'a Map<String, Value>,
    scope_name: &'a str,
    /// The span that it is, is an event of, or was sent in.
    trace_id: Option<&'a str>,
    span_id: Option<&'a str>,
    /// 0: unknown.
    time_unix_nano: u64,
    /// Of a span and its events.
    span: Option<&'a SpanFragment>,
}

impl<'a> Carrier<'a> {
    fn of_log(log: &'a LogFragment) -> Self {
        Self {
            signal: Signal::Log,
            name: &log.event_name,
            attributes: &log.attributes,
            resource: &log.resource,
            scope_name: &log.scope.name,
            trace_id: log.trace_id.as_deref(),
            span_id: log.span_id.as_deref(),
            time_unix_nano: if log.time_unix_nano == 0 { log.observed_time_unix_nano } else { log.time_unix_nano },
            span: None,
        }
    }

    fn of_span(span: &'a SpanFragment) -> Self {
        Self {
            signal: Signal::Span,
            name: &span.name,
            attributes: &span.attributes,
            resource: &span.resource,
            scope_name: &span.scope.name,
            trace_id: Some(&span.trace_id),
            span_id: Some(&span.span_id),
            time_unix_nano: span.end_time_unix_nano.max(span.start_time_unix_nano),
            span: Some(span),
        }
    }

    fn says_something(&self) -> bool {
        let mut readers = READERS.iter().filter(|reader| self.is_marked(reader.marks));
        readers.any(|reader| (reader.read)(self).iter().any(Draft::says_something))
    }

    fn is_marked(&self, marks: &[&str]) -> bool {
        let mut names = self.attributes.keys().map(String::as_str).chain([self.name]);
        names.any(|name| marks.iter().any(|mark| name.starts_with(mark)))
    }

    /// The span that it is, is an event of, or was sent in; or only the trace.
    fn context(&self) -> Option<Target> {
        Some(span_target(self.trace_id?, self.span_id))
    }

    /// The one span that the carrying span links to; `None` where it links to several.
    fn single_link(&self) -> Option<Target> {
        match self.span?.links.as_slice() {
            [link] => linked(&link.trace_id, &link.span_id),
            _ => None,
        }
    }

    /// The response that it names.
    fn response(&self) -> Option<Target> {
        let id = first_text(self.attributes, &["gen_ai.response.id"])?;
        is_key(&id).then(|| Target { response_id: Some(id), ..Target::default() })
    }

    /// The session that it names, or else its resource.
    fn session(&self) -> Option<Target> {
        const KEYS: &[&str] = &["gleaner.session.id", "session.id", "gen_ai.conversation.id"];
        let id = [self.attributes, self.resource].into_iter().find_map(|map| first_text(map, KEYS))?;
        is_key(&id).then(|| Target { session: Some(id), ..Target::default() })
    }

    /// Its user, as the one who judged.
    fn user(&self) -> Option<String> {
        first_text(self.attributes, &["gleaner.user.id", "user.id", "enduser.id", "gen_ai.user.id"])
    }

    /// What is first of: the context, the response, the session.
    fn context_or_named(&self) -> Option<Target> {
        let in_span = self.context().filter(|target| target.span_id.is_some());
        in_span.or_else(|| self.response()).or_else(|| self.context()).or_else(|| self.session())
    }
}

/// What a carrier says, before it is made an item.
#[derive(Default)]
struct Draft {
    target: Option<Target>,
    criterion: Option<String>,
    /// A boolean or a number.
    value: Option<Value>,
    label: Option<String>,
    comment: Option<String>,
    /// `None`: not said.
    source: Option<Source>,
    reviewer: Option<String>,
    /// Tells apart two items that say the same: an id that the sender gave.
    identifier: Option<String>,
    metadata: Map<String, Value>,
}

impl Draft {
    fn says_something(&self) -> bool {
        self.value.is_some() || self.label.is_some() || self.comment.is_some()
    }

    /// Reads a rating: numbers and booleans are values, also as text; other text is a label, unless there is one.
    fn rate(&mut self, sent: Option<&Value>) {
        match sent {
            Some(Value::Bool(_)) => self.value = sent.cloned(),
            Some(Value::Number(number)) => self.value = number.as_f64().map(|number| json!(number)),
            Some(Value::String(text)) => match text.trim() {
                "" => {}
                word if word.eq_ignore_ascii_case("true") => self.value = Some(json!(true)),
                word if word.eq_ignore_ascii_case("false") => self.value = Some(json!(false)),
                word => match word.parse::<f64>() {
                    Ok(number) if number.is_finite() => self.value = Some(json!(number)),
                    _ => self.label = self.label.take().or_else(|| Some(text.clone())),
                },
            },
            _ => {}
        }
    }

    fn note(&mut self, key: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.metadata.insert(key.to_owned(), value.into());
        }
    }

    /// The item; `None` where nothing is said, or of nothing.
    fn finish(mut self, convention: &str, carrier: &Carrier<'_>, stored: &StoredFragment) -> Option<FeedbackItem> {
        if !self.says_something() {
            return None;
        }
        let limits = FeedbackLimits::default();
        let mut over = Map::new();
        let mut bounded = |name: &str, sent: Option<String>, limit: usize| match sent {
            Some(text) if text.len() > limit => {
                over.insert(name.to_owned(), Value::String(text));
                None
            }
            sent => sent,
        };
        let criterion = bounded("criterion", self.criterion.take(), limits.max_key_bytes);
        let label = bounded("label", self.label.take(), limits.max_key_bytes);
        let reviewer = bounded("reviewer", self.reviewer.take(), limits.max_key_bytes);
        let comment = bounded("comment", self.comment.take(), limits.max_text_bytes);
        if self.source.is_none() {
            self.note("source_stated", Some(false));
        }
        self.note("identifier", self.identifier.clone());
        self.metadata.extend(over);
        self.metadata.extend(origin(convention, carrier));
        let mut evaluation = Evaluation {
            target: self.target.or_else(|| carrier.context_or_named())?,
            // A value or a label has to be one of something.
            criterion: Some(criterion.unwrap_or_else(|| "evaluation".to_owned())),
            score: None,
            value: self.value,
            label,
            comment,
            correction: None,
            metadata: None,
        };
        let source = self.source.unwrap_or(Source::Code);
        let content = json!({
            "reviewer": reviewer, "source": source, "identifier": self.identifier,
            "body": serde_json::to_value(&evaluation).ok()?,
        });
        let content_hash = ContentHash::of_json(&content).0;
        evaluation.metadata = Some(self.metadata);
        let times = [carrier.time_unix_nano, stored.recorded_at_unix_nano];
        Some(FeedbackItem {
            // Apart from the ids of items that are sent, which have the prefixes `key:` and `content:`.
            item_id: derive_id("feedback", &[&stored.project, &format!("telemetry:{content_hash}")]),
            project: stored.project.clone(),
            idempotency_key: None,
            content_hash,
            reviewer,
            source,
            created_at_unix_nano: times.into_iter().find(|time| *time != 0).unwrap_or(0),
            body: FeedbackBody::Evaluation(evaluation),
        })
    }
}

/// Where an item was found.
fn origin(convention: &str, carrier: &Carrier<'_>) -> Map<String, Value> {
    let signal = match carrier.signal {
        Signal::Span => "span",
        Signal::SpanEvent => "span_event",
        Signal::Log => "log",
    };
    let mut origin = Map::new();
    let texts = [
        ("carrier", Some(convention)),
        ("signal", Some(signal)),
        ("name", Some(carrier.name)),
        ("scope_name", Some(carrier.scope_name)),
        ("trace_id", carrier.trace_id),
        ("span_id", carrier.span_id),
    ];
    for (key, text) in texts {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            origin.insert(key.to_owned(), text.into());
        }
    }
    origin
}

/// A span of a trace, or the trace alone.
fn span_target(trace_id: &str, span_id: Option<&str>) -> Target {
    Target { trace_id: Some(trace_id.to_owned()), span_id: span_id.map(str::to_owned), ..Target::default() }
}

/// A span that was named by its ids as text; by the trace's alone, its trace. `None` where the trace id is none.
fn linked(trace_id: &str, span_id: &str) -> Option<Target> {
    let id = |text: &str, digits: usize| {
        let text = text.trim().to_ascii_lowercase();
        let is_hex = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        (is_hex && text.bytes().any(|byte| byte != b'0')).then_some(text)
    };
    let trace_id = id(trace_id, 32)?;
    Some(span_target(&trace_id, id(span_id, 16).as_deref()))
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.len() <= FeedbackLimits::DEFAULT_MAX_KEY_BYTES
}

/// Who judged, in the words that senders use.
fn source(word: &str) -> Option<Source> {
    match word.trim().to_ascii_lowercase().replace(['-', ' '], "_").as_str() {
        "human" | "user" | "end_user" | "annotator" | "annotation" | "person" | "reviewer" => Some(Source::Human),
        "llm" | "model" | "ai" | "judge" | "llm_judge" | "llm_as_judge" | "llm_as_a_judge" => Some(Source::Model),
        "code" | "rule" | "rules" | "heuristic" | "program" | "statistical" => Some(Source::Code),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
