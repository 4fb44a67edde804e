//! Feedback items after validation: plain values, absent instead of empty.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Who gave the feedback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants are their own words")]
pub enum Source {
    Human,
    Model,
    Code,
}

impl Source {
    /// The name in the public schema.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Model => "model",
            Self::Code => "code",
        }
    }
}

/// One accepted item: a fact, never changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeedbackItem {
    /// Derived from the idempotency key, else from the content.
    pub item_id: String,
    /// Project it was sent to.
    pub project: String,
    /// As sent; absent when the content is the key.
    pub idempotency_key: Option<String>,
    /// Hash of all fields but the client's time: tells a repeat from a conflict under one key.
    pub content_hash: String,
    /// Reviewer, where named.
    pub reviewer: Option<String>,
    /// Who they are.
    pub source: Source,
    /// Client's time, else the time of arrival. Nanoseconds since the Unix epoch.
    pub created_at_unix_nano: u64,
    /// What it says.
    pub body: FeedbackBody,
}

/// What an item says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(missing_docs, reason = "each variant's type documents it")]
pub enum FeedbackBody {
    Evaluation(Evaluation),
    Comparison(Comparison),
    Directive(Directive),
    Artifact(Artifact),
    Evolution(Evolution),
    EvolutionOutcome(EvolutionOutcome),
    Insight(Insight),
    Session(SessionFacts),
    Retraction(Retraction),
}

impl FeedbackBody {
    /// The kind's name, as in the JSON tag.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Evaluation(_) => "evaluation",
            Self::Comparison(_) => "comparison",
            Self::Directive(_) => "directive",
            Self::Artifact(_) => "artifact",
            Self::Evolution(_) => "evolution",
            Self::EvolutionOutcome(_) => "evolution_outcome",
            Self::Insight(_) => "insight",
            Self::Session(_) => "session",
            Self::Retraction(_) => "retraction",
        }
    }
}

/// What an item speaks of. At least one way of naming it is set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Target {
    /// Artifact id.
    pub artifact_id: Option<String>,
    /// Attempt id.
    pub attempt_id: Option<String>,
    /// 32 lower-case hex digits.
    pub trace_id: Option<String>,
    /// 16 lower-case hex digits, with `trace_id`.
    pub span_id: Option<String>,
    /// Provider's response id.
    pub response_id: Option<String>,
    /// Session id as sent.
    pub session: Option<String>,
    /// Lineage label, with `session`.
    pub lineage: Option<String>,
    /// 1 or more.
    pub cycle: Option<u32>,
    /// 1 or more.
    pub attempt_number: Option<u32>,
}

/// A score, value, comment or correction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// What is evaluated.
    pub target: Target,
    /// Absent: overall.
    pub criterion: Option<String>,
    /// 1 to 10.
    pub score: Option<f64>,
    /// A boolean or number under a criterion.
    pub value: Option<Value>,
    /// A label under a criterion.
    pub label: Option<String>,
    /// Free text.
    pub comment: Option<String>,
    /// The reviewer's own better output.
    pub correction: Option<String>,
    /// Of an evaluation that came in telemetry: where it was found, and what else it said. It is no part of what tells a
    /// repeat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
}

/// How outputs were compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants are their own words")]
pub enum ComparisonKind {
    Ranking,
    Lock,
    Pairwise,
}

impl ComparisonKind {
    /// The name in the public schema.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ranking => "ranking",
            Self::Lock => "lock",
            Self::Pairwise => "pairwise",
        }
    }
}

/// A comparison in one shape for all kinds: entries with a rank, lower is better, equal is a tie.
/// Lock: locked entries have rank 1, the others 2. Pairwise: preferred 1, rejected 2; both 1 on a tie.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Its form.
    pub form: ComparisonKind,
    /// Session of all entries, where one was named.
    pub session: Option<String>,
    /// Cycle of all entries, where one was named.
    pub cycle: Option<u32>,
    /// Absent: overall.
    pub criterion: Option<String>,
    /// Free text.
    pub comment: Option<String>,
    /// Lock without named others: every other lineage of the session and cycle is meant.
    pub over_all_others: bool,
    /// Two or more, or one or more with `over_all_others`.
    pub entries: Vec<ComparisonEntry>,
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ComparisonEntry {
    /// What was compared; session and cycle filled in from the comparison.
    pub target: Target,
    /// 1 is best.
    pub rank: u32,
    /// Lock only.
    pub locked: bool,
    /// 1 for what the reviewer saw first.
    pub shown_position: Option<u32>,
}

/// How long a directive holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants are their own words")]
pub enum DirectiveKind {
    Once,
    Sticky,
}

/// What the user asked to change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Directive {
    /// Session, or a lineage in it.
    pub target: Target,
    /// The user's words.
    pub text: String,
    /// `once` or `sticky`. Named `directive_kind` in JSON, since `kind` names the item.
    pub directive_kind: DirectiveKind,
}

/// An output declared from outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Artifact {
    /// Whose output.
    pub target: Target,
    /// Name.
    pub name: Option<String>,
    /// Media type.
    pub r#type: Option<String>,
    /// Content.
    pub content: String,
}

/// An agent definition named in one of three ways.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DefinitionRef {
    /// By id.
    pub agent_definition_id: Option<String>,
    /// By agent and version label.
    pub agent: Option<String>,
    /// With `agent`.
    pub version: Option<String>,
    /// The lineage's definition of that cycle.
    pub cycle: Option<u32>,
}

/// What was changed in an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evolution {
    /// Session id.
    pub session: String,
    /// Lineage label.
    pub lineage: String,
    /// Before.
    pub from: DefinitionRef,
    /// After.
    pub to: DefinitionRef,
    /// In words.
    pub changes: Option<String>,
    /// Why.
    pub hypothesis: Option<String>,
}

/// A stated outcome of an evolution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvolutionOutcome {
    /// Item id or idempotency key.
    pub of: String,
    /// Did it work.
    pub hypothesis_validated: Option<bool>,
    /// Stated, not derived.
    pub score_before: Option<f64>,
    /// Stated, not derived.
    pub score_after: Option<f64>,
    /// Free text.
    pub comment: Option<String>,
}

/// A pattern that works.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Insight {
    /// What it holds for.
    pub scope: Option<String>,
    /// The insight.
    pub text: String,
    /// Item ids or idempotency keys.
    pub evidence: Vec<String>,
    /// 0 to 1.
    pub confidence: Option<f64>,
}

/// What a session is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionFacts {
    /// Session id.
    pub session: String,
    /// The user's need.
    pub need: Option<String>,
    /// Constraints.
    pub constraints: Option<String>,
    /// Context.
    pub context: Option<String>,
    /// Anything else.
    pub metadata: Option<Map<String, Value>>,
}

/// Takes an earlier item back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Retraction {
    /// Item id or idempotency key.
    pub of: String,
    /// Why.
    pub reason: Option<String>,
}
