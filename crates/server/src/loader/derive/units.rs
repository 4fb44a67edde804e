//! What is held together by links, and the different fragments of it, known and new.

use std::collections::{HashMap, HashSet};

use gleaner_model::{Fragment, StoredFragment};
use gleaner_store::{Fact, StoreError, UnitLink};

use crate::loader::Target;

/// How many traces of units are read at once: a query each would cost more than what it reads, and all at once would hold whole sessions
/// of many agents in memory.
const TRACES_AT_ONCE: usize = 128;

/// A trace or a unit key of a project.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Node {
    pub(super) project: String,
    kind: NodeKind,
    pub(super) id: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum NodeKind {
    Trace,
    UnitKey,
}

impl Node {
    pub(super) fn of_trace(fact: &Fact) -> Option<Self> {
        let id = fact.stored.fragment.trace_id()?;
        Some(Self::new(NodeKind::Trace, &fact.stored.project, id))
    }

    pub(super) fn of_unit_key(fact: &Fact) -> Option<Self> {
        Some(Self::new(NodeKind::UnitKey, &fact.stored.project, fact.unit_key.as_deref()?))
    }

    pub(super) fn new(kind: NodeKind, project: &str, id: &str) -> Self {
        Self { project: project.to_owned(), kind, id: id.to_owned() }
    }
}

/// Nodes held together by links. Of two units that a link joins the smaller goes into the larger, so that all links together
/// cost little more than one each.
#[derive(Default)]
pub(super) struct Units {
    unit_of: HashMap<Node, usize>,
    members: Vec<Vec<Node>>,
    /// Unit keys with records outside of traces.
    outside: HashSet<Node>,
}

impl Units {
    /// Puts both ends of a link into one unit.
    pub(super) fn add(&mut self, link: &UnitLink) {
        let trace = link.trace_id.as_ref().map(|id| Node::new(NodeKind::Trace, &link.project, id));
        let key = Node::new(NodeKind::UnitKey, &link.project, &link.unit_key);
        if trace.is_none() {
            self.outside.insert(key.clone());
        }
        self.link(key, trace);
    }

    /// Puts a node and another, where there is one, into one unit.
    pub(super) fn link(&mut self, node: Node, other: Option<Node>) {
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

    pub(super) fn of(&self, node: &Node) -> Option<usize> {
        self.unit_of.get(node).copied()
    }

    pub(super) fn members(&self, unit: usize) -> &[Node] {
        &self.members[unit]
    }
}

/// Reads what is stored of some units, as many at once as have [`TRACES_AT_ONCE`], and hands them on one by one.
pub(super) fn with_stored(
    store: &impl Target,
    units: &Units,
    wanted: impl IntoIterator<Item = usize>,
    mut visit: impl FnMut(usize, Fragments),
) -> Result<(), StoreError> {
    let mut wanted = wanted.into_iter().peekable();
    while wanted.peek().is_some() {
        let (mut together, mut traces) = (Vec::new(), Vec::new());
        while let Some(unit) = wanted.next_if(|_| traces.len() < TRACES_AT_ONCE) {
            together.push(unit);
            let members = units.members(unit).iter().filter(|node| node.kind == NodeKind::Trace);
            traces.extend(members.map(|node| (node.project.clone(), node.id.clone())));
        }
        let mut known: HashMap<usize, Fragments> = HashMap::new();
        for stored in store.fragments(&traces)? {
            let trace = stored.fragment.trace_id().map(|id| Node::new(NodeKind::Trace, &stored.project, id));
            if let Some(unit) = trace.and_then(|trace| units.of(&trace)) {
                known.entry(unit).or_default().add(stored);
            }
        }
        for unit in together {
            let mut fragments = known.remove(&unit).unwrap_or_default();
            let keys: Vec<&Node> = units.members(unit).iter().filter(|key| units.outside.contains(key)).collect();
            if let Some(first) = keys.first() {
                let names: Vec<String> = keys.iter().map(|key| key.id.clone()).collect();
                for stored in store.fragments_outside_traces(&first.project, &names)? {
                    fragments.add(stored);
                }
            }
            visit(unit, fragments);
        }
    }
    Ok(())
}

/// The different fragments of one unit.
#[derive(Default)]
pub(super) struct Fragments {
    pub(super) all: Vec<StoredFragment>,
    /// Places in `all` by span and time: only fragments that share both can be equal, which keeps large units linear.
    places: HashMap<(Option<String>, u64), Vec<usize>>,
    /// Facts without their fragments, which stand in `all`: place there, unit key, whether it is a note. In order.
    new: Vec<(usize, Option<String>, bool)>,
}

impl Fragments {
    /// Adds a fragment unless an equal one is there; tells whether it was new. Two equal log records of one request are two.
    pub(super) fn add(&mut self, stored: StoredFragment) -> bool {
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
    pub(super) fn add_new(&mut self, new: Vec<Fact>) -> bool {
        for Fact { unit_key, is_note, stored, feedback: _ } in new {
            let place = self.all.len();
            if self.add(stored) {
                self.new.push((place, unit_key, is_note));
            }
        }
        !self.new.is_empty()
    }

    /// What was new, whole again. What it carries of feedback is read later.
    pub(super) fn into_new(self) -> impl Iterator<Item = Fact> {
        let mut new = self.new.into_iter().peekable();
        self.all.into_iter().enumerate().filter_map(move |(place, stored)| {
            let (_, unit_key, is_note) = new.next_if(|(at, ..)| *at == place)?;
            Some(Fact { unit_key, is_note, stored, feedback: Vec::new() })
        })
    }
}
