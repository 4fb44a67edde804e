//! One canonical [`Span`] from a raw span and what its convention reads from it. Looks at no other span.

use gleaner_model::{LogFragment, Message, Span, SpanEvent, SpanKind, SpanOrigin, output_text, reasoning_text};
use serde_json::{Map, Value, json};

use crate::attribution::keys::text;
use crate::derive::tree::Node;
use crate::mapped::Mapped;

/// The span as a row, without attempt, duplicate and joined tool calls, which other spans decide.
pub(crate) fn canonical_span(node: &Node<'_>, kind: SpanKind) -> Span {
    let (raw, mut mapped) = (node.span(), node.mapped.clone());
    if matches!(kind, SpanKind::Llm | SpanKind::Chain) {
        // What a model asked for stands in its messages; a function that no model asked for is no tool.
        (mapped.tool_name, mapped.tool_call_id, mapped.tool_arguments, mapped.tool_result) = (None, None, None, None);
    }
    let error = error_text(node);
    let reasoning_text = mapped.output_messages.as_deref().and_then(reasoning_text);
    Span {
        trace_id: raw.trace_id.clone(),
        span_id: raw.span_id.clone(),
        parent_span_id: raw.parent_span_id.clone(),
        attempt_id: None,
        kind,
        name: raw.name.clone(),
        status: status(raw.status_code, error.is_some()).to_owned(),
        error,
        convention: mapped.convention.map(str::to_owned),
        output_text: output_text_of(&mapped, kind),
        input_text: input_text_of(&mapped, kind),
        reasoning_text,
        provider: mapped.provider,
        model: mapped.model,
        response_model: mapped.response_model,
        response_id: mapped.response_id,
        previous_response_id: mapped.previous_response_id,
        operation: mapped.operation,
        system_prompt: mapped.system_prompt,
        input_messages: mapped.input_messages,
        output_messages: mapped.output_messages,
        tool_definitions: mapped.tool_definitions,
        tool_name: mapped.tool_name,
        tool_call_id: mapped.tool_call_id,
        tool_arguments: mapped.tool_arguments,
        tool_result: mapped.tool_result,
        finish_reason: mapped.finish_reason,
        parameters: mapped.parameters,
        input_tokens: mapped.input_tokens,
        output_tokens: mapped.output_tokens,
        cached_tokens: mapped.cached_tokens,
        reasoning_tokens: mapped.reasoning_tokens,
        cost_usd: mapped.cost_usd,
        agent_name: mapped.agent_name,
        start_time_unix_nano: raw.start_time_unix_nano,
        end_time_unix_nano: raw.end_time_unix_nano,
        attributes: raw.attributes.clone(),
        events: events_by_time(&raw.events, &node.merged.logs, &raw.resource),
        links: raw
            .links
            .iter()
            .map(|link| json!({"trace_id": link.trace_id, "span_id": link.span_id, "attributes": link.attributes}))
            .collect(),
        resource: raw.resource.clone(),
        scope_name: raw.scope.name.clone(),
        scope_version: raw.scope.version.clone(),
        origin: if node.merged.is_made_of_logs { SpanOrigin::Log } else { SpanOrigin::Span },
        duplicate_of: None,
        answer_key: None,
        source_keys: mapped.source_keys,
    }
}

/// The text of the last user message.
pub(crate) fn last_user_text(messages: &[Message]) -> Option<String> {
    messages
        .iter()
        .rev()
        .find(|message| message.role == "user")
        .and_then(|message| output_text(std::slice::from_ref(message)))
}

fn status(code: i32, failed: bool) -> &'static str {
    match code {
        _ if failed => "error",
        1 => "ok",
        _ => "unset",
    }
}

/// Why the span failed; `None` if it did not. The status message first: that is what the client chose to say. An error that
/// the convention tells of makes a failure whatever the status; an exception recorded on the way to an explicit OK does not.
fn error_text(node: &Node<'_>) -> Option<String> {
    const OK: i32 = 1;
    const ERROR: i32 = 2;
    let raw = node.span();
    if raw.status_code == ERROR && !raw.status_message.is_empty() {
        return Some(raw.status_message.clone());
    }
    if let Some(error) = &node.mapped.error {
        return Some(error.clone());
    }
    let exception = || raw.events.iter().rev().find(|event| event.name == "exception").map(exception_text);
    let error_type = || {
        let kind = text(&raw.attributes, "error.type")?;
        Some(match text(&raw.attributes, "error.message") {
            Some(message) => format!("{kind}: {message}"),
            None => kind,
        })
    };
    match raw.status_code {
        OK => None,
        ERROR => Some(exception().or_else(error_type).unwrap_or_else(|| "error".to_owned())),
        _ => exception().or_else(error_type),
    }
}

fn exception_text(event: &SpanEvent) -> String {
    let parts = ["exception.type", "exception.message"].map(|key| text(&event.attributes, key));
    let known: Vec<String> = parts.into_iter().flatten().collect();
    if known.is_empty() { "exception".to_owned() } else { known.join(": ") }
}

/// Messages say more than a plain output, which may be a dump of the response: a call that only asked for tools has no text.
fn output_text_of(mapped: &Mapped, kind: SpanKind) -> Option<String> {
    let messages = mapped.output_messages.as_deref().filter(|messages| !messages.is_empty());
    let plain = || mapped.output_text.clone();
    match (messages, kind) {
        (Some(messages), SpanKind::Llm) => output_text(messages),
        (Some(messages), _) => output_text(messages).or_else(plain),
        (None, SpanKind::Tool) => plain().or_else(|| {
            mapped.tool_result.as_ref().map(|result| match result {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            })
        }),
        (None, _) => plain(),
    }
}

fn input_text_of(mapped: &Mapped, kind: SpanKind) -> Option<String> {
    let question = mapped.input_messages.as_deref().and_then(last_user_text);
    let plain = mapped.input_text.clone();
    if kind == SpanKind::Llm { question.or(plain) } else { plain.or(question) }
}

/// Span events and log records in one list. A record is told apart by `origin`; its resource is named where it differs.
fn events_by_time(events: &[SpanEvent], logs: &[LogFragment], resource: &Map<String, Value>) -> Vec<Value> {
    let of_span = events.iter().map(|event| {
        let value = json!({"name": event.name, "time_unix_nano": event.time_unix_nano, "attributes": event.attributes});
        (event.time_unix_nano, value)
    });
    let of_logs = logs.iter().map(|log| {
        let mut value = json!({
            "name": log.event_name, "time_unix_nano": log.time_unix_nano, "attributes": log.attributes, "origin": "log",
            "observed_time_unix_nano": log.observed_time_unix_nano, "severity_number": log.severity_number,
            "severity_text": log.severity_text, "body": log.body, "scope": log.scope,
        });
        if log.resource != *resource {
            value["resource"] = Value::Object(log.resource.clone());
        }
        (log_time(log), value)
    });
    let mut all: Vec<(u64, Value)> = of_span.chain(of_logs).collect();
    all.sort_by_key(|(time, _)| *time);
    all.into_iter().map(|(_, value)| value).collect()
}

/// The record's own time, else when it was observed. Nanoseconds since the Unix epoch.
pub(crate) fn log_time(log: &LogFragment) -> u64 {
    if log.time_unix_nano == 0 { log.observed_time_unix_nano } else { log.time_unix_nano }
}

#[cfg(test)]
mod tests;
