//! Finds traces that tell of the same model calls, among what a batch changed and what is stored, and derives them together.
//!
//! What is derived of each alone says which calls it tells of, so this comes second; a batch that shares no call costs one
//! look at the spans of its time. What was found together once is linked like a unit, and together from the start with every
//! later batch.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use gleaner_model::{DerivedTrace, StoredFragment, ToldCall};
use gleaner_normalize::shared_calls::{MAX_REPORTS_OF_ONE_CALL, call_keys, may_be_one_call, told_calls};
use gleaner_store::{Fact, StoreError, UnitLink};

use super::units::{Node, NodeKind, Units, with_stored};
use super::{Rules, derive_parts};
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
    if links.is_empty() {
        return Ok(links);
    }
    let (units, linked) = linked_units(store, facts, &links)?;
    let mut new: HashMap<usize, Vec<&StoredFragment>> = HashMap::new();
    for fact in facts {
        if let Some(unit) = Node::of_trace(fact).or_else(|| Node::of_unit_key(fact)).and_then(|node| units.of(&node)) {
            new.entry(unit).or_default().push(&fact.stored);
        }
    }
    let mut derived = Vec::new();
    with_stored(store, &units, linked, |unit, mut fragments| {
        for stored in new.remove(&unit).unwrap_or_default() {
            fragments.add(stored.clone());
        }
        if let Some(Node { project, .. }) = units.members(unit).first() {
            derived.extend(derive_parts(rules, project, &fragments.all));
        }
    })?;
    let replaced: HashSet<(&str, &str)> = derived.iter().map(key_of).collect();
    traces.retain(|trace| !replaced.contains(&key_of(trace)));
    traces.extend(derived);
    Ok(links)
}

fn key_of(trace: &DerivedTrace) -> (&str, &str) {
    (&trace.project, &trace.trace_id)
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
    let changed: HashSet<(&str, &str)> = traces.iter().map(key_of).collect();
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

/// What new links hold together, and which units those are.
fn linked_units(
    store: &impl Target,
    facts: &[Fact],
    links: &[UnitLink],
) -> Result<(Units, BTreeSet<usize>), StoreError> {
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
    let keys = links.iter().map(|link| Node::new(NodeKind::UnitKey, &link.project, &link.unit_key));
    let linked = keys.filter_map(|key| units.of(&key)).collect();
    Ok((units, linked))
}

fn traces_of<'a>(links: impl IntoIterator<Item = &'a UnitLink>) -> Vec<Key> {
    links.into_iter().filter_map(|link| Some((link.project.clone(), link.trace_id.clone()?))).collect()
}

#[cfg(test)]
mod tests;
