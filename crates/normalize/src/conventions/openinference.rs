//! OpenInference: flattened keys with an index, `llm.input_messages.0.message.role`.
//!
//! Request and response bodies (`input.value`, `output.value`) count as opaque on LLM spans: they give only what no
//! structured key gives. On tool, agent and chain spans they are the span's own input and output.

use gleaner_model::{Message, Part, SpanKind};
use serde_json::{Map, Value, json};

use super::openinference_parameters::{read_models, read_parameters};
use super::openinference_steps::{
    is_bare, is_call, is_event, is_langchains_agent, is_trace_of_agents, read_answer_of_step,
};
use super::openinference_text::{agent_of_method, plain, read_search};
use super::openinference_tools::read_tool;
use super::openinference_usage::{believe_body, read_usage};
use super::otel_genai::provider;
use super::reader::{Reader, captured};
use super::{Reading, automatic_functions, bodies, openinference_gaps};
use crate::mapped::{Mapped, MergedSpan, STATUS_ERROR};
use crate::messages::{KnownCalls, finish_reason, lift_system, message, messages, tool_definitions};
use crate::value::{first, first_str, first_text, is_empty, python, structured, text, unflatten};

/// Whether the span carries OpenInference's kind, or messages in its form.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    let attributes = &span.span.attributes;
    attributes.contains_key("openinference.span.kind")
        || attributes.keys().any(|key| {
            ["llm.input_messages.", "llm.output_messages.", "llm.token_count."]
                .iter()
                .any(|prefix| key.starts_with(prefix))
        })
}

/// Reads the span's attributes; OpenInference has no events.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    let declared = reader.text("kind", &["openinference.span.kind"]);
    let kind = declared.as_deref().and_then(kind).or_else(|| inferred_kind(&span.span.attributes));
    reader.mapped.kind = kind;
    reader.mapped.agent_name = reader.text("agent_name", &["agent.name", "graph.node.name"]);
    if reader.mapped.agent_name.is_none() && kind == Some(SpanKind::Agent) {
        reader.mapped.agent_name =
            reader.text("agent_name", &["graph.node.id"]).or_else(|| agent_of_method(&span.span.name));
    }
    read_call(&mut reader, span.span.scope.name.ends_with(".litellm"));
    read_context(&mut reader);
    read_messages(&mut reader, &span.span.attributes);
    let opaque = match kind {
        Some(SpanKind::Llm) | None => read_bodies(&mut reader, span),
        Some(SpanKind::Embedding | SpanKind::Reranker | SpanKind::Retriever) => {
            read_search(&mut reader);
            Mapped::default()
        }
        Some(SpanKind::Tool) => {
            read_tool(&mut reader);
            Mapped::default()
        }
        _ => {
            reader.mapped.input_text =
                reader.find("input_text", &["input.value"]).and_then(|value| plain(value, "user"));
            reader.mapped.output_text =
                reader.find("output_text", &["output.value"]).and_then(|value| plain(value, "assistant"));
            read_answer_of_step(&mut reader);
            Mapped::default()
        }
    };
    believe_body(&mut reader, &opaque);
    drop_stale_calls(&mut reader.mapped, span);
    if let Some(history) = automatic_functions::history(span).filter(|_| kind == Some(SpanKind::Llm)) {
        reader.mapped.input_messages = Some(history);
        reader.note("input_messages", "output.value");
    }
    let is_step = match kind {
        _ if is_event(&span.span.attributes) => true,
        Some(SpanKind::Llm) => !is_call(span, &reader.mapped, &opaque),
        Some(SpanKind::Agent) => is_bare(span) || is_trace_of_agents(span),
        _ => false,
    };
    if is_step {
        reader.mapped.kind = Some(SpanKind::Chain);
    } else if kind == Some(SpanKind::Chain) && is_langchains_agent(span) {
        reader.mapped.kind = Some(SpanKind::Agent);
        reader.mapped.agent_name = Some(span.span.name.clone());
        reader.note("agent_name", "metadata");
    }
    Reading { structured: reader.mapped, opaque }
}

/// Keys that instrumentations inherit from the context, and the same in metadata of the caller's own.
fn read_context(reader: &mut Reader) {
    let metadata = reader.attributes().get("metadata").map(structured).unwrap_or_default();
    let own = |keys: &[&str]| first_text(metadata.as_object()?, keys);
    reader.mapped.session_key = reader.text("session_key", &["session.id"]).map(|id| (0, id));
    if reader.mapped.session_key.is_none() {
        let id = own(&["session_id", "sessionId", "thread_id", "threadId", "conversation_id", "conversationId"]);
        reader.mapped.session_key = id.map(|id| (1, id));
        reader.note("session_key", "metadata");
    }
    if reader.mapped.provider.is_none() {
        // LangChain names it among its own metadata.
        reader.mapped.provider = own(&["ls_provider"]).and_then(|name| provider(&name));
        reader.note("provider", "metadata");
    }
    reader.mapped.user_key = reader.text("user_key", &["user.id"]);
    if reader.mapped.user_key.is_none() {
        reader.mapped.user_key = own(&["user_id", "userId"]);
        reader.note("user_key", "metadata");
    }
}

fn kind(name: &str) -> Option<SpanKind> {
    Some(match name.to_ascii_uppercase().as_str() {
        "LLM" => SpanKind::Llm,
        "TOOL" => SpanKind::Tool,
        "CHAIN" | "PROMPT" => SpanKind::Chain,
        "RETRIEVER" => SpanKind::Retriever,
        "EMBEDDING" => SpanKind::Embedding,
        "AGENT" => SpanKind::Agent,
        "RERANKER" => SpanKind::Reranker,
        "GUARDRAIL" => SpanKind::Guardrail,
        "EVALUATOR" => SpanKind::Evaluator,
        _ => return None,
    })
}

fn inferred_kind(attributes: &Map<String, Value>) -> Option<SpanKind> {
    let has = |prefix: &str| attributes.keys().any(|key| key.starts_with(prefix));
    if has("tool.name") {
        Some(SpanKind::Tool)
    } else if has("retrieval.documents.") {
        Some(SpanKind::Retriever)
    } else if has("embedding.") {
        Some(SpanKind::Embedding)
    } else if has("llm.") {
        Some(SpanKind::Llm)
    } else {
        None
    }
}

fn read_call(reader: &mut Reader, is_litellm: bool) {
    reader.mapped.provider =
        ["llm.provider", "llm.system"].iter().find_map(|key| provider(&reader.text("provider", &[key])?));
    let parameters = reader.find("parameters", &["llm.invocation_parameters", "embedding.invocation_parameters"]);
    let parameters = parameters.and_then(|value| match structured(value) {
        Value::Object(parameters) => Some(parameters),
        // Guardrails has Python print them.
        Value::String(printed) => python(&printed)?.as_object().cloned(),
        _ => None,
    });
    let parameters = parameters.unwrap_or_default();
    read_models(reader, &parameters, is_litellm);
    let offered = unflatten(reader.attributes(), "llm.tools");
    let schemas: Value = offered.iter().map(|tool| tool.pointer("/tool/json_schema").unwrap_or(tool).clone()).collect();
    reader.mapped.tool_definitions = tool_definitions(&schemas);
    if reader.mapped.tool_definitions.is_some() {
        reader.note("tool_definitions", "llm.tools.*");
    } else if let Some(tools) = first(&parameters, &["tools", "functions"]) {
        reader.mapped.tool_definitions = tool_definitions(tools);
        reader.note("tool_definitions", "llm.invocation_parameters");
    }
    read_parameters(reader, parameters);
    reader.mapped.finish_reason = reader.find("finish_reason", &["llm.finish_reason"]).and_then(finish_reason);
    read_usage(reader);
    reader.mapped.cost_usd = reader.number("cost_usd", &["llm.cost.total"]);
    if reader.mapped.cost_usd.is_none() {
        let shares = ["llm.cost.prompt", "llm.cost.completion"].map(|key| reader.number("cost_usd", &[key]));
        reader.mapped.cost_usd = shares.into_iter().flatten().reduce(|sum, share| sum + share);
    }
}

fn read_messages(reader: &mut Reader, attributes: &Map<String, Value>) {
    let prompts = || match attributes.get("llm.prompts") {
        // The older form: a list.
        Some(list @ Value::Array(prompts)) if !is_empty(list) => prompts.iter().filter_map(text).collect(),
        _ => {
            let prompts = unflatten(attributes, "llm.prompts");
            prompts.iter().filter_map(|prompt| text(prompt.pointer("/prompt/text")?)).collect::<Vec<_>>()
        }
    };
    let choices = || {
        unflatten(attributes, "llm.choices")
            .iter()
            .filter_map(|c| text(c.pointer("/completion/text")?))
            .collect::<Vec<_>>()
    };
    let texts =
        |role: &str, texts: Vec<String>| captured(texts.into_iter().map(|text| Message::text(role, text)).collect());
    let input = flattened(attributes, "llm.input_messages", "user").or_else(|| texts("user", prompts()));
    if let Some(input) = input {
        let (system, rest) = lift_system(input);
        reader.note("input_messages", "llm.input_messages.*");
        if system.is_some() {
            reader.note("system_prompt", "llm.input_messages.*");
        }
        reader.mapped.system_prompt = system;
        reader.mapped.input_messages = Some(rest);
    }
    let output = flattened(attributes, "llm.output_messages", "assistant").or_else(|| texts("assistant", choices()));
    if output.is_some() {
        reader.note("output_messages", "llm.output_messages.*");
    }
    reader.mapped.output_messages = output;
    if reader.mapped.output_messages.is_none() {
        // The call of a function before there were tools.
        let called = reader.find("output_messages", &["llm.function_call"]).map(structured);
        let called = called.map(|call| message(&json!({"role": "assistant", "function_call": call}), "assistant"));
        reader.mapped.output_messages = called.and_then(|message| captured(vec![message]));
    }
}

/// Where calls write over each other's keys (ADK), tool calls of the earlier one stay beside the later answer. Gemini's
/// response body tells which are its own.
fn drop_stale_calls(mapped: &mut Mapped, span: &MergedSpan) {
    let body = span.span.attributes.get("output.value").map(structured).unwrap_or_default();
    if body.pointer("/content/parts").is_none() {
        return;
    }
    let own: Vec<_> = bodies::response(&body).output_messages.into_iter().flatten().flat_map(|m| m.parts).collect();
    let own = KnownCalls::among(&own);
    for message in mapped.output_messages.iter_mut().flatten() {
        message.parts.retain(|part| !matches!(part, Part::ToolCall { .. }) || own.has(part));
    }
}

fn flattened(attributes: &Map<String, Value>, prefix: &str, default_role: &str) -> Option<Vec<Message>> {
    let list: Vec<Value> = unflatten(attributes, prefix).iter().map(nested_message).collect();
    let list = match prefix {
        "llm.input_messages" => openinference_gaps::filled(attributes, prefix, "input.value", list),
        _ => list,
    };
    captured(messages(&Value::Array(list), default_role))
}

/// One un-flattened message in the shape of a chat message.
fn nested_message(item: &Value) -> Value {
    let Some(Value::Object(fields)) = item.get("message") else { return item.clone() };
    // AutoGen's results of several calls stand beside the message: `{"name", "content", "call_id"}`.
    if let Some(Value::Array(results)) = item.get("function") {
        let results = results.iter().map(structured).map(|mut result| {
            if let Value::Object(result) = &mut result {
                result.insert("type".to_owned(), json!("tool_result"));
            }
            result
        });
        return json!({"role": "tool", "content": results.collect::<Vec<_>>()});
    }
    let mut out = Map::new();
    for key in ["role", "name", "tool_call_id"] {
        if let Some(value) = first(fields, &[key]) {
            out.insert(key.to_owned(), value.clone());
        }
    }
    // Anthropic's results are blocks of a user's message.
    if out.contains_key("tool_call_id") && out.get("role").is_none_or(|role| role == "user") {
        out.insert("role".to_owned(), json!("tool"));
    }
    let blocks: Vec<Value> =
        fields.get("contents").and_then(Value::as_array).into_iter().flatten().filter_map(block).collect();
    let has_text = blocks.iter().any(|block| block["type"] == "text");
    let mut content = blocks;
    // Some write a text both ways.
    if let Some(plain) = first(fields, &["content"]).filter(|_| !has_text) {
        match plain {
            Value::String(text) => content.push(json!({"type": "text", "text": text})),
            Value::Array(texts) => content.extend(texts.iter().cloned()),
            other => content.push(other.clone()),
        }
    }
    if !content.is_empty() {
        out.insert("content".to_owned(), Value::Array(content));
    }
    let calls: Vec<Value> =
        fields.get("tool_calls").and_then(Value::as_array).into_iter().flatten().filter_map(tool_call).collect();
    if !calls.is_empty() {
        out.insert("tool_calls".to_owned(), Value::Array(calls));
    }
    if let Some(name) = first(fields, &["function_call_name"]) {
        let arguments = fields.get("function_call_arguments_json").unwrap_or(&Value::Null);
        out.insert("function_call".to_owned(), json!({"name": name, "arguments": arguments}));
    }
    Value::Object(out)
}

fn block(item: &Value) -> Option<Value> {
    if let Some(call) = tool_call(item) {
        return Some(call);
    }
    let Some(Value::Object(content)) = item.get("message_content") else { return Some(item.clone()) };
    if let Some(url) = item.pointer("/message_content/image/image/url") {
        return Some(json!({"type": "image_url", "image_url": {"url": url}}));
    }
    if let Some(audio) = item.pointer("/message_content/audio").and_then(Value::as_object) {
        let audio = audio.get("audio").and_then(Value::as_object).unwrap_or(audio);
        let mut part = audio.clone();
        part.insert("type".to_owned(), json!("audio"));
        return Some(Value::Object(part));
    }
    // A block that announces a call which stands elsewhere, or reasoning without text.
    let is_bare = first(content, &["text", "data", "encrypted_content"]).is_none() && content.len() == 1;
    (!is_bare).then(|| Value::Object(content.clone()))
}

fn tool_call(item: &Value) -> Option<Value> {
    let call = item.get("tool_call")?;
    let function = call.get("function")?;
    function.get("name")?;
    Some(json!({"type": "function", "id": call.get("id"), "function": function}))
}

/// What only the bodies of a call tell.
fn read_bodies(reader: &mut Reader, span: &MergedSpan) -> Mapped {
    let request = reader.attributes().get("input.value").map(bodies::request).unwrap_or_default();
    let answered = reader.attributes().get("output.value").filter(|value| !is_failure(value, span));
    let mut response = answered.map(bodies::response).unwrap_or_default();
    unprint(&mut response);
    let mut opaque = Mapped { source_keys: Map::new(), ..request };
    opaque.response_id = response.response_id;
    opaque.response_model = response.response_model;
    opaque.finish_reason = response.finish_reason;
    opaque.output_messages = response.output_messages;
    (opaque.input_tokens, opaque.output_tokens) = (response.input_tokens, response.output_tokens);
    (opaque.cached_tokens, opaque.reasoning_tokens) = (response.cached_tokens, response.reasoning_tokens);
    for field in ["model", "input_messages", "system_prompt", "tool_definitions", "parameters"] {
        opaque.source_keys.insert(field.to_owned(), json!("input.value"));
    }
    for field in ["response_id", "response_model", "finish_reason", "output_messages", "input_tokens", "output_tokens"]
    {
        opaque.source_keys.insert(field.to_owned(), json!("output.value"));
    }
    opaque
}

/// Some put what was thrown in the answer's place.
fn is_failure(value: &Value, span: &MergedSpan) -> bool {
    let thrown = span.span.events.iter().filter(|event| event.name == "exception");
    let mut messages = thrown.filter_map(|event| first_str(&event.attributes, &["exception.message"]));
    span.span.status_code == STATUS_ERROR
        && value.as_str().is_some_and(|text| messages.any(|message| text.contains(message)))
}

/// LlamaIndex prints an answer with its role; one without text as `None`.
fn unprint(response: &mut Mapped) {
    let Some([Message { parts, .. }]) = response.output_messages.as_deref_mut() else { return };
    let [Part::Text { content }] = parts.as_mut_slice() else { return };
    let Some(text) = content.strip_prefix("assistant: ") else { return };
    if matches!(text, "" | "None") {
        response.output_messages = None;
    } else {
        *content = text.to_owned();
    }
}

#[cfg(test)]
mod tests;
