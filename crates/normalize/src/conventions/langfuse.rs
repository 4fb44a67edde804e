//! Langfuse's SDKs that are built on OpenTelemetry (Python 3 to 5, JavaScript 4 and later), with their wrappers for OpenAI
//! and LangChain: `langfuse.observation.*`, values as JSON text or plain text.
//!
//! Recognised by those keys. Keys that the SDK's span processor copies onto the spans of other libraries (session, user,
//! version) do not count. Python up to 3.3 writes the type `span` on generations too: model, usage or prompt tell them.
//!
//! The model is the answering one where the provider named it: what was asked for is then not recorded. Usage comes as a
//! provider sent it, or in Langfuse's buckets, which exclude each other. Scores do not travel by OTLP. The prompt's name and
//! version stay attributes.

use gleaner_model::SpanKind;
use serde_json::{Map, Value};

use super::functions::decoded;
use super::otel_genai::provider;
use super::reader::Reader;
use super::{Reading, bodies, fill, payload};
use crate::mapped::{Mapped, MergedSpan};
use crate::messages::{finish_reason, tool_definitions};
use crate::value::{first, first_str, first_text, integer, is_empty, number, structured};

const INPUT: &str = "langfuse.observation.input";
const OUTPUT: &str = "langfuse.observation.output";
const USAGE: &str = "langfuse.observation.usage_details";
const METADATA: &str = "langfuse.observation.metadata";

/// Whether the span is an observation of Langfuse's.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    span.span.attributes.keys().any(|key| key.starts_with("langfuse.observation."))
}

/// Reads an observation.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    let attributes = reader.attributes();
    let metadata = payload::metadata(attributes, METADATA);
    reader.mapped.kind = kind(&mut reader, &metadata);
    // The run of LangChain's agent is a chain with the agent's name, which stands in the metadata of all that it runs.
    let is_run = first_str(&metadata, &["lc_agent_name"]) == Some(span.span.name.as_str());
    if is_run && reader.mapped.kind == Some(SpanKind::Chain) {
        reader.mapped.kind = Some(SpanKind::Agent);
    }
    reader.mapped.model = reader.text("model", &["langfuse.observation.model.name"]);
    reader.mapped.agent_version = reader.text("agent_version", &["langfuse.version", "langfuse.release"]);
    read_parameters(&mut reader, &metadata);
    if let Some(Value::Object(usage)) = attributes.get(USAGE).map(structured) {
        let mut told = Mapped::default();
        read_usage(&mut told, &usage);
        payload::note(&mut told, USAGE);
        fill(&mut reader.mapped, told);
    }
    reader.mapped.cost_usd = cost_usd(&mut reader);
    read_error(&mut reader);
    read_context(&mut reader, &metadata);
    let kind = reader.mapped.kind;
    let sent = sent_values(span);
    let under = |key: &'static str| Some((key, sent.get(key)?));
    let mut opaque = payload::read(kind, under(INPUT), under(OUTPUT), &mut reader.mapped);
    if let (Some(SpanKind::Tool), Some(inputs)) = (kind, tool_inputs(&metadata)) {
        reader.mapped.tool_arguments = Some(inputs.clone());
        reader.note("tool_arguments", METADATA);
    } else if kind == Some(SpanKind::Llm) {
        read_call_metadata(&mut reader, &metadata);
    } else if kind == Some(SpanKind::Chain) {
        if let Some(reason) = attributes.get(OUTPUT).map(structured).as_ref().and_then(reason_of_step) {
            reader.mapped.finish_reason = Some(reason);
            reader.note("finish_reason", OUTPUT);
        }
        let mut trace = Mapped::default();
        payload::read(kind, under("langfuse.trace.input"), under("langfuse.trace.output"), &mut trace);
        fill(&mut opaque, trace);
    }
    Reading { structured: reader.mapped, opaque }
}

/// Inputs and outputs as the application gave them. Python 3.0 and 3.1 encode text as JSON too, later versions never do: then
/// quotes are the text's own.
fn sent_values(span: &MergedSpan) -> Map<String, Value> {
    let version = &span.span.scope.version;
    let quotes = span.span.scope.name == "langfuse-sdk" && ["3.0.", "3.1."].iter().any(|old| version.starts_with(old));
    let keys = [INPUT, OUTPUT, "langfuse.trace.input", "langfuse.trace.output"];
    let sent = keys.into_iter().filter_map(|key| Some((key, span.span.attributes.get(key)?)));
    sent.map(|(key, value)| (key.to_owned(), if quotes { decoded(value) } else { value.clone() })).collect()
}

fn kind(reader: &mut Reader, metadata: &Map<String, Value>) -> Option<SpanKind> {
    let declared = reader.text("kind", &["langfuse.observation.type"]).map(|name| name.to_ascii_lowercase());
    let attributes = reader.attributes();
    let says = |key: &str| attributes.get(key).is_some_and(|value| !is_empty(value));
    let embeds = first_str(attributes, &["langfuse.observation.model.name"])
        .is_some_and(|model| model.to_ascii_lowercase().contains("embed"));
    Some(match declared.as_deref() {
        // The JavaScript wrapper of OpenAI calls everything a generation.
        Some("generation") if embeds && !says(OUTPUT) => SpanKind::Embedding,
        Some("generation") => SpanKind::Llm,
        Some("embedding") => SpanKind::Embedding,
        Some("agent") => SpanKind::Agent,
        Some("tool") => SpanKind::Tool,
        Some("chain" | "event") => SpanKind::Chain,
        Some("retriever") => SpanKind::Retriever,
        Some("guardrail") => SpanKind::Guardrail,
        Some("evaluator") => SpanKind::Evaluator,
        _ if tool_inputs(metadata).is_some() => SpanKind::Tool,
        _ if GENERATION.iter().any(|key| says(key)) => SpanKind::Llm,
        // A plain span says nothing where another convention tells what it is.
        _ if TOLD_BY_OTHERS.iter().any(|key| says(key)) => return None,
        _ => SpanKind::Chain,
    })
}

/// What LangChain's callback says at the start of a tool beside the printed input. Up to 3.3 nothing else tells that the span
/// is one.
fn tool_inputs(metadata: &Map<String, Value>) -> Option<&Value> {
    metadata.get("inputs").filter(|inputs| inputs.is_object() && metadata.contains_key("color"))
}

/// Why the model ended whose message a step of LangChain's returns: the message itself, a graph's state or its update, in JavaScript
/// serialized. The handler leaves that out of the generation.
fn reason_of_step(output: &Value) -> Option<String> {
    let command = output.as_array().and_then(|items| items.last()).unwrap_or(output);
    let state = command.get("update").unwrap_or(command);
    let returned = state.get("messages").and_then(Value::as_array).map_or(Some(state), |messages| messages.last())?;
    let returned = returned.get("kwargs").unwrap_or(returned);
    let metadata = returned.get("response_metadata")?.as_object()?;
    first(metadata, &["finish_reason", "stop_reason", "status"]).and_then(finish_reason)
}

/// What only generations have.
const GENERATION: &[&str] = &[
    "langfuse.observation.model.name",
    "langfuse.observation.model.parameters",
    USAGE,
    "langfuse.observation.prompt.name",
    "langfuse.observation.completion_start_time",
];

/// Other conventions' word for what a span is.
const TOLD_BY_OTHERS: &[&str] = &[
    "openinference.span.kind",
    "gen_ai.operation.name",
    "gen_ai.request.model",
    "gen_ai.tool.name",
    "ai.operationId",
    "traceloop.span.kind",
    "mlflow.spanType",
    "langsmith.span.kind",
];

/// The SDKs write what was not set as empty text, and no limit as infinity.
fn read_parameters(reader: &mut Reader, metadata: &Map<String, Value>) {
    let listed = reader.find("parameters", &["langfuse.observation.model.parameters"]).map(structured);
    let mut parameters = listed.and_then(|value| value.as_object().cloned()).unwrap_or_default();
    parameters.retain(|_, value| !is_empty(value) && !matches!(value.as_str(), Some("Infinity" | "inf" | "null")));
    // The JavaScript wrapper keeps these among the metadata.
    for key in ["response_format", "reasoning"] {
        let set = metadata
            .get(key)
            .filter(|value| value.as_object().is_some_and(|fields| fields.values().any(|field| !is_empty(field))));
        if let (Some(SpanKind::Llm), Some(value)) = (reader.mapped.kind, set) {
            parameters.entry(key).or_insert_with(|| value.clone());
        }
    }
    reader.mapped.parameters = (!parameters.is_empty()).then_some(parameters);
    if reader.mapped.parameters.is_none() {
        reader.mapped.source_keys.shift_remove("parameters");
    }
}

/// Usage as a provider sent it, or in buckets: `input`, `output`, and parts of them that are not counted in them. Users who
/// fill the buckets themselves may count them in: then `total` tells.
fn read_usage(mapped: &mut Mapped, usage: &Map<String, Value>) {
    if !usage.contains_key("input") && !usage.contains_key("output") {
        bodies::read_usage(mapped, usage);
        return;
    }
    let count = |keys: &[&str]| keys.iter().find_map(|key| usage.get(*key).and_then(integer)).filter(|n| *n >= 0);
    let parts = |is_part: fn(&str) -> bool| {
        let counts = usage.iter().filter(|(key, _)| is_part(key)).filter_map(|(_, value)| integer(value));
        counts.filter(|count| *count > 0).fold(0_i64, i64::saturating_add)
    };
    let (input, output) = (count(&["input"]), count(&["output"]));
    let input_parts = parts(|key| key.starts_with("input_") || key.starts_with("cache"));
    let output_parts = parts(|key| key.starts_with("output_") || key.starts_with("reasoning"));
    let bare = input.unwrap_or(0).saturating_add(output.unwrap_or(0));
    let ways = [(0, 0), (input_parts, output_parts), (input_parts, 0), (0, output_parts)];
    let by_total = count(&["total"]).and_then(|total| {
        ways.into_iter().find(|(apart, beside)| bare.saturating_add(*apart).saturating_add(*beside) == total)
    });
    let (apart, beside) = by_total.unwrap_or((input_parts, output_parts));
    mapped.input_tokens = input.map(|input| input.saturating_add(apart));
    mapped.output_tokens = output.map(|output| output.saturating_add(beside));
    mapped.cached_tokens = count(CACHE_READ);
    mapped.reasoning_tokens = count(&["output_reasoning_tokens", "output_reasoning", "reasoning_tokens"]);
}

const CACHE_READ: &[&str] = &[
    "input_cached_tokens",
    "input_cache_read",
    "input_cache_read_tokens",
    "input_cached",
    "cache_read_input_tokens",
    "cached_tokens",
];

/// The total, else the sum of the buckets.
fn cost_usd(reader: &mut Reader) -> Option<f64> {
    let details = reader.find("cost_usd", &["langfuse.observation.cost_details"]).map(structured)?;
    let details = details.as_object()?;
    let parts =
        || details.values().filter_map(number).fold(None, |sum: Option<f64>, cost| Some(sum.unwrap_or(0.0) + cost));
    details.get("total").and_then(number).or_else(parts)
}

/// Failures are told by the level: the status may be unset.
fn read_error(reader: &mut Reader) {
    if reader.text("error", &["langfuse.observation.level"]).as_deref() == Some("ERROR") {
        let message = reader.text("error", &["langfuse.observation.status_message"]);
        reader.mapped.error = message.or_else(|| Some("error".to_owned()));
    } else {
        reader.mapped.source_keys.shift_remove("error");
    }
}

/// Session and user, provider and agent, as LangChain's metadata and the trace's name them.
fn read_context(reader: &mut Reader, metadata: &Map<String, Value>) {
    let trace = payload::metadata(reader.attributes(), "langfuse.trace.metadata");
    let named = |keys: &[&str]| {
        let of = |map, origin| first_text(map, keys).map(|found| (found, origin));
        of(metadata, METADATA).or_else(|| of(&trace, "langfuse.trace.metadata"))
    };
    let session = reader.text("session_key", &["langfuse.session.id", "session.id"]).map(|id| (0, id));
    reader.mapped.session_key = session.or_else(|| {
        let (id, origin) = named(&["langfuse_session_id"])
            .map(|found| ((0, found.0), found.1))
            .or_else(|| named(&["thread_id", "conversation_id"]).map(|found| ((1, found.0), found.1)))?;
        reader.note("session_key", origin);
        Some(id)
    });
    let user = reader.text("user_key", &["langfuse.user.id", "user.id"]);
    reader.mapped.user_key = user.or_else(|| {
        let (id, origin) = named(&["langfuse_user_id"])?;
        reader.note("user_key", origin);
        Some(id)
    });
    reader.mapped.provider = first_str(metadata, &["ls_provider"]).and_then(provider);
    if reader.mapped.provider.is_some() {
        reader.note("provider", METADATA);
    }
    // LangChain's handler in JavaScript puts the model that answered in the place of the one asked for.
    if let Some(asked) = first_text(metadata, &["ls_model_name"]).filter(|_| reader.mapped.kind == Some(SpanKind::Llm))
        && reader.mapped.model.as_ref().is_some_and(|model| model.starts_with(&format!("{asked}-")))
    {
        reader.mapped.response_model = reader.mapped.model.replace(asked);
        reader.note("response_model", "langfuse.observation.model.name");
        reader.note("model", METADATA);
    }
    if reader.mapped.kind == Some(SpanKind::Agent) {
        reader.mapped.agent_name = first_text(metadata, &["lc_agent_name", "agent_name"]);
    }
    // An item of a dataset is the task, a run of an experiment one try at it.
    reader.mapped.rollout_key = reader.text("rollout_key", &["langfuse.experiment.item.id"]);
    reader.mapped.attempt_key = reader.text("attempt_key", &["langfuse.experiment.id"]);
}

/// What the wrappers of OpenAI keep among the metadata.
fn read_call_metadata(reader: &mut Reader, metadata: &Map<String, Value>) {
    let mut told = Mapped {
        system_prompt: first_text(metadata, &["instructions"]),
        tool_definitions: first(metadata, &["tools"]).and_then(tool_definitions),
        finish_reason: first(metadata, &["finish_reason", "status"]).and_then(finish_reason),
        ..Mapped::default()
    };
    payload::note(&mut told, METADATA);
    fill(&mut reader.mapped, told);
    let previous = first_text(metadata, &["previous_response_id"]);
    if previous.is_some() {
        reader.mapped.previous_response_id = previous;
        reader.note("previous_response_id", METADATA);
    }
}

#[cfg(test)]
mod tests;
