//! The `gleaner.*` keys and how their values read.
//!
//! Values are compared as text: baggage sends `"1"` where an attribute is `1`.

use std::collections::HashMap;

use gleaner_model::canonical_json;
use serde_json::{Map, Value};

use crate::derive::tree::Tree;

pub(crate) const SESSION_ID: &str = "gleaner.session.id";
pub(crate) const SESSION_NEED: &str = "gleaner.session.need";
pub(crate) const SESSION_CONSTRAINTS: &str = "gleaner.session.constraints";
pub(crate) const SESSION_CONTEXT: &str = "gleaner.session.context";
pub(crate) const USER_ID: &str = "gleaner.user.id";
pub(crate) const LINEAGE_ID: &str = "gleaner.lineage.id";
pub(crate) const LINEAGE_LABEL: &str = "gleaner.lineage.label";
pub(crate) const AGENT_NAME: &str = "gleaner.agent.name";
pub(crate) const AGENT_VERSION: &str = "gleaner.agent.version";
pub(crate) const AGENT_FLOW: &str = "gleaner.agent.flow";
pub(crate) const ROLLOUT_ID: &str = "gleaner.rollout.id";
pub(crate) const ROLLOUT_CYCLE: &str = "gleaner.rollout.cycle";
pub(crate) const ATTEMPT_ID: &str = "gleaner.attempt.id";
pub(crate) const ATTEMPT_NUMBER: &str = "gleaner.attempt.number";
pub(crate) const ATTEMPT_TEST_INPUT: &str = "gleaner.attempt.test_input";
pub(crate) const ATTEMPT_CONTEXT: &str = "gleaner.attempt.context";
pub(crate) const ARTIFACT_NAME: &str = "gleaner.artifact.name";
pub(crate) const ARTIFACT_TYPE: &str = "gleaner.artifact.type";
pub(crate) const ARTIFACT_CONTENT: &str = "gleaner.artifact.content";

/// The keys that say which session and which attempt a span is of.
pub(crate) const IDENTITY_KEYS: [&str; 7] =
    [SESSION_ID, LINEAGE_ID, LINEAGE_LABEL, ROLLOUT_ID, ROLLOUT_CYCLE, ATTEMPT_ID, ATTEMPT_NUMBER];

/// An attribute as text; `None` if absent, null or empty. A whole double reads like the integer.
pub(crate) fn text(attributes: &Map<String, Value>, key: &str) -> Option<String> {
    let text = match attributes.get(key)? {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        other => canonical_json(other),
    };
    (!text.is_empty()).then_some(text)
}

/// A cycle or attempt number: `Ok(None)` if absent, `Err` with what was sent if it is no whole number of 1 or more.
pub(crate) fn ordinal(attributes: &Map<String, Value>, key: &str) -> Result<Option<i64>, String> {
    let Some(sent) = text(attributes, key) else { return Ok(None) };
    match sent.trim().parse::<i64>() {
        Ok(number) if number >= 1 => Ok(Some(number)),
        _ => Err(sent),
    }
}

/// Where a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// On a span.
    Span,
    /// On a resource.
    Resource,
    /// On a span, under a key of a convention: Gleaner's own always win, in whatever trace they stand.
    ConventionSpan,
    /// On a resource, under a key of a convention.
    ConventionResource,
}

/// A value with the span that says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) value: String,
    /// Place of the span, or of the span with the resource.
    pub(crate) place: usize,
    pub(crate) carrier: Carrier,
}

/// Finds `gleaner.*` keys by ancestry. Remembers what it found out per key.
pub(crate) struct KeyFinder<'t, 'a> {
    tree: &'t Tree<'a>,
    nearest: HashMap<&'static str, Vec<Option<usize>>>,
}

impl<'t, 'a> KeyFinder<'t, 'a> {
    pub(crate) fn new(tree: &'t Tree<'a>) -> Self {
        Self { tree, nearest: HashMap::new() }
    }

    /// At one span: the nearest ancestor-or-self with the attribute, else the span's resource.
    pub(crate) fn at(&mut self, place: usize, key: &'static str) -> Option<Found> {
        let tree = self.tree;
        let nearest = self.nearest.entry(key).or_insert_with(|| {
            let carries: Vec<bool> =
                tree.nodes.iter().map(|node| text(&node.span().attributes, key).is_some()).collect();
            // Most keys stand nowhere: an empty list says so.
            if carries.contains(&true) { tree.nearest(|place| carries[place]) } else { Vec::new() }
        });
        let carrier = nearest.get(place).copied().flatten();
        match carrier.and_then(|carrier| Some((carrier, text(&tree.nodes[carrier].span().attributes, key)?))) {
            Some((place, value)) => Some(Found { value, place, carrier: Carrier::Span }),
            None => resource_text(tree, place, key),
        }
    }

    /// For an attempt: at its root (or topmost span), else at the earliest of its spans that has it.
    pub(crate) fn of_attempt(&mut self, top: usize, spans: &[usize], key: &'static str) -> Option<Found> {
        self.at(top, key).or_else(|| spans.iter().find_map(|place| self.at(*place, key)))
    }
}

/// A value of the resource of one span.
pub(crate) fn resource_text(tree: &Tree<'_>, place: usize, key: &str) -> Option<Found> {
    let value = text(&tree.nodes[place].span().resource, key)?;
    Some(Found { value, place, carrier: Carrier::Resource })
}

#[cfg(test)]
mod tests;
