//! OpenTelemetry's instrumentation of Google's GenAI SDK, as far as it has keys of its own: functions that the SDK calls by
//! itself, up to 1.0 with arguments in `code.function.parameters.<name>.value` and the result in `code.function.return.value`.
//! Source: open-telemetry/opentelemetry-python-contrib, `opentelemetry-instrumentation-google-genai`, `tool_call_wrapper`.
//!
//! Gemini gives calls no ids; since 1.1 the instrumentation makes some of the function's name and the place of the part in its
//! message (`get_weather_0`): the result has another one than its call, and the next turn the same ones again. They are dropped.
//!
//! Recognised by these keys on a span with a tool's name. The model calls before and after are one span there, which tells the
//! last answer.

use std::collections::HashSet;

use gleaner_model::{Message, Part};
use serde_json::{Map, Value};

use super::Reading;
use super::reader::Reader;
use crate::mapped::{Mapped, MergedSpan};

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

/// Takes the ids off that are a function's name and a place; a result keeps the name.
pub(super) fn drop_made_up_ids(mapped: &mut Mapped) {
    let is_gemini = |model: &Option<String>| model.as_deref().is_some_and(|model| model.contains("gemini"));
    if !is_gemini(&mapped.model) && !is_gemini(&mapped.response_model) {
        return;
    }
    let mut messages: Vec<&mut Message> =
        mapped.input_messages.iter_mut().chain(&mut mapped.output_messages).flatten().collect();
    let mut called: HashSet<String> = HashSet::new();
    for part in messages.iter_mut().flat_map(|message| &mut message.parts) {
        if let Part::ToolCall { id, name, .. } = part
            && id.as_deref().and_then(function_of) == Some(name.as_str())
        {
            *id = None;
            called.insert(name.clone());
        }
    }
    for part in messages.iter_mut().flat_map(|message| &mut message.parts) {
        if let Part::ToolCallResponse { id, name, .. } = part
            && let Some(function) = id.as_deref().and_then(function_of).filter(|function| called.contains(*function))
        {
            name.get_or_insert_with(|| function.to_owned());
            *id = None;
        }
    }
}

/// The name in an id that is made of a name and a place.
fn function_of(id: &str) -> Option<&str> {
    let (name, place) = id.rsplit_once('_')?;
    let is_place = (1..=3).contains(&place.len()) && place.bytes().all(|byte| byte.is_ascii_digit());
    is_place.then_some(name)
}

#[cfg(test)]
mod tests;
