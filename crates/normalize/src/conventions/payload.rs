//! Inputs and outputs that observability SDKs record whole under one key, whatever the span is: what a span of each kind
//! makes of them. Shared by the conventions of those SDKs.

use gleaner_model::{Message, SpanKind};
use serde_json::{Map, Value};

use super::openinference_text::plain;
use super::openinference_tools::{answer_of, called_with};
use super::{bodies, fill};
use crate::mapped::Mapped;
use crate::messages::{arguments, finish_reason, message, messages, tool_definitions};
use crate::value::{first, is_empty, structured, text};

/// What a span of this kind says by the values under the keys of its input and its output. Returned apart is what counts as
/// opaque: a call's prompt or answer that is bare text or data. The rest is as good as keys that name what they hold.
pub(super) fn read(
    kind: Option<SpanKind>,
    input: Option<(&str, &Value)>,
    output: Option<(&str, &Value)>,
    said: &mut Mapped,
) -> Mapped {
    let mut opaque = Mapped::default();
    let sides = [(input, of_input as fn(Option<SpanKind>, &Value, &Value) -> Mapped), (output, of_output)];
    for (side, of_side) in sides {
        let Some((key, value)) = side else { continue };
        let body = structured(value);
        if is_empty(&body) || is_wrapped_nothing(&body) {
            continue;
        }
        let mut mapped = of_side(kind, value, &body);
        note(&mut mapped, key);
        let is_structured = kind != Some(SpanKind::Llm) || holds_messages(&body);
        fill(if is_structured { said } else { &mut opaque }, mapped);
    }
    opaque
}

fn of_input(kind: Option<SpanKind>, value: &Value, body: &Value) -> Mapped {
    match kind {
        Some(SpanKind::Llm) => request(value, body),
        Some(SpanKind::Tool) => Mapped { tool_arguments: Some(tool_arguments(value)), ..Mapped::default() },
        _ => Mapped { input_text: own_text(value, body, "user"), ..Mapped::default() },
    }
}

fn of_output(kind: Option<SpanKind>, value: &Value, body: &Value) -> Mapped {
    match kind {
        Some(SpanKind::Llm) => response(value, body),
        Some(SpanKind::Tool) => tool_answer(value, body),
        _ => Mapped { output_text: own_text(value, body, "assistant"), ..Mapped::default() },
    }
}

/// Every field that says something was read from this key.
pub(super) fn note(mapped: &mut Mapped, key: &str) {
    macro_rules! note {
        ($($field:ident),+ $(,)?) => {$(
            if mapped.$field.is_some() {
                mapped.source_keys.insert(stringify!($field).to_owned(), Value::String(key.to_owned()));
            }
        )+};
    }
    note!(
        model,
        response_model,
        response_id,
        system_prompt,
        input_messages,
        output_messages,
        input_text,
        output_text,
        tool_definitions,
        tool_call_id,
        tool_arguments,
        tool_result,
        finish_reason,
        parameters,
        input_tokens,
        output_tokens,
        cached_tokens,
        reasoning_tokens,
    );
}

/// A request body, a conversation, or the prompt's text. Anything else is the application's own data.
fn request(value: &Value, body: &Value) -> Mapped {
    let body = called_with(body.clone());
    if let Value::Array(items) = body {
        let (tools, messages): (Vec<Value>, Vec<Value>) = items.into_iter().partition(is_offered_tool);
        let conversation = Value::Array(messages);
        let mut mapped =
            if holds_messages(&conversation) { bodies::request(&conversation) } else { as_prompt(&conversation) };
        mapped.tool_definitions =
            tool_definitions(&tools.iter().filter_map(|tool| tool.get("content").cloned()).collect());
        return mapped;
    }
    match &body {
        Value::Object(_) if !holds_messages(&body) => Mapped { input_text: text(value), ..Mapped::default() },
        _ => bodies::request(&body),
    }
}

/// Texts are prompts; other lists are data.
fn as_prompt(list: &Value) -> Mapped {
    if list.as_array().is_some_and(|items| items.iter().all(Value::is_string)) {
        return bodies::request(list);
    }
    Mapped { input_text: text(list), ..Mapped::default() }
}

/// Langfuse's LangChain handler appends the tools that a call offers as messages of the role `tool`.
fn is_offered_tool(item: &Value) -> bool {
    let definition = item.get("content").and_then(Value::as_object);
    item.get("role").and_then(Value::as_str) == Some("tool")
        && item.get("tool_call_id").is_none()
        && definition.is_some_and(|tool| {
            tool.get("function").is_some_and(Value::is_object)
                || tool.contains_key("name") && first(tool, &["input_schema", "parameters"]).is_some()
        })
}

/// A response body, a message, a list of Responses items, or the answer's text.
fn response(value: &Value, body: &Value) -> Mapped {
    let inner = lone_output(body).map(structured);
    let body = inner.as_ref().unwrap_or(body);
    if !holds_messages(body) {
        let answer = inner.as_ref().or(Some(value)).and_then(text);
        let output_messages = answer.map(|answer| vec![Message::text("assistant", answer)]);
        return Mapped { output_messages, ..Mapped::default() };
    }
    let mut mapped = bodies::response(body);
    // The id of a message or item is not the response's.
    let names_response =
        ["model", "choices", "output", "candidates", "object", "usage", "generations", "usage_metadata"];
    if !body.as_object().is_some_and(|map| names_response.iter().any(|key| map.contains_key(*key))) {
        mapped.response_id = None;
    }
    if mapped.finish_reason.is_none() {
        let last = body.as_array().and_then(|items| items.last());
        mapped.finish_reason = last.and_then(|item| item.get("status")).and_then(finish_reason);
    }
    mapped
}

/// `{"output": …}` and `{"outputs": …}` stand around what is no object.
fn lone_output(body: &Value) -> Option<&Value> {
    let map = body.as_object().filter(|map| map.len() == 1)?;
    first(map, &["output", "outputs"])
}

/// What failed has no output in the place of one.
fn is_wrapped_nothing(body: &Value) -> bool {
    let only = body.as_object().filter(|map| map.len() == 1);
    only.is_some_and(|map| ["output", "outputs"].iter().any(|key| map.get(*key).is_some_and(is_empty)))
}

fn tool_arguments(value: &Value) -> Value {
    let given = called_with(arguments(value));
    match given.as_object().filter(|map| map.len() == 1).and_then(|map| map.get("input")) {
        // LangChain records what its tools are given as text.
        Some(Value::String(inner)) => arguments(&Value::String(inner.clone())),
        Some(inner @ Value::Object(_)) => inner.clone(),
        _ => given,
    }
}

/// LangChain's tools return a message around the result; its id names the call.
fn tool_answer(value: &Value, body: &Value) -> Mapped {
    let (tool_call_id, tool_result) = match answer_of(body) {
        Some((id, result)) => (id, Some(result)),
        None => (None, Some(lone_output(body).unwrap_or(value).clone())),
    };
    Mapped { tool_call_id, tool_result, ..Mapped::default() }
}

/// The text of a span that is no call: that of its own `input` or `output`, or of the last message in it.
fn own_text(value: &Value, body: &Value, role: &str) -> Option<String> {
    if let Some(text) = serialized_text(body, role) {
        return Some(text);
    }
    // A decorated function records its arguments; a single one is the input.
    if body.get("args").is_some() {
        let called = called_with(body.clone());
        return if called == *body { text(value) } else { plain(&called, role) };
    }
    let named = if role == "user" { &["input", "inputs"] } else { &["output", "outputs"] };
    let inner = body.as_object().filter(|map| map.len() == 1).and_then(|map| first(map, named));
    inner.map_or_else(|| plain(value, role), |inner| plain(inner, role))
}

/// The text of a message, or of the last of a prompt's messages, in LangChain's serialization.
fn serialized_text(body: &Value, role: &str) -> Option<String> {
    let kwargs = body.get("kwargs").filter(|_| body.get("lc").is_some())?;
    let read = match kwargs.get("messages") {
        Some(list) => messages(list, role).pop()?,
        None => kwargs.get("content").map(|_| message(body, role))?,
    };
    gleaner_model::output_text(&[read])
}

/// Whether a value is a conversation, a message, or a provider's body. An answer that is JSON itself is none of them.
fn holds_messages(value: &Value) -> bool {
    match value {
        Value::Array(items) => {
            let is_listed = |item: &Value| is_message(item) || item.as_array().is_some_and(|_| holds_messages(item));
            !items.is_empty() && items.iter().all(is_listed)
        }
        Value::Object(map) => {
            is_message(value)
                || ["messages", "choices", "candidates", "generations", "contents", "new_message"]
                    .iter()
                    .any(|key| map.contains_key(*key))
                || ["input", "prompt", "output"]
                    .iter()
                    .filter_map(|key| map.get(*key))
                    .any(|inner| inner.is_string() || holds_messages(inner))
        }
        _ => false,
    }
}

fn is_message(value: &Value) -> bool {
    let Value::Object(map) = value else { return false };
    let is_item = matches!(
        map.get("type").and_then(Value::as_str),
        Some(
            "message"
                | "function_call"
                | "function_call_output"
                | "function_call_result"
                | "custom_tool_call"
                | "custom_tool_call_output"
                | "reasoning"
                | "text"
                | "thinking"
                | "tool_use"
                | "tool_result"
                | "output_text"
        )
    );
    let is_serialized = map.get("kwargs").is_some_and(|kwargs| kwargs.get("content").is_some());
    is_item
        || is_serialized
        || ["role", "tool_calls"].iter().any(|key| map.contains_key(*key))
        || map.get("message").is_some_and(is_message)
        || map.get("parts").is_some_and(Value::is_array)
        || map.contains_key("content") && map.keys().all(|key| BESIDE_CONTENT.contains(&key.as_str()))
}

/// What may stand beside the content of a message without a role.
const BESIDE_CONTENT: &[&str] = &[
    "content",
    "type",
    "id",
    "name",
    "additional_kwargs",
    "response_metadata",
    "usage_metadata",
    "usage",
    "model",
    "invalid_tool_calls",
    "refusal",
    "annotations",
    "reasoning_content",
    "reasoning",
    "stop_reason",
    "finish_reason",
    "finishReason",
    "tool_call_id",
    "example",
];

/// Metadata that an SDK writes as one JSON object under `prefix` or as one key per field below it; text in quotes is
/// unquoted.
pub(super) fn metadata(attributes: &Map<String, Value>, prefix: &str) -> Map<String, Value> {
    let whole = attributes.get(prefix).map(structured);
    let mut fields = whole.and_then(|value| value.as_object().cloned()).unwrap_or_default();
    for (key, value) in attributes {
        if let Some(name) = key.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.')) {
            fields.insert(name.to_owned(), structured(value));
        }
    }
    fields
}

#[cfg(test)]
mod tests;
