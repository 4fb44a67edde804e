//! Gleaner's canonical values: what every other crate speaks.
//!
//! Data in: nothing. Data out: plain values with `serde`. This crate does no I/O and knows no protobuf, no async and no
//! DuckDB; it builds in seconds.
//!
//! Invariants:
//! - Ids are derived ([`derive_id`]), never random: the same facts make the same ids on every replay.
//! - A [`ContentHash`] depends on the value alone, not on key order or white space (RFC 8785).

mod canonical_json;
mod document;
mod feedback;
mod fragment;
mod hash;
mod message;
mod trace;

pub use canonical_json::canonical_json;
pub use document::ContextDocument;
pub use feedback::{
    Artifact, Comparison, ComparisonEntry, ComparisonKind, DefinitionRef, Directive, DirectiveKind, Evaluation,
    Evolution, EvolutionOutcome, FeedbackBody, FeedbackItem, Insight, Retraction, SessionFacts, Source, Target,
};
pub use fragment::{Fragment, LogFragment, ScopeInfo, SpanEvent, SpanFragment, SpanLink, StoredFragment};
pub use hash::{ContentHash, derive_id};
pub use message::{Message, Part, ReasoningKind, output_text, reasoning_text};
pub use trace::{
    AgentDefinition, AttemptPart, AttemptStatus, Content, ContentKind, DeclaredArtifact, DerivedTrace, DocumentOrigin,
    SessionFact, Span, SpanKind, SpanOrigin, SubAgent, ToldCall, UnmappedSpan, UsedDocument,
};
