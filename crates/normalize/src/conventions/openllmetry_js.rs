//! What OpenLLMetry's JavaScript instrumentation of OpenAI writes wrongly under OpenTelemetry's keys.
//!
//! Recognised by its scope and by the mistake itself: a Responses call whose input is a list of items becomes one user
//! message with the list as JSON text. Read before the keys are read as they stand.

use serde_json::Value;

use super::Reading;
use super::reader::{Reader, captured};
use crate::mapped::MergedSpan;
use crate::messages::{lift_system, messages};
use crate::value::structured;

/// Whether the input is a list of items in the place of a text.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    span.span.scope.name.starts_with("@traceloop/") && items(span).is_some()
}

/// Reads the items.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    let (system, input) = lift_system(items(span).map(|items| messages(&items, "user")).unwrap_or_default());
    reader.mapped.system_prompt = system;
    reader.mapped.input_messages = captured(input);
    for field in ["system_prompt", "input_messages"] {
        reader.note(field, "gen_ai.input.messages");
    }
    Reading { structured: reader.mapped, ..Reading::default() }
}

/// The list in the only text of the only message, where every item is a message or an item of the Responses API.
fn items(span: &MergedSpan) -> Option<Value> {
    let Value::Array(given) = structured(span.span.attributes.get("gen_ai.input.messages")?) else { return None };
    let [only] = given.as_slice() else { return None };
    let [part] = only.get("parts")?.as_array()?.as_slice() else { return None };
    let list = structured(part.get("content").filter(|_| part.get("type").is_some_and(|kind| kind == "text"))?);
    let is_item = |item: &Value| {
        item.get("role").is_some_and(Value::is_string) || item.get("type").is_some_and(|kind| kind != "text")
    };
    let is_list = list.as_array().is_some_and(|items| !items.is_empty() && items.iter().all(is_item));
    is_list.then_some(list)
}

#[cfg(test)]
mod tests;
