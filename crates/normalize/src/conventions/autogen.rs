//! AutoGen's own spans. Source: microsoft/autogen `autogen_core/_telemetry` and `autogen_agentchat`.
//!
//! Recognised by its tracers, `autogen-core` and `autogen <runtime>`, or by the runtime's keys. Since 0.6 agents and tools
//! are OpenTelemetry's `create_agent`, `invoke_agent` and `execute_tool`, without content, and are read there. The runtime's
//! spans (`autogen create|send|publish|process|ack …`, `messaging.*`) move messages between agents: chains. What
//! `autogen process` delivers stands in `message`, as JSON.
//!
//! In a team, each agent's answer is delivered to the manager with the messages that led to it; those with `models_usage`
//! came from a model: calls that no span of AutoGen's tells of, see [`crate::told`]. What the model was asked stands nowhere,
//! and an agent without a team delivers nothing. Deliveries to other members are copies.

use gleaner_model::{Message, Part, SpanKind};
use serde_json::{Map, Value};

use super::Reading;
use super::reader::Reader;
use crate::mapped::{Mapped, MergedSpan};
use crate::messages::arguments;
use crate::value::{first, first_str, first_text, integer, structured, text};

/// Whether the span comes from AutoGen's runtime, or carries the runtime's keys.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    span.span.scope.name == "autogen-core" || is_runtime(span)
}

fn is_runtime(span: &MergedSpan) -> bool {
    span.span.scope.name.starts_with("autogen ")
        || span.span.name.starts_with("autogen ") && span.span.attributes.contains_key("messaging.operation")
}

/// Reads what the runtime delivers; its other spans tell only that something moved.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    if is_runtime(span) {
        reader.mapped.kind = Some(SpanKind::Chain);
        let message = reader.find("input_text", &["message"]).map(structured).unwrap_or_default();
        reader.mapped.input_text = task(&message);
        if let Some(answer) = response(&message).and_then(|response| response.get("chat_message")) {
            reader.note("output_text", "message");
            reader.mapped.output_text = answer.get("content").and_then(text);
        }
    }
    Reading { structured: reader.mapped, ..Reading::default() }
}

/// What the team was asked: the last message that is the user's.
fn task(message: &Value) -> Option<String> {
    let list = message.get("messages")?.as_array()?;
    list.iter().rfind(|item| item.get("source").and_then(Value::as_str) == Some("user"))?.get("content").and_then(text)
}

/// An agent's answer, with all that it did for it; `agent_response` before 0.7.
fn response(message: &Value) -> Option<&Value> {
    message.get("response").or_else(|| message.get("agent_response")).filter(|response| response.is_object())
}

/// The model calls behind the answer that is delivered to a team's manager.
pub(super) fn told(span: &MergedSpan) -> Vec<Mapped> {
    let attributes = &span.span.attributes;
    let to_member = first_str(attributes, &["recipient_agent_class"]).is_none_or(|class| class == "ChatAgentContainer");
    if to_member || !is_runtime(span) {
        return Vec::new();
    }
    let message = attributes.get("message").map(structured).unwrap_or_default();
    let Some(response) = response(&message) else { return Vec::new() };
    let inner = response.get("inner_messages").and_then(Value::as_array).into_iter().flatten();
    let mut calls = Vec::new();
    let mut thoughts = Vec::new();
    for item in inner.chain(response.get("chat_message")).filter_map(Value::as_object) {
        if item.get("type").and_then(Value::as_str) == Some("ThoughtEvent") {
            thoughts.extend(content(item));
        } else if let Some(usage) = first(item, &["models_usage"]).and_then(Value::as_object) {
            calls.push(call(item, usage, std::mem::take(&mut thoughts)));
        }
    }
    calls
}

fn call(item: &Map<String, Value>, usage: &Map<String, Value>, mut parts: Vec<Part>) -> Mapped {
    parts.extend(content(item));
    let asks = parts.iter().any(|part| matches!(part, Part::ToolCall { .. }));
    let count = |key: &str| usage.get(key).and_then(integer).filter(|count| *count >= 0);
    Mapped {
        convention: Some("autogen"),
        kind: Some(SpanKind::Llm),
        agent_name: first_text(item, &["source"]),
        finish_reason: asks.then(|| "tool_call".to_owned()),
        output_messages: Some(vec![Message {
            role: "assistant".to_owned(),
            parts,
            name: None,
            finish_reason: asks.then(|| "tool_call".to_owned()),
        }]),
        input_tokens: count("prompt_tokens"),
        output_tokens: count("completion_tokens"),
        ..Mapped::default()
    }
}

/// Text, or tool calls as a list of `{id, name, arguments}`.
fn content(item: &Map<String, Value>) -> Vec<Part> {
    match item.get("content") {
        Some(Value::String(text)) if !text.is_empty() => vec![Part::Text { content: text.clone() }],
        Some(Value::Array(items)) => items
            .iter()
            .filter_map(Value::as_object)
            .filter_map(|call| {
                Some(Part::ToolCall {
                    id: first_text(call, &["id"]),
                    name: first_text(call, &["name"])?,
                    arguments: call.get("arguments").map_or_else(|| arguments(&Value::Null), arguments),
                })
            })
            .collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
