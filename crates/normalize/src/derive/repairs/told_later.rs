//! What a model's own span leaves out of its answer, from the history that a later call was given.
//!
//! Some instrumentations record no tool calls in an answer (Ollama's, through OpenLLMetry), and long flattened conversations
//! lose their last keys to a client's limit of attributes. The next call of the trace repeats the conversation: where its
//! input is this call's input and then a message of the model, that message is the answer. Others record a part of what was
//! streamed (the last chunk of Gemini's, through OpenLLMetry), or of text beside tool calls: where all that they show is in
//! that message, it is the whole answer.
//!
//! Some record no reasoning before a tool call, but providers want it back with the results (the AI SDK until its version 5,
//! for instance): the message in a later prompt is known by its tool call, whatever came before it.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use gleaner_model::{Message, Part, SpanKind, output_text};
use serde_json::Value;

use crate::mapped::{Mapped, MergedSpan, STATUS_ERROR};

/// The spans, with answers and reasoning where a later call's history tells them.
pub(super) fn with_answers_told_later(spans: Cow<'_, [(MergedSpan, Mapped)]>) -> Cow<'_, [(MergedSpan, Mapped)]> {
    let mut calls: Vec<usize> = (0..spans.len()).filter(|place| is_call(&spans[*place].1)).collect();
    calls.sort_by_key(|place| {
        let span = &spans[*place].0.span;
        (span.start_time_unix_nano, span.span_id.as_str())
    });
    with_reasoning(with_answers(spans, &calls), &calls)
}

fn with_answers<'a>(spans: Cow<'a, [(MergedSpan, Mapped)]>, calls: &[usize]) -> Cow<'a, [(MergedSpan, Mapped)]> {
    let told: Vec<(usize, Message, String)> = calls
        .windows(2)
        .filter_map(|pair| {
            let ((call, mapped), (next, later)) = (&spans[pair[0]], &spans[pair[1]]);
            let follows = next.span.start_time_unix_nano >= call.span.end_time_unix_nano;
            let answer = answer(mapped, later).filter(|_| follows && call.span.status_code != STATUS_ERROR)?;
            let answer = with_parallel_calls(answer.clone(), mapped, later);
            Some((pair[0], answer, format!("span:{}", next.span.span_id)))
        })
        .collect();
    if told.is_empty() {
        return spans;
    }
    let mut restored = spans.into_owned();
    for (call, mut answer, origin) in told {
        let mapped = &mut restored[call].1;
        let is_open = match mapped.finish_reason.as_deref() {
            None => true,
            // Said of an answer without its calls; Gemini CLI's records are the provider's own words.
            Some("stop") => mapped.convention != Some("gemini_cli") && !shows_calls(mapped),
            Some(_) => false,
        };
        if is_open && has_calls(&answer) {
            mapped.finish_reason = Some("tool_call".to_owned());
            mapped.source_keys.insert("finish_reason".to_owned(), Value::String(origin.clone()));
        }
        answer.finish_reason.clone_from(&mapped.finish_reason);
        mapped.output_messages = Some(vec![answer]);
        mapped.source_keys.insert("output_messages".to_owned(), Value::String(origin));
    }
    Cow::Owned(restored)
}

/// Reasoning for answers that asked for tools and show none.
fn with_reasoning<'a>(spans: Cow<'a, [(MergedSpan, Mapped)]>, calls: &[usize]) -> Cow<'a, [(MergedSpan, Mapped)]> {
    let mut found: Vec<(usize, String, Vec<Part>)> = Vec::new();
    let mut settled: HashSet<usize> = HashSet::new();
    let mut asked: HashMap<&str, (usize, &Part)> = HashMap::new();
    for place in calls.iter().copied() {
        let (merged, mapped) = &spans[place];
        for message in mapped.input_messages.iter().flatten().filter(|message| message.role == "assistant") {
            let answered = message.parts.iter().find_map(|part| {
                let (asking, call) = asked.get(call_id(part)?)?;
                (*call == part).then_some(*asking)
            });
            // Every later prompt repeats it.
            let Some(asking) = answered.filter(|place| settled.insert(*place)) else { continue };
            let thought: Vec<Part> =
                message.parts.iter().filter(|part| part.is_readable_reasoning()).cloned().collect();
            if !thought.is_empty() {
                found.push((asking, merged.span.span_id.clone(), thought));
            }
        }
        let parts = || mapped.output_messages.iter().flatten().flat_map(|message| &message.parts);
        if !parts().any(Part::is_readable_reasoning) {
            asked.extend(parts().filter_map(|part| Some((call_id(part)?, (place, part)))));
        }
    }
    if found.is_empty() {
        return spans;
    }
    let mut restored = spans.into_owned();
    for (asking, told_by, thought) in found {
        let mapped = &mut restored[asking].1;
        let Some([answer]) = mapped.output_messages.as_deref_mut() else { continue };
        answer.parts.splice(0..0, thought);
        mapped.source_keys.insert("reasoning_text".to_owned(), Value::String(format!("span:{told_by}")));
    }
    Cow::Owned(restored)
}

fn call_id(part: &Part) -> Option<&str> {
    match part {
        Part::ToolCall { id, .. } => id.as_deref(),
        _ => None,
    }
}

fn is_call(mapped: &Mapped) -> bool {
    mapped.kind == Some(SpanKind::Llm)
}

/// The message after the call's own input in the later call's, where the call shows no answer, or only its text.
fn answer<'a>(call: &Mapped, later: &'a Mapped) -> Option<&'a Message> {
    let (asked, history) = (call.input_messages.as_deref()?, later.input_messages.as_deref()?);
    let answer = history.get(asked.len()).filter(|message| message.role == "assistant" && !message.parts.is_empty())?;
    let lacks = match call.output_messages.as_deref() {
        None => true,
        Some([shown]) => {
            let text = |message: &Message| output_text(std::slice::from_ref(message));
            let is_its_text =
                !has_calls(shown) && has_calls(answer) && text(shown).is_some() && text(shown) == text(answer);
            is_its_text || is_part_of(shown, answer)
        }
        Some(_) => false,
    };
    (lacks && call.system_prompt == later.system_prompt && history.starts_with(asked)).then_some(answer)
}

/// Pipecat puts each of the calls that a model makes at once into a message of its own, with its result behind it: what comes
/// after such an answer, up to the end of the prompt, belongs to it.
fn with_parallel_calls(mut answer: Message, call: &Mapped, later: &Mapped) -> Message {
    let asked = call.input_messages.as_deref().unwrap_or_default().len();
    let rest = later.input_messages.as_deref().unwrap_or_default().get(asked + 1..).unwrap_or_default();
    let is_call = |part: &Part| matches!(part, Part::ToolCall { .. });
    let are_calls = rest.iter().all(|message| match message.role.as_str() {
        "assistant" => message.parts.iter().all(is_call),
        role => role == "tool",
    });
    if call.convention == Some("pipecat") && are_calls && has_calls(&answer) {
        let calls = rest.iter().filter(|message| message.role == "assistant").flat_map(|message| &message.parts);
        answer.parts.extend(calls.cloned());
    }
    answer
}

/// Whether a message says more than another, and all that the other says, in the same order.
fn is_part_of(shown: &Message, whole: &Message) -> bool {
    let mut parts = whole.parts.iter();
    !shown.parts.is_empty()
        && shown.parts.len() < whole.parts.len()
        && shown.parts.iter().all(|part| parts.any(|candidate| candidate == part))
}

fn shows_calls(mapped: &Mapped) -> bool {
    mapped.output_messages.iter().flatten().any(has_calls)
}

fn has_calls(message: &Message) -> bool {
    message.parts.iter().any(|part| matches!(part, Part::ToolCall { .. }))
}

#[cfg(test)]
mod tests;
