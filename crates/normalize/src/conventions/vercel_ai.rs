//! Vercel AI SDK, the form that it writes under `ai.*`: versions 3 to 6 (`experimental_telemetry`), in 7 as
//! `LegacyOpenTelemetry`. Source: vercel/ai, `packages/otel` and `packages/ai`.
//!
//! The kind follows from `ai.operationId`, in the first versions from `operation.name` (the operation, a blank, the function
//! id). `ai.generateText` and its like stand around their `.doGenerate` or `.doStream` calls and repeat model, usage and
//! answer: they are the agent, and a mere chain where the application gives no function id. What 3 calls `ai.result.*` is
//! `ai.response.*` from 4 on; usage was renamed twice. 7 writes OpenTelemetry's keys, and on request a few `ai.*` ones
//! beside them: of those only what OpenTelemetry's do not tell is read.
//!
//! Left out: request headers, timings, embedding vectors; they stay among the attributes.

mod usage;

use gleaner_model::SpanKind;
use serde_json::{Map, Value, json};

use super::otel_genai::provider;
use super::reader::{Reader, captured};
use super::{Reading, bodies};
use crate::mapped::MergedSpan;
use crate::messages::{arguments, finish_reason, lift_system, message, messages, tool_definitions};
use crate::value::{is_empty, structured, text};

/// What only the AI SDK's keys begin with; bare `ai.` is too common.
const EVIDENCE: &[&str] = &[
    "ai.operationId",
    "ai.model.",
    "ai.prompt",
    "ai.response.",
    "ai.result.",
    "ai.usage.",
    "ai.toolCall.",
    "ai.telemetry.",
    "ai.settings.",
    "ai.value",
    "ai.documents",
    "ai.schema",
    "aisdk.model.",
];

/// Whether the span carries keys of the AI SDK.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    span.span.attributes.keys().any(|key| EVIDENCE.iter().any(|prefix| key.starts_with(prefix)))
}

/// Reads the span's attributes. Its events tell only when a stream began and ended.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    read_identity(&mut reader);
    reader.mapped.input_text = reader.find("input_text", &["ai.value", "ai.values", "ai.documents"]).map(plain);
    reader.mapped.output_text = reader.find("output_text", &["ai.ranking"]).map(plain);
    match operation(span) {
        Some(operation) => {
            read_call(&mut reader, &operation);
            read_content(&mut reader, &operation);
            usage::read(&mut reader);
        }
        None => usage::read_details(&mut reader),
    }
    Reading { structured: reader.mapped, ..Reading::default() }
}

/// `ai.streamText.doStream` and the like.
fn operation(span: &MergedSpan) -> Option<String> {
    let attributes = &span.span.attributes;
    let named = |key: &str| attributes.get(key)?.as_str()?.split_whitespace().next();
    let found =
        named("ai.operationId").or_else(|| named("operation.name")).or_else(|| span.span.name.split(' ').next());
    found.filter(|name| name.starts_with("ai.")).map(str::to_owned)
}

/// Metadata is what the application puts there: these are the names in use. From 7 on it is the runtime context.
fn read_identity(reader: &mut Reader) {
    let mut first = |field: &str, names: &[&str]| {
        ["ai.telemetry.metadata.", "ai.settings.context."].iter().find_map(|prefix| {
            let keys: Vec<String> = names.iter().map(|name| format!("{prefix}{name}")).collect();
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            reader.text(field, &keys)
        })
    };
    let session = first("session_key", &["sessionId", "session_id", "session.id", "langfuseSessionId"]);
    let thread = ["threadId", "thread_id", "chatId", "chat_id", "conversationId", "conversation_id"];
    let session = session.map(|id| (0, id)).or_else(|| Some((1, first("session_key", &thread)?)));
    let user = first("user_key", &["userId", "user_id", "user.id", "langfuseUserId"]);
    let version = first("agent_version", &["version"]);
    reader.mapped.session_key = session;
    // opencode writes this where it knows of no user.
    reader.mapped.user_key = user.filter(|user| user != "unknown");
    reader.mapped.agent_version = version;
    reader.mapped.agent_name = reader.text("agent_name", &["ai.telemetry.functionId"]);
}

fn read_call(reader: &mut Reader, operation: &str) {
    reader.note("kind", "ai.operationId");
    reader.mapped.operation = Some(operation.to_owned());
    reader.mapped.kind = Some(match operation {
        "ai.toolCall" => SpanKind::Tool,
        _ if operation.ends_with(".doGenerate") || operation.ends_with(".doStream") => SpanKind::Llm,
        _ if operation.ends_with(".doEmbed") => SpanKind::Embedding,
        _ if operation.ends_with(".doRerank") => SpanKind::Reranker,
        "ai.generateText" | "ai.streamText" | "ai.generateObject" | "ai.streamObject"
            if reader.mapped.agent_name.is_some() =>
        {
            SpanKind::Agent
        }
        _ => SpanKind::Chain,
    });
    reader.mapped.provider =
        reader.text("provider", &["ai.model.provider", "aisdk.model.provider"]).and_then(|name| provider(&name));
    reader.mapped.model = reader.text("model", &["gen_ai.request.model", "ai.model.id", "aisdk.model.id"]);
    reader.mapped.response_model = reader.text("response_model", &["gen_ai.response.model", "ai.response.model"]);
    reader.mapped.response_id = reader.text("response_id", &["gen_ai.response.id", "ai.response.id"]);
    let finish =
        ["gen_ai.response.finish_reasons", "ai.response.finishReason", "ai.finishReason", "gen_ai.finishReason"];
    reader.mapped.finish_reason = reader.find("finish_reason", &finish).and_then(finish_reason);
    reader.mapped.tool_definitions = reader.find("tool_definitions", &["ai.prompt.tools"]).and_then(tool_definitions);
    reader.mapped.parameters = parameters(reader);
}

/// Settings under the names that OpenTelemetry has for them, with what OpenTelemetry's own keys say over them.
fn parameters(reader: &mut Reader) -> Option<Map<String, Value>> {
    let mut parameters = Map::new();
    for (name, value) in reader.prefixed("ai.settings.") {
        if !name.starts_with("context.") {
            parameters.insert(setting(&name), value);
        }
    }
    for (key, name) in [
        ("ai.prompt.toolChoice", "tool_choice"),
        ("ai.schema", "schema"),
        ("ai.schema.name", "schema_name"),
        ("ai.schema.description", "schema_description"),
    ] {
        if let Some(value) = reader.attributes().get(key).filter(|value| !is_empty(value)) {
            parameters.insert(name.to_owned(), structured(value));
        }
    }
    parameters.extend(reader.prefixed("gen_ai.request."));
    parameters.shift_remove("model");
    if parameters.is_empty() {
        return None;
    }
    reader.note("parameters", "ai.settings.*");
    Some(parameters)
}

/// `topP` is `top_p`; `maxOutputTokens`, before 5 `maxTokens`, is `max_tokens`.
fn setting(name: &str) -> String {
    if name == "maxOutputTokens" {
        return "max_tokens".to_owned();
    }
    let mut snake = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

fn read_content(reader: &mut Reader, operation: &str) {
    reader.mapped.tool_name = reader.text("tool_name", &["ai.toolCall.name"]);
    reader.mapped.tool_call_id = reader.text("tool_call_id", &["ai.toolCall.id"]);
    reader.mapped.tool_arguments = reader.find("tool_arguments", &["ai.toolCall.args"]).map(arguments);
    reader.mapped.tool_result = reader.find("tool_result", &["ai.toolCall.result"]).cloned();
    let is_call = operation.contains(".do");
    if let Some(prompt) = reader.find("input_messages", &["ai.prompt.messages"]) {
        let (system, rest) = lift_system(messages(prompt, "user"));
        set_input(reader, system, captured(rest), "ai.prompt.messages");
    } else if let Some(prompt) = reader.find("input_messages", &["ai.prompt"]) {
        let request = bodies::request(prompt);
        set_input(reader, request.system_prompt, request.input_messages, "ai.prompt");
    }
    let mut answer = Map::from_iter([("role".to_owned(), json!("assistant"))]);
    let mut content = Vec::new();
    let texts = ["ai.response.text", "ai.result.text", "ai.response.object", "ai.result.object"];
    if let Some(words) = reader.text("output_messages", &texts) {
        content.push(json!({"type": "text", "text": words}));
    }
    if let Some(Value::Array(files)) = reader.find("files", &["ai.response.files"]).map(structured) {
        content.extend(files);
    }
    // Around several steps the calls of all of them are listed beside the last one's text: that one made no call.
    if is_call || content.is_empty() {
        let sums_up = reader.attributes().get("ai.model.provider").and_then(Value::as_str).is_some_and(sums_up);
        if let Some(told) = reader.find("reasoning", &["ai.response.reasoning"]) {
            content.splice(0..0, reasoning(told, sums_up));
        }
        if let Some(calls) = reader.find("calls", &["ai.response.toolCalls", "ai.result.toolCalls"]) {
            answer.insert("tool_calls".to_owned(), structured(calls));
        }
    }
    for field in ["files", "reasoning", "calls"] {
        let origin = reader.mapped.source_keys.shift_remove(field);
        if let Some(origin) = origin.filter(|_| !reader.mapped.source_keys.contains_key("output_messages")) {
            reader.mapped.source_keys.insert("output_messages".to_owned(), origin);
        }
    }
    if !content.is_empty() {
        answer.insert("content".to_owned(), Value::Array(content));
    }
    if answer.len() > 1 {
        reader.mapped.output_messages = captured(vec![message(&Value::Object(answer), "assistant")]);
    }
}

fn set_input(reader: &mut Reader, system: Option<String>, input: Option<Vec<gleaner_model::Message>>, origin: &str) {
    if system.is_some() {
        reader.note("system_prompt", origin);
    }
    reader.mapped.system_prompt = system;
    reader.mapped.input_messages = input;
}

/// Providers whose reasoning is a summary wherever it can be read at all: OpenAI's Responses API, and Gemini.
fn sums_up(provider: &str) -> bool {
    matches!(provider, "openai.responses" | "azure.responses" | "azure-openai.responses")
        || provider.starts_with("google.")
}

/// Text, in some versions a list of reasoning parts: as typed parts.
fn reasoning(value: &Value, sums_up: bool) -> Vec<Value> {
    let key = if sums_up { "summary" } else { "text" };
    let Value::Array(items) = structured(value) else {
        return text(value).map(|text| json!({"type": "reasoning", key: text})).into_iter().collect();
    };
    let part = |item: &Value| {
        let mut part = item.as_object()?.clone();
        part.entry("type").or_insert_with(|| json!("reasoning"));
        if sums_up && let Some(text) = part.shift_remove("text") {
            part.insert("summary".to_owned(), text);
        }
        Some(Value::Object(part))
    };
    items.iter().filter_map(part).collect()
}

/// Values are JSON texts, lists of values lists of such: a text is what it holds.
fn plain(value: &Value) -> String {
    match value {
        Value::String(json) => match structured(value) {
            Value::String(inner) => inner,
            _ => json.clone(),
        },
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join("\n"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
