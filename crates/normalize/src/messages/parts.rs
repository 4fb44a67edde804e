//! One part of a message, in whatever shape it comes.

use gleaner_model::Part;
use serde_json::{Map, Value, json};

use super::printed::{printed_content, printed_part};
use super::reasoning::{reasoning, redacted, thought};
use crate::value::{first, first_str, first_text, json, python, structured};

/// Parts out of a list, a single part, or text. Parts that carry nothing are left out.
pub(crate) fn parts(value: &Value) -> Vec<Part> {
    match value {
        Value::Null => Vec::new(),
        Value::String(text) if text.is_empty() => Vec::new(),
        Value::Array(items) => items
            .iter()
            .flat_map(|item| match item.as_str().and_then(printed_part) {
                Some(printed) => parts(&printed),
                None => parts(item),
            })
            .collect(),
        Value::Object(map) => part(map).into_iter().collect(),
        Value::String(text) => vec![Part::Text { content: text.clone() }],
        Value::Bool(_) | Value::Number(_) => vec![Part::Other { value: value.clone() }],
    }
}

/// Tool calls out of the list, or the single call, beside a message's content.
pub(super) fn calls(value: &Value) -> Vec<Part> {
    match value {
        Value::Array(items) => items.iter().flat_map(calls).collect(),
        Value::Object(map) => call(map).or_else(|| part(map)).into_iter().collect(),
        Value::Null => Vec::new(),
        other => vec![Part::Other { value: other.clone() }],
    }
}

/// Arguments of a tool call: an object where the text parses as one, else as sent.
pub(crate) fn arguments(value: &Value) -> Value {
    match value {
        Value::String(text) => json(text)
            .map(|parsed| structured(&parsed))
            .or_else(|| python(text).filter(|read| read.is_object() && text.trim_start().starts_with('{')))
            .unwrap_or_else(|| value.clone()),
        Value::Null => Value::Object(Map::new()),
        // OpenLLMetry wraps what does not parse.
        Value::Object(map) if map.len() == 1 && map.get("_raw").is_some_and(Value::is_string) => map["_raw"].clone(),
        other => other.clone(),
    }
}

/// A tool's result: text stays the text that was sent, and blocks that are nothing but text become that text.
pub(super) fn result(value: &Value) -> Value {
    let Value::Array(items) = value else { return value.clone() };
    let texts: Option<Vec<&str>> = items.iter().map(text_block).collect();
    match texts {
        Some(texts) if !texts.is_empty() => Value::String(texts.join("\n")),
        _ => value.clone(),
    }
}

fn text_block(item: &Value) -> Option<&str> {
    let map = item.as_object()?;
    let is_text =
        map.get("type").is_none_or(|kind| matches!(kind.as_str(), Some("text" | "input_text" | "output_text")));
    map.get("text").or_else(|| map.get("content").filter(|_| map.contains_key("type")))?.as_str().filter(|_| is_text)
}

/// `None`: nothing visible.
fn part(map: &Map<String, Value>) -> Option<Part> {
    let other = || Part::Other { value: Value::Object(map.clone()) };
    // pydantic-ai's first form says `kind`.
    let Some(kind) = map.get("type").or_else(|| map.get("kind")).and_then(Value::as_str) else {
        return untyped(map);
    };
    if let Some(Value::Object(item)) = printed_content(map, kind) {
        return part(&item);
    }
    match kind {
        "text" | "input_text" | "output_text" | "summary_text" => match first_str(map, &["content", "text"]) {
            Some(text) => Some(Part::Text { content: text.to_owned() }),
            None if first(map, &["content", "text"]).is_none() => None,
            None => Some(other()),
        },
        "reasoning" | "thinking" | "reasoning_text" => reasoning(map),
        // Bedrock's block in the place of the text (Strands).
        "reasoningContent" => {
            let block = map.get("content").filter(|block| block.is_object()).map(|block| json!({kind: block}));
            block.and_then(|block| untyped(block.as_object()?)).or_else(|| Some(other()))
        }
        "redacted_thinking" | "redacted-reasoning" => Some(redacted(map)),
        "refusal" => Some(
            first_str(map, &["refusal", "content"])
                .map_or_else(other, |text| Part::Refusal { content: text.to_owned() }),
        ),
        "tool_call" | "tool-call" | "tool_use" | "function" | "function_call" | "custom_tool_call" => {
            Some(call(map).unwrap_or_else(other))
        }
        "tool_call_response"
        | "tool_result"
        | "tool-result"
        | "function_call_output"
        | "function_call_result"
        | "custom_tool_call_output" => Some(response(map)),
        "image_url" | "input_image" | "image" | "input_audio" | "audio" | "video" | "document" | "file"
        | "input_file" | "blob" | "uri" | "binary" | "image-url" | "audio-url" | "video-url" | "document-url" => {
            Some(media(map, kind).unwrap_or_else(other))
        }
        _ => Some(other()),
    }
}

/// Gemini's and Bedrock's parts are named by their key, and so are bare tool calls.
fn untyped(map: &Map<String, Value>) -> Option<Part> {
    let object = |keys: &[&str]| first(map, keys).and_then(Value::as_object);
    if let Some(called) = object(&["functionCall", "function_call", "toolUse", "function"]) {
        return Some(
            call(called).map_or_else(|| Part::Other { value: Value::Object(map.clone()) }, |call| with_id(call, map)),
        );
    }
    if let Some(answer) = object(&["functionResponse", "function_response", "toolResult"]) {
        return Some(response(answer));
    }
    if let Some(thought) = object(&["reasoningContent"]) {
        let inner = thought.get("reasoningText").and_then(Value::as_object).unwrap_or(thought);
        return reasoning(inner);
    }
    let data = object(&["inlineData", "inline_data", "fileData", "file_data"]);
    if let Some(media) = data.and_then(|data| media(data, "blob")) {
        return Some(media);
    }
    if let Some(call) = call(map).filter(|_| first(map, &["arguments", "args", "input"]).is_some()) {
        return Some(call);
    }
    let text = first_str(map, &["text", "content"]);
    if let Some(thought) = thought(map, text) {
        return Some(thought);
    }
    let Some(text) = text else {
        let is_blank = map.iter().all(|(key, value)| matches!(key.as_str(), "text" | "content") || value.is_null());
        return (!is_blank).then(|| Part::Other { value: Value::Object(map.clone()) });
    };
    Some(Part::Text { content: text.to_owned() })
}

/// A tool call in any of its shapes; `None` without a name.
fn call(map: &Map<String, Value>) -> Option<Part> {
    if let Some(function @ Value::Object(inner)) = map.get("function") {
        return call(inner).map(|call| with_id(call, map)).or(Some(Part::Other { value: function.clone() }));
    }
    let name = first_str(map, &["name", "toolName", "tool_name"])?.to_owned();
    let id = first_text(map, &["call_id", "callId", "id", "toolCallId", "toolUseId", "tool_call_id"]);
    let written = ["arguments", "args", "input", "parameters"].iter().find_map(|key| map.get(*key));
    Some(Part::ToolCall { id, name, arguments: arguments(written.unwrap_or(&Value::Null)) })
}

fn with_id(call: Part, outer: &Map<String, Value>) -> Part {
    match call {
        Part::ToolCall { id, name, arguments } => {
            Part::ToolCall { id: first_text(outer, &["call_id", "id"]).or(id), name, arguments }
        }
        other => other,
    }
}

fn response(map: &Map<String, Value>) -> Part {
    let answer =
        ["response", "result", "content", "output"].iter().find_map(|key| map.get(*key)).unwrap_or(&Value::Null);
    // The AI SDK wraps outputs: `{"type": "text" | "json", "value": …}`.
    let answer = match answer {
        Value::Object(wrap) if wrap.len() == 2 && wrap.contains_key("type") => {
            // OpenAI's Agents SDK for JavaScript: `{"type": "text", "text": …}`.
            let text = wrap.get("text").filter(|_| wrap["type"] == "text");
            wrap.get("value").or(text).unwrap_or(answer)
        }
        _ => answer,
    };
    Part::ToolCallResponse {
        id: first_text(map, &["call_id", "callId", "tool_use_id", "toolCallId", "toolUseId", "tool_call_id", "id"]),
        name: first_text(map, &["name", "toolName", "tool_name"]),
        response: result(answer),
    }
}

fn media(map: &Map<String, Value>, kind: &str) -> Option<Part> {
    // The payload stands in the part, or one level below it, or is a bare URL.
    let inner = ["image_url", "source", "file", "input_audio", "image", "audio", "document"]
        .iter()
        .find_map(|key| map.get(*key))
        .or_else(|| map.get("data").filter(|data| data.is_object()));
    let empty = Map::new();
    let body = inner.and_then(Value::as_object).unwrap_or(&empty);
    let find = |keys: &[&str]| {
        first_text(map, keys).filter(|_| first_str(map, keys).is_some()).or_else(|| first_text(body, keys))
    };
    let mime_type = find(&["mime_type", "mimeType", "media_type", "mediaType"]);
    let modality = find(&["modality"]).or_else(|| {
        let word = ["image", "audio", "video", "document"];
        let named = word.iter().find(|word| kind.contains(**word)).copied();
        let typed = mime_type.as_deref().and_then(|mime| word.iter().find(|word| mime.starts_with(**word)).copied());
        named.or(typed).map(str::to_owned)
    });
    let bare = inner.and_then(Value::as_str);
    // The AI SDK writes data or a URL in the same place.
    if let Some(data) = bare.filter(|text| is_base64(text)) {
        return Some(Part::Blob { mime_type, modality, content: data.to_owned() });
    }
    let url = bare.map(str::to_owned).or_else(|| find(&["uri", "url", "fileUri", "file_uri"]));
    match url {
        Some(url) => Some(from_url(url, mime_type, modality)),
        None => match find(&["file_id", "fileId"]) {
            Some(file_id) => Some(Part::File { mime_type, modality, file_id }),
            None => {
                let data = find(&["content", "data", "file_data"]).or_else(|| {
                    map.get("content").and_then(|bytes| bytes.get("$bytes")?.as_str().map(str::to_owned))
                })?;
                Some(if ["data:", "http://", "https://"].iter().any(|scheme| data.starts_with(scheme)) {
                    from_url(data, mime_type, modality)
                } else {
                    Part::Blob { mime_type, modality, content: data }
                })
            }
        },
    }
}

fn is_base64(text: &str) -> bool {
    text.len() >= 4
        && text.len().is_multiple_of(4)
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='))
}

/// A `data:` URL is the data itself.
fn from_url(url: String, mime_type: Option<String>, modality: Option<String>) -> Part {
    let inline = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
    match inline {
        Some((mime, data)) => {
            Part::Blob { mime_type: mime_type.or_else(|| Some(mime.to_owned())), modality, content: data.to_owned() }
        }
        None => Part::Uri { mime_type, modality, uri: url },
    }
}

#[cfg(test)]
mod tests;
