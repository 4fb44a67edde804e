//! Future AGI's traceAI: OpenInference's keys under OpenTelemetry's names. Source: future-agi/traceAI `fi_instrumentation`.
//!
//! Recognised by flattened messages below `gen_ai.input.messages` and `gen_ai.output.messages`, which OpenTelemetry has as one
//! value each, or by the request's parameters in one. Read as OpenInference: among the rest, what stands in
//! `gen_ai.request.model` is the answer's model, and the request's stands among the parameters.

use serde_json::{Map, Value};

use super::{Reading, openinference};
use crate::mapped::MergedSpan;

/// Its keys, and OpenInference's. The longer of two that begin alike comes first.
const KEYS: &[(&str, &str)] = &[
    ("gen_ai.span.kind", "openinference.span.kind"),
    ("gen_ai.input.messages.", "llm.input_messages."),
    ("gen_ai.output.messages.", "llm.output_messages."),
    ("gen_ai.tool.definitions.", "llm.tools."),
    ("gen_ai.request.parameters", "llm.invocation_parameters"),
    ("gen_ai.request.model", "llm.model_name"),
    ("gen_ai.provider.name", "llm.provider"),
    ("gen_ai.usage.input_tokens.cache_read", "llm.token_count.prompt_details.cache_read"),
    ("gen_ai.usage.input_tokens.cache_write", "llm.token_count.prompt_details.cache_write"),
    ("gen_ai.usage.output_tokens.reasoning", "llm.token_count.completion_details.reasoning"),
    ("gen_ai.usage.input_tokens", "llm.token_count.prompt"),
    ("gen_ai.usage.output_tokens", "llm.token_count.completion"),
    ("gen_ai.usage.total_tokens", "llm.token_count.total"),
    ("gen_ai.tool.name", "tool.name"),
    ("gen_ai.tool.call.id", "tool.id"),
    ("gen_ai.tool.description", "tool.description"),
    ("gen_ai.agent.name", "agent.name"),
];

/// Whether the span carries messages in that form, or the parameters.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    let attributes = &span.span.attributes;
    attributes.contains_key("gen_ai.span.kind") && attributes.contains_key("gen_ai.request.parameters")
        || attributes.keys().any(|key| {
            ["gen_ai.input.messages.", "gen_ai.output.messages."].iter().any(|prefix| key.starts_with(prefix))
        })
}

/// Reads the span as OpenInference's.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut translated = span.clone();
    let pairs = span.span.attributes.iter().map(|(key, value)| (renamed(key, KEYS), key, value));
    // Beside OpenInference's own key of the same meaning, whatever their order, its own counts.
    let (own, others): (Vec<_>, Vec<_>) = pairs.partition(|(name, key, _)| name != *key);
    let in_order = others.into_iter().chain(own);
    translated.span.attributes = in_order.map(|(name, _, value)| (name, value.clone())).collect();
    let mut reading = openinference::read(&translated);
    let back: Vec<(&str, &str)> = KEYS.iter().map(|(own, theirs)| (*theirs, *own)).collect();
    for mapped in [&mut reading.structured, &mut reading.opaque] {
        let sources: Map<String, Value> = std::mem::take(&mut mapped.source_keys);
        mapped.source_keys = sources
            .into_iter()
            .map(|(field, key)| (field, key.as_str().map_or(key.clone(), |key| Value::String(renamed(key, &back)))))
            .collect();
    }
    reading
}

fn renamed(key: &str, names: &[(&str, &str)]) -> String {
    let found = names.iter().find_map(|(from, to)| {
        let rest = key.strip_prefix(from)?;
        (rest.is_empty() || from.ends_with('.')).then(|| format!("{to}{rest}"))
    });
    found.unwrap_or_else(|| key.to_owned())
}

#[cfg(test)]
mod tests;
