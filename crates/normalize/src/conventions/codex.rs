//! Codex (`codex`, `codex exec`): log records `codex.*` and, since 0.137, the program's own tracing spans.
//!
//! Records tell prompts, tool runs with arguments and output, and usage; the model's answer is in none. A record's event
//! name is the attribute `event.name`: the field holds a position in Codex's source. There is no id of a model call: a call
//! ends with the record of its `response.completed`, the one that has token counts. Spans are hundreds a turn, nearly all
//! of them internals; `session_task.turn` is the agent, `handle_responses` with usage a model call.
//!
//! Left out: stream events but the last, start-up phases, sandbox and login; they stay in `log_records`.

use gleaner_model::{LogFragment, SpanFragment, SpanKind};
use serde_json::{Map, Value};

use super::Reading;
use super::reader::Reader;
use crate::agent_logs::{Place, Role, SpanNames, event_of, program_name};
use crate::mapped::MergedSpan;
use crate::messages::{COMPLETED, arguments};
use crate::value::{first, first_text, integer};

const NAMES: SpanNames = SpanNames {
    turn: "session_task.turn",
    call: "codex.response",
    tool: "codex.tool",
    agent: "codex.agent",
    compaction: "codex.compaction",
};

/// What a record of Codex tells of.
pub(crate) fn place(log: &LogFragment) -> Option<Place> {
    let event = event_of(log).strip_prefix("codex.")?;
    let text = |key: &str| first_text(&log.attributes, &[key]);
    let number = |key: &str| first(&log.attributes, &[key]).and_then(integer);
    let failed =
        number("http.response.status_code").is_some_and(|status| status >= 400) || text("error.message").is_some();
    let role = match event {
        "user_prompt" => Role::Prompt,
        "api_request" | "websocket_request" if failed => Role::CallEnds,
        "api_request" | "websocket_request" => Role::CallStarts,
        "sse_event" | "websocket_event" if number("input_token_count").is_some() => Role::CallEnds,
        "tool_result" => Role::Tool,
        "tool_decision" => Role::ToolDecision,
        _ => Role::Note,
    };
    let duration_ms = number("duration_ms").filter(|_| matches!(event, "api_request" | "tool_result"));
    Some(Place {
        names: &NAMES,
        session: text("conversation.id")?,
        turn: text("turn.id").or_else(|| text("turn_id")),
        thread: None,
        role,
        key: text("call_id"),
        alias: None,
        duration_nano: u64::try_from(duration_ms.unwrap_or(0)).unwrap_or(0).saturating_mul(1_000_000),
        sequence: 0,
    })
}

/// The session that a span of Codex belongs to.
pub(crate) fn session_of(span: &SpanFragment) -> Option<String> {
    let is_own = span.scope.name.starts_with("codex");
    is_own.then(|| first_text(&span.attributes, &["conversation.id", "thread_id"]))?
}

/// Whether the span or a record of it is Codex's.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    is_tracer(span) || span.logs.iter().any(is_record)
}

fn is_tracer(span: &MergedSpan) -> bool {
    span.span.scope.name.starts_with("codex") || span.span.attributes.keys().any(|key| key.starts_with("codex."))
}

fn is_record(log: &LogFragment) -> bool {
    event_of(log).starts_with("codex.")
}

/// Reads the span's attributes, then its records.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    let kind = kind(span);
    let tells = |log: &&LogFragment| place(log).is_some_and(|place| kind.is_some() && kind_of(place.role) == kind);
    // The answer before the request: both have a duration, one has the usage.
    for log in span.logs.iter().rev().filter(tells) {
        reader.add_event(event_of(log), &log.attributes);
    }
    match kind {
        Some(SpanKind::Llm) => read_call(&mut reader),
        Some(SpanKind::Tool) => read_tool(&mut reader),
        Some(SpanKind::Agent) => {
            reader.mapped.input_text = reader.text("input_text", &["prompt"]);
            reader.mapped.agent_name = Some(program_name(&span.span, "codex"));
        }
        _ => {}
    }
    if kind.is_some() {
        reader.mapped.kind = kind;
        reader.note("kind", "name");
    }
    // Internals name the session too; alone they are no work of it.
    if kind != Some(SpanKind::Chain) {
        reader.mapped.session_key = reader.text("session_key", &["conversation.id", "thread_id"]).map(|id| (0, id));
    }
    reader.mapped.user_key = reader.text("user_key", &["user.account_id", "user.email"]);
    reader.mapped.agent_version = reader
        .text("agent_version", &["app.version"])
        .or_else(|| first_text(&span.span.resource, &["service.version"]));
    Reading { structured: reader.mapped, ..Reading::default() }
}

/// None for a span of somebody else that a record was written in.
fn kind(span: &MergedSpan) -> Option<SpanKind> {
    let name = span.span.name.as_str();
    let carries = |prefix: &str| span.span.attributes.keys().any(|key| key.starts_with(prefix));
    if name == NAMES.turn || name == NAMES.agent || carries("codex.turn.token_usage.") {
        Some(SpanKind::Agent)
    } else if name == NAMES.call || is_tracer(span) && carries("gen_ai.usage.") {
        Some(SpanKind::Llm)
    } else if name == NAMES.tool {
        Some(SpanKind::Tool)
    } else {
        is_tracer(span).then_some(SpanKind::Chain)
    }
}

fn kind_of(role: Role) -> Option<SpanKind> {
    match role {
        Role::Prompt => Some(SpanKind::Agent),
        Role::CallStarts | Role::CallEnds => Some(SpanKind::Llm),
        Role::Tool | Role::ToolDecision => Some(SpanKind::Tool),
        _ => None,
    }
}

fn read_call(reader: &mut Reader) {
    reader.mapped.model = reader.text("model", &["gen_ai.request.model", "model", "slug"]);
    reader.mapped.input_tokens = reader.count("input_tokens", &["gen_ai.usage.input_tokens", "input_token_count"]);
    reader.mapped.output_tokens = reader.count("output_tokens", &["gen_ai.usage.output_tokens", "output_token_count"]);
    reader.mapped.cached_tokens =
        reader.count("cached_tokens", &["gen_ai.usage.cache_read.input_tokens", "cached_token_count"]);
    reader.mapped.reasoning_tokens = reader.count("reasoning_tokens", &["reasoning_token_count"]);
    if let Some(effort) = reader.find("parameters", &["model_reasoning_effort", "reasoning_effort"]) {
        reader.mapped.parameters = Some(Map::from_iter([("reasoning_effort".to_owned(), effort.clone())]));
    }
    if reader.text("finish_reason", &["event.kind"]).as_deref() == Some("response.completed") {
        reader.mapped.finish_reason = Some(COMPLETED.to_owned());
    }
    let status = reader.count("error", &["http.response.status_code"]).filter(|status| *status >= 400);
    let message = reader.text("error", &["error.message"]);
    reader.mapped.error = message.or_else(|| status.map(|status| format!("status {status}")));
    if reader.mapped.error.is_none() {
        reader.mapped.source_keys.shift_remove("error");
    }
}

fn read_tool(reader: &mut Reader) {
    reader.mapped.tool_name = reader.text("tool_name", &["tool_name"]);
    reader.mapped.tool_call_id = reader.text("tool_call_id", &["call_id"]);
    reader.mapped.tool_arguments = reader.find("tool_arguments", &["arguments"]).map(arguments);
    reader.mapped.tool_result = reader.find("tool_result", &["output"]).cloned();
    if reader.text("success", &["success"]).as_deref() == Some("false") {
        let said = reader.mapped.tool_result.as_ref().and_then(Value::as_str).map(str::to_owned);
        reader.mapped.error = said.or_else(|| Some("tool failed".to_owned()));
    }
    reader.mapped.source_keys.shift_remove("success");
}
