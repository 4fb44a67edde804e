//! Reasoning that a call's own span lacks and the next call's prompt has.
//!
//! Some libraries do not record what a model thought before it asked for a tool, but providers want it back with the
//! results: it stands in the history that the next call was given (the AI SDK until its version 5, for instance).

use std::collections::{HashMap, HashSet};

use gleaner_model::{Part, Span, SpanKind, reasoning_text};

use crate::derive::calls::Calls;
use crate::derive::note_source;

/// Adds reasoning to answers that asked for tools. The message in the history is known by its tool call.
pub(crate) fn fill_reasoning(calls: &Calls, rows: &mut [Span]) {
    let is_call = |place: &usize| calls.kinds[*place] == SpanKind::Llm && calls.duplicate_of[*place].is_none();
    let mut found: Vec<(usize, usize, Vec<Part>)> = Vec::new();
    let mut settled: HashSet<usize> = HashSet::new();
    let mut asked: HashMap<&str, (usize, &Part)> = HashMap::new();
    for place in (0..rows.len()).filter(is_call) {
        for message in rows[place].input_messages.iter().flatten().filter(|message| message.role == "assistant") {
            let answered = message.parts.iter().find_map(|part| {
                let (model_span, call) = asked.get(id(part)?)?;
                (*call == part).then_some(*model_span)
            });
            // Every later prompt repeats it.
            let Some(model_span) = answered.filter(|span| settled.insert(*span)) else { continue };
            let thought: Vec<Part> = message.parts.iter().filter(|part| is_reasoning(part)).cloned().collect();
            if !thought.is_empty() {
                found.push((model_span, place, thought));
            }
        }
        let parts = || rows[place].output_messages.iter().flatten().flat_map(|message| &message.parts);
        if !parts().any(is_reasoning) {
            asked.extend(parts().filter_map(|part| Some((id(part)?, (place, part)))));
        }
    }
    for (model_span, told_by, thought) in found {
        let origin = rows[told_by].span_id.clone();
        let row = &mut rows[model_span];
        let Some([answer]) = row.output_messages.as_deref_mut() else { continue };
        answer.parts.splice(0..0, thought);
        row.reasoning_text = row.output_messages.as_deref().and_then(reasoning_text);
        note_source(row, ["reasoning_text"], &origin);
    }
}

fn is_reasoning(part: &Part) -> bool {
    matches!(part, Part::Reasoning { .. })
}

/// The id of a tool call.
fn id(part: &Part) -> Option<&str> {
    match part {
        Part::ToolCall { id, .. } => id.as_deref(),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
