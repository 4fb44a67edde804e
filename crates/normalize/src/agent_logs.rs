//! Agents that tell of their work in log records: coding agents on the command line.
//!
//! Their records name a session, often a turn, and seldom a trace. [`place`] says what a record tells of; [`weave`] puts
//! every record to the span that it belongs to, and makes the spans that nobody sent: one agent span per user prompt, the
//! model calls and the tool runs below it. What such a span means is then read by its convention like that of any other
//! span; what a call was given is put together by [`history`](mod@history), since records tell only what is new.
//!
//! Invariants: a pure function of the set of records and spans; ids are derived from session, turn and key; a record that
//! says nothing of a turn (`Role::Note` outside any trace) makes no span.

use gleaner_model::{LogFragment, SpanFragment};
use serde_json::Value;

use crate::conventions::{claude_code, codex, copilot, gemini_cli};
use crate::value::{first_text, is_empty_text};

pub(crate) mod detailed;
pub(crate) mod history;
mod known;
pub(crate) mod turns;
pub(crate) mod weave;

pub(crate) use weave::weave;

/// What a log record tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// A user's prompt: a turn begins.
    Prompt,
    /// A model call by its id, whole or in part.
    Call,
    /// A model call begins; records of this kind have no id.
    CallStarts,
    /// A model call has been answered or has failed.
    CallEnds,
    /// A tool has run.
    Tool,
    /// Somebody decided whether a tool may run.
    ToolDecision,
    /// A sub-agent is done.
    Agent,
    /// The conversation was summed up: what was said before is gone.
    Compaction,
    /// Nothing that a span is made of.
    Note,
}

/// Where a record belongs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Place {
    /// Names of the spans that are made of such records.
    pub(crate) names: &'static SpanNames,
    /// Session id as sent.
    pub(crate) session: String,
    /// Turn id, where one is sent; else turns are told apart by the prompts between them.
    pub(crate) turn: Option<String>,
    /// Sub-agent or side task; `None` for the agent itself.
    pub(crate) thread: Option<String>,
    /// What it tells of.
    pub(crate) role: Role,
    /// Id of the call or tool run.
    pub(crate) key: Option<String>,
    /// Another id of the same call.
    pub(crate) alias: Option<String>,
    /// How long the call or tool run took; the record is written at its end.
    pub(crate) duration_nano: u64,
    /// Order among records of one time.
    pub(crate) sequence: i64,
}

/// How an agent's own spans are called: those made of its records get the same names.
#[derive(Debug, PartialEq)]
pub(crate) struct SpanNames {
    pub(crate) turn: &'static str,
    pub(crate) call: &'static str,
    pub(crate) tool: &'static str,
    pub(crate) agent: &'static str,
    pub(crate) compaction: &'static str,
}

/// What a record tells of, if an agent that logs wrote it.
pub(crate) fn place(log: &LogFragment) -> Option<Place> {
    [claude_code::place, codex::place, gemini_cli::place].iter().find_map(|place| place(log))
}

/// The session that a span of such an agent belongs to.
pub(crate) fn session_of(span: &SpanFragment) -> Option<String> {
    [claude_code::session_of, codex::session_of, gemini_cli::session_of, copilot::session_of]
        .iter()
        .find_map(|session_of| session_of(span))
}

/// What an agent that logs is called: as its service, else by its own name.
pub(crate) fn program_name(span: &SpanFragment, own_name: &str) -> String {
    first_text(&span.resource, &["service.name"]).unwrap_or_else(|| own_name.to_owned())
}

/// Name of the event: the attribute before the field, where some loggers put a source position.
pub(crate) fn event_of(log: &LogFragment) -> &str {
    let attribute = log.attributes.get("event.name").and_then(Value::as_str).filter(|name| !is_empty_text(name));
    attribute.unwrap_or(&log.event_name)
}
