//! Keys that belong to no single convention: sessions, users, rollouts, versions, errors.

use gleaner_model::SpanEvent;
use serde_json::{Map, Value};

use super::otel_genai::is_response_id;
use super::reader::Reader;
use crate::mapped::{Mapped, MergedSpan, STATUS_ERROR};
use crate::value::{first_str, first_text};

/// Reads what any span may carry.
pub(super) fn read(span: &MergedSpan) -> Mapped {
    let mut reader = Reader::new(span);
    let session = reader.text("session_key", &["langfuse.session.id", "session.id"]).map(|id| (0, id));
    let threads = ["gen_ai.conversation.id", "anthropic.session.id"];
    let thread = reader.text("session_key", &threads).filter(|id| !is_response_id(id));
    let session = session.or_else(|| Some((1, thread?)));
    reader.mapped.session_key = session;
    reader.mapped.user_key = reader.text("user_key", USERS);
    read_rollout(&mut reader, span);
    // Where no convention names the agent's version, it is that of the program it is part of.
    if let Some(version) = first_text(&span.span.resource, &["service.version"]) {
        reader.note("agent_version", "resource/service.version");
        reader.mapped.agent_version = Some(version);
    }
    let error = error(span);
    if let Some((_, origin)) = &error {
        reader.note("error", origin);
    }
    reader.mapped.error = error.map(|(text, _)| text);
    reader.mapped
}

const USERS: &[&str] =
    &["langfuse.user.id", "user.id", "enduser.id", "gen_ai.user.id", "gen_ai.user", "enduser.pseudo.id"];

/// Agent Lightning names rollout and attempt in the resource of all that an attempt sends. Where nothing names a session,
/// the rollout is one.
fn read_rollout(reader: &mut Reader, span: &MergedSpan) {
    let find = |key: &str| {
        let sources = [("", &span.span.attributes), ("resource/", &span.span.resource)];
        sources.into_iter().find_map(|(origin, map)| Some((first_text(map, &[key])?, format!("{origin}{key}"))))
    };
    if let Some((id, origin)) = find("agentlightning.attempt_id") {
        reader.note("attempt_key", &origin);
        reader.mapped.attempt_key = Some(id);
    }
    let Some((id, origin)) = find("agentlightning.rollout_id") else { return };
    reader.note("rollout_key", &origin);
    if reader.mapped.session_key.is_none() {
        reader.note("session_key", &origin);
        reader.mapped.session_key = Some((2, id.clone()));
    }
    reader.mapped.rollout_key = Some(id);
}

/// `type: message` of a span that failed. An exception on a span that did not fail was handled.
fn error(span: &MergedSpan) -> Option<(String, &'static str)> {
    let attributes = &span.span.attributes;
    let kind = first_str(attributes, &["error.type"]);
    let logged = span.logs.iter().find(|log| log.event_name == "gen_ai.client.operation.exception");
    if span.span.status_code != STATUS_ERROR && kind.is_none() && logged.is_none() {
        return None;
    }
    let thrown = |event: &&SpanEvent| event.name == "exception";
    if let Some(text) = span.span.events.iter().rev().find(thrown).and_then(|event| exception(&event.attributes)) {
        return Some((text, "exception"));
    }
    if let Some(text) = logged.and_then(|log| exception(&log.attributes)) {
        return Some((text, "gen_ai.client.operation.exception"));
    }
    let message = first_str(attributes, &["error.message"]).unwrap_or(&span.span.status_message);
    join(kind, Some(message)).map(|text| (text, if kind.is_some() { "error.type" } else { "status_message" }))
}

fn exception(attributes: &Map<String, Value>) -> Option<String> {
    join(first_str(attributes, &["exception.type"]), first_str(attributes, &["exception.message"]))
}

fn join(kind: Option<&str>, message: Option<&str>) -> Option<String> {
    match (kind, message.filter(|message| !message.is_empty())) {
        (Some(kind), Some(message)) if message.starts_with(kind) => Some(message.to_owned()),
        (Some(kind), Some(message)) => Some(format!("{kind}: {message}")),
        (one, other) => one.or(other).map(str::to_owned),
    }
}
