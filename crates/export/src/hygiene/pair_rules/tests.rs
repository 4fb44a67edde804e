use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::{dataset, hygiene::examples, provenance::Provenance};

fn pair(session: &str, chosen: &str, rejected: &str, margin: f64) -> Example {
    let mut example = examples::pair("q", chosen, rejected);
    example.provenance = Provenance { session_id: session.into(), ..Provenance::default() };
    example.with("margin", margin).with("chosen_attempt_id", chosen).with("rejected_attempt_id", rejected)
}

fn verdicts(mut stage: impl Stage, examples: &[Example]) -> Vec<Result<(), Reason>> {
    let mut entries = Vec::new();
    for (number, example) in examples.iter().enumerate() {
        // Ids in no order that a reader would guess.
        let id = u128::from(super::super::words::mixed(number as u64));
        let mut entry = Entry::new(number as u32, id, (0, 0, id as u64));
        entry.verdict = stage.pass(&dataset::PREFERENCE, &mut example.clone());
        stage.see(&dataset::PREFERENCE, number as u32, example);
        entries.push(entry);
    }
    stage.decide(&dataset::PREFERENCE, &mut entries);
    entries.into_iter().map(|entry| entry.verdict).collect()
}

/// A > B > C > D in all six pairs, and C = E below B.
fn ranking() -> Vec<Example> {
    let pairs =
        [("a", "b"), ("a", "c"), ("a", "d"), ("b", "c"), ("b", "d"), ("c", "d"), ("a", "e"), ("b", "e"), ("e", "d")];
    pairs.iter().map(|(chosen, rejected)| pair("s", chosen, rejected, 1.0)).collect()
}

fn taken(rule: PairRule, examples: &[Example]) -> Vec<String> {
    let verdicts = verdicts(PairRules::new(rule, None), examples);
    let taken = examples.iter().zip(verdicts).filter(|(_, verdict)| verdict.is_ok());
    taken
        .map(|(pair, _)| {
            format!(
                "{}>{}",
                pair.facts["chosen_attempt_id"].as_str().expect("id"),
                pair.facts["rejected_attempt_id"].as_str().expect("id")
            )
        })
        .collect()
}

#[test]
fn adjacent_pairs_have_nothing_in_between_and_ties_do_not_stand_between() {
    assert_eq!(taken(PairRule::All, &ranking()).len(), 9);
    assert_eq!(taken(PairRule::Adjacent, &ranking()), ["a>b", "b>c", "c>d", "b>e", "e>d"]);
}

#[test]
fn the_best_is_who_is_beaten_by_nobody() {
    assert_eq!(taken(PairRule::BestVsRest, &ranking()), ["a>b", "a>c", "a>d", "a>e"]);
}

#[test]
fn comparisons_of_other_sessions_do_not_mix() {
    let pairs = [pair("s", "a", "b", 1.0), pair("s", "a", "c", 1.0), pair("t", "b", "c", 1.0)];
    assert_eq!(taken(PairRule::Adjacent, &pairs), ["a>b", "a>c", "b>c"]);
    assert_eq!(taken(PairRule::BestVsRest, &pairs).len(), 3);
}

#[test]
fn a_correction_is_a_node_of_its_own() {
    let mut correction = pair("s", "better text", "b", 1.0);
    correction.facts.insert("chosen_attempt_id".into(), serde_json::Value::Null);
    let pairs = [pair("s", "a", "b", 1.0), correction, pair("s", "b", "c", 1.0)];
    assert_eq!(verdicts(PairRules::new(PairRule::BestVsRest, None), &pairs), [Ok(()), Ok(()), Err(Reason::PairRule)]);
}

#[test]
fn small_margins_go() {
    let pairs = [pair("s", "a", "b", 2.0), pair("s", "a", "c", 1.9)];
    assert_eq!(verdicts(PairRules::new(PairRule::All, Some(2.0)), &pairs), [Ok(()), Err(Reason::MarginTooSmall)]);
}

#[test]
fn rules_have_names() {
    assert_eq!("best-vs-rest".parse::<PairRule>().expect("valid"), PairRule::BestVsRest);
    assert!("best".parse::<PairRule>().expect_err("refused").to_string().contains("all, adjacent, best-vs-rest"));
}

proptest! {
    /// A session keeps as many pairs as it may, and the same ones in whatever order they come.
    #[test]
    fn sessions_keep_their_number(sessions in prop::collection::vec(0_u8..4, 1..30), limit in 0_u64..6) {
        let examples: Vec<Example> =
            sessions.iter().enumerate().map(|(i, s)| pair(&format!("s{s}"), &format!("a{i}"), &format!("b{i}"), 1.0)).collect();
        let verdicts = verdicts(SessionLimit::new(limit), &examples);
        for session in 0..4 {
            let of = |i: &usize| sessions[*i] == session;
            let all = (0..sessions.len()).filter(of).count() as u64;
            let kept = (0..sessions.len()).filter(of).filter(|i| verdicts[*i].is_ok()).count() as u64;
            prop_assert_eq!(kept, all.min(limit));
        }
    }

    /// The adjacent pairs of a ranking link all its ranks: as many steps as there are ranks but one.
    #[test]
    fn adjacent_pairs_of_a_strict_ranking_are_a_chain(n in 2_usize..8) {
        let names: Vec<String> = (0..n).map(|i| i.to_string()).collect();
        let pairs: Vec<Example> = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j)))
            .map(|(i, j)| pair("s", &names[i], &names[j], (j - i) as f64)).collect();
        let chain: BTreeSet<String> = (1..n).map(|i| format!("{}>{}", i - 1, i)).collect();
        prop_assert_eq!(taken(PairRule::Adjacent, &pairs).into_iter().collect::<BTreeSet<_>>(), chain);
    }
}
