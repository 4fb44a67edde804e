//! What has to be looked at together: all fragments of one trace, or of one session of an agent that logs.
//!
//! [`derive_unit`] is the one way from fragments to derived traces, for the loader and for tests alike. Coding agents tell
//! of a turn in log records, often outside of any trace, and in several traces; [`unit_key`] names the session that such a
//! fragment belongs to, so that its traces and records are derived together.

use std::collections::BTreeMap;

use gleaner_model::{DerivedTrace, Fragment, StoredFragment};

use crate::derive::derive_trace;
use crate::rollouts::{self, Sessions};
use crate::told::add_told_spans;
use crate::{map, merge};

/// The session of an agent that logs, or the rollout, where this fragment names one: fragments with one key, and all that share a trace with
/// them, are one unit. `None` for everything else, which is derived trace by trace.
pub fn unit_key(fragment: &Fragment) -> Option<String> {
    rollouts::unit_key(fragment)
}

/// Derives every trace of a unit. `fragments` holds all that is known of it, in any order.
pub fn derive_unit(project: &str, fragments: &[StoredFragment]) -> Vec<DerivedTrace> {
    let mut traces: BTreeMap<&str, Vec<StoredFragment>> = BTreeMap::new();
    for stored in fragments {
        if let Some(trace_id) = stored.fragment.trace_id() {
            traces.entry(trace_id).or_default().push(stored.clone());
        }
    }
    let sessions = Sessions::new(fragments);
    traces.iter().map(|(trace_id, fragments)| derive_one(project, trace_id, fragments, &sessions)).collect()
}

fn derive_one(project: &str, trace_id: &str, fragments: &[StoredFragment], sessions: &Sessions) -> DerivedTrace {
    let recorded_at = fragments.iter().map(|f| f.recorded_at_unix_nano).max().unwrap_or(0);
    let merged = merge(fragments);
    let mut mapped: Vec<_> = merged
        .spans
        .into_iter()
        .map(|span| {
            let mut mapped = map(&span);
            sessions.name(&mut mapped);
            (span, mapped)
        })
        .collect();
    add_told_spans(&mut mapped);
    let loose_logs: Vec<_> = merged.loose_logs.into_iter().map(|loose| loose.log).collect();
    derive_trace(project, trace_id, recorded_at, &mapped, &loose_logs)
}
