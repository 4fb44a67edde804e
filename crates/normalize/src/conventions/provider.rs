//! The provider that a model's name tells, for frameworks that write their own name where the provider's belongs.

use super::otel_genai::provider;

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

#[cfg(test)]
mod tests;
