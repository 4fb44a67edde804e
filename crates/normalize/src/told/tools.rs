//! Tool executions that only the conversation tells of: the model asked for a call, and what it was given next holds the
//! result. Clients of a plain model library run tools without a span for them.
//!
//! Each becomes a tool span beside the call that asked, from the end of that call to the start of the one that was told the
//! result. Only where a trace has no tool spans at all, and only for calls that the trace itself asked for: a history that
//! came from elsewhere tells of other traces. A call that was never answered has no span.

use std::collections::HashMap;

use gleaner_model::{Part, SpanFragment, SpanKind, derive_id};
use serde_json::Value;

use crate::mapped::{Mapped, MergedSpan};

/// Adds to the spans of a trace the tool executions between its model calls.
pub(crate) fn add_told_tools(spans: &mut Vec<(MergedSpan, Mapped)>) {
    if spans.iter().any(|(_, mapped)| mapped.kind == Some(SpanKind::Tool)) {
        return;
    }
    let mut calls: Vec<usize> = (0..spans.len()).filter(|place| spans[*place].1.kind == Some(SpanKind::Llm)).collect();
    calls.sort_by_key(|place| {
        let span = &spans[*place].0.span;
        (span.start_time_unix_nano, span.span_id.clone())
    });
    let mut asked: HashMap<String, Asked> = HashMap::new();
    let mut added = Vec::new();
    for place in calls {
        let (merged, mapped) = &spans[place];
        for part in mapped.input_messages.iter().flatten().flat_map(|message| &message.parts) {
            let Part::ToolCallResponse { id: Some(id), response, .. } = part else { continue };
            let Some(asked) = asked.get_mut(id).filter(|asked| !asked.is_answered) else { continue };
            asked.is_answered = true;
            added.push(execution(&spans[asked.place], id, asked, response, merged.span.start_time_unix_nano));
        }
        for part in mapped.output_messages.iter().flatten().flat_map(|message| &message.parts) {
            let Part::ToolCall { id: Some(id), name, arguments } = part else { continue };
            // Of two reports of one call the first asks.
            asked.entry(id.clone()).or_insert_with(|| Asked {
                place,
                name: name.clone(),
                arguments: arguments.clone(),
                is_answered: false,
            });
        }
    }
    spans.append(&mut added);
}

/// A call that a model asked for.
struct Asked {
    place: usize,
    name: String,
    arguments: Value,
    is_answered: bool,
}

fn execution(
    (asking, call): &(MergedSpan, Mapped),
    id: &str,
    asked: &Asked,
    result: &Value,
    told_at_unix_nano: u64,
) -> (MergedSpan, Mapped) {
    let of = &asking.span;
    let span_id = derive_id("told_tool", &[&of.trace_id, id]);
    let span = SpanFragment {
        trace_id: of.trace_id.clone(),
        span_id: span_id.chars().take(16).collect(),
        parent_span_id: of.parent_span_id.clone(),
        name: format!("execute_tool {}", asked.name),
        start_time_unix_nano: of.end_time_unix_nano.min(told_at_unix_nano),
        end_time_unix_nano: told_at_unix_nano,
        resource: of.resource.clone(),
        scope: of.scope.clone(),
        ..SpanFragment::default()
    };
    let mut mapped = Mapped {
        convention: call.convention,
        kind: Some(SpanKind::Tool),
        tool_name: Some(asked.name.clone()),
        tool_call_id: Some(id.to_owned()),
        tool_arguments: Some(asked.arguments.clone()),
        tool_result: Some(result.clone()),
        session_key: call.session_key.clone(),
        user_key: call.user_key.clone(),
        ..Mapped::default()
    };
    let origin = Value::String(format!("span:{}", of.span_id));
    for field in ["kind", "tool_name", "tool_call_id", "tool_arguments", "tool_result"] {
        mapped.source_keys.insert(field.to_owned(), origin.clone());
    }
    (MergedSpan { span, position: asking.position, ..MergedSpan::default() }, mapped)
}

#[cfg(test)]
mod tests;
