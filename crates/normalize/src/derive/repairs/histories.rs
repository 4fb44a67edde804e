//! Answers that a later call's history leaves empty: some instrumentations drop the tool calls of earlier answers when they
//! record what a call was given, and leave an assistant's message without content.
//!
//! The call before, which was given the same messages up to that one, tells what it answered. Only within a trace.

use std::collections::HashMap;

use gleaner_model::{ContentHash, Message, Part, Span, SpanKind};
use serde_json::json;

use crate::derive::calls::Calls;
use crate::messages::pair_results;

/// Fills empty assistant messages of histories.
pub(crate) fn fill_empty_answers(calls: &Calls, rows: &mut [Span]) {
    let is_call = |place: usize| calls.kinds[place] == SpanKind::Llm && calls.duplicate_of[place].is_none();
    let has_gap = |row: &Span| row.input_messages.iter().flatten().any(is_empty_answer);
    let places: Vec<usize> = (0..rows.len()).filter(|place| is_call(*place)).collect();
    if !places.iter().any(|place| has_gap(&rows[*place])) {
        return;
    }
    let mut answers: HashMap<ContentHash, (Vec<Part>, String)> = HashMap::new();
    for place in places {
        let input = rows[place].input_messages.as_deref().unwrap_or_default();
        let mut filled: Vec<(usize, Vec<Part>, String)> = Vec::new();
        let mut given = start();
        for (index, message) in input.iter().enumerate() {
            if is_empty_answer(message)
                && let Some((parts, span_id)) = answers.get(&given)
            {
                filled.push((index, parts.clone(), span_id.clone()));
            }
            given = after(&given, message);
        }
        if let Some([answer]) = rows[place].output_messages.as_deref() {
            answers.insert(given, (answer.parts.clone(), rows[place].span_id.clone()));
        }
        let row = &mut rows[place];
        let Some(input) = row.input_messages.as_mut().filter(|_| !filled.is_empty()) else { continue };
        for (index, parts, span_id) in filled {
            input[index].parts = parts;
            row.source_keys.insert(format!("input_messages.{index}"), format!("span:{span_id}").into());
        }
        pair_results(input);
    }
}

fn is_empty_answer(message: &Message) -> bool {
    message.role == "assistant" && message.parts.is_empty()
}

/// The hash of no messages.
fn start() -> ContentHash {
    ContentHash::of_json(&json!([]))
}

/// The hash of some messages and one more.
fn after(given: &ContentHash, message: &Message) -> ContentHash {
    ContentHash::of_json(&json!([given.0, message.to_json()]))
}

#[cfg(test)]
mod tests;
