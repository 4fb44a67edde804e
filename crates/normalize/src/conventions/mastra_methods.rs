//! Mastra before its own tracing (0.x with `telemetry`): one span per method, with arguments and result as JSON. Source:
//! mastra-ai/mastra, `packages/core/src/telemetry`.
//!
//! `agent.generate` (and its later and legacy kinds) is the run of an agent. Its result has a step per model call, with
//! the provider's request; `agent.stream` tells the final text and the tools only. Until the AI SDK's spans went away (0.19)
//! these tell of the calls; since, only the result does, and the calls become spans below the run.
//!
//! Left out: everything else that Mastra calls on the way; it stays with its span.

use gleaner_model::{Message, Part, SpanKind};
use serde_json::{Map, Value, json};

use super::otel_genai::provider;
use super::reader::{Reader, captured, set_usage};
use super::{Reading, bodies};
use crate::mapped::{Mapped, MergedSpan};
use crate::messages::{arguments, finish_reason, messages};
use crate::value::{first, first_str, first_text, integer, is_empty, structured};

const CONVENTION: &str = "mastra_methods";

/// Whether Mastra wrapped a method in this span.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    let name = &span.span.name;
    let is_method = ["agent.", "mastra.", "workflow."].iter().any(|owner| name.starts_with(owner));
    let has = |end: &str| span.span.attributes.contains_key(&format!("{name}.{end}"));
    is_method && (has("argument.0") || has("result") || span.span.attributes.contains_key("componentName"))
}

/// Reads a run's arguments and result; of other methods, only that they are no calls.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    let is_run = is_run(span);
    reader.mapped.kind = Some(if is_run { SpanKind::Agent } else { SpanKind::Chain });
    reader.note("kind", "name");
    if is_run {
        let key = |end: &str| format!("{}.{end}", span.span.name);
        reader.mapped.agent_name = reader.text("agent_name", &["componentName"]);
        reader.mapped.input_messages =
            reader.find("input_messages", &[&key("argument.0")]).and_then(|given| captured(messages(given, "user")));
        let result = reader.find("output_messages", &[&key("result")]).map(structured);
        let said = result.as_ref().and_then(|result| result.get("text")?.as_str());
        reader.mapped.output_messages =
            said.filter(|text| !text.is_empty()).map(|text| vec![assistant(vec![Part::Text { content: text.into() }])]);
        read_identity(&mut reader, &key("argument.1"));
    }
    Reading { structured: reader.mapped, ..Reading::default() }
}

fn is_run(span: &MergedSpan) -> bool {
    let method = span.span.name.strip_prefix("agent.").unwrap_or_default();
    matches!(
        method,
        "generate" | "stream" | "generateVNext" | "streamVNext" | "generateLegacy" | "streamLegacy" | "network"
    )
}

/// Thread and resource stand beside the arguments or in the options, plain or below `memory`.
fn read_identity(reader: &mut Reader, options_key: &str) {
    let options = reader.attributes().get(options_key).map(structured).unwrap_or_default();
    let thread = [options.pointer("/memory/thread/id"), options.pointer("/memory/thread"), options.get("threadId")];
    let resource = [options.pointer("/memory/resource"), options.get("resourceId")];
    let of_options = |keys: &[Option<&Value>]| {
        keys.iter().flatten().find_map(|value| value.as_str()).filter(|id| !id.is_empty()).map(str::to_owned)
    };
    let session = reader.text("session_key", &["threadId"]).or_else(|| {
        let id = of_options(&thread)?;
        reader.note("session_key", options_key);
        Some(id)
    });
    reader.mapped.session_key = session.map(|id| (1, id));
    reader.mapped.user_key = reader.text("user_key", &["resourceId"]).or_else(|| {
        let id = of_options(&resource)?;
        reader.note("user_key", options_key);
        Some(id)
    });
}

/// The model calls and tool runs that a run's result tells, in order.
pub(super) fn told(span: &MergedSpan) -> Vec<Mapped> {
    if !recognises(span) || !is_run(span) {
        return Vec::new();
    }
    let result = span.span.attributes.get(&format!("{}.result", span.span.name)).map(structured).unwrap_or_default();
    match result.get("steps").and_then(Value::as_array) {
        Some(steps) => steps.iter().filter_map(Value::as_object).flat_map(step).collect(),
        // Under another run that run tells more.
        None if span.span.parent_span_id.is_none() => {
            result.as_object().map(|run| streamed(span, run)).unwrap_or_default()
        }
        None => Vec::new(),
    }
}

/// One model call with the tools that it asked for.
fn step(step: &Map<String, Value>) -> Vec<Mapped> {
    let request = step.get("request").and_then(|request| request.get("body"));
    let mut call = request.map(bodies::request).unwrap_or_default();
    call.convention = Some(CONVENTION);
    call.kind = Some(SpanKind::Llm);
    let response = step.get("response").unwrap_or(&Value::Null);
    let text = |pointer: &str| response.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    call.response_id = text("/id");
    call.response_model = text("/modelId");
    call.model = call.model.or_else(|| text("/modelMetadata/modelId"));
    call.provider = text("/modelMetadata/modelProvider").and_then(|name| provider(&name));
    answer(&mut call, step);
    let mut told = vec![call];
    told.extend(runs(step));
    told
}

/// Where no step is told: what was asked, the tools, and the final text. What each call cost is not told then.
fn streamed(span: &MergedSpan, run: &Map<String, Value>) -> Vec<Mapped> {
    let given = span.span.attributes.get(&format!("{}.argument.0", span.span.name));
    let given = given.map(|given| messages(given, "user")).unwrap_or_default();
    let new = || Mapped { convention: Some(CONVENTION), kind: Some(SpanKind::Llm), ..Mapped::default() };
    let mut last = new();
    let calls = calls(run);
    if calls.is_empty() {
        answer(&mut last, run);
        last.input_messages = captured(given);
        return vec![last];
    }
    let runs = runs(run);
    let mut first = new();
    first.input_messages = captured(given.clone());
    first.finish_reason = Some("tool_call".to_owned());
    first.output_messages =
        Some(vec![Message { finish_reason: first.finish_reason.clone(), ..assistant(calls.clone()) }]);
    let results = runs.iter().map(|run| Message {
        role: "tool".to_owned(),
        parts: vec![Part::ToolCallResponse {
            id: run.tool_call_id.clone(),
            name: run.tool_name.clone(),
            response: run.tool_result.clone().unwrap_or_default(),
        }],
        name: None,
        finish_reason: None,
    });
    last.input_messages = captured(given.into_iter().chain([assistant(calls)]).chain(results).collect());
    let only_text = run.iter().filter(|(key, _)| !matches!(key.as_str(), "toolCalls" | "usage"));
    answer(&mut last, &only_text.map(|(key, value)| (key.clone(), value.clone())).collect());
    [vec![first], runs, vec![last]].concat()
}

fn answer(call: &mut Mapped, told: &Map<String, Value>) {
    call.finish_reason = first(told, &["finishReason"]).and_then(finish_reason);
    let mut parts = Vec::new();
    if let Some(content) = first_text(told, &["reasoningText"]) {
        parts.push(Part::reasoning(content));
    }
    if let Some(content) = first_text(told, &["text"]) {
        parts.push(Part::Text { content });
    }
    parts.extend(calls(told));
    let message = Message { finish_reason: call.finish_reason.clone(), ..assistant(parts) };
    call.output_messages = (!message.parts.is_empty()).then(|| vec![message]);
    if let Some(Value::Object(usage)) = told.get("usage") {
        let count = |keys: &[&str]| first(usage, keys).and_then(integer);
        set_usage(
            call,
            count(&["inputTokens", "promptTokens"]),
            count(&["outputTokens", "completionTokens"]),
            count(&["cachedInputTokens"]),
            None,
        );
        call.reasoning_tokens = count(&["reasoningTokens"]);
    }
}

/// Entries of `toolCalls` and `toolResults`: what they say is in `payload` since 0.20.
fn entries<'t>(told: &'t Map<String, Value>, key: &str) -> impl Iterator<Item = &'t Map<String, Value>> {
    let list = told.get(key).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|entry| entry.get("payload").unwrap_or(entry).as_object())
}

fn given(entry: &Map<String, Value>) -> Value {
    first(entry, &["args", "input"]).map_or_else(|| json!({}), arguments)
}

fn calls(told: &Map<String, Value>) -> Vec<Part> {
    let call = |entry: &Map<String, Value>| {
        let name = first_text(entry, &["toolName"])?;
        Some(Part::ToolCall { id: first_text(entry, &["toolCallId"]), name, arguments: given(entry) })
    };
    entries(told, "toolCalls").filter_map(call).collect()
}

fn runs(told: &Map<String, Value>) -> Vec<Mapped> {
    let run = |entry: &Map<String, Value>| {
        let result = first(entry, &["result", "output"]).cloned();
        let code = result.as_ref().and_then(|result| result.get("code")?.as_str());
        let failed =
            entry.get("isError").and_then(Value::as_bool) == Some(true) || code == Some("TOOL_EXECUTION_FAILED");
        let said = || {
            result
                .as_ref()
                .and_then(|result| Some(result.as_object().and_then(|r| first_str(r, &["message"]))?.to_owned()))
        };
        Mapped {
            convention: Some(CONVENTION),
            kind: Some(SpanKind::Tool),
            tool_name: first_text(entry, &["toolName"]),
            tool_call_id: first_text(entry, &["toolCallId"]),
            tool_arguments: Some(given(entry)),
            error: failed.then(|| said().unwrap_or_else(|| "tool failed".to_owned())),
            tool_result: result.filter(|result| !is_empty(result)),
            ..Mapped::default()
        }
    };
    entries(told, "toolResults").map(run).collect()
}

fn assistant(parts: Vec<Part>) -> Message {
    Message { role: "assistant".to_owned(), parts, name: None, finish_reason: None }
}

#[cfg(test)]
mod tests;
