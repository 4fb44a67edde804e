//! n8n: a span for each execution of a workflow and each of its nodes, without content. The execution is an attempt; one that
//! retries another names it in `n8n.execution.retry_of`, which stays on the span.
//! Source: n8n-io/n8n `packages/cli/src/modules/otel`.

use gleaner_model::SpanKind;

use super::Reading;
use super::reader::Reader;
use crate::mapped::MergedSpan;

/// Whether the span carries n8n's keys.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    span.span.attributes.keys().any(|key| key.starts_with("n8n."))
}

/// Reads the execution.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    reader.mapped.kind = Some(SpanKind::Chain);
    reader.mapped.attempt_key = reader.text("attempt_key", &["n8n.execution.id"]);
    Reading { structured: reader.mapped, ..Reading::default() }
}

#[cfg(test)]
mod tests;
