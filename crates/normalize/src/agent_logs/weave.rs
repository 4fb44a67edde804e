//! Puts the records of a session to spans: to the span that tells of the same call, where one was sent, else to a new one.
//!
//! A record tells of the same call as a span if it names the span's call by id, or the span itself; else if both ended
//! together, in one session, with the same usage (a call) or name (a tool run).

use std::collections::{BTreeMap, HashSet};

use gleaner_model::{SpanFragment, derive_id};

use crate::agent_logs::known::{Known, KnownSpan};
use crate::agent_logs::turns::{Item, Record, Turn, turns};
use crate::agent_logs::{Role, SpanNames};
use crate::conventions::map;
use crate::mapped::{MergedSpan, STATUS_ERROR};

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
                root.span.status_code = if failed { STATUS_ERROR } else { 0 };
                self.place(root, names.turn, self.turn.root_span_id.clone(), None, (start, end));
            }
        }
        for item in items {
            self.item(item);
        }
    }

    fn item(&mut self, item: Item) {
        let Some(names) = item.records.first().map(|record| record.place.names) else { return };
        let name = match item.role {
            Role::Tool => names.tool,
            Role::Agent => names.agent,
            Role::Compaction => names.compaction,
            _ => names.call,
        };
        let told = || {
            let mut span = span_of(item.records.clone());
            name.clone_into(&mut span.span.name);
            map(&span)
        };
        if let Some(index) = self.known.find(self.session, &item, told) {
            self.known.taken.insert(index);
            self.adopt(index, item.records);
            return;
        }
        let at = (item.start, item.end);
        if item.role == Role::Agent {
            let thread = item.thread.clone().unwrap_or_default();
            let id = self.thread(&thread, names.agent, &item);
            self.extend(&id, span_of(item.records), at);
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
        self.place(span_of(item.records), name, id, Some(parent), at);
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
