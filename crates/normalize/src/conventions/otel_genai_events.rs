//! OpenTelemetry's event per message (≤ 1.36): `gen_ai.system.message` … `gen_ai.choice`.
//!
//! As log record the payload is the body, as span event it is the attributes: one per field, or all of it as JSON in
//! `gen_ai.event.content`. Before 1.28, one event held the whole list.

use gleaner_model::Message;
use serde_json::{Map, Value, json};

use super::otel_genai_content::role_lines;
use crate::mapped::MergedSpan;
use crate::messages::{message, messages};
use crate::value::{is_empty, python, structured, text};

/// One message that the model was given, or one choice that it wrote.
pub(super) struct MessageEvent {
    /// Nanoseconds since the Unix epoch.
    pub(super) time_unix_nano: u64,
    /// Whether the model wrote it.
    pub(super) is_choice: bool,
    /// The message.
    pub(super) message: Message,
}

/// The messages that a span's log records and span events hold, logs first.
pub(super) fn message_events(span: &MergedSpan) -> impl Iterator<Item = MessageEvent> {
    let logs = span.logs.iter().flat_map(|log| {
        let time = if log.time_unix_nano == 0 { log.observed_time_unix_nano } else { log.time_unix_nano };
        events(&log.event_name, time, payload(&log.body).or_else(|| payload_of_attributes(&log.attributes)))
    });
    let has_logs = span.logs.iter().any(|log| role_of(&log.event_name).is_some());
    let span_events = span
        .span
        .events
        .iter()
        .filter(move |_| !has_logs)
        .flat_map(|event| events(&event.name, event.time_unix_nano, payload_of_attributes(&event.attributes)));
    logs.chain(span_events)
}

/// The events of a JSON list, each with its name under `event.name`, as pydantic-ai's first form writes them.
pub(super) fn listed_events(value: &Value) -> Vec<MessageEvent> {
    let Value::Array(items) = structured(value) else { return Vec::new() };
    let read = items.into_iter().filter_map(|item| match item {
        Value::Object(mut fields) => {
            let name = fields.shift_remove("event.name")?.as_str()?.to_owned();
            fields.retain(|key, _| !is_context(key));
            Some(events(&name, 0, Some(fields)))
        }
        _ => None,
    });
    read.flatten().collect()
}

/// The role that an event's name tells; `gen_ai.choice` is the model's.
fn role_of(event_name: &str) -> Option<&'static str> {
    match event_name {
        "gen_ai.system.message" => Some("system"),
        "gen_ai.user.message" | "gen_ai.content.prompt" => Some("user"),
        "gen_ai.assistant.message" | "gen_ai.choice" | "gen_ai.content.completion" => Some("assistant"),
        "gen_ai.tool.message" => Some("tool"),
        _ => None,
    }
}

fn events(name: &str, time_unix_nano: u64, payload: Option<Map<String, Value>>) -> Vec<MessageEvent> {
    let Some((role, payload)) = role_of(name).zip(payload) else { return Vec::new() };
    let is_choice = matches!(name, "gen_ai.choice" | "gen_ai.content.completion");
    let whole = payload.get("gen_ai.prompt").or_else(|| payload.get("gen_ai.completion"));
    let read = match whole {
        Some(list) => list.as_str().and_then(role_lines).unwrap_or_else(|| messages(list, role)),
        None => vec![one(payload, role)],
    };
    read.into_iter().map(|message| MessageEvent { time_unix_nano, is_choice, message }).collect()
}

/// One of these every message has, whoever wrote it.
const MESSAGE_FIELDS: &[&str] = &[
    "role",
    "content",
    "parts",
    "text",
    "toolUse",
    "tool_calls",
    "function_call",
    "refusal",
    "reasoning_content",
    "reasoning",
    "audio",
    "kwargs",
];

/// A role in the payload wins over the event's name; the fields of a choice may stand beside its message.
fn one(mut payload: Map<String, Value>, role: &str) -> Message {
    // An assistant's message may come as JSON, or as bare text.
    if let Some(inner) = payload.get("message").map(structured) {
        match inner {
            // An object that the model was made to answer with (Strands' structured output).
            Value::Object(fields) if !MESSAGE_FIELDS.iter().any(|key| fields.contains_key(*key)) => {
                let written = payload.shift_remove("message").and_then(|message| text(&message));
                payload.insert("content".to_owned(), json!(written));
            }
            Value::Object(mut fields) => {
                for key in ["tool_calls", "finish_reason"] {
                    if let Some(beside) = payload.get(key).filter(|value| !is_empty(value)) {
                        fields.entry(key).or_insert_with(|| structured(beside));
                    }
                }
                payload = fields;
            }
            other => {
                payload.shift_remove("message");
                payload.insert("content".to_owned(), other);
            }
        }
    }
    if role == "tool"
        && !payload.contains_key("tool_call_id")
        && let Some(id) = payload.shift_remove("id")
    {
        payload.insert("tool_call_id".to_owned(), id);
    }
    payload.entry("role").or_insert_with(|| Value::String(role.to_owned()));
    payload.shift_remove("index");
    message(&Value::Object(payload), role)
}

fn payload(body: &Value) -> Option<Map<String, Value>> {
    let body = match structured(body) {
        // Python's log handlers print a body that is a dict.
        Value::String(text) if text.starts_with('{') => python(&text)?,
        other => other,
    };
    match body {
        Value::Object(map) if !map.is_empty() => Some(map),
        _ => None,
    }
}

fn payload_of_attributes(attributes: &Map<String, Value>) -> Option<Map<String, Value>> {
    if let Some(payload) = attributes.get("gen_ai.event.content").and_then(payload) {
        return Some(payload);
    }
    let fields: Map<String, Value> = attributes
        .iter()
        .filter(|(key, _)| matches!(key.as_str(), "gen_ai.prompt" | "gen_ai.completion") || !is_context(key))
        .map(|(key, value)| (key.clone(), field(key, value)))
        .collect();
    (!fields.is_empty()).then_some(fields)
}

/// Attributes that tell of the call, not of the message.
fn is_context(key: &str) -> bool {
    key.starts_with("gen_ai.") || key.starts_with("event.")
}

/// Content that is JSON of blocks or calls is structure; tool results and plain text stay text.
fn field(key: &str, value: &Value) -> Value {
    match structured(value) {
        list @ Value::Array(_) if matches!(key, "content" | "tool_calls") => list,
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests;
