//! Failures that a library copied onto spans that did not fail.
//!
//! Some exporters give every span above and after a failed tool the tool's status and message, though the run went on and
//! answered (the OpenInference converter for the AI SDK does). A span that answered, has no exception of its own and bears
//! the very message of a failed tool of its trace did not fail.

use std::collections::HashSet;

use gleaner_model::{Span, SpanKind};
use serde_json::Value;

/// Clears copied failures of model calls and agents.
pub(crate) fn clear_copied_errors(rows: &mut [Span]) {
    let of_tools: HashSet<String> =
        rows.iter().filter(|row| row.kind == SpanKind::Tool).filter_map(|row| row.error.clone()).collect();
    if of_tools.is_empty() {
        return;
    }
    for row in rows.iter_mut().filter(|row| matches!(row.kind, SpanKind::Llm | SpanKind::Agent)) {
        let is_copied = row.error.as_ref().is_some_and(|error| of_tools.contains(error));
        let has_answered =
            row.output_messages.is_some() && row.finish_reason.as_deref().is_some_and(|why| why != "error");
        if is_copied && has_answered && !row.events.iter().any(is_exception) {
            row.error = None;
            row.status = "ok".to_owned();
            row.source_keys.shift_remove("error");
        }
    }
}

fn is_exception(event: &Value) -> bool {
    event.get("name").and_then(Value::as_str) == Some("exception")
}

#[cfg(test)]
mod tests;
