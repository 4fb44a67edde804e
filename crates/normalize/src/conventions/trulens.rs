//! TruLens: spans of functions that an application had it record (`ai.observability.*`), with their arguments and what they
//! returned. Content of model calls stands also in OpenTelemetry's keys and events, where it is switched on.
//!
//! Recognised by `ai.observability.span_type`. Evaluations have spans of their own, which tell of no call of the agent's.
//! Sizes, retrieved contexts and guardrail thresholds stay attributes. Source: PyPI trulens-otel-semconv 2.16.

use gleaner_model::SpanKind;
use serde_json::{Map, Value};

use super::reader::{Reader, set_usage};
use super::{Reading, payload};
use crate::mapped::MergedSpan;
use crate::messages::arguments;

const TYPE: &str = "ai.observability.span_type";
const ARGUMENTS: &str = "ai.observability.call.kwargs";
const RETURNED: &str = "ai.observability.call.return";

/// Whether the span says what it is to TruLens.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    span.span.attributes.contains_key(TYPE)
}

/// Reads the span's attributes; its events are OpenTelemetry's.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    reader.mapped.kind = reader.text("kind", &[TYPE]).as_deref().and_then(kind);
    let kind = reader.mapped.kind;
    reader.mapped.session_key = reader.text("session_key", &["ai.observability.conversation_id"]).map(|id| (1, id));
    reader.mapped.agent_version = reader.text("agent_version", &["ai.observability.app_version"]);
    reader.mapped.agent_name = reader.text("agent_name", &["ai.observability.workflow.agent_name"]);
    if kind == Some(SpanKind::Llm) {
        reader.mapped.model = reader.text("model", &["ai.observability.cost.model"]);
        let count = |reader: &mut Reader, field: &str, name: &str| {
            reader.count(field, &[&format!("ai.observability.cost.{name}")])
        };
        let input = count(&mut reader, "input_tokens", "num_prompt_tokens");
        let output = count(&mut reader, "output_tokens", "num_completion_tokens");
        set_usage(&mut reader.mapped, input, output, None, None);
        reader.mapped.reasoning_tokens = count(&mut reader, "reasoning_tokens", "num_reasoning_tokens");
    }
    if kind == Some(SpanKind::Tool) {
        reader.mapped.tool_name = reader.text("tool_name", &["ai.observability.mcp.tool_name"]);
        let given = reader.find("tool_arguments", &["ai.observability.mcp.input_arguments"]);
        reader.mapped.tool_arguments = given.map(arguments);
        reader.mapped.tool_result = reader.find("tool_result", &["ai.observability.mcp.output_content"]).cloned();
    }
    if kind == Some(SpanKind::Chain) || kind == Some(SpanKind::Agent) {
        reader.mapped.input_text = reader.text("input_text", &["ai.observability.record_root.input"]);
        reader.mapped.output_text = reader.text("output_text", &["ai.observability.record_root.output"]);
    }
    let given = fields(&reader);
    let input = given.as_ref().map(|value| (ARGUMENTS, value));
    let output = reader.attributes().get(RETURNED).map(|value| (RETURNED, value));
    let mut named = std::mem::take(&mut reader.mapped);
    let opaque = payload::read(kind, input, output, &mut named);
    Reading { structured: named, opaque }
}

/// A function's arguments, without the object that a method belongs to.
fn fields(reader: &Reader) -> Option<Value> {
    let mut fields: Map<String, Value> = payload::metadata(reader.attributes(), ARGUMENTS);
    fields.shift_remove("self");
    (!fields.is_empty()).then_some(Value::Object(fields))
}

fn kind(name: &str) -> Option<SpanKind> {
    Some(match name {
        "generation" => SpanKind::Llm,
        "tool" | "MCP" => SpanKind::Tool,
        "agent" => SpanKind::Agent,
        "retrieval" => SpanKind::Retriever,
        "reranking" => SpanKind::Reranker,
        "guardrail" => SpanKind::Guardrail,
        "eval_root" | "eval" => SpanKind::Evaluator,
        "record_root" | "nested_record_root" | "graph_task" | "graph_node" | "workflow_step" => SpanKind::Chain,
        // What has no meaning to TruLens may have one to others.
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
