//! Tool executions that only the conversation tells of: the model asked for a call, and what it was given next holds the
//! result. Clients of a plain model library run tools without a span for them.
//!
//! Each becomes a tool span beside the call that asked, from the end of that call to the start of the one that was told the
//! result. Where every model call has a trace of its own, the call that asked is in another one: then it stands below the
//! call that was told. That is the first of its trace, begins the trace, and its prompt ends with the results; results further
//! up in a prompt were told before. Where a provider gives calls no ids, order and names tell. Only where a trace has no tool
//! spans at all: a client that records tools records them all. A call that was never answered has no span. Answers count that
//! only a later prompt tells of.

use std::collections::{HashMap, HashSet, VecDeque};

use gleaner_model::{Message, Part, SpanFragment, SpanKind, canonical_json, derive_id};
use serde_json::{Value, json};

use crate::derive::repairs::whole_answers;
use crate::mapped::{Mapped, MergedSpan};

/// Adds to the spans of a trace the tool executions between its model calls.
pub(crate) fn add_told_tools(spans: &mut Vec<(MergedSpan, Mapped)>) {
    if spans.iter().any(|(_, mapped)| mapped.kind == Some(SpanKind::Tool)) {
        return;
    }
    let mut added = executions(&whole_answers(spans));
    spans.append(&mut added);
}

fn executions(spans: &[(MergedSpan, Mapped)]) -> Vec<(MergedSpan, Mapped)> {
    let mut calls: Vec<usize> = (0..spans.len()).filter(|place| spans[*place].1.kind == Some(SpanKind::Llm)).collect();
    calls.sort_by_key(|place| {
        let span = &spans[*place].0.span;
        (span.start_time_unix_nano, span.span_id.clone())
    });
    let mut asked: HashMap<String, Asked> = HashMap::new();
    let mut added = Vec::new();
    let start = |place: usize| spans[place].0.span.start_time_unix_nano;
    // Another report of the same call may begin with it.
    let with_first = calls.iter().take_while(|place| start(**place) == start(calls[0]));
    let asking_first = with_first.into_iter().find(|place| spans[**place].0.span.parent_span_id.is_none()).copied();
    if let Some(first) = asking_first {
        asked_before(first, spans[first].1.input_messages.as_deref().unwrap_or_default(), &mut asked);
    }
    // Streams are often recorded without the ids of calls; the prompt of the next call has them.
    let mut unnamed: HashMap<(String, String), VecDeque<usize>> = HashMap::new();
    let mut seen: HashSet<String> = HashSet::new();
    let mut previous: Option<usize> = None;
    // Two reports of one call are given the same.
    let mut told_already: HashSet<String> = HashSet::new();
    for place in calls {
        let (merged, mapped) = &spans[place];
        name_calls(mapped.input_messages.as_deref().unwrap_or_default(), &mut seen, &mut unnamed, &mut asked);
        for part in mapped.input_messages.iter().flatten().flat_map(|message| &message.parts) {
            let Part::ToolCallResponse { id: Some(id), response, .. } = part else { continue };
            let Some(asked) = asked.get_mut(id).filter(|asked| !asked.is_answered) else { continue };
            asked.is_answered = true;
            let span_id = derive_id("told_tool", &[&spans[asked.place].0.span.trace_id, id]);
            let told_at = merged.span.start_time_unix_nano;
            added.push(execution(&spans[asked.place], &span_id, Some(id), asked, response, told_at));
        }
        let is_first = asking_first == Some(place);
        let asked_by = previous.map(|before| &spans[before].1);
        let (answer, mut runs) = unnamed_runs(mapped.input_messages.as_deref().unwrap_or_default(), asked_by);
        if !runs.is_empty() {
            let told = runs.iter().map(|run| json!([run.name, run.arguments, run.response])).collect();
            if !told_already.insert(format!("{} {}", answer.len(), canonical_json(&told))) {
                runs.clear();
            }
        }
        // What asked may be told by this prompt alone.
        let before = previous.replace(place).filter(|before| !runs.is_empty() && was_given(&spans[*before].1, answer));
        for (index, run) in runs.into_iter().enumerate() {
            let asking = unnamed.get_mut(&(run.name.to_owned(), canonical_json(run.arguments)));
            let asking = asking.and_then(VecDeque::pop_front).or(before).or(is_first.then_some(place));
            let Some(at) = asking else { continue };
            let asked =
                Asked { place: at, name: run.name.to_owned(), arguments: run.arguments.clone(), is_answered: true };
            let span = &merged.span;
            let span_id = derive_id("told_tool", &[&span.trace_id, &span.span_id, &index.to_string()]);
            added.push(execution(&spans[at], &span_id, run.id, &asked, run.response, span.start_time_unix_nano));
        }
        for part in mapped.output_messages.iter().flatten().flat_map(|message| &message.parts) {
            let Part::ToolCall { id, name, arguments } = part else { continue };
            let Some(id) = id else {
                unnamed.entry((name.clone(), canonical_json(arguments))).or_default().push_back(place);
                continue;
            };
            // Of two reports of one call the first asks.
            asked.entry(id.clone()).or_insert_with(|| Asked {
                place,
                name: name.clone(),
                arguments: arguments.clone(),
                is_answered: false,
            });
        }
    }
    added
}

/// The calls of the last answer in a prompt, where nothing but their results comes after it.
fn asked_before(place: usize, input: &[Message], asked: &mut HashMap<String, Asked>) {
    let Some(answer) = input.iter().rposition(|message| message.role != "tool") else { return };
    if answer + 1 == input.len() || input[answer].role != "assistant" {
        return;
    }
    for part in &input[answer].parts {
        if let Part::ToolCall { id: Some(id), name, arguments } = part {
            let (name, arguments) = (name.clone(), arguments.clone());
            asked.insert(id.clone(), Asked { place, name, arguments, is_answered: false });
        }
    }
}

/// A result at the end of a prompt, and the call that it answers.
struct Run<'a> {
    id: Option<&'a str>,
    name: &'a str,
    arguments: &'a Value,
    response: &'a Value,
}

/// The results at the end of a prompt, where neither they nor the calls right before them have ids (Gemini, Ollama): in order,
/// by name where a result has one. With what was said before these calls. Where the prompt leaves the answer with the calls
/// empty (OpenLLMetry's Cohere), the call before tells them, if it was given the same up to there.
fn unnamed_runs<'a>(input: &'a [Message], before: Option<&'a Mapped>) -> (&'a [Message], Vec<Run<'a>>) {
    let Some(answer) = input.iter().rposition(|message| message.role != "tool") else { return (&[], Vec::new()) };
    let told = &input[answer];
    let is_left_out = told.role == "assistant" && told.parts.is_empty();
    let before = before.filter(|before| is_left_out && was_given(before, &input[..answer]));
    let asking = match before.and_then(|before| before.output_messages.as_deref()) {
        Some([only]) => only,
        _ => told,
    };
    let calls = asking.parts.iter().filter_map(|part| match part {
        Part::ToolCall { id, name, arguments } if id.is_none() || is_left_out => {
            Some((id.as_deref(), name.as_str(), arguments))
        }
        _ => None,
    });
    let mut open: Vec<(Option<&str>, &str, &Value)> = calls.collect();
    let results = input[answer + 1..].iter().flat_map(|message| &message.parts);
    let mut runs = Vec::new();
    for part in results {
        let Part::ToolCallResponse { id: None, name: answered, response } = part else { continue };
        let is_meant =
            |(_, name, _): &(Option<&str>, &str, &Value)| answered.as_deref().is_none_or(|answered| answered == *name);
        let Some(at) = open.iter().position(is_meant) else { continue };
        let (id, name, arguments) = open.remove(at);
        runs.push(Run { id, name, arguments, response });
    }
    (&input[..answer], runs)
}

/// Whether a call was given just this.
fn was_given(call: &Mapped, history: &[Message]) -> bool {
    call.input_messages.as_deref().unwrap_or_default() == history
}

/// Calls that are new in a prompt, which an answer before it asked for without an id: the same name and arguments.
fn name_calls(
    input: &[Message],
    seen: &mut HashSet<String>,
    unnamed: &mut HashMap<(String, String), VecDeque<usize>>,
    asked: &mut HashMap<String, Asked>,
) {
    for part in input.iter().flat_map(|message| &message.parts) {
        let Part::ToolCall { id: Some(id), name, arguments } = part else { continue };
        if !seen.insert(id.clone()) || unnamed.is_empty() || asked.contains_key(id) {
            continue;
        }
        let places = unnamed.get_mut(&(name.clone(), canonical_json(arguments)));
        if let Some(place) = places.and_then(VecDeque::pop_front) {
            let (name, arguments) = (name.clone(), arguments.clone());
            asked.insert(id.clone(), Asked { place, name, arguments, is_answered: false });
        }
    }
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
    span_id: &str,
    id: Option<&str>,
    asked: &Asked,
    result: &Value,
    told_at_unix_nano: u64,
) -> (MergedSpan, Mapped) {
    let of = &asking.span;
    // A call that was told what ran before it stays the root of its trace.
    let is_root = told_at_unix_nano == of.start_time_unix_nano && of.parent_span_id.is_none();
    let parent = if is_root { Some(of.span_id.clone()) } else { of.parent_span_id.clone() };
    let span = SpanFragment {
        trace_id: of.trace_id.clone(),
        span_id: span_id.chars().take(16).collect(),
        parent_span_id: parent,
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
        tool_call_id: id.map(str::to_owned),
        tool_arguments: Some(asked.arguments.clone()),
        tool_result: Some(result.clone()),
        session_key: call.session_key.clone(),
        user_key: call.user_key.clone(),
        ..Mapped::default()
    };
    let origin = Value::String(format!("span:{}", of.span_id));
    for field in ["kind", "tool_name", "tool_call_id", "tool_arguments", "tool_result"] {
        if field != "tool_call_id" || id.is_some() {
            mapped.source_keys.insert(field.to_owned(), origin.clone());
        }
    }
    (MergedSpan { span, position: asking.position, ..MergedSpan::default() }, mapped)
}

#[cfg(test)]
mod tests;
