//! OpenTelemetry's GenAI semantic conventions, all versions: span attributes, the event with the whole call
//! (`gen_ai.client.inference.operation.details`, as log record or span event) and the older event per message.
//! Content that was uploaded elsewhere (`gen_ai.input.messages_ref`) is not read: the reference stays on the span.
//! Source: open-telemetry/semantic-conventions-genai, `model/gen-ai`, and semantic-conventions up to 1.41.

use std::collections::HashMap;

use gleaner_model::{Message, Part, SpanKind};
use serde_json::{Map, Value};

use super::functions::{callback_answer, callback_arguments};
use super::otel_genai_events::{MessageEvent, message_events};
use super::otel_genai_usage::read_usage;
use super::reader::{Reader, captured};
use super::{Reading, google_adk, openlit, otel_genai_content};
use crate::mapped::{Mapped, MergedSpan};
use crate::messages::{arguments, finish_reason, lift_system, messages, system_text, tool_definitions};
use crate::value::{is_empty, structured, text};

/// The event that carries what else the span's attributes carry (≥ 1.37).
const DETAILS: &str = "gen_ai.client.inference.operation.details";

/// Keys each of which shows that the span tells of a GenAI operation. Keys that are copied onto every span of a run
/// (conversation, agent name) do not.
const EVIDENCE: &[&str] = &[
    "gen_ai.operation.name",
    "gen_ai.request.model",
    "gen_ai.response.model",
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.tool.name",
    "gen_ai.tool.call.id",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
    "gen_ai.evaluation.name",
    "gen_ai.memory.query.text",
    "gen_ai.memory.records",
    "gen_ai.retrieval.query.text",
    "gen_ai.retrieval.documents",
    "gen_ai.embeddings.dimension.count",
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.prompt_tokens",
    "sk.available_functions",
];

/// Whether the span, or an event of it, carries a GenAI operation.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    EVIDENCE.iter().any(|key| span.span.attributes.get(*key).is_some_and(|value| !is_empty(value)))
        && !openlit::is_traced_function(span)
        || span.logs.iter().any(|log| log.event_name == DETAILS)
        || span.span.events.iter().any(|event| event.name == DETAILS)
        || message_events(span).next().is_some()
}

/// Reads attributes first, then the details event, then the events per message.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    // A later record of one call knows more than an earlier one.
    for log in span.logs.iter().rev().filter(|log| log.event_name == DETAILS) {
        reader.add_event(DETAILS, &log.attributes);
    }
    for event in span.span.events.iter().rev().filter(|event| event.name == DETAILS) {
        reader.add_event(DETAILS, &event.attributes);
    }
    read_call(&mut reader);
    if reader.mapped.cost_usd == Some(0.0) && openlit::recognises(span) {
        reader.mapped.cost_usd = None;
        reader.mapped.source_keys.shift_remove("cost_usd");
    }
    read_messages(&mut reader, span);
    read_usage(&mut reader, &span.span.scope.name);
    // Anthropic's own client reads what the provider counted.
    reader.mapped.knows_usage = span.span.scope.name.starts_with("com.anthropic.sdk.");
    read_tool(&mut reader);
    reader.mapped.kind = kind(&mut reader);
    if !matches!(reader.mapped.kind, Some(SpanKind::Llm | SpanKind::Tool)) {
        let asked = ["gen_ai.retrieval.query.text", "gen_ai.memory.query.text"];
        reader.mapped.input_text = reader.text("input_text", &asked);
        let found = ["gen_ai.retrieval.documents", "gen_ai.memory.records"];
        reader.mapped.output_text = reader.text("output_text", &found);
    }
    let is_tool = reader.mapped.kind == Some(SpanKind::Tool);
    let opaque = if is_tool { Mapped::default() } else { otel_genai_content::read(&mut reader) };
    Reading { structured: reader.mapped, opaque }
}

fn read_call(reader: &mut Reader) {
    reader.mapped.operation = reader.text("operation", &["gen_ai.operation.name"]);
    reader.mapped.provider =
        ["gen_ai.provider.name", "gen_ai.system"].iter().find_map(|key| provider(&reader.text("provider", &[key])?));
    // What OpenLLMetry says of a model that LangChain does not name.
    let is_named = |model: &String| model != "unknown";
    reader.mapped.model = reader.text("model", &["gen_ai.request.model"]).filter(is_named);
    reader.mapped.response_model = reader.text("response_model", &["gen_ai.response.model"]).filter(is_named);
    reader.mapped.response_id = reader.text("response_id", &["gen_ai.response.id", "gen_ai.response_id"]);
    let finish = ["gen_ai.response.finish_reasons", "gen_ai.response.finish_reason", "anthropic.message.stop_reason"];
    reader.mapped.finish_reason = reader.find("finish_reason", &finish).and_then(finish_reason);
    reader.mapped.cost_usd =
        reader.number("cost_usd", &["gen_ai.usage.cost", "gen_ai.usage.total_cost", "gen_ai.cost.total_cost"]);
    if reader.mapped.cost_usd.is_none() {
        let parts = ["gen_ai.usage.input_cost", "gen_ai.usage.output_cost"];
        let parts = parts.map(|key| reader.number("cost_usd", &[key]));
        reader.mapped.cost_usd = parts[0].zip(parts[1]).map(|(input, output)| input + output);
    }
    // What OpenAI's instrumentation of its agents calls one whose name it does not know.
    reader.mapped.agent_name = reader.text("agent_name", &["gen_ai.agent.name"]).filter(|name| name != "OpenAI Agent");
    reader.mapped.agent_version = reader.text("agent_version", &["gen_ai.agent.version"]);
    let session = reader.text("session_key", &["session.id"]).map(|id| (0, id));
    let threads = ["gen_ai.conversation.id", "gen_ai.thread.id"];
    let thread = reader.text("session_key", &threads).filter(|id| !is_response_id(id));
    reader.mapped.session_key = session.or_else(|| Some((1, thread?)));
    let goes_on_from = reader.text("previous_response_id", &["gen_ai.conversation.id"]);
    reader.mapped.previous_response_id = goes_on_from.filter(|id| is_response_id(id));
    let definitions = reader.find("tool_definitions", &["gen_ai.tool.definitions"]);
    reader.mapped.tool_definitions = definitions.and_then(tool_definitions);
    if reader.mapped.tool_definitions.is_none() {
        // Azure's agents, and names alone from Semantic Kernel.
        let offered = reader.find("tool_definitions", &["gen_ai.request.tools", "sk.available_functions"]);
        reader.mapped.tool_definitions = offered.and_then(offered_tools);
    }
    reader.mapped.parameters = parameters(reader);
}

/// Where OpenAI keeps the conversation without naming it, some name it by the latest response: another one with every call.
pub(super) fn is_response_id(conversation: &str) -> bool {
    conversation.starts_with("resp_")
}

/// Definitions, or names that stand in one text.
fn offered_tools(value: &Value) -> Option<Value> {
    tool_definitions(value).or_else(|| {
        let names: Value = value.as_str()?.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        tool_definitions(&names)
    })
}

fn parameters(reader: &mut Reader) -> Option<Map<String, Value>> {
    let mut parameters = reader.prefixed("gen_ai.request.");
    parameters.shift_remove("model");
    if let Some(stops) = parameters.get_mut("stop_sequences") {
        *stops = structured(stops);
    }
    // What AgentOps, Laminar and traceAI put here beside parameters: tools, the kind of call, the transport, all of them in one.
    let is_parameter = |name: &str| {
        !matches!(name, "type" | "headers" | "base_url" | "tools" | "parameters")
            && !name.starts_with("tools.")
            && !name.starts_with("functions")
    };
    // OpenLIT says -1 where no limit is set.
    let is_unset = |name: &str, value: &Value| name == "max_tokens" && value.as_i64() == Some(-1);
    parameters.retain(|name, value| is_parameter(name) && !is_unset(name, value));
    if let Some(kind) = reader.find("parameters", &["gen_ai.output.type"]) {
        parameters.insert("output_type".to_owned(), kind.clone());
    }
    for (prefix, key) in [("openai.request.", "service_tier"), ("gen_ai.openai.request.", "service_tier")] {
        if let Some(value) = reader.find("parameters", &[&format!("{prefix}{key}")]) {
            parameters.entry(key).or_insert_with(|| value.clone());
        }
    }
    if parameters.is_empty() {
        return None;
    }
    reader.note("parameters", "gen_ai.request.*");
    Some(parameters)
}

/// OpenTelemetry's instrumentation of botocore tells of each result by an event of its own, and of all of them again as the
/// user's message that Bedrock was sent.
fn without_repeated_results(messages: Vec<Message>) -> Vec<Message> {
    let id_of = |part: &Part| match part {
        Part::ToolCallResponse { id, .. } => id.clone(),
        _ => None,
    };
    let mut kept: Vec<Message> = Vec::with_capacity(messages.len());
    // Where the results of the last messages of tools stand, by their calls: of one call the last.
    let mut told: HashMap<String, (usize, usize)> = HashMap::new();
    for message in messages {
        let is_told = |part: &Part| {
            let place = id_of(part).and_then(|id| told.get(&id));
            place.is_some_and(|(message, place)| kept[*message].parts[*place] == *part)
        };
        if !message.parts.is_empty() && message.parts.iter().all(is_told) {
            continue;
        }
        if message.role == "tool" {
            let ids = message.parts.iter().enumerate().filter_map(|(place, part)| Some((id_of(part)?, place)));
            told.extend(ids.map(|(id, place)| (id, (kept.len(), place))));
        } else {
            told.clear();
        }
        kept.push(message);
    }
    kept
}

fn read_messages(reader: &mut Reader, span: &MergedSpan) {
    let instructions = reader.find("system_prompt", &["gen_ai.system_instructions"]).and_then(system_text);
    let input = reader.find("input_messages", &["gen_ai.input.messages"]).map(|value| messages(value, "user"));
    let output = reader.find("output_messages", &["gen_ai.output.messages"]);
    let output = output.map(|value| {
        let whole = google_adk::whole_of_pieces(value, span);
        messages(whole.as_ref().unwrap_or(value), "assistant")
    });
    tell_why_it_ended(reader, output.as_deref().unwrap_or_default(), "gen_ai.output.messages");
    let (mut input, mut output) = (input.and_then(captured), output.and_then(captured));
    if input.is_none() || output.is_none() {
        let mut events: Vec<_> = message_events(span).collect();
        events.sort_by_key(|event| event.time_unix_nano);
        let (choices, history): (Vec<_>, Vec<_>) = events.into_iter().partition(|event| event.is_choice);
        let messages_of =
            |events: Vec<MessageEvent>| -> Vec<Message> { events.into_iter().map(|event| event.message).collect() };
        if input.is_none() {
            input = captured(without_repeated_results(messages_of(history)));
            if input.is_some() {
                reader.note("input_messages", "gen_ai.*.message");
            }
        }
        if output.is_none() {
            let choices = messages_of(choices);
            tell_why_it_ended(reader, &choices, "gen_ai.choice");
            output = captured(choices);
            if output.is_some() {
                reader.note("output_messages", "gen_ai.choice");
            }
        }
    }
    if let Some(input) = input {
        let (head, rest) = lift_system(input);
        // Where both are sent they are the same, or the instructions are the newer form.
        if instructions.is_none() && head.is_some() {
            let origin = reader.mapped.source_keys.get("input_messages").and_then(text).unwrap_or_default();
            reader.note("system_prompt", &origin);
        }
        reader.mapped.system_prompt = instructions.or(head);
        reader.mapped.input_messages = Some(rest);
    } else {
        reader.mapped.system_prompt = instructions;
    }
    reader.mapped.output_messages = output;
}

/// An answer whose content was hidden still says why it ended.
fn tell_why_it_ended(reader: &mut Reader, output: &[Message], origin: &str) {
    let told = output.iter().find_map(|message| message.finish_reason.clone());
    if reader.mapped.finish_reason.is_none() && told.is_some() {
        reader.mapped.finish_reason = told;
        reader.note("finish_reason", origin);
    }
}

fn read_tool(reader: &mut Reader) {
    reader.mapped.tool_name = reader.text("tool_name", &["gen_ai.tool.name"]);
    reader.mapped.tool_call_id = reader.text("tool_call_id", &["gen_ai.tool.call.id", "gen_ai.tool.call_id"]);
    // The last keys are OpenLIT's and any-agent's.
    let written = ["gen_ai.tool.call.arguments", "gen_ai.tool.input", "gen_ai.tool.args"];
    let given = reader.find("tool_arguments", &written);
    reader.mapped.tool_arguments = given.map(|given| callback_arguments(given).unwrap_or_else(|| arguments(given)));
    let answered = ["gen_ai.tool.call.result", "gen_ai.tool.output", "gen_ai.tool.result"];
    if let Some(returned) = reader.find("tool_result", &answered) {
        let answer = callback_answer(returned);
        let id = answer.as_ref().and_then(|answer| answer.id.clone());
        if id.is_some() && reader.mapped.tool_call_id.is_none() {
            reader.note("tool_call_id", "gen_ai.tool.call.result");
            reader.mapped.tool_call_id = id;
        }
        reader.mapped.tool_result = Some(answer.map_or_else(|| returned.clone(), |answer| answer.response));
    }
    if reader.mapped.tool_result.is_none() && reader.mapped.tool_name.is_some() {
        reader.mapped.tool_result = reader.find("tool_result", &["gen_ai.output"]).cloned();
    }
}

/// By the operation's name, else by what is there.
fn kind(reader: &mut Reader) -> Option<SpanKind> {
    let operation = reader.mapped.operation.as_deref().map(str::to_ascii_lowercase);
    let named = operation.as_deref().and_then(|operation| match operation {
        "chat" | "text_completion" | "generate_content" | "completion" | "generate" | "realtime" | "speech"
        | "transcription" | "responses" | "llm_call" | "chat.completions" | "chat.streaming_completions"
        | "text.completions" | "text.streaming_completions" => Some(SpanKind::Llm),
        "embeddings" | "embedding" => Some(SpanKind::Embedding),
        "retrieval" | "search_memory" => Some(SpanKind::Retriever),
        "rerank" => Some(SpanKind::Reranker),
        "create_agent" | "invoke_agent" | "agent_call" => Some(SpanKind::Agent),
        "execute_tool" | "tool_call" => Some(SpanKind::Tool),
        "guardrail" => Some(SpanKind::Guardrail),
        "evaluate" | "evaluation" => Some(SpanKind::Evaluator),
        "invoke_workflow"
        | "plan"
        | "agent_step"
        | "handoff"
        | "agent_handoff"
        | "execute_task"
        | "user_prompt"
        | "system_prompt"
        | "schedule_tool_calls"
        | "execute_event_loop_cycle"
        | "workflow"
        | "task"
        | "create_memory_store"
        | "delete_memory_store"
        | "create_memory"
        | "update_memory"
        | "upsert_memory"
        | "delete_memory"
        // Spring AI's clients, and Azure's agents: what they do around the run.
        | "framework"
        | "create_thread"
        | "create_message"
        | "list_messages"
        | "start_thread_run"
        | "submit_tool_outputs" => Some(SpanKind::Chain),
        _ => None,
    });
    if named.is_some() {
        reader.note("kind", "gen_ai.operation.name");
        return named;
    }
    let mapped = &reader.mapped;
    let is_tool = mapped.tool_name.is_some()
        || mapped.tool_call_id.is_some()
        || mapped.tool_arguments.is_some()
        || mapped.tool_result.is_some();
    let is_llm = mapped.input_messages.is_some()
        || mapped.output_messages.is_some()
        || mapped.model.is_some()
        || mapped.response_model.is_some();
    if is_tool {
        return Some(SpanKind::Tool);
    }
    if reader.find("kind", &["gen_ai.retrieval.documents", "gen_ai.retrieval.query.text"]).is_some() {
        return Some(SpanKind::Retriever);
    }
    if reader.find("kind", &["gen_ai.embeddings.dimension.count"]).is_some() {
        return Some(SpanKind::Embedding);
    }
    if !is_llm && reader.find("kind", &["gen_ai.evaluation.name"]).is_some() {
        return Some(SpanKind::Evaluator);
    }
    Some(if is_llm { SpanKind::Llm } else { SpanKind::Chain })
}

/// Normalized provider name; names of frameworks are not providers.
pub(super) fn provider(name: &str) -> Option<String> {
    let name = name.trim().to_ascii_lowercase();
    let normalized = match without_api(&name) {
        ""
        | "strands-agents"
        | "gcp.vertex.agent"
        | "langchain"
        | "langgraph"
        | "crewai"
        | "autogen"
        | "pydantic-ai"
        | "microsoft.agent_framework"
        | "spring_ai"
        | "az.ai.agents"
        | "microsoft.foundry"
        | "semantic_kernel"
        | "livekit"
        | "github.copilot"
        | "_other"
        | "unknown" => return None,
        "az.ai.openai" | "azure_openai" | "azure-openai" | "azureopenai" | "azure" => "azure.ai.openai",
        "az.ai.inference" => "azure.ai.inference",
        "xai" => "x_ai",
        "mistralai" | "mistral" => "mistral_ai",
        "vertex_ai" | "vertexai" | "vertex" | "google.vertex" | "google-vertex" | "google_vertexai" => "gcp.vertex_ai",
        "gemini" | "google" | "googleai" | "google_genai" | "google_generativeai" => "gcp.gemini",
        "bedrock" | "amazon-bedrock" | "amazon_bedrock" | "aws" | "aws_bedrock" => "aws.bedrock",
        other => other,
    };
    Some(normalized.to_owned())
}

/// The AI SDK names a provider together with the API that is called: `openai.responses`, `google.vertex.chat`.
fn without_api(name: &str) -> &str {
    for prefix in ["google.vertex", "vertex"] {
        if name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.')) {
            return prefix;
        }
    }
    match name.split_once('.') {
        Some((
            bare,
            "chat" | "responses" | "completion" | "completions" | "messages" | "embedding" | "embeddings"
            | "text-embedding" | "textembedding" | "generative-ai" | "image" | "speech" | "transcription" | "rerank"
            | "reranking",
        )) => bare,
        _ => name,
    }
}

#[cfg(test)]
mod tests;
