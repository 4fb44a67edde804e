//! VoltAgent. Source: VoltAgent/voltagent, `packages/core/src/agent`.
//!
//! Spans inside an agent say what they are in `span.type` and repeat whose they are in `entity.*` (for a sub-agent in
//! `subagent.*`); the agent's own span has only `entity.type`. What was given and what came out are bare `input` and
//! `output`, which count only here. An `llm` span covers a whole loop of model calls: it has the last ten messages of the
//! prompt and the usage; its answers stand in memory (see [`super::voltagent_loops`]), the last one on the agent too. Early versions have nothing but `tool.*` on tool spans.
//!
//! Left out: working memory, steps of workflows beyond their input and output.

use gleaner_model::SpanKind;
use serde_json::{Map, Value, json};

use super::Reading;
use super::otel_genai::provider;
use super::reader::{Reader, captured, set_usage};
use crate::mapped::MergedSpan;
use crate::messages::{arguments, finish_reason, lift_system, message, messages, system_text, tool_definitions};
use crate::value::{structured, text};

/// Whether VoltAgent made the span: `span.type` alone is too common a key.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    let attributes = &span.span.attributes;
    let has = |key: &str| attributes.contains_key(key);
    attributes.keys().any(|key| key.starts_with("voltagent."))
        || has("entity.type") && (has("operation.id") || has("entity.id"))
        || has("span.type") && (has("llm.messages") || has("agent.messages"))
        || has("tool.call.id") && span.span.name.starts_with("tool.execution:")
}

/// Reads the span's attributes.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    let kind = kind(&mut reader, span);
    reader.mapped.kind = Some(kind);
    reader.mapped.agent_name = reader.text("agent_name", &["subagent.name", "entity.name"]);
    let conversation = reader.text("session_key", &["voltagent.conversation_id", "conversation.id"]);
    reader.mapped.session_key = conversation.map(|id| (1, id));
    match kind {
        SpanKind::Llm => {
            read_model(&mut reader);
            read_messages(&mut reader, &["llm.messages", "input"]);
        }
        SpanKind::Agent => {
            read_model(&mut reader);
            read_messages(&mut reader, &["input", "agent.messages"]);
            let instructions = reader.find("system_prompt", &["agent.instructions"]).and_then(system_text);
            reader.mapped.system_prompt = instructions.or(reader.mapped.system_prompt.take());
        }
        SpanKind::Tool => {
            reader.mapped.tool_name = reader.text("tool_name", &["tool.name"]);
            reader.mapped.tool_call_id = reader.text("tool_call_id", &["tool.call.id"]);
            reader.mapped.tool_arguments = reader.find("tool_arguments", &["tool.arguments", "input"]).map(arguments);
            reader.mapped.tool_result = reader.find("tool_result", &["tool.result", "output"]).cloned();
        }
        _ => {
            reader.mapped.input_text = reader.text("input_text", &["input"]);
            reader.mapped.output_text = reader.text("output_text", &["output"]);
        }
    }
    Reading { structured: reader.mapped, ..Reading::default() }
}

/// Children inherit `entity.type`: their own type comes first. Some exporters write values as JSON.
fn kind(reader: &mut Reader, span: &MergedSpan) -> SpanKind {
    let named = reader.text("kind", &["span.type"]).or_else(|| reader.text("kind", &["entity.type"]));
    match named.as_deref().unwrap_or_default().trim_matches('"') {
        "agent" => SpanKind::Agent,
        "llm" => SpanKind::Llm,
        "tool" => SpanKind::Tool,
        "retriever" | "vector" => SpanKind::Retriever,
        "embedding" => SpanKind::Embedding,
        "guardrail" => SpanKind::Guardrail,
        "scorer" => SpanKind::Evaluator,
        "" if span.span.attributes.contains_key("tool.call.id") => SpanKind::Tool,
        _ => SpanKind::Chain,
    }
}

fn read_model(reader: &mut Reader) {
    reader.mapped.operation = reader.text("operation", &["llm.operation"]);
    let named = reader.text("model", &["llm.model", "llm.model_id", "ai.model.name"]);
    let plugin = reader.text("provider", &["llm.provider"]);
    // `openai/gpt-4o`: the part before is the provider's name again.
    let bare = named
        .as_deref()
        .zip(plugin.as_deref())
        .and_then(|(name, plugin)| name.strip_prefix(plugin)?.strip_prefix('/').map(str::to_owned));
    reader.mapped.model = bare.or(named);
    reader.mapped.provider = plugin.and_then(|plugin| provider(&plugin));
    let finish = reader.find("finish_reason", &["llm.finish_reason", "ai.response.finish_reason"]);
    reader.mapped.finish_reason = finish.and_then(finish_reason);
    let names = reader.text("tool_definitions", &["llm.tools"]);
    let names: Option<Value> = names.map(|names| names.split(',').map(str::trim).map(Value::from).collect());
    reader.mapped.tool_definitions = names.as_ref().and_then(tool_definitions);
    let input = reader.count("input_tokens", &["usage.prompt_tokens", "llm.usage.prompt_tokens"]);
    let output = reader.count("output_tokens", &["usage.completion_tokens", "llm.usage.completion_tokens"]);
    let cached = reader.count("cached_tokens", &["usage.cached_tokens", "llm.usage.cached_tokens"]);
    set_usage(&mut reader.mapped, input, output, cached, None);
    reader.mapped.reasoning_tokens =
        reader.count("reasoning_tokens", &["usage.reasoning_tokens", "llm.usage.reasoning_tokens"]);
    reader.mapped.parameters = parameters(reader);
}

fn parameters(reader: &mut Reader) -> Option<Map<String, Value>> {
    const NAMES: &[(&str, &str)] = &[
        ("llm.temperature", "temperature"),
        ("llm.top_p", "top_p"),
        ("llm.max_output_tokens", "max_tokens"),
        ("llm.max_retries", "max_retries"),
        ("llm.provider_options", "provider_options"),
        ("ai.model.temperature", "temperature"),
        ("ai.model.max_tokens", "max_tokens"),
        ("ai.model.top_p", "top_p"),
        ("ai.model.frequency_penalty", "frequency_penalty"),
        ("ai.model.presence_penalty", "presence_penalty"),
    ];
    let mut parameters = Map::new();
    for (key, name) in NAMES {
        if let Some(value) = reader.find("parameters", &[key]) {
            parameters.insert((*name).to_owned(), structured(value));
        }
    }
    (!parameters.is_empty()).then_some(parameters)
}

fn read_messages(reader: &mut Reader, keys: &[&str]) {
    if let Some(given) = reader.find("input_messages", keys) {
        let (system, rest) = lift_system(messages(given, "user"));
        reader.mapped.system_prompt = system;
        reader.mapped.input_messages = captured(rest);
    }
    if let Some(answer) = reader.find("output_messages", &["output"]).and_then(text) {
        reader.mapped.output_messages = captured(vec![message(&json!(answer), "assistant")]);
    }
}

#[cfg(test)]
mod tests;
