//! Rollouts that are told of in several traces, of which only some name the session.
//!
//! Agent Lightning names rollout and attempt in the resource of everything that an attempt sends. A reward that is emitted
//! when the agent's span has ended has a trace of its own, without the session id that the agent's span carried: such traces
//! are derived together, and belong to the one session that the rollout names.

use std::collections::{BTreeMap, BTreeSet};

use gleaner_model::{Fragment, SpanFragment, StoredFragment};
use serde_json::{Map, Value};

use crate::mapped::Mapped;
use crate::value::first_text;

/// Names the unit of a rollout's fragments.
pub(crate) fn unit_key(fragment: &Fragment) -> Option<String> {
    let resource = match fragment {
        Fragment::Span(span) => &span.resource,
        Fragment::Log(log) => &log.resource,
    };
    rollout(resource).map(|id| format!("rollout:{id}"))
}

fn rollout(resource: &Map<String, Value>) -> Option<String> {
    first_text(resource, &["agentlightning.rollout_id"])
}

/// The sessions that rollouts name, by rollout.
pub(crate) struct Sessions {
    by_rollout: BTreeMap<String, String>,
}

impl Sessions {
    /// Reads what all spans of a unit name. A rollout of several sessions is none's.
    pub(crate) fn new(fragments: &[StoredFragment]) -> Self {
        let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for stored in fragments {
            let Fragment::Span(span) = &stored.fragment else { continue };
            if let Some((rollout, session)) = rollout(&span.resource).zip(session(span)) {
                named.entry(rollout).or_default().insert(session);
            }
        }
        let single = named.into_iter().filter(|(_, sessions)| sessions.len() == 1);
        Self {
            by_rollout: single
                .filter_map(|(rollout, sessions)| Some((rollout, sessions.into_iter().next()?)))
                .collect(),
        }
    }

    /// Gives a span that knows only its rollout the rollout's session.
    pub(crate) fn name(&self, mapped: &mut Mapped) {
        const LAST_RESORT: u8 = 2;
        if let Some((LAST_RESORT, key)) = &mut mapped.session_key
            && let Some(session) = mapped.rollout_key.as_ref().and_then(|rollout| self.by_rollout.get(rollout))
        {
            key.clone_from(session);
        }
    }
}

fn session(span: &SpanFragment) -> Option<String> {
    first_text(&span.attributes, &["gleaner.session.id", "session.id", "gen_ai.conversation.id"])
}

#[cfg(test)]
mod tests;
