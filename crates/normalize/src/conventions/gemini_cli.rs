//! Gemini CLI and its forks (Qwen Code and others, which change the prefix only): log records `gemini_cli.*`, twins of them
//! named `gen_ai.client.inference.operation.details`, and spans named by their operation (`llm_call`, `tool_call` …; Qwen Code
//! from 0.20 on: `qwen-code.llm_request`, `qwen-code.tool` …, with content in the records alone).
//!
//! A turn is several traces. Spans hold messages in Gemini's own form, which OpenTelemetry's reading takes in; the answer's
//! record usually stands outside any trace and is the only one to tell the finish reason, the response id and cached tokens.
//! There is no id of a model call: a record belongs to the span that it names, else to the one that ended with it.
//! Values over 10,000 characters are cut and marked.
//!
//! Left out: start-up, routing, file statistics; they stay in `log_records`.

use gleaner_model::{LogFragment, Message, Part, SpanFragment, SpanKind};
use serde_json::Value;

use super::reader::{Reader, captured, set_usage};
use super::{Reading, bodies};
use crate::agent_logs::{Place, Role, SpanNames, event_of, program_name};
use crate::mapped::MergedSpan;
use crate::messages::{arguments, finish_reason, messages};
use crate::value::{first, first_text, integer, structured};

const NAMES: SpanNames = SpanNames {
    turn: "user_prompt",
    call: "llm_call",
    tool: "tool_call",
    agent: "agent_call",
    compaction: "chat_compression",
};

const DETAILS: &str = "gen_ai.client.inference.operation.details";

/// What a record of Gemini CLI or a fork tells of.
pub(crate) fn place(log: &LogFragment) -> Option<Place> {
    let event = event_of(log);
    let has = |key: &str| log.attributes.contains_key(key);
    let of_family = is_family(&log.scope.name) || has("installation.id") && has("auth_type");
    let event = match event.split_once('.') {
        Some(_) if event == DETAILS => event,
        Some((prefix, event)) if is_family(prefix) || has("prompt_id") => event,
        _ => return None,
    };
    // Failed ones may have no more than the model.
    let answered = [
        "gen_ai.response.id",
        "gen_ai.response.finish_reasons",
        "gen_ai.output.messages",
        "gen_ai.response.model",
        "error.type",
    ];
    let role = match event {
        "user_prompt" => Role::Prompt,
        "api_request" => Role::CallStarts,
        "api_response" | "api_error" => Role::CallEnds,
        // Other libraries name the span in theirs.
        DETAILS if log.trace_id.is_some() && !of_family => return None,
        DETAILS if answered.into_iter().any(has) => Role::CallEnds,
        DETAILS => Role::CallStarts,
        "tool_call" => Role::Tool,
        "chat_compression" => Role::Compaction,
        // Started and done: one record is enough.
        "subagent_execution" if first_text(&log.attributes, &["status"]).is_some_and(|status| status != "started") => {
            Role::Agent
        }
        _ => Role::Note,
    };
    let text = |key: &str| first_text(&log.attributes, &[key]);
    let duration_ms = first(&log.attributes, &["duration_ms"]).and_then(integer);
    Some(Place {
        names: &NAMES,
        session: text("session.id")
            .or_else(|| first_text(&log.resource, &["session.id"]))
            .or_else(|| text("gen_ai.conversation.id"))?,
        turn: None,
        thread: text("role").filter(|role| role != "main").or_else(|| text("subagent_name")),
        key: text("call_id").or_else(|| text("tool_call_id")).filter(|_| role == Role::Tool),
        role,
        alias: None,
        duration_nano: u64::try_from(duration_ms.unwrap_or(0)).unwrap_or(0).saturating_mul(1_000_000),
        sequence: 0,
    })
}

/// Names of the program as scope, service or prefix of events.
fn is_family(name: &str) -> bool {
    matches!(name, "gemini-cli" | "gemini_cli" | "qwen-code" | "qwen_code" | "iflow-cli" | "iflow_cli")
}

/// The session that a span of this family belongs to.
pub(crate) fn session_of(span: &SpanFragment) -> Option<String> {
    if !is_family(&span.scope.name) {
        return None;
    }
    first_text(&span.attributes, &["session.id"])
        .or_else(|| first_text(&span.resource, &["session.id"]))
        .or_else(|| first_text(&span.attributes, &["gen_ai.conversation.id"]))
}

/// Whether the span or a record of it is of this family.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    is_family(&span.span.scope.name) || span.logs.iter().any(|log| place(log).is_some())
}

/// Reads what OpenTelemetry's keys do not say.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    let kind = kind(span);
    for log in span.logs.iter().rev().filter(|log| place(log).is_some()) {
        reader.add_event(event_of(log), &log.attributes);
    }
    match kind {
        Some(SpanKind::Llm) => read_call(&mut reader),
        Some(SpanKind::Tool) => read_tool(&mut reader),
        Some(SpanKind::Agent) => {
            reader.mapped.input_text = reader.text("input_text", &["prompt"]);
            reader.mapped.agent_name =
                reader.text("agent_name", &["subagent_name"]).or_else(|| Some(program_name(&span.span, "gemini-cli")));
            reader.mapped.output_text = reader.text("output_text", &["result"]);
        }
        _ => {}
    }
    if kind.is_some() {
        reader.mapped.kind = kind;
        reader.note("kind", "name");
    }
    reader.mapped.session_key = reader.text("session_key", &["session.id"]).map(|id| (0, id));
    reader.mapped.user_key = reader.text("user_key", &["user.email"]);
    reader.mapped.agent_version = first_text(&span.span.resource, &["service.version"]);
    Reading { structured: reader.mapped, ..Reading::default() }
}

fn kind(span: &MergedSpan) -> Option<SpanKind> {
    // Qwen Code's newer spans are named `qwen-code.llm_request`; what lies below a call or a tool run is no run of its own.
    let name = span.span.name.split_once('.').filter(|(prefix, _)| is_family(prefix));
    Some(match name.map_or(span.span.name.as_str(), |(_, name)| name) {
        "llm_call" | "llm_request" => SpanKind::Llm,
        "tool_call" | "tool" => SpanKind::Tool,
        "agent_call" | "user_prompt" | "interaction" | "subagent" => SpanKind::Agent,
        "system_prompt" | "schedule_tool_calls" => SpanKind::Chain,
        _ if name.is_some() => SpanKind::Chain,
        _ => return None,
    })
}

fn read_call(reader: &mut Reader) {
    reader.mapped.model = reader.text("model", &["model"]);
    reader.mapped.response_id = reader.text("response_id", &["response_id"]);
    reader.mapped.provider = reader.text("provider", &["auth_type"]).and_then(|auth| provider(&auth));
    if reader.mapped.provider.is_none() {
        reader.mapped.source_keys.shift_remove("provider");
    }
    let input = reader.count("input_tokens", &["input_token_count"]);
    let output = reader.count("output_tokens", &["output_token_count"]);
    let cached = reader.count("cached_tokens", &["cached_content_token_count"]);
    set_usage(&mut reader.mapped, input, output, cached, None);
    reader.mapped.reasoning_tokens = reader.count("reasoning_tokens", &["thoughts_token_count"]);
    reader.mapped.finish_reason = reader.find("finish_reason", &["finish_reasons"]).and_then(finish_reason);
    reader.mapped.error = reader.text("error", &["error", "error.message", "error_message"]);
    let request = reader.find("input_messages", &["request_text"]).map(bodies::request);
    reader.mapped.input_messages = request.and_then(|request| request.input_messages).map(with_thoughts);
    if let Some(list) = reader.attributes().get("gen_ai.output.messages") {
        reader.note("output_messages", "gen_ai.output.messages");
        reader.mapped.output_messages = captured(joined(messages(list, "assistant")));
    }
    if reader.mapped.output_messages.is_none()
        && let Some(text) = reader.find("output_messages", &["response_text"])
    {
        reader.mapped.output_messages = captured(joined(chunks(text)));
    }
}

/// Whom the program asks with this kind of login.
fn provider(auth_type: &str) -> Option<String> {
    let name = match auth_type {
        "gemini-api-key" | "gemini" | "oauth-personal" | "cloud-shell" => "gcp.gemini",
        "vertex-ai" => "gcp.vertex_ai",
        "openai" => "openai",
        "anthropic" => "anthropic",
        _ => return None,
    };
    Some(name.to_owned())
}

/// A thought in the history that goes back to the model is written as text with this mark.
const THOUGHT: &str = "\n[Thought: true]";

fn with_thoughts(mut messages: Vec<Message>) -> Vec<Message> {
    let parts =
        messages.iter_mut().filter(|message| message.role == "assistant").flat_map(|message| &mut message.parts);
    for part in parts {
        if let Part::Text { content } = part
            && let Some(thought) = content.strip_suffix(THOUGHT)
        {
            *part = Part::reasoning_summary(thought);
        }
    }
    messages
}

/// A streamed answer is a message per chunk: its text goes on in the middle of a word.
fn joined(chunks: Vec<Message>) -> Vec<Message> {
    let mut chunks = chunks.into_iter();
    let Some(mut answer) = chunks.next() else { return Vec::new() };
    for chunk in chunks {
        answer.finish_reason = chunk.finish_reason.or(answer.finish_reason);
        for part in chunk.parts {
            match (answer.parts.last_mut(), part) {
                (Some(Part::Text { content }), Part::Text { content: more }) => content.push_str(&more),
                (
                    Some(Part::Reasoning { content, kind, data: None }),
                    Part::Reasoning { content: more, kind: next, data: None },
                ) if *kind == next => content.push_str(&more),
                (_, part) => answer.parts.push(part),
            }
        }
    }
    vec![answer]
}

/// The raw answer: a list of streamed chunks, or one body.
fn chunks(text: &Value) -> Vec<Message> {
    let bodies = match structured(text) {
        Value::Array(chunks) => chunks,
        one => vec![one],
    };
    bodies.iter().filter_map(|body| bodies::response(body).output_messages).flatten().collect()
}

fn read_tool(reader: &mut Reader) {
    reader.mapped.tool_name = reader.text("tool_name", &["function_name"]);
    let called = reader.find("tool_arguments", &["gen_ai.input.messages"]).map(structured);
    let of_span = called.as_ref().and_then(|call| call.get("args")).map(arguments);
    reader.mapped.tool_arguments = of_span.or_else(|| reader.find("tool_arguments", &["function_args"]).map(arguments));
    let answered = reader.find("tool_result", &["gen_ai.output.messages"]).map(structured);
    reader.mapped.tool_result = answered.as_ref().and_then(tool_result);
    if reader.text("success", &["success"]).as_deref() == Some("false") {
        reader.mapped.error = reader.text("error", &["error", "error_type"]).or_else(|| Some("tool failed".to_owned()));
    }
    reader.mapped.source_keys.shift_remove("success");
}

/// What the model is told of the run: `{"response": {"responseParts": [{"functionResponse": {"response": …}}]}}`.
fn tool_result(answered: &Value) -> Option<Value> {
    let response = answered.get("response").unwrap_or(answered);
    let part = response.pointer("/responseParts/0/functionResponse/response");
    part.or_else(|| response.get("resultDisplay")).cloned()
}

#[cfg(test)]
mod tests;
