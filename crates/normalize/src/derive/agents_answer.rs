//! Answers that only the agent records: some libraries write a call's prompt and usage on its span, and what it answered on the
//! agent's.
//!
//! The agent's output is the answer of its last call, where that call shows no answer of its own and did not end to call a tool.

use std::collections::HashMap;

use gleaner_model::{Message, Part, Span, SpanKind};

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
    for place in (0..rows.len()).filter(|place| is_call(*place)) {
        if let Some(agent) = agent_of[place] {
            last_of.insert(agent, place);
        }
    }
    for (agent, place) in last_of {
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
