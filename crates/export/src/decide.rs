//! What stands of a file's examples beside each other: each content once, and of two opposite opinions one.
//!
//! Pure; depends on the examples alone, not on the order they came in.

use std::collections::{BTreeSet, HashMap};

use crate::{Reason, example::Opinion, stage::Entry};

/// Sorts the entries by [`Entry::tie`], then gives the reason to those that lose. `opinions` are by [`Entry::number`].
pub(crate) fn decide(entries: &mut [Entry], opinions: &[Option<Box<Opinion>>]) {
    entries.sort_unstable_by_key(|entry| (entry.tie, entry.id));
    contradictions(entries, opinions);
    duplicates(entries);
}

/// The opinion with more distinct reviewers stands; of equal ones neither.
fn contradictions(entries: &mut [Entry], opinions: &[Option<Box<Opinion>>]) {
    let opinion = |entry: &Entry| opinions.get(entry.number as usize).and_then(Option::as_deref);
    let mut places: Vec<(u32, &Opinion)> =
        (0..).zip(&*entries).filter_map(|(at, entry)| Some((at, opinion(entry)?))).collect();
    places.sort_unstable_by_key(|(at, opinion)| (opinion.content, *at));
    let mut contested = Vec::new();
    for same in places.chunk_by(|(_, one), (_, other)| one.content == other.content) {
        let reviewers = |is_first: bool| {
            let of = same.iter().filter(|(_, opinion)| opinion.is_first == is_first);
            of.flat_map(|(_, opinion)| &opinion.reviewers).collect::<BTreeSet<_>>().len()
        };
        // Nearly all contents are judged one way.
        if same.iter().all(|(_, opinion)| opinion.is_first == same[0].1.is_first) {
            continue;
        }
        let counts = [reviewers(false), reviewers(true)];
        let loses = |opinion: &Opinion| {
            let [other, own] = if opinion.is_first { counts } else { [counts[1], counts[0]] };
            own <= other
        };
        contested.extend(same.iter().filter(|(_, opinion)| loses(opinion)).map(|(at, _)| *at));
    }
    for at in contested {
        entries[at as usize].verdict = Err(Reason::Contested);
    }
}

fn duplicates(entries: &mut [Entry]) {
    let mut places: Vec<u32> = (0..entries.len() as u32).filter(|at| entries[*at as usize].verdict.is_ok()).collect();
    places.sort_unstable_by_key(|at| (entries[*at as usize].id, *at));
    for pair in places.windows(2) {
        if entries[pair[0] as usize].id == entries[pair[1] as usize].id {
            entries[pair[1] as usize].verdict = Err(Reason::Duplicate);
        }
    }
}

/// A row may go because of a row that goes itself in a later stage, because of a third: then the third is named.
pub(crate) fn name_who_stays(entries: &mut [Entry]) {
    // Of one content one row at most comes to the stages that name another.
    let because_of: HashMap<u128, u128> =
        entries.iter().filter_map(|entry| Some((entry.id, *entry.kept.as_deref()?))).collect();
    for kept in entries.iter_mut().filter_map(|entry| entry.kept.as_deref_mut()) {
        // Each stage names rows that were in when it decided, so that no chain leads back.
        while let Some(next) = because_of.get(kept).filter(|next| *next != kept) {
            *kept = *next;
        }
    }
}

#[cfg(test)]
mod tests;
