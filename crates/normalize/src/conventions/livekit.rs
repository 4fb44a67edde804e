//! LiveKit's voice agents (`lk.*`).
//!
//! Content moved from `lk.<key>` to `lk.pii.<key>`; both are read. `llm_node` is the agent's step around the model's
//! `llm_request` and holds the whole context; where only one of them is there, that one is the call. Sound and its metrics
//! are left out. Source: livekit/agents `telemetry/trace_types.py`.

use gleaner_model::SpanKind;
use serde_json::{Value, json};

use super::Reading;
use super::reader::{Reader, captured};
use crate::mapped::MergedSpan;
use crate::messages::{arguments, lift_system, messages, tool_definitions};
use crate::value::{structured, text};

/// Whether the span carries LiveKit's keys.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    span.span.attributes.keys().any(|key| key.starts_with("lk."))
}

/// Reads the keys in either spelling.
pub(super) fn read(span: &MergedSpan) -> Reading {
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
    reader.mapped.system_prompt = either(&mut reader, "system_prompt", "instructions").as_ref().and_then(text);
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
        reader.mapped.input_text = said.iter().find_map(|key| text(&either(&mut reader, "input_text", key)?));
    }
    let failed =
        reader.text("error", &["lk.function_tool.is_error"]).is_some_and(|said| said == "true" || said == "True");
    reader.mapped.error = reader.mapped.tool_result.as_ref().filter(|_| failed).and_then(text);
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

#[cfg(test)]
mod tests;
