//! pydantic-ai's own messages, as `ModelMessagesTypeAdapter` writes them (MLflow records calls so): `{"kind": "request" | "response",
//! "parts": [{"part_kind": "tool-call", …}]}`. A request holds what several roles say.

use serde_json::{Map, Value, json};

use crate::value::{first, first_str, is_empty};

/// Chat messages for a message of pydantic-ai's; `None`: it is none.
pub(super) fn chat_messages(item: &Value) -> Option<Vec<Value>> {
    let map = item.as_object()?;
    let parts = map.get("parts")?.as_array()?;
    let is_answer = match map.get("kind")?.as_str()? {
        "request" => false,
        "response" => true,
        _ => return None,
    };
    if !parts.iter().all(|part| part.get("part_kind").is_some_and(Value::is_string)) {
        return None;
    }
    if is_answer {
        let said: Vec<Value> = parts.iter().filter_map(said).collect();
        return Some(vec![json!({"role": "assistant", "parts": said, "finish_reason": map.get("finish_reason")})]);
    }
    let instructions = map.get("instructions").filter(|text| !is_empty(text));
    let instructions = instructions.map(|text| json!({"role": "system", "content": text}));
    Some(instructions.into_iter().chain(parts.iter().filter_map(given)).collect())
}

/// A part of an answer.
fn said(part: &Value) -> Option<Value> {
    let map = part.as_object()?;
    let kind = first_str(map, &["part_kind"])?;
    Some(match kind {
        "text" => json!({"type": "text", "content": map.get("content")}),
        "thinking" if is_empty(map.get("content").unwrap_or(&Value::Null)) => return None,
        "thinking" => json!({"type": "reasoning", "content": map.get("content")}),
        "tool-call" | "builtin-tool-call" | "native-tool-call" => call(map),
        "builtin-tool-return" | "native-tool-return" => result(map),
        _ => typed(map, kind),
    })
}

/// A part of a request, as a message.
fn given(part: &Value) -> Option<Value> {
    let map = part.as_object()?;
    let content = map.get("content").unwrap_or(&Value::Null);
    Some(match first_str(map, &["part_kind"])? {
        "system-prompt" => json!({"role": "system", "content": content}),
        "user-prompt" => json!({"role": "user", "content": content}),
        // What was wrong with an answer in words is told as the user's.
        "retry-prompt" if map.get("tool_name").is_none_or(Value::is_null) => {
            json!({"role": "user", "content": content})
        }
        "tool-return" | "retry-prompt" => json!({"role": "tool", "parts": [result(map)]}),
        kind => json!({"role": "user", "parts": [typed(map, kind)]}),
    })
}

fn call(map: &Map<String, Value>) -> Value {
    json!({"type": "tool_call", "id": map.get("tool_call_id"), "name": map.get("tool_name"), "arguments": map.get("args")})
}

fn result(map: &Map<String, Value>) -> Value {
    json!({"type": "tool_call_response", "id": map.get("tool_call_id"), "name": map.get("tool_name"),
        "response": first(map, &["content"])})
}

fn typed(map: &Map<String, Value>, kind: &str) -> Value {
    let mut part = map.clone();
    part.insert("type".to_owned(), json!(kind));
    Value::Object(part)
}

#[cfg(test)]
mod tests;
