use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::{
    dataset,
    hygiene::examples::{answered, pair},
};

fn stage_at(threshold: f64) -> NearDuplicates {
    NearDuplicates::new(threshold, Box::new(|| Spool::new(None)))
}

/// Which rows stay, and for each of the others the one that is kept in its place. `arrival`: the order in which they come.
fn decided(threshold: f64, examples: &[Example], arrival: &[usize]) -> Vec<Option<u128>> {
    let mut stage = stage_at(threshold);
    let mut entries = Vec::new();
    for (number, at) in arrival.iter().enumerate() {
        stage.see(&dataset::SFT, number as u32, &examples[*at]);
        entries.push(Entry::new(number as u32, *at as u128, (0, 0, *at as u64)));
    }
    entries.sort_by_key(|entry| entry.tie);
    stage.decide(&dataset::SFT, &mut entries);
    for entry in &entries {
        assert_eq!(entry.verdict.is_err(), entry.kept.is_some());
    }
    entries.iter().map(|entry| entry.kept.as_deref().copied()).collect()
}

fn in_order(threshold: f64, examples: &[Example]) -> Vec<Option<u128>> {
    decided(threshold, examples, &(0..examples.len()).collect::<Vec<_>>())
}

/// `n` words, different for each `seed`.
fn prose(seed: u64, n: u64) -> String {
    (0..n).map(|i| format!("w{}", mixed(seed * 1_000_003 + i) % 5_000)).collect::<Vec<_>>().join(" ")
}

fn with_word_changed(text: &str, at: usize) -> String {
    let mut words: Vec<&str> = text.split(' ').collect();
    words[at] = "changed";
    words.join(" ")
}

#[test]
fn one_changed_word_is_a_near_duplicate_and_names_the_row_kept() {
    let (question, answer) = (prose(1, 300), prose(2, 300));
    let other = with_word_changed(&answer, 150);
    let rows = [answered(&question, &answer), answered(&prose(3, 300), &answer), answered(&question, &other)];
    assert_eq!(in_order(0.9, &rows), [None, None, Some(0)]);
}

#[test]
fn case_and_punctuation_do_not_tell_rows_apart() {
    let rows =
        [answered("What does the lantern cost?", "39 pounds"), answered("what does the LANTERN cost", "39 pounds!")];
    assert_eq!(in_order(1.0, &rows), [None, Some(0)]);
}

#[test]
fn siblings_with_one_long_prompt_stay_and_so_does_one_answer_to_many_questions() {
    let question = prose(1, 3_000);
    let siblings = [answered(&question, "It costs 39 pounds."), answered(&question, "I do not know the price.")];
    assert_eq!(in_order(0.8, &siblings), [None, None]);
    let answers = [answered(&prose(1, 50), "Done."), answered(&prose(2, 50), "Done.")];
    assert_eq!(in_order(0.8, &answers), [None, None]);
}

#[test]
fn a_pair_the_other_way_round_is_no_duplicate() {
    let (one, other) = (prose(2, 40), prose(3, 40));
    let rows = [pair("q", &one, &other), pair("q", &other, &one), pair("q", &one, &other)];
    assert_eq!(in_order(0.9, &rows), [None, None, Some(0)]);
}

#[test]
fn one_answer_with_two_scores_is_no_duplicate() {
    let scored = |score: f64| answered("What does it cost?", "39 pounds in all.").with("score", score);
    let mut stage = stage_at(0.9);
    let mut entries = Vec::new();
    for (number, row) in [scored(8.0), scored(3.0), scored(8.0)].iter().enumerate() {
        stage.see(&dataset::SCORES, number as u32, row);
        entries.push(Entry::new(number as u32, number as u128, (0, 0, number as u64)));
    }
    stage.decide(&dataset::SCORES, &mut entries);
    assert_eq!(entries.iter().map(|entry| entry.kept.as_deref().copied()).collect::<Vec<_>>(), [None, None, Some(0)]);
}

#[test]
fn rows_that_are_out_already_keep_nobody_out() {
    let mut stage = stage_at(0.9);
    let row = answered(&prose(1, 50), &prose(2, 50));
    let mut entries = Vec::new();
    for number in 0..2 {
        stage.see(&dataset::SFT, number, &row);
        entries.push(Entry::new(number, u128::from(number), (0, 0, u64::from(number))));
    }
    entries[0].verdict = Err(Reason::Duplicate);
    stage.decide(&dataset::SFT, &mut entries);
    assert_eq!(entries[1].verdict, Ok(()));
}

#[test]
fn rows_without_words_are_never_like_each_other() {
    assert_eq!(in_order(0.5, &[answered("?", "!"), answered("…", "—")]), [None, None]);
}

/// Guarantees: many rows that share a prompt do not make the comparison quadratic, and all of them stay.
#[test]
fn hundreds_of_siblings_stay() {
    let question = prose(1, 60);
    let rows: Vec<Example> = (0..300).map(|i| answered(&question, &prose(i + 10, 30))).collect();
    assert!(in_order(0.9, &rows).iter().all(Option::is_none));
}

/// Guarantees: rows are found again wherever they waited, in a whole chunk or in the last one.
#[test]
fn rows_of_different_chunks_are_compared() {
    let row = |seed: u64| answered(&prose(seed, 8), &prose(seed + 10_000, 8));
    let mut rows: Vec<Example> = (0..2_100).map(row).collect();
    rows.extend([row(7), row(1_030), row(2_099)]);
    let outcome = in_order(0.9, &rows);
    assert_eq!(outcome[2_100..], [Some(7), Some(1_030), Some(2_099)]);
    assert!(outcome[..2_100].iter().all(Option::is_none));
}

#[test]
fn bands_catch_what_is_at_the_threshold() {
    assert_eq!(Bands::at(0.9), Bands { count: 18, rows: 7 });
    assert_eq!(Bands::at(1.0), Bands { count: 16, rows: 8 });
    assert!(Bands::at(0.5).rows >= 1);
}

fn shingles(text: &str) -> BTreeSet<u64> {
    let mut words = Vec::new();
    push_words(text, &mut words);
    words.windows(SHINGLE_WORDS).map(combined).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// The estimate is near the true index, whatever part of the text is changed.
    #[test]
    fn estimates_are_near_the_truth(seed in 0_u64..1_000, changed in 0_usize..40) {
        let text = prose(seed, 400);
        let other = (0..changed).fold(text.clone(), |text, i| with_word_changed(&text, i * 9));
        let (a, b) = (shingles(&text), shingles(&other));
        let truth = a.intersection(&b).count() as f64 / a.union(&b).count() as f64;
        let stage = stage_at(0.9);
        let words = |text: &str| { let mut out = Vec::new(); push_words(text, &mut out); out };
        let estimate = jaccard(&sketch(&stage.minima(&words(&text))), &sketch(&stage.minima(&words(&other))));
        prop_assert!((estimate - truth).abs() < 0.2, "{estimate} of {truth}");
    }

    /// The order of arrival changes nothing, and of every kind of row one stays.
    #[test]
    fn the_order_of_arrival_does_not_matter(
        kinds in prop::collection::vec(0_u64..4, 1..12),
        order in any::<prop::sample::Index>(),
    ) {
        let rows: Vec<Example> = kinds.iter().map(|kind| answered(&prose(*kind, 40), &prose(kind + 50, 40))).collect();
        let mut arrival: Vec<usize> = (0..rows.len()).collect();
        arrival.rotate_left(order.index(rows.len()));
        let outcome = decided(0.9, &rows, &arrival);
        prop_assert_eq!(&outcome, &in_order(0.9, &rows));
        let kept: BTreeSet<u64> = kinds.iter().zip(&outcome).filter(|(_, kept)| kept.is_none()).map(|(k, _)| *k).collect();
        prop_assert_eq!(kept, kinds.iter().copied().collect::<BTreeSet<u64>>());
        prop_assert_eq!(outcome.iter().filter(|kept| kept.is_none()).count(), kinds.iter().collect::<BTreeSet<_>>().len());
    }
}
