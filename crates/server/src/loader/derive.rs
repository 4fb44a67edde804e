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
use crate::loader::Target;

mod shared_calls;

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
    for (unit, new) in together {
        traces.extend(derive_together(rules, store, units.members(unit), new, &mut facts)?);
    }
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
    store: &impl Target,
    members: &[Node],
    new: Vec<Fact>,
    facts: &mut Vec<Fact>,
) -> Result<Vec<DerivedTrace>, StoreError> {
    let Some(project) = members.first().map(|node| node.project.clone()) else { return Ok(Vec::new()) };
    let mut fragments = Fragments::stored(store, &project, members)?;
    let known = fragments.all.len();
    if !fragments.add_new(new) {
        return Ok(Vec::new());
    }
    let mut before: BTreeMap<String, DerivedTrace> = derive_parts(rules, &project, &fragments.all[..known])
        .into_iter()
        .map(|trace| (trace.trace_id.clone(), trace))
        .collect();
    let mut changed: Vec<DerivedTrace> = derive_parts(rules, &project, &fragments.all)
        .into_iter()
        .filter(|trace| before.remove(&trace.trace_id).as_ref() != Some(trace))
        .collect();
    changed.extend(before.into_keys().map(|trace_id| DerivedTrace {
        project: project.clone(),
        trace_id,
        ..DerivedTrace::default()
    }));
    facts.extend(fragments.into_new());
    Ok(changed)
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

/// A trace or a unit key of a project.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Node {
    project: String,
    kind: NodeKind,
    id: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum NodeKind {
    Trace,
    UnitKey,
}

impl Node {
    fn of_trace(fact: &Fact) -> Option<Self> {
        let id = fact.stored.fragment.trace_id()?;
        Some(Self::new(NodeKind::Trace, &fact.stored.project, id))
    }

    fn of_unit_key(fact: &Fact) -> Option<Self> {
        Some(Self::new(NodeKind::UnitKey, &fact.stored.project, fact.unit_key.as_deref()?))
    }

    fn new(kind: NodeKind, project: &str, id: &str) -> Self {
        Self { project: project.to_owned(), kind, id: id.to_owned() }
    }
}

/// Nodes held together by links. Of two units that a link joins the smaller goes into the larger, so that all links together
/// cost little more than one each.
#[derive(Default)]
struct Units {
    unit_of: HashMap<Node, usize>,
    members: Vec<Vec<Node>>,
}

impl Units {
    /// Puts both ends of a link into one unit.
    fn add(&mut self, link: &UnitLink) {
        let trace = link.trace_id.as_ref().map(|id| Node::new(NodeKind::Trace, &link.project, id));
        self.link(Node::new(NodeKind::UnitKey, &link.project, &link.unit_key), trace);
    }

    /// Puts a node and another, where there is one, into one unit.
    fn link(&mut self, node: Node, other: Option<Node>) {
        let a = self.enter(node);
        let Some(b) = other.map(|other| self.enter(other)) else { return };
        if a == b {
            return;
        }
        let (from, to) = if self.members[a].len() < self.members[b].len() { (a, b) } else { (b, a) };
        for member in std::mem::take(&mut self.members[from]) {
            self.unit_of.insert(member.clone(), to);
            self.members[to].push(member);
        }
    }

    fn enter(&mut self, node: Node) -> usize {
        *self.unit_of.entry(node).or_insert_with_key(|node| {
            self.members.push(vec![node.clone()]);
            self.members.len() - 1
        })
    }

    fn of(&self, node: &Node) -> Option<usize> {
        self.unit_of.get(node).copied()
    }

    fn members(&self, unit: usize) -> &[Node] {
        &self.members[unit]
    }
}

/// The different fragments of one unit.
#[derive(Default)]
struct Fragments {
    all: Vec<StoredFragment>,
    /// Places in `all` by span and time: only fragments that share both can be equal, which keeps large units linear.
    places: HashMap<(Option<String>, u64), Vec<usize>>,
    /// Facts without their fragments, which stand in `all`: place there, unit key, whether it is a note. In order.
    new: Vec<(usize, Option<String>, bool)>,
}

impl Fragments {
    /// What is stored of a unit.
    fn stored(store: &impl Target, project: &str, members: &[Node]) -> Result<Self, StoreError> {
        let of_kind = |kind| members.iter().filter(move |node| node.kind == kind).map(|node| node.id.clone());
        let traces: Vec<(String, String)> = of_kind(NodeKind::Trace).map(|id| (project.to_owned(), id)).collect();
        let unit_keys: Vec<String> = of_kind(NodeKind::UnitKey).collect();
        let mut fragments = Self::default();
        for stored in store.fragments(&traces)?.into_iter().chain(store.fragments_outside_traces(project, &unit_keys)?)
        {
            fragments.add(stored);
        }
        Ok(fragments)
    }

    /// Adds a fragment unless an equal one is there; tells whether it was new. Two equal log records of one request are two.
    fn add(&mut self, stored: StoredFragment) -> bool {
        let time = match &stored.fragment {
            Fragment::Span(span) => span.start_time_unix_nano,
            Fragment::Log(log) => log.time_unix_nano.max(log.observed_time_unix_nano),
        };
        let places = self.places.entry((stored.fragment.span_id().map(str::to_owned), time)).or_default();
        let is_copy = |known: &StoredFragment| known.position == stored.position && stored.fragment.is_log();
        let is_known = |known: &StoredFragment| known.fragment == stored.fragment && !is_copy(known);
        if places.iter().any(|place| is_known(&self.all[*place])) {
            return false;
        }
        places.push(self.all.len());
        self.all.push(stored);
        true
    }

    /// Adds what is new among some facts; tells whether anything was.
    fn add_new(&mut self, new: Vec<Fact>) -> bool {
        for Fact { unit_key, is_note, stored, feedback: _ } in new {
            let place = self.all.len();
            if self.add(stored) {
                self.new.push((place, unit_key, is_note));
            }
        }
        !self.new.is_empty()
    }

    /// What was new, whole again. What it carries of feedback is read later.
    fn into_new(self) -> impl Iterator<Item = Fact> {
        let mut new = self.new.into_iter().peekable();
        self.all.into_iter().enumerate().filter_map(move |(place, stored)| {
            let (_, unit_key, is_note) = new.next_if(|(at, ..)| *at == place)?;
            Some(Fact { unit_key, is_note, stored, feedback: Vec::new() })
        })
    }
}

#[cfg(test)]
mod tests;
