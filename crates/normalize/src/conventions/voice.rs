//! Voice agents: LiveKit (`lk.*`) and Pipecat (bare keys beside OpenTelemetry's).
//!
//! LiveKit's content moved from `lk.<key>` to `lk.pii.<key>`; both are read. Its `llm_node` is the agent's step around the
//! model's `llm_request` and holds the whole context; where only one of them is there, that one is the call. Pipecat's spans
//! are `conversation`, `turn`, and one each for speech to text, model, and text to speech. Sound and its metrics are left
//! out. Source: livekit/agents `telemetry/trace_types.py`, pipecat-ai/pipecat `utils/tracing`.

use gleaner_model::{Message, SpanKind};
use serde_json::{Value, json};

use super::Reading;
use super::reader::{Reader, captured};
use crate::mapped::MergedSpan;
use crate::messages::{arguments, lift_system, messages, tool_definitions};
use crate::value::structured;

/// Whether the span is LiveKit's or Pipecat's.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    span.span.attributes.keys().any(|key| key.starts_with("lk.")) || is_pipecat(span)
}

fn is_pipecat(span: &MergedSpan) -> bool {
    let has = |key: &str| span.span.attributes.contains_key(key);
    span.span.scope.name.starts_with("pipecat")
        || has("turn.number") && has("conversation.id")
        || has("conversation.type") && has("conversation.id")
        || has("metrics.ttfb") && has("gen_ai.operation.name")
}

/// Reads the keys of either.
pub(super) fn read(span: &MergedSpan) -> Reading {
    if is_pipecat(span) { read_pipecat(span) } else { read_livekit(span) }
}

fn read_livekit(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    reader.mapped.kind = match span.span.name.as_str() {
        "agent_session" | "agent_turn" | "start_agent_activity" => Some(SpanKind::Agent),
        "llm_node" | "llm_request" => Some(SpanKind::Llm),
        "function_tool" => Some(SpanKind::Tool),
        "judge_evaluation" => Some(SpanKind::Evaluator),
        // `llm_request_run` is one try of a request; the rest is sound. LiveKit's keys may be copied onto others' spans.
        _ if span.span.scope.name.starts_with("livekit") || !is_operation(span) => Some(SpanKind::Chain),
        _ => None,
    };
    reader.mapped.agent_name = reader.text("agent_name", &["lk.agent_name", "lk.agent_label"]);
    reader.mapped.system_prompt =
        either(&mut reader, "system_prompt", "instructions").as_ref().and_then(crate::value::text);
    if let Some(context) = either(&mut reader, "input_messages", "chat_ctx") {
        let context = structured(&context);
        let items: Value =
            context.get("items").unwrap_or(&context).as_array().into_iter().flatten().filter_map(item).collect();
        let (system, input) = lift_system(messages(&items, "user"));
        reader.mapped.system_prompt = reader.mapped.system_prompt.take().or(system);
        reader.mapped.input_messages = captured(input);
    }
    let answer = either(&mut reader, "output_messages", "response.text");
    let calls = either(&mut reader, "output_messages", "response.function_calls");
    if answer.is_some() || calls.is_some() {
        let whole = json!({
            "role": "assistant", "content": answer.unwrap_or_default(), "tool_calls": calls.as_ref().map(structured),
        });
        reader.mapped.output_messages = captured(messages(&whole, "assistant"));
    }
    let tools = either(&mut reader, "tool_definitions", "function_tools");
    reader.mapped.tool_definitions = tools.as_ref().and_then(tool_definitions);
    reader.mapped.tool_name = reader.text("tool_name", &["lk.function_tool.name"]);
    reader.mapped.tool_call_id = reader.text("tool_call_id", &["lk.function_tool.id"]);
    reader.mapped.tool_arguments =
        either(&mut reader, "tool_arguments", "function_tool.arguments").as_ref().map(arguments);
    reader.mapped.tool_result = either(&mut reader, "tool_result", "function_tool.output");
    if reader.mapped.kind != Some(SpanKind::Llm) {
        let said = ["user_input", "user_transcript", "input_text"];
        reader.mapped.input_text =
            said.iter().find_map(|key| crate::value::text(&either(&mut reader, "input_text", key)?));
    }
    let failed =
        reader.text("error", &["lk.function_tool.is_error"]).is_some_and(|said| said == "true" || said == "True");
    reader.mapped.error = reader.mapped.tool_result.as_ref().filter(|_| failed).and_then(crate::value::text);
    if reader.mapped.error.is_none() {
        reader.mapped.source_keys.shift_remove("error");
    }
    let user = ["lk.pii.participant_identity", "lk.participant_identity"];
    reader.mapped.user_key = reader.text("user_key", &user);
    // A room lives as long as the talk in it.
    reader.mapped.session_key = reader
        .text("session_key", &["gen_ai.conversation.id"])
        .map(|id| (1, id))
        .or_else(|| Some((1, reader.text("session_key", &["lk.pii.room_name", "lk.room_name"])?)));
    Reading { structured: reader.mapped, ..Reading::default() }
}

fn is_operation(span: &MergedSpan) -> bool {
    span.span.attributes.contains_key("gen_ai.operation.name")
        || span.span.attributes.contains_key("openinference.span.kind")
}

fn either(reader: &mut Reader, field: &str, key: &str) -> Option<Value> {
    reader.find(field, &[&format!("lk.pii.{key}"), &format!("lk.{key}")]).cloned()
}

/// An item of a chat context. What is no message and no call (handoffs, settings) is left out.
fn item(item: &Value) -> Option<Value> {
    match item.get("type").and_then(Value::as_str) {
        Some("message" | "function_call" | "function_call_output") | None => Some(item.clone()),
        _ => None,
    }
}

fn read_pipecat(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    let operation = reader.text("kind", &["gen_ai.operation.name"]).unwrap_or_default();
    let name = span.span.name.as_str();
    let kind = match (name, operation.as_str()) {
        ("conversation", _) => SpanKind::Chain,
        ("turn", _) => SpanKind::Agent,
        (_, "tts" | "stt") => SpanKind::Chain,
        ("llm_tool_call" | "tool_call", _) => SpanKind::Tool,
        ("llm_tool_result" | "tool_result", _) => SpanKind::Chain,
        (_, "chat" | "llm" | "llm_request" | "llm_response") => SpanKind::Llm,
        _ => SpanKind::Chain,
    };
    reader.mapped.kind = Some(kind);
    reader.mapped.session_key = reader.text("session_key", &["conversation.id"]).map(|id| (1, id));
    reader.mapped.user_key = reader.text("user_key", &["user_id"]);
    if kind == SpanKind::Llm {
        let system = reader.text("system_prompt", &["system", "system_instructions", "system_instruction"]);
        let input = reader.find("input_messages", &["input", "messages"]).map(|value| messages(value, "user"));
        let (head, rest) = lift_system(input.unwrap_or_default());
        reader.mapped.system_prompt = head.or(system);
        reader.mapped.input_messages = captured(rest);
        let answer = reader.text("output_messages", &["output", "output_text"]);
        reader.mapped.output_messages = answer.map(|answer| vec![Message::text("assistant", answer)]);
        reader.mapped.tool_definitions = reader.find("tool_definitions", &["tools"]).and_then(tool_definitions);
    } else {
        reader.mapped.input_text = reader.text("input_text", &["text", "input"]);
        reader.mapped.output_text = reader.text("output_text", &["transcript", "output"]);
        reader.mapped.tool_name = reader.text("tool_name", &["tool.function_name", "tool.name"]);
        reader.mapped.tool_call_id = reader.text("tool_call_id", &["tool.call_id", "tool.id"]);
        reader.mapped.tool_arguments = reader.find("tool_arguments", &["tool.arguments"]).map(arguments);
        reader.mapped.tool_result = reader.find("tool_result", &["tool.result"]).cloned();
    }
    Reading { structured: reader.mapped, ..Reading::default() }
}

#[cfg(test)]
mod tests;
