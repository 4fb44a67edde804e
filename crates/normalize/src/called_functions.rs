//! Functions that a model asked for as tools, recorded as any other function: applications decorate them without saying
//! that they are tools, and some libraries have no word for it.
//!
//! A span that is no more than a chain is the execution of a call where a model call that began before it asked for a tool of
//! its name with just the arguments that it was given. Traces whose tools have spans of their own are left as they are.

use std::collections::{HashMap, HashSet};

use gleaner_model::{Part, SpanKind};
use serde_json::Value;

use crate::conventions::called_with;
use crate::mapped::{Mapped, MergedSpan};
use crate::value::{structured, text};

/// How many calls of one name are compared with a function's arguments.
const MAX_COMPARED: usize = 64;

/// Makes tools of the functions of a trace that are executions of a model's calls.
pub(crate) fn mark_called_functions(spans: &mut [(MergedSpan, Mapped)]) {
    let known: HashSet<String> = spans
        .iter()
        .filter(|(_, mapped)| mapped.kind == Some(SpanKind::Tool))
        .map(|(span, mapped)| mapped.tool_name.clone().unwrap_or_else(|| span.span.name.clone()))
        .collect();
    let mut asked: HashMap<String, Vec<(u64, Value)>> = HashMap::new();
    for (span, mapped) in spans.iter().filter(|(_, mapped)| mapped.kind == Some(SpanKind::Llm)) {
        for part in mapped.output_messages.iter().flatten().flat_map(|message| &message.parts) {
            let Part::ToolCall { name, arguments, .. } = part else { continue };
            let calls = asked.entry(name.clone()).or_default();
            if !known.contains(name) && calls.len() < MAX_COMPARED {
                calls.push((span.span.start_time_unix_nano, arguments.clone()));
            }
        }
    }
    if asked.is_empty() {
        return;
    }
    for (span, mapped) in spans.iter_mut().filter(|(_, mapped)| mapped.kind == Some(SpanKind::Chain)) {
        let name = span.span.name.strip_suffix(".task").unwrap_or(&span.span.name);
        let Some((calls, given)) = asked.get(name).zip(mapped.input_text.as_deref()) else { continue };
        let given = called_with(structured(&Value::String(given.to_owned())));
        let start = span.span.start_time_unix_nano;
        let call = calls.iter().find(|(asked_at, arguments)| *asked_at <= start && is_given(arguments, &given));
        if let Some((_, arguments)) = call {
            let (name, arguments) = (name.to_owned(), arguments.clone());
            make_tool(mapped, name, arguments);
        }
    }
}

/// Whether a function was given these arguments: by name, by position, or as the text of the only one.
fn is_given(arguments: &Value, given: &Value) -> bool {
    let Value::Object(named) = arguments else { return arguments == given };
    match given {
        Value::Object(_) => arguments == given,
        Value::Array(values) => !values.is_empty() && named.values().eq(values),
        single => {
            let mut values = named.values();
            values.next().is_some_and(|only| only == single || text(only) == text(single)) && values.next().is_none()
        }
    }
}

fn make_tool(mapped: &mut Mapped, name: String, arguments: Value) {
    mapped.kind = Some(SpanKind::Tool);
    mapped.tool_name.get_or_insert(name);
    mapped.tool_arguments.get_or_insert(arguments);
    if mapped.tool_result.is_none() {
        mapped.tool_result = mapped.output_text.clone().map(Value::String);
    }
    for (field, from) in [("tool_arguments", "input_text"), ("tool_result", "output_text")] {
        if let Some(origin) = mapped.source_keys.get(from).cloned() {
            mapped.source_keys.entry(field).or_insert(origin);
        }
    }
    mapped.input_text = None;
    mapped.input_messages = None;
    mapped.output_messages = None;
}

#[cfg(test)]
mod tests;
