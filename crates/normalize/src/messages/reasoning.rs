//! Reasoning in whatever shape it comes, with what it is: the model's own words, a provider's summary, or an encrypted form.
//!
//! What tells: OpenAI's `summary` beside `content` and `encrypted_content` (and its item ids, `rs_…`, where an instrumentation
//! kept the text alone: OpenAI gives no other text than summaries under them); Anthropic's `redacted_thinking`, and `thinking`
//! without text but with a signature; Gemini's `thought` parts, which its documentation calls summaries, and parts that are a
//! signature alone; Bedrock's `redactedContent`; the AI SDK's provider metadata; OpenRouter's `reasoning_details`; LiteLLM's
//! `thinking_blocks`. What is not told to be a summary counts as the model's own words.

use gleaner_model::Part;
use serde_json::{Map, Value};

use crate::value::{first, first_str, json};

/// Keys of a message that hold its reasoning beside the content.
const BESIDE: [&str; 3] = ["reasoning_content", "reasoning", "thinking"];

/// A part that is reasoning by its type or place. `None`: it holds neither a text nor an encrypted form.
pub(super) fn reasoning(map: &Map<String, Value>) -> Option<Part> {
    let own = map.get("content").and_then(texts);
    let written = first_str(map, &["content", "text", "thinking", "reasoning"]);
    match (own, written, map.get("summary").and_then(texts_or_text)) {
        (Some(own), ..) => Some(Part::reasoning(own)),
        (None, Some(text), _) => Some(match summary_in(text) {
            Some(summary) => Part::reasoning_summary(summary),
            None if is_summary(map) => Part::reasoning_summary(text),
            None => Part::reasoning(text),
        }),
        (None, None, Some(summary)) => Some(Part::reasoning_summary(summary)),
        (None, None, None) => encrypted(map),
    }
}

/// A part that says by its type that its reasoning is encrypted.
pub(super) fn redacted(map: &Map<String, Value>) -> Part {
    encrypted(map).unwrap_or_else(|| Part::encrypted_reasoning(None))
}

/// Gemini's part with `thought`, or with nothing but a signature. `text` is what it says.
pub(super) fn thought(map: &Map<String, Value>, text: Option<&str>) -> Option<Part> {
    let is_thought = map.get("thought") == Some(&Value::Bool(true));
    match text {
        Some(text) => is_thought.then(|| Part::reasoning_summary(text)),
        None => {
            const SIGNATURE: [&str; 2] = ["thoughtSignature", "thought_signature"];
            let is_rest = |key: &str| matches!(key, "text" | "content" | "thought") || SIGNATURE.contains(&key);
            let signature = first_str(map, &SIGNATURE)?;
            let is_alone = map.iter().all(|(key, value)| is_rest(key) || value.is_null());
            is_alone.then(|| Part::encrypted_reasoning(Some(signature.to_owned())))
        }
    }
}

/// What a message tells of its reasoning beside its content.
pub(super) fn beside(map: &Map<String, Value>) -> Vec<Part> {
    let details = first(map, &["reasoning_details", "thinking_blocks"]).and_then(Value::as_array);
    let details: Vec<(&str, Part)> =
        details.into_iter().flatten().filter_map(|item| detail(item.as_object()?)).collect();
    let Some(text) = first_str(map, &BESIDE) else {
        return details.into_iter().map(|(_, part)| part).collect();
    };
    let is = |wanted: &str| details.iter().any(|(kind, _)| *kind == wanted);
    let said = match summary_in(text) {
        Some(summary) => Part::reasoning_summary(summary),
        None if is("reasoning.summary") && !is("reasoning.text") => Part::reasoning_summary(text),
        None => Part::reasoning(text),
    };
    // Anthropic's are blocks of their own; elsewhere the encrypted form is of the very text that stands there.
    let hidden = details.into_iter().filter(|(kind, _)| *kind == "redacted_thinking").map(|(_, part)| part);
    std::iter::once(said).chain(hidden).collect()
}

fn detail(map: &Map<String, Value>) -> Option<(&str, Part)> {
    let kind = map.get("type")?.as_str()?;
    let part = match kind {
        "reasoning.summary" => Part::reasoning_summary(first_str(map, &["summary"])?),
        "reasoning.encrypted" | "redacted_thinking" => redacted(map),
        "reasoning.text" | "thinking" => reasoning(map)?,
        _ => return None,
    };
    Some((kind, part))
}

/// Whether a reasoning part says of its text that a provider summed it up.
fn is_summary(map: &Map<String, Value>) -> bool {
    let is_item = |id: &Value| id.as_str().is_some_and(|id| id.starts_with("rs_"));
    let of_provider = |name: &str| provider_metadata(map).and_then(|told| told.get(name));
    map.get("id").is_some_and(is_item)
        || map.get("encrypted_content").is_some_and(Value::is_string)
        || of_provider("openai").or_else(|| of_provider("azure")).is_some_and(|told| told.get("itemId").is_some())
        || of_provider("google")
            .or_else(|| of_provider("vertex"))
            .is_some_and(|told| told.get("thoughtSignature").is_some())
}

/// The form that only the provider reads. A signature counts where it stands in the place of a text.
fn encrypted(map: &Map<String, Value>) -> Option<Part> {
    const KEYS: [&str; 4] = ["encrypted_content", "data", "redactedContent", "redacted_content"];
    let of_provider = || {
        let told = provider_metadata(map)?;
        let of = |name: &str, key: &str| told.get(name)?.get(key)?.as_str();
        of("anthropic", "redactedData").or_else(|| of("openai", "reasoningEncryptedContent"))
    };
    let signature = || first_str(map, &["signature"]);
    let data = first_str(map, &KEYS).or_else(of_provider).or_else(signature);
    // Bytes that an instrumentation could not write as text tell all the same that there were some.
    let is_there = data.is_some() || first(map, &KEYS).is_some();
    is_there.then(|| Part::encrypted_reasoning(data.map(str::to_owned)))
}

/// What the AI SDK hands through of the provider.
fn provider_metadata(map: &Map<String, Value>) -> Option<&Map<String, Value>> {
    first(map, &["providerMetadata", "providerOptions"])?.as_object()
}

/// The summary that some write as JSON of its text blocks.
fn summary_in(text: &str) -> Option<String> {
    let Value::Array(blocks) = json(text)? else { return None };
    let texts: Option<Vec<&str>> = blocks.iter().map(|block| block.get("text")?.as_str()).collect();
    texts.filter(|texts| !texts.is_empty()).map(|texts| texts.join("\n"))
}

fn texts_or_text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned).or_else(|| texts(value))
}

/// The texts of a list of blocks; none where it has none, as OpenAI's list of summaries where none was asked for.
fn texts(value: &Value) -> Option<String> {
    let texts: Vec<&str> = value.as_array()?.iter().filter_map(text_of_block).filter(|text| !text.is_empty()).collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

fn text_of_block(item: &Value) -> Option<&str> {
    item.as_str().or_else(|| item.get("text")?.as_str())
}

#[cfg(test)]
mod tests;
