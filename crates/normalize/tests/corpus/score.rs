//! How many of the facts that a capture's bytes hold come out right.
//!
//! Calls of the truth and spans are matched greedily, in the order of the truth, by how much they have in common. Texts are
//! right where they occur in what was read, white space apart; everything else has to be equal.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use gleaner_model::{DerivedTrace, Message, Part, Span, SpanKind};
use serde_json::Value;

use crate::capture::{Expected, LlmCall, ToolUse};
use crate::evidence::{Evidence, Place, UnitKind};
use crate::history::whole_inputs;
use crate::scope::Scopes;
use crate::table::Outcome;
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

/// Those that belong to a call of the truth.
const FIELDS_OF_CALLS: [&str; 9] =
    ["calls", "model", "input", "output", "reasoning", "tool_calls", "finish", "in_tokens", "out_tokens"];

/// Something that the truth knows.
pub(crate) struct Fact {
    pub(crate) field: &'static str,
    /// Of which call, which tool run or which id: its place in the truth.
    pub(crate) of: usize,
    /// What it is, for people.
    pub(crate) what: String,
    pub(crate) is_right: bool,
    /// Where the bytes hold it.
    pub(crate) places: Vec<Place>,
}

impl Fact {
    pub(crate) fn outcome(&self) -> Outcome {
        match (self.is_right, self.places.is_empty()) {
            (true, _) => Outcome::Right,
            (false, true) => Outcome::Absent,
            (false, false) => Outcome::Missing,
        }
    }
}

pub(crate) fn facts(expected: &Expected, traces: &[DerivedTrace], evidence: &Evidence) -> Vec<Fact> {
    let mut facts = call_facts(expected, &read_calls(traces), evidence);
    facts.extend(tool_facts(&expected.tool_executions, traces, evidence));

    let sessions: HashSet<&str> =
        traces.iter().flat_map(|trace| &trace.attempts).map(|attempt| attempt.session_id.as_str()).collect();
    let users = users(traces);
    // Within another string a short one stands by chance.
    const SHORT: usize = 8;
    let places = |id: &str| {
        if id.len() < SHORT { evidence.whole(|text| !id.is_empty() && text == id) } else { evidence.text(id) }
    };
    let id = |field, of, id: &String, is_right| Fact { field, of, what: id.clone(), is_right, places: places(id) };
    let of_sessions = expected.session_ids.iter().enumerate();
    facts.extend(of_sessions.map(|(of, name)| id("sessions", of, name, sessions.contains(name.as_str()))));
    let of_users = expected.user_ids.iter().enumerate();
    facts.extend(of_users.map(|(of, name)| id("users", of, name, users.contains(name.as_str()))));

    let derived: HashSet<&str> =
        traces.iter().filter(|trace| !trace.spans.is_empty()).map(|trace| trace.trace_id.as_str()).collect();
    let spans = evidence.units.iter().filter(|unit| unit.kind == UnitKind::Span);
    let sent: BTreeSet<&str> = spans.map(|unit| unit.trace_id.as_str()).collect();
    facts.extend(sent.iter().enumerate().map(|(of, trace_id)| Fact {
        field: "traces",
        of,
        what: (*trace_id).to_owned(),
        is_right: derived.contains(trace_id),
        places: vec![Place::default()],
    }));
    let lost = sent.len()..expected.traces;
    let what = String::new();
    facts.extend(lost.map(|of| Fact { field: "traces", of, what: what.clone(), is_right: false, places: Vec::new() }));
    facts
}

/// Of a call that is absent, everything is.
pub(crate) fn settle_absent_calls(facts: &mut [Fact]) {
    let absent: HashSet<usize> = facts
        .iter()
        .filter(|fact| fact.field == "calls" && fact.outcome() == Outcome::Absent)
        .map(|fact| fact.of)
        .collect();
    let of_calls = |fact: &&mut Fact| FIELDS_OF_CALLS.contains(&fact.field) && absent.contains(&fact.of);
    facts.iter_mut().filter(of_calls).for_each(|fact| fact.places.clear());
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
    let calls = spans.zip(whole_inputs(traces)).filter(|(span, _)| is_call(span.kind) && span.duplicate_of.is_none());
    calls
        .map(|(span, input)| ReadCall {
            span,
            input: format!("{} {}", messages_text(input.as_deref()), normal(text_of(&span.system_prompt))),
            output: messages_text(span.output_messages.as_deref()),
            tool_calls: tool_calls(span.output_messages.as_deref()),
        })
        .collect()
}

/// An embedding is a call of a model, and a span of a kind of its own.
fn is_call(kind: SpanKind) -> bool {
    matches!(kind, SpanKind::Llm | SpanKind::Embedding)
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

fn call_facts(expected: &Expected, read: &[ReadCall<'_>], evidence: &Evidence) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut open: Vec<&ReadCall<'_>> = read.iter().collect();
    let scopes = Scopes::new(expected, evidence);
    for (of, call) in expected.llm_calls.iter().enumerate() {
        let scope = scopes.of(call);
        let mut wanted: Vec<_> =
            call.tool_calls.iter().map(|tool| (tool.name.clone(), sorted(&parsed(&tool.arguments)))).collect();
        wanted.sort();
        let given: Vec<&str> = call.input.iter().map(|place| expected.texts[*place].as_str()).collect();
        let found = best_match(call, &given, &wanted, &open).map(|place| open.remove(place));
        let is_right = |test: &dyn Fn(&ReadCall<'_>) -> bool| found.is_some_and(test);
        let mut add = |field, what: String, is_right, places| facts.push(Fact { field, of, what, is_right, places });

        let what = call.response_id.clone().unwrap_or_default();
        add("calls", what, found.is_some(), scope.told.clone());
        if let Some(model) = &call.model {
            let places = scope.near(&model_places(evidence, model));
            add("model", model.clone(), is_right(&|read| read.is_model(Some(model))), places);
        }
        for text in call.input.iter().map(|place| &expected.texts[*place]) {
            let places = scope.conversation(&evidence.text(text));
            add("input", text.clone(), is_right(&|read| read.was_given(text)), places);
        }
        if let Some(text) = call.output_text.as_ref() {
            let places = scope.conversation(&evidence.text(text));
            add("output", text.clone(), is_right(&|read| read.wrote(text)), places);
        }
        if let Some(text) = call.reasoning_text.as_ref() {
            let reasoned = |read: &ReadCall<'_>| normal(text_of(&read.span.reasoning_text)).contains(&normal(text));
            let places = scope.conversation(&evidence.text(text));
            add("reasoning", text.clone(), is_right(&reasoned), places);
        }
        if !wanted.is_empty() {
            let places: Vec<_> = call
                .tool_calls
                .iter()
                .map(|tool| tool_places(tool, evidence, &|places| scope.conversation(places)))
                .collect();
            let places = if places.iter().any(Vec::is_empty) { Vec::new() } else { places.concat() };
            let what = format!("{wanted:?}");
            add("tool_calls", what, is_right(&|read| read.tool_calls == wanted), places);
        }
        if let Some(tokens) = call.input_tokens {
            let same = |read: &ReadCall<'_>| read.span.input_tokens == Some(tokens);
            add("in_tokens", tokens.to_string(), is_right(&same), scope.near(evidence.number(tokens)));
        }
        if let Some(tokens) = call.output_tokens {
            let same = |read: &ReadCall<'_>| read.span.output_tokens == Some(tokens);
            add("out_tokens", tokens.to_string(), is_right(&same), scope.near(evidence.number(tokens)));
        }
        if let Some(reason) = &call.finish_reason {
            let wanted = canonical_finish_reason(reason);
            let same =
                |read: &ReadCall<'_>| read.span.finish_reason.as_deref().and_then(canonical_finish_reason) == wanted;
            let places = evidence.whole(|text| text.len() < 40 && canonical_finish_reason(text) == wanted);
            add("finish", reason.clone(), is_right(&same), scope.near(&places));
        }
    }
    let read = read.iter().filter(|read| read.span.kind == SpanKind::Llm).count();
    let most = expected.llm_calls.len() + expected.llm_calls_failed + expected.llm_calls_by_hand;
    let what = format!("{read} calls read, {most} made");
    facts.push(Fact { field: "extra_calls", of: 0, what, is_right: read <= most, places: vec![Place::default()] });
    facts
}

/// Where a string names the model, with or without a router's prefix.
fn model_places(evidence: &Evidence, model: &str) -> Vec<Place> {
    evidence.whole(|text| {
        let before = text.strip_suffix(model);
        before.is_some_and(|before| before.is_empty() || (before.ends_with('/') && text.len() < 120))
    })
}

/// The first of the calls that have most in common with a call of the truth, if that is enough.
fn best_match(call: &LlmCall, given: &[&str], wanted: &[(String, String)], open: &[&ReadCall<'_>]) -> Option<usize> {
    const ENOUGH: u32 = 4;
    let mut best: Option<(u32, usize)> = None;
    let is_embedding = |read: &ReadCall<'_>| read.span.kind == SpanKind::Embedding;
    for (place, read) in open.iter().enumerate().filter(|(_, read)| is_embedding(read) == call.is_embedding) {
        let span = read.span;
        let mut points = 0;
        if read.is_model(call.model.as_ref()) || read.is_model(call.response_model.as_ref()) {
            // Embeddings have no answer to be known by.
            points += if call.is_embedding { ENOUGH } else { 2 };
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
        let same_output =
            span.output_tokens == call.output_tokens || (call.is_embedding && span.output_tokens.is_none());
        if span.input_tokens == call.input_tokens && same_output {
            points += 3;
        }
        let is_silent = span.output_text.is_none() && read.tool_calls.is_empty();
        if call.output_text.is_none() && call.tool_calls.is_empty() && is_silent {
            points += 1;
        }
        // An answer that was not recorded leaves the question.
        if is_silent && !given.is_empty() && given.iter().all(|text| read.was_given(text)) {
            points += 2;
        }
        if best.is_none_or(|(most, _)| points > most) {
            best = Some((points, place));
        }
    }
    best.filter(|(points, _)| *points >= ENOUGH).map(|(_, place)| place)
}

/// Where the arguments stand, if the name and all of them do: of the argument that stands in the fewest places; of a tool
/// without any its name.
fn tool_places(tool: &ToolUse, evidence: &Evidence, within: &dyn Fn(&[Place]) -> Vec<Place>) -> Vec<Place> {
    let argument = |value: &Value| match value {
        Value::String(text) => Some(within(&evidence.text(text))),
        Value::Number(number) => number.as_i64().map(|number| within(evidence.number(number))),
        _ => None,
    };
    let name = within(&evidence.text(&tool.name));
    if name.is_empty() {
        return name;
    }
    let arguments = parsed(&tool.arguments);
    let arguments = arguments.as_object().into_iter().flat_map(|fields| fields.values()).filter_map(argument);
    arguments.min_by_key(Vec::len).unwrap_or(name)
}

fn tool_facts(executions: &[ToolUse], traces: &[DerivedTrace], evidence: &Evidence) -> Vec<Fact> {
    let spans = traces.iter().flat_map(|trace| &trace.spans);
    let mut open: Vec<&Span> =
        spans.filter(|span| span.kind == SpanKind::Tool && span.duplicate_of.is_none()).collect();
    let fact = |(of, tool): (usize, &ToolUse)| {
        let wanted = parsed(&tool.arguments);
        let place = open.iter().position(|span| {
            span.tool_name.as_deref() == Some(&tool.name)
                && same_value(span.tool_arguments.as_ref().unwrap_or(&Value::Null), &wanted)
        });
        let is_right = place.map(|place| open.remove(place)).is_some();
        let what = format!("{} {}", tool.name, tool.arguments);
        // Whatever stands in a trace that names the tool.
        let named: HashSet<&str> = evidence.text(&tool.name).iter().map(|place| evidence.trace(*place)).collect();
        let within = |places: &[Place]| -> Vec<Place> {
            places.iter().filter(|place| named.contains(evidence.trace(**place))).copied().collect()
        };
        Fact { field: "tools_run", of, what, is_right, places: tool_places(tool, evidence, &within) }
    };
    executions.iter().enumerate().map(fact).collect()
}
