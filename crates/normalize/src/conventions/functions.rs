//! What decorators and callback handlers record of a function that was called: its arguments and what it returned.
//!
//! Python's `{"args": […], "kwargs": {…}}`, LangChain's `{"inputs": …, "tags": …}` and `{"outputs": …, "kwargs": …}`, MCP's
//! `{"tool_name": …, "arguments": …}`, tool messages; else the value itself.

use gleaner_model::Part;
use serde_json::{Map, Value};

use super::openinference_text::plain;
use crate::messages::message;
use crate::value::{is_empty, python, structured, text};

/// What a tool returned, with what its message says of the call.
pub(super) struct Answer {
    /// The tool call that it answers.
    pub(super) id: Option<String>,
    /// The tool.
    pub(super) name: Option<String>,
    /// The result; text stays as it was returned.
    pub(super) response: Value,
}

/// The arguments of a call: by name where they are known.
pub(super) fn arguments_of(value: &Value) -> Value {
    let body = structured(value);
    let Value::Object(map) = &body else { return body };
    if is_of_callback(map, &["inputs", "input_str"]) {
        let given = ["inputs", "input_str"].iter().find_map(|key| map.get(*key).filter(|given| !is_empty(given)));
        if let Some(given) = given {
            return structured(given);
        }
    }
    if has_only(map, &["args", "kwargs"]) {
        let args = map.get("args").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let kwargs = map.get("kwargs").filter(|kwargs| !is_empty(kwargs));
        return match (args, kwargs) {
            ([], Some(kwargs)) => kwargs.clone(),
            ([], None) => Value::Object(Map::new()),
            ([only], None) => structured(only),
            _ => body,
        };
    }
    match map.get("arguments") {
        Some(given) if has_only(map, &["tool_name", "arguments"]) => structured(given),
        _ => body,
    }
}

/// What a tool returned.
pub(super) fn answer_of(value: &Value) -> Answer {
    let returned = unwrapped(value);
    let body = structured(&returned);
    let is_message = ["/tool_call_id", "/data/tool_call_id", "/kwargs/tool_call_id"]
        .iter()
        .any(|path| body.pointer(path).is_some_and(Value::is_string));
    if is_message {
        for part in message(&body, "tool").parts {
            if let Part::ToolCallResponse { id, name, response } = part {
                return Answer { id, name, response };
            }
        }
    }
    Answer { id: None, name: None, response: returned }
}

/// What LangChain's callback for tools was given, without what it records beside it.
pub(super) fn callback_arguments(value: &Value) -> Option<Value> {
    is_callback(value, &["inputs", "input_str"]).then(|| arguments_of(value))
}

/// What LangChain's callback for tools was told that the tool returned, whole or as Python prints it.
pub(super) fn callback_answer(value: &Value) -> Option<Answer> {
    let is_whole = is_callback(value, &["outputs", "output"]);
    if is_whole { Some(answer_of(value)) } else { printed_answer(value.as_str()?) }
}

/// A tool message as Python prints it: `content='sunny' name='get_weather' tool_call_id='call_1'`.
fn printed_answer(text: &str) -> Option<Answer> {
    let (_, id) = text.rsplit_once(" tool_call_id='")?;
    let rest = text.strip_prefix("content=").filter(|rest| rest.starts_with(['\'', '"']))?;
    let quote = rest.chars().next()?;
    let mut is_escaped = false;
    let ends = |(_, c): &(usize, char)| {
        let ends = *c == quote && !is_escaped;
        is_escaped = *c == '\\' && !is_escaped;
        ends
    };
    let (end, _) = rest.char_indices().skip(1).find(ends)?;
    let content = python(&format!("[{}]", &rest[..=end]))?.get(0)?.clone();
    let name =
        rest[end..].split_once(" name='").and_then(|(_, name)| name.split_once('\'')).map(|(name, _)| name.to_owned());
    Some(Answer { id: id.split_once('\'').map(|(id, _)| id.to_owned()), name, response: content })
}

fn is_callback(value: &Value, values: &[&str]) -> bool {
    structured(value)
        .as_object()
        .is_some_and(|map| is_of_callback(map, values) && values.iter().any(|key| map.contains_key(*key)))
}

/// The text that an agent or a chain was given: its only text, or the last user message that it was given.
pub(super) fn question_of(value: &Value) -> Option<String> {
    let given = arguments_of(value);
    if is_empty(&given) {
        return None;
    }
    only_text(&given).or_else(|| only_text_argument(&given)).or_else(|| plain(&given, "user"))
}

/// The text among the arguments of a call, where there is one.
fn only_text_argument(given: &Value) -> Option<String> {
    let map = given.as_object().filter(|map| has_only(map, &["args", "kwargs"]))?;
    let args = map.get("args").and_then(Value::as_array).into_iter().flatten();
    let kwargs = map.get("kwargs").and_then(Value::as_object).into_iter().flat_map(Map::values);
    let mut texts = args.chain(kwargs).filter_map(Value::as_str).filter(|text| !text.is_empty());
    let only = texts.next()?;
    texts.next().is_none().then(|| only.to_owned())
}

/// The text that an agent or a chain returned: the last answer among the messages that it returned, else all of it.
pub(super) fn final_text_of(value: &Value) -> Option<String> {
    plain(&unwrapped(value), "assistant")
}

/// The text itself, or that of the only field.
fn only_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim_start().starts_with(['{', '[']) => Some(text.clone()),
        Value::Object(map) if map.len() == 1 => map.values().next()?.as_str().map(str::to_owned),
        _ => None,
    }
    .filter(|text| !text.is_empty())
}

/// A returned value without what a handler wraps around it. Text that was returned stays text, also where it is JSON.
pub(super) fn unwrapped(value: &Value) -> Value {
    let returned = decoded(value);
    let Value::Object(map) = structured(&returned) else { return returned };
    let keys = ["outputs", "output"];
    let inner = keys.iter().find_map(|key| map.get(*key)).filter(|inner| !is_empty(inner));
    match inner.filter(|_| is_of_callback(&map, &keys)) {
        Some(inner) => inner.clone(),
        None => returned,
    }
}

/// JSON text of a text is that text; anything else is as sent.
pub(super) fn decoded(value: &Value) -> Value {
    let parsed = value.as_str().filter(|text| text.starts_with('"')).and_then(|text| serde_json::from_str(text).ok());
    parsed.unwrap_or_else(|| value.clone())
}

/// [`decoded`], as text.
pub(super) fn decoded_text(value: &Value) -> Option<String> {
    text(&decoded(value))
}

/// LangChain's callbacks record tags and further arguments beside the value.
fn is_of_callback(map: &Map<String, Value>, values: &[&str]) -> bool {
    const BESIDE: [&str; 3] = ["tags", "metadata", "kwargs"];
    BESIDE.iter().any(|key| map.contains_key(*key))
        && map.keys().all(|key| BESIDE.contains(&key.as_str()) || values.contains(&key.as_str()))
}

fn has_only(map: &Map<String, Value>, keys: &[&str]) -> bool {
    !map.is_empty() && map.keys().all(|key| keys.contains(&key.as_str()))
}

#[cfg(test)]
mod tests;
