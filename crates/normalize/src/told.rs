//! Model calls and tool executions that have no span of their own: a library records one span for an agent's whole run, and
//! the messages in it tell what the run was made of.
//!
//! Each becomes a span below the one that tells of it, with a derived id and a slice of its time (between the tools that ran, where
//! these have spans), in the order in which they happened. Where the trace has real spans of that kind nothing is added: they know more. Below a model call that
//! tells of the calls before it, only spans below it count.

use std::collections::{HashMap, HashSet};

mod tools;

use gleaner_model::{SpanFragment, SpanKind, derive_id};

use serde_json::Value;
pub(crate) use tools::add_told_tools;

use crate::conventions;
use crate::conventions::agent_runs::{Tool, is_run, times_of_tools, told_by_run};
use crate::conventions::automatic_functions::{is_told_by_functions, told_by_functions};
use crate::mapped::{Mapped, MergedSpan};

/// How many of a span's calls, counted from the last, are told with all that they were given. Every call repeats the history
/// before it: without a bound, a long run would be copied as often as it has calls.
pub(crate) const MAX_HISTORIES: usize = 32;

/// Adds to the spans of a trace those that others only tell of.
pub(crate) fn add_told_spans(spans: &mut Vec<(MergedSpan, Mapped)>) {
    let mut told: Vec<Vec<Mapped>> = spans.iter().map(|(teller, _)| conventions::told(teller)).collect();
    add_told_by_functions(spans, &mut told);
    let mut times = add_told_by_runs(spans, &mut told);
    add_times_of_tools(spans, &told, &mut times);
    if told.iter().all(Vec::is_empty) {
        return;
    }
    let has = |kind: SpanKind| spans.iter().any(|(_, mapped)| mapped.kind == Some(kind));
    let (has_llm, has_tool) = (has(SpanKind::Llm), has(SpanKind::Tool));
    let above = |kind: SpanKind| -> HashSet<&str> {
        let of_kind = spans.iter().filter(|(_, mapped)| mapped.kind == Some(kind));
        of_kind.filter_map(|(merged, _)| merged.span.parent_span_id.as_deref()).collect()
    };
    let (above_llm, above_tool) = (above(SpanKind::Llm), above(SpanKind::Tool));
    let mut added = Vec::new();
    for (place, ((teller, said), mut told)) in spans.iter().zip(told).enumerate() {
        // A call that tells of its predecessors has others beside it.
        let id = teller.span.span_id.as_str();
        let (has_llm, has_tool) = match said.kind {
            Some(SpanKind::Llm) => (above_llm.contains(id), above_tool.contains(id)),
            _ => (has_llm, has_tool),
        };
        let count = told.len() as u64;
        for (index, mut mapped) in told.drain(..).enumerate() {
            note_teller(&mut mapped, &teller.span.span_id);
            let is_known = if mapped.kind == Some(SpanKind::Tool) { has_tool } else { has_llm };
            if !is_known {
                let mut span = below(teller, &mapped, index as u64, count);
                if let Some((start, end)) = times.get(&place).and_then(|times| times.get(index)) {
                    (span.span.start_time_unix_nano, span.span.end_time_unix_nano) = (*start, *end);
                }
                added.push((span, mapped));
            }
        }
    }
    spans.append(&mut added);
}

/// The calls of a span that stands for several, told by the functions that ran below it.
fn add_told_by_functions(spans: &[(MergedSpan, Mapped)], told: &mut [Vec<Mapped>]) {
    let may_be = |place: &usize| told[*place].is_empty() && is_told_by_functions(&spans[*place].0, &spans[*place].1);
    let tellers: HashMap<&str, usize> =
        (0..spans.len()).filter(may_be).map(|place| (spans[place].0.span.span_id.as_str(), place)).collect();
    if tellers.is_empty() {
        return;
    }
    let mut below: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut asked_again: HashSet<usize> = HashSet::new();
    for (place, (merged, mapped)) in spans.iter().enumerate() {
        let Some(teller) = merged.span.parent_span_id.as_deref().and_then(|parent| tellers.get(parent)) else {
            continue;
        };
        match mapped.kind {
            Some(SpanKind::Tool) => below.entry(*teller).or_default().push(place),
            Some(SpanKind::Llm) => _ = asked_again.insert(*teller),
            _ => {}
        }
    }
    for (teller, mut functions) in below.into_iter().filter(|(teller, _)| !asked_again.contains(teller)) {
        functions.sort_by_key(|place| (spans[*place].0.span.start_time_unix_nano, &spans[*place].0.span.span_id));
        let functions: Vec<&Mapped> = functions.iter().map(|place| &spans[*place].1).collect();
        told[teller] = told_by_functions(&spans[teller].1, &functions);
    }
}

/// When each of the calls was made that a span tells of, by the span's place.
type Times = HashMap<usize, Vec<(u64, u64)>>;

/// The calls of a run that its span and the tools' spans below it tell together.
fn add_told_by_runs(spans: &[(MergedSpan, Mapped)], told: &mut [Vec<Mapped>]) -> Times {
    let is_teller = |place: &usize| told[*place].is_empty() && is_run(&spans[*place].0, &spans[*place].1);
    let mut runs: HashMap<&str, usize> =
        (0..spans.len()).filter(is_teller).map(|place| (spans[place].0.span.span_id.as_str(), place)).collect();
    let mut times = Times::new();
    if runs.is_empty() {
        return times;
    }
    // An agent around another repeats its answer.
    for (merged, _) in spans.iter().filter(|(_, mapped)| mapped.kind == Some(SpanKind::Agent)) {
        if let Some(around) = merged.span.parent_span_id.as_deref() {
            runs.remove(around);
        }
    }
    let mut below: HashMap<usize, Vec<Tool<'_>>> = HashMap::new();
    for (merged, mapped) in spans.iter().filter(|(_, mapped)| mapped.kind == Some(SpanKind::Tool)) {
        if let Some(run) = merged.span.parent_span_id.as_deref().and_then(|parent| runs.get(parent)) {
            below.entry(*run).or_default().push((merged, mapped));
        }
    }
    for run in runs.into_values() {
        let (merged, mapped) = &spans[run];
        let (calls, made) = told_by_run((merged, mapped), &below.remove(&run).unwrap_or_default());
        times.extend(made.filter(|made| made.len() == calls.len()).map(|made| (run, made)));
        told[run] = calls;
    }
    times
}

/// When the calls were made that a span tells of by itself, between the tools below it.
fn add_times_of_tools(spans: &[(MergedSpan, Mapped)], told: &[Vec<Mapped>], times: &mut Times) {
    let are_calls = |told: &[Mapped]| told.len() > 1 && told.iter().all(|call| call.kind == Some(SpanKind::Llm));
    let tellers: HashMap<&str, usize> = (0..spans.len())
        .filter(|place| are_calls(&told[*place]) && !times.contains_key(place))
        .map(|place| (spans[place].0.span.span_id.as_str(), place))
        .collect();
    let mut below: HashMap<usize, Vec<Tool<'_>>> = HashMap::new();
    for (merged, mapped) in spans.iter().filter(|(_, mapped)| mapped.kind == Some(SpanKind::Tool)) {
        if let Some(teller) = merged.span.parent_span_id.as_deref().and_then(|parent| tellers.get(parent)) {
            below.entry(*teller).or_default().push((merged, mapped));
        }
    }
    for (teller, tools) in below {
        let made = times_of_tools(&spans[teller].0.span, &tools, told[teller].len());
        times.extend(made.map(|made| (teller, made)));
    }
}

/// Every field that names no key of its own was read from the span that tells.
fn note_teller(mapped: &mut Mapped, span_id: &str) {
    let fields = [
        ("provider", mapped.provider.is_some()),
        ("operation", mapped.operation.is_some()),
        ("tool_definitions", mapped.tool_definitions.is_some()),
        ("parameters", mapped.parameters.is_some()),
        ("cached_tokens", mapped.cached_tokens.is_some()),
        ("reasoning_tokens", mapped.reasoning_tokens.is_some()),
        ("model", mapped.model.is_some()),
        ("response_id", mapped.response_id.is_some()),
        ("response_model", mapped.response_model.is_some()),
        ("system_prompt", mapped.system_prompt.is_some()),
        ("input_messages", mapped.input_messages.is_some()),
        ("output_messages", mapped.output_messages.is_some()),
        ("finish_reason", mapped.finish_reason.is_some()),
        ("input_tokens", mapped.input_tokens.is_some()),
        ("output_tokens", mapped.output_tokens.is_some()),
        ("tool_name", mapped.tool_name.is_some()),
        ("tool_call_id", mapped.tool_call_id.is_some()),
        ("tool_arguments", mapped.tool_arguments.is_some()),
        ("tool_result", mapped.tool_result.is_some()),
        ("agent_name", mapped.agent_name.is_some()),
    ];
    for (field, _) in fields.into_iter().filter(|(_, is_told)| *is_told) {
        if !mapped.source_keys.contains_key(field) {
            mapped.source_keys.insert(field.to_owned(), Value::String(format!("span:{span_id}")));
        }
    }
}

fn below(teller: &MergedSpan, mapped: &Mapped, index: u64, count: u64) -> MergedSpan {
    let of = &teller.span;
    let length = of.end_time_unix_nano.saturating_sub(of.start_time_unix_nano);
    // Spans of no length still keep their order.
    let at = |index: u64| of.start_time_unix_nano.saturating_add((length / count).saturating_mul(index).max(index));
    let (operation, subject) = match mapped.kind {
        Some(SpanKind::Tool) => ("execute_tool", &mapped.tool_name),
        _ => ("chat", if mapped.model.is_some() { &mapped.model } else { &mapped.response_model }),
    };
    let id = derive_id("told_span", &[&of.trace_id, &of.span_id, &index.to_string()]);
    MergedSpan {
        span: SpanFragment {
            trace_id: of.trace_id.clone(),
            span_id: id.chars().take(16).collect(),
            parent_span_id: Some(of.span_id.clone()),
            name: subject.as_ref().map_or_else(|| operation.to_owned(), |subject| format!("{operation} {subject}")),
            start_time_unix_nano: at(index),
            end_time_unix_nano: at(index + 1),
            resource: of.resource.clone(),
            scope: of.scope.clone(),
            ..SpanFragment::default()
        },
        logs: Vec::new(),
        position: teller.position,
        ..MergedSpan::default()
    }
}

#[cfg(test)]
mod tests;
