//! System prompts that only the agent's span tells (Strands before its version 1): all of its model calls were given them.
//!
//! Presumed of no call whose instrumentation tells the system prompts of calls: where one within the agent has its own, the
//! others have none.

use std::collections::HashSet;

use gleaner_model::{Span, SpanKind};

use crate::derive::calls::Calls;
use crate::derive::note_source;
use crate::derive::tree::Tree;

/// Fills `system_prompt` of calls whose messages are known.
pub(crate) fn fill_from_agents(tree: &Tree<'_>, calls: &Calls, rows: &mut [Span]) {
    let is_call = |place: usize| calls.kinds[place] == SpanKind::Llm && calls.duplicate_of[place].is_none();
    let instructs = |place: usize| calls.kinds[place] == SpanKind::Agent && rows[place].system_prompt.is_some();
    if !(0..rows.len()).any(instructs) {
        return;
    }
    let agent_of = tree.nearest(|place| calls.kinds[place] == SpanKind::Agent);
    let tells = |row: &Span| {
        row.system_prompt.is_some() || row.input_messages.iter().flatten().any(|message| message.role == "system")
    };
    let telling: HashSet<usize> = (0..rows.len())
        .filter(|place| is_call(*place) && tells(&rows[*place]))
        .filter_map(|place| agent_of[place])
        .collect();
    for place in (0..rows.len()).filter(|place| is_call(*place)) {
        let Some(agent) = agent_of[place].filter(|agent| !telling.contains(agent)) else { continue };
        let is_its = rows[agent].scope_name == rows[place].scope_name && rows[place].input_messages.is_some();
        let Some(prompt) = rows[agent].system_prompt.clone().filter(|_| is_its) else { continue };
        let agent_id = rows[agent].span_id.clone();
        rows[place].system_prompt = Some(prompt);
        note_source(&mut rows[place], ["system_prompt"], &agent_id);
    }
}

#[cfg(test)]
mod tests;
