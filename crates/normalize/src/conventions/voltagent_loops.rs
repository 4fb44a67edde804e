//! Model calls that VoltAgent tells of in its memory only.
//!
//! Its `llm` span covers a whole loop: model, tools, model again. It has the prompt that the loop began with, and the usage of
//! the last call. What the calls answered is written to memory after every step, as one growing message of the AI SDK's
//! (`memory.write` beside the call, `parts` with `step-start` between calls). The last step is the `llm` span's own call; each
//! before it becomes a span of its own beside it. Without memory nothing tells how often the model was called.

use std::collections::HashMap;

use gleaner_model::{Message, Part, SpanFragment, SpanKind, derive_id};
use serde_json::{Map, Value, json};

use super::reader::captured;
use crate::mapped::{Mapped, MergedSpan, STATUS_ERROR};
use crate::messages::message;
use crate::value::{first, first_str, structured};

/// Completes the loops of a trace.
pub(crate) fn complete_loops(spans: &mut Vec<(MergedSpan, Mapped)>) {
    let mut loops: HashMap<String, usize> = HashMap::new();
    let start = |spans: &[(MergedSpan, Mapped)], place: usize| {
        let span = &spans[place].0.span;
        (span.start_time_unix_nano, span.span_id.clone())
    };
    for (place, (merged, mapped)) in spans.iter().enumerate() {
        let is_loop = mapped.kind == Some(SpanKind::Llm) && mapped.convention == Some("voltagent");
        let Some(parent) = merged.span.parent_span_id.clone().filter(|_| is_loop) else { continue };
        // The last that was tried is the one that answered.
        let last = loops.entry(parent).or_insert(place);
        if start(spans, place) > start(spans, *last) {
            *last = place;
        }
    }
    if loops.is_empty() {
        return;
    }
    let mut written: HashMap<usize, usize> = HashMap::new();
    for (place, (merged, _)) in spans.iter().enumerate() {
        let beside = merged.span.parent_span_id.as_ref().and_then(|parent| loops.get(parent)).copied();
        let Some(call) = beside.filter(|call| start(spans, place) > start(spans, *call)) else { continue };
        if saved_parts(merged).is_some() {
            let last = written.entry(call).or_insert(place);
            if start(spans, place) > start(spans, *last) {
                *last = place;
            }
        }
    }
    let mut added = Vec::new();
    for (call, place) in written {
        let Some(parts) = saved_parts(&spans[place].0) else { continue };
        let told_by = spans[place].0.span.span_id.clone();
        if spans[call].0.span.status_code != STATUS_ERROR {
            added.extend(complete(&mut spans[call], &steps(&parts), &told_by));
        }
    }
    added.sort_by(|(a, _), (b, _)| a.span.span_id.cmp(&b.span.span_id));
    spans.append(&mut added);
}

/// The parts of an assistant's message that was written to memory.
fn saved_parts(merged: &MergedSpan) -> Option<Vec<Value>> {
    let attributes = &merged.span.attributes;
    let is_write = first_str(attributes, &["span.type"]) == Some("memory")
        && first_str(attributes, &["memory.operation"]) == Some("write");
    let saved = attributes.get("input").filter(|_| is_write).map(structured)?;
    let message =
        saved.get("message").filter(|message| message.get("role").and_then(Value::as_str) == Some("assistant"));
    message?.get("parts")?.as_array().cloned()
}

/// What the model said in one step, and what its tools returned.
struct Step {
    answer: Message,
    results: Option<Message>,
}

fn steps(parts: &[Value]) -> Vec<Step> {
    let is_start = |part: &Value| part.get("type").and_then(Value::as_str) == Some("step-start");
    let (mut steps, mut said, mut returned) = (Vec::new(), Vec::new(), Vec::new());
    let mut close = |said: &mut Vec<Value>, returned: &mut Vec<Value>| {
        let answer = message(&json!({"role": "assistant", "content": std::mem::take(said)}), "assistant");
        let results = std::mem::take(returned);
        let results = (!results.is_empty()).then(|| message(&json!({"role": "tool", "content": results}), "tool"));
        if !answer.parts.is_empty() {
            steps.push(Step { answer, results });
        }
    };
    for part in parts.iter().filter_map(Value::as_object) {
        if is_start(&Value::Object(part.clone())) {
            close(&mut said, &mut returned);
            continue;
        }
        match tool(part) {
            Some((call, result)) => {
                said.push(call);
                returned.extend(result);
            }
            None => said.extend(spoken(part)),
        }
    }
    close(&mut said, &mut returned);
    steps
}

/// `tool-get_weather` with what it was given and what it returned.
fn tool(part: &Map<String, Value>) -> Option<(Value, Option<Value>)> {
    let name = match first_str(part, &["type"])? {
        "dynamic-tool" => first_str(part, &["toolName"])?,
        kind => kind.strip_prefix("tool-")?,
    };
    let id = first(part, &["toolCallId"]);
    let call = json!({"type": "tool_call", "id": id, "name": name, "arguments": part.get("input")});
    let output = first(part, &["output", "errorText"])
        .map(|output| json!({"type": "tool-result", "toolCallId": id, "toolName": name, "output": output}));
    Some((call, output))
}

/// Text and reasoning; what else is shown to the user is not the model's.
fn spoken(part: &Map<String, Value>) -> Option<Value> {
    let text = first_str(part, &["text"])?;
    match first_str(part, &["type"])? {
        kind @ ("text" | "reasoning") => Some(json!({"type": kind, "content": text})),
        _ => None,
    }
}

/// Gives the span of a loop its last call, and returns those before it.
fn complete((merged, mapped): &mut (MergedSpan, Mapped), steps: &[Step], told_by: &str) -> Vec<(MergedSpan, Mapped)> {
    let Some((last, before)) = steps.split_last() else { return Vec::new() };
    let origin = Value::String(format!("span:{told_by}"));
    let mut prompt = mapped.input_messages.clone().unwrap_or_default();
    let mut added = Vec::new();
    for (index, step) in before.iter().enumerate() {
        let (index, count) = (index as u64, before.len() as u64);
        let mut answer = step.answer.clone();
        let calls = answer.parts.iter().any(|part| matches!(part, Part::ToolCall { .. }));
        answer.finish_reason = calls.then(|| "tool_call".to_owned());
        let mut told = Mapped {
            convention: mapped.convention,
            kind: mapped.kind,
            provider: mapped.provider.clone(),
            model: mapped.model.clone(),
            operation: mapped.operation.clone(),
            system_prompt: mapped.system_prompt.clone(),
            tool_definitions: mapped.tool_definitions.clone(),
            parameters: mapped.parameters.clone(),
            agent_name: mapped.agent_name.clone(),
            session_key: mapped.session_key.clone(),
            user_key: mapped.user_key.clone(),
            input_messages: captured(prompt.clone()),
            finish_reason: answer.finish_reason.clone(),
            output_messages: Some(vec![answer]),
            source_keys: mapped.source_keys.clone(),
            ..Mapped::default()
        };
        for field in ["input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens"] {
            told.source_keys.shift_remove(field);
        }
        for field in ["input_messages", "output_messages", "finish_reason"] {
            told.source_keys.insert(field.to_owned(), origin.clone());
        }
        let of = &merged.span;
        let id = derive_id("told_step", &[&of.trace_id, &of.span_id, &index.to_string()]);
        let span = SpanFragment {
            trace_id: of.trace_id.clone(),
            span_id: id.chars().take(16).collect(),
            parent_span_id: of.parent_span_id.clone(),
            name: of.name.clone(),
            // Before what the loop ended with, in order.
            start_time_unix_nano: of.start_time_unix_nano.saturating_sub(count - index),
            end_time_unix_nano: of.start_time_unix_nano,
            resource: of.resource.clone(),
            scope: of.scope.clone(),
            ..SpanFragment::default()
        };
        added.push((MergedSpan { span, position: merged.position, ..MergedSpan::default() }, told));
        prompt.push(step.answer.clone());
        prompt.extend(step.results.clone());
    }
    if !before.is_empty() {
        mapped.input_messages = captured(prompt);
        mapped.source_keys.insert("input_messages".to_owned(), origin.clone());
    }
    if mapped.output_messages.is_none() {
        let answer = Message { finish_reason: mapped.finish_reason.clone(), ..last.answer.clone() };
        mapped.output_messages = Some(vec![answer]);
        mapped.source_keys.insert("output_messages".to_owned(), origin);
    }
    added
}

#[cfg(test)]
mod tests;
