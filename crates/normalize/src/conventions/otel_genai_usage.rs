//! Token counts under OpenTelemetry's keys, with the many names that cached and reasoning tokens have had.
//!
//! Bedrock counts apart what a cache read or wrote, and its instrumentations (OpenTelemetry's two, OpenLLMetry's, OpenLIT's)
//! copy its numbers. Where a cache held less than what was sent, nothing but their name tells that, or a total that is the
//! sum of all of them.

use super::reader::{Reader, set_usage};

/// Scopes of the instrumentations that copy Bedrock's counts.
const BEDROCK: &[&str] = &[
    "opentelemetry.instrumentation.bedrock",
    "opentelemetry.instrumentation.botocore.bedrock-runtime",
    "opentelemetry.instrumentation.genai.bedrock",
    "openlit.instrumentation.bedrock",
];

const TOTAL: &[&str] = &["gen_ai.usage.total_tokens", "llm.usage.total_tokens"];

/// Reads usage; the input includes what came from or went to a cache. `scope` is that of the span.
pub(super) fn read_usage(reader: &mut Reader, scope: &str) {
    let input = reader.count("input_tokens", &["gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"]);
    let output = reader.count("output_tokens", &["gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"]);
    let cache_read = reader.count("cached_tokens", CACHE_READ);
    let cache_write = reader.count("cache_write", CACHE_WRITE);
    reader.mapped.source_keys.shift_remove("cache_write");
    if input.is_none() && output.is_none() {
        read_raw_usage(reader, cache_read.unwrap_or(0).saturating_add(cache_write.unwrap_or(0)));
    } else {
        set_usage(&mut reader.mapped, input, output, cache_read, cache_write);
        let cached = cache_read.unwrap_or(0).saturating_add(cache_write.unwrap_or(0));
        let total = reader.count("total_tokens", TOTAL);
        reader.mapped.source_keys.shift_remove("total_tokens");
        let is_sum = |input: i64| {
            let sum = input.checked_add(output.unwrap_or(0)).and_then(|sum| sum.checked_add(cached));
            total.is_some() && sum == total
        };
        if let Some(input) = input.filter(|input| cached > 0 && (BEDROCK.contains(&scope) || is_sum(*input))) {
            reader.mapped.input_tokens = Some(input.saturating_add(cached));
        }
    }
    reader.mapped.reasoning_tokens = reader.count("reasoning_tokens", REASONING);
}

/// Where no totals are told, as of streams, the details may hold the provider's own counts (pydantic-ai): those with these
/// names are Anthropic's, which count apart what a cache read or wrote.
fn read_raw_usage(reader: &mut Reader, cached: i64) {
    let input = reader.count("input_tokens", &["gen_ai.usage.details.input_tokens"]);
    reader.mapped.input_tokens = input.map(|input| input.saturating_add(cached));
    reader.mapped.output_tokens = reader.count("output_tokens", &["gen_ai.usage.details.output_tokens"]);
    reader.mapped.cached_tokens = reader.count("cached_tokens", CACHE_READ);
}

const CACHE_READ: &[&str] = &[
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_read_input_tokens",
    "gen_ai.usage.cached_input_tokens",
    "gen_ai.usage.input_cached_tokens",
    "gen_ai.usage.input_tokens.cached",
    "gen_ai.usage.cache_read_tokens",
    "gen_ai.usage.details.cache_read_tokens",
    "gen_ai.usage.details.cache_read_input_tokens",
    "gen_ai.usage.details.cached_tokens",
];

const CACHE_WRITE: &[&str] = &[
    "gen_ai.usage.cache_write.input_tokens",
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
    "gen_ai.usage.cache_write_input_tokens",
    "gen_ai.usage.cache_write_tokens",
    "gen_ai.usage.details.cache_write_tokens",
    "gen_ai.usage.details.cache_creation_input_tokens",
];

const REASONING: &[&str] = &[
    "gen_ai.usage.reasoning.output_tokens",
    "gen_ai.usage.reasoning_tokens",
    "gen_ai.usage.reasoning_output_tokens",
    "gen_ai.usage.output_tokens.reasoning",
    "gen_ai.usage.details.reasoning_tokens",
];
