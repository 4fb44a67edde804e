//! Derived tables beside `span_rows`: parts of attempts, what traces say of sessions, artifacts, contents; and
//! `known_traces` and `known_units`, which tell the loader what is there of a trace or a unit without looking into the large
//! tables.

use gleaner_model::{
    AgentDefinition, AttemptPart, ContentHash, ContentKind, DeclaredArtifact, DerivedTrace, Message, SessionFact,
    UnmappedSpan, derive_id,
};
use serde_json::Value;

use super::{json_text, recorded_at, short_key};
use crate::columns::{Cell, Column, Kind, column};
use crate::texts::{TextRow, Texts};

/// That part of an attempt which lies in one trace.
pub(crate) struct AttemptRow<'a> {
    trace: &'a DerivedTrace,
    part: &'a AttemptPart,
    prompt_hash: Option<String>,
    input_messages: Option<Vec<u64>>,
    definition_texts: DefinitionTexts,
}

impl<'a> AttemptRow<'a> {
    pub(crate) fn new(trace: &'a DerivedTrace, part: &'a AttemptPart, texts: &mut Texts) -> Self {
        let asked: Option<Vec<String>> =
            part.input_messages.as_ref().map(|messages| messages.iter().map(Message::canonical_json).collect());
        Self {
            trace,
            part,
            prompt_hash: prompt_hash(part, asked.as_deref()),
            input_messages: part.input_messages.as_ref().zip(asked).map(|(messages, asked)| {
                let mut pieces = ListPieces::default();
                for (message, canonical) in messages.iter().zip(&asked) {
                    let message = message_pieces(message, canonical, texts);
                    pieces.add(&message, texts);
                }
                pieces.end(texts)
            }),
            definition_texts: part.definition.as_ref().map(|d| DefinitionTexts::new(d, texts)).unwrap_or_default(),
        }
    }

    fn definition(&self) -> Option<&'a AgentDefinition> {
        self.part.definition.as_ref()
    }
}

/// What the attempt was asked, without the system prompt: its messages, else its plain input as one.
fn prompt_hash(part: &AttemptPart, asked: Option<&[String]>) -> Option<String> {
    let messages = match asked {
        Some(messages) => messages.join(","),
        None => Message::text("user", part.input_text.as_deref()?).canonical_json(),
    };
    Some(ContentHash::of_canonical(&format!("[{messages}]")).0)
}

/// The texts of a definition, as pieces.
#[derive(Default)]
pub(crate) struct DefinitionTexts {
    pub(crate) system_prompt: Option<Vec<u64>>,
    pub(crate) prompt_template: Option<Vec<u64>>,
    pub(crate) tools: Option<Vec<u64>>,
}

impl DefinitionTexts {
    pub(crate) fn new(definition: &AgentDefinition, texts: &mut Texts) -> Self {
        Self {
            system_prompt: definition.system_prompt.as_ref().map(|prompt| texts.pieces(prompt)),
            prompt_template: definition.prompt_template.as_ref().map(|template| texts.pieces(template)),
            tools: definition.tools.as_ref().map(|tools| texts.pieces(&json_text(tools))),
        }
    }
}

/// One message as JSON, given its canonical JSON, which lacks the finish reason.
pub(crate) fn message_pieces(message: &Message, canonical: &str, texts: &mut Texts) -> Vec<u64> {
    let Some(reason) = &message.finish_reason else { return texts.pieces(canonical) };
    // The first key in the order of the alphabet. A piece of its own: the message itself has pieces elsewhere.
    let head = format!("{{\"finish_reason\":{},", json_text(reason));
    let mut ids = vec![texts.piece(&head)];
    texts.add_pieces(canonical.strip_prefix('{').unwrap_or(canonical), &mut ids);
    ids
}

/// A JSON list, put together from the pieces of its items.
#[derive(Default)]
pub(crate) struct ListPieces(Vec<u64>);

impl ListPieces {
    pub(crate) fn add(&mut self, item: &[u64], texts: &mut Texts) {
        self.0.push(texts.piece(if self.0.is_empty() { "[" } else { "," }));
        self.0.extend(item);
    }

    pub(crate) fn end(mut self, texts: &mut Texts) -> Vec<u64> {
        self.0.push(texts.piece(if self.0.is_empty() { "[]" } else { "]" }));
        self.0
    }
}

/// Hash of a text as a content: of its JSON string.
pub(crate) fn text_hash(text: &str) -> String {
    ContentHash::of_json(&Value::String(text.to_owned())).0
}

/// Orders parts by start, then trace; unknown starts last. Text, so that one comparison decides.
pub(crate) fn time_key(unix_nano: u64, trace_id: &str) -> String {
    let start = if unix_nano == 0 { u64::MAX } else { unix_nano };
    format!("{start:020}{trace_id}")
}

pub(crate) fn attempt_rows<'a>() -> Vec<Column<AttemptRow<'a>>> {
    use Kind::{Bool, Float, Int, Json, LongText, Pieces, Text, Texts, Time, UInt};
    vec![
        column("project", Text, |r| (&r.trace.project).into()),
        column("recorded_at", Time, |r| recorded_at(r.trace.recorded_at_unix_nano)),
        column("trace_id", Text, |r| (&r.part.trace_id).into()),
        column("attempt_id", Text, |r| (&r.part.attempt_id).into()),
        column("rollout_id", Text, |r| (&r.part.rollout_id).into()),
        column("lineage_id", Text, |r| (&r.part.lineage_id).into()),
        column("session_id", Text, |r| (&r.part.session_id).into()),
        column("session_key", UInt, |r| short_key(&r.trace.project, &r.part.session_id).into()),
        column("part_key", Text, |r| time_key(r.part.start_time_unix_nano, &r.part.trace_id).into()),
        column("root_span_id", Text, |r| (&r.part.root_span_id).into()),
        column("lineage_label", Text, |r| (&r.part.lineage_label).into()),
        column("cycle", Int, |r| r.part.cycle.into()),
        column("attempt_number", Int, |r| r.part.attempt_number.into()),
        column("surrounds", Bool, |r| r.part.surrounds.into()),
        column("agent_definition_id", Text, |r| r.definition().map(|d| &d.agent_definition_id).into()),
        column("definition_key", Text, |r| {
            let start = r.part.definition_start_time_unix_nano.unwrap_or(0);
            r.definition().map(|_| time_key(start, &r.part.trace_id)).into()
        }),
        column("definition_started_at", Time, |r| Cell::Time(r.part.definition_start_time_unix_nano.unwrap_or(0))),
        column("agent_name", Text, |r| r.definition().and_then(|d| d.agent_name.as_ref()).into()),
        column("version_labels", Texts, |r| r.definition().map(|d| d.version_labels.as_slice()).into()),
        column("system_prompt_pieces", Pieces, |r| (&r.definition_texts.system_prompt).into()),
        column("prompt_template_pieces", Pieces, |r| (&r.definition_texts.prompt_template).into()),
        column("tools_pieces", Pieces, |r| (&r.definition_texts.tools).into()),
        column("flow", Text, |r| r.definition().and_then(|d| d.flow.as_ref()).into()),
        column("parameters", Json, |r| r.definition().and_then(|d| d.parameters.as_ref()).map(json_text).into()),
        column("model", Text, |r| r.definition().and_then(|d| d.model.as_ref()).into()),
        column("status", Text, |r| r.part.status.as_str().into()),
        column("error", LongText, |r| (&r.part.error).into()),
        column("input_messages_pieces", Pieces, |r| (&r.input_messages).into()),
        column("continued_span_id", Text, |r| (&r.part.continued_span_id).into()),
        column("prompt_hash", Text, |r| (&r.prompt_hash).into()),
        column("input_text", LongText, |r| (&r.part.input_text).into()),
        column("output_text", LongText, |r| (&r.part.output_text).into()),
        column("output_hash", Text, |r| r.part.output_text.as_deref().map(text_hash).into()),
        column("test_input", LongText, |r| (&r.part.test_input).into()),
        column("started_at", Time, |r| Cell::Time(r.part.start_time_unix_nano)),
        column("ended_at", Time, |r| Cell::Time(r.part.end_time_unix_nano)),
        column("start_time_unix_nano", UInt, |r| r.part.start_time_unix_nano.into()),
        column("end_time_unix_nano", UInt, |r| r.part.end_time_unix_nano.into()),
        column("llm_calls", Int, |r| r.part.llm_calls.into()),
        column("llm_calls_failed", Int, |r| r.part.llm_calls_failed.into()),
        column("tool_calls", Int, |r| r.part.tool_calls.into()),
        column("tool_calls_failed", Int, |r| r.part.tool_calls_failed.into()),
        column("input_tokens", Int, |r| r.part.input_tokens.into()),
        column("output_tokens", Int, |r| r.part.output_tokens.into()),
        column("cached_tokens", Int, |r| r.part.cached_tokens.into()),
        column("reasoning_tokens", Int, |r| r.part.reasoning_tokens.into()),
        column("cost_usd", Float, |r| r.part.cost_usd.into()),
        column("conversation_span_id", Text, |r| (&r.part.conversation_span_id).into()),
    ]
}

/// One thing that a trace says about a session.
pub(crate) struct SessionRow<'a> {
    pub(crate) trace: &'a DerivedTrace,
    pub(crate) fact: &'a SessionFact,
}

pub(crate) fn session_rows<'a>() -> Vec<Column<SessionRow<'a>>> {
    use Kind::{Int, LongText, Text, Time, UInt};
    vec![
        column("project", Text, |r| (&r.trace.project).into()),
        column("recorded_at", Time, |r| recorded_at(r.trace.recorded_at_unix_nano)),
        column("trace_id", Text, |r| (&r.trace.trace_id).into()),
        column("session_id", Text, |r| (&r.fact.session_id).into()),
        column("field", Text, |r| (&r.fact.field).into()),
        column("value", LongText, |r| (&r.fact.value).into()),
        // Names the documents that a context holds.
        column("context_hash", Text, |r| (r.fact.field == "context").then(|| text_hash(&r.fact.value)).into()),
        column("rank", Int, |r| r.fact.rank.into()),
        column("position", UInt, |r| r.fact.position.into()),
    ]
}

/// An artifact that a span declared.
pub(crate) struct ArtifactRow<'a> {
    trace: &'a DerivedTrace,
    part: &'a AttemptPart,
    artifact: &'a DeclaredArtifact,
    content_hash: String,
    artifact_id: String,
}

impl<'a> ArtifactRow<'a> {
    pub(crate) fn new(trace: &'a DerivedTrace, part: &'a AttemptPart, artifact: &'a DeclaredArtifact) -> Self {
        let content_hash = text_hash(&artifact.content);
        let name = artifact.name.as_deref().unwrap_or_default();
        let key = [&trace.project, &part.attempt_id, &artifact.span_id, name, &content_hash];
        let artifact_id = derive_id("artifact", &key);
        Self { trace, part, artifact, content_hash, artifact_id }
    }

    pub(crate) fn reference(&self) -> ContentRef<'a> {
        ContentRef {
            project: &self.trace.project,
            recorded_at_unix_nano: self.trace.recorded_at_unix_nano,
            trace_id: Some(&self.trace.trace_id),
            content_hash: self.content_hash.clone(),
            kind: ContentKind::Artifact.as_str(),
        }
    }

    pub(crate) fn body(&self, texts: &mut Texts) -> ContentBody<'a> {
        ContentBody::new(&self.trace.project, self.content_hash.clone(), &json_text(&self.artifact.content), texts)
    }
}

pub(crate) fn artifact_rows<'a>() -> Vec<Column<ArtifactRow<'a>>> {
    use Kind::{LongText, Text, Time};
    vec![
        column("project", Text, |r| (&r.trace.project).into()),
        column("recorded_at", Time, |r| recorded_at(r.trace.recorded_at_unix_nano)),
        column("trace_id", Text, |r| (&r.trace.trace_id).into()),
        column("artifact_id", Text, |r| (&r.artifact_id).into()),
        column("attempt_id", Text, |r| (&r.part.attempt_id).into()),
        column("span_id", Text, |r| (&r.artifact.span_id).into()),
        column("name", Text, |r| (&r.artifact.name).into()),
        column("type", Text, |r| (&r.artifact.r#type).into()),
        column("content", LongText, |r| (&r.artifact.content).into()),
        column("content_hash", Text, |r| (&r.content_hash).into()),
        column("created_at", Time, |r| Cell::Time(r.artifact.time_unix_nano)),
    ]
}

/// A span or record that nothing explains.
pub(crate) struct UnmappedRow<'a> {
    pub(crate) trace: &'a DerivedTrace,
    pub(crate) unmapped: &'a UnmappedSpan,
}

/// `trace_id` is the trace that it was derived with, `sent_trace_id` the one that it names itself, where it names one.
pub(crate) fn unmapped_rows<'a>() -> Vec<Column<UnmappedRow<'a>>> {
    use Kind::{Text, Time};
    vec![
        column("project", Text, |r| (&r.trace.project).into()),
        column("recorded_at", Time, |r| recorded_at(r.trace.recorded_at_unix_nano)),
        column("trace_id", Text, |r| (&r.trace.trace_id).into()),
        column("sent_trace_id", Text, |r| (&r.unmapped.trace_id).into()),
        column("span_id", Text, |r| (&r.unmapped.span_id).into()),
        column("scope_name", Text, |r| (&r.unmapped.scope_name).into()),
        column("name", Text, |r| (&r.unmapped.name).into()),
        column("reason", Text, |r| (&r.unmapped.reason).into()),
    ]
}

/// That a trace, or an item of feedback, uses a content.
pub(crate) struct ContentRef<'a> {
    pub(crate) project: &'a str,
    pub(crate) recorded_at_unix_nano: u64,
    /// Absent where feedback brought it.
    pub(crate) trace_id: Option<&'a str>,
    pub(crate) content_hash: String,
    pub(crate) kind: &'static str,
}

impl<'a> ContentRef<'a> {
    pub(crate) fn of_trace(trace: &'a DerivedTrace, content_hash: String, kind: ContentKind) -> Self {
        Self {
            project: &trace.project,
            recorded_at_unix_nano: trace.recorded_at_unix_nano,
            trace_id: Some(&trace.trace_id),
            content_hash,
            kind: kind.as_str(),
        }
    }
}

pub(crate) fn content_refs<'a>() -> Vec<Column<ContentRef<'a>>> {
    use Kind::{Text, Time};
    vec![
        column("project", Text, |r| r.project.into()),
        column("recorded_at", Time, |r| recorded_at(r.recorded_at_unix_nano)),
        column("trace_id", Text, |r| r.trace_id.into()),
        column("content_hash", Text, |r| (&r.content_hash).into()),
        column("kind", Text, |r| r.kind.into()),
    ]
}

/// A content itself, once per project.
pub(crate) struct ContentBody<'a> {
    pub(crate) project: &'a str,
    pub(crate) content_hash: String,
    pub(crate) pieces: Vec<u64>,
    pub(crate) bytes: usize,
}

impl<'a> ContentBody<'a> {
    pub(crate) fn new(project: &'a str, content_hash: String, body: &str, texts: &mut Texts) -> Self {
        Self { project, content_hash, pieces: texts.pieces(body), bytes: body.len() }
    }

    /// `(project, content hash)`.
    pub(crate) fn key(&self) -> (&str, &str) {
        (self.project, &self.content_hash)
    }
}

pub(crate) fn content_bodies<'a>() -> Vec<Column<ContentBody<'a>>> {
    use Kind::{Int, Pieces, Text};
    vec![
        column("project", Text, |r| r.project.into()),
        column("content_hash", Text, |r| (&r.content_hash).into()),
        column("body_pieces", Pieces, |r| r.pieces.as_slice().into()),
        column("bytes", Int, |r| i64::try_from(r.bytes).unwrap_or(i64::MAX).into()),
    ]
}

/// A piece of shared texts.
pub(crate) fn texts() -> Vec<Column<TextRow>> {
    use Kind::{LongText, UInt};
    vec![column("id", UInt, |r| r.id.into()), column("text", LongText, |r| (&r.text).into())]
}

/// The loader's book-keeping: one row per trace that has facts or derived rows. Nanoseconds since the Unix epoch, cut to
/// microseconds as everywhere in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownTrace {
    pub(crate) project: String,
    pub(crate) trace_id: String,
    /// `recorded_at` of its derived rows; 0 while there are none.
    pub(crate) derived_at_unix_nano: u64,
    /// `recorded_at` of its first fact; 0 while there are none.
    pub(crate) first_fact_unix_nano: u64,
    /// `recorded_at` of its last fact.
    pub(crate) last_fact_unix_nano: u64,
    /// Which of [`super::DERIVED_TABLES`] have rows of it: a bit each, the lowest for the first.
    pub(crate) derived_tables: u64,
}

pub(crate) fn known_traces() -> Vec<Column<KnownTrace>> {
    use Kind::{Text, Time, UInt};
    vec![
        column("project", Text, |r| (&r.project).into()),
        column("trace_id", Text, |r| (&r.trace_id).into()),
        column("trace_key", UInt, |r| short_key(&r.project, &r.trace_id).into()),
        column("derived_at", Time, |r| Cell::Time(r.derived_at_unix_nano)),
        column("first_fact_at", Time, |r| Cell::Time(r.first_fact_unix_nano)),
        column("last_fact_at", Time, |r| Cell::Time(r.last_fact_unix_nano)),
        column("derived_tables", UInt, |r| r.derived_tables.into()),
    ]
}

/// The loader's book-keeping on units: one row per link of a unit key to a trace, and one, without a trace, for all of a
/// key's records outside of traces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownUnit {
    pub(crate) project: String,
    pub(crate) unit_key: String,
    pub(crate) trace_id: Option<String>,
    /// `recorded_at` of the first and of the last record outside of traces; 0 for a link, since the trace has its own.
    pub(crate) first_fact_unix_nano: u64,
    pub(crate) last_fact_unix_nano: u64,
}

pub(crate) fn known_units() -> Vec<Column<KnownUnit>> {
    use Kind::{Text, Time};
    vec![
        column("project", Text, |r| (&r.project).into()),
        column("unit_key", Text, |r| (&r.unit_key).into()),
        column("trace_id", Text, |r| (&r.trace_id).into()),
        column("first_fact_at", Time, |r| Cell::Time(r.first_fact_unix_nano)),
        column("last_fact_at", Time, |r| Cell::Time(r.last_fact_unix_nano)),
    ]
}
