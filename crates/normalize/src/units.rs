//! What has to be looked at together: all fragments of one trace, or of one session of an agent that logs.
//!
//! [`derive_units`] is the one way from fragments to derived traces, for the loader and for tests alike. Coding agents tell
//! of a turn in log records, often outside of any trace, and in several traces; [`unit_key`] names the session that such a
//! fragment belongs to, so that its traces and records are derived together.

use std::collections::{BTreeMap, HashMap};

use gleaner_model::{DerivedTrace, Fragment, LogFragment, StoredFragment};

use crate::agent_logs::turns::Record;
use crate::agent_logs::{Role, history, place, session_of, weave};
use crate::called_functions::mark_called_functions;
use crate::conventions::livekit_deltas::complete_deltas;
use crate::conventions::voltagent_loops::complete_loops;
use crate::derive::spans::log_time;
use crate::derive::{derive_beside, derive_trace};
use crate::rollouts::{self, Sessions};
use crate::shared_calls::{SharedCalls, settle};
use crate::told::{add_told_spans, add_told_tools};
use crate::{Mapped, MergedSpan, map, merge};

/// The session of an agent that logs, or the rollout, where this fragment names one: fragments with one key, and all that
/// share a trace with them, are one unit. `None` for everything else, which is derived trace by trace.
pub fn unit_key(fragment: &Fragment) -> Option<String> {
    match fragment {
        Fragment::Span(span) => session_of(span).or_else(|| rollouts::unit_key(fragment)),
        Fragment::Log(log) => match place(log) {
            Some(place) => (place.role != Role::Note).then_some(place.session),
            None => rollouts::unit_key(fragment),
        },
    }
}

/// Whether an agent that logs wrote this record, be it of use for a turn or not: nothing is unexplained then.
pub fn is_agent_record(log: &LogFragment) -> bool {
    place(log).is_some()
}

/// Derives every trace of a unit. `fragments` holds all that is known of it, in any order.
pub fn derive_unit(project: &str, fragments: &[StoredFragment]) -> Vec<DerivedTrace> {
    derive_units(project, &[fragments])
}

/// Derives units of which some tell of calls that others tell of too (see [`crate::shared_calls`]): as each alone, such calls apart.
/// No trace is in two of them.
pub fn derive_units(project: &str, units: &[&[StoredFragment]]) -> Vec<DerivedTrace> {
    let read: Vec<Trace> = units.iter().flat_map(|fragments| read_unit(project, fragments)).collect();
    let (rests, traces): (Vec<Rest>, Vec<(String, Spans)>) =
        read.into_iter().map(|Trace { trace_id, spans, rest }| (rest, (trace_id, spans))).unzip();
    // Nearly always: nothing to compare.
    if let ([rest], [(trace_id, spans)]) = (rests.as_slice(), traces.as_slice()) {
        return vec![derive_trace(project, trace_id, rest.recorded_at_unix_nano, spans, &rest.loose_logs)];
    }
    let mut shared = SharedCalls::find(&traces);
    let mut derived: Vec<DerivedTrace> = rests
        .iter()
        .zip(traces)
        .enumerate()
        .map(|(place, (rest, (trace_id, spans)))| {
            let (spans, told_elsewhere) = shared.spans(place, spans);
            let Rest { recorded_at_unix_nano, loose_logs } = rest;
            derive_beside(project, &trace_id, *recorded_at_unix_nano, &spans, loose_logs, &told_elsewhere)
        })
        .collect();
    settle(&mut derived);
    derived
}

type Spans = Vec<(MergedSpan, Mapped)>;

/// A trace of a unit before it is derived.
struct Trace {
    trace_id: String,
    spans: Spans,
    rest: Rest,
}

/// What else is known of a trace.
struct Rest {
    /// When the newest of it reached the journal.
    recorded_at_unix_nano: u64,
    loose_logs: Vec<LogFragment>,
}

fn read_unit(project: &str, fragments: &[StoredFragment]) -> Vec<Trace> {
    let merged = merge(fragments);
    let mut traces: BTreeMap<String, Vec<MergedSpan>> = BTreeMap::new();
    for span in merged.spans {
        traces.entry(span.span.trace_id.clone()).or_default().push(span);
    }
    let mut loose_logs: BTreeMap<String, Vec<LogFragment>> = BTreeMap::new();
    let mut records = take_records(&mut traces);
    for loose in merged.loose_logs {
        match record(&loose.log, loose.position) {
            Ok(Some(record)) => records.push(record),
            Ok(None) | Err(()) => {
                if let Some(trace_id) = loose.log.trace_id.clone() {
                    loose_logs.entry(trace_id).or_default().push(loose.log);
                }
            }
        }
    }
    let tells_of_agent = !records.is_empty();
    if tells_of_agent {
        weave(project, &mut traces, records);
    }
    for trace_id in loose_logs.keys() {
        traces.entry(trace_id.clone()).or_default();
    }
    let sessions = Sessions::new(fragments);
    let mut mapped: BTreeMap<String, Vec<(MergedSpan, Mapped)>> = traces
        .into_iter()
        .map(|(trace_id, spans)| {
            let read = |span| {
                let mut mapped = map(&span);
                sessions.name(&mut mapped);
                (span, mapped)
            };
            let mut spans: Vec<(MergedSpan, Mapped)> = spans.into_iter().map(read).collect();
            complete_deltas(&mut spans);
            complete_loops(&mut spans);
            add_told_spans(&mut spans);
            mark_called_functions(&mut spans);
            add_told_tools(&mut spans);
            (trace_id, spans)
        })
        .collect();
    if tells_of_agent || mapped.values().flatten().any(|(span, _)| session_of(&span.span).is_some()) {
        history::complete(&mut mapped);
    }
    let recorded_at: HashMap<u64, u64> =
        fragments.iter().map(|stored| (stored.position, stored.recorded_at_unix_nano)).collect();
    let newest_of = newest_in_trace(fragments);
    mapped
        .into_iter()
        .map(|(trace_id, spans)| {
            let of_spans = spans.iter().filter_map(|(span, _)| recorded_at.get(&span.position)).copied();
            let newest = of_spans.chain(newest_of.get(trace_id.as_str()).copied()).max().unwrap_or(0);
            let loose_logs = loose_logs.remove(&trace_id).unwrap_or_default();
            Trace { trace_id, spans, rest: Rest { recorded_at_unix_nano: newest, loose_logs } }
        })
        .collect()
}

fn newest_in_trace(fragments: &[StoredFragment]) -> HashMap<&str, u64> {
    let mut newest: HashMap<&str, u64> = HashMap::new();
    for stored in fragments {
        if let Some(trace_id) = stored.fragment.trace_id() {
            let known = newest.entry(trace_id).or_default();
            *known = (*known).max(stored.recorded_at_unix_nano);
        }
    }
    newest
}

/// Takes out of the spans the records that tell of a call or run of their own; notes stay where they are.
fn take_records(traces: &mut BTreeMap<String, Vec<MergedSpan>>) -> Vec<Record> {
    let mut records = Vec::new();
    for span in traces.values_mut().flatten().filter(|span| !span.logs.is_empty()) {
        let position = span.position;
        span.logs.retain(|log| match record(log, position) {
            Ok(Some(record)) => {
                records.push(record);
                false
            }
            _ => true,
        });
    }
    records
}

/// `Err` for records of nobody that is known here, `Ok(None)` for notes.
fn record(log: &LogFragment, position: u64) -> Result<Option<Record>, ()> {
    let place = place(log).ok_or(())?;
    if place.role == Role::Note {
        return Ok(None);
    }
    Ok(Some(Record { time: log_time(log), log: log.clone(), place, position }))
}
