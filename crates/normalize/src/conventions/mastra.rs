//! Mastra: `@mastra/otel-exporter` (0.x and 1.x) and `@mastra/otel-bridge`. Source: mastra-ai/mastra, `observability`.
//!
//! Every span says what it is in `mastra.span.type`. OpenTelemetry's keys stand beside it for models, usage and tools; the
//! rest stands in `mastra.<type>.input` and `.output`, in 0.x in `gen_ai.prompt` and `gen_ai.completion`, and metadata in bare
//! keys. One model call is
//! told up to three times, each inside the other: `model_generation` (in 0.x `llm_generation`) has the prompt and stands
//! around all the calls of a run, `model_step` around one call, with the provider's response in its metadata, and
//! `model_inference` (late 1.x) is that call, with usage but without tool calls. All three are model calls here; which of
//! them counts, and what each lacks, follows from how they nest.
//!
//! Left out: the input of a step, where tool calls and results are abridged to `[tool: name]`, and chunks of streams.

use gleaner_model::{Message, SpanKind};
use serde_json::{Map, Value, json};

use super::otel_genai::provider;
use super::reader::{Reader, captured};
use super::{Reading, bodies};
use crate::mapped::{Mapped, MergedSpan};
use crate::messages::{arguments, message, tool_definitions};
use crate::value::{first, first_str, first_text, structured, text};

/// Whether Mastra made the span.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    span.span.attributes.contains_key("mastra.span.type")
}

/// Reads what Mastra's own keys tell.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    let Some(span_type) = reader.text("kind", &["mastra.span.type"]) else { return Reading::default() };
    let span_type = span_type.to_ascii_lowercase();
    let kind = kind(&span_type);
    reader.mapped.kind = Some(kind);
    read_identity(&mut reader);
    // The bridge's first versions wrote bare keys.
    let keys = |end: &str| [format!("mastra.{span_type}.{end}"), end.to_owned()];
    let mut opaque = Mapped::default();
    match kind {
        SpanKind::Llm => {
            read_model(&mut reader, &span.span.name);
            read_messages(&mut reader, &span_type);
            opaque = read_body(&mut reader);
        }
        SpanKind::Agent => read_messages(&mut reader, &span_type),
        SpanKind::Tool => {
            reader.mapped.tool_name = reader.text("tool_name", &["mastra.tool.id"]);
            reader.mapped.tool_arguments = find(&mut reader, "tool_arguments", &keys("input")).map(arguments);
            reader.mapped.tool_result = find(&mut reader, "tool_result", &keys("output")).cloned();
        }
        _ => {
            reader.mapped.input_text = find(&mut reader, "input_text", &keys("input")).and_then(text);
            reader.mapped.output_text = find(&mut reader, "output_text", &keys("output")).and_then(text);
        }
    }
    // The failure of a call stands on the agent; the call itself only stops so.
    let finish = span.span.attributes.get("gen_ai.response.finish_reasons").map(structured);
    if finish.is_some_and(|reasons| reasons == json!(["error"]) || reasons == json!("error")) {
        reader.mapped.error = Some("error".to_owned());
        reader.note("error", "gen_ai.response.finish_reasons");
    }
    Reading { structured: reader.mapped, opaque }
}

fn find<'a>(reader: &mut Reader<'a>, field: &str, keys: &[String]) -> Option<&'a Value> {
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    reader.find(field, &keys)
}

fn kind(span_type: &str) -> SpanKind {
    match span_type {
        "agent_run" => SpanKind::Agent,
        "model_generation" | "model_step" | "model_inference" | "llm_generation" | "llm_step" => SpanKind::Llm,
        "tool_call" | "mcp_tool_call" | "provider_tool_call" | "client_tool_call" => SpanKind::Tool,
        "rag_embedding" => SpanKind::Embedding,
        "rag_vector_operation" => SpanKind::Retriever,
        "scorer_run" | "scorer_step" => SpanKind::Evaluator,
        "model_chunk" | "llm_chunk" => SpanKind::Other,
        _ => SpanKind::Chain,
    }
}

/// A resource is the owner of threads: by default the user.
fn read_identity(reader: &mut Reader) {
    let session = ["mastra.metadata.sessionId", "mastra.metadata.session_id", "sessionId"];
    let session = reader.text("session_key", &session);
    let thread =
        ["mastra.metadata.threadId", "mastra.metadata.thread_id", "mastra.metadata.conversationId", "threadId"];
    reader.mapped.session_key = session.map(|id| (0, id)).or_else(|| Some((1, reader.text("session_key", &thread)?)));
    let user =
        ["mastra.metadata.userId", "mastra.metadata.user_id", "userId", "mastra.metadata.resourceId", "resourceId"];
    reader.mapped.user_key = reader.text("user_key", &user);
    reader.mapped.agent_name = reader.text("agent_name", &["gen_ai.agent.name", "mastra.agent.id"]);
    reader.mapped.system_prompt = reader.text("system_prompt", &["mastra.agent.instructions"]);
    let tools = reader.find("tool_definitions", &["mastra.agent.available_tools"]);
    reader.mapped.tool_definitions = tools.and_then(tool_definitions);
}

const METADATA: &[&str] = &["mastra.metadata.modelMetadata", "modelMetadata"];

/// Steps name their model in the metadata, generations in 1.x only in the span's name.
fn read_model(reader: &mut Reader, span_name: &str) {
    if let Some(Value::Object(told)) = reader.find("model", METADATA).map(structured) {
        reader.mapped.model = first_text(&told, &["modelId"]);
        reader.mapped.provider = first_text(&told, &["modelProvider"]).and_then(|name| provider(&name));
        let origin = reader.mapped.source_keys.get("model").and_then(text).unwrap_or_default();
        reader.note("provider", &origin);
    } else if let Some(model) = span_name.strip_prefix("model_generation ") {
        reader.mapped.model = Some(model.to_owned());
        reader.note("model", "name");
    }
}

fn read_messages(reader: &mut Reader, span_type: &str) {
    if !matches!(span_type, "model_step" | "llm_step") {
        let keys = [format!("mastra.{span_type}.input"), "gen_ai.prompt".to_owned(), "input".to_owned()];
        if let Some(prompt) = find(reader, "input_messages", &keys) {
            let request = bodies::request(prompt);
            if request.system_prompt.is_some() {
                let origin = reader.mapped.source_keys.get("input_messages").and_then(text).unwrap_or_default();
                reader.note("system_prompt", &origin);
                reader.mapped.system_prompt = request.system_prompt;
            }
            reader.mapped.input_messages = request.input_messages;
        }
    }
    let keys = [format!("mastra.{span_type}.output"), "gen_ai.completion".to_owned(), "output".to_owned()];
    let answer = find(reader, "output_messages", &keys).and_then(answer);
    reader.mapped.output_messages = answer.and_then(|answer| captured(vec![answer]));
}

/// `{"text", "toolCalls", "reasoning", "files", "object"}`, or text.
fn answer(value: &Value) -> Option<Message> {
    let Value::Object(told) = structured(value) else { return Some(message(&json!(text(value)?), "assistant")) };
    let mut content = Vec::new();
    if let Some(words) = first_text(&told, &["text", "object"]) {
        content.push(json!({"type": "text", "text": words}));
    }
    if let Some(Value::Array(files)) = told.get("files") {
        content.extend(files.iter().map(|file| file.get("payload").unwrap_or(file).clone()));
    }
    let mut answer = Map::from_iter([("role".to_owned(), json!("assistant"))]);
    // Around several steps the calls of all of them stand beside the last one's text: that one made no call.
    let is_run = told.contains_key("warnings") || told.contains_key("sources");
    if let Some(calls) = first(&told, &["toolCalls"]).filter(|_| !is_run || content.is_empty()) {
        answer.insert("tool_calls".to_owned(), calls.clone());
    }
    if let Some(reasoning) = reasoning(&told) {
        answer.insert("reasoning_content".to_owned(), json!(reasoning));
    }
    if !content.is_empty() {
        answer.insert("content".to_owned(), Value::Array(content));
    }
    Some(message(&Value::Object(answer), "assistant")).filter(|message| !message.parts.is_empty())
}

fn reasoning(told: &Map<String, Value>) -> Option<String> {
    if let Some(text) = first_str(told, &["reasoningText", "reasoning"]) {
        return Some(text.to_owned());
    }
    let items = told.get("reasoning")?.as_array()?;
    let texts: Vec<&str> =
        items.iter().filter_map(|item| item.get("payload").unwrap_or(item).get("text")?.as_str()).collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

/// What the provider answered, as it did: there tool arguments are whole which Mastra hides elsewhere.
fn read_body(reader: &mut Reader) -> Mapped {
    let keys = ["mastra.metadata.body", "body"];
    let held = keys.iter().find_map(|key| Some((*key, reader.attributes().get(*key)?)));
    let Some((key, value)) = held else { return told_of_answer(reader) };
    let mut body = bodies::response(value);
    body.tool_definitions = structured(value).get("tools").and_then(tool_definitions);
    // 0.x cuts off what lies deep.
    if value.as_str().is_some_and(|text| text.contains("[MaxDepth]")) {
        (body.output_messages, body.tool_definitions) = (None, None);
    }
    if body.output_messages.is_some() {
        reader.mapped.output_messages = body.output_messages.take();
        reader.note("output_messages", key);
    }
    for field in ["response_id", "response_model", "finish_reason", "tool_definitions", "input_tokens", "output_tokens"]
    {
        body.source_keys.insert(field.to_owned(), json!(key));
    }
    body
}

/// Of a stream there is no body: 0.x tells id and model beside the step.
fn told_of_answer(reader: &Reader) -> Mapped {
    let attributes = reader.attributes();
    let mut told = Mapped::default();
    if attributes.contains_key("modelMetadata") {
        told.response_id = first_text(attributes, &["id"]);
        told.response_model = first_text(attributes, &["modelId"]);
        for (field, key) in [("response_id", "id"), ("response_model", "modelId")] {
            told.source_keys.insert(field.to_owned(), json!(key));
        }
    }
    told
}

#[cfg(test)]
mod tests;
