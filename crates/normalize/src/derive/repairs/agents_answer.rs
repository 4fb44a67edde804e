//! Answers that only the agent records: some libraries write a call's prompt and usage on its span, and what it answered on the
//! agent's.
//!
//! The agent's output is presumed to be the answer of its last call, where that call shows no answer of its own, did not end
//! to call a tool, and nothing ran in the agent after it that could have changed the answer. An agent that rewrites its answer
//! in code of its own cannot be told apart: so the field is listed in `source_keys.presumed`.

use std::collections::HashMap;

use gleaner_model::{Message, Part, Span, SpanKind};
use serde_json::json;

use crate::derive::calls::Calls;
use crate::derive::note_source;
use crate::derive::tree::Tree;

/// Fills `output_messages` and `output_text` of such calls.
pub(crate) fn fill_from_agents(tree: &Tree<'_>, calls: &Calls, rows: &mut [Span]) {
    let is_call = |place: usize| calls.kinds[place] == SpanKind::Llm && calls.duplicate_of[place].is_none();
    if !(0..rows.len()).any(|place| is_call(place) && lacks_answer(&rows[place])) {
        return;
    }
    let agent_of = tree.nearest(|place| calls.kinds[place] == SpanKind::Agent);
    let mut last_of: HashMap<usize, usize> = HashMap::new();
    let mut last_start: HashMap<usize, u64> = HashMap::new();
    for place in 0..rows.len() {
        let Some(agent) = agent_of[place] else { continue };
        // A second report of the call is no step of its own.
        if calls.duplicate_of[place].is_none() {
            let latest = last_start.entry(agent).or_default();
            *latest = rows[place].start_time_unix_nano.max(*latest);
        }
        if is_call(place) {
            last_of.insert(agent, place);
        }
    }
    let ends_agent = |agent: usize, place: usize, rows: &[Span]| {
        last_start.get(&agent).is_none_or(|start| *start <= rows[place].end_time_unix_nano)
    };
    for (agent, place) in last_of {
        if !ends_agent(agent, place, rows) {
            continue;
        }
        let Some(text) = rows[agent].output_text.clone().filter(|_| lacks_answer(&rows[place])) else { continue };
        let agent_id = rows[agent].span_id.clone();
        let row = &mut rows[place];
        row.output_messages = Some(vec![Message {
            role: "assistant".to_owned(),
            parts: vec![Part::Text { content: text.clone() }],
            name: None,
            finish_reason: row.finish_reason.clone(),
        }]);
        row.output_text = Some(text);
        note_source(row, ["output_messages"], &agent_id);
        row.source_keys.insert("presumed".to_owned(), json!(["output_messages"]));
    }
}

fn lacks_answer(row: &Span) -> bool {
    row.output_messages.is_none()
        && row.status != "error"
        && row.input_messages.is_some()
        && row.finish_reason.as_deref() != Some("tool_call")
}

#[cfg(test)]
mod tests;
