//! What Claude Code's detailed tracing tells in pieces: spans hold hashes of the system prompt and of the tools, whose text is
//! in a record that is written once per hash; and a call holds only what it was given beyond the calls before it.
//!
//! `new_context` is text: segments `[USER]` and `[TOOL RESULT: id]` with `---` between them; the first call of a process tells
//! all of the user's side again. What the agent slips in stands apart, in `system_reminders`, without its tag.

use std::collections::{BTreeMap, HashMap};

use gleaner_model::{LogFragment, Message, Part};
use serde_json::{Map, Value, json};

use crate::agent_logs::event_of;
use crate::agent_logs::history::MAX_MESSAGES;
use crate::mapped::{Mapped, MergedSpan};
use crate::messages::tool_definitions;
use crate::value::{first_str, structured};

/// Between two segments.
const RULE: &str = "\n\n---\n\n";
const USER: &str = "[USER]";
const RESULT: &str = "[TOOL RESULT: ";

/// Fills system prompts and tools of calls that tell their hashes.
pub(crate) fn complete(traces: &mut BTreeMap<String, Vec<(MergedSpan, Mapped)>>) {
    let known = Known::new(traces.values().flatten().flat_map(|(span, _)| &span.logs));
    if known.prompts.is_empty() && known.tools.is_empty() {
        return;
    }
    for (span, mapped) in traces.values_mut().flatten() {
        let attributes = &span.span.attributes;
        if mapped.system_prompt.is_none()
            && let Some(prompt) =
                first_str(attributes, &["system_prompt_hash"]).and_then(|hash| known.prompts.get(hash))
        {
            mapped.system_prompt = Some(prompt.clone());
            note(mapped, "system_prompt", "system_prompt_hash");
        }
        if mapped.tool_definitions.is_none()
            && let Some(tools) = attributes.get("tools").and_then(|tools| known.definitions(tools))
        {
            mapped.tool_definitions = Some(tools);
            note(mapped, "tool_definitions", "tools");
        }
    }
}

fn note(mapped: &mut Mapped, field: &str, key: &str) {
    mapped.source_keys.insert(field.to_owned(), Value::String(key.to_owned()));
}

/// Texts by hash.
struct Known {
    prompts: HashMap<String, String>,
    tools: HashMap<String, Value>,
}

impl Known {
    fn new<'l>(logs: impl Iterator<Item = &'l LogFragment>) -> Self {
        let mut known = Self { prompts: HashMap::new(), tools: HashMap::new() };
        for log in logs {
            let text = |key: &str| first_str(&log.attributes, &[key]).map(str::to_owned);
            match event_of(log).trim_start_matches("claude_code.") {
                "system_prompt" => known.prompts.extend(text("system_prompt_hash").zip(text("system_prompt"))),
                "tool" => known.tools.extend(text("tool_hash").zip(log.attributes.get("tool").map(structured))),
                _ => {}
            }
        }
        known
    }

    /// A tool whose text is unknown is told by its name.
    fn definitions(&self, tools: &Value) -> Option<Value> {
        let Value::Array(tools) = structured(tools) else { return None };
        let defined = tools.iter().filter_map(|tool| {
            let hash = tool.get("hash").and_then(Value::as_str);
            let known = hash.and_then(|hash| self.tools.get(hash)).filter(|tool| tool.is_object());
            known.cloned().or_else(|| Some(json!({"name": tool.get("name")?})))
        });
        tool_definitions(&Value::Array(defined.collect()))
    }
}

/// Puts into the conversation what a call tells to be new in it, each piece where it is already or before what follows it.
pub(crate) fn absorb(conversation: &mut Vec<Message>, attributes: &Map<String, Value>) {
    let Some(context) = first_str(attributes, &["new_context"]) else { return };
    let mut place = conversation.len();
    let mut first_user = None;
    for segment in segments(context).into_iter().rev().take(MAX_MESSAGES) {
        let near = place.saturating_sub(MAX_MESSAGES);
        let (found, message) = match segment {
            Segment::User(text) => (find_user(&conversation[near..place], text), user(text)),
            Segment::Result { id, text } => {
                let found = conversation[near..place].iter().rposition(|message| answers(message, id));
                let name = name_of(conversation, id);
                let part = Part::ToolCallResponse { id: Some(id.to_owned()), name, response: text.into() };
                (found, Message { role: "tool".to_owned(), parts: vec![part], name: None, finish_reason: None })
            }
        };
        match found.map(|found| near + found) {
            // What the model was told of a run, not what the tool's span says of it.
            Some(known) if message.role == "tool" => {
                conversation[known] = message;
                place = known;
            }
            Some(known) => place = known,
            None => conversation.insert(place, message),
        }
        if matches!(segment, Segment::User(_)) {
            first_user = Some(place);
        }
    }
    if let Some(reminders) = first_str(attributes, &["system_reminders"]) {
        remind(conversation, first_user, reminders);
    }
}

#[derive(Clone, Copy)]
enum Segment<'t> {
    User(&'t str),
    Result { id: &'t str, text: &'t str },
}

fn segments(context: &str) -> Vec<Segment<'_>> {
    let mut segments = Vec::new();
    let mut rest = context;
    loop {
        // A rule in the middle of a text is part of it.
        let end = rest
            .match_indices(RULE)
            .map(|(at, _)| at)
            .find(|at| [USER, RESULT].iter().any(|label| rest[at + RULE.len()..].starts_with(label)));
        segments.extend(segment(&rest[..end.unwrap_or(rest.len())]));
        match end {
            Some(end) => rest = &rest[end + RULE.len()..],
            None => return segments,
        }
    }
}

fn segment(text: &str) -> Option<Segment<'_>> {
    let body = |text: &'_ str| text.len() - text.strip_prefix('\n').unwrap_or(text).len();
    if let Some(text) = text.strip_prefix(USER) {
        return Some(Segment::User(&text[body(text)..]));
    }
    let (id, text) = text.strip_prefix(RESULT)?.split_once(']')?;
    Some(Segment::Result { id, text: &text[body(text)..] })
}

fn find_user(conversation: &[Message], text: &str) -> Option<usize> {
    let says = |part: &Part| matches!(part, Part::Text { content } if content.trim() == text.trim());
    conversation.iter().rposition(|message| message.role == "user" && message.parts.iter().any(says))
}

fn answers(message: &Message, id: &str) -> bool {
    message.parts.iter().any(|part| matches!(part, Part::ToolCallResponse { id: Some(of), .. } if of == id))
}

fn name_of(conversation: &[Message], id: &str) -> Option<String> {
    conversation.iter().rev().take(MAX_MESSAGES).flat_map(|message| &message.parts).find_map(|part| match part {
        Part::ToolCall { id: Some(of), name, .. } if of == id => Some(name.clone()),
        _ => None,
    })
}

fn user(text: &str) -> Message {
    let part = Part::Text { content: text.to_owned() };
    Message { role: "user".to_owned(), parts: vec![part], name: None, finish_reason: None }
}

/// Reminders come before the user's words, each in a tag of its own.
fn remind(conversation: &mut Vec<Message>, at: Option<usize>, reminders: &str) {
    let tagged = reminders.split(RULE).map(|text| Part::Text {
        content: format!("<system-reminder>\n{}\n</system-reminder>", text.trim_matches('\n')),
    });
    let parts: Vec<Part> = tagged.collect();
    if conversation.iter().any(|message| message.parts.starts_with(&parts)) {
        return;
    }
    match at.and_then(|at| conversation.get_mut(at)) {
        Some(message) => drop(message.parts.splice(..0, parts)),
        None => conversation.push(Message { parts, ..user("") }),
    }
}

#[cfg(test)]
mod tests;
