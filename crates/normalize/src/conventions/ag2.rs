//! AG2 (once AutoGen). Source: ag2ai/ag2 `ag2/middleware/builtin/telemetry.py`.
//!
//! Recognised by `ag2.span.type`. What a span tells stands in OpenTelemetry's keys. Beside each model call is a span that
//! repeats its usage (`usage`), which is no call; nor is the sum of a sub-task. Compactions and aggregations of memory have no
//! other span than that.

use gleaner_model::SpanKind;

use super::Reading;
use super::reader::Reader;
use crate::mapped::MergedSpan;

/// Whether the span is one of AG2's.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    span.span.attributes.contains_key("ag2.span.type")
}

/// Reads what the span is.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    let spent_on = reader.text("kind", &["ag2.usage.kind"]);
    let kind = reader.text("kind", &["ag2.span.type"]);
    reader.mapped.kind = Some(match kind.as_deref() {
        Some("agent") => SpanKind::Agent,
        Some("llm") => SpanKind::Llm,
        Some("tool") => SpanKind::Tool,
        Some("usage") if matches!(spent_on.as_deref(), Some("compaction" | "aggregation")) => SpanKind::Llm,
        _ => SpanKind::Chain,
    });
    Reading { structured: reader.mapped, ..Reading::default() }
}

#[cfg(test)]
mod tests;
