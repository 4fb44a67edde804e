//! Braintrust's SDKs that are built on OpenTelemetry (Go, Java, Ruby, .NET, and spans written for its endpoint by hand):
//! `braintrust.*`, whole inputs and outputs with metadata and metrics as JSON objects.
//!
//! Recognised by those keys. A field is JSON under `<field>_json` or `<field>`, or one key per part of it below `<field>.`.
//! Scores and expected outputs stay attributes.

use gleaner_model::SpanKind;
use serde_json::{Map, Value};

use super::otel_genai::provider;
use super::reader::{Reader, set_usage};
use super::{Reading, fill, payload};
use crate::mapped::{Mapped, MergedSpan};
use crate::messages::tool_definitions;
use crate::value::{first, first_str, first_text, integer, is_empty, number};

/// Whether the span carries Braintrust's keys; the project that it is sent to alone tells nothing.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    span.span.attributes.keys().any(|key| {
        key.strip_prefix("braintrust.").is_some_and(|field| FIELDS.iter().any(|known| field.starts_with(known)))
    })
}

const FIELDS: &[&str] = &["input", "output", "metadata", "metrics", "span_attributes"];

/// Reads the span's attributes.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    let attributes = reader.attributes();
    let described = payload::metadata(attributes, "braintrust.span_attributes");
    let metadata = payload::metadata(attributes, "braintrust.metadata");
    let metrics = payload::metadata(attributes, "braintrust.metrics");
    reader.mapped.kind = first_str(&described, &["type"]).and_then(kind);
    if reader.mapped.kind.is_some() {
        reader.note("kind", "braintrust.span_attributes");
    }
    let kind = reader.mapped.kind;
    let mut told = of_metadata(kind, &metadata);
    payload::note(&mut told, "braintrust.metadata");
    fill(&mut reader.mapped, told);
    let mut told = of_metrics(&metrics);
    payload::note(&mut told, "braintrust.metrics");
    fill(&mut reader.mapped, told);
    let under = |keys: [&'static str; 2]| {
        keys.into_iter().find_map(|key| Some((key, attributes.get(key).filter(|value| !is_empty(value))?)))
    };
    let input = under(["braintrust.input_json", "braintrust.input"]);
    let output = under(["braintrust.output_json", "braintrust.output"]);
    let opaque = payload::read(kind, input, output, &mut reader.mapped);
    Reading { structured: reader.mapped, opaque }
}

fn kind(name: &str) -> Option<SpanKind> {
    Some(match name {
        "llm" => SpanKind::Llm,
        "tool" => SpanKind::Tool,
        "agent" => SpanKind::Agent,
        "score" => SpanKind::Evaluator,
        "task" | "eval" | "function" | "chain" => SpanKind::Chain,
        _ => return None,
    })
}

fn of_metadata(kind: Option<SpanKind>, metadata: &Map<String, Value>) -> Mapped {
    let session = first_text(metadata, &["session_id"]).map(|id| (0, id));
    let mut told = Mapped {
        session_key: session.or_else(|| Some((1, first_text(metadata, &["thread_id", "conversation_id"])?))),
        user_key: first_text(metadata, &["user_id"]),
        ..Mapped::default()
    };
    for field in ["session_key", "user_key", "provider"] {
        told.source_keys.insert(field.to_owned(), Value::from("braintrust.metadata"));
    }
    if kind == Some(SpanKind::Llm) {
        told.provider = first_text(metadata, &["provider"]).as_deref().and_then(provider);
        told.model = first_text(metadata, &["model"]);
        told.tool_definitions = first(metadata, &["tools"]).and_then(tool_definitions);
        let set = metadata.iter().filter(|(key, value)| PARAMETERS.contains(&key.as_str()) && !is_empty(value));
        let parameters: Map<String, Value> = set.map(|(key, value)| (key.clone(), value.clone())).collect();
        told.parameters = (!parameters.is_empty()).then_some(parameters);
    }
    told
}

/// Parameters of calls stand among the user's own metadata.
const PARAMETERS: &[&str] = &[
    "temperature",
    "top_p",
    "top_k",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "frequency_penalty",
    "presence_penalty",
    "seed",
    "stop",
    "stop_sequences",
    "n",
    "response_format",
    "tool_choice",
    "parallel_tool_calls",
    "reasoning",
    "reasoning_effort",
    "thinking",
    "stream",
    "previous_response_id",
];

fn of_metrics(metrics: &Map<String, Value>) -> Mapped {
    let count = |keys: &[&str]| first(metrics, keys).and_then(integer).filter(|count| *count >= 0);
    let mut told = Mapped::default();
    set_usage(
        &mut told,
        count(&["prompt_tokens"]),
        count(&["completion_tokens"]),
        count(&["prompt_cached_tokens"]),
        count(&["prompt_cache_creation_tokens"]),
    );
    told.reasoning_tokens = count(&["completion_reasoning_tokens", "reasoning_tokens"]);
    told.cost_usd = first(metrics, &["estimated_cost", "cost"]).and_then(number);
    told.source_keys.insert("cost_usd".to_owned(), Value::from("braintrust.metrics"));
    told
}

#[cfg(test)]
mod tests;
