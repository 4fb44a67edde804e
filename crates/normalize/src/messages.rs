//! Messages of every provider and library in the canonical form.
//!
//! Shapes are told by what they hold, never by who sent them: OpenTelemetry parts, OpenAI chat messages and Responses items,
//! Anthropic blocks, Gemini and Bedrock parts, LangChain messages, bare strings. One item that fits no shape becomes
//! [`Part::Other`] and never takes the list with it.
//!
//! Invariants: tool results stay the string that was sent; tool call arguments become an object where they parse as one;
//! roles are `system`, `user`, `assistant`, `tool`, or as sent where none of these is meant.

mod finish;
mod known_calls;
mod pairs;
mod parts;
mod printed;
mod pydantic_ai;
mod reasoning;
mod thinking;
mod tools;

use gleaner_model::{Message, Part};
use serde_json::{Map, Value};

pub(crate) use finish::{COMPLETED, finish_reason};
pub(crate) use known_calls::KnownCalls;
pub(crate) use pairs::pair_results;
pub(crate) use parts::{arguments, parts};
pub(crate) use thinking::separate_thinking;
pub(crate) use tools::tool_definitions;

use crate::value::{first, first_str, first_text, is_redacted, structured};

/// Messages out of a list, a single message, or text; text and messages without a role get `default_role`.
pub(crate) fn messages(value: &Value, default_role: &str) -> Vec<Message> {
    let read = match with_chat_messages(structured(value)) {
        Value::Array(items) if items.iter().all(is_bare_part) => vec![message(&Value::Array(items), default_role)],
        Value::Array(items) => {
            let mut read: Vec<Message> = Vec::with_capacity(items.len());
            // Place of the last answer.
            let mut asking = None;
            for item in &items {
                let mut next = match item.as_str().and_then(printed::printed_message) {
                    Some(printed) => message(&printed, default_role),
                    None => message(item, default_role),
                };
                if let Some(result) = asking.and_then(|place: usize| result_named_by_role(&next, &read[place])) {
                    next = result;
                }
                match read.last_mut() {
                    // smolagents writes the calls in text, after the text that the model said before them.
                    Some(last)
                        if last.role == "assistant" && item.get("role").is_some_and(|role| role == "tool-call") =>
                    {
                        last.parts.extend(next.parts);
                    }
                    _ => read.push(next),
                }
                if read.last().is_some_and(|last| last.role == "assistant") {
                    asking = Some(read.len() - 1);
                }
            }
            read
        }
        Value::Null => Vec::new(),
        single => vec![message(&single, default_role)],
    };
    join_split(read)
}

/// A conversation, or one message, with chat messages in the place of pydantic-ai's own.
fn with_chat_messages(value: Value) -> Value {
    match value {
        Value::Array(items) if items.iter().any(|item| pydantic_ai::chat_messages(item).is_some()) => {
            let each = items.into_iter().map(|item| pydantic_ai::chat_messages(&item).unwrap_or_else(|| vec![item]));
            Value::Array(each.flatten().collect())
        }
        other => match pydantic_ai::chat_messages(&other) {
            Some(messages) => Value::Array(messages),
            None => other,
        },
    }
}

/// A result whose role is the name of the tool (Langfuse's handler of LangChain for JavaScript): one that was called by the answer before it.
fn result_named_by_role(message: &Message, asking: &Message) -> Option<Message> {
    if matches!(message.role.as_str(), "system" | "user" | "assistant" | "tool") {
        return None;
    }
    let is_call = |part: &Part| matches!(part, Part::ToolCall { name, .. } if *name == message.role);
    asking.parts.iter().any(is_call).then(|| {
        let response = gleaner_model::output_text(std::slice::from_ref(message)).unwrap_or_default();
        let result = Part::ToolCallResponse { id: None, name: Some(message.role.clone()), response: response.into() };
        build("tool", vec![result], None)
    })
}

/// One message.
pub(crate) fn message(value: &Value, default_role: &str) -> Message {
    let Value::Object(map) = value else {
        return build(default_role, parts(value), None);
    };
    if let Some(inner) = wrapped(map) {
        let mut unwrapped = message(&inner, default_role);
        unwrapped.finish_reason = unwrapped.finish_reason.or_else(|| finish_of(map));
        return unwrapped;
    }
    let Some(role) = role_of(map) else {
        let role = if is_tool_result(map) { "tool" } else { default_role };
        return build(role, own_parts(map, role), finish_of(map));
    };
    let mut read = build(&role, own_parts(map, &role), finish_of(map));
    // On a tool message and on a Responses item, `name` is the tool's.
    read.name = first_str(map, &["name"]).filter(|_| role != "tool" && map.contains_key("role")).map(str::to_owned);
    read
}

fn build(role: &str, parts: Vec<Part>, finish_reason: Option<String>) -> Message {
    let only_results = !parts.is_empty() && parts.iter().all(|part| matches!(part, Part::ToolCallResponse { .. }));
    let role = if only_results { "tool" } else { role };
    Message { role: role.to_owned(), parts, name: None, finish_reason }
}

/// Takes the system messages at the head out of a conversation: their text is the system prompt.
pub(crate) fn lift_system(mut messages: Vec<Message>) -> (Option<String>, Vec<Message>) {
    let head = messages.iter().take_while(|m| m.role == "system" && m.parts.iter().all(is_text)).count();
    let prompts: Vec<String> = messages.drain(..head).filter_map(|m| gleaner_model::output_text(&[m])).collect();
    ((!prompts.is_empty()).then(|| prompts.join("\n\n")), messages)
}

/// System instructions: text, parts, or messages. Paragraphs are joined by a blank line.
pub(crate) fn system_text(value: &Value) -> Option<String> {
    let texts: Vec<String> = match structured(value) {
        Value::Array(items) => {
            items.iter().filter_map(|item| gleaner_model::output_text(&[message(item, "system")])).collect()
        }
        single => gleaner_model::output_text(&[message(&single, "system")]).into_iter().collect(),
    };
    (!texts.is_empty()).then(|| texts.join("\n\n"))
}

/// Folds the names that libraries have for the four roles.
fn role(name: &str) -> String {
    match name.to_ascii_lowercase().as_str() {
        "system" | "developer" => "system",
        // smolagents calls tools in text, and is answered in text: it sends this role as the user's.
        "user" | "human" | "humanmessage" | "tool-response" => "user",
        "assistant" | "model" | "ai" | "aimessage" | "aimessagechunk" => "assistant",
        "tool" | "function" | "toolmessage" | "functionmessage" | "tool_response" => "tool",
        "systemmessage" => "system",
        "tool-call" | "tool_call" => "assistant",
        other => return other.to_owned(),
    }
    .to_owned()
}

fn role_of(map: &Map<String, Value>) -> Option<String> {
    if let Some(name) = map.get("role").and_then(role_name) {
        return Some(role(&name));
    }
    // LangChain names the role in `type`; OpenAI's Responses items tell it by what they are.
    match map.get("type").and_then(Value::as_str)? {
        kind @ ("human" | "ai" | "system" | "tool" | "function" | "AIMessageChunk") if map.contains_key("content") => {
            Some(role(kind))
        }
        "function_call" | "reasoning" | "custom_tool_call" => Some("assistant".to_owned()),
        _ => None,
    }
}

/// A role is a string, or an enum's `{"value": "user"}` or `MessageRole.USER`.
fn role_name(value: &Value) -> Option<String> {
    let name = value.as_str().or_else(|| value.get("value")?.as_str())?;
    let bare = name.rsplit_once('.').map_or(name, |(_, last)| last);
    (!bare.is_empty()).then(|| bare.to_owned())
}

/// What stands around a message: a choice, a LangChain serialization, an OpenInference item.
fn wrapped(map: &Map<String, Value>) -> Option<Value> {
    if map.contains_key("role") || map.contains_key("parts") {
        return None;
    }
    if let Some(inner @ Value::Object(_)) = first(map, &["message", "delta"]) {
        return Some(inner.clone());
    }
    // Gemini's candidate: `{"content": {"role": "model", "parts": […]}, "finishReason": …}`.
    if let Some(inner) = map.get("content").filter(|content| content.get("parts").is_some()) {
        return Some(inner.clone());
    }
    if let (Some(Value::Object(kwargs)), Some(Value::Array(path))) = (map.get("kwargs"), map.get("id")) {
        let mut inner = kwargs.clone();
        inner.insert("role".to_owned(), path.last()?.clone());
        return Some(Value::Object(inner));
    }
    match (map.get("type"), map.get("data")) {
        (Some(kind), Some(Value::Object(data))) if data.contains_key("content") => {
            let mut inner = data.clone();
            inner.insert("role".to_owned(), kind.clone());
            Some(Value::Object(inner))
        }
        _ => None,
    }
}

fn finish_of(map: &Map<String, Value>) -> Option<String> {
    first(map, &["finish_reason", "finishReason", "stop_reason", "stopReason"]).and_then(finish_reason)
}

const CONTENT_KEYS: &[&str] = &[
    "parts",
    "content",
    "contents",
    "blocks",
    "reasoning_content",
    "thinking",
    "reasoning_details",
    "thinking_blocks",
    "refusal",
    "tool_calls",
    "toolCalls",
    "function_call",
];

/// What a message has beside its content.
const WITHOUT_CONTENT: &[&str] =
    &["role", "name", "id", "index", "finish_reason", "finishReason", "tool_call_id", "toolCallId", "status"];

/// The parts that a message object holds under its several keys, in the order in which a model writes them.
fn own_parts(map: &Map<String, Value>, role: &str) -> Vec<Part> {
    let is_part = map.contains_key("type") && !map.contains_key("role") && !map.contains_key("tool_calls");
    if !CONTENT_KEYS.iter().any(|key| map.contains_key(*key)) || (is_part && role_is_told_by_type(map)) {
        // Where content is not captured, what is left says whose it was, and why it ended.
        if map.contains_key("role") && map.keys().all(|key| WITHOUT_CONTENT.contains(&key.as_str())) {
            return Vec::new();
        }
        return parts(&Value::Object(map.clone()));
    }
    let mut out = reasoning::beside(map);
    let content = first(map, &["parts", "content", "contents", "blocks"]);
    // Gemini's content stands whole in the place of the text: `{"role": …, "parts": […]}`.
    let content = content.map(|content| content.get("parts").unwrap_or(content));
    let result_id = first_text(map, &["tool_call_id", "toolCallId", "tool_use_id"]);
    match content {
        Some(content) if role == "tool" => out.extend(tool_results(map, content, result_id)),
        Some(content) => out.extend(parts(content)),
        None => {}
    }
    // LangChain keeps what the provider sent beside what it made of it.
    let provider_fields = map.get("additional_kwargs").and_then(Value::as_object);
    let refused = |fields| first_str(fields, &["refusal"]);
    if let Some(refusal) = refused(map).or_else(|| refused(provider_fields?)) {
        out.push(Part::Refusal { content: refusal.to_owned() });
    }
    let mut known = KnownCalls::among(&out);
    let sources = [map].into_iter().chain(provider_fields);
    let held = sources.flat_map(|source| ["tool_calls", "toolCalls", "function_call"].map(|key| source.get(key)));
    for value in held.flatten() {
        for call in parts::calls(&structured(value)) {
            if !known.has(&call) {
                known.add(&call);
                out.push(call);
            }
        }
    }
    out.retain(|part| !matches!(part, Part::Text { content } if content.is_empty() || is_redacted(content)));
    out.into_iter().flat_map(|part| unprinted(part, role, &known)).collect()
}

/// What a text was before Python printed it. Calls in it that the message tells of itself are left to it.
fn unprinted(part: Part, role: &str, known: &KnownCalls) -> Vec<Part> {
    let item = match &part {
        Part::Text { content } if role == "assistant" => printed::printed_items(content)
            .or_else(|| printed::printed_item(content))
            .or_else(|| printed::printed_response(content))
            .or_else(|| printed::printed_google_part(content))
            .or_else(|| printed::printed_block(content)),
        Part::Text { content } => printed::printed_google_part(content)
            .or_else(|| printed::printed_texts(content).filter(|_| role == "system")),
        _ => None,
    };
    let mut read = item.map(|item| parts(&item)).unwrap_or_default();
    if read.is_empty() {
        return vec![part];
    }
    read.retain(|part| !known.has(part));
    read
}

fn role_is_told_by_type(map: &Map<String, Value>) -> bool {
    !matches!(
        map.get("type").and_then(Value::as_str),
        Some("message" | "human" | "ai" | "system" | "tool" | "function" | "AIMessageChunk")
    )
}

/// A tool message is one result, unless its parts say themselves what they answer, or what is called.
fn tool_results(map: &Map<String, Value>, content: &Value, id: Option<String>) -> Vec<Part> {
    let read = parts(content);
    if read.iter().any(|part| matches!(part, Part::ToolCallResponse { .. } | Part::ToolCall { .. })) {
        return read;
    }
    let id = id.or_else(|| first_text(map, &["id"]).filter(|_| !map.contains_key("type")));
    let name = first_text(map, &["name"]);
    vec![Part::ToolCallResponse { id, name, response: parts::result(content) }]
}

fn is_tool_result(map: &Map<String, Value>) -> bool {
    matches!(
        map.get("type").and_then(Value::as_str),
        Some("function_call_output" | "function_call_result" | "custom_tool_call_output")
    )
}

/// Whether a list item is a part of one message, and not a message.
fn is_bare_part(item: &Value) -> bool {
    match item {
        Value::Object(map) => {
            let kind = map.get("type").and_then(Value::as_str);
            role_of(map).is_none()
                && wrapped(map).is_none()
                && (matches!(
                    kind,
                    Some(
                        "text"
                            | "tool_call"
                            | "tool_use"
                            | "tool_result"
                            | "tool_call_response"
                            | "thinking"
                            | "image_url"
                    )
                ) || map.contains_key("functionCall")
                    || map.contains_key("functionResponse")
                    || (map.len() == 1 && map.contains_key("text")))
        }
        _ => false,
    }
}

fn is_text(part: &Part) -> bool {
    matches!(part, Part::Text { .. })
}

/// Joins what one model turn wrote as several messages (the items of OpenAI's Responses API, histories made of them):
/// reasoning belongs to what follows it, tool calls to what precedes them. Choices that stand side by side each have a
/// finish reason of their own and stay apart.
pub(crate) fn join_split(messages: Vec<Message>) -> Vec<Message> {
    let mut joined: Vec<Message> = Vec::with_capacity(messages.len());
    let mut last_only_reasons = false;
    for next in messages {
        let next_only_reasons = all_are(&next, Part::is_reasoning);
        match joined.last_mut() {
            Some(last) if continues(last, last_only_reasons, &next) => {
                last_only_reasons &= next_only_reasons;
                last.parts.extend(next.parts);
                last.finish_reason = next.finish_reason;
                last.name = last.name.take().or(next.name);
            }
            _ => {
                last_only_reasons = next_only_reasons;
                joined.push(next);
            }
        }
    }
    joined
}

fn continues(last: &Message, last_only_reasons: bool, next: &Message) -> bool {
    last.role == "assistant"
        && next.role == "assistant"
        && last.finish_reason.is_none()
        && (last_only_reasons || all_are(next, |p| matches!(p, Part::ToolCall { .. })))
}

fn all_are(message: &Message, is: fn(&Part) -> bool) -> bool {
    !message.parts.is_empty() && message.parts.iter().all(is)
}

#[cfg(test)]
mod tests;
