//! From new fragments to new facts and to what is derived from them, unit by unit.
//!
//! A unit is what has to be looked at together: a trace, or all traces and records outside of traces that unit keys hold
//! together (see `gleaner_normalize::units`). Invariants:
//! - What a unit derives to is a function of all its fragments, whatever batches they came in.
//! - A fragment that says nothing new (a client's retry) is no fact: it was kept already. Only a record outside of all units
//!   is kept as often as it was sent.
//! - A trace without unit keys is derived once a batch, and read in one query with all others; what is said below of links
//!   and of comparing does not concern it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use gleaner_model::{DerivedTrace, Fragment, StoredFragment};
use gleaner_store::{Fact, StoreError, UnitLink};

use self::shared_calls::derive_shared;
use self::units::{Fragments, Node, NodeKind, Units, with_stored};
use crate::loader::Target;

mod shared_calls;
mod units;

/// How units are found and derived.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    /// Names the unit of a fragment that is more than its trace.
    pub unit_key: fn(&Fragment) -> Option<String>,
    /// Derives all traces of some units, of which some may tell of calls that others tell of too.
    pub derive_units: fn(&str, &[&[StoredFragment]]) -> Vec<DerivedTrace>,
}

impl Default for Rules {
    fn default() -> Self {
        Self { unit_key: gleaner_normalize::unit_key, derive_units: gleaner_normalize::derive_units }
    }
}

/// What a batch comes to.
pub(super) struct Derived {
    /// The new ones, in journal order.
    pub facts: Vec<Fact>,
    /// Every one that may have changed; one that is no longer derived is empty.
    pub traces: Vec<DerivedTrace>,
    /// What is to be derived together from now on for the calls that it shares.
    pub links: Vec<UnitLink>,
}

/// Puts new fragments, which are in journal order, to the known ones of their units, and derives each unit that says
/// something new.
pub(super) fn derive(rules: &Rules, store: &impl Target, new: Vec<StoredFragment>) -> Result<Derived, StoreError> {
    let fact = |stored: StoredFragment| Fact {
        unit_key: (rules.unit_key)(&stored.fragment),
        is_note: matches!(&stored.fragment, Fragment::Log(log) if gleaner_normalize::is_agent_record(log)),
        stored,
        feedback: Vec::new(),
    };
    let new: Vec<Fact> = new.into_iter().map(fact).collect();
    let touched = |node: fn(&Fact) -> Option<Node>| -> Vec<(String, String)> {
        let nodes: BTreeSet<Node> = new.iter().filter_map(node).collect();
        nodes.into_iter().map(|node| (node.project, node.id)).collect()
    };
    let links = store.unit_links(&touched(Node::of_trace), &touched(Node::of_unit_key))?;
    let mut units = Units::default();
    for link in &links {
        units.add(link);
    }
    for fact in &new {
        if let Some(key) = Node::of_unit_key(fact) {
            units.link(key, Node::of_trace(fact));
        }
    }

    let mut facts = Vec::with_capacity(new.len());
    let mut alone: BTreeMap<Node, Vec<Fact>> = BTreeMap::new();
    let mut together: BTreeMap<usize, Vec<Fact>> = BTreeMap::new();
    for fact in new {
        let Some(node) = Node::of_trace(&fact).or_else(|| Node::of_unit_key(&fact)) else {
            facts.push(fact);
            continue;
        };
        match units.of(&node) {
            Some(unit) => together.entry(unit).or_default().push(fact),
            None => alone.entry(node).or_default().push(fact),
        }
    }
    let mut traces = derive_alone(rules, store, alone, &mut facts)?;
    let touched: Vec<usize> = together.keys().copied().collect();
    with_stored(store, &units, touched, |unit, fragments| {
        let new = together.remove(&unit).unwrap_or_default();
        if let Some(Node { project, .. }) = units.members(unit).first() {
            traces.extend(derive_together(rules, project, fragments, new, &mut facts));
        }
    })?;
    facts.sort_by_key(|fact| (fact.stored.position, fact.stored.ordinal));
    let links = derive_shared(rules, store, &facts, &mut traces)?;
    Ok(Derived { facts, traces, links })
}

/// Units of one trace each.
fn derive_alone(
    rules: &Rules,
    store: &impl Target,
    new: BTreeMap<Node, Vec<Fact>>,
    facts: &mut Vec<Fact>,
) -> Result<Vec<DerivedTrace>, StoreError> {
    let names: Vec<(String, String)> = new.keys().map(|node| (node.project.clone(), node.id.clone())).collect();
    let mut known: HashMap<(String, String), Fragments> = HashMap::new();
    for stored in store.fragments(&names)? {
        let Some(trace_id) = stored.fragment.trace_id() else { continue };
        known.entry((stored.project.clone(), trace_id.to_owned())).or_default().add(stored);
    }
    let mut derived = Vec::new();
    for (node, new) in new {
        let mut fragments = known.remove(&(node.project.clone(), node.id)).unwrap_or_default();
        if fragments.add_new(new) {
            derived.extend((rules.derive_units)(&node.project, &[&fragments.all]));
            facts.extend(fragments.into_new());
        }
    }
    Ok(derived)
}

/// One unit of several traces, or of records outside of traces. It may be large, and little of it changes with a batch: what
/// was derived from it before is derived again, so that only what differs is written.
fn derive_together(
    rules: &Rules,
    project: &str,
    mut fragments: Fragments,
    new: Vec<Fact>,
    facts: &mut Vec<Fact>,
) -> Vec<DerivedTrace> {
    let known = fragments.all.len();
    if !fragments.add_new(new) {
        return Vec::new();
    }
    let mut before: BTreeMap<String, DerivedTrace> = derive_parts(rules, project, &fragments.all[..known])
        .into_iter()
        .map(|trace| (trace.trace_id.clone(), trace))
        .collect();
    let mut changed: Vec<DerivedTrace> = derive_parts(rules, project, &fragments.all)
        .into_iter()
        .filter(|trace| before.remove(&trace.trace_id).as_ref() != Some(trace))
        .collect();
    changed.extend(before.into_keys().map(|trace_id| DerivedTrace {
        project: project.to_owned(),
        trace_id,
        ..DerivedTrace::default()
    }));
    facts.extend(fragments.into_new());
    changed
}

/// What fragments derive to that may be of several units: known ones, until something new holds them together, and those that are
/// together for a call that they share.
fn derive_parts(rules: &Rules, project: &str, known: &[StoredFragment]) -> Vec<DerivedTrace> {
    let mut units = Units::default();
    let mut unit_of = Vec::with_capacity(known.len());
    for stored in known {
        let key = (rules.unit_key)(&stored.fragment).map(|key| Node::new(NodeKind::UnitKey, project, &key));
        let trace = stored.fragment.trace_id().map(|id| Node::new(NodeKind::Trace, project, id));
        let node = key.clone().or_else(|| trace.clone());
        if let Some(node) = &node {
            units.link(node.clone(), key.and(trace));
        }
        unit_of.push(node);
    }
    let unit_of: Vec<Option<usize>> = unit_of.into_iter().map(|node| node.and_then(|node| units.of(&node))).collect();
    // Nearly always: nothing to part, nothing to copy.
    if unit_of.windows(2).all(|pair| pair[0] == pair[1]) {
        return if known.is_empty() { Vec::new() } else { (rules.derive_units)(project, &[known]) };
    }
    let mut parts: BTreeMap<Option<usize>, Vec<StoredFragment>> = BTreeMap::new();
    for (unit, stored) in unit_of.into_iter().zip(known) {
        parts.entry(unit).or_default().push(stored.clone());
    }
    (rules.derive_units)(project, &parts.values().map(Vec::as_slice).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests;
