//! Haystack's `ChatMessage`, as `to_dict()` or as Python prints it, in the forms of all versions.

use gleaner_model::{Message, Part, SpanKind};
use serde_json::{Map, Value, json};

use super::bodies;
use crate::mapped::Mapped;
use crate::messages::{arguments, parts};
use crate::value::{first, first_str, first_text, json, python, text};

/// One message, with what the provider said of the answer.
#[derive(Clone)]
pub(super) struct Recorded {
    /// In canonical form.
    pub(super) message: Message,
    meta: Map<String, Value>,
    /// Tool executions that the message reports.
    pub(super) executions: Vec<Mapped>,
}

/// The messages of a list, or of the first list of messages that an object holds, at most two levels down.
pub(super) fn recorded_messages(value: &Value) -> Vec<Recorded> {
    find(value, 3).unwrap_or_default()
}

fn find(value: &Value, levels: u8) -> Option<Vec<Recorded>> {
    match value {
        Value::Array(items) => {
            let read: Vec<Recorded> = items.iter().filter_map(recorded).collect();
            (!read.is_empty()).then_some(read)
        }
        Value::Object(map) if levels > 0 => {
            if let Some(replies) = old_replies(map) {
                return Some(replies);
            }
            let named = ["messages", "replies", "tool_messages"].iter().filter_map(|key| map.get(*key));
            named.chain(map.values().filter(|value| value.is_object())).find_map(|value| find(value, levels - 1))
        }
        _ => None,
    }
}

/// Generators without a chat answer `{"replies": [text], "meta": [{…}]}`.
fn old_replies(map: &Map<String, Value>) -> Option<Vec<Recorded>> {
    let (Value::Array(texts), Value::Array(meta)) = (map.get("replies")?, map.get("meta")?) else { return None };
    let read = texts.iter().enumerate().filter_map(|(index, text)| {
        let meta = meta.get(index).and_then(Value::as_object).cloned().unwrap_or_default();
        Some(Recorded { message: Message::text("assistant", text.as_str()?), meta, executions: Vec::new() })
    });
    Some(read.collect())
}

fn recorded(value: &Value) -> Option<Recorded> {
    let parsed;
    let map = match value {
        Value::Object(map) => map,
        Value::String(text) => {
            parsed = json(text).or_else(|| python(text))?;
            parsed.as_object()?
        }
        _ => return None,
    };
    let role = first_str(map, &["_role", "role"])?.to_owned();
    // An answer may be empty.
    let content = ["_content", "content"].iter().find_map(|key| map.get(*key))?;
    let mut read = Recorded {
        message: Message { role, parts: Vec::new(), name: first_text(map, &["_name", "name"]), finish_reason: None },
        meta: first(map, &["_meta", "meta"]).and_then(Value::as_object).cloned().unwrap_or_default(),
        executions: Vec::new(),
    };
    match content {
        Value::Array(items) => items.iter().for_each(|item| read.add(item)),
        // The first form answers tools with the text alone.
        plain if read.message.role == "tool" || read.message.role == "function" => {
            let id = first_text(&read.meta, &["tool_call_id"]);
            let name = read.message.name.take();
            read.message.role = "tool".to_owned();
            read.message.parts = vec![Part::ToolCallResponse { id, name, response: plain.clone() }];
        }
        plain => read.message.parts = parts(plain),
    }
    Some(read)
}

impl Recorded {
    fn add(&mut self, item: &Value) {
        let Value::Object(item) = item else {
            self.message.parts.extend(parts(item));
            return;
        };
        let inner = |key: &str| item.get(key).and_then(Value::as_object);
        if let Some(call) = inner("tool_call").or_else(|| Some(item).filter(|item| item.contains_key("tool_name"))) {
            let (name, id, arguments) = call_of(call);
            self.message.parts.push(Part::ToolCall { id, name: name.unwrap_or_default(), arguments });
        } else if let Some(result) =
            inner("tool_call_result").or_else(|| Some(item).filter(|item| item.contains_key("origin")))
        {
            let (name, id, arguments) = inner_call(result);
            let response = result.get("result").cloned().unwrap_or(Value::Null);
            let part = Part::ToolCallResponse { id: id.clone(), name: name.clone(), response: response.clone() };
            self.message.parts.push(part);
            let has_failed = result.get("error") == Some(&Value::Bool(true));
            self.executions.push(Mapped {
                convention: Some("haystack"),
                kind: Some(SpanKind::Tool),
                tool_name: name,
                tool_call_id: id,
                tool_arguments: Some(arguments),
                error: has_failed.then(|| text(&response).unwrap_or_else(|| "error".to_owned())),
                tool_result: Some(response),
                ..Mapped::default()
            });
        } else if let Some(text) = first_str(inner("reasoning").unwrap_or(item), &["reasoning_text"]) {
            self.message.parts.push(Part::reasoning(text));
        } else if let Some(image) = first_str(inner("image").unwrap_or(item), &["base64_image"]) {
            let mime_type = first_text(inner("image").unwrap_or(item), &["mime_type"]);
            let modality = Some("image".to_owned());
            self.message.parts.push(Part::Blob { mime_type, modality, content: image.to_owned() });
        } else if let Some(text) = item.get("text").and_then(Value::as_str) {
            if !text.is_empty() {
                self.message.parts.push(Part::Text { content: text.to_owned() });
            }
        } else {
            self.message.parts.push(Part::Other { value: Value::Object(item.clone()) });
        }
    }

    /// Says what an answer says: the message, its finish reason, its model and its usage.
    pub(super) fn fill(&self, mapped: &mut Mapped) {
        let answer = bodies::response(&json!({
            "id": self.meta.get("id"), "model": self.meta.get("model"), "usage": self.meta.get("usage"),
            "finish_reason": first(&self.meta, &["finish_reason", "stop_reason"]),
        }));
        mapped.response_id = answer.response_id;
        mapped.response_model = answer.response_model;
        mapped.finish_reason.clone_from(&answer.finish_reason);
        (mapped.input_tokens, mapped.output_tokens) = (answer.input_tokens, answer.output_tokens);
        (mapped.cached_tokens, mapped.reasoning_tokens) = (answer.cached_tokens, answer.reasoning_tokens);
        let message = Message { finish_reason: answer.finish_reason, ..self.message.clone() };
        mapped.output_messages = Some(vec![message]);
    }
}

fn inner_call(result: &Map<String, Value>) -> (Option<String>, Option<String>, Value) {
    result.get("origin").and_then(Value::as_object).map_or((None, None, Value::Null), call_of)
}

fn call_of(call: &Map<String, Value>) -> (Option<String>, Option<String>, Value) {
    let given = call.get("arguments").map_or_else(|| arguments(&Value::Null), arguments);
    (first_text(call, &["tool_name"]), first_text(call, &["id"]), given)
}
