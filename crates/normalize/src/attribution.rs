//! Which attempt, rollout, lineage and session each span belongs to.
//!
//! Decided by ancestry, never by arrival: a pure function of the spans of a trace. [`decide_session`] says which session an
//! attempt belongs to, the module `runs` where attempts begin, and [`name_attempt`] what their ids are made of.
//!
//! Invariants:
//! - Every span is in at most one attempt.
//! - In a trace with lineage, rollout or attempt keys on spans, spans without such an ancestor are in no attempt.
//! - In any other trace all spans are one attempt, if any of them tells of an agent's work (the module `work`).

use std::collections::{BTreeMap, btree_map};

use gleaner_model::{SpanKind, derive_id};

use crate::attribution::keys::{Carrier, Found, KeyFinder};
use crate::attribution::runs::Group;
use crate::derive::tree::Tree;
use crate::mapped::Mapped;

pub(crate) mod keys;
mod runs;
mod work;

/// One attempt, as far as it lies in this trace.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) attempt_id: String,
    pub(crate) rollout_id: String,
    pub(crate) lineage_id: String,
    pub(crate) session_id: String,
    pub(crate) lineage_label: String,
    /// `gleaner.rollout.cycle`, where sent.
    pub(crate) cycle: Option<i64>,
    /// `gleaner.attempt.number`, where sent.
    pub(crate) number: Option<i64>,
    /// It calls a model around other attempts of its lineage or rollout: it is no try of theirs, and has no number.
    pub(crate) surrounds: bool,
    /// The span with the keys, or the root of the trace; `None` while unseen.
    pub(crate) root: Option<usize>,
    /// Where keys are resolved: the root, else the earliest span that may stand nearest to it.
    pub(crate) top: usize,
    /// All spans, in order.
    pub(crate) spans: Vec<usize>,
    /// The user, where one is named.
    pub(crate) user: Option<Found>,
}

/// A key that was sent and cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InvalidKey {
    /// Place of the span.
    pub(crate) place: usize,
    /// `invalid_cycle` or `invalid_attempt_number`.
    pub(crate) reason: &'static str,
}

/// What belongs to what.
pub(crate) struct Attribution {
    /// By (start, attempt id).
    pub(crate) attempts: Vec<Attempt>,
    /// Index into `attempts` for every span; `None` outside all attempts.
    pub(crate) attempt_of: Vec<Option<usize>>,
    /// By place.
    pub(crate) invalid: Vec<InvalidKey>,
}

/// Attributes every span of a trace. Of what `only_repeats` another trace there is no attempt.
pub(crate) fn attribute(
    project: &str,
    trace_id: &str,
    tree: &Tree<'_>,
    kinds: &[SpanKind],
    finder: &mut KeyFinder<'_, '_>,
    only_repeats: &dyn Fn(&[usize]) -> bool,
) -> Attribution {
    let (mut groups, invalid) = runs::groups(tree, kinds, finder);
    let is_attempt = work::is_attempt(tree, kinds);
    groups.retain(|group| !only_repeats(&group.spans));
    groups.retain(|group| {
        is_attempt
            || group.identity.is_keyed()
            || finder.of_attempt(group.top, &group.spans, keys::SESSION_ID).is_some()
    });
    let conventions = ConventionKeys::new(tree);
    let mut by_id: BTreeMap<String, Attempt> = BTreeMap::new();
    for group in groups {
        let attempt =
            name_attempt(&Context { project, trace_id, tree, kinds, conventions: &conventions }, finder, group);
        // The same explicit keys in two places of the trace are one attempt.
        match by_id.entry(attempt.attempt_id.clone()) {
            btree_map::Entry::Vacant(place) => {
                place.insert(attempt);
            }
            btree_map::Entry::Occupied(mut earlier) => earlier.get_mut().absorb(attempt),
        }
    }
    let mut attempts: Vec<Attempt> = by_id.into_values().collect();
    for attempt in &mut attempts {
        attempt.spans.sort_unstable();
    }
    attempts.sort_by(|a, b| {
        let start =
            |attempt: &Attempt| tree.nodes[attempt.root.unwrap_or(attempt.spans[0])].span().start_time_unix_nano;
        (start(a), &a.attempt_id).cmp(&(start(b), &b.attempt_id))
    });
    let mut attempt_of = vec![None; tree.nodes.len()];
    for (index, attempt) in attempts.iter().enumerate() {
        for place in &attempt.spans {
            attempt_of[*place] = Some(index);
        }
    }
    Attribution { attempts, attempt_of, invalid }
}

struct Context<'c, 'a> {
    project: &'c str,
    trace_id: &'c str,
    tree: &'c Tree<'a>,
    kinds: &'c [SpanKind],
    conventions: &'c ConventionKeys,
}

/// Ids from natural keys: each is derived from its parent's.
fn name_attempt(context: &Context<'_, '_>, finder: &mut KeyFinder<'_, '_>, group: Group) -> Attempt {
    let Context { project, trace_id, tree, .. } = context;
    let Group { identity, root, top, spans, unkeyed, surrounds, .. } = group;
    let session_id = decide_session(context, finder, top, &spans);
    let lineage_label = identity
        .lineage_label
        .or_else(|| identity.lineage_id.clone())
        .or_else(|| root_agent_name(context, finder, top, &spans))
        .unwrap_or_else(|| "default".to_owned());
    let lineage_key = identity.lineage_id.as_deref().unwrap_or(&lineage_label);
    let lineage_id = derive_id("lineage", &[project, &session_id, lineage_key]);
    let of_convention = |nearest: &[Option<usize>], key: fn(&Mapped) -> Option<&String>| {
        nearest_or_earliest(nearest, top, &spans).and_then(|place| key(tree.nodes[place].mapped).cloned())
    };
    let rollout_of_convention = of_convention(&context.conventions.rollout, |mapped| mapped.rollout_key.as_ref());
    // Gleaner's own keys win over those of a convention, whichever of a level they are.
    let rollout_key = identity
        .rollout_id
        .or_else(|| identity.cycle.map(|cycle| format!("cycle:{cycle}")))
        .or(rollout_of_convention)
        .unwrap_or_else(|| format!("trace:{trace_id}"));
    let rollout_id = derive_id("rollout", &[project, &lineage_id, &rollout_key]);
    let attempt_of_convention = of_convention(&context.conventions.attempt, |mapped| mapped.attempt_key.as_ref());
    let attempt_key = identity
        .attempt_id
        .or_else(|| identity.number.map(|number| format!("number:{number}")))
        .or(attempt_of_convention)
        .unwrap_or_else(|| match unkeyed {
            true => format!("trace:{trace_id}"),
            false => format!("span:{trace_id}:{}", tree.nodes[top].span().span_id),
        });
    let attempt_id = derive_id("attempt", &[project, &rollout_id, &attempt_key]);
    let user = decide_user(context, finder, top, &spans);
    Attempt {
        attempt_id,
        rollout_id,
        lineage_id,
        session_id,
        lineage_label,
        cycle: identity.cycle,
        number: identity.number,
        surrounds,
        root,
        top,
        spans,
        user,
    }
}

/// Where an attempt's session is decided. The first of these that says one:
///
/// 1. `gleaner.session.id` at the root: nearest ancestor-or-self, else its resource; else of the earliest span that has it.
/// 2. An explicit session id of the span's convention, nearest to the root, else of the earliest span that has one.
/// 3. A conversation or thread id of the span's convention, likewise.
/// 4. `session.id` of the resource.
/// 5. The rollout of the span's convention.
/// 6. The trace itself: `trace:<hex>`.
fn decide_session(context: &Context<'_, '_>, finder: &mut KeyFinder<'_, '_>, top: usize, spans: &[usize]) -> String {
    let Context { trace_id, tree, conventions, .. } = context;
    let of_convention = |nearest: &[Option<usize>]| {
        let place = nearest_or_earliest(nearest, top, spans)?;
        tree.nodes[place].mapped.session_key.as_ref().map(|(_, key)| key.clone())
    };
    finder
        .of_attempt(top, spans, keys::SESSION_ID)
        .map(|found| found.value)
        .or_else(|| of_convention(&conventions.explicit_session))
        .or_else(|| of_convention(&conventions.conversation))
        .or_else(|| resource_of_attempt(tree, top, spans, "session.id").map(|found| found.value))
        .or_else(|| of_convention(&conventions.last_resort))
        .unwrap_or_else(|| format!("trace:{trace_id}"))
}

/// The user, by the same order of rules as the session.
fn decide_user(
    context: &Context<'_, '_>,
    finder: &mut KeyFinder<'_, '_>,
    top: usize,
    spans: &[usize],
) -> Option<Found> {
    let Context { tree, conventions, .. } = context;
    finder
        .of_attempt(top, spans, keys::USER_ID)
        .or_else(|| {
            let place = nearest_or_earliest(&conventions.user, top, spans)?;
            let value = tree.nodes[place].mapped.user_key.clone()?;
            Some(Found { value, place, carrier: Carrier::ConventionSpan })
        })
        .or_else(|| {
            let found = resource_of_attempt(tree, top, spans, "user.id")?;
            Some(Found { carrier: Carrier::ConventionResource, ..found })
        })
}

/// Names the lineage where no key does: the root's agent, else the earliest agent that has a name.
fn root_agent_name(
    context: &Context<'_, '_>,
    finder: &mut KeyFinder<'_, '_>,
    top: usize,
    spans: &[usize],
) -> Option<String> {
    let Context { tree, kinds, .. } = context;
    let recorded = |place: usize| tree.nodes[place].mapped.agent_name.clone();
    if let Some(name) = finder.at(top, keys::AGENT_NAME).map(|found| found.value).or_else(|| recorded(top)) {
        return Some(name);
    }
    spans
        .iter()
        .filter(|place| kinds[**place] == SpanKind::Agent)
        .find_map(|place| finder.at(*place, keys::AGENT_NAME).map(|found| found.value).or_else(|| recorded(*place)))
        .or_else(|| spans.iter().find_map(|place| recorded(*place)))
}

/// For every span the nearest ancestor-or-self whose convention names a session or a user.
struct ConventionKeys {
    explicit_session: Vec<Option<usize>>,
    conversation: Vec<Option<usize>>,
    last_resort: Vec<Option<usize>>,
    rollout: Vec<Option<usize>>,
    attempt: Vec<Option<usize>>,
    user: Vec<Option<usize>>,
}

impl ConventionKeys {
    fn new(tree: &Tree<'_>) -> Self {
        let rank = |place: usize| tree.nodes[place].mapped.session_key.as_ref().map(|(rank, _)| *rank);
        Self {
            explicit_session: tree.nearest(|place| rank(place) == Some(0)),
            conversation: tree.nearest(|place| rank(place) == Some(1)),
            last_resort: tree.nearest(|place| rank(place).is_some_and(|rank| rank > 1)),
            rollout: tree.nearest(|place| tree.nodes[place].mapped.rollout_key.is_some()),
            attempt: tree.nearest(|place| tree.nodes[place].mapped.attempt_key.is_some()),
            user: tree.nearest(|place| tree.nodes[place].mapped.user_key.is_some()),
        }
    }
}

fn nearest_or_earliest(nearest: &[Option<usize>], top: usize, spans: &[usize]) -> Option<usize> {
    nearest[top].or_else(|| spans.iter().find_map(|place| nearest[*place]))
}

fn resource_of_attempt(tree: &Tree<'_>, top: usize, spans: &[usize], key: &str) -> Option<Found> {
    std::iter::once(&top).chain(spans).find_map(|place| keys::resource_text(tree, *place, key))
}

impl Attempt {
    /// Takes in another run of spans with the same keys; the earlier root stays. Its spans are to be sorted after that.
    fn absorb(&mut self, other: Self) {
        self.root = match (self.root, other.root) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.top = self.root.unwrap_or_else(|| self.top.min(other.top));
        self.spans.extend(other.spans);
        self.user = self.user.take().or(other.user);
    }
}

#[cfg(test)]
mod tests;
