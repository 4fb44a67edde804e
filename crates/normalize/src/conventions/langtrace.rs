//! Langtrace's SDK: OpenTelemetry's older keys and events, and a few of its own. Source: Scale3-Labs/langtrace-python-sdk.
//!
//! Recognised by `langtrace.*`. Calls of OpenAI's Responses API have the API's method as their operation, their instructions in
//! a bare key, and the response's id in `gen_ai.response_id`.

use gleaner_model::SpanKind;

use super::Reading;
use super::reader::Reader;
use crate::mapped::MergedSpan;
use crate::messages::system_text;

/// Whether Langtrace made the span.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    span.span.attributes.keys().any(|key| key.starts_with("langtrace."))
}

/// Reads Langtrace's own keys.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    let operation = reader.text("kind", &["gen_ai.operation.name"]).unwrap_or_default();
    if operation.starts_with("openai.responses") {
        reader.mapped.kind = Some(SpanKind::Llm);
        reader.mapped.system_prompt = reader.find("system_prompt", &["instructions"]).and_then(system_text);
    }
    reader.mapped.response_id = reader.text("response_id", &["gen_ai.response_id"]);
    Reading { structured: reader.mapped, ..Reading::default() }
}

#[cfg(test)]
mod tests;
