//! What is derived from one trace: canonical spans, the parts of attempts that lie in it, contents.
//!
//! A [`DerivedTrace`] is a pure function of all fragments of its trace (never of their order). Relations that look across
//! traces (an attempt of two traces, `cycle`, `version_number`) are put together from these parts when read.

mod span;
mod told_call;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use span::{Span, SpanKind, SpanOrigin};
pub use told_call::ToldCall;

use crate::{ContentHash, ContextDocument, Message};

/// Status of an attempt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptStatus {
    /// Its root has not been seen.
    #[default]
    Open,
    /// The root's status is not ERROR.
    Ok,
    /// The root's status is ERROR.
    Error,
}

impl AttemptStatus {
    /// The name in the public schema.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Ok => "ok",
            Self::Error => "error",
        }
    }
}

/// An agent by what it is. Its id is the hash of the fields that make it, labels apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentDefinition {
    /// [`crate::derive_id`] of (project, content).
    pub agent_definition_id: String,
    /// The agent's name.
    pub agent_name: Option<String>,
    /// Versions that clients gave it.
    pub version_labels: Vec<String>,
    /// System prompt as first used.
    pub system_prompt: Option<String>,
    /// The system prompt with what changes from run to run (dates, names) lifted out, where there was any: what then tells
    /// definitions apart.
    #[serde(default)]
    pub prompt_template: Option<String>,
    /// Tools sorted by name.
    pub tools: Option<Value>,
    /// Flow, where one is named.
    pub flow: Option<String>,
    /// Invocation parameters, the model apart.
    pub parameters: Option<Map<String, Value>>,
    /// Requested model.
    pub model: Option<String>,
}

/// That part of an attempt which lies in one trace: usually all of it. Counts and sums are of this trace alone.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AttemptPart {
    /// Derived id.
    pub attempt_id: String,
    /// Derived id.
    pub rollout_id: String,
    /// Derived id.
    pub lineage_id: String,
    /// The key as sent, or `trace:<hex>`.
    pub session_id: String,
    /// The trace that this part lies in.
    pub trace_id: String,
    /// Span with the keys, or the trace's root; absent while unseen.
    pub root_span_id: Option<String>,
    /// Label of the lineage.
    pub lineage_label: String,
    /// `gleaner.rollout.cycle`, where sent.
    pub cycle: Option<i64>,
    /// `gleaner.attempt.number`, where sent.
    pub attempt_number: Option<i64>,
    /// It calls a model around other attempts of its lineage or rollout: it is no try of theirs, and never numbered.
    #[serde(default)]
    pub surrounds: bool,
    /// Definition of the root agent, absent while no LLM call of it is known.
    pub definition: Option<AgentDefinition>,
    /// Start of the LLM call that the definition was read from: of two parts the earlier decides.
    pub definition_start_time_unix_nano: Option<u64>,
    /// Status as far as this trace tells.
    pub status: AttemptStatus,
    /// The root's error.
    pub error: Option<String>,
    /// Input of the attempt: messages of the root agent's first LLM call, without the system prompt.
    pub input_messages: Option<Vec<Message>>,
    /// The root agent's first LLM call, where that goes on from an earlier response: the input above is then its end alone.
    pub continued_span_id: Option<String>,
    /// The root's recorded input, else the text of the first call's last user message.
    pub input_text: Option<String>,
    /// Final answer.
    pub output_text: Option<String>,
    /// `gleaner.attempt.test_input`.
    pub test_input: Option<String>,
    /// Nanoseconds since the Unix epoch: of the root, else of the earliest span.
    pub start_time_unix_nano: u64,
    /// Nanoseconds since the Unix epoch: of the root, else of the latest span.
    pub end_time_unix_nano: u64,
    /// LLM executions, failed ones too, duplicates not.
    pub llm_calls: i64,
    /// Failed ones.
    pub llm_calls_failed: i64,
    /// Tool executions, failed ones too.
    pub tool_calls: i64,
    /// Failed ones.
    pub tool_calls_failed: i64,
    /// Sum over leaf LLM spans.
    pub input_tokens: Option<i64>,
    /// Sum over leaf LLM spans.
    pub output_tokens: Option<i64>,
    /// Sum over leaf LLM spans.
    pub cached_tokens: Option<i64>,
    /// Sum over leaf LLM spans.
    pub reasoning_tokens: Option<i64>,
    /// Sum over leaf LLM spans, where known.
    pub cost_usd: Option<f64>,
    /// `gleaner.artifact.*` of the attempt, else none (the final answer stands in when read).
    pub artifacts: Vec<DeclaredArtifact>,
    /// Conversation of the whole attempt: what the root agent's last LLM call was given and answered.
    pub conversation_span_id: Option<String>,
    /// Documents that this attempt was given or found. Those of its session stand with the session.
    #[serde(default)]
    pub documents: Vec<UsedDocument>,
    /// Agents below the root agent that made model calls, by start.
    #[serde(default)]
    pub sub_agents: Vec<SubAgent>,
}

/// An agent below an attempt's root agent: no attempt of its own, but a definition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubAgent {
    /// The agent's span.
    pub span_id: String,
    /// As of the agent's first model call.
    pub definition: AgentDefinition,
    /// Start of that call. Nanoseconds since the Unix epoch.
    pub start_time_unix_nano: u64,
}

/// A context document of an attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UsedDocument {
    /// Span that names or found it.
    pub span_id: String,
    /// How the attempt came by it.
    pub origin: DocumentOrigin,
    /// The document.
    pub document: ContextDocument,
}

/// How an attempt came by a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentOrigin {
    /// `gleaner.attempt.context`.
    Attempt,
    /// A search of the attempt found it.
    Retriever,
}

impl DocumentOrigin {
    /// The name in the public schema.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Attempt => "attempt",
            Self::Retriever => "retriever",
        }
    }
}

/// An artifact that a span declared by `gleaner.artifact.*`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeclaredArtifact {
    /// Span that declared it.
    pub span_id: String,
    /// Name, e.g. a file name.
    pub name: Option<String>,
    /// Media type.
    pub r#type: Option<String>,
    /// The content itself.
    pub content: String,
    /// When the span ended.
    pub time_unix_nano: u64,
}

/// One thing that a trace says about a session. Conflicts are settled when read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionFact {
    /// The session.
    pub session_id: String,
    /// `user_id`, `need`, `constraints` or `context`.
    pub field: String,
    /// The value as text.
    pub value: String,
    /// 2: on a span, 1: on a resource; 0 and -1: likewise, under a key of a convention. Feedback (3) is not told by traces.
    pub rank: i64,
    /// Highest journal position of the fragments that said so: among equals the later wins.
    pub position: u64,
}

/// What a content is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants are their own words")]
pub enum ContentKind {
    Message,
    SystemPrompt,
    Tools,
    Artifact,
    Document,
}

impl ContentKind {
    /// The name in the public schema.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::SystemPrompt => "system_prompt",
            Self::Tools => "tools",
            Self::Artifact => "artifact",
            Self::Document => "document",
        }
    }
}

/// A value stored once, by its hash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// BLAKE3 of the canonical JSON.
    pub hash: ContentHash,
    /// What it is.
    pub kind: ContentKind,
    /// JSON text of the value.
    pub body: String,
}

/// A span that no convention explains: stored, counted and listed (I8).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnmappedSpan {
    /// Absent for log records outside any trace.
    pub trace_id: Option<String>,
    /// Absent for log records outside any span.
    pub span_id: Option<String>,
    /// Tracer or logger.
    pub scope_name: String,
    /// Span or event name.
    pub name: String,
    /// Why, as one of a closed set of words, e.g. `no_known_attributes`.
    pub reason: String,
}

/// Everything derived from one trace. Replaces whatever was derived from it before.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DerivedTrace {
    /// Project that the trace belongs to.
    pub project: String,
    /// The trace.
    pub trace_id: String,
    /// When the newest of its fragments reached the journal. Nanoseconds since the Unix epoch.
    pub recorded_at_unix_nano: u64,
    /// By start time, then span id.
    pub spans: Vec<Span>,
    /// By start time, then attempt id.
    pub attempts: Vec<AttemptPart>,
    /// What the trace says about sessions.
    pub session_facts: Vec<SessionFact>,
    /// System prompts and tool lists of its spans, artifacts and documents, each once. Messages are contents of their own, which the spans hold.
    pub contents: Vec<Content>,
    /// Spans that nothing explains.
    pub unmapped: Vec<UnmappedSpan>,
}
