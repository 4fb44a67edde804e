//! Canonical messages from their JSON, the short way.
//!
//! Pure. A part's type stands among its other fields, so that serde must hold all of them in a tree before it knows which part it
//! reads. Nearly all parts are of five types that have fields of the same names: they are read as one struct. Whatever does not
//! fit it is read by the model's own definition, which also tells what is wrong.

use std::borrow::Cow;

use gleaner_model::{Message, Part, ReasoningKind};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct AnyMessage<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(borrow)]
    parts: Vec<AnyPart<'a>>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct AnyPart<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    arguments: Option<Value>,
    #[serde(default)]
    response: Option<Value>,
    #[serde(default)]
    kind: ReasoningKind,
    #[serde(default)]
    data: Option<String>,
}

/// A list of messages; none for `null`.
pub(crate) fn parse(text: &str) -> Result<Option<Vec<Message>>, serde_json::Error> {
    let read: Option<Vec<AnyMessage<'_>>> = match serde_json::from_str(text) {
        Ok(read) => read,
        Err(_) => return serde_json::from_str(text),
    };
    let Some(read) = read else { return Ok(None) };
    match read.into_iter().map(message).collect() {
        Some(messages) => Ok(Some(messages)),
        None => serde_json::from_str(text),
    }
}

/// None: not one of the plain kinds.
fn message(read: AnyMessage<'_>) -> Option<Message> {
    let parts = read.parts.into_iter().map(part).collect::<Option<_>>()?;
    Some(Message { role: read.role.into_owned(), parts, name: read.name, finish_reason: read.finish_reason })
}

fn part(read: AnyPart<'_>) -> Option<Part> {
    let AnyPart { r#type, content, id, name, arguments, response, kind, data } = read;
    Some(match &*r#type {
        "text" => Part::Text { content: content? },
        "refusal" => Part::Refusal { content: content? },
        "reasoning" => Part::Reasoning { content: content?, kind, data },
        "tool_call" => Part::ToolCall { id, name: name?, arguments: arguments.unwrap_or_default() },
        "tool_call_response" => Part::ToolCallResponse { id, name, response: response? },
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
