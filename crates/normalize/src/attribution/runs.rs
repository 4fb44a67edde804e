//! Where attempts begin and end: runs of connected spans that resolve to the same explicit keys.
//!
//! Keys may stand on the root of a subtree only, or on every span (baggage): either way a run begins where the resolved keys
//! change, and its first span is the attempt's root. A run whose keys name only a lineage or a rollout, and below which other
//! runs name attempts or rollouts of it, surrounds those. It is an attempt beside them where it calls a model itself (what it
//! planned or judged is worth keeping); else it is a wrapper, and none.

use std::collections::HashMap;

use gleaner_model::SpanKind;

use crate::attribution::InvalidKey;
use crate::attribution::keys::{self, KeyFinder};
use crate::derive::tree::Tree;

/// The explicit keys that tell attempts apart. The session only tells runs apart: alone it makes no attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    session: Option<String>,
    pub(super) lineage_id: Option<String>,
    pub(super) lineage_label: Option<String>,
    pub(super) rollout_id: Option<String>,
    pub(super) cycle: Option<i64>,
    pub(super) attempt_id: Option<String>,
    pub(super) number: Option<i64>,
}

/// The spans of one attempt (or of one run of it).
pub(super) struct Group {
    pub(super) identity: Identity,
    /// `None` while unseen.
    pub(super) root: Option<usize>,
    /// The root, else the earliest topmost span.
    pub(super) top: usize,
    /// In order.
    pub(super) spans: Vec<usize>,
    /// The whole of a trace without keys.
    pub(super) unkeyed: bool,
    /// Other attempts of its lineage or rollout stand below it.
    pub(super) surrounds: bool,
    /// First spans of its runs.
    tops: Vec<usize>,
    /// How many of its spans carry keys themselves.
    carriers: usize,
}

/// Splits a trace into attempts. Keys that cannot be used are listed and otherwise ignored.
pub(super) fn groups(
    tree: &Tree<'_>,
    kinds: &[SpanKind],
    finder: &mut KeyFinder<'_, '_>,
) -> (Vec<Group>, Vec<InvalidKey>) {
    let mut invalid = Vec::new();
    let own: Vec<Identity> = (0..tree.nodes.len()).map(|place| Identity::of_span(tree, place, &mut invalid)).collect();
    let (mut groups, below) = if own.iter().any(Identity::is_keyed) {
        keyed_groups(tree, kinds, &own)
    } else {
        (whole_trace(tree).into_iter().collect(), Vec::new())
    };
    for group in &mut groups {
        group.fill_from_resource(finder, tree, &mut invalid);
    }
    for (above, below) in below {
        groups[above].surrounds |= groups[below].identity.refines(&groups[above].identity);
    }
    groups.retain(|group| !group.surrounds || group.spans.iter().any(|place| kinds[*place] == SpanKind::Llm));
    (groups, invalid)
}

fn whole_trace(tree: &Tree<'_>) -> Option<Group> {
    let spans: Vec<usize> = (0..tree.nodes.len()).collect();
    let mut tops = spans.iter().copied().filter(|place| tree.parents[*place].is_none());
    let first = tops.clone().next()?;
    let root = tops.clone().find(|place| tree.is_parentless(*place));
    // A caller that reports elsewhere must not leave the attempt open for ever.
    let root = root.or_else(|| tops.all(|place| tree.is_entry(place)).then_some(first));
    let top = root.unwrap_or(first);
    Some(Group { root, spans, unkeyed: true, ..Group::empty(Identity::default(), top) })
}

/// A run of spans with the same resolved keys.
struct Run {
    identity: Identity,
    top: usize,
    /// The run that it stands below.
    above: Option<usize>,
}

/// Also tells which group stands directly below which.
fn keyed_groups(tree: &Tree<'_>, kinds: &[SpanKind], own: &[Identity]) -> (Vec<Group>, Vec<(usize, usize)>) {
    let (runs, run_of) = find_runs(tree, own);
    let mut groups: Vec<Group> = Vec::new();
    let mut group_of_run: Vec<Option<usize>> = Vec::with_capacity(runs.len());
    let mut known: HashMap<(&Identity, Option<&str>), usize> = HashMap::new();
    for run in &runs {
        if !run.identity.is_keyed() {
            group_of_run.push(None);
            continue;
        }
        // What makes two runs one attempt: an explicit attempt key. Without one, calls side by side are one attempt, while
        // agents side by side are retries.
        let parent = tree.nodes[run.top].span().parent_span_id.as_deref();
        let mates = if run.identity.names_an_attempt() {
            Some(None)
        } else {
            is_single_step(kinds[run.top]).then_some(parent).filter(Option::is_some)
        };
        let next = groups.len();
        let index = mates.map_or(next, |mates| *known.entry((&run.identity, mates)).or_insert(next));
        if index == next {
            groups.push(Group::empty(run.identity.clone(), run.top));
        }
        groups[index].tops.push(run.top);
        group_of_run.push(Some(index));
    }
    for (place, run) in run_of.iter().enumerate() {
        if let Some(index) = run.and_then(|run| group_of_run[run]) {
            groups[index].spans.push(place);
            groups[index].carriers += usize::from(own[place].is_keyed());
        }
    }
    for group in &mut groups {
        group.find_root(tree, kinds);
    }
    let below = runs.iter().zip(&group_of_run).filter_map(|(run, group)| Some((group_of_run[run.above?]?, (*group)?)));
    let below = below.collect();
    (groups, below)
}

fn find_runs(tree: &Tree<'_>, own: &[Identity]) -> (Vec<Run>, Vec<Option<usize>>) {
    let mut runs: Vec<Run> = Vec::new();
    let mut run_of: Vec<Option<usize>> = vec![None; tree.nodes.len()];
    for place in tree.top_down() {
        let above = tree.parents[place].and_then(|parent| run_of[parent]);
        let starts_new = match above {
            None => own[place] != Identity::default(),
            Some(run) => !own[place].is_told_by(&runs[run].identity),
        };
        run_of[place] = if starts_new {
            let identity = above.map_or_else(|| own[place].clone(), |run| own[place].below(&runs[run].identity));
            runs.push(Run { identity, top: place, above });
            Some(runs.len() - 1)
        } else {
            above
        };
    }
    (runs, run_of)
}

/// Work that an agent does in one step: such a span is hardly ever an attempt's root beside others with the same keys.
fn is_single_step(kind: SpanKind) -> bool {
    matches!(kind, SpanKind::Llm | SpanKind::Tool | SpanKind::Embedding | SpanKind::Retriever | SpanKind::Reranker)
}

impl Identity {
    fn of_span(tree: &Tree<'_>, place: usize, invalid: &mut Vec<InvalidKey>) -> Self {
        let attributes = &tree.nodes[place].span().attributes;
        let mut ordinal = |key, reason| {
            keys::ordinal(attributes, key).unwrap_or_else(|_| {
                invalid.push(InvalidKey { place, reason });
                None
            })
        };
        Self {
            session: keys::text(attributes, keys::SESSION_ID),
            lineage_id: keys::text(attributes, keys::LINEAGE_ID),
            lineage_label: keys::text(attributes, keys::LINEAGE_LABEL),
            rollout_id: keys::text(attributes, keys::ROLLOUT_ID),
            cycle: ordinal(keys::ROLLOUT_CYCLE, "invalid_cycle"),
            attempt_id: keys::text(attributes, keys::ATTEMPT_ID),
            number: ordinal(keys::ATTEMPT_NUMBER, "invalid_attempt_number"),
        }
    }

    pub(super) fn is_keyed(&self) -> bool {
        self.lineage_id.is_some()
            || self.lineage_label.is_some()
            || self.rollout_id.is_some()
            || self.cycle.is_some()
            || self.names_an_attempt()
    }

    fn names_an_attempt(&self) -> bool {
        self.attempt_id.is_some() || self.number.is_some()
    }

    /// Every key that it has stands in `other` with the same value.
    fn is_told_by(&self, other: &Self) -> bool {
        fn told<T: PartialEq>(own: &Option<T>, other: &Option<T>) -> bool {
            own.is_none() || own == other
        }
        // A session named below a run that names none is the run's session, not another attempt's.
        let session = other.session.is_none() || told(&self.session, &other.session);
        session
            && told(&self.lineage_id, &other.lineage_id)
            && told(&self.lineage_label, &other.lineage_label)
            && told(&self.rollout_id, &other.rollout_id)
            && told(&self.cycle, &other.cycle)
            && told(&self.attempt_id, &other.attempt_id)
            && told(&self.number, &other.number)
    }

    /// It names an attempt or a rollout of what `above` names only as far as that.
    fn refines(&self, above: &Self) -> bool {
        !above.names_an_attempt() && above.is_told_by(self) && above != self
    }

    /// What a span with these keys resolves to below `above`: per level the nearest keys, where both keys of a level are
    /// inherited unless one of them disagrees.
    fn below(&self, above: &Self) -> Self {
        let (lineage_id, lineage_label) =
            level((&self.lineage_id, &self.lineage_label), (&above.lineage_id, &above.lineage_label));
        let (rollout_id, cycle) = level((&self.rollout_id, &self.cycle), (&above.rollout_id, &above.cycle));
        let (attempt_id, number) = level((&self.attempt_id, &self.number), (&above.attempt_id, &above.number));
        let session = self.session.clone().or_else(|| above.session.clone());
        Self { session, lineage_id, lineage_label, rollout_id, cycle, attempt_id, number }
    }
}

fn level<A: Clone + PartialEq, B: Clone + PartialEq>(
    own: (&Option<A>, &Option<B>),
    above: (&Option<A>, &Option<B>),
) -> (Option<A>, Option<B>) {
    let disagree = own.0.is_some() && above.0.is_some() && own.0 != above.0
        || own.1.is_some() && above.1.is_some() && own.1 != above.1;
    if disagree {
        return (own.0.clone(), own.1.clone());
    }
    (own.0.clone().or_else(|| above.0.clone()), own.1.clone().or_else(|| above.1.clone()))
}

impl Group {
    fn empty(identity: Identity, top: usize) -> Self {
        Self {
            identity,
            root: None,
            top,
            spans: Vec::new(),
            unkeyed: false,
            surrounds: false,
            tops: Vec::new(),
            carriers: 0,
        }
    }

    /// The root is seen when a topmost span stands below a span that is known not to be of the attempt, or below nothing.
    /// While its parent is unknown, that parent may still carry the same keys: then the root is seen only if the keys stand
    /// on this span alone, as a root would have them, or if the parent is another process's, which may never report here.
    fn find_root(&mut self, tree: &Tree<'_>, kinds: &[SpanKind]) {
        self.tops.sort_unstable();
        let certain = self.tops.iter().copied().find(|top| !tree.parent_absent[*top]);
        let alone = match self.tops.as_slice() {
            [top] if self.carriers == 1 && !is_single_step(kinds[*top]) => Some(*top),
            _ => None,
        };
        let entry = || self.tops.first().copied().filter(|_| self.tops.iter().all(|top| tree.is_entry(*top)));
        self.root = certain.or(alone).or_else(entry);
        self.top = self.root.or(self.tops.first().copied()).unwrap_or(self.top);
    }

    /// Resource attributes never split a trace: they fill in the levels that spans leave open. A number that a span carries and
    /// that cannot be used leaves its level open.
    fn fill_from_resource(&mut self, finder: &mut KeyFinder<'_, '_>, tree: &Tree<'_>, invalid: &mut Vec<InvalidKey>) {
        let Self { identity, top, spans, .. } = self;
        let mut text = |key| finder.of_attempt(*top, spans, key).map(|found| found.value);
        let mut ordinal = |key, reason| {
            let places = std::iter::once(*top).chain(spans.iter().copied());
            let mut sent = places.map(|place| (place, keys::ordinal(&tree.nodes[place].span().resource, key)));
            match sent.find(|(_, sent)| !matches!(sent, Ok(None)))? {
                (_, Ok(number)) => number,
                (place, Err(_)) => {
                    let key = InvalidKey { place, reason };
                    if !invalid.contains(&key) {
                        invalid.push(key);
                    }
                    None
                }
            }
        };
        if identity.lineage_id.is_none() && identity.lineage_label.is_none() {
            identity.lineage_id = text(keys::LINEAGE_ID);
            identity.lineage_label = text(keys::LINEAGE_LABEL);
        }
        if identity.rollout_id.is_none() && identity.cycle.is_none() {
            identity.rollout_id = text(keys::ROLLOUT_ID);
            identity.cycle = ordinal(keys::ROLLOUT_CYCLE, "invalid_cycle");
        }
        if identity.attempt_id.is_none() && identity.number.is_none() {
            identity.attempt_id = text(keys::ATTEMPT_ID);
            identity.number = ordinal(keys::ATTEMPT_NUMBER, "invalid_attempt_number");
        }
    }
}

#[cfg(test)]
mod tests;
