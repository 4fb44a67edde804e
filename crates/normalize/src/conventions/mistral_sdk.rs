//! The spans that Mistral's own client makes of its requests: a model's name, HTTP's keys, and the usage of answers that are not
//! streamed. A streamed request's span ends before the stream and tells nothing of the answer: it is a step, and the call is what
//! an instrumentation records of it, often in a trace of its own that begins when the request's has ended.

use gleaner_model::SpanKind;

use super::Reading;
use super::reader::Reader;
use crate::mapped::{MergedSpan, STATUS_ERROR};

/// Whether Mistral's client made the span, and what it asked for is streamed.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    span.span.scope.name == "mistralai_sdk_tracer" && span.span.name.starts_with("stream_")
}

/// Reads whether the span is the request alone.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    let is_counted = span.span.attributes.keys().any(|key| key.starts_with("gen_ai.usage."));
    if !is_counted && span.span.status_code != STATUS_ERROR {
        reader.mapped.kind = Some(SpanKind::Chain);
        reader.note("kind", "name");
    }
    Reading { structured: reader.mapped, ..Reading::default() }
}

#[cfg(test)]
mod tests;
