//! What W&B Weave's exporters and users write beside the conventions that it shares: `weave.span.kind`, and the thread of a
//! conversation under `wandb.thread_id`.
//!
//! Recognised by those two keys. Messages, models and usage stand in OpenTelemetry's keys.

use gleaner_model::SpanKind;

use super::Reading;
use super::reader::Reader;
use crate::mapped::MergedSpan;
use crate::value::is_empty;

/// Whether the span names its kind or its thread for Weave.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    let says = |key: &str| span.span.attributes.get(key).is_some_and(|value| !is_empty(value));
    says("weave.span.kind") || says("wandb.thread_id")
}

/// Reads both.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    reader.mapped.kind = reader.text("kind", &["weave.span.kind"]).as_deref().and_then(kind);
    reader.mapped.session_key = reader.text("session_key", &["wandb.thread_id"]).map(|id| (1, id));
    Reading { structured: reader.mapped, ..Reading::default() }
}

fn kind(name: &str) -> Option<SpanKind> {
    Some(match name.to_ascii_lowercase().as_str() {
        "llm" => SpanKind::Llm,
        "tool" => SpanKind::Tool,
        "agent" => SpanKind::Agent,
        "chain" | "workflow" | "task" => SpanKind::Chain,
        "retriever" => SpanKind::Retriever,
        "embedding" => SpanKind::Embedding,
        "reranker" => SpanKind::Reranker,
        "guardrail" => SpanKind::Guardrail,
        "evaluator" | "scorer" => SpanKind::Evaluator,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
