//! CrewAI, as OpenLLMetry records it: crews, tasks and agents in `crewai.crew.*`, `crewai.task.*` and `crewai.agent.*`.
//!
//! Recognised by these keys. Since 2026 all three are `invoke_agent` too; a task is a step of the crew's, which an agent does.
//! Model calls are spans of the model's client. Runs of tools are not recorded.
//!
//! OpenInference records an agent's work on a task as one AGENT span with the task's output, the conversation in it: where the
//! client is not instrumented, that tells the calls, see [`crate::told`]; the model it does not name.

use gleaner_model::{Message, SpanKind, output_text};
use serde_json::Value;

use super::Reading;
use super::reader::Reader;
use super::told_calls::calls_of_history;
use crate::mapped::{Mapped, MergedSpan};
use crate::messages::{lift_system, messages, pair_results};
use crate::value::structured;

const PREFIXES: &[&str] = &["crewai.crew.", "crewai.task.", "crewai.agent."];

/// Whether the span tells of a crew, a task or an agent.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    span.span.attributes.keys().any(|key| PREFIXES.iter().any(|prefix| key.starts_with(prefix)))
}

/// Reads the span's attributes.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    let has = |prefix: &str| span.span.attributes.keys().any(|key| key.starts_with(prefix));
    let (kind, origin) = if has("crewai.task.") {
        (Some(SpanKind::Chain), "crewai.task.*")
    } else if has("crewai.agent.") {
        (Some(SpanKind::Agent), "crewai.agent.*")
    } else {
        // A crew is what it is called by: an agent in newer versions, a workflow in older ones.
        (None, "")
    };
    if kind.is_some() {
        reader.note("kind", origin);
    }
    reader.mapped.kind = kind;
    let names = ["crewai.agent.role", "crewai.task.agent", "crewai.crew.name"];
    reader.mapped.agent_name = reader.text("agent_name", &names);
    reader.mapped.input_text =
        reader.text("input_text", &["crewai.task.description"]).or_else(|| only_task(&mut reader));
    reader.mapped.output_text = reader.text("output_text", &["crewai.crew.result"]);
    Reading { structured: reader.mapped, ..Reading::default() }
}

/// What a crew with one task was given.
fn only_task(reader: &mut Reader) -> Option<String> {
    let tasks = reader.find("input_text", &["crewai.crew.tasks"]).map(structured);
    let asked = match tasks.as_ref().and_then(Value::as_array).map(Vec::as_slice) {
        Some([only]) => only.get("description").and_then(Value::as_str).map(str::to_owned),
        _ => None,
    };
    if asked.is_none() {
        reader.mapped.source_keys.shift_remove("input_text");
    }
    asked
}

/// The calls that the output of a task tells of.
pub(super) fn told(span: &MergedSpan) -> Vec<Mapped> {
    let attributes = &span.span.attributes;
    if attributes.get("openinference.span.kind").is_none_or(|kind| kind != "AGENT") {
        return Vec::new();
    }
    // Cheap: what follows parses the whole value.
    let is_task = |text: &str| text.contains("\"expected_output\"") && text.contains("\"messages\"");
    let output = attributes.get("output.value").filter(|value| value.as_str().is_some_and(is_task)).map(structured);
    let Some((answer, listed)) =
        output.as_ref().and_then(|task| Some((task.get("raw")?.as_str()?, task.get("messages")?)))
    else {
        return Vec::new();
    };
    let (system_prompt, mut history) = lift_system(messages(listed, "user"));
    pair_results(&mut history);
    let is_answer = |message: &Message| {
        message.role == "assistant"
            && output_text(std::slice::from_ref(message)).is_some_and(|text| text.trim() == answer.trim())
    };
    if history.last().is_some_and(is_answer) {
        history.pop();
    }
    if history.is_empty() || answer.is_empty() {
        return Vec::new();
    }
    calls_of_history(Mapped {
        convention: Some("crewai"),
        kind: Some(SpanKind::Llm),
        system_prompt,
        input_messages: Some(history),
        output_messages: Some(vec![Message::text("assistant", answer)]),
        ..Mapped::default()
    })
}

#[cfg(test)]
mod tests;
