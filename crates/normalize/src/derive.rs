//! Everything that needs a whole trace: canonical spans, attempts, joins, duplicates, contents.
//!
//! [`derive_trace`] is a pure function of the *set* of spans and log records: their order never matters, so parents that
//! come late give the same result as all spans at once. It is linear in the number of spans and does not recurse.

use std::collections::HashSet;

use gleaner_model::{DerivedTrace, LogFragment, Span, SpanKind};
use serde_json::Value;

use crate::attribution::attribute;
use crate::attribution::keys::KeyFinder;
use crate::derive::calls::find_calls;
use crate::derive::tree::Tree;
use crate::mapped::{Mapped, MergedSpan};
use crate::shared_calls::answer_key;

mod attempts;
pub(crate) mod calls;
pub(crate) mod definition;
mod documents;
mod facts;
#[cfg(test)]
pub(crate) mod fixtures;
pub(crate) mod repairs;
pub(crate) mod spans;
mod tools;
pub(crate) mod tree;

/// Derives everything from one trace.
///
/// `spans` holds every span of the trace once, merged and mapped; `loose_logs` the log records that found no span. Any order.
/// `recorded_at_unix_nano` is when the newest of them reached the journal.
pub fn derive_trace(
    project: &str,
    trace_id: &str,
    recorded_at_unix_nano: u64,
    spans: &[(MergedSpan, Mapped)],
    loose_logs: &[LogFragment],
) -> DerivedTrace {
    derive_beside(project, trace_id, recorded_at_unix_nano, spans, loose_logs, &HashSet::new())
}

/// As [`derive_trace`], with the span ids of calls that count in another trace (see [`crate::shared_calls`]): they count in none
/// of this one's attempts, and a run with no other calls is no attempt.
pub(crate) fn derive_beside(
    project: &str,
    trace_id: &str,
    recorded_at_unix_nano: u64,
    spans: &[(MergedSpan, Mapped)],
    loose_logs: &[LogFragment],
    told_elsewhere: &HashSet<String>,
) -> DerivedTrace {
    let spans = repairs::whole_answers(spans);
    let tree = Tree::new(&spans);
    let calls = find_calls(&tree);
    let is_told_elsewhere = |place: usize| told_elsewhere.contains(&tree.nodes[place].span().span_id);
    // The request of a streamed call whose end began a trace of its own, which counts it.
    let is_announced = |place: usize| tree.nodes[place].mapped.awaits_record && calls.kinds[place] == SpanKind::Chain;
    let only_repeats = |places: &[usize]| {
        let counts = |place: usize| calls.kinds[place] == SpanKind::Llm && calls.duplicate_of[place].is_none();
        let is_announcement = || places.iter().all(|place| is_announced(*place));
        places.iter().any(|place| is_told_elsewhere(*place))
            && places.iter().all(|place| !counts(*place) || is_told_elsewhere(*place))
            || !places.is_empty() && is_announcement()
    };
    let mut finder = KeyFinder::new(&tree);
    let attribution = attribute(project, trace_id, &tree, &calls.kinds, &mut finder, &only_repeats);

    let mut rows: Vec<Span> =
        tree.nodes.iter().zip(&calls.kinds).map(|(node, kind)| spans::canonical_span(node, *kind)).collect();
    for (place, row) in rows.iter_mut().enumerate() {
        row.attempt_id = attribution.attempt_of[place].map(|attempt| attribution.attempts[attempt].attempt_id.clone());
        row.duplicate_of = calls.duplicate_of[place].map(|richest| tree.nodes[richest].span().span_id.clone());
    }
    repairs::whole_rows(&tree, &calls, &attribution, &mut rows);
    for (place, row) in rows.iter_mut().enumerate() {
        if is_told_elsewhere(place) {
            // By which report is known when the other trace is derived.
            row.duplicate_of = Some(String::new());
        }
        if row.kind == SpanKind::Llm {
            row.answer_key = answer_key(row.input_messages.as_deref(), row.output_messages.as_deref());
        }
    }

    let attempts = attempts::attempt_parts(project, trace_id, &tree, &attribution, &mut finder, &rows);
    DerivedTrace {
        project: project.to_owned(),
        trace_id: trace_id.to_owned(),
        recorded_at_unix_nano,
        session_facts: facts::session_facts(&tree, &attribution, &mut finder),
        contents: facts::contents(&rows, &attempts),
        unmapped: facts::unmapped(&tree, &attribution.invalid, loose_logs),
        spans: rows,
        attempts,
    }
}

/// Records that fields were read from another span.
fn note_source(row: &mut Span, fields: impl IntoIterator<Item = &'static str>, span_id: &str) {
    for field in fields {
        row.source_keys.insert(field.to_owned(), Value::String(format!("span:{span_id}")));
    }
}

#[cfg(test)]
mod tests;
