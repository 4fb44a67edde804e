//! Haystack: its own spans (`haystack.*`), and what OpenInference's instrumentation records of it.
//!
//! Recognised by `haystack.*` keys, or by Haystack's chat messages in a span's input or output. Source: deepset-ai/haystack
//! `haystack/tracing` and `components/agents`. Values are JSON of `to_dict()`, else Python's print; content is there only
//! with `HAYSTACK_CONTENT_TRACING_ENABLED`.
//!
//! Over its versions: up to 2.8 a message was `{content, role, name, meta}`, then `{_role, _content, _name, _meta}`, then
//! `{role, content: [parts], name, meta}`. Agents ran their generator as a component, later without a span of its own (the
//! step tells of it), later as `haystack.agent.step.llm` and `.tool`. OpenInference records an agent's run as one CHAIN
//! whose output is the whole conversation: the calls in it are told, see [`crate::told`].
//!
//! Left out: the request's model, which no span names; an answer carries the one that answered.

use gleaner_model::{Message, SpanKind};
use serde_json::{Map, Value};

use super::Reading;
use super::haystack_messages::{Recorded, recorded_messages};
use super::reader::{Reader, captured};
use crate::mapped::{Mapped, MergedSpan};
use crate::messages::{arguments, lift_system, tool_definitions};
use crate::told::MAX_HISTORIES;
use crate::value::{first, python, structured, text};

/// Whether the span carries Haystack's keys, or its messages in OpenInference's.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    is_native(span) || is_run_of_openinference(span) || is_call_of_openinference(span)
}

fn is_native(span: &MergedSpan) -> bool {
    span.span.attributes.keys().any(|key| key.starts_with("haystack."))
}

/// Whether OpenInference recorded a pipeline or an agent, and not a tool, which it describes itself.
fn is_run_of_openinference(span: &MergedSpan) -> bool {
    is_recorded_by_openinference(span, &["CHAIN", "AGENT"])
}

/// Its own messages of a model call have no ids of tool calls, and no tool results.
fn is_call_of_openinference(span: &MergedSpan) -> bool {
    is_recorded_by_openinference(span, &["LLM"])
}

fn is_recorded_by_openinference(span: &MergedSpan, kinds: &[&str]) -> bool {
    let attributes = &span.span.attributes;
    let declared = attributes.get("openinference.span.kind").and_then(Value::as_str);
    declared.is_some_and(|kind| kinds.contains(&kind))
        && ["input.value", "output.value"].iter().filter_map(|key| attributes.get(*key)).any(holds_chat_messages)
}

/// No other library's messages have fields of these names. Cheap: what follows parses the whole value.
fn holds_chat_messages(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.contains("_role") && text.contains("_content"))
}

/// Keys of a call's input and output.
const INPUT: &[&str] = &[
    "haystack.agent.step.llm.input",
    "haystack.agent.step.tool.input",
    "haystack.agent.step.input",
    "haystack.agent.input",
    "haystack.component.input",
    "haystack.pipeline.input_data",
    "haystack.pipeline.input",
];
const OUTPUT: &[&str] = &[
    "haystack.agent.step.llm.output",
    "haystack.agent.step.tool.output",
    "haystack.agent.step.output",
    "haystack.agent.output",
    "haystack.component.output",
    "haystack.pipeline.output_data",
    "haystack.pipeline.output",
];

/// Reads the span's attributes; Haystack has no events.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    let kind = match kind(span) {
        None if is_call_of_openinference(span) => Some(SpanKind::Llm),
        // OpenInference's own reading knows the kinds; an agent's run it calls a chain.
        None => conversation(span).map(|_| SpanKind::Agent),
        declared => declared,
    };
    reader.mapped.kind = kind;
    let (input_keys, output_keys) =
        if is_native(span) { (INPUT, OUTPUT) } else { (&["input.value"][..], &["output.value"][..]) };
    let input = reader.find("input_messages", input_keys);
    let output = reader.find("output_messages", output_keys);
    match kind {
        Some(SpanKind::Chain) if is_invoker(span) => read_invoker(&mut reader, input, output),
        Some(SpanKind::Tool) => read_tool(&mut reader, input, output),
        _ => read_conversation(&mut reader, input, output),
    }
    if kind == Some(SpanKind::Agent) {
        let component = reader.text("agent_name", &["haystack.component.name"]);
        reader.mapped.agent_name = component.or_else(|| span.span.name.strip_suffix(".run").map(str::to_owned));
    }
    let offered = reader.find("tool_definitions", &["haystack.agent.tools"]).map(object);
    if let Some(tools) = offered.as_ref().and_then(definitions) {
        reader.mapped.tool_definitions = Some(tools);
    }
    Reading { structured: reader.mapped, ..Reading::default() }
}

/// JSON, else what Python printed.
fn object(value: &Value) -> Value {
    match structured(value) {
        Value::String(text) => python(&text).unwrap_or(Value::String(text)),
        parsed => parsed,
    }
}

/// By the component's class, else by the span's name.
fn kind(span: &MergedSpan) -> Option<SpanKind> {
    let attributes = &span.span.attributes;
    let class = attributes.get("haystack.component.type").and_then(Value::as_str).unwrap_or_default();
    let class = class.rsplit('.').next().unwrap_or_default();
    Some(match span.span.name.as_str() {
        "haystack.agent.step.llm" | "haystack.chat_generator.run" => SpanKind::Llm,
        "haystack.agent.step.tool" | "haystack.tool.run" => SpanKind::Tool,
        "haystack.agent.run" => SpanKind::Agent,
        _ if class.ends_with("Generator") => SpanKind::Llm,
        _ if class.ends_with("Retriever") => SpanKind::Retriever,
        _ if class.ends_with("Embedder") => SpanKind::Embedding,
        _ if class.ends_with("Ranker") => SpanKind::Reranker,
        _ if attributes.contains_key("haystack.tool.name") => SpanKind::Tool,
        _ if attributes.keys().any(|key| key.starts_with("haystack.")) => SpanKind::Chain,
        _ => return None,
    })
}

fn read_conversation(reader: &mut Reader, input: Option<&Value>, output: Option<&Value>) {
    let (given, told) = (input.map(object), output.map(object));
    let plain = |value: Option<&Value>| value.and_then(text);
    let given_messages = given.as_ref().map(recorded_messages).unwrap_or_default();
    let told_messages = told.as_ref().map(recorded_messages).unwrap_or_default();
    let answer = told_messages.iter().rfind(|recorded| recorded.message.role == "assistant").cloned();
    let head = lift_system(told_messages.iter().map(|recorded| recorded.message.clone()).collect()).0;
    let (system, rest) = lift_system(given_messages.into_iter().map(|recorded| recorded.message).collect());
    let is_call = reader.mapped.kind == Some(SpanKind::Llm);
    if let Some(Value::Object(given)) = &given {
        if is_call {
            reader.mapped.parameters = first(given, &["generation_kwargs"]).and_then(Value::as_object).cloned();
        }
        reader.mapped.tool_definitions = first(given, &["tools"]).and_then(definitions);
    }
    for field in ["system_prompt", "parameters", "tool_definitions"] {
        copy_source(reader, field, "input_messages");
    }
    reader.mapped.system_prompt = system.or(head);
    reader.mapped.input_messages = captured(rest);
    if is_call && reader.mapped.input_messages.is_none() {
        // Generators without a chat are given one text.
        let prompt = given.as_ref().and_then(|given| text(given.get("prompt")?));
        reader.mapped.input_messages = prompt.map(|prompt| vec![Message::text("user", prompt)]);
    }
    reader.mapped.input_text = reader
        .mapped
        .input_messages
        .as_ref()
        .filter(|_| !is_call)
        .and_then(|messages| messages.iter().rfind(|message| message.role == "user"))
        .and_then(|message| gleaner_model::output_text(std::slice::from_ref(message)));
    copy_source(reader, "input_text", "input_messages");
    copy_source(reader, "output_text", "output_messages");
    if reader.mapped.input_text.is_none() && !is_call {
        reader.mapped.input_text = plain(input);
    }
    match answer {
        Some(answer) if is_call => {
            let mut mapped = std::mem::take(&mut reader.mapped);
            answer.fill(&mut mapped);
            for field in [
                "response_model",
                "finish_reason",
                "input_tokens",
                "output_tokens",
                "cached_tokens",
                "reasoning_tokens",
            ] {
                if let Some(key) = mapped.source_keys.get("output_messages").cloned() {
                    mapped.source_keys.insert(field.to_owned(), key);
                }
            }
            reader.mapped = mapped;
        }
        Some(answer) => {
            reader.mapped.output_text = gleaner_model::output_text(std::slice::from_ref(&answer.message));
            reader.mapped.output_messages = captured(vec![answer.message]);
        }
        None => reader.mapped.output_text = plain(output),
    }
}

fn copy_source(reader: &mut Reader, field: &str, from: &str) {
    if let Some(key) = reader.mapped.source_keys.get(from).cloned() {
        reader.mapped.source_keys.insert(field.to_owned(), key);
    }
}

fn read_tool(reader: &mut Reader, input: Option<&Value>, output: Option<&Value>) {
    reader.mapped.tool_name = reader.text("tool_name", &["haystack.tool.name"]);
    reader.mapped.tool_call_id = reader.text("tool_call_id", &["haystack.tool.call.id"]);
    reader.mapped.tool_arguments = input.map(|value| match object(value) {
        // The whole call, or the arguments alone.
        Value::Object(mut call) if call.contains_key("tool_name") => {
            arguments(&call.shift_remove("arguments").unwrap_or(Value::Null))
        }
        other => other,
    });
    reader.mapped.tool_result = output.map(|value| match object(value) {
        Value::Object(map) if map.contains_key("origin") => map.get("result").cloned().unwrap_or(Value::Null),
        _ => value.clone(),
    });
    for (field, from) in [("tool_arguments", "input_messages"), ("tool_result", "output_messages")] {
        copy_source(reader, field, from);
        reader.mapped.source_keys.shift_remove(from);
    }
}

/// The component that executes what a model asked for.
fn is_invoker(span: &MergedSpan) -> bool {
    let class = span.span.attributes.get("haystack.component.type").and_then(Value::as_str);
    class.is_some_and(|class| class.rsplit('.').next() == Some("ToolInvoker"))
}

/// One execution is the tool's span; several at once are a chain.
fn read_invoker(reader: &mut Reader, input: Option<&Value>, output: Option<&Value>) {
    let results = output.map(object).as_ref().map(recorded_messages).unwrap_or_default();
    let mut executions = results.into_iter().flat_map(|recorded| recorded.executions);
    match (executions.next(), executions.next()) {
        (Some(only), None) => {
            let mut source_keys = std::mem::take(&mut reader.mapped.source_keys);
            let origin = source_keys.shift_remove("output_messages").unwrap_or_default();
            for field in ["tool_name", "tool_call_id", "tool_arguments", "tool_result"] {
                source_keys.insert(field.to_owned(), origin.clone());
            }
            reader.mapped = Mapped { convention: None, source_keys, ..only };
        }
        _ => read_conversation(reader, input, output),
    }
}

/// Tools as `to_dict()` writes them: `{"type": class, "data": {name, description, parameters}}`; else as printed.
fn definitions(tools: &Value) -> Option<Value> {
    let Value::Array(items) = tools else { return None };
    let items: Vec<Value> = items.iter().map(object).collect();
    let bare = items.iter().map(|item| item.get("data").filter(|data| data.is_object()).unwrap_or(item));
    let named = bare.filter(|tool| tool.is_object()).map(|tool| {
        let keep = ["name", "description", "parameters"];
        let fields = tool.as_object().into_iter().flatten().filter(|(key, _)| keep.contains(&key.as_str()));
        Value::Object(fields.map(|(key, value)| (key.clone(), value.clone())).collect::<Map<_, _>>())
    });
    tool_definitions(&Value::Array(named.collect()))
}

/// An agent's run: the messages that it was given, and all that there were in the end.
fn conversation(span: &MergedSpan) -> Option<(Vec<Recorded>, Vec<Recorded>)> {
    let attributes = &span.span.attributes;
    let pairs: &[(&str, &str)] = if is_native(span) {
        &[
            ("haystack.agent.input", "haystack.agent.output"),
            ("haystack.agent.step.input", "haystack.agent.step.llm_output"),
        ]
    } else if is_run_of_openinference(span) {
        &[("input.value", "output.value")]
    } else {
        &[]
    };
    let (input, output) = pairs.iter().find_map(|(input, output)| {
        let input = object(attributes.get(*input)?);
        Some((input, attributes.get(*output).map(object).unwrap_or(Value::Null)))
    })?;
    let own = |value: &Value| -> Option<Vec<Recorded>> {
        let list = if value.is_array() { value } else { value.get("messages")? };
        Some(recorded_messages(list))
    };
    let all = match own(&output) {
        Some(all) => all,
        // A run that failed. Other components are given messages and return something else.
        None if output.is_null() && (is_native(span) || span.span.name.contains("Agent")) => Vec::new(),
        None => return None,
    };
    Some((own(&input)?, all))
}

/// The model calls and tool executions in the conversation of an agent's run, in order.
pub(super) fn told(span: &MergedSpan) -> Vec<Mapped> {
    let Some((given, mut all)) = conversation(span) else { return Vec::new() };
    let system = |messages: &[Recorded]| messages.iter().take_while(|m| m.message.role == "system").count();
    let mut first_new = system(&all) + given.len() - system(&given);
    // A step lists only what is new.
    if first_new > all.len() || !all.iter().any(|m| m.message.role != "assistant") {
        first_new = given.len();
        all = given.into_iter().chain(all).collect();
    }
    let is_answer = |recorded: &Recorded| recorded.message.role == "assistant";
    let mut calls_left = all.iter().skip(first_new).filter(|recorded| is_answer(recorded)).count();
    let mut told = Vec::new();
    for (place, recorded) in all.iter().enumerate().skip(first_new) {
        if is_answer(recorded) {
            let mut call = Mapped { convention: Some("haystack"), kind: Some(SpanKind::Llm), ..Mapped::default() };
            if calls_left <= MAX_HISTORIES {
                let before = all[..place].iter().map(|earlier| earlier.message.clone()).collect();
                let (system_prompt, input) = lift_system(before);
                call.system_prompt = system_prompt;
                call.input_messages = captured(input);
            }
            calls_left -= 1;
            recorded.fill(&mut call);
            call.model.clone_from(&call.response_model);
            told.push(call);
        } else {
            told.extend(recorded.executions.iter().cloned());
        }
    }
    told
}

#[cfg(test)]
mod tests;
