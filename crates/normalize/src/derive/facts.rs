//! What a trace says beside its spans and attempts: facts about sessions, contents stored once, and what stayed unexplained.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use gleaner_model::{
    AttemptPart, Content, ContentHash, ContentKind, LogFragment, SessionFact, Span, UnmappedSpan, canonical_json,
};
use serde_json::Value;

use crate::attribution::keys::{self, Carrier, Found, KeyFinder};
use crate::attribution::{Attribution, InvalidKey};
use crate::derive::spans::log_time;
use crate::derive::tree::Tree;
use crate::telemetry_feedback::carries_feedback;

/// Need, constraints, context and user of every session that has an attempt here, each different value once.
pub(crate) fn session_facts(
    tree: &Tree<'_>,
    attribution: &Attribution,
    finder: &mut KeyFinder<'_, '_>,
) -> Vec<SessionFact> {
    const FIELDS: [(&str, &str); 3] =
        [("need", keys::SESSION_NEED), ("constraints", keys::SESSION_CONSTRAINTS), ("context", keys::SESSION_CONTEXT)];
    let mut facts = Facts { tree, positions: BTreeMap::new() };
    for attempt in &attribution.attempts {
        for (field, key) in FIELDS {
            // What stands above the attempt counts for it as well; what stands on its own spans counts at every span.
            if let Some(found) = finder.at(attempt.top, key) {
                facts.add(&attempt.session_id, field, found);
            }
            for place in &attempt.spans {
                if let Some(value) = keys::text(&tree.nodes[*place].span().attributes, key) {
                    facts.add(&attempt.session_id, field, Found { value, place: *place, carrier: Carrier::Span });
                }
                if let Some(found) = keys::resource_text(tree, *place, key) {
                    facts.add(&attempt.session_id, field, found);
                }
            }
        }
        if let Some(user) = attempt.user.clone() {
            facts.add(&attempt.session_id, "user_id", user);
        }
    }
    let sessions: HashSet<&str> = attribution.attempts.iter().map(|attempt| attempt.session_id.as_str()).collect();
    for place in (0..tree.nodes.len()).filter(|place| attribution.attempt_of[*place].is_none()) {
        // Outside all attempts: a span makes no session, but may tell of one that exists.
        let Some(session) = finder.at(place, keys::SESSION_ID).filter(|found| sessions.contains(found.value.as_str()))
        else {
            continue;
        };
        for (field, key) in FIELDS.into_iter().chain([("user_id", keys::USER_ID)]) {
            if let Some(value) = keys::text(&tree.nodes[place].span().attributes, key) {
                facts.add(&session.value, field, Found { value, place, carrier: Carrier::Span });
            }
        }
    }
    facts.into_rows()
}

struct Facts<'t, 'a> {
    tree: &'t Tree<'a>,
    /// (session, field, value, rank) to the highest journal position that says so.
    positions: BTreeMap<(String, &'static str, String, i64), u64>,
}

impl Facts<'_, '_> {
    fn add(&mut self, session_id: &str, field: &'static str, found: Found) {
        let rank = match found.carrier {
            Carrier::Span => 2,
            Carrier::Resource => 1,
            Carrier::ConventionSpan => 0,
            Carrier::ConventionResource => -1,
        };
        let position = self.tree.nodes[found.place].merged.position;
        let known = self.positions.entry((session_id.to_owned(), field, found.value, rank)).or_default();
        *known = (*known).max(position);
    }

    fn into_rows(self) -> Vec<SessionFact> {
        self.positions
            .into_iter()
            .map(|((session_id, field, value, rank), position)| SessionFact {
                session_id,
                field: field.to_owned(),
                value,
                rank,
                position,
            })
            .collect()
    }
}

/// System prompts, tool lists, artifacts and context documents, each once, in order of first sight. Messages are contents of their
/// own, which the spans hold.
pub(crate) fn contents(spans: &[Span], attempts: &[AttemptPart]) -> Vec<Content> {
    let mut seen: BTreeSet<(ContentKind, ContentHash)> = BTreeSet::new();
    let mut contents = Vec::new();
    let mut add = |kind: ContentKind, value: &Value| {
        let hash = ContentHash::of_json(value);
        if seen.insert((kind, hash.clone())) {
            contents.push(Content { hash, kind, body: canonical_json(value) });
        }
    };
    // Most calls repeat those of the call before.
    let (mut last_prompt, mut last_tools) = (None, None);
    for span in spans {
        if let Some(prompt) = span.system_prompt.as_ref().filter(|prompt| last_prompt != Some(*prompt)) {
            add(ContentKind::SystemPrompt, &Value::String(prompt.clone()));
            last_prompt = Some(prompt);
        }
        if let Some(tools) = span.tool_definitions.as_ref().filter(|tools| last_tools != Some(*tools)) {
            add(ContentKind::Tools, tools);
            last_tools = Some(tools);
        }
    }
    for attempt in attempts {
        // Where nothing is declared, the final answer is the artifact.
        let artifacts = attempt.artifacts.iter().map(|artifact| &artifact.content);
        for content in artifacts.chain(attempt.output_text.iter().filter(|_| attempt.artifacts.is_empty())) {
            add(ContentKind::Artifact, &Value::String(content.clone()));
        }
        for used in &attempt.documents {
            add(ContentKind::Document, &Value::String(used.document.content.clone()));
        }
    }
    contents
}

/// What nothing explains, and keys that cannot be used. `reason` is one of:
///
/// - the mapping's own words, else `no_known_attributes`: the span fits no convention;
/// - `invalid_cycle`, `invalid_attempt_number`: no whole number of 1 or more;
/// - `no_trace_id`, `no_span_id`: a log record outside any trace, outside any span;
/// - `no_span_yet`: a log record whose span has not come.
///
/// A record that carries feedback is explained by it.
pub(crate) fn unmapped(tree: &Tree<'_>, invalid: &[InvalidKey], loose_logs: &[LogFragment]) -> Vec<UnmappedSpan> {
    let row_of = |place: usize, reason: &str| {
        let span = tree.nodes[place].span();
        UnmappedSpan {
            trace_id: Some(span.trace_id.clone()),
            span_id: Some(span.span_id.clone()),
            scope_name: span.scope.name.clone(),
            name: span.name.clone(),
            reason: reason.to_owned(),
        }
    };
    let unexplained = tree.nodes.iter().enumerate().filter(|(_, node)| node.mapped.convention.is_none());
    let mut rows: Vec<UnmappedSpan> = unexplained
        .map(|(place, node)| row_of(place, node.mapped.unmapped_reason.unwrap_or("no_known_attributes")))
        .collect();
    rows.extend(invalid.iter().map(|key| row_of(key.place, key.reason)));

    let mut logs: Vec<(u64, UnmappedSpan)> = loose_logs
        .iter()
        .filter(|log| !carries_feedback(log))
        .map(|log| {
            let reason = match (&log.trace_id, &log.span_id) {
                (None, _) => "no_trace_id",
                (_, None) => "no_span_id",
                _ => "no_span_yet",
            };
            let row = UnmappedSpan {
                trace_id: log.trace_id.clone(),
                span_id: log.span_id.clone(),
                scope_name: log.scope.name.clone(),
                name: log.event_name.clone(),
                reason: reason.to_owned(),
            };
            (log_time(log), row)
        })
        .collect();
    logs.sort_by(|(time_a, a), (time_b, b)| {
        (time_a, &a.span_id, &a.name, &a.scope_name).cmp(&(time_b, &b.span_id, &b.name, &b.scope_name))
    });
    rows.extend(logs.into_iter().map(|(_, row)| row));
    rows
}

#[cfg(test)]
mod tests;
