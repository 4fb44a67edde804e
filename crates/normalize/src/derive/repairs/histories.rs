//! Answers that a later call's history leaves empty, or without their tool calls: some instrumentations drop the calls of
//! earlier answers when they record what a call was given, and leave of an assistant's message its text, or nothing.
//!
//! The call before, which was given the same messages up to that one, tells what it answered. Only within a trace.

use std::collections::HashMap;

use gleaner_model::{ContentHash, Message, Part, Span, SpanKind};
use serde_json::json;

use crate::derive::calls::Calls;
use crate::messages::pair_results;

/// Fills assistant messages of histories that are empty, or that results follow to which they made no call.
pub(crate) fn fill_empty_answers(calls: &Calls, rows: &mut [Span]) {
    let is_call = |place: usize| calls.kinds[place] == SpanKind::Llm && calls.duplicate_of[place].is_none();
    let has_gap = |row: &Span| {
        let input = row.input_messages.as_deref().unwrap_or_default();
        (0..input.len()).any(|index| is_gap(&input[index..]))
    };
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
            if is_gap(&input[index..])
                && let Some((parts, span_id)) = answers.get(&given)
                && has_no_more_text(message, parts)
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

/// Whether the first of these messages is an answer of which the rest of the conversation knows more.
fn is_gap(messages: &[Message]) -> bool {
    let [answer, after @ ..] = messages else { return false };
    let asks = answer.parts.iter().any(|part| matches!(part, Part::ToolCall { .. }));
    let is_answered = after.first().is_some_and(|message| message.role == "tool");
    answer.role == "assistant" && (answer.parts.is_empty() || is_answered && !asks)
}

/// Whether the answer says no other text than the message that is left of it.
fn has_no_more_text(left: &Message, answer: &[Part]) -> bool {
    let text_of = |parts: &[Part]| {
        let texts = parts.iter().filter_map(|part| match part {
            Part::Text { content } => Some(content.trim()),
            _ => None,
        });
        texts.collect::<Vec<_>>().join("\n")
    };
    left.parts.is_empty() || text_of(&left.parts) == text_of(answer)
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
