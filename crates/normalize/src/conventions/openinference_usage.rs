//! Token counts of OpenInference. What came from or went to a cache belongs to the prompt; some instrumentations copy the counts
//! of a provider that has it apart (Bedrock's): the total tells.

use super::reader::{Reader, set_usage, with_part};
use crate::mapped::Mapped;
use crate::value::integer;

/// Reads the counts of a call.
pub(super) fn read_usage(reader: &mut Reader) {
    let input = reader.count("input_tokens", &["llm.token_count.prompt"]);
    let output = reader.count("output_tokens", &["llm.token_count.completion"]);
    let details = "llm.token_count.prompt_details";
    let cache_read =
        reader.count("cached_tokens", &[&format!("{details}.cache_read"), &format!("{details}.cache_input")]);
    let cache_write = reader.count("cache_write", &[&format!("{details}.cache_write")]);
    reader.mapped.source_keys.shift_remove("cache_write");
    let total = reader.count("total", &["llm.token_count.total"]);
    reader.mapped.source_keys.shift_remove("total");
    let cached = cache_read.unwrap_or(0).saturating_add(cache_write.unwrap_or(0));
    let input = with_part(output, input, Some(cached), total);
    set_usage(&mut reader.mapped, input, output, cache_read, cache_write);
    reader.mapped.reasoning_tokens =
        reader.count("reasoning_tokens", &["llm.token_count.completion_details.reasoning"]);
}

/// Some leave out what a cache read, and count it in the total all the same: then the body of the response has all counts.
pub(super) fn believe_body(reader: &mut Reader, body: &Mapped) {
    let total = reader.attributes().get("llm.token_count.total").and_then(integer);
    let sum = |mapped: &Mapped| Some(mapped.input_tokens?.saturating_add(mapped.output_tokens?));
    let told = sum(&reader.mapped);
    if total.is_some() && told.is_some() && told != total && sum(body) == total {
        (reader.mapped.input_tokens, reader.mapped.output_tokens) = (body.input_tokens, body.output_tokens);
        reader.mapped.cached_tokens = reader.mapped.cached_tokens.or(body.cached_tokens);
        for field in ["input_tokens", "output_tokens"] {
            reader.note(field, "output.value");
        }
    }
}

#[cfg(test)]
mod tests;
