//! Calls that go on from an earlier response without saying so.
//!
//! OpenAI's Responses API keeps the history; a call then sends its new messages and the id of the response before it. Some
//! instrumentations do not record that id. It can be told where the new messages are results of tools: a provider accepts a
//! result only with the call that it answers, so an input that begins with results of calls which it does not hold goes on
//! from the response that asked for them. A new question alone tells nothing. Where that response's own id was not recorded
//! either, what was said before is put in front of the new messages.
//!
//! Microsoft's Agent Framework names the response that a whole run goes on from, on the agent's span: its first call does.
//!
//! That API has two ids for a call: the item's (`fc_…`) and the call's own, which the result names. Where the response was
//! recorded with the former, it is the call before that asked for as many tools and got no results yet; its calls take the
//! ids that the results have.

use std::collections::{HashMap, HashSet};

use gleaner_model::{Message, Part, Span, SpanKind};

use crate::derive::calls::Calls;
use crate::derive::note_source;
use crate::derive::tree::Tree;

/// Most messages that are copied within a trace: every call holds the whole conversation before it.
const MAX_MESSAGES: usize = 50_000;

/// Ids of items to those of the calls that they are.
#[derive(Default)]
pub(crate) struct CallIds(HashMap<String, String>);

impl CallIds {
    /// Gives tool spans the ids of the calls that they were joined with.
    pub(crate) fn apply(&self, rows: &mut [Span]) {
        for id in rows.iter_mut().filter_map(|row| row.tool_call_id.as_mut()) {
            if let Some(call) = self.0.get(id) {
                id.clone_from(call);
            }
        }
    }
}

/// Fills `previous_response_id` where the trace tells it, and tells which ids calls took with it.
pub(crate) fn link_continued_calls(tree: &Tree<'_>, calls: &Calls, rows: &mut [Span]) -> CallIds {
    let mut renamed = CallIds::default();
    let is_call = |place: usize| calls.kinds[place] == SpanKind::Llm && calls.duplicate_of[place].is_none();
    let response_ids: Vec<Option<String>> =
        (0..rows.len()).map(|place| rows[place].response_id.clone().filter(|_| is_call(place))).collect();
    // A server that numbers all answers alike names none.
    let mut answers: HashMap<&str, u32> = HashMap::new();
    for id in response_ids.iter().flatten() {
        *answers.entry(id).or_default() += 1;
    }
    continue_runs(tree, calls, rows, &answers);
    let mut asked_in: HashMap<&str, usize> = HashMap::new();
    let mut by_item: Option<(usize, usize)> = None;
    let mut copied = 0;
    for (place, node) in tree.nodes.iter().enumerate().filter(|(place, _)| is_call(*place)) {
        let input = node.mapped.input_messages.as_deref().unwrap_or_default();
        let answered = orphaned_results(input);
        let mut previous = answered.as_ref().and_then(|ids| {
            let mut places = ids.iter().map(|id| asked_in.get(id).copied());
            let first = places.next()??;
            // Results of several responses together are no single step.
            places.all(|other| other == Some(first)).then_some(first)
        });
        if let (None, Some(ids), Some((asking, count))) = (previous, &answered, by_item)
            && ids.len() == count
            && !ids.iter().any(|id| asked_in.contains_key(id))
        {
            previous = Some(asking);
            take_ids(&mut rows[asking], ids, &mut renamed);
        }
        by_item = calls_by_item(node.mapped.output_messages.as_deref()).map(|count| (place, count));
        let response_id =
            previous.and_then(|earlier| response_ids[earlier].as_deref()).filter(|id| answers.get(id) == Some(&1));
        if let Some(earlier) = previous.filter(|_| rows[place].previous_response_id.is_none()) {
            let origin = &tree.nodes[earlier].span().span_id;
            match response_id {
                Some(response_id) => {
                    rows[place].previous_response_id = Some(response_id.to_owned());
                    note_source(&mut rows[place], ["previous_response_id"], origin);
                }
                None => {
                    let history = history_of(&rows[earlier]);
                    copied += history.len();
                    if copied <= MAX_MESSAGES {
                        rows[place].input_messages.get_or_insert_default().splice(0..0, history);
                        note_source(&mut rows[place], ["input_messages"], origin);
                    }
                }
            }
        }
        for part in node.mapped.output_messages.iter().flatten().flat_map(|message| &message.parts) {
            if let Part::ToolCall { id: Some(id), .. } = part {
                asked_in.insert(id, place);
            }
        }
    }
    renamed
}

/// Gives the first call of an agent's run the response that the run goes on from, unless that is one of this trace's.
fn continue_runs(tree: &Tree<'_>, calls: &Calls, rows: &mut [Span], answers: &HashMap<&str, u32>) {
    let goes_on_from = |place: usize| {
        let id = tree.nodes[place].mapped.previous_response_id.as_deref();
        id.filter(|id| calls.kinds[place] == SpanKind::Agent && !answers.contains_key(id))
    };
    if !(0..rows.len()).any(|place| goes_on_from(place).is_some()) {
        return;
    }
    let agent_of = tree.nearest(|place| calls.kinds[place] == SpanKind::Agent);
    let mut begun: HashSet<usize> = HashSet::new();
    for place in 0..rows.len() {
        let is_call = calls.kinds[place] == SpanKind::Llm && calls.duplicate_of[place].is_none();
        let Some(agent) = agent_of[place].filter(|agent| is_call && begun.insert(*agent)) else { continue };
        let holds_history = rows[place].input_messages.iter().flatten().any(|message| message.role == "assistant");
        if let Some(id) = goes_on_from(agent).filter(|_| rows[place].previous_response_id.is_none() && !holds_history) {
            rows[place].previous_response_id = Some(id.to_owned());
            note_source(&mut rows[place], ["previous_response_id"], &tree.nodes[agent].span().span_id);
        }
    }
}

/// What a call was given, and what it answered.
fn history_of(row: &Span) -> Vec<Message> {
    let given = row.input_messages.iter().flatten().cloned();
    let answered = row.output_messages.iter().flatten();
    given.chain(answered.map(|answer| Message { finish_reason: None, ..answer.clone() })).collect()
}

/// How many tools an answer asked for, where all are named by the ids of items.
fn calls_by_item(output: Option<&[Message]>) -> Option<usize> {
    let mut asked = output?.iter().flat_map(|message| &message.parts).filter_map(|part| match part {
        Part::ToolCall { id, .. } => Some(id.as_deref().is_some_and(|id| id.starts_with("fc_"))),
        _ => None,
    });
    asked.try_fold(0, |count, is_item| is_item.then_some(count + 1)).filter(|count| *count > 0)
}

fn take_ids(asking: &mut Span, ids: &[&str], renamed: &mut CallIds) {
    let parts = asking.output_messages.iter_mut().flatten().flat_map(|message| &mut message.parts);
    let calls = parts.filter_map(|part| if let Part::ToolCall { id, .. } = part { Some(id) } else { None });
    for (call, id) in calls.zip(ids) {
        if let Some(item) = call.replace((*id).to_owned()) {
            renamed.0.insert(item, (*id).to_owned());
        }
    }
}

/// The calls that the first messages answer, where none of them stands in the input. An input that holds anything the
/// model said, or a question before the results, is a history of its own.
fn orphaned_results(input: &[Message]) -> Option<Vec<&str>> {
    let first = input.first()?;
    if first.role != "tool" || input.iter().any(|message| message.role == "assistant") {
        return None;
    }
    let results = input.iter().take_while(|message| message.role == "tool").flat_map(|message| &message.parts);
    let ids: Option<Vec<&str>> = results
        .map(|part| match part {
            Part::ToolCallResponse { id, .. } => id.as_deref().filter(|id| !id.is_empty()),
            _ => None,
        })
        .collect();
    ids.filter(|ids| !ids.is_empty())
}

#[cfg(test)]
mod tests;
