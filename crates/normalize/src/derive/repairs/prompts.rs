//! Prompts of model calls that say only what they answered, where a span around them has the prompt of the first.
//!
//! Such a span was told of as a model call itself, and is a wrapper since several calls lie within it: its input is what
//! the first of them was given. Each further call was given what the one before was, with its answer and the results of the
//! tools it asked for.
//!
//! And prompts that leave out what happened since: OpenLIT and OpenTelemetry's first instrumentation of OpenAI's Agents SDK record
//! of a Responses call's input the messages alone, and every call of an agent then seems to be given the same. Where a call asked
//! for tools, all of them ran, and the next call of the same agent shows the very prompt of the one before, it was given that
//! with the answer and the results. (OpenLIT's calls need no agent's span around them.)

use std::collections::HashMap;

use gleaner_model::{Message, Part, Span, SpanKind};
use serde_json::Value;

use crate::derive::calls::Calls;
use crate::derive::note_source;
use crate::derive::tree::Tree;

/// Most messages that are copied within a trace: every call holds the whole conversation before it.
const MAX_MESSAGES: usize = 50_000;

/// Fills `input_messages`, and the system prompt with them. Tool calls must be joined.
pub(crate) fn rebuild_prompts(tree: &Tree<'_>, calls: &Calls, rows: &mut [Span]) {
    let is_wrapper = |place: usize| {
        let mapped = tree.nodes[place].mapped;
        mapped.kind == Some(SpanKind::Llm) && calls.kinds[place] != SpanKind::Llm && mapped.input_messages.is_some()
    };
    if !(0..rows.len()).any(is_wrapper) {
        return;
    }
    let wrapper_of = tree.nearest(is_wrapper);
    let results = tool_results(calls, rows);
    let mut conversations: HashMap<usize, Vec<Message>> = HashMap::new();
    let mut copied = 0;
    for place in 0..rows.len() {
        let is_call = calls.kinds[place] == SpanKind::Llm && calls.duplicate_of[place].is_none();
        let Some(wrapper) = wrapper_of[place].filter(|_| is_call) else { continue };
        let given = || tree.nodes[wrapper].mapped.input_messages.clone().unwrap_or_default();
        let conversation = conversations.entry(wrapper).or_insert_with(given);
        if let Some(own) = &rows[place].input_messages {
            conversation.clone_from(own);
        } else {
            copied += conversation.len();
            if copied > MAX_MESSAGES {
                return;
            }
            rows[place].input_messages = Some(conversation.clone());
            let mut filled = vec!["input_messages"];
            if rows[place].system_prompt.is_none() && rows[wrapper].system_prompt.is_some() {
                rows[place].system_prompt = rows[wrapper].system_prompt.clone();
                filled.push("system_prompt");
            }
            note_source(&mut rows[place], filled, &tree.nodes[wrapper].span().span_id);
        }
        for answer in rows[place].output_messages.iter().flatten() {
            conversation.push(Message { finish_reason: None, ..answer.clone() });
            conversation.extend(answers_to(answer, &results));
        }
    }
}

/// Completes prompts that repeat the one before.
pub(crate) fn complete_repeated_prompts(tree: &Tree<'_>, calls: &Calls, rows: &mut [Span]) {
    let is_call = |place: usize| calls.kinds[place] == SpanKind::Llm && calls.duplicate_of[place].is_none();
    let places: Vec<usize> = (0..rows.len()).filter(|place| is_call(*place)).collect();
    if places.len() < 2 {
        return;
    }
    let is_openlit = |place: usize| tree.nodes[place].span().scope.name.starts_with("openlit.");
    let agent_of = tree.nearest(|place| calls.kinds[place] == SpanKind::Agent);
    let are_of_one = |before: usize, place: usize| {
        is_openlit(before) && is_openlit(place) || agent_of[before].is_some() && agent_of[before] == agent_of[place]
    };
    let results = tool_results(calls, rows);
    let mut copied = 0;
    for pair in places.windows(2) {
        let (before, place) = (pair[0], pair[1]);
        let (earlier, later) = (tree.nodes[before].mapped, tree.nodes[place].mapped);
        let is_repeated = are_of_one(before, place)
            && earlier.input_messages.is_some()
            && earlier.input_messages == later.input_messages
            && earlier.system_prompt == later.system_prompt
            && rows[place].start_time_unix_nano >= rows[before].end_time_unix_nano;
        let Some([answer]) = rows[before].output_messages.as_deref().filter(|_| is_repeated) else { continue };
        let asked = answer.parts.iter().filter(|part| matches!(part, Part::ToolCall { .. })).count();
        let Some(told) = answers_to(answer, &results).filter(|told| told.parts.len() == asked) else { continue };
        let mut prompt = rows[before].input_messages.clone().unwrap_or_default();
        prompt.push(Message { finish_reason: None, ..answer.clone() });
        prompt.push(told);
        copied += prompt.len();
        if copied > MAX_MESSAGES {
            return;
        }
        rows[place].input_messages = Some(prompt);
        let origin = rows[before].span_id.clone();
        note_source(&mut rows[place], ["input_messages"], &origin);
    }
}

/// Name and result of every tool call by its id; of a failed one its error, which the model is told in some form.
fn tool_results(calls: &Calls, rows: &[Span]) -> HashMap<String, Value> {
    let tools = rows.iter().enumerate().filter(|(place, row)| {
        row.kind == SpanKind::Tool && calls.duplicate_of[*place].is_none() && row.tool_call_id.is_some()
    });
    tools
        .filter_map(|(_, row)| {
            let error = || row.error.clone().map(Value::String);
            Some((row.tool_call_id.clone()?, row.tool_result.clone().or_else(error)?))
        })
        .collect()
}

fn answers_to(answer: &Message, results: &HashMap<String, Value>) -> Option<Message> {
    let parts: Vec<Part> = answer
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::ToolCall { id: Some(id), name, .. } => Some(Part::ToolCallResponse {
                id: Some(id.clone()),
                name: Some(name.clone()),
                response: results.get(id)?.clone(),
            }),
            _ => None,
        })
        .collect();
    (!parts.is_empty()).then(|| Message { role: "tool".to_owned(), parts, name: None, finish_reason: None })
}

#[cfg(test)]
mod tests;
