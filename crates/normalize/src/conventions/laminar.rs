//! Laminar (lmnr): its own keys beside those of OpenLLMetry, the AI SDK and OpenTelemetry, whose instrumentations it embeds.
//!
//! Recognised by `lmnr.span.type`, `lmnr.span.input` and `lmnr.span.output`; the other `lmnr.*` keys stand on every span.
//! Python's SDK always writes a type, JavaScript's only where it is not the default. Sessions and users are association
//! properties: see [`super::association`].

use gleaner_model::SpanKind;
use serde_json::{Map, Value, json};

use super::functions::{answer_of, arguments_of, final_text_of, question_of, unwrapped};
use super::reader::Reader;
use super::{Reading, bodies};
use crate::mapped::{Mapped, MergedSpan};
use crate::value::{is_empty, structured};

/// Whether the span carries a type, an input or an output of Laminar's.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    ["lmnr.span.type", "lmnr.span.input", "lmnr.span.output"].iter().any(|key| span.span.attributes.contains_key(*key))
}

/// Reads the span's attributes.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    let kind = kind(&mut reader, &span.span.name);
    reader.mapped.kind = kind;
    reader.mapped.cost_usd = cost(&mut reader);
    let opaque = match kind {
        Some(SpanKind::Llm | SpanKind::Embedding) => read_bodies(&reader),
        Some(SpanKind::Tool) => {
            read_tool(&mut reader);
            Mapped::default()
        }
        _ => {
            reader.mapped.input_text = reader.find("input_text", &["lmnr.span.input"]).and_then(question_of);
            reader.mapped.output_text = reader.find("output_text", &["lmnr.span.output"]).and_then(final_text_of);
            Mapped::default()
        }
    };
    Reading { structured: reader.mapped, opaque }
}

fn kind(reader: &mut Reader, name: &str) -> Option<SpanKind> {
    let declared = reader.text("kind", &["lmnr.span.type"]);
    match declared.as_deref().unwrap_or("DEFAULT") {
        // The OpenAI instrumentation has one type for all of the API.
        "LLM" | "CACHED" if name.ends_with("embeddings") => Some(SpanKind::Embedding),
        "LLM" | "CACHED" => Some(SpanKind::Llm),
        "TOOL" => Some(SpanKind::Tool),
        "EXECUTOR" => Some(SpanKind::Agent),
        "EVALUATOR" | "HUMAN_EVALUATOR" | "EVALUATION" => Some(SpanKind::Evaluator),
        "PIPELINE" => Some(SpanKind::Chain),
        // The default gives way to any other convention that tells what the span is.
        _ => (!is_told_otherwise(reader.attributes())).then_some(SpanKind::Chain),
    }
}

fn is_told_otherwise(attributes: &Map<String, Value>) -> bool {
    let prefixes = ["ai.", "gen_ai.", "llm.", "openinference.", "traceloop.span.", "traceloop.entity.", "langfuse."];
    attributes.keys().any(|key| prefixes.iter().any(|prefix| key.starts_with(prefix)))
}

/// Input and output, where no total is told.
fn cost(reader: &mut Reader) -> Option<f64> {
    let parts = ["gen_ai.usage.input_cost", "gen_ai.usage.output_cost"].map(|key| reader.number("cost_usd", &[key]));
    parts.into_iter().flatten().reduce(|sum, part| sum + part)
}

fn read_tool(reader: &mut Reader) {
    reader.mapped.tool_arguments = reader.find("tool_arguments", &["lmnr.span.input"]).map(arguments_of);
    if let Some(returned) = reader.find("tool_result", &["lmnr.span.output"]) {
        let answer = answer_of(returned);
        reader.mapped.tool_result = Some(answer.response);
        (reader.mapped.tool_call_id, reader.mapped.tool_name) = (answer.id, answer.name);
    }
}

/// Bodies of calls: the span's own input and output, and what the LangChain instrumentation copied.
fn read_bodies(reader: &Reader) -> Mapped {
    let attributes = reader.attributes();
    let find = |keys: &[&str]| {
        keys.iter().find_map(|key| Some(((*key).to_owned(), attributes.get(*key).filter(|value| !is_empty(value))?)))
    };
    let mut opaque = Mapped::default();
    if let Some((key, value)) = find(&["lmnr.span.input", "llm.openai.messages", "llm.anthropic.messages"]) {
        opaque = bodies::request(&arguments_of(value));
        for field in ["model", "input_messages", "system_prompt", "tool_definitions", "parameters"] {
            opaque.source_keys.insert(field.to_owned(), json!(key));
        }
    }
    let answered = find(&["lmnr.span.output", "llm.openai.choices", "llm.anthropic.content"]);
    if let Some((key, value)) = answered {
        let response = bodies::response(&unwrapped(value));
        opaque.output_messages = response.output_messages;
        opaque.finish_reason = response.finish_reason;
        for field in ["output_messages", "finish_reason"] {
            opaque.source_keys.insert(field.to_owned(), json!(key));
        }
    }
    // Items of the Responses API have a status in the place of a finish reason.
    if opaque.finish_reason.is_none()
        && let Some(Value::Array(items)) = attributes.get("gen_ai.output.messages").map(structured)
    {
        let message = items.iter().rev().find(|item| item.get("type").is_some_and(|kind| kind == "message"));
        if message.and_then(|item| item.get("status")).is_some_and(|status| status == "completed") {
            opaque.finish_reason = Some("stop".to_owned());
            opaque.source_keys.insert("finish_reason".to_owned(), json!("gen_ai.output.messages"));
        }
    }
    opaque
}

#[cfg(test)]
mod tests;
