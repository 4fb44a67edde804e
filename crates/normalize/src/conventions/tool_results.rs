//! Results of tools that one reading of a prompt lacks and another has: flattened keys hold one result a message, and providers
//! take the results of parallel calls in one. And what they hold nothing of: messages whose content is of a kind that an
//! instrumentation does not know.

use std::collections::{HashMap, HashSet};

use gleaner_model::{Message, Part};

/// Adds results whose calls stand in the prompt, right behind the call's message and in the order of the other reading.
pub(super) fn add_missing_results(input: &mut Vec<Message>, more: &[Message]) {
    let mut asked_in: HashMap<&str, usize> = HashMap::new();
    let mut answered: HashSet<&str> = HashSet::new();
    for (place, message) in input.iter().enumerate() {
        for part in &message.parts {
            match part {
                Part::ToolCall { id: Some(id), .. } => _ = asked_in.insert(id, place),
                Part::ToolCallResponse { id: Some(id), .. } => _ = answered.insert(id),
                _ => {}
            }
        }
    }
    let mut missing: HashMap<usize, Vec<Part>> = HashMap::new();
    for part in more.iter().flat_map(|message| &message.parts) {
        if let Part::ToolCallResponse { id: Some(id), .. } = part
            && let Some(place) = asked_in.get(id.as_str()).filter(|_| answered.insert(id))
        {
            missing.entry(*place).or_default().push(part.clone());
        }
    }
    if missing.is_empty() {
        return;
    }
    let mut whole: Vec<Message> = Vec::with_capacity(input.len() + missing.len());
    let mut results: Option<Vec<Part>> = None;
    for (place, mut message) in std::mem::take(input).into_iter().enumerate() {
        if let Some(parts) = results.take() {
            match message.role.as_str() {
                "tool" => _ = message.parts.splice(0..0, parts),
                _ => whole.push(tool_message(parts)),
            }
        }
        whole.push(message);
        results = missing.remove(&place);
    }
    whole.extend(results.map(tool_message));
    *input = whole;
}

/// Fills messages without any content, where both readings have the same messages.
pub(super) fn add_missing_contents(input: &mut [Message], more: &[Message]) {
    let is_same = input.len() == more.len() && input.iter().zip(more).all(|(a, b)| a.role == b.role);
    if is_same {
        for (message, other) in input.iter_mut().zip(more).filter(|(message, _)| message.parts.is_empty()) {
            message.parts.clone_from(&other.parts);
        }
    }
}

fn tool_message(parts: Vec<Part>) -> Message {
    Message { role: "tool".to_owned(), parts, name: None, finish_reason: None }
}

#[cfg(test)]
mod tests;
