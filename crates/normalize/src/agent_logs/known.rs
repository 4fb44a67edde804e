//! The spans of a unit as they were sent, and which of them tells of the same call or run as some records.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use gleaner_model::SpanKind;

use crate::agent_logs::turns::{Item, Record};
use crate::agent_logs::weave::Traces;
use crate::agent_logs::{Role, session_of};
use crate::conventions::map;
use crate::mapped::{Mapped, MergedSpan};

/// A record and a span of one call end within this time of each other.
const SAME_END_NANO: u64 = 2_000_000_000;

/// The spans as sent, and which of them a record has been put to.
pub(crate) struct Known {
    pub(crate) spans: Vec<KnownSpan>,
    pub(crate) by_id: HashMap<(String, String), usize>,
    /// By session and id.
    by_response_id: HashMap<(String, String), usize>,
    /// By session and id.
    by_tool_call_id: HashMap<(String, String), usize>,
    /// Places in `spans` by (session, end).
    by_end: Vec<(String, u64, usize)>,
    pub(crate) taken: HashSet<usize>,
    /// Traces of each session.
    pub(crate) traces: BTreeMap<String, BTreeSet<String>>,
}

pub(crate) struct KnownSpan {
    pub(crate) trace_id: String,
    /// Place in the trace.
    pub(crate) place: usize,
    parent: Option<String>,
    pub(crate) mapped: Mapped,
}

impl Known {
    pub(crate) fn new(traces: &Traces) -> Self {
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
        let of_kind = match mapped.kind {
            Some(SpanKind::Llm) => Some((&mut self.by_response_id, &mapped.response_id)),
            Some(SpanKind::Tool) => Some((&mut self.by_tool_call_id, &mapped.tool_call_id)),
            _ => None,
        };
        if let Some((ids, Some(id))) = of_kind {
            for session in sessions {
                ids.entry((session.clone(), id.clone())).or_insert(index);
            }
        }
        if matches!(mapped.kind, Some(SpanKind::Llm | SpanKind::Tool)) {
            self.by_end.extend(sessions.iter().map(|s| (s.clone(), span.span.end_time_unix_nano, index)));
        }
        let parent = span.span.parent_span_id.clone();
        self.spans.push(KnownSpan { trace_id: trace_id.to_owned(), place, parent, mapped });
    }

    /// The span that tells of the same call or run. What the records tell is asked for only if there are spans to compare.
    pub(crate) fn find(&self, session: &str, item: &Item, told: impl FnOnce() -> Mapped) -> Option<usize> {
        let kind = match item.role {
            Role::Call => SpanKind::Llm,
            Role::Tool => SpanKind::Tool,
            _ => return None,
        };
        let ids = if kind == SpanKind::Llm { &self.by_response_id } else { &self.by_tool_call_id };
        if let Some(index) = item.key.as_ref().and_then(|key| ids.get(&(session.to_owned(), key.clone()))) {
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
        let told = LazyCell::new(told);
        self.find_by_end(session, item.end, |mapped| mapped.kind == Some(kind) && same_facts(kind, mapped, &told))
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
    pub(crate) fn agent_above(&self, index: usize) -> usize {
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
