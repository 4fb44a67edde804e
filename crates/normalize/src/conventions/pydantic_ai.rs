//! What pydantic-ai says in keys of its own beside OpenTelemetry's.

use gleaner_model::Message;
use serde_json::Value;

use super::Reading;
use super::otel_genai_events::listed_events;
use super::reader::{Reader, captured};
use crate::mapped::MergedSpan;
use crate::messages::{arguments, lift_system, messages, tool_definitions};
use crate::value::{integer, structured};

/// Whether the span carries pydantic-ai's messages, tool arguments or request parameters.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    let attributes = &span.span.attributes;
    attributes.keys().any(|key| key.starts_with("pydantic_ai."))
        || attributes.contains_key("model_request_parameters")
        || attributes.contains_key("all_messages_events")
        || attributes.contains_key("final_result") && attributes.contains_key("agent_name")
        || attributes.contains_key("gen_ai.tool.name")
            && (attributes.contains_key("tool_arguments") || attributes.contains_key("tool_response"))
}

/// Reads the keys that OpenTelemetry's conventions do not name.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    reader.mapped.tool_arguments = reader.find("tool_arguments", &["tool_arguments"]).map(arguments);
    reader.mapped.tool_result = reader.find("tool_result", &["tool_response"]).cloned();
    reader.mapped.cost_usd = reader.number("cost_usd", &["operation.cost"]);
    reader.mapped.agent_name = reader.text("agent_name", &["agent_name"]);
    reader.mapped.model = reader.text("model", &["model_name"]);
    reader.mapped.output_text = reader.text("output_text", &["final_result"]);
    let request = reader.find("tool_definitions", &["model_request_parameters"]).map(structured);
    reader.mapped.tool_definitions = request.and_then(|request| tool_definitions(request.get("function_tools")?));
    read_events(&mut reader);
    read_run(&mut reader);
    Reading { structured: reader.mapped, ..Reading::default() }
}

/// The first form: a list of OpenTelemetry's events per message in one attribute.
fn read_events(reader: &mut Reader) {
    let Some(list) = reader.find("input_messages", &["events", "all_messages_events"]) else { return };
    let (choices, history): (Vec<_>, Vec<_>) = listed_events(list).into_iter().partition(|event| event.is_choice);
    let (system, input) = lift_system(history.into_iter().map(|event| event.message).collect());
    reader.mapped.system_prompt = system;
    reader.mapped.input_messages = captured(input);
    reader.mapped.output_messages = captured(choices.into_iter().map(|event| event.message).collect());
    if let Some(key) = reader.mapped.source_keys.get("input_messages").cloned() {
        reader.mapped.source_keys.insert("output_messages".to_owned(), key);
    }
}

/// The whole conversation of an agent's run: what the run was given, and its last answer.
fn read_run(reader: &mut Reader) {
    let Some(all) = reader.find("input_messages", &["pydantic_ai.all_messages"]) else { return };
    let given = reader.find("input_messages", &["pydantic_ai.new_message_index"]).and_then(integer).unwrap_or(0);
    reader.note("input_messages", "pydantic_ai.all_messages");
    let Value::Array(items) = structured(all) else { return };
    // This run's prompt is the first new message; the rest is what the run itself wrote and was answered.
    let split = usize::try_from(given).unwrap_or(0);
    let is_user = |item: &Value| messages(item, "user").iter().any(|message: &Message| message.role == "user");
    let prompt = items.iter().skip(split).position(is_user).map_or(split, |offset| split + offset + 1).min(items.len());
    let (input, run) = items.split_at(prompt);
    let (system, input) = lift_system(messages(&Value::Array(input.to_vec()), "user"));
    reader.mapped.system_prompt = system;
    reader.mapped.input_messages = captured(input);
    let answer =
        messages(&Value::Array(run.to_vec()), "assistant").into_iter().rfind(|message| message.role == "assistant");
    reader.mapped.output_messages = captured(answer.into_iter().collect());
    if reader.mapped.output_messages.is_some() {
        reader.note("output_messages", "pydantic_ai.all_messages");
    }
}

#[cfg(test)]
mod tests;
