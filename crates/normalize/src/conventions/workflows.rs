//! Frameworks whose own spans are steps around calls that other conventions tell of: Microsoft's Agent Framework
//! (`workflow.run`, `executor.process` …), n8n, Dify.
//!
//! n8n sends no content; its execution is an attempt. Dify names the span's kind in `gen_ai.span.kind` and writes inputs and
//! outputs as `input.value` and `output.value`. Source: microsoft/agent-framework, n8n-io/n8n, langgenius/dify.

use gleaner_model::SpanKind;

use super::Reading;
use super::reader::Reader;
use crate::mapped::{Mapped, MergedSpan};
use crate::messages::arguments;

const AGENT_FRAMEWORK: &[&str] = &["workflow.", "executor.", "edge_group.", "message."];

const AGENT_FRAMEWORK_NAMES: &[&str] =
    &["workflow.build", "workflow.run", "executor.process", "edge_group.process", "message.send"];

/// Whether the span carries the keys of one of them.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    is_agent_framework(span)
        || span
            .span
            .attributes
            .keys()
            .any(|key| key.starts_with("n8n.") || key.starts_with("dify.") || key == "gen_ai.span.kind")
}

fn is_agent_framework(span: &MergedSpan) -> bool {
    let name = span.span.name.as_str();
    AGENT_FRAMEWORK_NAMES
        .iter()
        .any(|known| name.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with(' ')))
        && span.span.attributes.keys().any(|key| AGENT_FRAMEWORK.iter().any(|prefix| key.starts_with(prefix)))
}

/// Reads kind, keys and the step's own input and output.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    let declared = reader.text("kind", &["gen_ai.span.kind"]);
    let kind = declared.as_deref().map_or(Some(SpanKind::Chain), kind);
    reader.mapped.kind = kind;
    reader.mapped.attempt_key = reader.text("attempt_key", &["n8n.execution.id"]);
    let session = ["gen_ai.session.id", "dify.conversation_id", "dify.conversation.id"];
    reader.mapped.session_key = reader.text("session_key", &session).map(|id| (1, id));
    reader.mapped.user_key = reader.text("user_key", &["gen_ai.user.id", "dify.user_id"]);
    match kind {
        Some(SpanKind::Llm) => {
            let request = reader.attributes().get("input.value").map(super::bodies::request).unwrap_or_default();
            let response = reader.attributes().get("output.value").map(super::bodies::response).unwrap_or_default();
            let opaque = Mapped {
                input_messages: request.input_messages,
                system_prompt: request.system_prompt,
                output_messages: response.output_messages,
                ..Mapped::default()
            };
            return Reading { structured: reader.mapped, opaque };
        }
        Some(SpanKind::Tool) => {
            reader.mapped.tool_arguments =
                reader.find("tool_arguments", &["tool.parameters", "input.value"]).map(arguments);
            reader.mapped.tool_name = reader.text("tool_name", &["gen_ai.tool.name", "tool.name"]);
            reader.mapped.tool_result = reader.find("tool_result", &["output.value"]).cloned();
        }
        _ => {
            reader.mapped.input_text = reader.text("input_text", &["retrieval.query", "input.value"]);
            reader.mapped.output_text = reader.text("output_text", &["retrieval.document", "output.value"]);
        }
    }
    Reading { structured: reader.mapped, ..Reading::default() }
}

fn kind(name: &str) -> Option<SpanKind> {
    Some(match name.to_ascii_uppercase().as_str() {
        "LLM" => SpanKind::Llm,
        "TOOL" => SpanKind::Tool,
        "RETRIEVER" => SpanKind::Retriever,
        "EMBEDDING" => SpanKind::Embedding,
        "RERANKER" => SpanKind::Reranker,
        "AGENT" => SpanKind::Agent,
        "CHAIN" | "WORKFLOW" | "TASK" => SpanKind::Chain,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
