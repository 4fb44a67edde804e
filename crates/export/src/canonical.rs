//! The canonical JSON of messages, written straight from them: byte for byte what [`gleaner_model::canonical_json`] writes of
//! their JSON, without the tree between. Ids of rows and comparisons of conversations rest on it.
//!
//! Pure. Texts of JSON are written alike by serde_json and by RFC 8785, which spares a writer of our own.

use gleaner_model::canonical_json;
use serde_json::Value;

use crate::{
    conversation::{ChatMessage, FunctionCall, ToolCall},
    dataset::Dataset,
    example::{Content, Example},
};

/// Appends what makes an example the row that it is: its messages and tools, and the facts that its dataset counts among them.
pub(crate) fn write_identity(dataset: &Dataset, example: &Example, out: &mut Vec<u8>) {
    type Part<'a> = Box<dyn Fn(&mut Vec<u8>) + 'a>;
    let mut parts: Vec<(&str, Part<'_>)> = Vec::with_capacity(4 + dataset.identity.len());
    match &example.content {
        Content::List { prompt, completions, ranks } => {
            parts.push(("prompt", Box::new(|out| write_messages(prompt, out))));
            parts.push((
                "completions",
                Box::new(|out| write_list(completions, out, |messages, out| write_messages(messages, out))),
            ));
            parts.push(("ranks", Box::new(|out| write_list(ranks, out, write_json))));
        }
        _ => parts.extend(example.parts().into_iter().map(|(name, messages)| {
            let part: Part<'_> = Box::new(move |out| write_messages(messages, out));
            (name, part)
        })),
    }
    parts.push(("tools", Box::new(|out| out.extend_from_slice(example.tools.canonical()))));
    parts.extend(dataset.identity.iter().map(|name| {
        let part: Part<'_> = Box::new(move |out| write_value(example.facts.get(*name).unwrap_or(&Value::Null), out));
        (*name, part)
    }));
    // Names of columns are plain letters: their bytes are in the order of their UTF-16.
    parts.sort_by_key(|(name, _)| *name);
    out.push(b'{');
    for (at, (name, part)) in parts.iter().enumerate() {
        out.extend_from_slice(if at > 0 { b",\"" } else { b"\"" });
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":");
        part(out);
    }
    out.push(b'}');
}

/// Appends a list of messages.
pub(crate) fn write_messages(messages: &[ChatMessage], out: &mut Vec<u8>) {
    write_list(messages, out, write_message);
}

/// Appends one message: its keys in order.
pub(crate) fn write_message(message: &ChatMessage, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"content\":");
    write_json(&message.content, out);
    if let Some(name) = &message.name {
        out.extend_from_slice(b",\"name\":");
        write_json(name, out);
    }
    if let Some(thought) = &message.reasoning_content {
        out.extend_from_slice(b",\"reasoning_content\":");
        write_json(thought, out);
    }
    out.extend_from_slice(b",\"role\":");
    write_json(message.role, out);
    if let Some(id) = &message.tool_call_id {
        out.extend_from_slice(b",\"tool_call_id\":");
        write_json(id, out);
    }
    if !message.tool_calls.is_empty() {
        out.extend_from_slice(b",\"tool_calls\":");
        write_list(&message.tool_calls, out, write_call);
    }
    out.push(b'}');
}

fn write_call(call: &ToolCall, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"function\":");
    write_function(&call.function, out);
    out.extend_from_slice(b",\"id\":");
    write_json(&call.id, out);
    out.extend_from_slice(b",\"type\":");
    write_json(call.r#type, out);
    out.push(b'}');
}

/// Appends what is called and with what.
pub(crate) fn write_function(function: &FunctionCall, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"arguments\":{");
    let mut arguments: Vec<(&String, &Value)> = function.arguments.iter().collect();
    arguments.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
    for (at, (name, value)) in arguments.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_json(name, out);
        out.push(b':');
        write_value(value, out);
    }
    out.extend_from_slice(b"},\"name\":");
    write_json(&function.name, out);
    out.push(b'}');
}

/// Appends a value. Texts, the most of what there is, go without a copy between.
pub(crate) fn write_value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::String(text) => write_json(text, out),
        other => out.extend_from_slice(canonical_json(other).as_bytes()),
    }
}

/// Appends a list.
pub(crate) fn write_list<T>(items: &[T], out: &mut Vec<u8>, write: impl Fn(&T, &mut Vec<u8>)) {
    out.push(b'[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(b']');
}

/// Appends the JSON of what cannot fail to have one: texts, whole numbers, lists and maps of them.
pub(crate) fn write_json<T: serde::Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    let written = serde_json::to_writer(&mut *out, value);
    debug_assert!(written.is_ok(), "a vector takes what is written");
}

#[cfg(test)]
mod tests;
