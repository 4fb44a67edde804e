//! What one span says, whatever library sent it.
//!
//! A span is read by every convention that recognises what it carries (never by the library's name): conventions co-exist
//! on one span. The readings are then merged field by field: the first in the order of `CONVENTIONS` that says something
//! wins; what conventions read from opaque request and response bodies comes after what any of them read from structured
//! keys. Tool calls and reasoning that the winner lacks are added from the others; never two copies of one content.
//!
//! A further convention is one file with `recognises` and `read`, and one line in `registry.rs`.

mod ag2;
mod agent_framework;
mod agent_lightning;
pub(crate) mod agent_runs;
mod agentops;
mod association;
mod autogen;
pub(crate) mod automatic_functions;
mod bodies;
mod braintrust;
mod call_ids;
pub(crate) mod claude_code;
pub(crate) mod codex;
pub(crate) mod copilot;
mod crewai;
mod dify;
mod functions;
pub(crate) mod gemini_cli;
mod generic;
mod genkit;
mod google_adk;
pub(crate) mod google_genai;
mod haystack;
mod haystack_messages;
mod honeyhive;
mod laminar;
mod langfuse;
mod langsmith;
mod langtrace;
mod langwatch;
mod litellm;
mod livekit;
pub(crate) mod livekit_deltas;
mod llama_index;
mod logfire;
mod mastra;
mod mastra_methods;
pub(crate) mod mcp;
mod mistral_sdk;
mod mlflow;
mod mlflow_chunks;
mod n8n;
mod openinference;
mod openinference_gaps;
mod openinference_parameters;
mod openinference_steps;
mod openinference_text;
mod openinference_tools;
mod openinference_usage;
mod openlit;
mod openllmetry;
mod openllmetry_js;
mod openllmetry_llama_index;
mod opik;
mod otel_genai;
mod otel_genai_content;
mod otel_genai_events;
mod otel_genai_usage;
mod payload;
mod pipecat;
mod provider;
mod pydantic_ai;
mod raw;
mod reader;
mod registry;
mod sources;
mod spring_ai;
mod strands;
mod told_calls;
mod tool_messages;
mod tool_results;
mod traceai;
mod trulens;
mod vercel_ai;
mod voltagent;
pub(crate) mod voltagent_loops;
mod weave;

use gleaner_model::{Message, Part, SpanKind};
use serde_json::Value;

use self::call_ids::add_missing_ids;
pub(crate) use self::openinference_tools::called_with;
pub use self::registry::switch_on;
use self::registry::{CONVENTIONS, Convention};
use self::tool_results::{add_missing_contents, add_missing_results};
use crate::derive::calls::is_version_of;
use crate::mapped::{Mapped, MergedSpan};
use crate::messages::{COMPLETED, KnownCalls, pair_results, separate_thinking};
use crate::value::text;

/// What one convention reads from a span.
#[derive(Default)]
struct Reading {
    /// From keys that name what they hold.
    structured: Mapped,
    /// From raw request and response bodies, believed only where no structured key of any convention says anything.
    opaque: Mapped,
}

/// Reads everything that a span says.
pub fn map(span: &MergedSpan) -> Mapped {
    let mut readings: Vec<(&Convention, Reading)> = CONVENTIONS
        .iter()
        .filter(|convention| (convention.recognises)(span))
        .map(|convention| (convention, (convention.read)(span)))
        .collect();
    let mut mapped = Mapped::default();
    let kind = readings
        .iter()
        .filter_map(|(convention, reading)| Some((convention.kind_rank, reading.structured.kind?)))
        .min_by_key(|(rank, _)| *rank);
    mapped.kind = kind.map(|(_, kind)| kind);
    mapped.convention = readings
        .iter()
        .find(|(_, reading)| has_messages(&reading.structured))
        .or_else(|| readings.iter().find(|(_, reading)| reading.structured.kind.is_some()))
        .or_else(|| readings.first())
        .map(|(convention, _)| convention.name);
    for (_, reading) in &mut readings {
        settle_parameters(&mut reading.structured);
        settle_parameters(&mut reading.opaque);
    }
    for (_, reading) in &mut readings {
        add_missing_parameters(&mut mapped, &reading.structured);
        fill(&mut mapped, std::mem::take(&mut reading.structured));
    }
    for (_, reading) in readings {
        fill(&mut mapped, reading.opaque);
    }
    if mapped.convention.is_none() {
        mapped.unmapped_reason = Some(raw::reason(span));
    }
    fill(&mut mapped, generic::read(span));
    fill(&mut mapped, association::read(span));
    let messages = mapped.input_messages.iter_mut().chain(&mut mapped.output_messages).flatten();
    messages.for_each(separate_thinking);
    google_genai::drop_made_up_ids(&mut mapped);
    complete(&mut mapped, span);
    sources::complete(&mut mapped, span);
    mapped
}

/// Model calls and tool executions that the span tells of beside itself, in order; see [`crate::told`].
pub(crate) fn told(span: &MergedSpan) -> Vec<Mapped> {
    let mut told = haystack::told(span);
    told.extend(google_adk::told(span));
    told.extend(autogen::told(span));
    told.extend(crewai::told(span));
    told.extend(automatic_functions::told(span));
    told.extend(langsmith::told(span));
    told.extend(mastra_methods::told(span));
    told
}

fn has_messages(mapped: &Mapped) -> bool {
    mapped.input_messages.is_some() || mapped.output_messages.is_some()
}

/// Parameters that were set. Libraries list the previous response among them; it names another call at every turn, and sets
/// nothing.
fn settle_parameters(mapped: &mut Mapped) {
    let Some(parameters) = &mut mapped.parameters else { return };
    parameters.retain(|_, value| !is_unset(value));
    for key in ["previous_response.id", "previous_response_id"] {
        let Some(id) = parameters.shift_remove(key).as_ref().and_then(text) else { continue };
        if mapped.previous_response_id.is_none() {
            mapped.previous_response_id = Some(id);
            let origin = mapped.source_keys.get("parameters").and_then(Value::as_str).unwrap_or_default();
            let origin = origin.strip_suffix('*').map_or_else(|| origin.to_owned(), |prefix| format!("{prefix}{key}"));
            mapped.source_keys.insert("previous_response_id".to_owned(), Value::String(origin));
        }
    }
    if parameters.is_empty() {
        mapped.parameters = None;
        mapped.source_keys.shift_remove("parameters");
    }
}

/// Clients have objects for what was not set, which libraries print; their addresses would tell equal settings apart.
fn is_unset(value: &Value) -> bool {
    let printed = value.as_str().unwrap_or_default();
    printed == "NOT_GIVEN" || printed.starts_with('<') && printed.contains(" object at 0x")
}

/// Takes from `other` what `mapped` lacks.
fn fill(mapped: &mut Mapped, mut other: Mapped) {
    if let (Some(input), Some(more)) = (&mut mapped.input_messages, &other.input_messages) {
        add_missing_ids(input, more);
        add_missing_contents(input, more);
        add_missing_results(input, more);
    }
    if let (Some(output), Some(more)) = (&mut mapped.output_messages, &other.output_messages) {
        add_missing_parts(output, more);
    }
    macro_rules! take {
        ($($field:ident),+ $(,)?) => {$(
            if mapped.$field.is_none() && other.$field.is_some() {
                mapped.$field = other.$field.take();
                if let Some(key) = other.source_keys.remove(stringify!($field)) {
                    mapped.source_keys.insert(stringify!($field).to_owned(), key);
                }
            }
        )+};
    }
    take_asked_model(mapped, &other);
    mapped.is_late_record |= other.is_late_record;
    mapped.repeats_parent |= other.repeats_parent;
    mapped.awaits_record |= other.awaits_record;
    mapped.knows_usage |= other.knows_usage;
    // Usage is read as a whole: what is cached belongs to the input that it is part of.
    if mapped.input_tokens.is_none() && mapped.output_tokens.is_none() {
        take!(input_tokens, output_tokens, cached_tokens, reasoning_tokens);
    }
    take!(
        kind,
        provider,
        model,
        response_model,
        response_id,
        previous_response_id,
        operation,
        system_prompt,
        input_messages,
        output_messages,
        input_text,
        output_text,
        tool_definitions,
        tool_name,
        tool_call_id,
        tool_arguments,
        tool_result,
        finish_reason,
        parameters,
        cached_tokens,
        reasoning_tokens,
        cost_usd,
        error,
        agent_name,
        agent_version,
        rollout_key,
        attempt_key,
        user_key,
        ancestors,
    );
    let better = |new: &(u8, String)| mapped.session_key.as_ref().is_none_or(|known| new.0 < known.0);
    if other.session_key.as_ref().is_some_and(better) {
        mapped.session_key = other.session_key.take();
        if let Some(key) = other.source_keys.remove("session_key") {
            mapped.source_keys.insert("session_key".to_owned(), key);
        }
    }
}

/// Where one convention says `gpt-4o` and another `gpt-4o-2024-08-06` of what was asked for, the latter answered.
fn take_asked_model(mapped: &mut Mapped, other: &Mapped) {
    let (Some(known), Some(asked)) = (&mapped.model, &other.model) else { return };
    if !is_version_of(known, asked) || mapped.response_model.as_ref().is_some_and(|answered| answered != known) {
        return;
    }
    mapped.response_model = Some(known.clone());
    mapped.model = Some(asked.clone());
    if let Some(key) = mapped.source_keys.get("model").cloned() {
        mapped.source_keys.entry("response_model").or_insert(key);
    }
    if let Some(key) = other.source_keys.get("model").cloned() {
        mapped.source_keys.insert("model".to_owned(), key);
    }
}

/// Conventions on one span tell different parameters of one call.
fn add_missing_parameters(mapped: &mut Mapped, other: &Mapped) {
    let (Some(known), Some(more)) = (&mut mapped.parameters, &other.parameters) else { return };
    for (name, value) in more {
        known.entry(name).or_insert_with(|| value.clone());
    }
}

/// Adds tool calls and reasoning of another convention's reading of the same answer, where this one has none of them.
fn add_missing_parts(output: &mut [Message], more: &[Message]) {
    add_missing_details(output, more);
    let [message] = output else { return };
    let others = || more.iter().flat_map(|message| &message.parts);
    // One call may go by two ids (`call_…` and `fc_…`): its name and arguments tell.
    let own = KnownCalls::among(&message.parts);
    let mut known = own.clone();
    for call in others().filter(|part| matches!(part, Part::ToolCall { .. })) {
        if !known.has(call) && !own.has_content(call) {
            known.add(call);
            message.parts.push(call.clone());
        }
    }
    // Some conventions cannot tell a refusal from text.
    for refusal in others() {
        let Part::Refusal { content } = refusal else { continue };
        let same = |part: &&mut Part| matches!(part, Part::Text { content: text } if text == content);
        if let Some(text) = message.parts.iter_mut().find(same) {
            *text = refusal.clone();
        }
    }
    if message.parts.is_empty() {
        message.parts.extend(others().cloned());
    }
}

/// Adds of another report of the same answer what this one may lack though it tells of everything that was said: reasoning,
/// and ids of tool calls.
pub(crate) fn add_missing_details(output: &mut [Message], more: &[Message]) {
    let [message] = output else { return };
    if !message.parts.iter().any(Part::is_readable_reasoning) {
        let knows_of_some = message.parts.iter().any(Part::is_reasoning);
        let others = more.iter().flat_map(|message| &message.parts);
        let lacks = |part: &&Part| part.is_readable_reasoning() || (part.is_reasoning() && !knows_of_some);
        let reasoning: Vec<Part> = others.filter(lacks).cloned().collect();
        message.parts.splice(0..0, reasoning);
    }
    add_missing_ids(output, more);
}

/// What OpenAI's Agents SDK writes into responses that it puts together itself: it names no call.
const NO_RESPONSE_ID: &str = "__fake_id__";

/// What follows from the other fields once all conventions are merged.
fn complete(mapped: &mut Mapped, span: &MergedSpan) {
    if let Some(turn) = &span.turn {
        mapped.rollout_key.get_or_insert_with(|| turn.clone());
        mapped.attempt_key.get_or_insert_with(|| turn.clone());
    }
    if mapped.model.is_none() && mapped.response_model.is_some() {
        mapped.model.clone_from(&mapped.response_model);
        if let Some(key) = mapped.source_keys.get("response_model").cloned() {
            mapped.source_keys.insert("model".to_owned(), key);
        }
    }
    provider::take_off_route(mapped, span);
    complete_finish_reason(mapped);
    note_cut_content(mapped, span);
    if mapped.response_id.as_deref() == Some(NO_RESPONSE_ID) {
        mapped.response_id = None;
        mapped.source_keys.shift_remove("response_id");
    }
    // One convention tells the provider's bare input, another what came from a cache beside it.
    if let (Some(input), Some(cached)) = (mapped.input_tokens, mapped.cached_tokens)
        && cached > input
    {
        mapped.input_tokens = Some(input.saturating_add(cached));
    }
    if let Some(input) = &mut mapped.input_messages {
        pair_results(input);
    }
    if mapped.kind == Some(SpanKind::Tool) {
        tool_messages::settle(mapped);
    }
    let name = span.span.name.trim();
    match mapped.kind {
        Some(SpanKind::Tool) if mapped.tool_name.is_none() => {
            mapped.tool_name = bare_name(name, &["execute_tool ", "running tool: "], &[".tool", ".__call__"]);
        }
        Some(SpanKind::Agent) if mapped.agent_name.is_none() => {
            // An agent without a name is called by its model by some.
            mapped.agent_name = bare_name(name, &["invoke_agent ", "create_agent "], &[".agent"])
                .filter(|name| Some(name) != mapped.model.as_ref() && !is_method(name));
        }
        _ => {}
    }
}

/// Content that was cut off on its way lacks what came last: `source_keys.truncated` names the key.
fn note_cut_content(mapped: &mut Mapped, span: &MergedSpan) {
    for field in ["input_messages", "output_messages"] {
        let Some(key) = mapped.source_keys.get(field).and_then(Value::as_str) else { continue };
        let Some(sent) = span.span.attributes.get(key).and_then(Value::as_str).map(str::trim) else { continue };
        let is_cut = sent.starts_with('[') && !sent.ends_with(']') || sent.starts_with('{') && !sent.ends_with('}');
        if is_cut {
            let key = Value::String(key.to_owned());
            mapped.source_keys.insert("truncated".to_owned(), key);
        }
    }
}

fn complete_finish_reason(mapped: &mut Mapped) {
    complete_from_output(mapped);
    let messages = mapped.output_messages.iter_mut().chain(&mut mapped.input_messages).flatten();
    for told in messages.map(|message| &mut message.finish_reason).chain([&mut mapped.finish_reason]) {
        if told.as_deref() == Some(COMPLETED) {
            *told = Some("stop".to_owned());
        }
    }
}

fn complete_from_output(mapped: &mut Mapped) {
    let Some(output) = &mut mapped.output_messages else { return };
    if mapped.finish_reason.is_none() {
        mapped.finish_reason = output.iter().find_map(|message| message.finish_reason.clone());
    }
    let has = |is: fn(&Part) -> bool| output.iter().flat_map(|message| &message.parts).any(is);
    // Calls that the same message answers were not what it stopped for: a whole run, or tools that the provider runs.
    let is_answered = has(|part| matches!(part, Part::ToolCallResponse { .. }));
    let told = mapped.finish_reason.as_deref();
    // The Responses API and Gemini, and who instruments them, say `completed` or `stop` also of an answer that asks for tools.
    // Gemini CLI's records are the provider's own words, and stay so.
    let is_verbatim = mapped.convention == Some("gemini_cli")
        && mapped.model.as_deref().is_some_and(|model| model.contains("gemini"));
    // OpenAI's chat completions end with `stop` where a request forces a call.
    let is_forced = mapped.response_id.as_deref().is_some_and(|id| id.starts_with("chatcmpl-"));
    let is_open = matches!(told, None | Some(COMPLETED)) || told == Some("stop") && !is_verbatim && !is_forced;
    if is_open && !is_answered && has(|part| matches!(part, Part::ToolCall { .. })) {
        mapped.finish_reason = Some("tool_call".to_owned());
    } else if matches!(told, None | Some(COMPLETED | "stop")) && has(|part| matches!(part, Part::Refusal { .. })) {
        mapped.finish_reason = Some("content_filter".to_owned());
    }
    if let [message] = output.as_mut_slice() {
        message.finish_reason.clone_from(&mapped.finish_reason);
    }
    if mapped.finish_reason.is_some()
        && !mapped.source_keys.contains_key("finish_reason")
        && let Some(origin) = mapped.source_keys.get("output_messages").cloned()
    {
        mapped.source_keys.insert("finish_reason".to_owned(), origin);
    }
}

/// What a run is called that has no name: the method (the Anthropic SDK's tool runner, the AI SDK) or the operation (Logfire).
fn is_method(name: &str) -> bool {
    name.starts_with("anthropic.") || name.starts_with("ai.") || matches!(name, "invoke_agent" | "create_agent")
}

fn bare_name(name: &str, prefixes: &[&str], suffixes: &[&str]) -> Option<String> {
    let bare = prefixes.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
    let bare = suffixes.iter().find_map(|suffix| bare.strip_suffix(suffix)).unwrap_or(bare);
    (!bare.is_empty()).then(|| bare.to_owned())
}

#[cfg(test)]
mod tests;
