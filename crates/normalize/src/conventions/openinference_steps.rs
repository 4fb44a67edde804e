//! Steps that OpenInference's instrumentations record in a call's or an agent's dress, and what a step tells that is all there is of
//! a call or a run.

use gleaner_model::{Message, Part, SpanKind};
use serde_json::{Map, Value};

use super::openinference_text::agent_of_method;
use super::reader::Reader;
use crate::mapped::{Mapped, MergedSpan, STATUS_ERROR};
use crate::value::{first, is_empty, structured};

/// Some libraries mark every step around a call as LLM. A step that succeeded and whose recorded output is no model's
/// answer, without messages and without usage, is no call.
pub(super) fn is_call(span: &MergedSpan, structured: &Mapped, opaque: &Mapped) -> bool {
    let has_output = span.span.attributes.get("output.value").is_some_and(|value| !is_empty(value));
    span.span.status_code == STATUS_ERROR
        || !has_output
        || structured.input_messages.is_some()
        || structured.output_messages.is_some()
        || structured.input_tokens.is_some()
        || structured.output_tokens.is_some()
        || opaque.output_messages.is_some()
}

/// A step that says which model was asked what (Instructor's) returns what was made of the answer.
pub(super) fn read_answer_of_step(reader: &mut Reader) {
    let mapped = &mut reader.mapped;
    if mapped.kind == Some(SpanKind::Chain)
        && mapped.model.is_some()
        && mapped.input_messages.is_some()
        && mapped.output_messages.is_none()
        && let Some(answer) = &mapped.output_text
    {
        let mut message = Message::text("assistant", answer.clone());
        if let Some(call) = filled_model(reader.attributes()) {
            message.parts = vec![call];
        }
        reader.mapped.output_messages = Some(vec![message]);
        reader.note("output_messages", "output.value");
    }
}

/// Instructor's usual way to an object is a function that is called as the object's class, and has to be called. What stands for
/// no class (`list`, `Iterable`) is called otherwise.
fn filled_model(attributes: &Map<String, Value>) -> Option<Part> {
    let name = attributes.get("instructor.response_model")?.as_str()?;
    let is_class = name.starts_with(|first: char| first.is_uppercase()) && name != "Iterable";
    let arguments = attributes.get("output.value").map(structured).filter(Value::is_object)?;
    is_class.then(|| Part::ToolCall { id: None, name: name.to_owned(), arguments })
}

/// Whether a chain is the run of LangChain's agent that its metadata names; its steps have other names.
pub(super) fn is_langchains_agent(span: &MergedSpan) -> bool {
    let metadata =
        span.span.attributes.get("metadata").filter(|told| told.as_str().is_some_and(|t| t.contains("lc_agent_name")));
    metadata
        .is_some_and(|metadata| structured(metadata).get("lc_agent_name").is_some_and(|name| *name == span.span.name))
}

/// BeeAI's events of a run become spans of the kind of what they tell of, below it.
pub(super) fn is_event(attributes: &Map<String, Value>) -> bool {
    attributes.contains_key("metadata.path") && attributes.contains_key("metadata.trace.run_id")
}

/// A span around a run that says no more of it than that: the agents' own are below it (OpenAI's Agents SDK, whose traces
/// are named by the workflow).
pub(super) fn is_bare(span: &MergedSpan) -> bool {
    let is_context = |key: &str| matches!(key, "session.id" | "user.id" | "metadata" | "tag.tags");
    span.span
        .attributes
        .keys()
        .all(|key| key == "openinference.span.kind" || is_context(key) || key.starts_with("gleaner."))
        && agent_of_method(&span.span.name).is_none()
}

/// The trace of a run of OpenAI's Agents SDK has an agent's kind, a question and an answer, and is named by the workflow; agents
/// name themselves.
pub(super) fn is_trace_of_agents(span: &MergedSpan) -> bool {
    let scope = &span.span.scope.name;
    let is_sdk = scope.ends_with("openai-agents") || scope.ends_with("openai_agents");
    is_sdk && first(&span.span.attributes, &["graph.node.id", "agent.name"]).is_none()
}
