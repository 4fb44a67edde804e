//! LiteLLM: its proxy and its library's own OpenTelemetry callback. Three generations, told apart by their keys:
//!
//! 1. flattened messages (`gen_ai.prompt.0.content`, `gen_ai.completion.0.content`; for a while, with Python 3.11 and later,
//!    `SpanAttributes.LLM_PROMPTS.0.content` and so on);
//! 2. OpenTelemetry's messages as JSON, in which a tool call has no part: it stands in `gen_ai.completion.0.function_call.*`;
//! 3. `litellm.*` keys beside OpenTelemetry's own.
//!
//! All have `llm.request.functions.*`, `metadata.*` (some values printed by Python) and, but for the third, a child span
//! `raw_gen_ai_request` with what the provider was sent and answered, printed by Python: a second report of the same call,
//! which alone tells tool call ids and reasoning. Spans of the proxy around the call (`Received Proxy Server Request`,
//! guardrails, database and cache) are steps. The costs of single parts are left out.

use gleaner_model::{Message, Part, SpanKind};
use serde_json::{Map, Value, json};

use super::reader::{Reader, captured};
use super::{Reading, bodies};
use crate::mapped::{Mapped, MergedSpan};
use crate::messages::{arguments, lift_system, messages, tool_definitions};
use crate::value::{first_text, is_empty, python, structured, unflatten};

/// The child that repeats the provider's own request and response.
const RAW_REQUEST: &str = "raw_gen_ai_request";

/// Whether the span carries LiteLLM's keys, or is one that only LiteLLM names so.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    span.span.scope.name == "litellm"
        || matches!(span.span.name.as_str(), "litellm_request" | RAW_REQUEST)
        || span.span.attributes.keys().any(|key| {
            key == "hidden_params" || key.starts_with("litellm.") || key.starts_with("metadata.user_api_key_")
        })
}

/// Reads what OpenTelemetry's keys do not tell.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    if span.span.name == RAW_REQUEST {
        return read_raw(reader);
    }
    if is_proxy_step(span) {
        let is_guardrail = span.span.name == "guardrail";
        reader.mapped.kind = Some(if is_guardrail { SpanKind::Guardrail } else { SpanKind::Chain });
    }
    let (prefix, tools) =
        listed(reader.attributes(), ["llm.request.functions", "SpanAttributes.LLM_REQUEST_FUNCTIONS"]);
    reader.mapped.tool_definitions = tool_definitions(&tools.into_iter().collect());
    if reader.mapped.tool_definitions.is_some() {
        reader.note("tool_definitions", &format!("{prefix}.*"));
    }
    read_flattened(&mut reader);
    reader.mapped.cost_usd = reader.number("cost_usd", &["gen_ai.cost.total_cost", "litellm.cost.total"]);
    let users = ["litellm.end_user.id", "llm.user", "metadata.user_api_key_end_user_id"];
    reader.mapped.user_key = reader.text("user_key", &users).or_else(|| {
        let told = sent_metadata(&mut reader, "user_key", &["user_id", "trace_user_id"]);
        told.or_else(|| reader.text("user_key", &["metadata.user_api_key_user_id", "litellm.metadata.user_id"]))
    });
    reader.mapped.session_key = session(&mut reader).map(|id| (0, id));
    Reading { structured: reader.mapped, ..Reading::default() }
}

/// The proxy's spans around a call.
fn is_proxy_step(span: &MergedSpan) -> bool {
    span.span.scope.name == "litellm"
        && !span.span.attributes.contains_key("gen_ai.request.model")
        && !matches!(span.span.name.as_str(), "litellm_request" | RAW_REQUEST)
}

fn session(reader: &mut Reader) -> Option<String> {
    let keys = [
        "litellm.session_id",
        "metadata.session_id",
        "metadata.litellm_session_id",
        "litellm.metadata.session_id",
        "metadata.trace_session_id",
        "metadata.thread_id",
        "metadata.conversation_id",
    ];
    reader.text("session_key", &keys).or_else(|| {
        sent_metadata(reader, "session_key", &["session_id", "litellm_session_id", "thread_id", "conversation_id"])
    })
}

/// A field of the metadata that the client sent with its request.
fn sent_metadata(reader: &mut Reader, field: &str, names: &[&str]) -> Option<String> {
    for key in ["metadata.requester_metadata", "metadata.spend_logs_metadata"] {
        let Some(sent) = reader.attributes().get(key) else { continue };
        if let Some(found) = printed(sent).as_object().and_then(|sent| first_text(sent, names)) {
            reader.note(field, key);
            return Some(found);
        }
    }
    None
}

/// Messages of the first generation, and the tool calls of the first two.
fn read_flattened(reader: &mut Reader) {
    let attributes = reader.attributes();
    let (prefix, prompts) = listed(attributes, ["gen_ai.prompt", "SpanAttributes.LLM_PROMPTS"]);
    if let Some(input) = captured(messages(&Value::Array(prompts), "user")) {
        let (system, input) = lift_system(input);
        reader.note("input_messages", &format!("{prefix}.*"));
        if system.is_some() {
            reader.note("system_prompt", &format!("{prefix}.*"));
        }
        reader.mapped.system_prompt = system;
        reader.mapped.input_messages = captured(input);
    }
    let mut calls = Vec::new();
    let mut choices = Vec::new();
    let (prefix, completions) = listed(attributes, ["gen_ai.completion", "SpanAttributes.LLM_COMPLETIONS"]);
    for mut choice in completions {
        // The index counts the calls of one answer, not the choices.
        let call = choice.as_object_mut().and_then(|fields| fields.shift_remove("function_call"));
        calls.extend(call.as_ref().and_then(tool_call));
        // What only asks for tools has a role and a finish reason alone.
        if let Some(fields) = choice.as_object_mut().filter(|fields| fields.contains_key("role")) {
            fields.entry("content").or_insert(Value::Null);
        }
        choices.push(choice);
    }
    choices.retain(|choice| !is_empty(choice));
    let mut output = captured(messages(&Value::Array(choices), "assistant")).unwrap_or_default();
    match output.first_mut() {
        Some(answer) => answer.parts.extend(calls),
        None => output.push(Message { role: "assistant".to_owned(), parts: calls, name: None, finish_reason: None }),
    }
    reader.mapped.output_messages = captured(output);
    if reader.mapped.output_messages.is_some() {
        reader.note("output_messages", &format!("{prefix}.*"));
    }
}

/// A flattened list by its key's name, else by the name of the constant in LiteLLM's code, which Python 3.11 and later print
/// in the place of its value.
fn listed<'a>(attributes: &Map<String, Value>, prefixes: [&'a str; 2]) -> (&'a str, Vec<Value>) {
    let [name, constant] = prefixes;
    let items = unflatten(attributes, name);
    if items.is_empty() { (constant, unflatten(attributes, constant)) } else { (name, items) }
}

fn tool_call(call: &Value) -> Option<Part> {
    let name = call.get("name")?.as_str()?.to_owned();
    Some(Part::ToolCall { id: None, name, arguments: arguments(call.get("arguments").unwrap_or(&Value::Null)) })
}

/// What the call's own span lacks: ids of tool calls, reasoning, details of the usage. The rest would only be said twice.
fn read_raw(mut reader: Reader) -> Reading {
    let mut body = Map::new();
    for (key, value) in reader.attributes() {
        let field = key.strip_prefix("llm.").and_then(|rest| rest.split_once('.'));
        // Some providers' answers have no field that the request's messages would not hide.
        if let Some((_, field)) = field.filter(|(_, field)| !is_empty(value) && *field != "messages") {
            body.insert(field.to_owned(), printed(value));
        }
    }
    let answer = bodies::response(&Value::Object(body));
    reader.mapped = Mapped {
        kind: Some(SpanKind::Chain),
        response_id: answer.response_id,
        response_model: answer.response_model,
        output_messages: answer.output_messages,
        cached_tokens: answer.cached_tokens,
        reasoning_tokens: answer.reasoning_tokens,
        ..Mapped::default()
    };
    if reader.mapped.output_messages.is_some() {
        reader.mapped.kind = Some(SpanKind::Llm);
        reader.mapped.repeats_parent = true;
        for field in ["response_id", "response_model", "output_messages", "cached_tokens", "reasoning_tokens"] {
            reader.mapped.source_keys.insert(field.to_owned(), json!("llm.<provider>.*"));
        }
    }
    Reading { structured: reader.mapped, ..Reading::default() }
}

/// A value as JSON or as Python prints it.
fn printed(value: &Value) -> Value {
    match structured(value) {
        Value::String(text) if text.starts_with(['{', '[', '(']) => python(&text).unwrap_or(Value::String(text)),
        parsed => parsed,
    }
}

#[cfg(test)]
mod tests;
