//! OpenTelemetry's instrumentation of Google's GenAI SDK, as far as it has keys of its own: functions that the SDK calls by
//! itself, up to 1.0 with arguments in `code.function.parameters.<name>.value` and the result in `code.function.return.value`.
//! Source: open-telemetry/opentelemetry-python-contrib, `opentelemetry-instrumentation-google-genai`, `tool_call_wrapper`.
//!
//! Recognised by these keys on a span with a tool's name. The model calls before and after are one span there, which tells the
//! last answer.

use serde_json::{Map, Value};

use super::Reading;
use super::reader::Reader;
use crate::mapped::MergedSpan;

const GIVEN: &str = "code.function.parameters.";
const RETURNED: &str = "code.function.return.value";

/// Whether the span tells of a tool by the function that it is.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    let attributes = &span.span.attributes;
    attributes.contains_key("gen_ai.tool.name")
        && attributes.keys().any(|key| key == RETURNED || key.starts_with(GIVEN))
}

/// Reads the function's arguments and its result.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    let given: Map<String, Value> = reader
        .attributes()
        .iter()
        .filter_map(|(key, value)| {
            let name = key.strip_prefix(GIVEN)?.strip_suffix(".value")?;
            Some((name.to_owned(), value.clone()))
        })
        .collect();
    if !given.is_empty() {
        reader.note("tool_arguments", "code.function.parameters.*");
        reader.mapped.tool_arguments = Some(Value::Object(given));
    }
    reader.mapped.tool_result = reader.find("tool_result", &[RETURNED]).cloned();
    Reading { structured: reader.mapped, ..Reading::default() }
}

#[cfg(test)]
mod tests;
