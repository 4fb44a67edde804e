//! The provider that a model's name tells, for frameworks that write their own name where the provider's belongs.

use super::functions::decoded_text;
use super::google_adk;
use super::otel_genai::provider;
use crate::mapped::{Mapped, MergedSpan};

/// Vendors in the model ids of Amazon Bedrock: `anthropic.claude-…`, `us.amazon.nova-…`.
const BEDROCK_VENDORS: &[&str] =
    &["ai21", "amazon", "anthropic", "cohere", "deepseek", "meta", "mistral", "openai", "qwen", "stability", "writer"];

/// `None` where the name alone does not tell.
pub(super) fn provider_of_model(model: &str) -> Option<String> {
    let model = model.trim().to_ascii_lowercase();
    if let Some((prefix, _)) = model.split_once('/').filter(|(prefix, _)| !matches!(*prefix, "models" | "projects")) {
        return provider(prefix);
    }
    if model.starts_with("projects/") {
        return Some("gcp.vertex_ai".to_owned());
    }
    let name = model.strip_prefix("models/").unwrap_or(&model);
    let mut segments = name.split('.');
    let first = segments.next().unwrap_or_default();
    let vendor =
        if matches!(first, "us" | "eu" | "apac" | "global" | "us-gov") { segments.next() } else { Some(first) };
    if name.starts_with("arn:aws:bedrock") || vendor.is_some_and(|v| v != name && BEDROCK_VENDORS.contains(&v)) {
        return Some("aws.bedrock".to_owned());
    }
    let families = [
        ("gemini-", "gcp.gemini"),
        ("claude-", "anthropic"),
        ("gpt-", "openai"),
        ("o1", "openai"),
        ("o3", "openai"),
        ("o4", "openai"),
    ];
    families.iter().find(|(family, _)| name.starts_with(family)).map(|(_, provider)| (*provider).to_owned())
}

/// Takes off what libraries that speak to many providers write before a model's name to choose one: `openai/gpt-4o-mini`. With
/// other libraries such a name is the model's own.
pub(super) fn take_off_route(mapped: &mut Mapped, span: &MergedSpan) {
    let attributes = &span.span.attributes;
    let embedded = attributes.get("lmnr.span.instrumentation_scope.name").and_then(|name| name.as_str());
    let is_router = span.span.scope.name.contains("litellm")
        || embedded == Some("litellm")
        // ADK calls all models but Google's by LiteLLM.
        || span.span.scope.name == google_adk::SCOPE
        // DSPy calls models by LiteLLM.
        || attributes.get("mlflow.message.format").and_then(decoded_text).as_deref() == Some("dspy")
        || attributes.keys().any(|key| key.starts_with("langwatch."));
    if !is_router {
        return;
    }
    let Mapped { model, response_model, provider: known, source_keys, .. } = mapped;
    // The router's own name says less than the route.
    let names_router = known.as_deref() == Some("litellm");
    for (field, name) in [("model", model), ("response_model", response_model)] {
        let Some((route, bare)) = name.as_deref().and_then(|name| name.split_once('/')) else { continue };
        let routed =
            provider(route).filter(|routed| names_router || known.as_ref().is_none_or(|known| known == routed));
        if let Some(routed) = routed.filter(|_| !bare.is_empty()) {
            if known.is_none() || names_router {
                *known = Some(routed);
                let origin = source_keys.get(field).cloned();
                source_keys.extend(origin.map(|origin| ("provider".to_owned(), origin)));
            }
            *name = Some(bare.to_owned());
        }
    }
}

#[cfg(test)]
mod tests;
