//! Tool spans that record a conversation: what the tool was given as a message, what it answered as another.
//!
//! Strands writes the arguments as `gen_ai.tool.message` and the result as `gen_ai.choice`, or both as parts of messages.
//! A tool span has arguments and a result, and no messages.

use gleaner_model::{Message, Part, output_text};
use serde_json::Value;

use crate::mapped::Mapped;
use crate::messages::arguments;

/// Turns the messages of a tool span into its arguments and its result, where it has none yet.
pub(super) fn settle(mapped: &mut Mapped) {
    let given = mapped.input_messages.take().unwrap_or_default();
    let answer = mapped.output_messages.take().unwrap_or_default();
    let read = [("tool_arguments", "input_messages"), ("tool_result", "output_messages")];
    let found = [
        mapped.tool_arguments.is_none().then(|| given_of(&given)).flatten(),
        mapped.tool_result.is_none().then(|| result_of(&answer)).flatten(),
    ];
    for ((field, from), value) in read.into_iter().zip(found) {
        let origin = mapped.source_keys.shift_remove(from);
        let Some(value) = value else { continue };
        if let Some(origin) = origin {
            mapped.source_keys.insert(field.to_owned(), origin);
        }
        if field == "tool_arguments" { mapped.tool_arguments = Some(value) } else { mapped.tool_result = Some(value) }
    }
}

fn parts(messages: &[Message]) -> impl Iterator<Item = &Part> {
    messages.iter().flat_map(|message| &message.parts)
}

/// A call, or what came under the tool's role.
fn given_of(messages: &[Message]) -> Option<Value> {
    parts(messages).find_map(|part| match part {
        Part::ToolCall { arguments, .. } => Some(arguments.clone()),
        Part::ToolCallResponse { response, .. } => Some(arguments(response)),
        _ => None,
    })
}

fn result_of(messages: &[Message]) -> Option<Value> {
    let response = parts(messages).find_map(|part| match part {
        Part::ToolCallResponse { response, .. } => Some(response.clone()),
        _ => None,
    });
    response.or_else(|| output_text(messages).map(Value::String))
}

#[cfg(test)]
mod tests;
