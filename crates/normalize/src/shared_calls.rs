//! One model call that several traces tell of.
//!
//! Two instrumentations of one program begin a trace each where the outer one makes its span not current (a framework's callbacks
//! beside its client's instrumentation), and so do a client and a proxy that is not sent the context. What tells that two reports
//! are of one call is the response's id, which the provider made up; where a report has none (streams of some frameworks), the
//! ids of the tool calls in the answer, else question and answer word for word ([`answer_key`]).
//!
//! Of the traces that tell of a call one counts it ([`Rank`]). Copies of the other reports are put below its own
//! ([`SharedCalls::spans`]), so that what several reports of a call are, and what one says that another leaves out, is decided in one
//! place ([`crate::derive::calls`] and its repairs), whether they came in one trace or in several. Afterwards [`settle`] takes the
//! copies out and tells the reports themselves what they are.
//!
//! Invariants:
//! - A pure function of the set of traces.
//! - Reports are only of one call if they come from different tracers, overlap in time and do not contradict each other: servers
//!   for tests give one id to all answers, caches give an answer again, and parallel tries may be answered alike.
//! - A report counts in one trace; the trace that it stands in keeps its row.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use gleaner_model::{DerivedTrace, Message, Part, SpanKind, ToldCall, canonical_json, derive_id, output_text};
use serde_json::Value;

use crate::attribution::keys::IDENTITY_KEYS;
use crate::derive::calls::{Calls, contradict, find_calls};
use crate::derive::repairs::whole_answers;
use crate::derive::tree::{Node, Tree};
use crate::mapped::{Mapped, MergedSpan};

/// What more reports than this share is nothing that tells a call: at most a framework, a client, a gateway and what each of them logs
/// tell of one.
pub const MAX_REPORTS_OF_ONE_CALL: usize = 16;

/// The model calls of a trace that other traces may tell of too.
pub fn told_calls(trace: &DerivedTrace) -> impl Iterator<Item = ToldCall> + '_ {
    trace.spans.iter().filter(|span| span.kind == SpanKind::Llm).filter_map(|span| {
        let call = ToldCall {
            project: trace.project.clone(),
            trace_id: trace.trace_id.clone(),
            response_id: span.response_id.clone().filter(|id| is_made_up(id)),
            answer_key: span.answer_key,
            scope_name: span.scope_name.clone(),
            start_time_unix_nano: span.start_time_unix_nano,
            end_time_unix_nano: span.end_time_unix_nano,
        };
        (call.response_id.is_some() || call.answer_key.is_some()).then_some(call)
    })
}

/// Whether two reports may be of one call, by what can be compared before the traces are read.
pub fn may_be_one_call(a: &ToldCall, b: &ToldCall) -> bool {
    let end = |call: &ToldCall| {
        if call.end_time_unix_nano > call.start_time_unix_nano { call.end_time_unix_nano } else { u64::MAX }
    };
    let same = match (&a.response_id, &b.response_id) {
        (Some(a), Some(b)) => a == b,
        _ => a.answer_key.is_some() && a.answer_key == b.answer_key,
    };
    same && a.project == b.project
        && a.trace_id != b.trace_id
        && a.scope_name != b.scope_name
        && a.start_time_unix_nano < end(b)
        && b.start_time_unix_nano < end(a)
}

/// What reports of one call share: one of these at least.
pub fn call_keys(call: &ToldCall) -> impl Iterator<Item = String> {
    let id = call.response_id.as_ref().map(|id| format!("response:{id}"));
    id.into_iter().chain(call.answer_key.map(|key| format!("answer:{key:016x}")))
}

/// Digest of what tells an answer from others where no response id does: the id of its first tool call, which the provider made up, else
/// its text with the message that it answers. `None`: not captured.
pub(crate) fn answer_key(input: Option<&[Message]>, output: Option<&[Message]>) -> Option<u64> {
    let output = output?;
    let tool_call_id = output.iter().flat_map(|message| &message.parts).find_map(|part| match part {
        Part::ToolCall { id, .. } => id.as_deref(),
        _ => None,
    });
    let digest = match tool_call_id.filter(|id| is_made_up(id)) {
        Some(id) => derive_id("tool call", &[id]),
        None => {
            let answer = output_text(output)?;
            derive_id("answer", &[&question(input?.last()?)?, answer.trim()])
        }
    };
    u64::from_str_radix(&digest[..16], 16).ok()
}

/// What a message says, or the results that it tells, in one form whatever the convention.
fn question(message: &Message) -> Option<String> {
    let results = message.parts.iter().filter_map(|part| match part {
        Part::ToolCallResponse { response: Value::String(text), .. } => Some(
            serde_json::from_str(text).map_or_else(|_| text.trim().to_owned(), |json: Value| canonical_json(&json)),
        ),
        Part::ToolCallResponse { response, .. } => Some(canonical_json(response)),
        _ => None,
    });
    let results: Vec<String> = results.collect();
    let text = output_text(std::slice::from_ref(message)).map(|text| text.trim().to_owned());
    text.or_else(|| (!results.is_empty()).then(|| results.join("\n")))
}

/// Providers' ids are long and random; `chatcmpl-123` and `call_1` are examples from a test.
fn is_made_up(id: &str) -> bool {
    const MIN_LENGTH: usize = 16;
    const MIN_DIFFERENT: usize = 8;
    let different: HashSet<u8> = id.bytes().filter(u8::is_ascii_alphanumeric).collect();
    id.len() >= MIN_LENGTH && different.len() >= MIN_DIFFERENT && id.bytes().any(|byte| byte.is_ascii_digit())
}

type Spans = Vec<(MergedSpan, Mapped)>;

/// Which calls count in another trace than the one that they stand in.
#[derive(Default)]
pub(crate) struct SharedCalls {
    /// By place of the trace that counts them, then by span id.
    copies: HashMap<usize, BTreeMap<String, (MergedSpan, Mapped)>>,
    /// By place of the trace that they stand in.
    told_elsewhere: HashMap<usize, HashSet<String>>,
}

impl SharedCalls {
    /// Looks through traces, each with its id and its spans, merged and mapped.
    pub(crate) fn find(traces: &[(String, Spans)]) -> Self {
        let mut places_with: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (place, (trace_id, spans)) in traces.iter().enumerate() {
            for (merged, mapped) in spans.iter().filter(|(_, mapped)| may_be_call(mapped)) {
                for key in call_keys(&told_call(trace_id, merged, mapped)) {
                    places_with.entry(key).or_default().push(place);
                }
            }
        }
        let is_shared =
            |places: &&Vec<usize>| places.len() <= MAX_REPORTS_OF_ONE_CALL && places[0] != places[places.len() - 1];
        let concerned: BTreeSet<usize> = places_with.values().filter(is_shared).flatten().copied().collect();
        let whole: Vec<_> = concerned.iter().map(|place| whole_answers(&traces[*place].1)).collect();
        let read: Vec<TracesCalls<'_>> = concerned
            .iter()
            .zip(&whole)
            .map(|(place, spans)| TracesCalls::new(*place, &traces[*place].0, spans))
            .collect();
        let mut shared = Self::default();
        for mut call in reports_by_call(&read) {
            // The report of the trace that counts, then the others.
            call.sort_by_key(|report| Reverse(&read[report.trace].rank));
            if let Some((counted, others)) = call.split_first() {
                others.iter().for_each(|other| shared.join(&read, *counted, *other));
            }
        }
        shared
    }

    fn join(&mut self, read: &[TracesCalls<'_>], counted: Report, other: Report) {
        let (counts, tells) = (&read[counted.trace], &read[other.trace]);
        let richest = &tells.tree.nodes[other.place];
        let span_id = &richest.span().span_id;
        let copies = self.copies.entry(counts.place).or_default();
        // Of two spans with one id in one trace nobody could tell which is meant.
        if counts.holds(span_id) || copies.contains_key(span_id) {
            return;
        }
        let (mut merged, mut mapped) = (richest.merged.clone(), richest.mapped.clone());
        let call = counts.tree.nodes[counted.place].span().span_id.clone();
        merged.span.parent_span_id = Some(call.clone());
        mapped.report_of = Some(call);
        // Where the copy stands says which attempt it is of.
        for key in IDENTITY_KEYS {
            merged.span.attributes.remove(key);
        }
        self.told_elsewhere.entry(tells.place).or_default().insert(span_id.clone());
        copies.insert(span_id.clone(), (merged, mapped));
    }

    /// The spans of a trace as they are to be derived, and which of its calls count elsewhere.
    pub(crate) fn spans(&mut self, place: usize, mut spans: Spans) -> (Spans, HashSet<String>) {
        spans.extend(self.copies.remove(&place).unwrap_or_default().into_values());
        (spans, self.told_elsewhere.remove(&place).unwrap_or_default())
    }
}

/// A call as one trace counts it: place among the traces, place of its richest report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Report {
    trace: usize,
    place: usize,
}

/// The reports of each call that more than one trace tells of. Of all that may be of one call those are taken together first that share
/// their response id, then those that began closest; a tracer reports a call once.
fn reports_by_call(read: &[TracesCalls<'_>]) -> Vec<Vec<Report>> {
    let mut with_key: BTreeMap<String, Vec<(Report, ToldCall, &Node<'_>)>> = BTreeMap::new();
    for (trace, calls) in read.iter().enumerate() {
        for place in (0..calls.tree.nodes.len()).filter(|place| calls.calls.kinds[*place] == SpanKind::Llm) {
            let (node, richest) = (&calls.tree.nodes[place], calls.calls.duplicate_of[place].unwrap_or(place));
            let told = told_call(&calls.rank.trace_id.0, node.merged, node.mapped);
            for key in call_keys(&told) {
                with_key.entry(key).or_default().push((Report { trace, place: richest }, told.clone(), node));
            }
        }
    }
    let mut pairs = BTreeSet::new();
    for reports in with_key.values().filter(|reports| reports.len() <= MAX_REPORTS_OF_ONE_CALL) {
        for (index, (a, told_a, node_a)) in reports.iter().enumerate() {
            for (b, told_b, node_b) in &reports[index + 1..] {
                if may_be_one_call(told_a, told_b) && !contradict(node_a, node_b) {
                    let by_answer = told_a.response_id.is_none() || told_b.response_id.is_none();
                    let apart = told_a.start_time_unix_nano.abs_diff(told_b.start_time_unix_nano);
                    let ends = [a, b].map(|report| (&read[report.trace].rank.trace_id.0, report.place));
                    pairs.insert((by_answer, apart, ends[0].min(ends[1]), ends[0].max(ends[1]), *a, *b));
                }
            }
        }
    }
    let mut calls: Vec<Vec<Report>> = Vec::new();
    let mut call_of: HashMap<Report, usize> = HashMap::new();
    for (_, _, _, _, a, b) in pairs {
        let [a, b] = [a, b].map(|report| {
            *call_of.entry(report).or_insert_with(|| {
                calls.push(vec![report]);
                calls.len() - 1
            })
        });
        let excludes =
            |a: &Report, b: &Report| a.trace == b.trace || read[a.trace].scope(*a) == read[b.trace].scope(*b);
        if a == b || calls[a].iter().any(|one| calls[b].iter().any(|other| excludes(one, other))) {
            continue;
        }
        for report in std::mem::take(&mut calls[b]) {
            call_of.insert(report, a);
            calls[a].push(report);
        }
    }
    calls.retain(|reports| reports.len() > 1);
    calls
}

/// Takes the copies out of what was derived, and gives their attempt, and the report that counts, to the spans that they are
/// copies of. Both are known by trace and span id.
pub(crate) fn settle(derived: &mut [DerivedTrace]) {
    let mut counted: HashMap<(String, String), (Option<String>, Option<String>)> = HashMap::new();
    for trace in derived.iter_mut() {
        let DerivedTrace { trace_id, spans, .. } = trace;
        for copy in spans.extract_if(.., |span| span.trace_id != *trace_id) {
            counted.insert((copy.trace_id, copy.span_id), (copy.attempt_id, copy.duplicate_of));
        }
    }
    if counted.is_empty() {
        return;
    }
    for trace in derived {
        let mut settled: HashMap<String, (Option<String>, Option<String>)> = HashMap::new();
        for span in &mut trace.spans {
            if let Some(report) = counted.remove(&(span.trace_id.clone(), span.span_id.clone())) {
                (span.attempt_id, span.duplicate_of) = report.clone();
                settled.insert(span.span_id.clone(), report);
            }
        }
        // Further reports of such a call in its own trace.
        for span in &mut trace.spans {
            if let Some(report) = span.duplicate_of.as_ref().and_then(|richest| settled.get(richest)) {
                (span.attempt_id, span.duplicate_of) = report.clone();
            }
        }
    }
}

/// Before nesting is looked at: see [`find_calls`].
fn may_be_call(mapped: &Mapped) -> bool {
    mapped.kind == Some(SpanKind::Llm) || mapped.kind == Some(SpanKind::Chain) && mapped.model.is_some()
}

fn told_call(trace_id: &str, merged: &MergedSpan, mapped: &Mapped) -> ToldCall {
    ToldCall {
        project: String::new(),
        trace_id: trace_id.to_owned(),
        response_id: mapped.response_id.clone().filter(|id| is_made_up(id)),
        answer_key: answer_key(mapped.input_messages.as_deref(), mapped.output_messages.as_deref()),
        scope_name: merged.span.scope.name.clone(),
        start_time_unix_nano: merged.span.start_time_unix_nano,
        end_time_unix_nano: merged.span.end_time_unix_nano,
    }
}

/// The calls of one trace.
struct TracesCalls<'a> {
    /// Among all traces.
    place: usize,
    tree: Tree<'a>,
    calls: Calls,
    rank: Rank,
    span_ids: HashSet<&'a str>,
}

/// Which trace counts a call: one with Gleaner's keys, one with more calls, the one that began first (the caller's), by its id.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    is_keyed: bool,
    calls: usize,
    start_time_unix_nano: Reverse<u64>,
    trace_id: Reverse<String>,
}

impl<'a> TracesCalls<'a> {
    fn new(place: usize, trace_id: &str, spans: &'a [(MergedSpan, Mapped)]) -> Self {
        let tree = Tree::new(spans);
        let calls = find_calls(&tree);
        let counts = |place: &usize| calls.kinds[*place] == SpanKind::Llm && calls.duplicate_of[*place].is_none();
        let has_key = |(merged, _): &(MergedSpan, Mapped)| {
            IDENTITY_KEYS.iter().any(|key| merged.span.attributes.contains_key(*key))
        };
        let rank = Rank {
            is_keyed: spans.iter().any(has_key),
            calls: (0..tree.nodes.len()).filter(counts).count(),
            start_time_unix_nano: Reverse(tree.nodes.first().map_or(0, |node| node.span().start_time_unix_nano)),
            trace_id: Reverse(trace_id.to_owned()),
        };
        let span_ids = tree.nodes.iter().map(|node| node.span().span_id.as_str()).collect();
        Self { place, tree, calls, rank, span_ids }
    }

    fn holds(&self, span_id: &str) -> bool {
        self.span_ids.contains(span_id)
    }

    fn scope(&self, report: Report) -> &str {
        &self.tree.nodes[report.place].span().scope.name
    }
}

#[cfg(test)]
mod tests;
