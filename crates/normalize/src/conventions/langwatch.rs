//! LangWatch's SDKs (Python, TypeScript, Go): `langwatch.*` beside OpenTelemetry's keys. Inputs and outputs are JSON
//! `{"type": …, "value": …}`, where the type tells messages from text and data.
//!
//! Recognised by those keys. The first releases wrote threads and users under bare keys, or in a JSON object `metadata`;
//! they are believed only here. The prompt's handle and version, labels and RAG contexts stay attributes.

use gleaner_model::SpanKind;
use serde_json::{Map, Value};

use super::reader::{Reader, set_usage};
use super::{Reading, fill, payload};
use crate::mapped::{Mapped, MergedSpan};
use crate::messages::tool_definitions;
use crate::value::{first, first_text, integer, is_empty, number, structured};

const INPUT: &str = "langwatch.input";
const OUTPUT: &str = "langwatch.output";

/// Whether the span carries LangWatch's keys.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    span.span.attributes.keys().any(|key| key.starts_with("langwatch."))
}

/// Reads the span's attributes.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    let attributes = reader.attributes();
    reader.mapped.kind = reader.text("kind", &["langwatch.span.type"]).as_deref().and_then(kind);
    let kind = reader.mapped.kind;
    read_context(&mut reader);
    read_metrics(&mut reader);
    read_parameters(&mut reader);
    let (given, mut answered) = (attributes.get(INPUT).map(unwrapped), attributes.get(OUTPUT).map(unwrapped));
    if kind == Some(SpanKind::Tool) {
        answered = answered.map(returned);
    }
    let input = given.as_ref().map(|value| (INPUT, value));
    let output = answered.as_ref().map(|value| (OUTPUT, value));
    let opaque = payload::read(kind, input, output, &mut reader.mapped);
    Reading { structured: reader.mapped, opaque }
}

fn kind(name: &str) -> Option<SpanKind> {
    Some(match name.to_ascii_lowercase().as_str() {
        "llm" => SpanKind::Llm,
        "tool" => SpanKind::Tool,
        "agent" => SpanKind::Agent,
        "rag" => SpanKind::Retriever,
        "guardrail" => SpanKind::Guardrail,
        "evaluation" => SpanKind::Evaluator,
        "span" | "chain" | "workflow" | "component" | "module" | "task" | "prompt" => SpanKind::Chain,
        _ => return None,
    })
}

/// `{"type": "chat_messages", "value": […]}`; a list holds such values again.
fn unwrapped(value: &Value) -> Value {
    let typed = structured(value);
    match (typed.get("type").and_then(Value::as_str), typed.get("value")) {
        (Some("list"), Some(Value::Array(items))) => {
            items.iter().map(|item| item.get("value").unwrap_or(item).clone()).collect()
        }
        (Some("chat_messages"), Some(Value::Array(list))) => list.iter().cloned().map(named_role).collect(),
        (Some(_), Some(inner)) => inner.clone(),
        _ => value.clone(),
    }
}

/// The handler for LangChain knows no messages of tools.
fn named_role(mut message: Value) -> Value {
    if let Some(role) = message.get_mut("role").filter(|role| *role == "unknown") {
        *role = Value::from("tool");
    }
    message
}

/// What a tool returned, where it is recorded as the message that tells the model of it.
fn returned(value: Value) -> Value {
    let only = value.as_array().filter(|list| list.len() == 1).and_then(|list| list.first());
    only.filter(|message| message.get("role").is_some())
        .and_then(|message| message.get("content"))
        .cloned()
        .unwrap_or(value)
}

fn read_context(reader: &mut Reader) {
    let metadata = reader.attributes().get("metadata").map(structured);
    let metadata = metadata.and_then(|value| value.as_object().cloned()).unwrap_or_default();
    let thread = reader.text("session_key", &["langwatch.thread.id", "langwatch.langgraph.thread_id", "thread_id"]);
    let user = reader.text("user_key", &["langwatch.user.id", "user_id", "langwatch.customer.id"]);
    let told = Mapped {
        session_key: first_text(&metadata, &["thread_id", "session_id", "conversation_id"]).map(|id| (1, id)),
        user_key: first_text(&metadata, &["user_id", "customer_id"]),
        source_keys: ["session_key", "user_key"]
            .map(|field| (field.to_owned(), Value::from("metadata")))
            .into_iter()
            .collect(),
        ..Mapped::default()
    };
    reader.mapped.session_key = thread.map(|id| (1, id));
    reader.mapped.user_key = user;
    fill(&mut reader.mapped, told);
}

fn read_metrics(reader: &mut Reader) {
    const KEY: &str = "langwatch.metrics";
    let metrics = reader.attributes().get(KEY).map(unwrapped).as_ref().map(structured);
    let metrics = metrics.and_then(|value| value.as_object().cloned()).unwrap_or_default();
    let count = |keys: &[&str]| first(&metrics, keys).and_then(integer).filter(|count| *count >= 0);
    let mut told = Mapped::default();
    set_usage(
        &mut told,
        count(&["promptTokens", "prompt_tokens"]),
        count(&["completionTokens", "completion_tokens"]),
        count(&["cacheReadInputTokens", "cache_read_input_tokens"]),
        count(&["cacheCreationInputTokens", "cache_creation_input_tokens"]),
    );
    told.reasoning_tokens = count(&["reasoningTokens", "reasoning_tokens"]);
    payload::note(&mut told, KEY);
    fill(&mut reader.mapped, told);
    let cost = reader.number("cost_usd", &["langwatch.span.cost"]);
    reader.mapped.cost_usd = cost.or_else(|| {
        let cost = first(&metrics, &["cost"]).and_then(number)?;
        reader.note("cost_usd", KEY);
        Some(cost)
    });
}

fn read_parameters(reader: &mut Reader) {
    const KEY: &str = "langwatch.params";
    let listed = reader.attributes().get(KEY).map(unwrapped).as_ref().map(structured);
    let listed = listed.and_then(|value| value.as_object().cloned()).unwrap_or_default();
    let tools = first(&listed, &["tools", "functions"]).and_then(tool_definitions);
    let is_set = |key: &str, value: &Value| !matches!(key, "tools" | "functions") && !is_empty(value);
    let parameters: Map<String, Value> = listed.into_iter().filter(|(key, value)| is_set(key, value)).collect();
    let parameters = (!parameters.is_empty()).then_some(parameters);
    let mut told = Mapped { tool_definitions: tools, parameters, ..Mapped::default() };
    payload::note(&mut told, KEY);
    fill(&mut reader.mapped, told);
}

#[cfg(test)]
mod tests;
