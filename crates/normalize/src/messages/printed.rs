//! Messages that Python printed into a list of strings: `ChatMessage(role=<Role.USER: 'user'>, content='hi')`,
//! `HumanMessage(content='hi', …)`, `role='user' content='hi'`; items of OpenAI's Responses API that it printed into the text of an answer, and parts of
//! Google's; and blocks of Bedrock's that stand in a text as JSON.

use serde_json::{Map, Value, json};

use crate::value::{json, python, python_fields};

/// The fields of a printed message, in the shape of a chat message; `None` for any other text.
pub(super) fn printed_message(text: &str) -> Option<Value> {
    let fields = with_class(text).or_else(|| without_class(text))?;
    let find = |names: &[&str]| names.iter().find_map(|name| fields.get(*name)).filter(|value| !value.is_null());
    let mut message = Map::new();
    message.insert("role".to_owned(), find(&["role", "_role", "role_of_class"])?.clone());
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

/// The fields of an object whose class is a message's, and the role that its name tells.
fn with_class(text: &str) -> Option<Map<String, Value>> {
    let (class, _) = text.split_once('(')?;
    let is_name = class.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_'));
    let role = class.rsplit('.').next()?.strip_suffix("Message").or_else(|| class.strip_suffix("MessageChunk"))?;
    let Some(Value::Object(mut fields)) = python(text).filter(|_| is_name) else { return None };
    fields.insert("role_of_class".to_owned(), Value::String(role.to_ascii_lowercase()));
    Some(fields)
}

/// The fields of a message that names its role, printed without a class: `role='assistant' content='hi'`.
fn without_class(text: &str) -> Option<Map<String, Value>> {
    let begins = text.split_once('=').is_some_and(|(name, _)| name.bytes().all(is_field_name));
    let fields = python_fields(text).filter(|_| begins)?;
    let is_message = fields.get("role").is_some_and(Value::is_string)
        && ["content", "tool_calls"].iter().any(|field| fields.contains_key(*field));
    is_message.then_some(fields)
}

fn is_field_name(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte == b'_'
}

/// The block of a message that a text is a print of: `type='text' text='hi'`.
pub(super) fn printed_part(text: &str) -> Option<Value> {
    let fields = text.starts_with("type='").then(|| python_fields(text))??;
    let is_block = fields.get("type").and_then(Value::as_str).is_some_and(|kind| BLOCKS.contains(&kind));
    is_block.then_some(Value::Object(fields))
}

/// The items of a whole response of the Responses API that a text is a print of: `{'id': …, 'object': 'response', 'output': […]}`.
pub(super) fn printed_response(text: &str) -> Option<Value> {
    let response = text.starts_with("{'").then(|| python(text))??;
    let items = response.get("output")?.as_array().filter(|_| response["object"] == "response")?;
    Some(items.iter().cloned().map(content_of_message).collect())
}

fn content_of_message(item: Value) -> Value {
    match item.get("content") {
        Some(content) if item["type"] == "message" => content.clone(),
        _ => item,
    }
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

/// Types of the blocks that an answer is made of, whatever the provider.
const BLOCKS: &[&str] = &[
    "text",
    "output_text",
    "refusal",
    "reasoning",
    "thinking",
    "redacted_thinking",
    "tool_use",
    "function_call",
    "custom_tool_call",
    "message",
];

/// The list of an answer's blocks that a text is a print of, as LangChain keeps them and an instrumentation made text of it:
/// `[{'type': 'reasoning', …}, {'type': 'function_call', 'name': 'f', …}]`.
pub(super) fn printed_items(text: &str) -> Option<Value> {
    let Value::Array(items) = text.strip_prefix("[{'").filter(|rest| rest.ends_with("}]")).and(python(text))? else {
        return None;
    };
    let is_block = |item: &Value| item.get("type").and_then(Value::as_str).is_some_and(|kind| BLOCKS.contains(&kind));
    items.iter().all(is_block).then(|| items.into_iter().map(content_of_message).collect())
}

/// The item that a part's content is a print of, of the same type: `{"type": "reasoning", "content": "{'type':
/// 'reasoning', …}"}`.
pub(super) fn printed_content(map: &Map<String, Value>, kind: &str) -> Option<Value> {
    let content = map.get("content")?.as_str().filter(|text| text.starts_with("{'"))?;
    python(content).filter(|item| kind != "text" && item.get("type").is_some_and(|of_item| of_item == kind))
}

/// The block of Bedrock's reasoning, or Anthropic's block of thinking or of a call, that a text is the JSON of: what an
/// instrumentation does not know it writes down so.
pub(super) fn printed_block(text: &str) -> Option<Value> {
    const NAMES: &[&str] = &["\"reasoningContent\"", "\"thinking\"", "\"tool_use\"", "\"redacted_thinking\""];
    let is_object = text.starts_with('{') && text.ends_with('}');
    // Before it is parsed: nearly every other text is none.
    if !is_object || !NAMES.iter().any(|name| text.contains(name)) {
        return None;
    }
    let block = json(text)?;
    let fields = block.as_object()?;
    let has = |keys: &[&str]| keys.iter().all(|key| fields.contains_key(*key));
    let is_block = match fields.get("type").and_then(Value::as_str) {
        Some("thinking") => has(&["thinking"]),
        Some("redacted_thinking") => has(&["data"]),
        Some("tool_use") => has(&["id", "name", "input"]),
        Some(_) => false,
        None => fields.len() == 1 && has(&["reasoningContent"]),
    };
    is_block.then_some(block)
}

/// The list of a prompt's text blocks that a text is the JSON of: `[{"type":"text","text":"hi"}]`.
pub(super) fn printed_texts(text: &str) -> Option<Value> {
    let Value::Array(items) = text.strip_prefix("[{").filter(|rest| rest.ends_with("}]")).and(json(text))? else {
        return None;
    };
    let is_text = |item: &Value| item.get("type").is_some_and(|kind| kind == "text") && item["text"].is_string();
    items.iter().all(is_text).then_some(Value::Array(items))
}

/// The call or the response in a part of Google's GenAI SDK: `video_metadata=None … function_call=FunctionCall(
/// args={'x': 1}, name='f') … text=None`.
pub(super) fn printed_google_part(text: &str) -> Option<Value> {
    let (field, _) = text.split_once("=None ")?;
    let is_part = field.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let fields = [("function_call=", "FunctionCall("), ("function_response=", "FunctionResponse(")];
    let (name, printed) = fields.into_iter().filter(|_| is_part).find_map(|(field, class)| {
        let at = text.find(&format!(" {field}{class}"))? + 1 + field.len();
        Some((field.trim_end_matches('='), python(first_object(&text[at..])?)?))
    })?;
    Some(json!({name: printed}))
}

/// The text of the object that a text begins with, up to the parenthesis that closes it.
fn first_object(text: &str) -> Option<&str> {
    let (mut depth, mut quote, mut is_escaped) = (0_usize, None, false);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(_), _) if is_escaped => is_escaped = false,
            (Some(_), '\\') => is_escaped = true,
            (Some(open), _) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') if depth <= 1 => return text.get(..=at),
            (None, ')') => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests;
