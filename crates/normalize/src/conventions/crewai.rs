//! CrewAI, as OpenLLMetry records it: crews, tasks and agents in `crewai.crew.*`, `crewai.task.*` and `crewai.agent.*`.
//!
//! Recognised by these keys. Since 2026 all three are `invoke_agent` too; a task is a step of the crew's, which an agent does.
//! Model calls are spans of the model's client. Runs of tools are not recorded.

use gleaner_model::SpanKind;
use serde_json::Value;

use super::Reading;
use super::reader::Reader;
use crate::mapped::MergedSpan;
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
    reader.mapped.agent_name = reader.text("agent_name", &["crewai.agent.role", "crewai.task.agent"]);
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

#[cfg(test)]
mod tests;
