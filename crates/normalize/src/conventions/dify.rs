//! Dify: the kind in `gen_ai.span.kind`, inputs and outputs of every node in `input.value` and `output.value`, which on a
//! model's span count as bodies. Source: langgenius/dify `api/extensions/otel`.

use gleaner_model::SpanKind;
use serde_json::json;

use super::reader::Reader;
use super::{Reading, bodies};
use crate::mapped::{Mapped, MergedSpan};
use crate::messages::arguments;

/// Whether the span carries Dify's keys.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    span.span.attributes.keys().any(|key| key.starts_with("dify.") || key == "gen_ai.span.kind")
}

/// Reads kind, keys and the step's own input and output.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    let declared = reader.text("kind", &["gen_ai.span.kind"]);
    let kind = declared.as_deref().map_or(Some(SpanKind::Chain), kind);
    reader.mapped.kind = kind;
    let session = ["gen_ai.session.id", "dify.conversation_id", "dify.conversation.id"];
    reader.mapped.session_key = reader.text("session_key", &session).map(|id| (1, id));
    reader.mapped.user_key = reader.text("user_key", &["gen_ai.user.id", "dify.user_id"]);
    match kind {
        Some(SpanKind::Llm) => {
            let request = reader.attributes().get("input.value").map(bodies::request).unwrap_or_default();
            let response = reader.attributes().get("output.value").map(bodies::response).unwrap_or_default();
            let mut opaque = Mapped {
                input_messages: request.input_messages,
                system_prompt: request.system_prompt,
                output_messages: response.output_messages,
                ..Mapped::default()
            };
            for (field, key) in [
                ("input_messages", "input.value"),
                ("system_prompt", "input.value"),
                ("output_messages", "output.value"),
            ] {
                opaque.source_keys.insert(field.to_owned(), json!(key));
            }
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
