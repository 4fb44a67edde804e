//! OpenLIT (Python and JavaScript): OpenTelemetry's keys, with differences that change what they mean.
//!
//! - The usage of Anthropic's models is the provider's own: its input is without what a cache read or wrote.
//! - `gen_ai.tool.*` stands on the model's span and tells which tools it asked for, also where messages are not captured.
//! - Functions that the user traces (`@openlit.trace`, `start_trace`) write their result, any text, under the key of
//!   messages, and their arguments as Python prints them (`function.args`, `function.kwargs`).
//! - Older versions record messages as lines `role: content` in the events and attributes `gen_ai.content.prompt` and
//!   `gen_ai.content.completion`; [`super::otel_genai_content`] reads them.
//!
//! A cost of 0 means that the price is not known.

use gleaner_model::{Message, Part, SpanKind};
use serde_json::{Deserializer, Value, json};

use super::Reading;
use super::reader::{Reader, captured};
use crate::mapped::{Mapped, MergedSpan};
use crate::messages::{arguments, messages};
use crate::value::{is_empty, python, text};

/// Whether OpenLIT made the span.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    let scope = span.span.scope.name.as_str();
    scope.starts_with("openlit")
        || scope.starts_with("@openlit/")
        || span.span.attributes.get("telemetry.sdk.name").and_then(Value::as_str) == Some("openlit")
}

/// A span that the user traced: its messages are no messages.
pub(super) fn is_traced_function(span: &MergedSpan) -> bool {
    let attributes = &span.span.attributes;
    let is_call = ["gen_ai.operation.name", "gen_ai.request.model", "gen_ai.system", "gen_ai.provider.name"]
        .iter()
        .any(|key| attributes.contains_key(*key));
    recognises(span) && !is_call && (attributes.contains_key("gen_ai.output.messages") || is_function(span))
}

/// One that failed has no attributes at all.
fn is_function(span: &MergedSpan) -> bool {
    let attributes = &span.span.attributes;
    attributes.contains_key("function.args") || attributes.contains_key("function.kwargs") || attributes.is_empty()
}

/// Reads what OpenTelemetry's keys do not tell.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    if is_traced_function(span) {
        return read_function(reader, span);
    }
    read_usage(&mut reader);
    read_printed_nothing(&mut reader);
    let names = ["gen_ai.agent.session_id", "session.id"];
    reader.mapped.session_key = reader.text("session_key", &names).map(|id| (0, id));
    reader.mapped.user_key = reader.text("user_key", &["user.id", "gen_ai.request.user"]);
    let mut opaque = Mapped {
        system_prompt: reader.attributes().get("gen_ai.agent.instructions").and_then(text),
        output_messages: asked_tools(&reader),
        ..Mapped::default()
    };
    for (field, key) in [("system_prompt", "gen_ai.agent.instructions"), ("output_messages", "gen_ai.tool.*")] {
        opaque.source_keys.insert(field.to_owned(), json!(key));
    }
    Reading { structured: reader.mapped, opaque }
}

/// Where Gemini answers with calls alone, its text is printed by Python: `None`.
fn read_printed_nothing(reader: &mut Reader) {
    let Some(told) = reader.attributes().get("gen_ai.output.messages") else { return };
    let mut answer = messages(told, "assistant");
    let is_nothing = |part: &Part| matches!(part, Part::Text { content } if content == "None");
    let mut is_cleared = false;
    for message in &mut answer {
        if message.parts.iter().any(|part| matches!(part, Part::ToolCall { .. })) {
            let count = message.parts.len();
            message.parts.retain(|part| !is_nothing(part));
            is_cleared |= message.parts.len() < count;
        }
    }
    if is_cleared {
        reader.mapped.output_messages = captured(answer);
        reader.note("output_messages", "gen_ai.output.messages");
    }
}

/// A function's arguments and result. A step like any other, unless a model asked for it by this name and with these
/// arguments.
fn read_function(mut reader: Reader, span: &MergedSpan) -> Reading {
    reader.mapped.kind = Some(SpanKind::Chain);
    reader.mapped.output_text = reader.text("output_text", &["gen_ai.output.messages"]);
    if is_function(span) {
        reader.mapped.tool_name = Some(span.span.name.clone());
        reader.mapped.tool_result = reader.find("tool_result", &["gen_ai.output.messages"]).cloned();
        let named = reader.text("tool_arguments", &["function.kwargs"]).and_then(|text| python(&text));
        reader.mapped.input_text = reader.text("input_text", &["function.kwargs", "function.args"]);
        reader.mapped.tool_arguments = named.filter(|named| !is_empty(named));
    }
    Reading { structured: reader.mapped, ..Reading::default() }
}

/// Totals of Anthropic's models, where OpenLIT counts the cached tokens apart.
fn read_usage(reader: &mut Reader) {
    let provider = reader.text("provider", &["gen_ai.provider.name", "gen_ai.system"]).unwrap_or_default();
    reader.mapped.source_keys.shift_remove("provider");
    if !matches!(provider.as_str(), "anthropic" | "aws.bedrock" | "bedrock") {
        return;
    }
    let cache_read = reader.count("cached_tokens", &["gen_ai.usage.cache_read.input_tokens"]);
    let written = ["gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_write.input_tokens"];
    let cache_write = reader.count("cache_write", &written);
    reader.mapped.source_keys.shift_remove("cache_write");
    let Some(input) = reader.count("input_tokens", &["gen_ai.usage.input_tokens"]) else { return };
    let cached = cache_read.unwrap_or(0).saturating_add(cache_write.unwrap_or(0));
    reader.mapped.input_tokens = Some(input.saturating_add(cached));
    reader.mapped.output_tokens = reader.count("output_tokens", &["gen_ai.usage.output_tokens"]);
    reader.mapped.cached_tokens = cache_read;
}

/// The tools that the model asked for. Several stand side by side, parted by commas. Without an id it is not told that the
/// tool was asked for: some versions name here what was offered.
fn asked_tools(reader: &Reader) -> Option<Vec<Message>> {
    let list = |key: &str| -> Vec<String> {
        let listed = reader.attributes().get(key).and_then(text).unwrap_or_default();
        listed.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
    };
    let (ids, names) = (list("gen_ai.tool.call.id"), list("gen_ai.tool.name"));
    if ids.is_empty() || ids.len() != names.len() {
        return None;
    }
    let written = ["gen_ai.tool.call.arguments", "gen_ai.tool.args"];
    let written = written.iter().find_map(|key| reader.attributes().get(*key).filter(|value| !is_empty(value)))?;
    let each = if ids.len() == 1 { vec![arguments(written)] } else { several(written) };
    if each.len() != ids.len() {
        return None;
    }
    let calls = ids.into_iter().zip(names).zip(each);
    let parts = calls.map(|((id, name), arguments)| Part::ToolCall { id: Some(id), name, arguments }).collect();
    captured(vec![Message { role: "assistant".to_owned(), parts, name: None, finish_reason: None }])
}

/// `{"a": 1}, {"a": 2}`
fn several(written: &Value) -> Vec<Value> {
    let mut rest = written.as_str().unwrap_or_default();
    let mut values = Vec::new();
    loop {
        let mut stream = Deserializer::from_str(rest).into_iter::<Value>();
        let Some(Ok(value)) = stream.next() else { return values };
        values.push(value);
        rest = rest[stream.byte_offset()..].trim_start_matches([',', ' ']);
    }
}

#[cfg(test)]
mod tests;
