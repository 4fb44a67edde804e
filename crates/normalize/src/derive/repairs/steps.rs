//! Why a call ended, from the step around it: LangChain's steps return the model's message with it, and the handlers of Langfuse
//! and MLflow leave it out of the call itself. And what it used: MLflow counts for DSPy's modules, and not for the calls in them;
//! Logfire knows of a call of Claude's Agent SDK only what was used when its answer began, and of the run all.
//!
//! A step with one call returns that call's message. What a step around several returns is not looked at.

use std::collections::HashMap;

use gleaner_model::{Span, SpanKind};
use serde_json::Value;

use crate::derive::calls::Calls;
use crate::derive::note_source;
use crate::derive::tree::Tree;

/// Fills `finish_reason`, and the tokens.
pub(crate) fn fill_from_steps(tree: &Tree<'_>, calls: &Calls, rows: &mut [Span]) {
    fill_usage(tree, calls, rows);
    let is_call = |place: usize| calls.kinds[place] == SpanKind::Llm && calls.duplicate_of[place].is_none();
    let tells =
        |place: usize| calls.kinds[place] == SpanKind::Chain && tree.nodes[place].mapped.finish_reason.is_some();
    if !(0..rows.len()).any(tells) {
        return;
    }
    let step_of = tree.nearest(tells);
    let mut calls_in: HashMap<usize, u32> = HashMap::new();
    for step in (0..rows.len()).filter(|place| is_call(*place)).filter_map(|place| step_of[place]) {
        *calls_in.entry(step).or_default() += 1;
    }
    for place in (0..rows.len()).filter(|place| is_call(*place)) {
        let lacks = rows[place].finish_reason.is_none() && rows[place].status != "error";
        let Some(step) = step_of[place].filter(|step| lacks && calls_in.get(step) == Some(&1)) else { continue };
        let Some(reason) = tree.nodes[step].mapped.finish_reason.clone() else { continue };
        if let Some([answer]) = rows[place].output_messages.as_deref_mut() {
            answer.finish_reason = Some(reason.clone());
        }
        rows[place].finish_reason = Some(reason);
        let step_id = rows[step].span_id.clone();
        note_source(&mut rows[place], ["finish_reason"], &step_id);
    }
}

/// From the nearest module or run that counted, where it is around one call.
fn fill_usage(tree: &Tree<'_>, calls: &Calls, rows: &mut [Span]) {
    let is_call = |place: usize| calls.kinds[place] == SpanKind::Llm && calls.duplicate_of[place].is_none();
    let counts = |place: usize| {
        let mapped = tree.nodes[place].mapped;
        let is_whole = match calls.kinds[place] {
            SpanKind::Chain => mapped.convention == Some("mlflow"),
            SpanKind::Agent => true,
            _ => false,
        };
        is_whole && mapped.input_tokens.is_some()
    };
    if !(0..rows.len()).any(counts) {
        return;
    }
    let module_of = tree.nearest(counts);
    let mut calls_in: HashMap<usize, u32> = HashMap::new();
    for module in (0..rows.len()).filter(|place| is_call(*place)).filter_map(|place| module_of[place]) {
        *calls_in.entry(module).or_default() += 1;
    }
    for place in (0..rows.len()).filter(|place| is_call(*place)) {
        let Some(module) = module_of[place].filter(|module| calls_in.get(module) == Some(&1)) else { continue };
        let lacks = match calls.kinds[module] {
            SpanKind::Agent => is_begun(&rows[place]),
            _ => rows[place].input_tokens.is_none() && rows[place].output_tokens.is_none(),
        };
        if !lacks {
            continue;
        }
        let told = tree.nodes[module].mapped;
        rows[place].input_tokens = told.input_tokens;
        rows[place].output_tokens = told.output_tokens;
        rows[place].cached_tokens = told.cached_tokens;
        let module_id = rows[module].span_id.clone();
        note_source(&mut rows[place], ["input_tokens", "output_tokens"], &module_id);
        if rows[place].cached_tokens.is_some() {
            note_source(&mut rows[place], ["cached_tokens"], &module_id);
        }
    }
}

/// Whether the usage is what was known when the answer began.
fn is_begun(call: &Span) -> bool {
    let key = call.source_keys.get("output_tokens").and_then(Value::as_str);
    key.is_some_and(|key| key.starts_with("gen_ai.usage.partial."))
}

#[cfg(test)]
mod tests;
