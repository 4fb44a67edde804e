use serde_json::{Value, json};

use crate::{
    Kind, Options,
    tests::{
        exported, lines,
        memory::{MemoryRows, attempt, correction, pair},
    },
};

fn rows(pairs: Vec<Value>) -> MemoryRows {
    let attempts = vec![attempt("a", "q", "one"), attempt("b", "q", "two"), attempt("c", "q", "three")];
    MemoryRows { attempts, pairs, ..MemoryRows::default() }
}

/// Chosen, rejected, margin of all rows, and the reasons of all rejections.
fn outcome(rows: &MemoryRows) -> (Vec<(String, String, f64)>, Vec<String>) {
    let (_, files) = exported(rows, &[Kind::Preference], &Options::new(Kind::Preference));
    let side = |row: &Value, side: &str| row[side][0]["content"].as_str().expect("text").to_owned();
    let written = lines(&files, "preference.jsonl");
    let written = written
        .iter()
        .map(|row| (side(row, "chosen"), side(row, "rejected"), row["margin"].as_f64().expect("a margin")));
    let rejected = lines(&files, "rejected.jsonl");
    let reasons = rejected.iter().map(|line| line["reason"].as_str().expect("a reason").to_owned());
    (written.collect(), reasons.collect())
}

fn one_row(rows: &MemoryRows, chosen: &str, rejected: &str, margin: f64) {
    assert_eq!(outcome(rows), (vec![(chosen.into(), rejected.into(), margin)], Vec::new()));
}

fn rejects(rows: &MemoryRows, reason: &str) {
    assert_eq!(outcome(rows), (Vec::new(), vec![reason.to_owned()]));
}

#[test]
fn one_row_per_pair_with_the_margin_of_the_first_rule() {
    let votes = vec![
        pair("b", "a", "lock", None, "mara"),
        pair("b", "a", "score", Some(5.0), "mara"),
        pair("b", "a", "ranking", Some(2.0), "mara"),
        pair("b", "a", "ranking", Some(1.0), "jonas"),
    ];
    one_row(&rows(votes.clone()), "two", "one", 1.5);
    one_row(&rows(votes[..2].to_vec()), "two", "one", 5.0);
    one_row(&rows(votes[..1].to_vec()), "two", "one", 1.0);
    let (_, files) = exported(&rows(votes), &[Kind::Preference], &Options::new(Kind::Preference));
    let row = &lines(&files, "preference.jsonl")[0];
    assert_eq!(
        (&row["rules"], &row["votes"], &row["votes_against"]),
        (&json!("lock,ranking,score"), &json!(2), &json!(0))
    );
}

#[test]
fn the_majority_of_distinct_reviewers_decides() {
    let contested = vec![
        pair("a", "b", "ranking", Some(1.0), "mara"),
        pair("a", "b", "lock", None, "mara"),
        pair("b", "a", "ranking", Some(1.0), "jonas"),
    ];
    rejects(&rows(contested.clone()), "contested");
    let decided = [contested, vec![pair("b", "a", "pairwise", None, "tomas")]].concat();
    one_row(&rows(decided), "two", "one", 1.0);
}

#[test]
fn different_questions_equal_texts_and_missing_texts_reject() {
    let votes = vec![pair("a", "b", "lock", None, "mara")];
    let mut differ = rows(votes.clone());
    differ.attempts[1] = attempt("b", "another question", "two");
    rejects(&differ, "prompts_differ");
    let mut equal = rows(votes.clone());
    equal.attempts[1] = attempt("b", "q", "one\n");
    rejects(&equal, "chosen_equals_rejected");
    let mut silent = rows(votes);
    silent.attempts[1]["output_text"] = Value::Null;
    rejects(&silent, "no_completion");
}

#[test]
fn a_correction_is_chosen_over_the_output() {
    let mut vote = pair("", "a", "correction", None, "mara");
    vote["chosen_attempt_id"] = Value::Null;
    vote["evidence"] = json!(["fix"]);
    let mut rows = rows(vec![vote]);
    rows.evaluations = vec![correction("fix", "a", "mara", "uno")];
    one_row(&rows, "uno", "one", 1.0);
}

#[test]
fn the_same_content_of_other_attempts_goes_once_and_never_both_ways() {
    let mut twice = rows(vec![pair("a", "b", "lock", None, "mara"), pair("c", "d", "lock", None, "jonas")]);
    twice.attempts =
        vec![attempt("a", "q", "one"), attempt("b", "q", "two"), attempt("c", "q", "one"), attempt("d", "q", "two")];
    assert_eq!(outcome(&twice), (vec![("one".into(), "two".into(), 1.0)], vec!["duplicate".to_owned()]));
    twice.pairs[1] = pair("d", "c", "lock", None, "jonas");
    assert_eq!(outcome(&twice), (Vec::new(), vec!["contested".to_owned(), "contested".to_owned()]));
    twice.pairs.push(pair("d", "c", "lock", None, "tomas"));
    assert_eq!(outcome(&twice), (vec![("two".into(), "one".into(), 1.0)], vec!["contested".to_owned()]));
}

#[test]
fn pairs_with_an_attempt_outside_the_filters_are_no_candidates() {
    let (manifest, _) = exported(
        &rows(vec![pair("a", "filtered out", "lock", None, "mara")]),
        &[Kind::Preference],
        &Options::new(Kind::Preference),
    );
    assert_eq!(manifest.datasets[0].candidates, 0);
}
