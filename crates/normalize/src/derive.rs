//! Everything that needs a whole trace: canonical spans, attempts, joins, duplicates, contents.
//!
//! [`derive_trace`] is a pure function of the *set* of spans and log records: their order never matters, so parents that
//! come late give the same result as all spans at once. It is linear in the number of spans and does not recurse.

use gleaner_model::{DerivedTrace, LogFragment, Span, SpanKind, reasoning_text};
use serde_json::Value;

use crate::attribution::attribute;
use crate::attribution::keys::KeyFinder;
use crate::conventions::add_missing_details;
use crate::derive::calls::{Calls, find_calls};
use crate::derive::tree::Tree;
use crate::mapped::{Mapped, MergedSpan};

mod agents_answer;
mod attempts;
mod calls;
mod continued;
pub(crate) mod definition;
mod documents;
mod errors;
mod facts;
#[cfg(test)]
pub(crate) mod fixtures;
mod hidden_calls;
mod histories;
mod prompts;
mod reasoning;
pub(crate) mod spans;
mod told_later;
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
    let spans = told_later::with_answers_told_later(hidden_calls::with_hidden_calls(spans));
    let tree = Tree::new(&spans);
    let calls = find_calls(&tree);
    let mut finder = KeyFinder::new(&tree);
    let attribution = attribute(project, trace_id, &tree, &calls.kinds, &mut finder);

    let mut rows: Vec<Span> =
        tree.nodes.iter().zip(&calls.kinds).map(|(node, kind)| spans::canonical_span(node, *kind)).collect();
    for (place, row) in rows.iter_mut().enumerate() {
        row.attempt_id = attribution.attempt_of[place].map(|attempt| attribution.attempts[attempt].attempt_id.clone());
        row.duplicate_of = calls.duplicate_of[place].map(|richest| tree.nodes[richest].span().span_id.clone());
    }
    fill_from_duplicates(&tree, &mut rows, &calls);
    let call_ids = continued::link_continued_calls(&tree, &calls, &mut rows);
    tools::join_tool_calls(&tree, &calls, &attribution, &mut rows);
    call_ids.apply(&mut rows);
    prompts::rebuild_prompts(&tree, &calls, &mut rows);
    reasoning::fill_reasoning(&calls, &mut rows);
    errors::clear_copied_errors(&mut rows);
    histories::fill_empty_answers(&calls, &mut rows);
    agents_answer::fill_from_agents(&tree, &calls, &mut rows);

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

/// What the richest report of a call does not say, a poorer one may: usage, where the richest is told of by a framework that
/// records content only, for instance. Field by field, from the earliest duplicate that has it.
fn fill_from_duplicates(tree: &Tree<'_>, rows: &mut [Span], calls: &Calls) {
    for (place, richest) in calls.duplicate_of.iter().enumerate() {
        let Some(richest) = *richest else { continue };
        let other = rows[place].clone();
        let row = &mut rows[richest];
        let mut filled: Vec<&'static str> = Vec::new();
        // A record of how the call ended began when the call did.
        if tree.nodes[richest].mapped.is_late_record {
            row.start_time_unix_nano = row.start_time_unix_nano.min(other.start_time_unix_nano);
            filled.push("start_time_unix_nano");
        }
        // Instrumentations add up what a stream reports in pieces; the provider's own client reads the sum.
        let is_own = |span: &Span| span.scope_name.starts_with("com.anthropic.sdk.");
        if is_own(&other) && !is_own(row) && other.input_tokens.is_some() && other.output_tokens.is_some() {
            (row.input_tokens, row.output_tokens) = (None, None);
        }
        fn fill<T>(filled: &mut Vec<&'static str>, name: &'static str, to: &mut Option<T>, from: Option<T>) {
            if to.is_none() && from.is_some() {
                filled.push(name);
                *to = from;
            }
        }
        // Some conventions write the answering model where the requested one belongs: two reports tell.
        let answering = row.response_model.as_ref().or(other.response_model.as_ref());
        if row.model.as_ref() == answering && other.model.is_some() && other.model.as_ref() != answering {
            row.model = None;
        }
        fill(&mut filled, "provider", &mut row.provider, other.provider);
        fill(&mut filled, "model", &mut row.model, other.model);
        fill(&mut filled, "response_model", &mut row.response_model, other.response_model);
        fill(&mut filled, "response_id", &mut row.response_id, other.response_id);
        fill(&mut filled, "previous_response_id", &mut row.previous_response_id, other.previous_response_id);
        fill(&mut filled, "system_prompt", &mut row.system_prompt, other.system_prompt);
        fill(&mut filled, "tool_definitions", &mut row.tool_definitions, other.tool_definitions);
        fill(&mut filled, "tool_call_id", &mut row.tool_call_id, other.tool_call_id);
        fill(&mut filled, "tool_arguments", &mut row.tool_arguments, other.tool_arguments);
        fill(&mut filled, "tool_result", &mut row.tool_result, other.tool_result);
        fill(&mut filled, "finish_reason", &mut row.finish_reason, other.finish_reason);
        fill(&mut filled, "parameters", &mut row.parameters, other.parameters);
        fill(&mut filled, "input_tokens", &mut row.input_tokens, other.input_tokens);
        fill(&mut filled, "output_tokens", &mut row.output_tokens, other.output_tokens);
        fill(&mut filled, "cached_tokens", &mut row.cached_tokens, other.cached_tokens);
        fill(&mut filled, "reasoning_tokens", &mut row.reasoning_tokens, other.reasoning_tokens);
        fill(&mut filled, "cost_usd", &mut row.cost_usd, other.cost_usd);
        if let Some([answer]) = row.output_messages.as_deref_mut() {
            answer.finish_reason.clone_from(&row.finish_reason);
        }
        // Where nothing was answered, a report that tells of a failure is believed.
        if row.output_messages.is_none() && row.error.is_none() && other.error.is_some() {
            row.status.clone_from(&other.status);
            fill(&mut filled, "error", &mut row.error, other.error);
        }
        if let (Some(output), Some(more)) = (&mut row.output_messages, &other.output_messages)
            && row.kind == SpanKind::Llm
        {
            let before = output.clone();
            add_missing_details(output, more);
            if *output != before {
                row.reasoning_text = reasoning_text(output);
                filled.push("output_messages");
            }
        }
        note_source(row, filled, &other.span_id);
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
