//! Content in one attribute, as before OpenTelemetry had messages: `gen_ai.prompt` and `gen_ai.completion` (OpenRouter,
//! Spring AI, Dify, Mastra's first exporter), `gen_ai.content.prompt` and `gen_ai.content.completion` (OpenLIT),
//! `gen_ai.output` (any-agent). The value is a list of messages, a request or response body, lines `role: content`, or
//! plain text.

use gleaner_model::{Message, Part};
use serde_json::{Value, json};

use super::bodies;
use super::reader::{Reader, captured};
use crate::mapped::Mapped;
use crate::messages::lift_system;
use crate::value::{first_str, structured, text};

/// Reads the attributes. What they hold is believed only where no messages are told.
pub(super) fn read(reader: &mut Reader) -> Mapped {
    let mut mapped = Mapped::default();
    // LangSmith writes a run's whole inputs and outputs under these names, whatever the run is; its own reading knows
    // them.
    if reader.attributes().contains_key("langsmith.span.kind") {
        return mapped;
    }
    let noted = reader.mapped.source_keys.clone();
    if let Some(prompt) = reader.find("input_messages", &["gen_ai.prompt", "gen_ai.content.prompt"]) {
        let (system, input) = lift_system(prompts(prompt));
        let request = bodies::request(prompt);
        mapped.system_prompt = system.or(request.system_prompt);
        mapped.input_messages = captured(input).or(request.input_messages);
        mapped.tool_definitions = request.tool_definitions;
        note(&mut mapped, reader, &["system_prompt", "input_messages", "tool_definitions"], "input_messages");
    }
    let reasoning = reader.text("reasoning", &["gen_ai.content.reasoning"]);
    let completion =
        reader.find("output_messages", &["gen_ai.completion", "gen_ai.content.completion", "gen_ai.output"]);
    let mut output = completion.map(completions).unwrap_or_default();
    if let Some(content) = reasoning {
        let part = Part::reasoning(content);
        match output.first_mut() {
            Some(answer) => answer.parts.insert(0, part),
            None => output.push(Message { parts: vec![part], ..Message::text("assistant", "") }),
        }
    }
    mapped.output_messages = captured(output);
    note(&mut mapped, reader, &["output_messages"], "output_messages");
    reader.mapped.source_keys = noted;
    mapped
}

fn note(mapped: &mut Mapped, reader: &Reader, fields: &[&str], from: &str) {
    let origin = reader.mapped.source_keys.get(from).cloned().unwrap_or_else(|| json!("gen_ai.content.reasoning"));
    for field in fields {
        mapped.source_keys.insert((*field).to_owned(), origin.clone());
    }
}

/// Messages written as lines, where the text is such; else none.
fn prompts(value: &Value) -> Vec<Message> {
    value.as_str().and_then(role_lines).unwrap_or_default()
}

fn completions(value: &Value) -> Vec<Message> {
    // What OpenLIT wrote in place of every answer of a model that was offered tools, in its older releases (1.30).
    if value.as_str() == Some("Function called with tools") {
        return Vec::new();
    }
    let body = structured(value);
    // OpenRouter: `{"completion": "…", "reasoning": "…"}`
    if let Some(map) = body.as_object()
        && let Some(answer) = first_str(map, &["completion", "text"])
    {
        let mut message = Message::text("assistant", answer);
        if let Some(content) = first_str(map, &["reasoning"]) {
            message.parts.insert(0, Part::reasoning(content));
        }
        return vec![message];
    }
    let read = bodies::response(&body).output_messages;
    read.or_else(|| Some(vec![Message::text("assistant", text(value)?)])).unwrap_or_default()
}

const ROLES: &[&str] = &["system", "developer", "user", "assistant", "tool", "function"];

/// `system: Be brief.\nuser: Hi` as messages. A line without a role goes on with the message before it.
pub(super) fn role_lines(text: &str) -> Option<Vec<Message>> {
    let mut read: Vec<(&str, String)> = Vec::new();
    for line in text.lines() {
        let head = line.split_once(": ").or_else(|| Some((line.strip_suffix(':')?, "")));
        match (head.filter(|(role, _)| ROLES.contains(role)), read.last_mut()) {
            (Some((role, content)), _) => read.push((role, content.to_owned())),
            (None, Some((_, content))) => {
                content.push('\n');
                content.push_str(line);
            }
            (None, None) => return None,
        }
    }
    let said = read.into_iter().filter(|(_, content)| !content.is_empty());
    let messages: Vec<Message> = said
        .map(|(role, content)| match role {
            "developer" => Message::text("system", content),
            "tool" | "function" => Message {
                parts: vec![Part::ToolCallResponse { id: None, name: None, response: Value::String(content) }],
                ..Message::text("tool", "")
            },
            role => Message::text(role, content),
        })
        .collect();
    (!messages.is_empty()).then_some(messages)
}

#[cfg(test)]
mod tests;
