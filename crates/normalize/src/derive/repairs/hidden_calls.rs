//! Tool calls, finish reasons and reasoning that a model's own span leaves out, from the step around it.
//!
//! Some instrumentations record a model's text only: the span says that the model stopped to call a tool, and not which, or
//! shows what it said before it called. The framework's step around the call, its parent or a sibling that encloses it in
//! time, returns the whole message. Others tell each call in a span of its own below the model's.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use gleaner_model::{Message, Part, SpanKind, output_text};
use serde_json::Value;

use crate::conventions::add_missing_details;
use crate::mapped::{Mapped, MergedSpan};

/// How many steps that began before a call are looked at for one that encloses it.
const MAX_STEPS: usize = 16;

/// The spans, with tool calls and finish reasons where a step around a model call tells them.
pub(super) fn with_hidden_calls(spans: &[(MergedSpan, Mapped)]) -> Cow<'_, [(MergedSpan, Mapped)]> {
    let may_lack = |place: &usize| may_hide(&spans[*place].1) || may_lack_reasoning(&spans[*place].1);
    let mut hiding: Vec<usize> = (0..spans.len()).filter(may_lack).collect();
    if hiding.is_empty() {
        return Cow::Borrowed(spans);
    }
    let mut steps: HashMap<&str, Vec<usize>> = HashMap::new();
    for (place, (merged, _)) in spans.iter().enumerate().filter(|(_, (_, mapped))| is_step_with_answer(mapped)) {
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
    let below = asked_below(spans);
    let mut asked: Vec<(usize, &[usize])> = Vec::new();
    for call in hiding {
        let span = &spans[call].0.span;
        if let Some(places) = below.get(span.span_id.as_str()).filter(|_| may_hide(&spans[call].1)) {
            asked.push((call, places));
            continue;
        }
        let Some(beside) = span.parent_span_id.as_deref().and_then(|parent| steps.get(parent)) else { continue };
        let began = beside.partition_point(|step| key(step).0 <= span.start_time_unix_nano);
        let tells = |step: &&usize| {
            spans[**step].0.span.end_time_unix_nano >= span.end_time_unix_nano
                && !told.contains(step)
                && tells_more(&spans[**step].1, &spans[call].1)
        };
        if let Some(step) = beside[..began].iter().rev().take(MAX_STEPS).find(tells).copied() {
            told.insert(step);
            found.push((call, step));
        }
    }
    if found.is_empty() && asked.is_empty() {
        return Cow::Borrowed(spans);
    }
    let mut restored = spans.to_vec();
    for (call, places) in asked {
        add_calls(&mut restored[call].1, places.iter().map(|place| &spans[*place]));
    }
    for (call, step) in found {
        let (told, told_by) = (spans[step].1.output_messages.clone(), &spans[step].0.span.span_id);
        let origin = Value::String(format!("span:{told_by}"));
        let mapped = &mut restored[call].1;
        if mapped.finish_reason.is_none() {
            mapped.finish_reason = told.iter().flatten().find_map(|message| message.finish_reason.clone());
            mapped.source_keys.insert("finish_reason".to_owned(), origin.clone());
        }
        let hides = may_hide(&spans[call].1) && (calls(&spans[step].1) || mapped.output_messages.is_none());
        if hides {
            mapped.output_messages = told;
            mapped.source_keys.insert("output_messages".to_owned(), origin);
        } else if let (Some(output), Some(told)) = (&mut mapped.output_messages, &told) {
            add_missing_details(output, told);
        }
        for message in mapped.output_messages.iter_mut().flatten() {
            message.finish_reason.clone_from(&mapped.finish_reason);
        }
    }
    Cow::Owned(restored)
}

/// The spans that each tell of a tool call of the model call above them, by that one's id and in order of start.
fn asked_below(spans: &[(MergedSpan, Mapped)]) -> HashMap<&str, Vec<usize>> {
    let mut below: HashMap<&str, Vec<usize>> = HashMap::new();
    for (place, (merged, mapped)) in spans.iter().enumerate() {
        if let Some(parent) = merged.span.parent_span_id.as_deref().filter(|_| tells_of_parent(mapped)) {
            below.entry(parent).or_default().push(place);
        }
    }
    for places in below.values_mut() {
        places.sort_by_key(|place| {
            let span = &spans[*place].0.span;
            (span.start_time_unix_nano, span.span_id.as_str())
        });
    }
    below
}

fn add_calls<'a>(mapped: &mut Mapped, asked: impl Iterator<Item = &'a (MergedSpan, Mapped)>) {
    let finish_reason = mapped.finish_reason.clone();
    let output = mapped.output_messages.get_or_insert_default();
    if output.is_empty() {
        output.push(Message { role: "assistant".to_owned(), parts: Vec::new(), name: None, finish_reason });
    }
    let Some(answer) = output.last_mut() else { return };
    for (told_by, told) in asked {
        let parts = told.output_messages.iter().flatten().flat_map(|message| &message.parts);
        answer.parts.extend(parts.cloned());
        let origin = format!("span:{}", told_by.span.span_id);
        mapped.source_keys.entry("output_messages").or_insert(Value::String(origin));
    }
}

/// A span that tells nothing but what the call above it asked for.
fn tells_of_parent(mapped: &Mapped) -> bool {
    mapped.repeats_parent && mapped.kind == Some(SpanKind::Chain) && calls(mapped)
}

/// A model call that shows no tool calls, and ended with some, or does not say with what.
fn may_hide(mapped: &Mapped) -> bool {
    let is_open = match mapped.finish_reason.as_deref() {
        Some(reason) => reason == "tool_call",
        None => mapped.output_messages.is_some() || streams_unseen(mapped),
    };
    mapped.kind == Some(SpanKind::Llm) && is_open && !calls(mapped)
}

/// A model call that shows a text and no reasoning: OpenLLMetry's instrumentation of LangChain leaves that to the step.
fn may_lack_reasoning(mapped: &Mapped) -> bool {
    let text = || mapped.output_messages.as_deref().and_then(output_text);
    mapped.kind == Some(SpanKind::Llm) && !mapped.repeats_parent && !reasons(mapped) && text().is_some()
}

fn reasons(mapped: &Mapped) -> bool {
    mapped.output_messages.iter().flatten().flat_map(|message| &message.parts).any(Part::is_reasoning)
}

/// A step that returned one message, with tool calls or the reason why it ended.
fn is_step_with_answer(mapped: &Mapped) -> bool {
    let Some([only]) = mapped.output_messages.as_deref() else { return false };
    let is_step = mapped.kind == Some(SpanKind::Chain) && !mapped.repeats_parent;
    is_step && (calls(mapped) || only.finish_reason.is_some() || streams_unseen(mapped) || reasons(mapped))
}

/// LlamaIndex ends the span of a call before its answer streams: only the step around it is told what it was.
fn streams_unseen(mapped: &Mapped) -> bool {
    mapped.convention == Some("llama_index")
}

/// Whether the step returned what the call answered: what the call shows of it is the same text.
fn tells_more(step: &Mapped, call: &Mapped) -> bool {
    if !may_hide(call) && !reasons(step) {
        return false;
    }
    let text = |mapped: &Mapped| mapped.output_messages.as_deref().and_then(output_text);
    match &call.output_messages {
        None => calls(step) || streams_unseen(call),
        Some(_) => text(call).is_some() && text(step) == text(call),
    }
}

fn calls(mapped: &Mapped) -> bool {
    let parts = mapped.output_messages.iter().flatten().flat_map(|message| &message.parts);
    parts.into_iter().any(|part| matches!(part, Part::ToolCall { .. }))
}

#[cfg(test)]
mod tests;
