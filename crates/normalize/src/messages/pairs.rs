//! Tool results and the calls that they answer, where a library writes different ids on them, or none.
//!
//! OpenAI's Responses API has two ids for a call: the item's (`fc_…`) and the call's, which the result names. Some libraries
//! record the former on the call; others leave the id of a result out.

use std::collections::HashSet;

use gleaner_model::{Message, Part};

/// Gives the results right after an answer with tool calls and those calls the same ids, in order. Only where as many of
/// the one as of the other have no counterpart anywhere in the conversation.
pub(crate) fn pair_results(messages: &mut [Message]) {
    let mut calls: HashSet<String> = HashSet::new();
    let mut results: HashSet<String> = HashSet::new();
    for part in messages.iter().flat_map(|message| &message.parts) {
        match part {
            Part::ToolCall { id: Some(id), .. } => calls.insert(id.clone()),
            Part::ToolCallResponse { id: Some(id), .. } => results.insert(id.clone()),
            _ => continue,
        };
    }
    let mut rest = messages;
    while let Some((asking, after)) = rest.split_first_mut() {
        let answers = after.iter().take_while(|message| message.role == "tool").count();
        let (answering, next) = after.split_at_mut(answers);
        pair(asking, answering, &calls, &results);
        rest = next;
    }
}

fn pair(asking: &mut Message, answering: &mut [Message], calls: &HashSet<String>, results: &HashSet<String>) {
    let open_calls: Vec<&mut Option<String>> = asking
        .parts
        .iter_mut()
        .filter_map(|part| match part {
            Part::ToolCall { id, .. } if id.as_ref().is_none_or(|id| !results.contains(id)) => Some(id),
            _ => None,
        })
        .collect();
    let open_results: Vec<&mut Option<String>> = answering
        .iter_mut()
        .flat_map(|message| &mut message.parts)
        .filter_map(|part| match part {
            Part::ToolCallResponse { id, .. } if id.as_ref().is_none_or(|id| !calls.contains(id)) => Some(id),
            _ => None,
        })
        .collect();
    if open_calls.len() != open_results.len() {
        return;
    }
    for (call, result) in open_calls.into_iter().zip(open_results) {
        match (call.as_deref(), result.as_deref()) {
            (Some(_), None) => result.clone_from(call),
            (None, Some(_)) => call.clone_from(result),
            (Some(item), Some(_)) if item.starts_with("fc_") => call.clone_from(result),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
