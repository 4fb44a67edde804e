//! Logfire's integrations of model clients and agent libraries: `request_data` and `response_data`, `events`, and what it
//! writes beside OpenTelemetry's keys.
//!
//! Recognised by those keys, or by Logfire's own keys together with a session or user that the application set under a bare
//! name. Up to version 4 the request and the answer stand only in `request_data` and `response_data`, for the Responses API
//! in a list of events; later ones write OpenTelemetry's messages too. The OpenAI Agents integration adds `raw_input` and
//! `response`. The first Claude Agent SDK integration wrote bare keys.
//!
//! A streamed call is two spans: the request, which ends early and has no answer, and a record without length that is
//! written once the stream has ended. The record is marked here; that the two are one call is seen with the whole trace.
//! Newer versions do not tell which response a call of the Responses API goes on from.

use gleaner_model::{Message, Part, SpanKind};
use serde_json::{Map, Value};

use super::otel_genai_events::listed_events;
use super::reader::{Reader, captured, set_usage};
use super::{Reading, bodies, fill, payload};
use crate::mapped::{Mapped, MergedSpan};
use crate::messages::{COMPLETED, arguments, join_split, lift_system, message};
use crate::value::{first_str, first_text, is_empty, structured};

/// Whether the span tells of a call, an agent or a tool in Logfire's keys, or names a session or a user for Logfire.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    let attributes = &span.span.attributes;
    let says = |key: &&str| attributes.get(*key).is_some_and(|value| !is_empty(value));
    let is_logfire = ["logfire.msg_template", "logfire.msg", "logfire.span_type"].iter().any(says)
        || span.span.scope.name.starts_with("logfire");
    let own = || OWN_KEYS.iter().chain(SESSION).chain(CONVERSATION).chain(USER).any(says);
    is_logfire && (kind(span).is_some() || is_google_call(span) || own())
}

const OWN_KEYS: &[&str] = &[
    "request_data",
    "response_data",
    "gen_ai.usage.raw",
    "gen_ai.usage.partial.input_tokens",
    "gen_ai.usage.partial.output_tokens",
];
const SESSION: &[&str] = &["session_id"];
const CONVERSATION: &[&str] = &["conversation_id", "thread_id"];
const USER: &[&str] = &["user_id"];

/// Reads what OpenTelemetry's keys do not tell.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    reader.mapped.kind = kind(span);
    if reader.mapped.kind.is_some() {
        reader.note("kind", "logfire.msg_template");
    }
    reader.mapped.is_late_record = is_late_record(span);
    reader.mapped.awaits_record = !reader.mapped.is_late_record && streams(span);
    read_context(&mut reader);
    read_usage(&mut reader);
    let mut opaque = Mapped::default();
    match reader.mapped.kind {
        Some(SpanKind::Agent) => read_agent(&mut reader),
        Some(SpanKind::Tool) => read_tool(&mut reader),
        Some(SpanKind::Chain) => {}
        kind => {
            let is_call = kind == Some(SpanKind::Llm);
            if is_call {
                read_items(&mut reader);
            }
            if is_call || is_google_call(span) {
                read_events(&mut reader);
            }
            opaque = read_bodies(&mut reader);
        }
    }
    Reading { structured: reader.mapped, opaque }
}

/// What the template of a span's message begins with.
const TEMPLATES: &[(&str, SpanKind)] = &[
    ("chat completion with", SpanKind::Llm),
    ("completion with", SpanKind::Llm),
    ("responses api with", SpanKind::Llm),
    ("message with", SpanKind::Llm),
    (STREAM_RECORD, SpanKind::Llm),
    ("claude.assistant.turn", SpanKind::Llm),
    ("embedding creation with", SpanKind::Embedding),
    ("image generation with", SpanKind::Other),
    ("agent run: {", SpanKind::Agent),
    ("claude.conversation", SpanKind::Agent),
    ("openai agents trace: {", SpanKind::Chain),
    ("handoff: {", SpanKind::Chain),
    ("function: {", SpanKind::Tool),
    ("guardrail {", SpanKind::Guardrail),
];

const STREAM_RECORD: &str = "streaming response from";

fn template(span: &MergedSpan) -> String {
    let template = first_str(&span.span.attributes, &["logfire.msg_template"]);
    template.unwrap_or(&span.span.name).to_ascii_lowercase()
}

fn kind(span: &MergedSpan) -> Option<SpanKind> {
    let template = template(span);
    let known = TEMPLATES.iter().find(|(prefix, _)| template.starts_with(prefix));
    let is_claude_tool =
        || span.span.scope.name == "logfire.claude_agent_sdk" && span.span.attributes.contains_key("tool_input");
    // Turns, tasks and what an application traces by the Agents SDK.
    let is_of_agents = || span.span.scope.name == "logfire.openai_agents";
    known
        .map(|(_, kind)| *kind)
        .or_else(|| is_claude_tool().then_some(SpanKind::Tool))
        .or_else(|| is_of_agents().then_some(SpanKind::Chain))
}

/// OpenTelemetry's instrumentation of Google's client, whose events Logfire turns into one attribute.
fn is_google_call(span: &MergedSpan) -> bool {
    span.span.scope.name.ends_with("google_genai") && span.span.attributes.contains_key("events")
}

/// A request whose answer streams; Logfire's integrations write the answer into the record alone.
fn streams(span: &MergedSpan) -> bool {
    let request = span.span.attributes.get("request_data").map(structured).unwrap_or_default();
    request["stream"] == true && !span.span.attributes.contains_key("response_data")
}

fn is_late_record(span: &MergedSpan) -> bool {
    span.span.attributes.get("logfire.span_type").and_then(Value::as_str) == Some("log")
        && template(span).starts_with(STREAM_RECORD)
}

/// Bare keys are believed here because the span is known to be Logfire's.
fn read_context(reader: &mut Reader) {
    let session = reader.text("session_key", SESSION).map(|id| (0, id));
    // The Agents SDK's word for a conversation.
    let group: &[&str] = if reader.mapped.kind == Some(SpanKind::Chain) { &["group_id"] } else { &[] };
    let conversation = [CONVERSATION, group].concat();
    reader.mapped.session_key = session.or_else(|| Some((1, reader.text("session_key", &conversation)?)));
    reader.mapped.user_key = reader.text("user_key", USER);
    reader.mapped.cost_usd = reader.number("cost_usd", &["operation.cost", "total_cost_usd"]);
}

/// The provider's own usage, or the part of an agent's that one call had.
fn read_usage(reader: &mut Reader) {
    const RAW: &str = "gen_ai.usage.raw";
    if let Some(Value::Object(usage)) = reader.attributes().get(RAW).map(structured) {
        let mut told = Mapped::default();
        bodies::read_usage(&mut told, &usage);
        payload::note(&mut told, RAW);
        fill(&mut reader.mapped, told);
        return;
    }
    // Without the prefix these are bare keys: only an agent's are the integration's.
    let prefix = if reader.mapped.kind == Some(SpanKind::Agent) { "usage." } else { "gen_ai.usage.partial." };
    let partial = |reader: &mut Reader, field: &str, key: &str| reader.count(field, &[&format!("{prefix}{key}")]);
    let input = partial(reader, "input_tokens", "input_tokens");
    let output = partial(reader, "output_tokens", "output_tokens");
    let cache_read = partial(reader, "cached_tokens", "cache_read.input_tokens")
        .or_else(|| partial(reader, "cached_tokens", "input_token_details.cache_read"));
    let cache_write = reader.count("cache_write", &["gen_ai.usage.partial.cache_creation.input_tokens"]);
    reader.mapped.source_keys.shift_remove("cache_write");
    set_usage(&mut reader.mapped, input, output, cache_read, cache_write);
}

fn read_agent(reader: &mut Reader) {
    reader.mapped.agent_name = reader.text("agent_name", &["gen_ai.agent.name", "agent_name", "name"]);
    reader.mapped.input_text = reader.text("input_text", &["prompt"]);
    reader.mapped.system_prompt = reader.text("system_prompt", &["system_prompt"]);
    reader.mapped.output_text = reader.text("output_text", &["result"]);
}

fn read_tool(reader: &mut Reader) {
    reader.mapped.tool_name = reader.text("tool_name", &["gen_ai.tool.name", "tool_name", "name"]);
    reader.mapped.tool_arguments = reader.find("tool_arguments", &["tool_input", "input"]).map(arguments);
    reader.mapped.tool_result = reader.find("tool_result", &["tool_response", "output"]).cloned();
    reader.mapped.error = reader.text("error", &["error"]);
}

/// The Responses API: OpenTelemetry's events per message, as a list.
fn read_events(reader: &mut Reader) {
    let Some(list) = reader.attributes().get("events").map(named_events) else { return };
    let (choices, history): (Vec<_>, Vec<_>) = listed_events(&list).into_iter().partition(|event| event.is_choice);
    // Answers are events of the assistant's after the last of anyone else's, where they are no choices.
    let mut history: Vec<Message> = join_split(history.into_iter().map(|event| event.message).collect());
    let mut answers: Vec<Message> = choices.into_iter().map(|event| event.message).collect();
    if answers.is_empty() {
        let given = history.iter().rposition(|message| message.role != "assistant").map_or(0, |last| last + 1);
        answers = history.split_off(given);
    }
    let (system_prompt, input) = lift_system(history);
    let mut told = Mapped {
        system_prompt,
        input_messages: captured(input),
        output_messages: captured(one_answer(answers)),
        ..Mapped::default()
    };
    payload::note(&mut told, "events");
    fill(&mut reader.mapped, told);
}

/// Events that came without their names have them by what they hold.
fn named_events(list: &Value) -> Value {
    let Value::Array(mut events) = structured(list) else { return Value::Null };
    for event in events.iter_mut().filter_map(Value::as_object_mut) {
        // Version 3 knows no event for reasoning and refusals: the item stands beside a text that says so.
        if event.get("event.name").and_then(Value::as_str) == Some("gen_ai.unknown")
            && let Some(item) = event.shift_remove("data").filter(|item| item.get("type").is_some())
        {
            event.insert("event.name".to_owned(), Value::String("gen_ai.assistant.message".to_owned()));
            event.insert("content".to_owned(), Value::Array(vec![item]));
        }
        let name = match first_str(event, &["role"]) {
            _ if event.contains_key("message") => "gen_ai.choice".to_owned(),
            role => format!("gen_ai.{}.message", role.unwrap_or("user")),
        };
        event.entry("event.name").or_insert(Value::String(name));
    }
    Value::Array(events)
}

/// The items of one answer are one message.
fn one_answer(items: Vec<Message>) -> Vec<Message> {
    let mut items = items.into_iter();
    let Some(mut answer) = items.next() else { return Vec::new() };
    for item in items {
        answer.parts.extend(item.parts);
        answer.finish_reason = item.finish_reason.or(answer.finish_reason);
    }
    vec![answer]
}

/// The Agents SDK holds the items of the Responses API: more exact than the events made of them.
fn read_items(reader: &mut Reader) {
    let attributes = reader.attributes();
    let mut take = |key: &str, mut told: Mapped| {
        payload::note(&mut told, key);
        fill(&mut reader.mapped, told);
    };
    if let Some(items) = attributes.get("raw_input") {
        take("raw_input", bodies::request(&items_of(items)));
    }
    read_chat_of_agents(attributes, &mut take);
    if let Some(Value::Object(body)) = attributes.get("response").map(structured) {
        take("response", told_of_request(&body));
        take("response", bodies::response(&Value::Object(body)));
    }
    if let Some(Value::Object(mut settings)) = attributes.get("model_settings").map(structured) {
        settings.retain(|_, value| !is_empty(value));
        take("model_settings", Mapped { parameters: (!settings.is_empty()).then_some(settings), ..Mapped::default() });
    }
    if let Some(content) = attributes.get("content") {
        let fields = Map::from_iter([("content".to_owned(), structured(content))]);
        let answer = message(&Value::Object(fields), "assistant");
        let model = first_text(attributes, &["model"]);
        take("content", Mapped { output_messages: captured(vec![answer]), response_model: model, ..Mapped::default() });
    }
}

/// The Agents SDK's calls of the chat API. Logfire's `request_data` lists the answer among the messages of the request; what
/// was streamed is a response of the Responses API, as the SDK makes of it.
fn read_chat_of_agents(attributes: &Map<String, Value>, take: &mut impl FnMut(&str, Mapped)) {
    let list = |key: &str| attributes.get(key).map(structured).filter(Value::is_array);
    let Some((given, answered)) = list("input").zip(list("output")) else { return };
    take("input", bodies::request(&items_of(&given)));
    let streamed = answered.get(0).filter(|only| only.get("object").is_some());
    let mut told = bodies::response(streamed.unwrap_or(&answered));
    if let Some(items) = streamed.and_then(|response| response.get("output")?.as_array()) {
        // The SDK gives its items a status, and the whole none.
        let is_whole = |item: &Value| item.get("status").and_then(Value::as_str) == Some(COMPLETED);
        if told.finish_reason.is_none() && !items.is_empty() && items.iter().all(is_whole) {
            told.finish_reason = Some(COMPLETED.to_owned());
        }
    }
    take("output", told);
    if let Some(Value::Object(usage)) = attributes.get("usage").map(structured) {
        let mut told = Mapped::default();
        bodies::read_usage(&mut told, &usage);
        // The SDK counts what it was not told as nothing.
        let is_told = told.input_tokens.is_some_and(|count| count > 0);
        take("usage", if is_told { told } else { Mapped::default() });
    }
    if let Some(Value::Object(mut config)) = attributes.get("model_config").map(structured) {
        config.retain(|key, value| !is_empty(value) && key != "base_url");
        take("model_config", Mapped { parameters: (!config.is_empty()).then_some(config), ..Mapped::default() });
    }
}

/// Request and answer as the client library holds them.
fn read_bodies(reader: &mut Reader) -> Mapped {
    let attributes = reader.attributes();
    let mut opaque = Mapped::default();
    if let Some(request) = attributes.get("request_data") {
        opaque = bodies::request(request);
        payload::note(&mut opaque, "request_data");
    }
    if let Some(Value::Object(body)) = attributes.get("response_data").map(structured) {
        let text = first_text(&body, &["combined_chunk_content", "text"]);
        let mut told = bodies::response(&Value::Object(body));
        told.output_messages = told.output_messages.or_else(|| Some(vec![Message::text("assistant", text?)]));
        told.output_messages.iter_mut().flatten().for_each(take_off_input);
        payload::note(&mut told, "response_data");
        fill(&mut opaque, told);
    }
    opaque
}

/// The Anthropic integration writes the arguments of a call as `{"input": {…}}`.
fn take_off_input(message: &mut Message) {
    for part in &mut message.parts {
        let Part::ToolCall { arguments, .. } = part else { continue };
        let inner = arguments.as_object().filter(|map| map.len() == 1).and_then(|map| map.get("input"));
        if let Some(inner @ Value::Object(_)) = inner.cloned() {
            *arguments = inner;
        }
    }
}

fn items_of(input: &Value) -> Value {
    Value::Object(Map::from_iter([("input".to_owned(), structured(input))]))
}

/// A response of OpenAI's repeats what was asked for: instructions, tools, the previous response.
fn told_of_request(response: &Map<String, Value>) -> Mapped {
    let asked = ["instructions", "tools", "previous_response_id"];
    let repeated = response.iter().filter(|(key, _)| asked.contains(&key.as_str()));
    let request = repeated.map(|(key, value)| (key.clone(), value.clone())).collect();
    let mut told = bodies::request(&Value::Object(request));
    told.previous_response_id = first_text(response, &["previous_response_id"]);
    told
}

#[cfg(test)]
mod tests;
