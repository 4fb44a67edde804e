//! Genkit (JavaScript, Go, Python): keys with colons, no OpenTelemetry ones. Source: firebase/genkit, `js/core/src/tracing`,
//! `go/core/tracing`, `py`.
//!
//! The kind stands in `genkit:metadata:subtype`, in the first versions in `genkit:type`. A model is named with its plugin,
//! `googleai/gemini-2.5-flash`. Input and output are JSON texts; the output of a model holds the provider's own response as
//! `raw`, which tells what Genkit's form leaves out: id, model and cached tokens.
//!
//! Around every model call stands a `generate` span with the same input and output, without a kind: it is a chain. So is a
//! flow, whose name is the agent's.

use gleaner_model::{Message, Part, SpanKind};
use serde_json::{Map, Value, json};

use super::otel_genai::provider;
use super::reader::{Reader, captured, set_usage, with_part};
use super::{Reading, bodies};
use crate::mapped::MergedSpan;
use crate::messages::{arguments, finish_reason, lift_system, message, tool_definitions};
use crate::value::{first, first_str, first_text, integer, is_empty, structured, text};

/// Whether Genkit made the span.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    ["genkit:type", "genkit:name", "genkit:metadata:subtype"].iter().any(|key| span.span.attributes.contains_key(*key))
}

/// Reads the span's attributes.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    let subtype = reader.text("kind", &["genkit:metadata:subtype", "genkit:type"]).unwrap_or_default();
    let kind = kind(&subtype);
    reader.mapped.kind = Some(kind);
    reader.mapped.operation = reader.text("operation", &["genkit:metadata:subtype"]);
    read_identity(&mut reader);
    match kind {
        SpanKind::Tool => {
            reader.mapped.tool_name = reader.text("tool_name", &["genkit:name"]);
            reader.mapped.tool_arguments = reader.find("tool_arguments", &["genkit:input"]).map(arguments);
            reader.mapped.tool_result = reader.find("tool_result", &["genkit:output"]).cloned();
        }
        SpanKind::Llm => {
            read_name(&mut reader);
            read_request(&mut reader);
            read_response(&mut reader, true);
        }
        _ => {
            if kind == SpanKind::Embedding {
                read_name(&mut reader);
            }
            if kind == SpanKind::Agent || subtype == "flow" {
                reader.mapped.agent_name = reader.text("agent_name", &["genkit:name"]);
            }
            if !read_request(&mut reader) {
                reader.mapped.input_text = reader.find("input_text", &["genkit:input"]).and_then(plain);
            }
            if !read_response(&mut reader, false) {
                reader.mapped.output_text = reader.find("output_text", &["genkit:output"]).and_then(plain);
            }
        }
    }
    Reading { structured: reader.mapped, ..Reading::default() }
}

fn kind(subtype: &str) -> SpanKind {
    match subtype {
        "model" | "background-model" => SpanKind::Llm,
        "embedder" => SpanKind::Embedding,
        "tool" | "tool.v2" => SpanKind::Tool,
        "retriever" => SpanKind::Retriever,
        "reranker" => SpanKind::Reranker,
        "evaluator" => SpanKind::Evaluator,
        "agent" => SpanKind::Agent,
        _ => SpanKind::Chain,
    }
}

/// Sessions are Genkit's own; the user is whom the application authenticated.
fn read_identity(reader: &mut Reader) {
    let within = |reader: &mut Reader, field: &str, key: &str, pointer: &str| {
        let found = reader.attributes().get(key).map(structured)?.pointer(pointer).and_then(text)?;
        reader.note(field, key);
        Some(found)
    };
    let session = reader
        .text("session_key", &["genkit:sessionId", "genkit:metadata:sessionId"])
        .or_else(|| within(reader, "session_key", "genkit:init", "/sessionId"));
    reader.mapped.session_key = session
        .map(|id| (0, id))
        .or_else(|| Some((1, reader.text("session_key", &["genkit:threadName", "genkit:metadata:threadName"])?)));
    reader.mapped.user_key = within(reader, "user_key", "genkit:metadata:context", "/auth/uid");
}

fn read_name(reader: &mut Reader) {
    let Some(name) = reader.text("model", &["genkit:name"]) else { return };
    match name.split_once('/') {
        Some((plugin, model)) => {
            reader.note("provider", "genkit:name");
            reader.mapped.provider = provider(plugin);
            reader.mapped.model = Some(model.to_owned());
        }
        None => reader.mapped.model = Some(name),
    }
}

/// `{"messages", "config", "tools"}`; whether the input is that.
fn read_request(reader: &mut Reader) -> bool {
    let Some(Value::Object(request)) = reader.attributes().get("genkit:input").map(structured) else { return false };
    let Some(Value::Array(items)) = request.get("messages") else { return false };
    let (system, rest) = lift_system(items.iter().map(|item| genkit_message(item, "user")).collect());
    reader.mapped.system_prompt = system;
    reader.mapped.input_messages = captured(rest);
    reader.mapped.tool_definitions = first(&request, &["tools"]).and_then(tool_definitions);
    reader.mapped.parameters = parameters(&request);
    for field in ["system_prompt", "input_messages", "tool_definitions", "parameters"] {
        reader.note(field, "genkit:input");
    }
    true
}

fn parameters(request: &Map<String, Value>) -> Option<Map<String, Value>> {
    let mut parameters = first(request, &["config"]).and_then(Value::as_object).cloned().unwrap_or_default();
    parameters.retain(|_, value| !is_empty(value));
    for (key, name) in [("toolChoice", "tool_choice"), ("output", "output")] {
        if let Some(value) = first(request, &[key]) {
            parameters.insert(name.to_owned(), value.clone());
        }
    }
    (!parameters.is_empty()).then_some(parameters)
}

/// `{"message", "finishReason", "usage", "raw"}`; whether the output is that. The usage counts at the call alone.
fn read_response(reader: &mut Reader, is_call: bool) -> bool {
    let Some(Value::Object(response)) = reader.attributes().get("genkit:output").map(structured) else { return false };
    // The first versions list candidates.
    let candidate = response.get("candidates").and_then(|candidates| candidates.get(0)).and_then(Value::as_object);
    let Some(answer) = first(candidate.unwrap_or(&response), &["message"]) else { return false };
    let raw = first(&response, &["raw", "custom"]).map(bodies::response).unwrap_or_default();
    let mut answer = genkit_message(answer, "assistant");
    let sent = raw.output_messages.as_deref().and_then(gleaner_model::output_text);
    for part in &mut answer.parts {
        // A structured answer is parsed already; where the provider's text is there, that is what the model wrote.
        let Part::Other { value } = part else { continue };
        let Some(data) = value.get("data") else { continue };
        let text = sent.clone().filter(|text| structured(&json!(text)) == *data).unwrap_or_else(|| data.to_string());
        *part = Part::Text { content: text };
    }
    // Its plugin for OpenAI leaves out what the model said before it called tools.
    let only_calls = answer.parts.iter().all(|part| matches!(part, Part::ToolCall { .. }));
    if let Some(content) = sent.filter(|_| is_call && only_calls && !answer.parts.is_empty()) {
        answer.parts.insert(0, Part::Text { content });
    }
    reader.mapped.output_messages = captured(vec![answer]);
    let finish = first(candidate.unwrap_or(&response), &["finishReason"]).and_then(finish_reason);
    // Genkit has one word for an answer in text and one that calls tools.
    reader.mapped.finish_reason = raw.finish_reason.or(finish);
    if is_call {
        reader.mapped.response_id = raw.response_id;
        reader.mapped.response_model = raw.response_model;
        let empty = Map::new();
        let usage = first(&response, &["usage"]).and_then(Value::as_object).unwrap_or(&empty);
        let count = |key: &str| usage.get(key).and_then(integer).filter(|count| *count >= 0);
        let input = count("inputTokens").or(raw.input_tokens);
        let reasoning = count("thoughtsTokens").or(raw.reasoning_tokens);
        let output = with_part(input, count("outputTokens"), reasoning, count("totalTokens")).or(raw.output_tokens);
        set_usage(&mut reader.mapped, input, output, count("cachedContentTokens").or(raw.cached_tokens), None);
        reader.mapped.reasoning_tokens = reasoning;
        for field in
            ["input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens", "response_id", "response_model"]
        {
            reader.note(field, "genkit:output");
        }
    }
    for field in ["output_messages", "finish_reason"] {
        reader.note(field, "genkit:output");
    }
    true
}

/// `{"role": "user" | "model" | "tool" | "system", "content": […]}`.
fn genkit_message(item: &Value, default_role: &str) -> Message {
    let Value::Object(fields) = item else { return message(item, default_role) };
    let content = match first(fields, &["content"]) {
        Some(Value::Array(parts)) => parts.iter().map(part).collect(),
        Some(other) => vec![other.clone()],
        None => Vec::new(),
    };
    let role = first_str(fields, &["role"]).unwrap_or(default_role);
    message(&json!({"role": role, "content": content}), default_role)
}

/// A part is named by its key.
fn part(item: &Value) -> Value {
    let Value::Object(fields) = item else { return item.clone() };
    if let Some(Value::Object(asked)) = fields.get("toolRequest") {
        let input = asked.get("input").unwrap_or(&Value::Null);
        return json!({"type": "tool_call", "id": asked.get("ref"), "name": asked.get("name"), "arguments": input});
    }
    if let Some(Value::Object(answer)) = fields.get("toolResponse") {
        let output = answer.get("output").or_else(|| answer.get("content")).unwrap_or(&Value::Null);
        return json!({"type": "tool_call_response", "id": answer.get("ref"), "name": answer.get("name"), "response": output});
    }
    if let Some(Value::Object(media)) = fields.get("media") {
        let kind = first_text(media, &["contentType"]).unwrap_or_default();
        let kind = ["image", "audio", "video"].into_iter().find(|word| kind.starts_with(word)).unwrap_or("file");
        return json!({"type": kind, "mime_type": media.get("contentType"), "url": media.get("url")});
    }
    if let Some(reasoning) = fields.get("reasoning") {
        return json!({"type": "reasoning", "content": reasoning});
    }
    if let Some(words) = fields.get("text").filter(|words| words.is_string()) {
        return json!({"type": "text", "text": words});
    }
    item.clone()
}

/// Texts are JSON too: the text that is meant.
fn plain(value: &Value) -> Option<String> {
    match structured(value) {
        Value::String(inner) => text(&Value::String(inner)),
        _ => text(value),
    }
}

#[cfg(test)]
mod tests;
