//! What Opik's SDK writes on OpenTelemetry spans that it ties to its own traces: `opik.*`, with the conversation under the
//! bare key `thread_id`, which is believed only here.
//!
//! Recognised by those keys. Opik's traces themselves do not travel by OTLP; what is on the spans stands in the keys of the
//! instrumentation that made them.

use super::Reading;
use super::reader::Reader;
use crate::mapped::MergedSpan;

/// Whether the span is tied to one of Opik's.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    span.span.attributes.keys().any(|key| key.starts_with("opik."))
}

/// Reads the conversation.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    reader.mapped.session_key = reader.text("session_key", &["thread_id"]).map(|id| (1, id));
    Reading { structured: reader.mapped, ..Reading::default() }
}

#[cfg(test)]
mod tests;
