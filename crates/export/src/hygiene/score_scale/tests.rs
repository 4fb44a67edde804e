use proptest::prelude::*;

use super::*;

fn scale(normalize: Normalize, scores: &[(&str, &[f64])]) -> ScoreScale {
    let mut out = ScoreScale::new(normalize);
    for (reviewer, scores) in scores {
        scores.iter().for_each(|score| out.add(Some(reviewer), Source::Human, *score, 1));
    }
    out
}

fn near(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-9, "{a} is not {b}");
}

/// Strict and mild differ by 4 points throughout: all scores 2, 3, 4, 6, 7, 8.
const TWO: &[(&str, &[f64])] = &[("strict", &[2.0, 3.0, 4.0]), ("mild", &[6.0, 7.0, 8.0])];

#[test]
fn strict_and_mild_reviewers_meet() {
    let scale = scale(Normalize::ZScore, TWO);
    let score = |reviewer, score| scale.score(Some(reviewer), Source::Human, score);
    // M = 5, S = sqrt(14/3), d = sqrt(2/3): S / d = sqrt(7).
    near(score("strict", 3.0), 5.0);
    near(score("strict", 4.0), 5.0 + 7.0_f64.sqrt());
    near(score("mild", 8.0), score("strict", 4.0));
    near(scale.gap(Some("mild"), Source::Human, 2.0), 2.0 * 7.0_f64.sqrt());
}

#[test]
fn lowest_and_highest_become_those_of_all() {
    let scale = scale(Normalize::MinMax, TWO);
    near(scale.score(Some("strict"), Source::Human, 4.0), 8.0);
    near(scale.score(Some("mild"), Source::Human, 7.0), 5.0);
    near(scale.gap(Some("mild"), Source::Human, 2.0), 6.0);
}

#[test]
fn who_gave_fewer_than_three_scores_keeps_them() {
    for normalize in [Normalize::ZScore, Normalize::MinMax] {
        let scale = scale(normalize, &[("new", &[9.0, 2.0]), ("old", &[1.0, 2.0, 3.0])]);
        near(scale.score(Some("new"), Source::Human, 9.0), 9.0);
        near(scale.score(Some("old"), Source::Model, 3.0), 3.0);
        near(scale.gap(Some("new"), Source::Human, 7.0), 7.0);
    }
}

#[test]
fn who_always_gives_the_same_says_nothing() {
    let scores: &[(&str, &[f64])] = &[("same", &[10.0, 10.0, 10.0]), ("other", &[2.0, 5.0, 2.0])];
    near(scale(Normalize::ZScore, scores).score(Some("same"), Source::Human, 10.0), 6.5);
    near(scale(Normalize::MinMax, scores).score(Some("same"), Source::Human, 10.0), 6.0);
}

#[test]
fn without_the_option_nothing_moves() {
    near(ScoreScale::default().score(Some("x"), Source::Human, 3.3), 3.3);
    near(ScoreScale::default().gap(Some("x"), Source::Human, 3.3), 3.3);
}

proptest! {
    /// Order is kept and the scale is not left.
    #[test]
    fn better_stays_better_within_the_scale(
        mine in prop::collection::vec(1.0_f64..=10.0, 1..12), others in prop::collection::vec(1.0_f64..=10.0, 0..12),
        min_max in any::<bool>(),
    ) {
        let normalize = if min_max { Normalize::MinMax } else { Normalize::ZScore };
        let scale = scale(normalize, &[("me", &mine), ("you", &others)]);
        for a in &mine {
            let moved = scale.score(Some("me"), Source::Human, *a);
            prop_assert!((1.0..=10.0).contains(&moved));
            for b in &mine {
                prop_assert!(a > b || moved <= scale.score(Some("me"), Source::Human, *b) + 1e-9);
            }
        }
    }
}
