//! Pipecat's voice agents: bare keys (`input`, `output`, `tools`) beside OpenTelemetry's.
//!
//! Spans are `conversation`, `turn`, and one each for speech to text, model, and text to speech. Since the keys are bare, they
//! count only beside keys that are Pipecat's. Settings and metrics of sound are left out.
//! Source: pipecat-ai/pipecat `utils/tracing`.

use gleaner_model::{Message, SpanKind};

use super::Reading;
use super::reader::{Reader, captured};
use crate::mapped::MergedSpan;
use crate::messages::{arguments, lift_system, messages, tool_definitions};
use crate::value::{structured, text};

/// What else is told of the same services: with settings, and not the model that answered, as `metadata`.
const OPENINFERENCE: &str = "openinference.instrumentation.pipecat";

/// Whether the span is one of Pipecat's.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    let has = |key: &str| span.span.attributes.contains_key(key);
    span.span.scope.name.starts_with("pipecat")
        || span.span.scope.name == OPENINFERENCE
        || has("turn.number") && has("conversation.id")
        || has("conversation.type") && has("conversation.id")
        || has("metrics.ttfb") && has("gen_ai.operation.name")
}

/// Reads the bare keys; model, provider and usage stand in OpenTelemetry's.
pub(super) fn read(span: &MergedSpan) -> Reading {
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
        // Once a model has answered, its full name stands in OpenTelemetry's key: settings keep the one that is asked for.
        reader.mapped.model = reader.text("model", &["param.model", "settings.model", "metrics.model"]);
        if reader.mapped.model.is_none() && span.span.scope.name == OPENINFERENCE {
            let settings = reader.find("model", &["metadata"]).map(structured);
            reader.mapped.model = settings.as_ref().and_then(|settings| settings.get("model")).and_then(text);
        }
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
