//! Ids of tool calls that one report of a conversation lacks and another has: instrumentations drop them when they flatten
//! messages, while the recorded body keeps them.

use gleaner_model::{Message, Part};

/// Copies ids to calls and results that have none, where both reports tell of the same ones in the same order.
pub(super) fn add_missing_ids(own: &mut [Message], more: &[Message]) {
    let mut calls: Vec<(&mut Option<String>, &str)> = Vec::new();
    let mut results: Vec<&mut Option<String>> = Vec::new();
    for part in own.iter_mut().flat_map(|message| &mut message.parts) {
        match part {
            Part::ToolCall { id, name, .. } => calls.push((id, name)),
            Part::ToolCallResponse { id, .. } => results.push(id),
            _ => {}
        }
    }
    let (mut known_calls, mut known_results) = (Vec::new(), Vec::new());
    for part in more.iter().flat_map(|message| &message.parts) {
        match part {
            Part::ToolCall { id, name, .. } => known_calls.push((id, name.as_str())),
            Part::ToolCallResponse { id, .. } => known_results.push(id),
            _ => {}
        }
    }
    let same_names = calls.iter().map(|(_, name)| *name).eq(known_calls.iter().map(|(_, name)| *name));
    if same_names {
        for ((id, _), (known, _)) in calls.into_iter().zip(known_calls).filter(|((id, _), _)| id.is_none()) {
            id.clone_from(known);
        }
    }
    if results.len() == known_results.len() {
        for (id, known) in results.into_iter().zip(known_results).filter(|(id, _)| id.is_none()) {
            id.clone_from(known);
        }
    }
}

#[cfg(test)]
mod tests;
