//! The tables: facts, derived rows and the loader's book-keeping. Column order is the order in the file.
//!
//! [`Rows`] turns one commit into rows of all tables; nothing here talks to DuckDB but through [`crate::columns`].

mod documents;
mod feedback;
mod spans;
mod sub_agents;
mod traces;

use std::collections::HashMap;

use duckdb::Connection;

pub(crate) use feedback::FeedbackFact;
pub(crate) use traces::{KnownTrace, KnownUnit};

use crate::columns::{Cell, append, create_table};
use crate::texts::{TextRow, Texts};
use crate::{Fact, StoreError};
use documents::{DocumentRow, document_rows};
use feedback::{TargetRow, feedback_facts, feedback_targets, target_rows};
use gleaner_model::{ContentHash, ContentKind, DerivedTrace, FeedbackBody, Fragment, Message};
use serde_json::{Map, Value};
use spans::{FactRow, SpanRow, SpanTexts, span_facts, span_rows};
use sub_agents::{SubAgentRow, sub_agent_rows};
use traces::{
    ArtifactRow, AttemptRow, ContentBody, ContentRef, DefinitionTexts, ListPieces, SessionRow, UnmappedRow,
    artifact_rows, attempt_rows, content_bodies, content_refs, known_traces, known_units, message_pieces, session_rows,
    texts, unmapped_rows,
};
use xxhash_rust::xxh3::Xxh3Default;

/// Derived tables: their rows of a trace are replaced as a whole. Each has `project`, `trace_id` and `recorded_at`.
pub(crate) const DERIVED_TABLES: [&str; 8] = [
    "span_rows",
    "attempt_rows",
    "sub_agent_rows",
    "session_rows",
    "artifact_rows",
    "document_rows",
    "unmapped_rows",
    "content_refs",
];

/// `CREATE TABLE` statements of all tables that rows are appended to.
pub(crate) fn create_statements() -> Vec<String> {
    vec![
        create_table("texts", &texts()),
        create_table("span_facts", &span_facts()),
        create_table("feedback_facts", &feedback_facts()),
        create_table("feedback_targets", &feedback_targets()),
        create_table("content_bodies", &content_bodies()),
        create_table("span_rows", &span_rows()),
        create_table("attempt_rows", &attempt_rows()),
        create_table("sub_agent_rows", &sub_agent_rows()),
        create_table("session_rows", &session_rows()),
        create_table("artifact_rows", &artifact_rows()),
        create_table("document_rows", &document_rows()),
        create_table("unmapped_rows", &unmapped_rows()),
        create_table("content_refs", &content_refs()),
        create_table("known_traces", &known_traces()),
        create_table("known_units", &known_units()),
    ]
}

/// What one commit adds to every table.
#[derive(Default)]
pub(crate) struct Rows<'a> {
    facts: Vec<FactRow<'a>>,
    feedback: Vec<FeedbackFact<'a>>,
    targets: Vec<TargetRow<'a>>,
    spans: Vec<SpanRow<'a>>,
    attempts: Vec<AttemptRow<'a>>,
    sub_agents: Vec<SubAgentRow<'a>>,
    sessions: Vec<SessionRow<'a>>,
    artifacts: Vec<ArtifactRow<'a>>,
    documents: Vec<DocumentRow<'a>>,
    unmapped: Vec<UnmappedRow<'a>>,
    references: Vec<ContentRef<'a>>,
    bodies: Vec<ContentBody<'a>>,
    known: Vec<KnownTrace>,
    known_units: Vec<KnownUnit>,
    /// Of each trace, by project and trace id, as [`KnownTrace::derived_tables`].
    derived_tables: HashMap<(&'a str, &'a str), u64>,
}

impl<'a> Rows<'a> {
    /// Facts from telemetry. Before the traces: a canonical span mostly has the very attributes of a fact.
    pub(crate) fn add_facts(&mut self, facts: &'a [Fact], texts: &mut Texts) {
        self.facts.extend(facts.iter().map(|fact| FactRow::new(fact, texts)));
    }

    /// One item of feedback.
    pub(crate) fn add_feedback(&mut self, fact: FeedbackFact<'a>, texts: &mut Texts) {
        self.targets.extend(target_rows(fact.item));
        if let Some((reference, body)) = fact.content(texts) {
            self.references.push(reference);
            self.bodies.push(body);
        }
        for document in fact.documents() {
            self.references.push(document.reference());
            self.bodies.push(document.body(texts));
            self.documents.push(document);
        }
        self.feedback.push(fact);
    }

    /// Everything derived from some traces.
    pub(crate) fn add_traces(&mut self, traces: impl Iterator<Item = &'a DerivedTrace>, texts: &mut Texts) {
        // Of a span that came in several reports the last; which is looked at before its pieces are taken.
        let mut reports: HashMap<(&str, &str), usize> = HashMap::new();
        for (place, span) in self.facts.iter().enumerate().filter_map(|(place, row)| Some((place, row.span()?))) {
            reports.insert((&span.trace_id, &span.span_id), place);
        }
        for trace in traces {
            let before = self.derived_rows();
            self.add_trace(trace, &reports, texts);
            let grown = self.derived_rows().into_iter().zip(before).map(|(now, before)| u64::from(now > before));
            let filled = grown.enumerate().fold(0, |filled, (place, grown)| filled | grown << place);
            self.derived_tables.insert((&trace.project, &trace.trace_id), filled);
        }
    }

    /// Rows of each of [`DERIVED_TABLES`].
    fn derived_rows(&self) -> [usize; 8] {
        [
            self.spans.len(),
            self.attempts.len(),
            self.sub_agents.len(),
            self.sessions.len(),
            self.artifacts.len(),
            self.documents.len(),
            self.unmapped.len(),
            self.references.len(),
        ]
    }

    /// Which derived tables have rows of a trace that was added, by project and trace id; see [`KnownTrace::derived_tables`].
    pub(crate) fn derived_tables_of(&self, (project, trace_id): (&str, &str)) -> u64 {
        self.derived_tables.get(&(project, trace_id)).copied().unwrap_or_default()
    }

    fn add_trace(&mut self, trace: &'a DerivedTrace, reports: &HashMap<(&str, &str), usize>, texts: &mut Texts) {
        let mut messages = Messages { rows: self, trace, known: Vec::new(), by_hash: HashMap::new() };
        let [mut last_input, mut last_output] = [History::default(), History::default()];
        let mut repeated = Repeated::default();
        let mut spans = Vec::with_capacity(trace.spans.len());
        for span in &trace.spans {
            let [(input_messages, input_message_hashes), (output_messages, output_message_hashes)] =
                [(&span.input_messages, &mut last_input), (&span.output_messages, &mut last_output)].map(
                    |(list, last)| match list {
                        Some(list) => messages.add(list, last, texts),
                        None => (None, None),
                    },
                );
            let report = reports.get(&(span.trace_id.as_str(), span.span_id.as_str()));
            let report = report.map(|place| &messages.rows.facts[*place]);
            let attributes = match report.filter(|row| row.span().is_some_and(|of| of.attributes == span.attributes)) {
                Some(row) => row.attributes.clone(),
                None => texts.pieces(&json_text(&span.attributes)),
            };
            let texts = SpanTexts {
                system_prompt: span
                    .system_prompt
                    .as_ref()
                    .map(|prompt| repeated.system_prompt.of(prompt, |p| texts.pieces(p))),
                input_messages,
                input_message_hashes,
                output_messages,
                output_message_hashes,
                input_text: span.input_text.as_ref().map(|text| texts.pieces(text)),
                reasoning_text: span.reasoning_text.as_ref().map(|text| texts.pieces(text)),
                tool_result: span.tool_result.as_ref().map(|result| texts.pieces(&json_text(result))),
                tool_definitions: (span.tool_definitions.as_ref())
                    .map(|tools| repeated.tool_definitions.of(tools, |tools| texts.pieces(&json_text(tools)))),
                attributes,
                events: texts.pieces(&json_text(&span.events)),
                resource: repeated.resource.of(&span.resource, |resource| texts.pieces(&json_text(resource))),
                source_keys: texts.pieces(&json_text(&span.source_keys)),
            };
            spans.push(SpanRow { trace, span, texts });
        }
        self.spans.extend(spans);
        self.attempts.extend(trace.attempts.iter().map(|part| AttemptRow::new(trace, part, texts)));
        self.sessions.extend(trace.session_facts.iter().map(|fact| SessionRow { trace, fact }));
        self.unmapped.extend(trace.unmapped.iter().map(|unmapped| UnmappedRow { trace, unmapped }));
        for content in &trace.contents {
            let hash = &content.hash.0;
            self.references.push(ContentRef::of_trace(trace, hash.clone(), content.kind));
            self.bodies.push(ContentBody::new(&trace.project, hash.clone(), &content.body, texts));
        }
        for document in trace.session_facts.iter().flat_map(|fact| DocumentRow::of_session(trace, fact)) {
            self.references.push(document.reference());
            self.bodies.push(document.body(texts));
            self.documents.push(document);
        }
        for part in &trace.attempts {
            self.sub_agents.extend(part.sub_agents.iter().map(|agent| {
                let texts = DefinitionTexts::new(&agent.definition, texts);
                SubAgentRow { trace, part, agent, texts }
            }));
            self.documents.extend(DocumentRow::of_attempt(trace, part));
            for artifact in &part.artifacts {
                let row = ArtifactRow::new(trace, part, artifact);
                self.references.push(row.reference());
                self.bodies.push(row.body(texts));
                self.artifacts.push(row);
            }
        }
    }

    /// The loader's book-keeping on a trace.
    pub(crate) fn add_known(&mut self, known: KnownTrace) {
        self.known.push(known);
    }

    /// The loader's book-keeping on a unit.
    pub(crate) fn add_known_unit(&mut self, known: KnownUnit) {
        self.known_units.push(known);
    }

    /// `(project, content hash)` of every body that the commit brings.
    pub(crate) fn content_keys(&self) -> impl Iterator<Item = (&str, &str)> {
        self.bodies.iter().map(ContentBody::key)
    }

    /// Leaves only the bodies that `wanted` says yes to.
    pub(crate) fn retain_bodies(&mut self, mut wanted: impl FnMut(&str, &str) -> bool) {
        self.bodies.retain(|body| {
            let (project, hash) = body.key();
            wanted(project, hash)
        });
    }

    /// Appends all rows, and the texts that they brought, within the connection's transaction.
    pub(crate) fn append(&self, connection: &Connection, new_texts: &[TextRow]) -> Result<(), StoreError> {
        append(connection, "texts", &texts(), new_texts)?;
        append(connection, "span_facts", &span_facts(), &self.facts)?;
        append(connection, "feedback_facts", &feedback_facts(), &self.feedback)?;
        append(connection, "feedback_targets", &feedback_targets(), &self.targets)?;
        append(connection, "content_bodies", &content_bodies(), &self.bodies)?;
        append(connection, "span_rows", &span_rows(), &self.spans)?;
        append(connection, "attempt_rows", &attempt_rows(), &self.attempts)?;
        append(connection, "sub_agent_rows", &sub_agent_rows(), &self.sub_agents)?;
        append(connection, "session_rows", &session_rows(), &self.sessions)?;
        append(connection, "artifact_rows", &artifact_rows(), &self.artifacts)?;
        append(connection, "document_rows", &document_rows(), &self.documents)?;
        append(connection, "unmapped_rows", &unmapped_rows(), &self.unmapped)?;
        append(connection, "content_refs", &content_refs(), &self.references)?;
        append(connection, "known_traces", &known_traces(), &self.known)?;
        append(connection, "known_units", &known_units(), &self.known_units)
    }
}

/// What the spans of a trace mostly repeat.
#[derive(Default)]
struct Repeated<'a> {
    system_prompt: Last<'a, String>,
    tool_definitions: Last<'a, Value>,
    resource: Last<'a, Map<String, Value>>,
}

/// Pieces of a value, made anew only where it is not the one that came last.
struct Last<'a, T>(Option<(&'a T, Vec<u64>)>);

impl<T> Default for Last<'_, T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'a, T: PartialEq> Last<'a, T> {
    fn of(&mut self, value: &'a T, make: impl FnOnce(&T) -> Vec<u64>) -> Vec<u64> {
        match &self.0 {
            Some((last, pieces)) if *last == value => pieces.clone(),
            _ => self.0.insert((value, make(value))).1.clone(),
        }
    }
}

/// The messages of one trace on their way into the rows: each is a content, stored once, and referred to once by a trace.
struct Messages<'r, 'a> {
    rows: &'r mut Rows<'a>,
    trace: &'a DerivedTrace,
    /// Pieces of each different message, and the piece of its hash.
    known: Vec<(Vec<u64>, u64)>,
    /// Places in `known`.
    by_hash: HashMap<String, usize>,
}

/// A list of messages with their places in [`Messages::known`]. Most lists are the one before and some more, and to compare is cheaper than
/// to hash.
#[derive(Default)]
struct History<'a> {
    list: &'a [Message],
    places: Vec<usize>,
}

impl History<'_> {
    /// The place of a message that stands where it stood before.
    fn place(&self, at: usize, message: &Message) -> Option<usize> {
        (self.list.get(at)? == message).then(|| self.places[at])
    }
}

impl<'a> Messages<'_, 'a> {
    /// Pieces of a list, and of its hashes: each with a comma behind it.
    fn add(
        &mut self,
        list: &'a [Message],
        last: &mut History<'a>,
        texts: &mut Texts,
    ) -> (Option<Vec<u64>>, Option<Vec<u64>>) {
        let mut pieces = ListPieces::default();
        let mut hashes = Vec::with_capacity(list.len());
        let mut places = Vec::with_capacity(list.len());
        for (at, message) in list.iter().enumerate() {
            let place = match last.place(at, message) {
                Some(place) => place,
                None => self.place(message, texts),
            };
            places.push(place);
            let (known, hash) = &self.known[place];
            hashes.push(*hash);
            match message.finish_reason {
                None => pieces.add(known, texts),
                Some(_) => pieces.add(&message_pieces(message, &message.canonical_json(), texts), texts),
            }
        }
        *last = History { list, places };
        (Some(pieces.end(texts)), Some(hashes))
    }

    /// The place in `known` of a message, which is made a content at first sight.
    fn place(&mut self, message: &Message, texts: &mut Texts) -> usize {
        let canonical = message.canonical_json();
        let hash = ContentHash::of_canonical(&canonical).0;
        if let Some(place) = self.by_hash.get(&hash) {
            return *place;
        }
        let body = ContentBody::new(&self.trace.project, hash.clone(), &canonical, texts);
        self.known.push((body.pieces.clone(), texts.piece(&format!("{hash},"))));
        self.rows.references.push(ContentRef::of_trace(self.trace, hash.clone(), ContentKind::Message));
        self.rows.bodies.push(body);
        self.by_hash.insert(hash, self.known.len() - 1);
        self.known.len() - 1
    }
}

/// A number in place of a (project, id), which takes a tenth of the time to look for. Others may have it too.
pub(crate) fn short_key(project: &str, id: &str) -> u64 {
    let mut hasher = Xxh3Default::new();
    hasher.update(&(project.len() as u64).to_le_bytes());
    hasher.update(project.as_bytes());
    hasher.update(id.as_bytes());
    hasher.digest()
}

/// `recorded_at` is never NULL, since derived rows are found again by it: a clock that says 0 counts as the first microsecond.
fn recorded_at(unix_nano: u64) -> Cell<'static> {
    Cell::Time(unix_nano.max(1_000))
}

/// JSON text of a value. Canonical values always serialize; should one not, `null` is what readers see.
fn json_text<T: JsonText + ?Sized>(value: &T) -> String {
    value.json_text().unwrap_or_else(|_| "null".to_owned())
}

/// The values that are stored as JSON text.
trait JsonText {
    fn json_text(&self) -> serde_json::Result<String>;
}

macro_rules! json_text {
    ($($value:ty),*) => {$(
        impl JsonText for $value {
            fn json_text(&self) -> serde_json::Result<String> {
                serde_json::to_string(self)
            }
        }
    )*};
}

json_text!(str, String, Value, Vec<Value>, Map<String, Value>, Vec<Message>, Fragment, FeedbackBody);
