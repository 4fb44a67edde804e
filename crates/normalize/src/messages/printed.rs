//! Messages that Python printed into a list of strings: `ChatMessage(role=<Role.USER: 'user'>, content='hi')`,
//! `HumanMessage(content='hi', …)`; and items of OpenAI's Responses API that it printed into the text of an answer.

use serde_json::{Map, Value};

use crate::value::python;

/// The fields of a printed message, in the shape of a chat message; `None` for any other text.
pub(super) fn printed_message(text: &str) -> Option<Value> {
    let (class, _) = text.split_once('(')?;
    let is_name = class.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_'));
    let role_of_class =
        class.rsplit('.').next()?.strip_suffix("Message").or_else(|| class.strip_suffix("MessageChunk"))?;
    if !is_name {
        return None;
    }
    let Some(Value::Object(fields)) = python(text) else { return None };
    let find = |names: &[&str]| names.iter().find_map(|name| fields.get(*name)).filter(|value| !value.is_null());
    let mut message = Map::new();
    let role = find(&["role", "_role"]).cloned().unwrap_or_else(|| Value::String(role_of_class.to_ascii_lowercase()));
    message.insert("role".to_owned(), role);
    for (field, names) in [
        ("content", &["content", "_content", "blocks"][..]),
        ("tool_calls", &["tool_calls"]),
        ("tool_call_id", &["tool_call_id"]),
        ("name", &["name", "_name"]),
    ] {
        if let Some(value) = find(names) {
            message.insert(field.to_owned(), value.clone());
        }
    }
    // Blocks name their kind in a key of their own.
    if let Some(Value::Array(blocks)) = message.get_mut("content") {
        for block in blocks.iter_mut().filter_map(Value::as_object_mut) {
            block.shift_remove("__class__");
            block.shift_remove("block_type");
        }
    }
    Some(Value::Object(message))
}

/// The item of the Responses API that a text is a print of: `ResponseFunctionToolCall(arguments='{}', call_id='c1', …)`,
/// `{'text': 'hi', 'type': 'output_text', …}`.
pub(super) fn printed_item(text: &str) -> Option<Value> {
    let is_object = text.starts_with("Response") && text.ends_with(')');
    let is_dict = text.starts_with("{'") && text.ends_with('}');
    let item = python(text).filter(|_| is_object || is_dict)?;
    match item.get("type")?.as_str()? {
        "output_text" if item.get("text").is_some() => Some(item),
        "function_call" | "custom_tool_call" if is_object => Some(item),
        "reasoning" if is_object => Some(item),
        "message" if is_object => item.get("content").cloned(),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
