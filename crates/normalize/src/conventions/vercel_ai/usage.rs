//! Token counts of the AI SDK, under three generations of names, and what only the provider's own metadata tells.

use serde_json::{Map, Value};

use super::super::reader::{Reader, set_usage, with_part};
use crate::value::{first, integer, number, structured};

const INPUT: &[&str] = &[
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.prompt_tokens",
    "ai.usage.inputTokens",
    "ai.usage.promptTokens",
    "ai.usage.tokens",
];

const OUTPUT: &[&str] = &[
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.completion_tokens",
    "ai.usage.outputTokens",
    "ai.usage.completionTokens",
];

const REASONING: &[&str] = &["ai.usage.outputTokenDetails.reasoningTokens", "ai.usage.reasoningTokens"];

/// Reads everything about tokens and cost.
pub(super) fn read(reader: &mut Reader) {
    let told = Told::read(reader);
    let input = reader.count("input_tokens", INPUT);
    let output = reader.count("output_tokens", OUTPUT);
    let cached =
        reader.count("cached_tokens", &["ai.usage.inputTokenDetails.cacheReadTokens", "ai.usage.cachedInputTokens"]);
    let written = reader.count("cache_write", &["ai.usage.inputTokenDetails.cacheWriteTokens"]);
    let uncached = reader.count("uncached", &["ai.usage.inputTokenDetails.noCacheTokens"]);
    let total = reader.count("total", &["ai.usage.totalTokens"]);
    for field in ["cache_write", "uncached", "total"] {
        reader.mapped.source_keys.shift_remove(field);
    }
    if cached.is_none() && told.cache_read.is_some() {
        reader.note("cached_tokens", METADATA);
    }
    let reasoning = read_details_of(reader, &told);
    let (cached, written) = (cached.or(told.cache_read), written.or(told.cache_write));
    // Until the input had details, providers that count cached tokens apart had them outside of it.
    let is_apart = uncached.is_none() && told.is_apart && told.input.is_none_or(|own| Some(own) == input);
    let apart = if is_apart { cached.unwrap_or(0).saturating_add(written.unwrap_or(0)) } else { 0 };
    let output = with_part(input, output, reasoning, total);
    set_usage(&mut reader.mapped, input.map(|input| input.saturating_add(apart)), output, cached, written);
}

/// What 7 adds on request to OpenTelemetry's usage.
pub(super) fn read_details(reader: &mut Reader) {
    let told = Told::read(reader);
    read_details_of(reader, &told);
}

/// Cost and reasoning.
fn read_details_of(reader: &mut Reader, told: &Told) -> Option<i64> {
    if told.cost_usd.is_some() {
        reader.note("cost_usd", METADATA);
    }
    reader.mapped.cost_usd = told.cost_usd;
    let counted = reader.count("reasoning_tokens", REASONING);
    if counted.is_none() && told.reasoning.is_some() {
        reader.note("reasoning_tokens", METADATA);
    }
    reader.mapped.reasoning_tokens = counted.or(told.reasoning);
    reader.mapped.reasoning_tokens
}

const METADATA: &str = "ai.response.providerMetadata";

/// What the provider's metadata tell, whichever provider it is.
#[derive(Default)]
struct Told {
    /// The provider's own input count.
    input: Option<i64>,
    cache_read: Option<i64>,
    cache_write: Option<i64>,
    reasoning: Option<i64>,
    cost_usd: Option<f64>,
    /// It counts cached tokens beside its input, as Anthropic and Bedrock do.
    is_apart: bool,
}

impl Told {
    fn read(reader: &Reader) -> Self {
        let mut told = Self::default();
        let attributes = reader.attributes();
        let Some(metadata) = first(attributes, &[METADATA, "ai.result.providerMetadata"]) else { return told };
        let Value::Object(providers) = structured(metadata) else { return told };
        for (name, own) in &providers {
            let Value::Object(own) = own else { continue };
            let empty = Map::new();
            let usage = first(own, &["usage", "usageMetadata"]).and_then(Value::as_object).unwrap_or(&empty);
            let count = |keys: &[&str]| first(usage, keys).or_else(|| first(own, keys)).and_then(integer);
            told.is_apart |= name == "anthropic" || name == "bedrock";
            told.input = told.input.or_else(|| count(&["input_tokens"]));
            told.cache_read = told.cache_read.or_else(|| count(CACHE_READ));
            told.cache_write = told.cache_write.or_else(|| count(CACHE_WRITE));
            told.reasoning = told.reasoning.or_else(|| count(&["reasoningTokens", "thoughtsTokenCount"]));
            told.cost_usd =
                told.cost_usd.or_else(|| first(usage, &["cost"]).or_else(|| first(own, &["cost"])).and_then(number));
        }
        told
    }
}

const CACHE_READ: &[&str] = &[
    "cache_read_input_tokens",
    "cacheReadInputTokens",
    "cachedPromptTokens",
    "cachedContentTokenCount",
    "promptCacheHitTokens",
];

const CACHE_WRITE: &[&str] = &["cache_creation_input_tokens", "cacheCreationInputTokens", "cacheWriteInputTokens"];
