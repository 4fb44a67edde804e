//! Functions that a model asked for as tools, recorded as any other function: applications decorate them without saying
//! that they are tools, and some libraries have no word for it.
//!
//! A span that is no more than a chain is the execution of a call where a model call that began before it asked for a tool of
//! its name with just the arguments that it was given. Where the convention tells the function's name and arguments apart, the
//! name is enough if no arguments were recorded. Of others, traces whose tools have spans of their own are left as they are.

use std::collections::{HashMap, HashSet};

use gleaner_model::{Part, SpanKind, canonical_json};
use serde_json::Value;

use crate::conventions::called_with;
use crate::mapped::{Mapped, MergedSpan};
use crate::value::{structured, text};

/// How many calls of one name are compared with a function's arguments.
const MAX_COMPARED: usize = 64;

/// Makes tools of the functions of a trace that are executions of a model's calls.
pub(crate) fn mark_called_functions(spans: &mut [(MergedSpan, Mapped)]) {
    let asked = Asked::of(spans);
    if asked.names.is_empty() {
        return;
    }
    for (span, mapped) in spans.iter_mut().filter(|(_, mapped)| mapped.kind == Some(SpanKind::Chain)) {
        let start = span.span.start_time_unix_nano;
        if let Some(name) = &mapped.tool_name {
            let asked_at = match &mapped.tool_arguments {
                Some(arguments) => asked.calls.get(&(name.clone(), canonical_json(arguments))),
                None => asked.names.get(name),
            };
            if asked_at.is_some_and(|asked_at| *asked_at <= start) {
                mapped.kind = Some(SpanKind::Tool);
            }
            continue;
        }
        let name = span.span.name.strip_suffix(".task").unwrap_or(&span.span.name);
        let Some((calls, given)) = asked.unnamed.get(name).zip(mapped.input_text.as_deref()) else { continue };
        let given = called_with(structured(&Value::String(given.to_owned())));
        let call = calls.iter().find(|(asked_at, arguments)| *asked_at <= start && is_given(arguments, &given));
        if let Some((_, arguments)) = call {
            let (name, arguments) = (name.to_owned(), arguments.clone());
            make_tool(mapped, name, arguments);
        }
    }
}

/// What the models of a trace asked for, and when the asking call began: the earliest of several.
#[derive(Default)]
struct Asked {
    names: HashMap<String, u64>,
    /// By name and canonical arguments.
    calls: HashMap<(String, String), u64>,
    /// Calls of tools that have no spans of their own, to be compared with what a function was given.
    unnamed: HashMap<String, Vec<(u64, Value)>>,
}

impl Asked {
    fn of(spans: &[(MergedSpan, Mapped)]) -> Self {
        let known: HashSet<String> = spans
            .iter()
            .filter(|(_, mapped)| mapped.kind == Some(SpanKind::Tool))
            .map(|(span, mapped)| mapped.tool_name.clone().unwrap_or_else(|| span.span.name.clone()))
            .collect();
        let mut asked = Self::default();
        for (span, mapped) in spans.iter().filter(|(_, mapped)| mapped.kind == Some(SpanKind::Llm)) {
            let start = span.span.start_time_unix_nano;
            for part in mapped.output_messages.iter().flatten().flat_map(|message| &message.parts) {
                let Part::ToolCall { name, arguments, .. } = part else { continue };
                let earliest = |known: &mut u64| *known = start.min(*known);
                asked.names.entry(name.clone()).and_modify(earliest).or_insert(start);
                let call = (name.clone(), canonical_json(arguments));
                asked.calls.entry(call).and_modify(earliest).or_insert(start);
                let unnamed = asked.unnamed.entry(name.clone()).or_default();
                if !known.contains(name) && unnamed.len() < MAX_COMPARED {
                    unnamed.push((start, arguments.clone()));
                }
            }
        }
        asked
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
