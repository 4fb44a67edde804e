//! Which model OpenInference's calls asked for, which answered, and with what parameters.

use serde_json::{Map, Value};

use super::otel_genai::provider;
use super::reader::Reader;
use crate::value::{first, first_str, first_text, is_empty, structured};

/// `llm.model_name` is the answer's model with most instrumentations, the request's with some: what was asked for stands
/// in the invocation parameters or in the request body.
pub(super) fn read_models(reader: &mut Reader, parameters: &Map<String, Value>, is_litellm: bool) {
    let host = first_str(reader.attributes(), &["llm.provider"]).or_else(|| {
        // Its older instrumentation names the provider in the model only.
        let model = first_str(reader.attributes(), &["llm.model_name"]).filter(|_| is_litellm)?;
        Some(model.split_once('/')?.0)
    });
    if reader.mapped.provider.is_none() {
        reader.mapped.provider = host.and_then(provider);
        if reader.mapped.provider.is_some() {
            reader.note("provider", "llm.model_name");
        }
    }
    let host = host.unwrap_or_default();
    let named = reader.text("response_model", &["llm.model_name", "embedding.model_name", "reranker.model_name"]);
    let named = named.map(|name| without_host(name, host));
    let answered = reader.text("response_model", &["llm.response.model_name"]);
    let mut asked = reader.text("model", &["llm.request.model_name"]);
    if let Some(model) = first_text(parameters, &["model", "model_name"]).filter(|_| asked.is_none()) {
        reader.note("model", "llm.invocation_parameters");
        asked = Some(model);
    }
    if asked.is_none() {
        asked = body_text(reader, "input.value", &["model", "modelId"]);
        if asked.is_some() {
            reader.note("model", "input.value");
        }
    }
    if asked.is_none() && named.is_some() {
        asked.clone_from(&named);
        reader.note("model", "llm.model_name");
    }
    let asked = asked.map(|name| without_host(name, host));
    reader.mapped.response_model = answered.or_else(|| named.filter(|named| Some(named) != asked.as_ref()));
    reader.mapped.model = asked;
    if reader.mapped.response_model.is_none() {
        reader.mapped.source_keys.shift_remove("response_model");
    }
}

/// LiteLLM's `openai/gpt-4o-mini` is the model `gpt-4o-mini` at the provider that the span names too.
fn without_host(name: String, host: &str) -> String {
    match name.split_once('/') {
        Some((prefix, model)) if prefix.eq_ignore_ascii_case(host) && !model.is_empty() => model.to_owned(),
        _ => name,
    }
}

fn body_text(reader: &Reader, key: &str, fields: &[&str]) -> Option<String> {
    let body = structured(reader.attributes().get(key)?);
    first_str(body.as_object()?, fields).map(str::to_owned)
}

/// What is left of the invocation parameters, and the version of the prompt: it changes with the agent, not with the
/// question.
pub(super) fn read_parameters(reader: &mut Reader, told: Map<String, Value>) {
    let mut parameters: Map<String, Value> =
        told.into_iter().filter(|(key, value)| is_parameter(key) && !is_empty(value)).collect();
    for key in ["llm.prompt_template.version", "prompt.id", "prompt.vendor", "prompt.url"] {
        if let Some(value) = first(reader.attributes(), &[key]) {
            parameters.insert(key.trim_start_matches("llm.").to_owned(), value.clone());
        }
    }
    reader.mapped.parameters = (!parameters.is_empty()).then_some(parameters);
}

/// Messages, tools and the model stand in fields of their own. Some write the whole response here but for its answer: what
/// is new in every response sets nothing.
fn is_parameter(key: &str) -> bool {
    const ELSEWHERE: &[&str] = &[
        "model",
        "model_name",
        "messages",
        "contents",
        "input",
        "tools",
        "functions",
        "system",
        "instructions",
        "system_instruction",
        "_type",
    ];
    const OF_A_RESPONSE: &[&str] =
        &["id", "object", "created", "created_at", "completed_at", "status", "error", "incomplete_details"];
    !ELSEWHERE.contains(&key) && !OF_A_RESPONSE.contains(&key)
}

#[cfg(test)]
mod tests;
