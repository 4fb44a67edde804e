use super::*;

fn entry(number: u32, id: u128, started: u64) -> Entry {
    Entry::new(number, id, (0, started, u64::from(number)))
}

fn opinion(is_first: bool, reviewers: &[u64]) -> Option<Box<Opinion>> {
    Some(Box::new(Opinion { content: 1, is_first, reviewers: reviewers.to_vec() }))
}

/// Verdicts by number.
fn verdicts(mut entries: Vec<Entry>, opinions: &[Option<Box<Opinion>>]) -> Vec<Result<(), Reason>> {
    decide(&mut entries, opinions);
    entries.sort_by_key(|entry| entry.number);
    entries.into_iter().map(|entry| entry.verdict).collect()
}

#[test]
fn of_equal_rows_the_earliest_stays_whatever_came_first() {
    let entries = vec![entry(0, 7, 30), entry(1, 7, 10), entry(2, 8, 20)];
    let expected = [Err(Reason::Duplicate), Ok(()), Ok(())];
    assert_eq!(verdicts(entries.clone(), &[None, None, None]), expected);
    assert_eq!(verdicts(entries.into_iter().rev().collect(), &[None, None, None]), expected);
}

#[test]
fn of_opposite_opinions_the_one_with_more_reviewers_stands() {
    let entries = || vec![entry(0, 7, 0), entry(1, 8, 0), entry(2, 9, 0)];
    // Number 2 says the same as 0 by another reviewer.
    let decided = [opinion(true, &[1]), opinion(false, &[2]), opinion(true, &[3])];
    assert_eq!(verdicts(entries(), &decided), [Ok(()), Err(Reason::Contested), Ok(())]);
    // The same reviewer twice counts once.
    let even = [opinion(true, &[1]), opinion(false, &[2]), opinion(true, &[1])];
    assert_eq!(verdicts(entries(), &even), [Err(Reason::Contested), Err(Reason::Contested), Err(Reason::Contested)]);
}

#[test]
fn a_contested_row_does_not_make_its_twin_a_duplicate() {
    let entries = vec![entry(0, 7, 0), entry(1, 8, 0), entry(2, 7, 1)];
    let opinions = [opinion(true, &[1]), opinion(false, &[2, 3]), None];
    assert_eq!(verdicts(entries, &opinions), [Err(Reason::Contested), Ok(()), Ok(())]);
}

#[test]
fn the_row_that_stays_is_named_even_where_the_first_one_named_goes_later() {
    let mut entries: Vec<Entry> = (0..4).map(|n| entry(n, u128::from(n), 0)).collect();
    for (entry, kept) in entries.iter_mut().zip([1, 2, 3]) {
        entry.verdict = Err(Reason::NearDuplicate);
        entry.kept = Some(Box::new(kept));
    }
    name_who_stays(&mut entries);
    assert_eq!(
        entries.iter().map(|entry| entry.kept.as_deref().copied()).collect::<Vec<_>>(),
        [Some(3), Some(3), Some(3), None]
    );
}
