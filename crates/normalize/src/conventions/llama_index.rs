//! LlamaIndex' own tracing. Source: run-llama/llama_index `llama-index-observability-otel`.
//!
//! Recognised by its tracer, or by its events. A span is a method of LlamaIndex' own (`OpenAI.achat`,
//! `BaseWorkflowAgent.call_tool`); what was given and returned stands in the span's events, one per event class, flattened:
//! `LLMChatStartEvent` with `messages` and `model_dict.*`, `LLMChatEndEvent` with `response.message.*` and the provider's own
//! body in `response.raw.*`. Steps of a workflow name what they were given in `llamaindex.step.*`, as Python prints it, cut
//! after 200 characters. Of what streams the answer comes after the span has ended: it is told by the step around the call, or
//! by the next prompt. Tags of the application's are `llamaindex.<tag>`, and `tags.<tag>` on events.

use gleaner_model::{Message, SpanKind, output_text};
use serde_json::{Map, Value, json};

use super::otel_genai::provider;
use super::provider::provider_of_model;
use super::reader::{Reader, captured};
use super::{Reading, bodies, fill, payload};
use crate::mapped::{Mapped, MergedSpan};
use crate::messages::{lift_system, message, messages, tool_definitions};
use crate::value::{first, first_str, first_text, integer, is_empty, nested, python, structured, text};

const TRACER: &str = "llamaindex.opentelemetry";

/// Whether LlamaIndex made the span.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    span.span.scope.name.starts_with(TRACER)
        || span.span.events.iter().any(|event| {
            event.attributes.get("class_name").and_then(Value::as_str) == Some(event.name.as_str())
                && event.name.ends_with("Event")
        })
}

/// Reads events, and the step that the span is.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    let asked = event(span, &["LLMChatStartEvent", "LLMCompletionStartEvent"]);
    let answered = last_event(span, &["LLMChatEndEvent", "LLMCompletionEndEvent"])
        .or_else(|| last_event(span, &["LLMChatInProgressEvent", "LLMCompletionInProgressEvent"]));
    if asked.is_some() || answered.is_some() {
        reader.mapped.kind = Some(SpanKind::Llm);
        for (name, attributes) in [asked, answered].into_iter().flatten() {
            let mut said = call(attributes);
            payload::note(&mut said, name);
            if said.provider.is_some() {
                said.source_keys.insert("provider".to_owned(), Value::from(name));
            }
            fill(&mut reader.mapped, said);
        }
    } else if let Some((name, attributes)) = last_event(span, &["EmbeddingEndEvent", "EmbeddingStartEvent"]) {
        reader.mapped.kind = Some(SpanKind::Embedding);
        reader.mapped.input_text = attributes.get("chunks").and_then(text);
        let started = event(span, &["EmbeddingStartEvent"]).map_or(attributes, |(_, started)| started);
        reader.mapped.model = model(started);
        note(&mut reader, ["input_text", "model"], name);
    } else if let Some((name, attributes)) = event(span, &["RetrievalStartEvent", "ReRankStartEvent"]) {
        let is_search = name == "RetrievalStartEvent";
        reader.mapped.kind = Some(if is_search { SpanKind::Retriever } else { SpanKind::Reranker });
        let asked = ["str_or_query_bundle", "query", "str_or_query_bundle.query_str", "query.query_str"];
        reader.mapped.input_text = first_text(attributes, &asked);
        let found = last_event(span, &["RetrievalEndEvent", "ReRankEndEvent"]);
        reader.mapped.output_text = found.and_then(|(_, found)| found.get("nodes").and_then(text));
        note(&mut reader, ["input_text", "output_text"], name);
    } else {
        read_step(&mut reader, span);
    }
    // A step is told its tags before its events are: a span may have them on its events alone.
    for event in &span.span.events {
        reader.add_event(&event.name, &event.attributes);
    }
    let session = ["llamaindex.session_id", "llamaindex.session.id", "tags.session_id", "tags.session.id"];
    let threads = ["llamaindex.thread_id", "llamaindex.conversation_id", "tags.thread_id", "tags.conversation_id"];
    let user = ["llamaindex.user_id", "llamaindex.user.id", "tags.user_id", "tags.user.id"];
    let session = reader.text("session_key", &session).map(|id| (0, id));
    reader.mapped.session_key = session.or_else(|| Some((1, reader.text("session_key", &threads)?)));
    reader.mapped.user_key = reader.text("user_key", &user);
    Reading { structured: reader.mapped, ..Reading::default() }
}

fn event<'a>(span: &'a MergedSpan, names: &[&str]) -> Option<(&'a str, &'a Map<String, Value>)> {
    let found = span.span.events.iter().find(|event| names.contains(&event.name.as_str()))?;
    Some((&found.name, &found.attributes))
}

fn last_event<'a>(span: &'a MergedSpan, names: &[&str]) -> Option<(&'a str, &'a Map<String, Value>)> {
    let found = span.span.events.iter().rfind(|event| names.contains(&event.name.as_str()))?;
    Some((&found.name, &found.attributes))
}

fn note<const N: usize>(reader: &mut Reader, fields: [&str; N], origin: &str) {
    fields.iter().for_each(|field| reader.note(field, origin));
}

/// What one event of a model call says.
fn call(attributes: &Map<String, Value>) -> Mapped {
    let mut said = Mapped::default();
    let given = first(attributes, &["messages"]).map(|given| messages(&unblocked_list(given), "user"));
    let given = given.or_else(|| Some(vec![Message::text("user", first_text(attributes, &["prompt"])?)]));
    let (system, input) = lift_system(given.unwrap_or_default());
    (said.system_prompt, said.input_messages) = (system, captured(input));
    said.model = model(attributes);
    said.provider = class(attributes).or_else(|| said.model.as_deref().and_then(provider_of_model));
    said.tool_definitions =
        attributes.get("additional_kwargs.tools").map(structured).and_then(|v| tool_definitions(&v));
    said.parameters = parameters(attributes);
    let Value::Object(response) = nested(attributes, "response") else { return said };
    if let Some(raw) = response.get("raw").and_then(Value::as_object) {
        let raw: Map<String, Value> = raw.iter().map(|(key, value)| (key.clone(), unquoted(value))).collect();
        let mut told = bodies::response(&Value::Object(raw));
        // Sent again under keys of LlamaIndex' own, which every provider has in common.
        told.output_messages = None;
        fill(&mut said, told);
    }
    let answer = match response.get("message") {
        Some(told) => message(&unblocked(told), "assistant"),
        None => message(&json!(first_text(&response, &["text"]).unwrap_or_default()), "assistant"),
    };
    said.output_messages = captured(vec![answer]);
    let counted = response.get("additional_kwargs").and_then(Value::as_object);
    let count = |key: &str| counted.and_then(|counted| counted.get(key)).and_then(integer);
    said.input_tokens = said.input_tokens.or_else(|| count("prompt_tokens"));
    said.output_tokens = said.output_tokens.or_else(|| count("completion_tokens"));
    said
}

fn unquoted(value: &Value) -> Value {
    match structured(value) {
        Value::String(text) if text == "null" => Value::Null,
        other => other,
    }
}

fn model(attributes: &Map<String, Value>) -> Option<String> {
    first_text(attributes, &["model_dict.model_name", "model_dict.model", "model_dict.model_id"])
}

/// `openai_llm`, `Anthropic_LLM`, `Bedrock_Converse_LLM`: the provider stands before.
fn class(attributes: &Map<String, Value>) -> Option<String> {
    let class = first_str(attributes, &["model_dict.class_name"])?.to_ascii_lowercase();
    let bare = class.strip_suffix("_llm")?;
    let bare = ["_responses", "_converse"].iter().find_map(|api| bare.strip_suffix(api)).unwrap_or(bare);
    provider(bare)
}

fn parameters(attributes: &Map<String, Value>) -> Option<Map<String, Value>> {
    const OF_MODEL: &[&str] = &["temperature", "max_tokens", "top_p", "seed", "reasoning_effort"];
    let of_model = OF_MODEL.iter().filter_map(|name| Some((*name, attributes.get(&format!("model_dict.{name}"))?)));
    let of_call = attributes.iter().filter_map(|(key, value)| Some((key.strip_prefix("additional_kwargs.")?, value)));
    let set: Map<String, Value> = of_model
        .chain(of_call)
        .filter(|(name, value)| *name != "tools" && !is_empty(value) && value.as_str() != Some("null"))
        .map(|(name, value)| (name.to_owned(), structured(value)))
        .collect();
    (!set.is_empty()).then_some(set)
}

fn unblocked_list(list: &Value) -> Value {
    match structured(list) {
        Value::Array(items) => items.iter().map(unblocked).collect(),
        other => other,
    }
}

/// A message of LlamaIndex' with its blocks as content; what provider's clients need beside it is in `additional_kwargs`.
fn unblocked(value: &Value) -> Value {
    let Value::Object(map) = value else { return value.clone() };
    let mut out = Map::new();
    for (key, value) in map {
        match key.as_str() {
            "blocks" => {
                let blocks = structured(value);
                let blocks = blocks.as_array().into_iter().flatten().map(block).collect();
                out.insert("content".to_owned(), Value::Array(blocks));
            }
            "additional_kwargs" => {
                let kwargs = value.as_object().into_iter().flatten();
                for (key, value) in
                    kwargs.filter(|(key, _)| ["tool_call_id", "name", "tool_calls"].contains(&key.as_str()))
                {
                    out.insert(key.clone(), structured(value));
                }
            }
            _ => _ = out.insert(key.clone(), value.clone()),
        }
    }
    Value::Object(out)
}

fn block(block: &Value) -> Value {
    let Some(map) = block.as_object() else { return block.clone() };
    match first_str(map, &["block_type"]) {
        Some("tool_call") => json!({
            "type": "tool_call", "id": map.get("tool_call_id"), "name": map.get("tool_name"), "arguments": map.get("tool_kwargs"),
        }),
        Some("thinking") => json!({"type": "reasoning", "content": map.get("content")}),
        Some(kind) => {
            let mut typed = map.clone();
            typed.insert("type".to_owned(), Value::from(kind));
            Value::Object(typed)
        }
        None => block.clone(),
    }
}

/// A step of a workflow: the call of a tool, an agent's turn, or any other.
fn read_step(reader: &mut Reader, span: &MergedSpan) {
    let (class, method) = span.span.name.split_once('.').unwrap_or_default();
    let is_agent = method == "run" && class.contains("Agent");
    reader.mapped.kind = Some(if is_agent { SpanKind::Agent } else { SpanKind::Chain });
    if method == "call_tool" {
        read_tool(reader);
    }
    let returned = event(span, &["step.output"]).and_then(|(_, returned)| first_str(returned, &["output"]));
    if method == "run_agent_step"
        && let Some(answer) = returned.and_then(printed_text)
    {
        reader.mapped.output_messages = Some(vec![Message::text("assistant", answer)]);
        reader.note("output_messages", "step.output/output");
    }
}

fn read_tool(reader: &mut Reader) {
    const GIVEN: &str = "llamaindex.step.input_summary";
    let Some(summary) = reader.text("tool_name", &[GIVEN]).filter(|text| text.starts_with("ToolCall(")) else { return };
    let mapped = &mut reader.mapped;
    mapped.kind = Some(SpanKind::Tool);
    // One that was cut off has its name still.
    let whole = python(&summary);
    let field = |name: &str| whole.as_ref().and_then(|call| call.get(name)).cloned();
    let name = || Some(summary.strip_prefix("ToolCall(tool_name='")?.split_once('\'')?.0.to_owned());
    mapped.tool_name = field("tool_name").as_ref().and_then(text).or_else(name);
    mapped.tool_arguments = field("tool_kwargs");
    mapped.tool_call_id = field("tool_id").as_ref().and_then(text);
    note(reader, ["kind", "tool_name", "tool_arguments", "tool_call_id"], GIVEN);
}

/// The text of a printed message that has one text and nothing else, if the text itself was not cut off.
fn printed_text(printed: &str) -> Option<String> {
    const BEFORE: &str = "additional_kwargs={}, blocks=[TextBlock(block_type='text', text=";
    let (_, rest) = printed.split_once(BEFORE)?;
    let quote = rest.chars().next().filter(|next| matches!(next, '\'' | '"'))?;
    let mut is_escaped = false;
    let end = rest[1..].find(|next| {
        let ends = next == quote && !is_escaped;
        is_escaped = next == '\\' && !is_escaped;
        ends
    })?;
    let after = &rest[end + 2..];
    // Further blocks may follow.
    let is_only = after.starts_with(")]");
    let literal = python(&format!("[{}]", &rest[..end + 2])).filter(|_| is_only)?;
    output_text(&[message(literal.get(0)?, "assistant")])
}

#[cfg(test)]
mod tests;
