//! Finds traces that tell of the same model calls, among what a batch changed and what is stored, and derives them together.
//!
//! What is derived of each alone says which calls it tells of, so this comes second; a batch that shares no call costs one
//! look at the spans of its time. What was found together once is linked like a unit, and together from the start with every
//! later batch.

use std::collections::{BTreeMap, BTreeSet};

use gleaner_model::{DerivedTrace, ToldCall};
use gleaner_normalize::shared_calls::{MAX_REPORTS_OF_ONE_CALL, call_keys, may_be_one_call, told_calls};
use gleaner_store::{Fact, StoreError, UnitLink};

use super::{Fragments, Node, NodeKind, Rules, Units, derive_parts};
use crate::loader::Target;

/// Project, and trace id or response id.
type Key = (String, String);

/// Replaces traces that share calls by what they derive to together, and adds those that are stored; gives the links to keep.
pub(super) fn derive_shared(
    rules: &Rules,
    store: &impl Target,
    facts: &[Fact],
    traces: &mut Vec<DerivedTrace>,
) -> Result<Vec<UnitLink>, StoreError> {
    let links = new_links(store, traces)?;
    let Some(units) = linked_units(store, facts, &links)? else { return Ok(links) };
    for unit in units {
        let Some(project) = unit.first().map(|node| node.project.clone()) else { continue };
        let mut fragments = Fragments::stored(store, &project, &unit)?;
        let members: BTreeSet<&Node> = unit.iter().collect();
        let is_member = |node: Option<Node>| node.is_some_and(|node| members.contains(&node));
        for fact in facts.iter().filter(|fact| is_member(Node::of_trace(fact)) || is_member(Node::of_unit_key(fact))) {
            fragments.add(fact.stored.clone());
        }
        let derived = derive_parts(rules, &project, &fragments.all);
        let replaced: BTreeSet<&str> = derived.iter().map(|trace| trace.trace_id.as_str()).collect();
        traces.retain(|trace| trace.project != project || !replaced.contains(trace.trace_id.as_str()));
        traces.extend(derived);
    }
    Ok(links)
}

/// Links between traces and the calls that others of them tell of too, as far as they are not known.
fn new_links(store: &impl Target, traces: &[DerivedTrace]) -> Result<Vec<UnitLink>, StoreError> {
    let mut told: Vec<ToldCall> = traces.iter().flat_map(told_calls).collect();
    let Some(first) = told.iter().map(|call| call.start_time_unix_nano).min() else { return Ok(Vec::new()) };
    let ends = told.iter().map(|call| if call.end_time_unix_nano == 0 { u64::MAX } else { call.end_time_unix_nano });
    let last = ends.max().unwrap_or(u64::MAX);
    let responses: BTreeSet<Key> =
        told.iter().filter_map(|call| Some((call.project.clone(), call.response_id.clone()?))).collect();
    let answer_keys: BTreeSet<u64> = told.iter().filter_map(|call| call.answer_key).collect();
    let changed: BTreeSet<(&str, &str)> =
        traces.iter().map(|trace| (trace.project.as_str(), trace.trace_id.as_str())).collect();
    let stored = store.told_calls(&responses, &answer_keys, first..=last)?;
    told.extend(stored.into_iter().filter(|call| !changed.contains(&(call.project.as_str(), call.trace_id.as_str()))));

    let mut by_key: BTreeMap<(&str, String), Vec<&ToldCall>> = BTreeMap::new();
    for call in &told {
        for key in call_keys(call) {
            by_key.entry((&call.project, key)).or_default().push(call);
        }
    }
    let mut links = BTreeSet::new();
    for ((project, key), reports) in by_key {
        if reports.len() > MAX_REPORTS_OF_ONE_CALL {
            continue;
        }
        for report in reports.iter().filter(|report| reports.iter().any(|other| may_be_one_call(report, other))) {
            links.insert(UnitLink {
                project: project.to_owned(),
                unit_key: format!("call:{key}"),
                trace_id: Some(report.trace_id.clone()),
            });
        }
    }
    if !links.is_empty() {
        for known in store.unit_links(&traces_of(&links), &[])? {
            links.remove(&known);
        }
    }
    Ok(links.into_iter().collect())
}

/// The members of every unit that new links make or extend. `None`: there are none.
fn linked_units(store: &impl Target, facts: &[Fact], links: &[UnitLink]) -> Result<Option<Vec<Vec<Node>>>, StoreError> {
    if links.is_empty() {
        return Ok(None);
    }
    // A stored trace may be linked with others, and a call of which one report was known alone brings that one's.
    let calls: Vec<Key> = links.iter().map(|link| (link.project.clone(), link.unit_key.clone())).collect();
    let known = store.unit_links(&traces_of(links), &calls)?;
    let mut units = Units::default();
    for link in links.iter().chain(&known) {
        units.add(link);
    }
    for fact in facts {
        if let Some(key) = Node::of_unit_key(fact) {
            units.link(key, Node::of_trace(fact));
        }
    }
    let found: BTreeSet<usize> = links
        .iter()
        .filter_map(|link| units.of(&Node::new(NodeKind::UnitKey, &link.project, &link.unit_key)))
        .collect();
    Ok(Some(found.into_iter().map(|unit| units.members(unit).to_vec()).collect()))
}

fn traces_of<'a>(links: impl IntoIterator<Item = &'a UnitLink>) -> Vec<Key> {
    links.into_iter().filter_map(|link| Some((link.project.clone(), link.trace_id.clone()?))).collect()
}

#[cfg(test)]
mod tests;
