//! Where fields were read from that no reading noted: those that follow from others, and those that stand word for word in
//! the span. Every field can be traced to what was sent.

use serde_json::{Map, Value};

use crate::mapped::{Mapped, MergedSpan};

/// Completes `source_keys`.
pub(super) fn complete(mapped: &mut Mapped, span: &MergedSpan) {
    let follows = [
        ("cached_tokens", mapped.cached_tokens.is_some(), ["input_tokens", "output_tokens"]),
        ("reasoning_tokens", mapped.reasoning_tokens.is_some(), ["output_tokens", "input_tokens"]),
        ("output_tokens", mapped.output_tokens.is_some(), ["input_tokens", "output_messages"]),
        ("input_tokens", mapped.input_tokens.is_some(), ["output_tokens", "output_messages"]),
        ("finish_reason", mapped.finish_reason.is_some(), ["output_messages", "error"]),
        ("system_prompt", mapped.system_prompt.is_some(), ["input_messages", "parameters"]),
        ("input_messages", mapped.input_messages.is_some(), ["system_prompt", "output_messages"]),
        ("output_messages", mapped.output_messages.is_some(), ["finish_reason", "input_messages"]),
        ("tool_definitions", mapped.tool_definitions.is_some(), ["input_messages", "parameters"]),
        ("parameters", mapped.parameters.is_some(), ["input_messages", "model"]),
    ];
    for (field, is_told, others) in follows {
        let known = others.iter().find_map(|other| mapped.source_keys.get(*other)).cloned();
        if let Some(origin) = known.filter(|_| is_told && !mapped.source_keys.contains_key(field)) {
            mapped.source_keys.insert(field.to_owned(), origin);
        }
    }
    let texts = [
        ("provider", &mapped.provider),
        ("model", &mapped.model),
        ("response_model", &mapped.response_model),
        ("response_id", &mapped.response_id),
        ("previous_response_id", &mapped.previous_response_id),
        ("operation", &mapped.operation),
        ("tool_name", &mapped.tool_name),
        ("tool_call_id", &mapped.tool_call_id),
        ("agent_name", &mapped.agent_name),
    ];
    let unnoted: Vec<(&str, String)> = texts
        .into_iter()
        .filter(|(field, _)| !mapped.source_keys.contains_key(*field))
        .filter_map(|(field, value)| Some((field, value.clone()?)))
        .collect();
    for (field, value) in unnoted {
        if let Some(origin) = place_of(&value, span) {
            mapped.source_keys.insert(field.to_owned(), Value::String(origin));
        }
    }
}

/// Where a text stands: an attribute that is it or holds it, the name, the resource.
fn place_of(value: &str, span: &MergedSpan) -> Option<String> {
    let attributes = &span.span.attributes;
    key_with(attributes, |text| text == value)
        .or_else(|| span.span.name.contains(value).then(|| "name".to_owned()))
        .or_else(|| key_with(&span.span.resource, |text| text == value).map(|key| format!("resource/{key}")))
        .or_else(|| key_with(attributes, |text| text.contains(value)))
        .or_else(|| (span.span.scope.name.contains(value)).then(|| "scope".to_owned()))
}

/// Of several keys the first by name: the order of attributes tells nothing.
fn key_with(map: &Map<String, Value>, is_it: impl Fn(&str) -> bool) -> Option<String> {
    map.iter().filter(|(_, value)| value.as_str().is_some_and(&is_it)).map(|(key, _)| key).min().cloned()
}

#[cfg(test)]
mod tests;
