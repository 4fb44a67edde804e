//! Puts the records of a session to spans: to the span that tells of the same call, where one was sent, else to a new one.
//!
//! A record tells of the same call as a span if it names the span's call by id, or the span itself; else if both ended
//! together, in one session, with the same usage (a call) or name (a tool run).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use gleaner_model::{SpanFragment, SpanKind, derive_id};

use crate::agent_logs::turns::{Item, Record, Turn, turns};
use crate::agent_logs::{Role, SpanNames, session_of};
use crate::conventions::map;
use crate::mapped::{Mapped, MergedSpan};

/// A record and a span of one call end within this time of each other.
const SAME_END_NANO: u64 = 2_000_000_000;

/// Spans by trace id.
pub(crate) type Traces = BTreeMap<String, Vec<MergedSpan>>;

/// Adds records to the spans of their unit, and makes the spans that are missing.
pub(crate) fn weave(project: &str, traces: &mut Traces, records: Vec<Record>) {
    let mut sessions: BTreeMap<String, Vec<Record>> = BTreeMap::new();
    for record in records {
        sessions.entry(record.place.session.clone()).or_default().push(record);
    }
    let mut known = Known::new(traces);
    for (session, records) in sessions {
        let turns = turns(records);
        let mut homes = Vec::with_capacity(turns.len());
        for turn in turns {
            if turn.records.is_empty() && turn.items.is_empty() {
                continue;
            }
            let start =
                turn.records.iter().map(|r| r.time).chain(turn.items.iter().map(|i| i.start)).min().unwrap_or(0);
            let mut weaver = Weaver::new(project, &session, &turn, traces, &mut known);
            weaver.weave(turn);
            homes.push((start, weaver.turn));
        }
        name_turns(traces, &known, &session, &homes);
    }
}

/// The spans as sent, and which of them a record has been put to.
struct Known {
    spans: Vec<KnownSpan>,
    by_id: HashMap<(String, String), usize>,
    by_response_id: HashMap<String, usize>,
    by_tool_call_id: HashMap<String, usize>,
    /// Places in `spans` by (session, end).
    by_end: Vec<(String, u64, usize)>,
    taken: HashSet<usize>,
    /// Traces of each session.
    traces: BTreeMap<String, BTreeSet<String>>,
}

struct KnownSpan {
    trace_id: String,
    /// Place in the trace.
    place: usize,
    parent: Option<String>,
    mapped: Mapped,
}

impl Known {
    fn new(traces: &Traces) -> Self {
        let mut known = Self {
            spans: Vec::new(),
            by_id: HashMap::new(),
            by_response_id: HashMap::new(),
            by_tool_call_id: HashMap::new(),
            by_end: Vec::new(),
            taken: HashSet::new(),
            traces: BTreeMap::new(),
        };
        for (trace_id, spans) in traces {
            let sessions: BTreeSet<String> = spans.iter().filter_map(|span| session_of(&span.span)).collect();
            for session in &sessions {
                known.traces.entry(session.clone()).or_default().insert(trace_id.clone());
            }
            for (place, span) in spans.iter().enumerate() {
                known.add(trace_id, place, span, &sessions);
            }
        }
        known.by_end.sort();
        known
    }

    fn add(&mut self, trace_id: &str, place: usize, span: &MergedSpan, sessions: &BTreeSet<String>) {
        let mapped = map(span);
        let index = self.spans.len();
        self.by_id.insert((trace_id.to_owned(), span.span.span_id.clone()), index);
        match mapped.kind {
            Some(SpanKind::Llm) => {
                if let Some(id) = &mapped.response_id {
                    self.by_response_id.entry(id.clone()).or_insert(index);
                }
            }
            Some(SpanKind::Tool) => {
                if let Some(id) = &mapped.tool_call_id {
                    self.by_tool_call_id.entry(id.clone()).or_insert(index);
                }
            }
            _ => {}
        }
        if matches!(mapped.kind, Some(SpanKind::Llm | SpanKind::Tool)) {
            self.by_end.extend(sessions.iter().map(|s| (s.clone(), span.span.end_time_unix_nano, index)));
        }
        let parent = span.span.parent_span_id.clone();
        self.spans.push(KnownSpan { trace_id: trace_id.to_owned(), place, parent, mapped });
    }

    /// The span that tells of the same call or run.
    fn find(&self, session: &str, item: &Item, probe: &Mapped) -> Option<usize> {
        let kind = match item.role {
            Role::Call => SpanKind::Llm,
            Role::Tool => SpanKind::Tool,
            _ => return None,
        };
        let ids = if kind == SpanKind::Llm { &self.by_response_id } else { &self.by_tool_call_id };
        if let Some(index) = item.key.as_ref().and_then(|key| ids.get(key)) {
            return Some(*index);
        }
        let named = |record: &Record| {
            let ids = record.log.trace_id.clone().zip(record.log.span_id.clone())?;
            self.by_id.get(&ids).copied().filter(|index| self.spans[*index].mapped.kind == Some(kind))
        };
        if let Some(index) = item.records.iter().find_map(named) {
            return Some(index);
        }
        if item.key.is_some() {
            return None;
        }
        self.find_by_end(session, item.end, |mapped| mapped.kind == Some(kind) && same_facts(kind, mapped, probe))
    }

    fn find_by_end(&self, session: &str, end: u64, is_same: impl Fn(&Mapped) -> bool) -> Option<usize> {
        let earliest = (session.to_owned(), end.saturating_sub(SAME_END_NANO), 0);
        let first = self.by_end.partition_point(|entry| *entry < earliest);
        self.by_end[first..]
            .iter()
            .take_while(|(of, at, _)| of == session && *at <= end.saturating_add(SAME_END_NANO))
            .filter(|(_, _, index)| !self.taken.contains(index) && is_same(&self.spans[*index].mapped))
            .min_by_key(|(_, at, index)| (at.abs_diff(end), *index))
            .map(|(_, _, index)| *index)
    }

    /// The nearest agent span at or above a span, else the span itself.
    fn agent_above(&self, index: usize) -> usize {
        let mut place = index;
        // Parent chains come from strangers: they may be cyclic.
        for _ in 0..self.spans.len() {
            let span = &self.spans[place];
            if span.mapped.kind == Some(SpanKind::Agent) {
                return place;
            }
            let parent = span.parent.clone().map(|parent| (span.trace_id.clone(), parent));
            match parent.and_then(|parent| self.by_id.get(&parent)) {
                Some(parent) => place = *parent,
                None => break,
            }
        }
        index
    }
}

/// Whether what a record tells agrees with what a span tells.
fn same_facts(kind: SpanKind, span: &Mapped, record: &Mapped) -> bool {
    if kind == SpanKind::Tool {
        return span.tool_name.is_some() && span.tool_name == record.tool_name;
    }
    let agree = |a: Option<i64>, b: Option<i64>| a.is_none() || b.is_none() || a == b;
    let knows = span.output_tokens.is_some() && record.output_tokens.is_some();
    let failed = span.error.is_some() && record.error.is_some();
    (knows || failed)
        && agree(span.input_tokens, record.input_tokens)
        && agree(span.output_tokens, record.output_tokens)
}

/// Where a turn's spans are.
#[derive(Clone)]
struct Home {
    trace_id: String,
    root_span_id: String,
    /// The turn's key, unless its trace says by itself what belongs together.
    turn: Option<String>,
}

struct Weaver<'w> {
    session: &'w str,
    traces: &'w mut Traces,
    known: &'w mut Known,
    turn: Home,
    /// Place of the root among the known spans.
    root: Option<usize>,
    threads: BTreeMap<String, String>,
    ordinal: usize,
}

impl<'w> Weaver<'w> {
    fn new(project: &str, session: &'w str, turn: &Turn, traces: &'w mut Traces, known: &'w mut Known) -> Self {
        let ids = |record: &Record| record.log.trace_id.clone().zip(record.log.span_id.clone());
        let prompt = turn.records.iter().find(|record| record.place.role == Role::Prompt);
        let named = match prompt {
            Some(prompt) => ids(prompt),
            None => turn.records.iter().chain(turn.items.iter().flat_map(|item| &item.records)).find_map(ids),
        };
        let (home, root) = match named {
            Some((trace_id, span_id)) => {
                let root = known.by_id.get(&(trace_id.clone(), span_id.clone())).map(|index| known.agent_above(*index));
                let of_root = |index: usize| {
                    let span: &KnownSpan = &known.spans[index];
                    traces.get(&span.trace_id).map(|spans| spans[span.place].span.span_id.clone())
                };
                let root_span_id = root.and_then(of_root).unwrap_or(span_id);
                (Home { trace_id, root_span_id, turn: None }, root)
            }
            None => {
                let trace_id = derive_id("log_trace", &[project, session, &turn.key]);
                let root_span_id = span_id(&trace_id, "root");
                (Home { trace_id, root_span_id, turn: Some(format!("turn:{session}:{}", turn.key)) }, None)
            }
        };
        Self { session, traces, known, turn: home, root, threads: BTreeMap::new(), ordinal: 0 }
    }

    fn weave(&mut self, turn: Turn) {
        let Turn { records, items, .. } = turn;
        let times = || records.iter().map(|record| record.time);
        let start = times().chain(items.iter().map(|item| item.start)).min().unwrap_or(0);
        let end = times().chain(items.iter().map(|item| item.end)).max().unwrap_or(0);
        let names = records.iter().chain(items.iter().flat_map(|item| &item.records)).map(|r| r.place.names).next();
        let Some(names) = names else { return };
        let failed = has_failed(&items, names);
        match self.root {
            Some(root) => self.adopt(root, records),
            None => {
                let lent: Vec<Record> = if records.is_empty() {
                    items.iter().flat_map(|item| item.records.first().cloned()).take(1).collect()
                } else {
                    records.clone()
                };
                let mut root = span_of(lent);
                if records.is_empty() {
                    root.logs.clear();
                }
                root.span.status_code = if failed { 2 } else { 0 };
                self.place(root, names.turn, self.turn.root_span_id.clone(), None, (start, end));
            }
        }
        for item in items {
            self.item(item);
        }
    }

    fn item(&mut self, item: Item) {
        let span = span_of(item.records.clone());
        let Some(names) = item.records.first().map(|record| record.place.names) else { return };
        let name = match item.role {
            Role::Tool => names.tool,
            Role::Agent => names.agent,
            Role::Compaction => names.compaction,
            _ => names.call,
        };
        let probe = MergedSpan { span: SpanFragment { name: name.to_owned(), ..span.span.clone() }, ..span.clone() };
        if let Some(index) = self.known.find(self.session, &item, &map(&probe)) {
            self.known.taken.insert(index);
            self.adopt(index, item.records);
            return;
        }
        if item.role == Role::Agent {
            let thread = item.thread.clone().unwrap_or_default();
            let id = self.thread(&thread, names.agent, &item);
            self.extend(&id, span, (item.start, item.end));
            return;
        }
        let parent = match &item.thread {
            Some(thread) => self.thread(thread, names.agent, &item),
            None => self.turn.root_span_id.clone(),
        };
        let of_trace = item.records.iter().find_map(|record| record.log.span_id.clone());
        let parent = of_trace.filter(|id| item.thread.is_none() && self.is_known(id)).unwrap_or(parent);
        let key = match &item.key {
            Some(key) => format!("{name}:{key}"),
            None => {
                self.ordinal += 1;
                format!("{name}:{}:{}", self.ordinal, item.end)
            }
        };
        let id = span_id(&self.turn.trace_id, &key);
        self.place(span, name, id, Some(parent), (item.start, item.end));
    }

    fn is_known(&self, id: &str) -> bool {
        self.known.by_id.contains_key(&(self.turn.trace_id.clone(), id.to_owned()))
    }

    /// The agent span of a sub-agent or side task, made when first needed.
    fn thread(&mut self, thread: &str, name: &'static str, item: &Item) -> String {
        if let Some(id) = self.threads.get(thread) {
            return id.clone();
        }
        let id = span_id(&self.turn.trace_id, &format!("{name}:{thread}"));
        self.threads.insert(thread.to_owned(), id.clone());
        let mut span = span_of(item.records.iter().take(1).cloned().collect());
        span.logs.clear();
        let parent = Some(self.turn.root_span_id.clone());
        self.place(span, name, id.clone(), parent, (item.start, item.end));
        id
    }

    fn extend(&mut self, id: &str, more: MergedSpan, (start, end): (u64, u64)) {
        let spans = self.traces.entry(self.turn.trace_id.clone()).or_default();
        if let Some(span) = spans.iter_mut().find(|span| span.span.span_id == id) {
            span.span.start_time_unix_nano = span.span.start_time_unix_nano.min(start);
            span.span.end_time_unix_nano = span.span.end_time_unix_nano.max(end);
            span.position = span.position.max(more.position);
            span.logs.extend(more.logs);
        }
    }

    fn adopt(&mut self, index: usize, records: Vec<Record>) {
        let known = &self.known.spans[index];
        let Some(span) = self.traces.get_mut(&known.trace_id).and_then(|spans| spans.get_mut(known.place)) else {
            return;
        };
        for record in records {
            span.position = span.position.max(record.position);
            span.logs.push(record.log);
        }
    }

    fn place(
        &mut self,
        mut span: MergedSpan,
        name: &str,
        id: String,
        parent: Option<String>,
        (start, end): (u64, u64),
    ) {
        name.clone_into(&mut span.span.name);
        span.span.trace_id.clone_from(&self.turn.trace_id);
        span.span.span_id = id;
        span.span.parent_span_id = parent;
        span.span.start_time_unix_nano = start;
        span.span.end_time_unix_nano = end;
        self.traces.entry(self.turn.trace_id.clone()).or_default().push(span);
    }
}

/// Whether the agent's own last call did.
fn has_failed(items: &[Item], names: &SpanNames) -> bool {
    let last = items.iter().rev().find(|item| item.role == Role::Call && item.thread.is_none());
    last.is_some_and(|item| {
        let mut span = span_of(item.records.clone());
        names.call.clone_into(&mut span.span.name);
        map(&span).error.is_some()
    })
}

/// A span of nothing but records: their resource and logger, no attributes of its own.
fn span_of(records: Vec<Record>) -> MergedSpan {
    let position = records.iter().map(|record| record.position).max().unwrap_or(0);
    let (resource, scope) =
        records.first().map(|record| (record.log.resource.clone(), record.log.scope.clone())).unwrap_or_default();
    MergedSpan {
        // 1: an internal operation.
        span: SpanFragment { kind: 1, resource, scope, ..SpanFragment::default() },
        logs: records.into_iter().map(|record| record.log).collect(),
        position,
        is_made_of_logs: true,
        turn: None,
    }
}

fn span_id(trace_id: &str, key: &str) -> String {
    let mut id = derive_id("log_span", &[trace_id, key]);
    id.truncate(16);
    id
}

/// Spans of a turn that is not one trace get its key: those made for it, and the session's other traces by their start.
fn name_turns(traces: &mut Traces, known: &Known, session: &str, homes: &[(u64, Home)]) {
    let named: HashSet<&str> = homes.iter().map(|(_, home)| home.trace_id.as_str()).collect();
    let by_start: Vec<&(u64, Home)> = homes.iter().filter(|(_, home)| home.turn.is_some()).collect();
    for (_, home) in homes {
        for span in traces.get_mut(&home.trace_id).into_iter().flatten() {
            span.turn.clone_from(&home.turn);
        }
    }
    for trace_id in known.traces.get(session).into_iter().flatten().filter(|id| !named.contains(id.as_str())) {
        let Some(spans) = traces.get_mut(trace_id) else { continue };
        let start = spans.iter().map(|span| span.span.start_time_unix_nano).min().unwrap_or(0);
        let place = by_start.partition_point(|(at, _)| *at <= start);
        let Some((_, home)) = place.checked_sub(1).map(|place| by_start[place]) else { continue };
        for span in spans {
            span.turn.clone_from(&home.turn);
        }
    }
}

#[cfg(test)]
mod tests;
