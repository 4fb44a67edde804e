//! How many of the facts that a capture's bytes hold come out right.
//!
//! Calls of the truth and spans are matched greedily, in the order of the truth, by how much they have in common. Texts are
//! right where they occur in what was read, white space apart; everything else has to be equal.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use gleaner_model::{DerivedTrace, Message, Part, Span, SpanKind};
use serde_json::Value;

use crate::capture::{Expected, LlmCall, ToolUse};
use crate::carried::Carried;
use crate::history::whole_inputs;
use crate::text::{all_text, canonical_finish_reason, leaves, normal, parsed, same_value, sorted};

/// Fields in the order of the table.
pub(crate) const FIELDS: [&str; 14] = [
    "calls",
    "extra_calls",
    "model",
    "input",
    "output",
    "reasoning",
    "tool_calls",
    "finish",
    "in_tokens",
    "out_tokens",
    "tools_run",
    "sessions",
    "users",
    "traces",
];

/// Of one field: the facts of the truth, those that the bytes hold, and those of them that came out right.
#[derive(Default, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Figure {
    pub(crate) known: usize,
    pub(crate) carried: usize,
    pub(crate) right: usize,
}

/// By field. A field that the truth says nothing of is not there.
#[derive(Default)]
pub(crate) struct Score(pub(crate) BTreeMap<&'static str, Figure>);

impl Score {
    fn add(&mut self, field: &'static str, is_right: bool, is_carried: bool) {
        let figure = self.0.entry(field).or_default();
        figure.known += 1;
        figure.carried += usize::from(is_carried);
        figure.right += usize::from(is_carried && is_right);
    }
}

pub(crate) fn score(expected: &Expected, traces: &[DerivedTrace], carried: &Carried) -> Score {
    let mut score = Score::default();
    score_calls(&mut score, expected, &read_calls(traces), carried);
    score_tools(&mut score, &expected.tool_executions, traces, carried);

    let sessions: HashSet<&str> =
        traces.iter().flat_map(|trace| &trace.attempts).map(|attempt| attempt.session_id.as_str()).collect();
    for id in &expected.session_ids {
        score.add("sessions", sessions.contains(id.as_str()), carried.text(id));
    }
    let users = users(traces);
    for id in &expected.user_ids {
        score.add("users", users.contains(id.as_str()), carried.text(id));
    }
    let is_derived = |id: &&String| traces.iter().any(|trace| trace.trace_id == **id && !trace.spans.is_empty());
    let derived = carried.trace_ids.iter().filter(is_derived).count();
    for number in 0..expected.traces {
        score.add("traces", number < derived, number < carried.trace_ids.len());
    }
    score
}

/// Of several users of a session the one that counts: named on a span, latest.
fn users(traces: &[DerivedTrace]) -> BTreeSet<&str> {
    let mut user_of: BTreeMap<&str, (i64, &str)> = BTreeMap::new();
    for fact in traces.iter().flat_map(|trace| &trace.session_facts).filter(|fact| fact.field == "user_id") {
        let known = user_of.entry(&fact.session_id).or_insert((fact.rank, &fact.value));
        if fact.rank >= known.0 {
            *known = (fact.rank, &fact.value);
        }
    }
    user_of.into_values().map(|(_, user)| user).collect()
}

/// A model call as it was read.
struct ReadCall<'a> {
    span: &'a Span,
    input: String,
    output: String,
    tool_calls: Vec<(String, String)>,
}

impl ReadCall<'_> {
    fn is_model(&self, model: Option<&String>) -> bool {
        self.span.model.as_ref() == model || self.span.response_model.as_ref() == model
    }

    fn wrote(&self, text: &str) -> bool {
        self.output.contains(&normal(text)) || normal(text_of(&self.span.output_text)).contains(&normal(text))
    }

    /// A tool's result that is JSON text may be kept as what it holds: then every leaf has to be there.
    fn was_given(&self, text: &str) -> bool {
        let value = parsed(&Value::from(text));
        let has_all = |value: &Value| {
            let leaves = leaves(value);
            !leaves.is_empty() && leaves.iter().all(|leaf| self.input.contains(&normal(leaf)))
        };
        self.input.contains(&normal(text))
            || (!value.is_string() && has_all(&value) && (value.is_array() || value.is_object()))
    }
}

fn text_of(text: &Option<String>) -> &str {
    text.as_deref().unwrap_or_default()
}

fn read_calls(traces: &[DerivedTrace]) -> Vec<ReadCall<'_>> {
    let spans = traces.iter().flat_map(|trace| &trace.spans);
    let calls =
        spans.zip(whole_inputs(traces)).filter(|(span, _)| span.kind == SpanKind::Llm && span.duplicate_of.is_none());
    calls
        .map(|(span, input)| ReadCall {
            span,
            input: format!("{} {}", messages_text(input.as_deref()), normal(text_of(&span.system_prompt))),
            output: messages_text(span.output_messages.as_deref()),
            tool_calls: tool_calls(span.output_messages.as_deref()),
        })
        .collect()
}

fn messages_text(messages: Option<&[Message]>) -> String {
    messages.map(|messages| all_text(&serde_json::to_value(messages).expect("messages are JSON"))).unwrap_or_default()
}

fn tool_calls(messages: Option<&[Message]>) -> Vec<(String, String)> {
    let parts = messages.unwrap_or_default().iter().flat_map(|message| &message.parts);
    let mut calls: Vec<_> = parts
        .filter_map(|part| match part {
            Part::ToolCall { name, arguments, .. } => Some((name.clone(), sorted(&parsed(arguments)))),
            _ => None,
        })
        .collect();
    calls.sort();
    calls
}

fn score_calls(score: &mut Score, expected: &Expected, read: &[ReadCall<'_>], carried: &Carried) {
    let mut open: Vec<&ReadCall<'_>> = read.iter().collect();
    for call in &expected.llm_calls {
        let mut wanted: Vec<_> =
            call.tool_calls.iter().map(|tool| (tool.name.clone(), sorted(&parsed(&tool.arguments)))).collect();
        wanted.sort();
        let number = |number: Option<i64>| number.is_some_and(|number| carried.number(number));
        let is_told = carried.text(text_of(&call.output_text))
            || call.tool_calls.iter().any(|tool| carried.text(&tool.name))
            || (number(call.input_tokens) && number(call.output_tokens));
        let best = best_match(call, &wanted, &open);
        score.add("calls", best.is_some(), is_told);
        let found = best.filter(|_| is_told).map(|place| open.remove(place));
        let is_right = |test: &dyn Fn(&ReadCall<'_>) -> bool| found.is_some_and(test);

        if let Some(model) = &call.model {
            score.add("model", is_right(&|read| read.is_model(Some(model))), is_told && carried.model(model));
        }
        for text in call.input.iter().map(|place| &expected.texts[*place]) {
            score.add("input", is_right(&|read| read.was_given(text)), is_told && carried.text(text));
        }
        if let Some(text) = call.output_text.as_ref() {
            score.add("output", is_right(&|read| read.wrote(text)), is_told && carried.text(text));
        }
        if let Some(text) = call.reasoning_text.as_ref() {
            let reasoned = |read: &ReadCall<'_>| normal(text_of(&read.span.reasoning_text)).contains(&normal(text));
            score.add("reasoning", is_right(&reasoned), is_told && carried.text(text));
        }
        if !wanted.is_empty() {
            let is_carried = call.tool_calls.iter().all(|tool| tool_is_carried(tool, carried));
            score.add("tool_calls", is_right(&|read| read.tool_calls == wanted), is_told && is_carried);
        }
        if let Some(tokens) = call.input_tokens {
            let same = |read: &ReadCall<'_>| read.span.input_tokens == Some(tokens);
            score.add("in_tokens", is_right(&same), is_told && carried.number(tokens));
        }
        if let Some(tokens) = call.output_tokens {
            let same = |read: &ReadCall<'_>| read.span.output_tokens == Some(tokens);
            score.add("out_tokens", is_right(&same), is_told && carried.number(tokens));
        }
        if let Some(reason) = &call.finish_reason {
            let same = |read: &ReadCall<'_>| {
                read.span.finish_reason.as_deref().and_then(canonical_finish_reason) == canonical_finish_reason(reason)
            };
            score.add("finish", is_right(&same), is_told && carried.finish_reason(reason));
        }
    }
    let most = expected.llm_calls.len() + expected.llm_calls_failed;
    score.add("extra_calls", read.len() <= most, true);
}

/// The first of the calls that have most in common with a call of the truth, if that is enough.
fn best_match(call: &LlmCall, wanted: &[(String, String)], open: &[&ReadCall<'_>]) -> Option<usize> {
    const ENOUGH: u32 = 4;
    let mut best: Option<(u32, usize)> = None;
    for (place, read) in open.iter().enumerate() {
        let span = read.span;
        let mut points = 0;
        if read.is_model(call.model.as_ref()) || read.is_model(call.response_model.as_ref()) {
            points += 2;
        }
        if call.output_text.as_ref().is_some_and(|text| read.wrote(text)) {
            points += 4;
        }
        if !wanted.is_empty() && read.tool_calls == wanted {
            points += 4;
        }
        if call.response_id.is_some() && span.response_id == call.response_id {
            points += 3;
        }
        if span.input_tokens == call.input_tokens && span.output_tokens == call.output_tokens {
            points += 3;
        }
        if best.is_none_or(|(most, _)| points > most) {
            best = Some((points, place));
        }
    }
    best.filter(|(points, _)| *points >= ENOUGH).map(|(_, place)| place)
}

/// The name occurs, and every argument that is text.
fn tool_is_carried(tool: &ToolUse, carried: &Carried) -> bool {
    let arguments = parsed(&tool.arguments);
    let texts = arguments.as_object().into_iter().flat_map(|fields| fields.values()).filter_map(Value::as_str);
    carried.text(&tool.name) && texts.into_iter().all(|text| carried.text(text))
}

fn score_tools(score: &mut Score, executions: &[ToolUse], traces: &[DerivedTrace], carried: &Carried) {
    let spans = traces.iter().flat_map(|trace| &trace.spans);
    let mut open: Vec<&Span> =
        spans.filter(|span| span.kind == SpanKind::Tool && span.duplicate_of.is_none()).collect();
    for tool in executions {
        let wanted = parsed(&tool.arguments);
        let place = open.iter().position(|span| {
            span.tool_name.as_deref() == Some(&tool.name)
                && same_value(span.tool_arguments.as_ref().unwrap_or(&Value::Null), &wanted)
        });
        score.add("tools_run", place.is_some(), tool_is_carried(tool, carried));
        place.map(|place| open.remove(place));
    }
}
