//! Tool calls that a model's own span leaves out, from the step around it.
//!
//! Some instrumentations record a model's text only: the span says that the model stopped to call a tool, and not which.
//! The framework's step around the call, its parent or a sibling that encloses it in time, returns the whole message.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use gleaner_model::{Part, SpanKind};
use serde_json::Value;

use crate::mapped::{Mapped, MergedSpan};

/// How many steps that began before a call are looked at for one that encloses it.
const MAX_STEPS: usize = 16;

/// The spans, with tool calls where a step around a model call tells them.
pub(super) fn with_hidden_calls(spans: &[(MergedSpan, Mapped)]) -> Cow<'_, [(MergedSpan, Mapped)]> {
    let mut hiding: Vec<usize> = (0..spans.len()).filter(|place| hides_calls(&spans[*place].1)).collect();
    if hiding.is_empty() {
        return Cow::Borrowed(spans);
    }
    let mut steps: HashMap<&str, Vec<usize>> = HashMap::new();
    for (place, (merged, _)) in spans.iter().enumerate().filter(|(_, (_, mapped))| is_step_with_calls(mapped)) {
        steps.entry(merged.span.span_id.as_str()).or_default().push(place);
        if let Some(parent) = &merged.span.parent_span_id {
            steps.entry(parent).or_default().push(place);
        }
    }
    let key = |place: &usize| {
        let span = &spans[*place].0.span;
        (span.start_time_unix_nano, span.span_id.as_str())
    };
    for below_one_parent in steps.values_mut() {
        below_one_parent.sort_by_key(key);
    }
    // A step returns the message of the last call in it.
    hiding.sort_by_key(|place| {
        let span = &spans[*place].0.span;
        (std::cmp::Reverse(span.end_time_unix_nano), span.span_id.as_str())
    });
    let mut found: Vec<(usize, usize)> = Vec::new();
    let mut told: HashSet<usize> = HashSet::new();
    for call in hiding {
        let span = &spans[call].0.span;
        let Some(beside) = span.parent_span_id.as_deref().and_then(|parent| steps.get(parent)) else { continue };
        let began = beside.partition_point(|step| key(step).0 <= span.start_time_unix_nano);
        let encloses =
            |step: &&usize| spans[**step].0.span.end_time_unix_nano >= span.end_time_unix_nano && !told.contains(step);
        if let Some(step) = beside[..began].iter().rev().take(MAX_STEPS).find(encloses).copied() {
            told.insert(step);
            found.push((call, step));
        }
    }
    if found.is_empty() {
        return Cow::Borrowed(spans);
    }
    let mut restored = spans.to_vec();
    for (call, step) in found {
        let (told, told_by) = (spans[step].1.output_messages.clone(), &spans[step].0.span.span_id);
        let mapped = &mut restored[call].1;
        mapped.output_messages = told;
        for message in mapped.output_messages.iter_mut().flatten() {
            message.finish_reason.clone_from(&mapped.finish_reason);
        }
        mapped.source_keys.insert("output_messages".to_owned(), Value::String(format!("span:{told_by}")));
    }
    Cow::Owned(restored)
}

/// A model call that ended with tool calls which it does not show, nor any other answer.
fn hides_calls(mapped: &Mapped) -> bool {
    mapped.kind == Some(SpanKind::Llm)
        && mapped.finish_reason.as_deref() == Some("tool_call")
        && mapped.output_messages.is_none()
}

/// A step that returned one message with tool calls.
fn is_step_with_calls(mapped: &Mapped) -> bool {
    let Some([only]) = mapped.output_messages.as_deref() else { return false };
    mapped.kind == Some(SpanKind::Chain) && only.parts.iter().any(|part| matches!(part, Part::ToolCall { .. }))
}

#[cfg(test)]
mod tests;
