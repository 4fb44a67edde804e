//! Claude Code (and what runs on it, the Claude Agent SDK): spans `claude_code.*` and log records of the scope
//! `com.anthropic.claude_code.events`.
//!
//! Records are the stable form: prompt, request, answer and tool run each have one, joined by `request_id`, `tool_use_id`
//! and `prompt.id`; usually they stand outside any trace. Spans (beta) hold usage and timing but neither the answer nor, but
//! for detailed tracing, what the model was given. Older builds write the whole name into `span.type` and numbers as text.
//! `gen_ai.response.id` is the id of the HTTP request. Input tokens do not include cached ones.
//!
//! Left out: hooks, plugins, permissions; they stay with the span or in `log_records`.

use gleaner_model::{LogFragment, Message, Part, SpanFragment, SpanKind};
use serde_json::{Map, Value};

use super::reader::Reader;
use super::{Reading, bodies};
use crate::agent_logs::{Place, Role, SpanNames, event_of, program_name};
use crate::mapped::{Mapped, MergedSpan};
use crate::messages::arguments;
use crate::value::{first, first_str, first_text, integer, is_empty_text, structured};

const NAMES: SpanNames = SpanNames {
    turn: "claude_code.interaction",
    call: "claude_code.llm_request",
    tool: "claude_code.tool",
    agent: "claude_code.subagent",
    compaction: "claude_code.compaction",
};

/// What a record of Claude Code tells of.
pub(crate) fn place(log: &LogFragment) -> Option<Place> {
    if !is_record(log) {
        return None;
    }
    let text = |key: &str| first_text(&log.attributes, &[key]);
    let event = event_of(log);
    let event = event.strip_prefix("claude_code.").unwrap_or(event);
    let (role, key) = match event {
        "user_prompt" => (Role::Prompt, None),
        "api_request"
        | "assistant_response"
        | "api_error"
        | "api_refusal"
        | "api_retries_exhausted"
        | "api_response_body" => (Role::Call, text("request_id")),
        // Written before the request has an id.
        "api_request_body" => (Role::CallStarts, text("request_id")),
        "tool_result" => (Role::Tool, text("tool_use_id")),
        "tool_decision" => (Role::ToolDecision, text("tool_use_id")),
        "subagent_completed" => (Role::Agent, None),
        "compaction" => (Role::Compaction, None),
        _ => (Role::Note, None),
    };
    let ends_something = matches!(event, "api_request" | "api_error" | "tool_result" | "subagent_completed");
    let duration_ms = first(&log.attributes, &["duration_ms"]).and_then(integer).filter(|_| ends_something);
    Some(Place {
        names: &NAMES,
        session: text("session.id").or_else(|| first_text(&log.resource, &["session.id"]))?,
        turn: text("prompt.id"),
        thread: text("agent_id")
            .or_else(|| text("query_source").filter(|source| !is_main(source)))
            .or_else(|| sub_agent(log).filter(|_| role == Role::Agent)),
        role,
        key,
        alias: text("request_body_id"),
        duration_nano: u64::try_from(duration_ms.unwrap_or(0)).unwrap_or(0).saturating_mul(1_000_000),
        sequence: first(&log.attributes, &["event.sequence"]).and_then(integer).unwrap_or(0),
    })
}

/// What `query_source` calls the requests of a sub-agent that is told by its type only.
fn sub_agent(log: &LogFragment) -> Option<String> {
    let agent_type = first_text(&log.attributes, &["agent_type"])?;
    let is_built_in = first(&log.attributes, &["is_built_in"]).is_some_and(|value| !is_false(value));
    Some(if is_built_in { format!("agent:builtin:{agent_type}") } else { "agent:custom".to_owned() })
}

/// Whether a request is part of the conversation with the user, and not of a sub-agent or of a side task (a title …).
fn is_main(query_source: &str) -> bool {
    matches!(query_source, "sdk" | "compact") || query_source.starts_with("repl_main_thread")
}

fn is_record(log: &LogFragment) -> bool {
    log.scope.name.starts_with("com.anthropic.claude_code")
        || log.body.as_str().is_some_and(|body| body.starts_with("claude_code."))
}

/// The session that a span of Claude Code belongs to.
pub(crate) fn session_of(span: &SpanFragment) -> Option<String> {
    is_own(span).then(|| first_text(&span.attributes, &["session.id"]))?
}

fn is_own(span: &SpanFragment) -> bool {
    span.scope.name.starts_with("com.anthropic.claude_code") || span.name.starts_with("claude_code.")
}

/// Whether the span or a record of it is Claude Code's.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    is_own(&span.span) || span.logs.iter().any(is_record)
}

/// Reads the span's attributes, then its records.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    for log in span.logs.iter().filter(|log| is_record(log)) {
        reader.add_event(event_of(log), &log.attributes);
    }
    let kind = kind(span);
    match kind {
        Some(SpanKind::Llm) => read_call(&mut reader, span),
        Some(SpanKind::Tool) => read_tool(&mut reader, span),
        Some(SpanKind::Agent) => read_agent(&mut reader, span),
        _ => {}
    }
    if kind.is_some() {
        reader.mapped.kind = kind;
        reader.note("kind", "name");
    }
    reader.mapped.session_key = reader.text("session_key", &["session.id"]).map(|id| (0, id));
    // The plain user id is a hash of the installation.
    reader.mapped.user_key =
        reader.text("user_key", &["user.account_uuid", "user.account_id", "user.email", "enduser.id", "user.id"]);
    reader.mapped.agent_version = reader
        .text("agent_version", &["app.version"])
        .or_else(|| first_text(&span.span.resource, &["service.version"]));
    Reading { structured: reader.mapped, ..Reading::default() }
}

/// None for a span of somebody else that a record was written in.
fn kind(span: &MergedSpan) -> Option<SpanKind> {
    if !is_own(&span.span) {
        return None;
    }
    let name = first_str(&span.span.attributes, &["span.type"]).unwrap_or(&span.span.name);
    Some(match name.strip_prefix("claude_code.").unwrap_or(name) {
        "interaction" | "subagent" => SpanKind::Agent,
        "llm_request" => SpanKind::Llm,
        "tool" => SpanKind::Tool,
        _ => SpanKind::Chain,
    })
}

fn read_call(reader: &mut Reader, span: &MergedSpan) {
    reader.mapped.model = reader.text("model", &["gen_ai.request.model", "model"]);
    reader.mapped.provider = reader.text("provider", &["anthropic.provider"]).map(|name| match name.as_str() {
        "bedrock" => "aws.bedrock".to_owned(),
        "vertex" => "gcp.vertex_ai".to_owned(),
        _ => "anthropic".to_owned(),
    });
    reader.mapped.response_id = reader.text("response_id", &["request_id"]);
    reader.mapped.cost_usd = reader.number("cost_usd", &["cost_usd"]);
    let read = reader.count("cached_tokens", &["cache_read_tokens"]);
    let written = reader.count("cache_write", &["cache_creation_tokens"]);
    reader.mapped.source_keys.shift_remove("cache_write");
    let cached = read.unwrap_or(0).saturating_add(written.unwrap_or(0));
    reader.mapped.input_tokens =
        reader.count("input_tokens", &["input_tokens"]).map(|input| input.saturating_add(cached));
    reader.mapped.output_tokens = reader.count("output_tokens", &["output_tokens"]);
    reader.mapped.cached_tokens = read;
    if let Some(effort) = reader.find("parameters", &["effort"]) {
        reader.mapped.parameters = Some(Map::from_iter([("effort".to_owned(), effort.clone())]));
    }
    let failed = span.logs.iter().rev().filter(|log| is_record(log)).find(|log| event_of(log).starts_with("api_error"));
    let answered = span.logs.iter().any(|log| event_of(log) == "api_request");
    if failed.is_some() && !answered || reader.find("success", &["success"]).is_some_and(is_false) {
        reader.mapped.error = reader.text("error", &["error"]);
    }
    reader.mapped.source_keys.shift_remove("success");
    let answer = reader.text("output_messages", &["response", "response.model_output"]);
    reader.mapped.output_messages =
        answer.map(|text| vec![Message { parts: vec![Part::Text { content: text }], ..assistant() }]);
    reader.mapped.system_prompt = reader.text("system_prompt", &["system_prompt"]);
    read_bodies(&mut reader.mapped, span);
}

fn assistant() -> Message {
    Message { role: "assistant".to_owned(), parts: Vec::new(), name: None, finish_reason: None }
}

/// Raw bodies, where the user asked for them, tell all that a call was given and answered.
fn read_bodies(mapped: &mut Mapped, span: &MergedSpan) {
    let body = |event: &str| {
        let log = span.logs.iter().find(|log| event_of(log) == event)?;
        first(&log.attributes, &["body"])
    };
    if let Some(body) = body("api_request_body") {
        let request = bodies::request(body);
        let told = [
            ("input_messages", request.input_messages.is_some()),
            ("system_prompt", request.system_prompt.is_some()),
            ("tool_definitions", request.tool_definitions.is_some()),
        ];
        for (field, _) in told.into_iter().filter(|(_, is_told)| *is_told) {
            mapped.source_keys.insert(field.to_owned(), Value::String("api_request_body/body".to_owned()));
        }
        mapped.input_messages = request.input_messages;
        mapped.system_prompt = request.system_prompt.or_else(|| mapped.system_prompt.take());
        mapped.tool_definitions = request.tool_definitions;
        mapped.parameters = request.parameters.or_else(|| mapped.parameters.take());
    }
    if let Some(body) = body("api_response_body") {
        let response = bodies::response(body);
        if response.output_messages.is_some() {
            mapped.source_keys.insert("output_messages".to_owned(), Value::String("api_response_body/body".to_owned()));
            mapped.output_messages = response.output_messages;
        }
        mapped.finish_reason = response.finish_reason;
        mapped.response_model = response.response_model;
    }
}

fn read_tool(reader: &mut Reader, span: &MergedSpan) {
    reader.mapped.tool_name = reader.text("tool_name", &["gen_ai.tool.name", "tool_name"]);
    reader.mapped.tool_call_id = reader.text("tool_call_id", &["gen_ai.tool.call.id", "tool_use_id"]);
    let input =
        reader.find("tool_arguments", &["tool_input"]).or_else(|| reader.find("tool_arguments", &["tool_parameters"]));
    reader.mapped.tool_arguments = input.map(|input| match input.as_str().and_then(after_label) {
        Some(rest) => arguments(&Value::String(rest.to_owned())),
        None => arguments(input),
    });
    let output = span.span.events.iter().rev().find(|event| event.name == "tool.output");
    let output = output.and_then(|event| Some((event, first(&event.attributes, &["output", "content", "diff"])?)));
    if let Some((_, output)) = output {
        reader.note("tool_result", "tool.output");
        reader.mapped.tool_result = Some(output.clone());
    } else if let Some(context) = reader.text("tool_result", &["new_context"]) {
        reader.mapped.tool_result = Some(Value::String(after_label(&context).unwrap_or(&context).to_owned()));
    }
    if reader.find("success", &["success"]).is_some_and(is_false) {
        reader.mapped.error = reader.text("error", &["error", "error_type"]).or_else(|| Some("tool failed".to_owned()));
    }
    reader.mapped.source_keys.shift_remove("success");
}

/// What follows a label like `[TOOL INPUT: Bash]`.
fn after_label(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("[TOOL ")?;
    rest.split_once(']').map(|(_, rest)| rest.trim_start())
}

fn is_false(value: &Value) -> bool {
    matches!(structured(value), Value::Bool(false)) || value.as_str() == Some("false")
}

fn read_agent(reader: &mut Reader, span: &MergedSpan) {
    reader.mapped.input_text =
        reader.text("input_text", &["user_prompt", "prompt"]).filter(|prompt| !is_empty_text(prompt));
    reader.mapped.agent_name = reader
        .text("agent_name", &["agent_type", "subagent_type"])
        .or_else(|| Some(program_name(&span.span, "claude-code")));
}
