//! Google's Agent Development Kit: `gcp.vertex.agent.*` keys beside OpenTelemetry's. Source: google/adk-python
//! `src/google/adk/telemetry`.
//!
//! Recognised by those keys, or by the tracer `gcp.vertex.agent`, whose outer spans have no attributes at all. Requests and
//! responses are Gemini's bodies as JSON; where content is switched off, `{}` stands in their place. Over its versions the
//! model call was `call_llm`, then a `generate_content` inside it, then that alone; a tool `tool_call [f]`, then
//! `execute_tool f`, where a parallel answer adds `execute_tool (merged)`, which executes nothing. The user is named on log
//! records only.
//!
//! OpenInference's instrumentation takes the span of the call away: each call then overwrites the keys that the last one
//! left on `invoke_agent`. Such a span is the agent; it tells of its last call, and by that call's history of the earlier ones.

use gleaner_model::SpanKind;
use serde_json::{Map, Value};

use super::provider::provider_of_model;
use super::reader::Reader;
use super::told_calls::calls_of_history;
use super::{Reading, bodies};
use crate::mapped::{Mapped, MergedSpan};
use crate::messages::arguments;
use crate::value::{first_str, is_empty, structured, text};

pub(super) const SCOPE: &str = "gcp.vertex.agent";

/// Whether the span carries ADK's keys or comes from its tracer.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    span.span.scope.name == SCOPE || span.span.attributes.keys().any(|key| key.starts_with("gcp.vertex.agent."))
}

/// Reads ADK's own keys; what OpenTelemetry's say is read there.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    reader.mapped.kind = kind(span);
    if reader.mapped.kind == Some(SpanKind::Agent) {
        reader.mapped.agent_name = bracketed(&span.span.name, "agent_run");
    }
    reader.mapped.session_key = reader.text("session_key", &["gcp.vertex.agent.session_id"]).map(|id| (1, id));
    reader.mapped.user_key =
        span.logs.iter().find_map(|log| first_str(&log.attributes, &["user.id"])).map(str::to_owned);
    if reader.mapped.user_key.is_some() {
        reader.note("user_key", "log/user.id");
    }
    read_call(&mut reader);
    if reader.mapped.kind == Some(SpanKind::Tool) {
        read_tool(&mut reader, span);
    }
    reader.mapped.input_text =
        reader.find("input_text", &["gcp.vertex.agent.data"]).filter(|v| is_content(v)).and_then(text);
    if reader.mapped.reasoning_tokens.is_none() {
        let keys = ["gen_ai.usage.experimental.reasoning_tokens"];
        reader.mapped.reasoning_tokens = reader.count("reasoning_tokens", &keys);
    }
    Reading { structured: reader.mapped, ..Reading::default() }
}

/// Where the span's name or keys tell more than the operation's name.
fn kind(span: &MergedSpan) -> Option<SpanKind> {
    let name = span.span.name.as_str();
    let tool_name = first_str(&span.span.attributes, &["gen_ai.tool.name"]);
    if name == "execute_tool (merged)" || name == "tool_response" || tool_name == Some("(merged tools)") {
        return Some(SpanKind::Chain);
    }
    if is_overwritten(span) {
        return Some(SpanKind::Agent);
    }
    let of_adk = span.span.scope.name == SCOPE;
    match name.split([' ', '[']).next().unwrap_or_default() {
        "call_llm" => Some(SpanKind::Llm),
        "tool_call" | "execute_tool" => Some(SpanKind::Tool),
        "agent_run" => Some(SpanKind::Agent),
        "invocation" | "send_data" | "invoke_workflow" if of_adk => Some(SpanKind::Chain),
        _ => None,
    }
}

/// An agent's span that its calls wrote over.
fn is_overwritten(span: &MergedSpan) -> bool {
    let operation = first_str(&span.span.attributes, &["gen_ai.operation.name"]);
    span.span.name.starts_with("invoke_agent ") && matches!(operation, Some("generate_content" | "chat"))
}

/// `agent_run [skylark]` names `skylark`.
fn bracketed(name: &str, prefix: &str) -> Option<String> {
    let inner = name.strip_prefix(prefix)?.trim().strip_prefix('[')?.strip_suffix(']')?;
    (!inner.is_empty()).then(|| inner.to_owned())
}

/// ADK writes `{}` for content that it was told to leave out.
fn is_content(value: &Value) -> bool {
    !is_empty(value) && !matches!(value.as_str(), Some("{}" | "[]" | "null" | "<not serializable>"))
}

fn read_call(reader: &mut Reader) {
    let request = reader.attributes().get("gcp.vertex.agent.llm_request").filter(|value| is_content(value)).cloned();
    let response = reader.attributes().get("gcp.vertex.agent.llm_response").filter(|value| is_content(value)).cloned();
    if let Some(request) = &request {
        let told = bodies::request(request);
        reader.mapped.model = told.model;
        reader.mapped.system_prompt = told.system_prompt;
        reader.mapped.input_messages = told.input_messages;
        reader.mapped.tool_definitions = told.tool_definitions;
        reader.mapped.parameters = parameters(request);
        for field in ["model", "system_prompt", "input_messages", "tool_definitions", "parameters"] {
            reader.note(field, "gcp.vertex.agent.llm_request");
        }
    }
    if let Some(response) = &response {
        let told = bodies::response(response);
        reader.mapped.response_model = told.response_model;
        reader.mapped.response_id = told.response_id;
        reader.mapped.finish_reason = told.finish_reason;
        reader.mapped.output_messages = told.output_messages;
        (reader.mapped.input_tokens, reader.mapped.output_tokens) = (told.input_tokens, told.output_tokens);
        (reader.mapped.cached_tokens, reader.mapped.reasoning_tokens) = (told.cached_tokens, told.reasoning_tokens);
        for field in
            ["response_model", "response_id", "finish_reason", "output_messages", "input_tokens", "output_tokens"]
        {
            reader.note(field, "gcp.vertex.agent.llm_response");
        }
    }
    let model = reader.mapped.model.clone().or_else(|| {
        let named = first_str(reader.attributes(), &["gen_ai.request.model", "gen_ai.response.model"]);
        named.map(str::to_owned)
    });
    reader.mapped.provider = model.as_deref().and_then(provider_of_model);
    if reader.mapped.provider.is_some() {
        reader.note("provider", "gen_ai.request.model");
    }
}

/// The request's configuration without what stands in fields of its own.
fn parameters(request: &Value) -> Option<Map<String, Value>> {
    const ELSEWHERE: &[&str] =
        &["system_instruction", "systemInstruction", "tools", "http_options", "httpOptions", "labels"];
    let mut config = structured(request).get("config")?.as_object()?.clone();
    config.retain(|key, value| !ELSEWHERE.contains(&key.as_str()) && !is_empty(value));
    (!config.is_empty()).then_some(config)
}

fn read_tool(reader: &mut Reader, span: &MergedSpan) {
    reader.mapped.tool_name = bracketed(&span.span.name, "tool_call");
    let given = reader.find("tool_arguments", &["gcp.vertex.agent.tool_call_args"]).filter(|value| is_content(value));
    reader.mapped.tool_arguments = given.map(arguments);
    let answer = reader.find("tool_result", &["gcp.vertex.agent.tool_response"]);
    reader.mapped.tool_result = answer.filter(|value| is_content(value)).cloned();
}

/// Of a streamed answer ADK lists every piece, without a reason why it ended, and then, with one, the whole (LiteLLM) or no more
/// than the last piece (Gemini).
pub(super) fn whole_of_pieces(answer: &Value, span: &MergedSpan) -> Option<Value> {
    if span.span.scope.name != SCOPE {
        return None;
    }
    let Value::Array(mut pieces) = structured(answer) else { return None };
    let mut last = pieces.pop()?;
    let ends = |message: &Value| !is_empty(message.get("finish_reason").unwrap_or(&Value::Null));
    if pieces.is_empty() || !ends(&last) || pieces.iter().any(ends) {
        return None;
    }
    let before: String = pieces.iter().map(text_in).collect();
    if !text_in(&last).contains(before.trim()) {
        let parts: Vec<&Value> = pieces.iter().chain([&last]).flat_map(parts_of).collect();
        last["parts"] = joined(&parts);
    }
    Some(Value::Array(vec![last]))
}

fn parts_of(message: &Value) -> impl Iterator<Item = &Value> {
    message.get("parts").and_then(Value::as_array).into_iter().flatten()
}

fn text_in(message: &Value) -> String {
    parts_of(message).filter_map(|part| part.get("content")?.as_str()).collect()
}

/// The parts with texts of one type in a row as one.
fn joined(parts: &[&Value]) -> Value {
    let mut out: Vec<Value> = Vec::new();
    for part in parts {
        let more = part.get("content").and_then(Value::as_str);
        match (out.last_mut().filter(|last| last.get("type") == part.get("type")), more) {
            (Some(last), Some(more)) => match last.get_mut("content") {
                Some(Value::String(text)) => text.push_str(more),
                _ => out.push((*part).clone()),
            },
            _ => out.push((*part).clone()),
        }
    }
    Value::Array(out)
}

/// The calls that an overwritten agent span tells of: those that its last call's history shows, then the last call.
pub(super) fn told(span: &MergedSpan) -> Vec<Mapped> {
    if !is_overwritten(span) {
        return Vec::new();
    }
    let mut last = super::map(span);
    last.kind = Some(SpanKind::Llm);
    last.convention = Some("google_adk");
    calls_of_history(last)
}

#[cfg(test)]
mod tests;
