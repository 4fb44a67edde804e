//! Google's Gen AI SDK runs Python functions that are given as tools by itself, and asks the model again: one span of
//! OpenInference tells of several calls. Its request is the first's, its answer the last's; what was said between stands in
//! the response body, under `automatic_function_calling_history`, after the request's own messages. OpenTelemetry's instrumentation
//! has no body: there the spans of the functions below such a call tell what the first call asked for. Whether they were asked
//! for at once or one after the other nothing tells; they count as asked for at once.

use gleaner_model::{Message, Part, SpanKind};
use serde_json::Value;

use super::told_calls::{calls_of_history, question};
use crate::mapped::{Mapped, MergedSpan};
use crate::messages::{messages, pair_results};
use crate::value::structured;

const HISTORY: &str = "automatic_function_calling_history";

/// All that the last call was given, where functions were run before it.
pub(super) fn history(span: &MergedSpan) -> Option<Vec<Message>> {
    let body = span.span.attributes.get("output.value").filter(|body| mentions_history(body))?;
    let mut history = messages(structured(body).get(HISTORY)?, "user");
    let has_run = history.iter().flat_map(|message| &message.parts).any(is_result);
    pair_results(&mut history);
    has_run.then_some(history)
}

/// Whether a span may stand for several calls that only the functions below it tell of: an answer in words, to a question in
/// words.
pub(crate) fn is_told_by_functions(span: &MergedSpan, mapped: &Mapped) -> bool {
    let is_generation =
        span.span.attributes.get("gen_ai.operation.name").is_some_and(|name| name == "generate_content");
    let asks = |part: &Part| matches!(part, Part::ToolCall { .. });
    is_generation
        && mapped.kind == Some(SpanKind::Llm)
        && mapped.input_messages.as_ref().and_then(|input| input.last()).is_some_and(|last| last.role == "user")
        && mapped.output_messages.iter().flatten().any(|message| !message.parts.iter().any(asks))
}

/// The call that asked for the functions, and the one that was told their results; nothing where a function does not tell
/// what it was given and what it returned.
pub(crate) fn told_by_functions(call: &Mapped, functions: &[&Mapped]) -> Vec<Mapped> {
    let asked = functions.iter().map(|function| {
        let (name, arguments) = (function.tool_name.clone()?, function.tool_arguments.clone()?);
        Some(Part::ToolCall { id: function.tool_call_id.clone(), name, arguments })
    });
    let returned = functions.iter().map(|function| {
        let (id, name) = (function.tool_call_id.clone(), function.tool_name.clone());
        Some(Part::ToolCallResponse { id, name, response: function.tool_result.clone().or(text_of_error(function))? })
    });
    let (Some(asked), Some(returned)) = (asked.collect::<Option<Vec<_>>>(), returned.collect::<Option<Vec<_>>>())
    else {
        return Vec::new();
    };
    let mut last = call.clone();
    let message = |role: &str, parts| Message { role: role.to_owned(), parts, name: None, finish_reason: None };
    last.input_messages.get_or_insert_default().extend([message("assistant", asked), message("tool", returned)]);
    calls_of_history(last)
}

fn text_of_error(function: &Mapped) -> Option<Value> {
    function.error.clone().map(Value::String)
}

/// Bodies are large, and few have it.
fn mentions_history(body: &Value) -> bool {
    body.as_str().map_or_else(|| body.get(HISTORY).is_some(), |text| text.contains(HISTORY))
}

fn is_result(part: &Part) -> bool {
    matches!(part, Part::ToolCallResponse { .. })
}

/// Each call, and the functions that were run after it.
pub(super) fn told(span: &MergedSpan) -> Vec<Mapped> {
    let Some(history) = history(span) else { return Vec::new() };
    let last = super::map(span);
    if last.kind != Some(SpanKind::Llm) {
        return Vec::new();
    }
    let first = question(&history).map_or(history.len(), |place| place + 1);
    let mut results = history.into_iter().skip(first).flat_map(|message| message.parts).filter(is_result);
    let mut told = Vec::new();
    for call in calls_of_history(last) {
        let asked: Vec<Part> =
            call.output_messages.iter().flatten().flat_map(|message| message.parts.clone()).collect();
        let convention = call.convention;
        told.push(call);
        for part in asked {
            let Part::ToolCall { id, name, arguments } = part else { continue };
            // Results stand in the order of the calls.
            let Some(Part::ToolCallResponse { response, .. }) = results.next() else { return told };
            told.push(Mapped {
                convention,
                kind: Some(SpanKind::Tool),
                tool_name: Some(name),
                tool_call_id: id,
                tool_arguments: Some(arguments),
                tool_result: Some(response),
                ..Mapped::default()
            });
        }
    }
    told
}

#[cfg(test)]
mod tests;
