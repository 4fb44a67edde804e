//! Rankings, locks and pairwise choices, brought to one shape: entries with a rank.

use std::collections::HashMap;

use gleaner_model::{Comparison, ComparisonEntry, ComparisonKind, Target};
use gleaner_wire::feedback as wire;
use gleaner_wire::feedback::comparison::Form;

use crate::feedback::Rejection;
use crate::feedback::fields::Fields;
use crate::feedback::target;

/// Checks a comparison. Every target gets the comparison's session and cycle where it names a lineage without them.
pub(super) fn comparison(fields: &Fields<'_>, item: wire::Comparison) -> Result<Comparison, Rejection> {
    let session = fields.key("session", item.session)?;
    let cycle = (item.cycle > 0).then_some(item.cycle);
    let criterion = fields.key("criterion", item.criterion)?;
    let comment = fields.text("comment", item.comment)?;
    let sides = Sides { fields, session: session.clone(), cycle };
    let (form, entries, over_all_others) = match item.form {
        None => return Err(Rejection::new("form", "one of ranking, lock, pairwise must be set")),
        Some(Form::Ranking(ranking)) => (ComparisonKind::Ranking, sides.ranking(ranking)?, false),
        Some(Form::Lock(lock)) => {
            let over_all_others = lock.over.is_empty();
            (ComparisonKind::Lock, sides.lock(lock)?, over_all_others)
        }
        Some(Form::Pairwise(pairwise)) => (ComparisonKind::Pairwise, sides.pairwise(pairwise)?, false),
    };
    Ok(Comparison { form, session, cycle, criterion, comment, over_all_others, entries })
}

struct Sides<'f> {
    fields: &'f Fields<'f>,
    session: Option<String>,
    cycle: Option<u32>,
}

impl Sides<'_> {
    /// Groups best first: members of one group share a rank.
    fn ranking(&self, ranking: wire::Ranking) -> Result<Vec<ComparisonEntry>, Rejection> {
        const FIELD: &str = "ranking";
        let targets = ranking.groups.iter().map(|group| group.targets.len()).sum();
        self.fields.entries(FIELD, targets)?;
        self.fields.entries("ranking.shown_order", ranking.shown_order.len())?;
        if targets < 2 {
            return Err(Rejection::new(FIELD, format!("needs at least 2 targets, not {targets}")));
        }
        let mut entries = Vec::with_capacity(targets);
        for (group, rank) in ranking.groups.into_iter().zip(1..) {
            if group.targets.is_empty() {
                return Err(Rejection::new(FIELD, format!("group {rank} is empty")));
            }
            for sent in group.targets {
                let field = format!("ranking.groups[{}].targets", rank - 1);
                entries.push(entry(self.target(&field, sent)?, rank, false));
            }
        }
        let places = distinct(FIELD, &entries)?;
        let mut shown: Vec<usize> = Vec::with_capacity(ranking.shown_order.len());
        for sent in ranking.shown_order {
            const FIELD: &str = "ranking.shown_order";
            let target = self.target(FIELD, sent)?;
            let place =
                *places.get(&target).ok_or_else(|| Rejection::new(FIELD, "names a target that is not ranked"))?;
            shown.push(place);
        }
        drop(places);
        for (place, position) in shown.into_iter().zip(1..) {
            if entries[place].shown_position.replace(position).is_some() {
                return Err(Rejection::new("ranking.shown_order", "names a target twice"));
            }
        }
        Ok(entries)
    }

    /// The locked have rank 1, the others 2.
    fn lock(&self, lock: wire::Lock) -> Result<Vec<ComparisonEntry>, Rejection> {
        const FIELD: &str = "lock";
        self.fields.entries(FIELD, lock.locked.len() + lock.over.len())?;
        if lock.locked.is_empty() {
            return Err(Rejection::new(FIELD, "needs at least 1 locked target"));
        }
        let mut entries = Vec::with_capacity(lock.locked.len() + lock.over.len());
        for sent in lock.locked {
            entries.push(entry(self.target("lock.locked", sent)?, 1, true));
        }
        for sent in lock.over {
            entries.push(entry(self.target("lock.over", sent)?, 2, false));
        }
        distinct(FIELD, &entries)?;
        Ok(entries)
    }

    /// Preferred 1, rejected 2; both 1 on a tie.
    fn pairwise(&self, pairwise: wire::Pairwise) -> Result<Vec<ComparisonEntry>, Rejection> {
        const FIELD: &str = "pairwise";
        let (Some(preferred), Some(rejected)) = (pairwise.preferred, pairwise.rejected) else {
            return Err(Rejection::new(FIELD, "needs both preferred and rejected"));
        };
        let entries = vec![
            entry(self.target("pairwise.preferred", preferred)?, 1, false),
            entry(self.target("pairwise.rejected", rejected)?, if pairwise.tie { 1 } else { 2 }, false),
        ];
        distinct(FIELD, &entries)?;
        Ok(entries)
    }

    fn target(&self, field: &str, mut sent: wire::Target) -> Result<Target, Rejection> {
        if !sent.lineage.is_empty() {
            if let Some(session) = self.session.as_ref().filter(|_| sent.session.is_empty()) {
                sent.session.clone_from(session);
            }
            if let Some(cycle) = self.cycle.filter(|_| sent.cycle == 0) {
                sent.cycle = cycle;
            }
        }
        let target = target::target(self.fields, field, sent)?;
        let names_an_output = target.lineage.is_some()
            || target.artifact_id.is_some()
            || target.attempt_id.is_some()
            || target.trace_id.is_some()
            || target.response_id.is_some();
        if !names_an_output {
            return Err(Rejection::new(field, "a whole session cannot be compared"));
        }
        Ok(target)
    }
}

fn entry(target: Target, rank: u32, locked: bool) -> ComparisonEntry {
    ComparisonEntry { target, rank, locked, shown_position: None }
}

/// Every target to its place; a target named twice is an error.
fn distinct<'e>(field: &str, entries: &'e [ComparisonEntry]) -> Result<HashMap<&'e Target, usize>, Rejection> {
    let mut places = HashMap::with_capacity(entries.len());
    for (place, entry) in entries.iter().enumerate() {
        if places.insert(&entry.target, place).is_some() {
            return Err(Rejection::new(field, "names a target twice"));
        }
    }
    Ok(places)
}
