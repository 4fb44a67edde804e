//! LangSmith's OpenTelemetry exporters (Python and JavaScript): `langsmith.*`, with the whole inputs of a run in `gen_ai.prompt`
//! and its outputs in `gen_ai.completion`, as JSON text or as bytes.
//!
//! Recognised by the run's kind or metadata. `langsmith.trace.session_id` and `session_name` are the tracing project, never a
//! conversation: that is named in the metadata. Inputs are OpenAI or Anthropic requests, LangChain serializations, or the
//! application's own data; what is not an object stands in `output` (Python) or `outputs` (JavaScript).
//!
//! The JavaScript exporter serializes late: where an application goes on appending to one list of messages, the input holds
//! the answer and what came after it too, and is cut there. A parser is given a model's whole answer: the call that no run tells of
//! where runs are traced one by one, see [`crate::told`]. Feedback does not travel by OTLP.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gleaner_model::{Message, Part, SpanKind};
use serde_json::{Map, Value, json};

use super::otel_genai::provider;
use super::reader::Reader;
use super::{Reading, bodies, fill, payload};
use crate::mapped::{Mapped, MergedSpan};
use crate::value::{self, first_text, integer, is_empty, structured};

const INPUT: &str = "gen_ai.prompt";
const OUTPUT: &str = "gen_ai.completion";
const METADATA: &str = "langsmith.metadata";
const USAGE: &str = "langsmith.usage_metadata";

/// Whether the span is a run of LangSmith's.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    span.span.attributes.keys().any(|key| {
        key.starts_with("langsmith.span.")
            || key.starts_with("langsmith.trace.")
            || key.starts_with("langsmith.metadata.")
    })
}

/// Reads a run.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    let attributes = reader.attributes();
    let metadata = payload::metadata(attributes, METADATA);
    reader.mapped.kind = reader.text("kind", &["langsmith.span.kind"]).as_deref().and_then(kind);
    let kind = reader.mapped.kind;
    read_metadata(&mut reader, &metadata);
    read_details(&mut reader);
    let (given, answered) = (attributes.get(INPUT).map(decoded), attributes.get(OUTPUT).map(decoded));
    let input = given.as_ref().map(|value| (INPUT, value));
    let output = answered.as_ref().map(|value| (OUTPUT, value));
    let opaque = payload::read(kind, input, output, &mut reader.mapped);
    let said = &mut reader.mapped;
    let answer = said.output_messages.as_ref().or(opaque.output_messages.as_ref());
    if let (Some(messages), Some(answer)) = (&mut said.input_messages, answer) {
        cut_at_answer(messages, answer);
    }
    Reading { structured: reader.mapped, opaque }
}

/// The model call whose answer a parser was given.
pub(super) fn told(span: &MergedSpan) -> Vec<Mapped> {
    let attributes = &span.span.attributes;
    if attributes.get("langsmith.span.kind").and_then(Value::as_str) != Some("parser") {
        return Vec::new();
    }
    let given = attributes.get(INPUT).map(|value| structured(&decoded(value))).unwrap_or_default();
    let class = given.get("id").and_then(Value::as_array).and_then(|path| path.last()).and_then(Value::as_str);
    if !matches!(class, Some("AIMessage" | "AIMessageChunk")) {
        return Vec::new();
    }
    let mut call = bodies::response(&json!({"generations": [[{"message": given}]]}));
    if call.output_messages.is_none() {
        return Vec::new();
    }
    call.convention = Some("langsmith");
    call.kind = Some(SpanKind::Llm);
    if call.response_id.is_none() {
        let id = given.pointer("/kwargs/id").and_then(Value::as_str);
        // LangChain's own names for messages.
        call.response_id = id.filter(|id| !id.starts_with("run-") && !id.starts_with("lc_")).map(str::to_owned);
    }
    vec![call]
}

fn kind(name: &str) -> Option<SpanKind> {
    Some(match name.to_ascii_lowercase().as_str() {
        "llm" => SpanKind::Llm,
        "tool" => SpanKind::Tool,
        "retriever" => SpanKind::Retriever,
        "embedding" => SpanKind::Embedding,
        "chain" | "prompt" | "parser" => SpanKind::Chain,
        _ => return None,
    })
}

/// Bytes are JSON text all the same.
fn decoded(value: &Value) -> Value {
    let bytes = value.get("$bytes").and_then(Value::as_str).and_then(|encoded| STANDARD.decode(encoded).ok());
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).map_or_else(|| value.clone(), Value::String)
}

fn read_metadata(reader: &mut Reader, metadata: &Map<String, Value>) {
    let mut told = Mapped::default();
    if reader.mapped.kind != Some(SpanKind::Chain) {
        told.provider = first_text(metadata, &["ls_provider"]).as_deref().and_then(provider);
        told.model = first_text(metadata, &["ls_model_name"]);
    }
    told.agent_version = first_text(metadata, &["revision_id"]);
    told.user_key = first_text(metadata, &["user_id"]);
    told.session_key = first_text(metadata, &["session_id"])
        .map(|id| (0, id))
        .or_else(|| Some((1, first_text(metadata, &["thread_id", "conversation_id"])?)));
    for field in ["provider", "model", "agent_version", "user_key", "session_key"] {
        told.source_keys.insert(field.to_owned(), Value::String(format!("{METADATA}.*")));
    }
    fill(&mut reader.mapped, told);
}

/// Usage where no key tells it (JavaScript, of Vercel's AI SDK), and parts of it: JSON from JavaScript, a printed dictionary of
/// numbers from Python.
fn read_details(reader: &mut Reader) {
    let is_counted = ["gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"]
        .iter()
        .any(|key| reader.attributes().contains_key(*key));
    if let Some(usage) = reader.attributes().get(USAGE).map(structured).filter(|usage| !is_counted && usage.is_object())
    {
        reader.mapped.input_tokens = usage.get("input_tokens").and_then(integer);
        reader.mapped.output_tokens = usage.get("output_tokens").and_then(integer);
        reader.mapped.cached_tokens = usage.pointer("/input_token_details/cache_read").and_then(integer);
        reader.mapped.reasoning_tokens = usage.pointer("/output_token_details/reasoning").and_then(integer);
        let told = [
            ("input_tokens", reader.mapped.input_tokens),
            ("output_tokens", reader.mapped.output_tokens),
            ("cached_tokens", reader.mapped.cached_tokens),
            ("reasoning_tokens", reader.mapped.reasoning_tokens),
        ];
        told.iter().filter(|(_, count)| count.is_some()).for_each(|(field, _)| reader.note(field, USAGE));
        return;
    }
    let details = |value: &Value| match structured(value) {
        Value::String(printed) => value::json(&printed.replace('\'', "\"")),
        other => Some(other),
    };
    let input = reader.find("cached_tokens", &["gen_ai.usage.input_token_details"]).and_then(details);
    reader.mapped.cached_tokens = input.and_then(|details| integer(details.get("cache_read")?));
    let output = reader.find("reasoning_tokens", &["gen_ai.usage.output_token_details"]).and_then(details);
    reader.mapped.reasoning_tokens = output.and_then(|details| integer(details.get("reasoning")?));
}

/// Cuts a conversation where the call's own answer stands in it. A call id is given once, so an answer that asks for tools is
/// certain; a text may be said twice, and is the call's own only where the input ends with an answer, which no request does.
fn cut_at_answer(messages: &mut Vec<Message>, answer: &[Message]) {
    let [answer] = answer else { return };
    let ids = call_ids(answer);
    let text = gleaner_model::output_text(std::slice::from_ref(answer));
    let ends_with_answer = messages.last().is_some_and(|message| message.role == "assistant");
    let is_answer = |message: &Message| {
        message.role == "assistant"
            && if ids.is_empty() {
                ends_with_answer && text.is_some() && gleaner_model::output_text(std::slice::from_ref(message)) == text
            } else {
                call_ids(message) == ids
            }
    };
    if let Some(at) = messages.iter().position(is_answer).filter(|at| *at > 0) {
        messages.truncate(at);
    }
}

fn call_ids(message: &Message) -> Vec<&str> {
    let calls = message.parts.iter().filter_map(|part| match part {
        Part::ToolCall { id, .. } => id.as_deref(),
        _ => None,
    });
    calls.filter(|id| !is_empty(&Value::from(*id))).collect()
}

#[cfg(test)]
mod tests;
