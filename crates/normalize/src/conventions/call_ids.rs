//! Ids of tool calls that one report of a conversation lacks and another has: instrumentations drop them when they flatten
//! messages, while the recorded body keeps them.

use std::collections::{HashMap, VecDeque};

use gleaner_model::{Message, Part, canonical_json};
use serde_json::Value;

/// Copies ids to calls and results that have none: where both reports tell of the same ones in the same order, else to calls
/// of the same name and arguments.
pub(super) fn add_missing_ids(own: &mut [Message], more: &[Message]) {
    let mut calls: Vec<(&mut Option<String>, &str, &Value)> = Vec::new();
    let mut results: Vec<&mut Option<String>> = Vec::new();
    for part in own.iter_mut().flat_map(|message| &mut message.parts) {
        match part {
            Part::ToolCall { id, name, arguments } => calls.push((id, name, arguments)),
            Part::ToolCallResponse { id, .. } => results.push(id),
            _ => {}
        }
    }
    let (mut known_calls, mut known_results) = (Vec::new(), Vec::new());
    for part in more.iter().flat_map(|message| &message.parts) {
        match part {
            Part::ToolCall { id, name, arguments } => known_calls.push((id, name.as_str(), arguments)),
            Part::ToolCallResponse { id, .. } => known_results.push(id),
            _ => {}
        }
    }
    let same_names = calls.iter().map(|(_, name, _)| *name).eq(known_calls.iter().map(|(_, name, _)| *name));
    if same_names {
        for ((id, ..), (known, ..)) in calls.into_iter().zip(known_calls).filter(|((id, ..), _)| id.is_none()) {
            id.clone_from(known);
        }
    } else if calls.iter().any(|(id, ..)| id.is_none()) {
        let mut by_content: HashMap<(&str, String), VecDeque<&Option<String>>> = HashMap::new();
        for (id, name, arguments) in known_calls {
            by_content.entry((name, canonical_json(arguments))).or_default().push_back(id);
        }
        for (id, name, arguments) in calls {
            let known = by_content.get_mut(&(name, canonical_json(arguments))).and_then(VecDeque::pop_front);
            if let (None, Some(known)) = (&id, known) {
                id.clone_from(known);
            }
        }
    }
    if same_names && results.len() == known_results.len() {
        for (id, known) in results.into_iter().zip(known_results).filter(|(id, _)| id.is_none()) {
            id.clone_from(known);
        }
    }
}

#[cfg(test)]
mod tests;
