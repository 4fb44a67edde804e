//! Agent Lightning up to 0.3 (1.0 emits nothing of its own): `agentlightning.*`. Source: microsoft/agent-lightning
//! `agentlightning/semconv.py` and `agentlightning/emitter`.
//!
//! Recognised by the span's name or keys. An operation is a function that was traced: its arguments are flattened below
//! `agentlightning.operation.input`, its result below `.output`; what it was, only the caller's own attributes tell (`kind`,
//! `model`), or messages among its arguments. Messages, objects and exceptions are spans without length. Rewards
//! (`agentlightning.annotation`, 0.2: `agentlightning.reward`) are feedback and read elsewhere; their span is an evaluator's.
//! Rollout and attempt stand in the resource, see [`super::generic`].

use gleaner_model::{Message, SpanKind};
use serde_json::{Map, Value};

use super::reader::{Reader, captured};
use super::{Reading, bodies};
use crate::mapped::MergedSpan;
use crate::messages::{finish_reason, lift_system, messages, tool_definitions};
use crate::value::{first, first_str, first_text, is_empty, nested, structured, text};

const INPUT: &str = "agentlightning.operation.input";
const OUTPUT: &str = "agentlightning.operation.output";

/// Whether the span is one of Agent Lightning's emitters.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    let is_id = |key: &str| matches!(key, "agentlightning.rollout_id" | "agentlightning.attempt_id");
    span.span.name.starts_with("agentlightning.")
        || span.span.attributes.keys().any(|key| key.starts_with("agentlightning.") && !is_id(key))
}

/// Reads the span's attributes; Agent Lightning has no events.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    match span.span.name.strip_prefix("agentlightning.") {
        Some("annotation" | "reward") => reader.mapped.kind = Some(SpanKind::Evaluator),
        Some("message") => {
            reader.mapped.kind = Some(SpanKind::Chain);
            let body = reader.text("input_text", &["agentlightning.message.body"]);
            match first_str(reader.attributes(), &["role"]) {
                Some("assistant") => {
                    reader.mapped.source_keys.shift_remove("input_text");
                    reader.note("output_text", "agentlightning.message.body");
                    reader.mapped.output_text = body;
                }
                _ => reader.mapped.input_text = body,
            }
        }
        Some("object") => {
            reader.mapped.kind = Some(SpanKind::Chain);
            let keys = ["agentlightning.object.json", "agentlightning.object.literal"];
            reader.mapped.output_text = reader.text("output_text", &keys);
        }
        Some("exception") => {
            reader.mapped.kind = Some(SpanKind::Chain);
            let (kind, message) = ("exception.type", "exception.message");
            let parts = [kind, message].map(|key| first_text(&span.span.attributes, &[key]));
            let known: Vec<String> = parts.into_iter().flatten().collect();
            reader.mapped.error = (!known.is_empty()).then(|| known.join(": "));
            reader.note("error", kind);
        }
        Some("virtual") => reader.mapped.kind = Some(SpanKind::Chain),
        _ => read_operation(&mut reader),
    }
    Reading { structured: reader.mapped, ..Reading::default() }
}

/// What the attribute itself says, else what stands flattened below it.
fn value_at(attributes: &Map<String, Value>, key: &str) -> Value {
    attributes.get(key).cloned().unwrap_or_else(|| nested(attributes, key))
}

fn read_operation(reader: &mut Reader) {
    let attributes = reader.attributes();
    let given = value_at(attributes, INPUT);
    let answer = value_at(attributes, OUTPUT);
    let name = first_text(attributes, &["agentlightning.operation.name"]);
    let history = history(&given);
    let declared = ["kind", "span_kind", "type"].iter().find_map(|key| kind(attributes.get(*key)?.as_str()?));
    let inferred = if history.is_some() { SpanKind::Llm } else { SpanKind::Chain };
    let kind = declared.or_else(|| (!given.is_null() || !answer.is_null() || name.is_some()).then_some(inferred));
    reader.mapped.kind = kind;
    match kind {
        Some(SpanKind::Llm) => read_call(reader, &given, &answer, history),
        Some(SpanKind::Tool) => {
            reader.mapped.tool_name = name;
            reader.mapped.tool_call_id = reader.text("tool_call_id", &["tool_call_id", "call_id"]);
            reader.mapped.tool_arguments = Some(given).filter(|value| !value.is_null());
            reader.mapped.tool_result = Some(answer).filter(|value| !value.is_null());
            reader.note("tool_name", "agentlightning.operation.name");
            reader.note("tool_arguments", INPUT);
            reader.note("tool_result", OUTPUT);
        }
        _ => {
            if kind == Some(SpanKind::Agent) {
                reader.mapped.agent_name = name;
                reader.note("agent_name", "agentlightning.operation.name");
            }
            reader.mapped.input_text = text(&given);
            reader.mapped.output_text = text(&answer);
            reader.note("input_text", INPUT);
            reader.note("output_text", OUTPUT);
        }
    }
}

/// The caller's own word for what the operation is.
fn kind(name: &str) -> Option<SpanKind> {
    Some(match name.to_ascii_lowercase().as_str() {
        "llm" | "chat" | "model" | "generation" => SpanKind::Llm,
        "tool" => SpanKind::Tool,
        "agent" => SpanKind::Agent,
        "chain" | "workflow" | "task" => SpanKind::Chain,
        "retriever" | "retrieval" => SpanKind::Retriever,
        "embedding" => SpanKind::Embedding,
        "evaluator" => SpanKind::Evaluator,
        _ => return None,
    })
}

/// Messages among the arguments.
fn history(given: &Value) -> Option<Vec<Message>> {
    let list = structured(given.get("messages")?);
    let mut items = list.as_array().filter(|items| items.iter().all(|item| item.get("role").is_some()))?.clone();
    for item in items.iter_mut().filter_map(Value::as_object_mut) {
        // Flattening writes `None` as JSON.
        item.retain(|_, value| value != "null");
    }
    captured(messages(&Value::Array(items), "user"))
}

fn read_call(reader: &mut Reader, given: &Value, answer: &Value, history: Option<Vec<Message>>) {
    let arguments = given.as_object().cloned().unwrap_or_default();
    let attributes = reader.attributes();
    for (origin, source) in [(INPUT, &arguments), ("model", attributes)] {
        if let Some(model) = first_text(source, &["model"]).filter(|_| reader.mapped.model.is_none()) {
            reader.mapped.model = Some(model);
            reader.note("model", origin);
        }
    }
    reader.mapped.tool_definitions = first(&arguments, &["tools", "functions"]).and_then(tool_definitions);
    let parameters = arguments.iter().filter(|(key, value)| {
        let is_elsewhere =
            matches!(key.as_str(), "model" | "messages" | "tools" | "functions" | "prompt" | "args" | "self");
        !is_elsewhere && !is_empty(value) && *value != "null"
    });
    let parameters: Map<String, Value> = parameters.map(|(key, value)| (key.clone(), value.clone())).collect();
    reader.mapped.parameters = (!parameters.is_empty()).then_some(parameters);
    let prompt = || first_text(&arguments, &["prompt"]).map(|prompt| vec![Message::text("user", prompt)]);
    let (system, input) = lift_system(history.or_else(prompt).unwrap_or_default());
    reader.mapped.system_prompt = system;
    reader.mapped.input_messages = captured(input);
    let told = bodies::response(answer);
    reader.mapped.response_id = told.response_id;
    reader.mapped.response_model = told.response_model;
    reader.mapped.finish_reason = told.finish_reason.or_else(|| answer.get("finish_reason").and_then(finish_reason));
    // A string is the answer itself, whatever it holds.
    let plain = || text(answer).filter(|_| answer.is_string()).map(|text| vec![Message::text("assistant", text)]);
    reader.mapped.output_messages = told.output_messages.or_else(plain);
    (reader.mapped.input_tokens, reader.mapped.output_tokens) = (told.input_tokens, told.output_tokens);
    (reader.mapped.cached_tokens, reader.mapped.reasoning_tokens) = (told.cached_tokens, told.reasoning_tokens);
    for field in ["tool_definitions", "parameters", "system_prompt", "input_messages"] {
        reader.note(field, INPUT);
    }
    for field in ["response_id", "response_model", "finish_reason", "output_messages", "input_tokens", "output_tokens"]
    {
        reader.note(field, OUTPUT);
    }
}

#[cfg(test)]
mod tests;
