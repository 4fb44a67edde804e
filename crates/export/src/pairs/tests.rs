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

fn searching(id: &str, output: &str) -> Value {
    let mut attempt = crate::tests::memory::searching_attempt(id, "q", output);
    attempt["definition_tools"] = attempt["tool_definitions"].clone();
    attempt
}

fn only_row(rows: &MemoryRows, options: &Options) -> Value {
    let (_, files) = exported(rows, &[Kind::Preference], options);
    lines(&files, "preference.jsonl").remove(0)
}

/// Scenario: two attempts that took the same steps, and two of which only one searched.
/// Guarantees: the prompt is everything before the answers where they share it; else it is the question, the row says how
/// many steps it does not hold, and it can be left out.
#[test]
fn a_step_shaped_pair_has_the_prompt_that_its_answers_share() {
    let mut alike = rows(vec![pair("c", "d", "lock", None, "mara")]);
    alike.attempts = vec![searching("c", "one"), searching("d", "two")];
    let row = only_row(&alike, &Options::new(Kind::Preference));
    let roles: Vec<_> = row["prompt"].as_array().expect("a list").iter().map(|m| m["role"].clone()).collect();
    assert_eq!(roles, ["system", "user", "assistant", "tool", "assistant", "tool"]);
    assert_eq!((&row["unseen_steps"], &row["tools"][0]["function"]["name"]), (&json!(0), &json!("search")));

    let mut apart = rows(vec![pair("c", "d", "lock", None, "mara")]);
    apart.attempts = vec![searching("c", "one"), attempt("d", "q", "two")];
    let row = only_row(&apart, &Options::new(Kind::Preference));
    assert_eq!((row["prompt"].as_array().map(Vec::len), &row["unseen_steps"]), (Some(2), &json!(4)));
    let strict = Options { unseen_steps: false, ..Options::new(Kind::Preference) };
    let (_, files) = exported(&apart, &[Kind::Preference], &strict);
    assert_eq!(lines(&files, "rejected.jsonl")[0]["reason"], "unseen_steps");
}

#[test]
fn an_attempt_shaped_pair_holds_all_that_was_done() {
    let mut alike = rows(vec![pair("c", "d", "lock", None, "mara")]);
    alike.attempts = vec![searching("c", "one"), searching("d", "two")];
    let whole = Options { shape: Some(crate::Shape::Attempt), ..Options::new(Kind::Preference) };
    let row = only_row(&alike, &whole);
    let roles = |side: &str| -> Vec<Value> {
        row[side].as_array().expect("a list").iter().map(|message| message["role"].clone()).collect()
    };
    assert_eq!(roles("prompt"), ["system", "user"]);
    assert_eq!(roles("chosen"), ["assistant", "tool", "assistant", "tool", "assistant"]);
    assert_eq!(roles("rejected"), roles("chosen"));
}

#[test]
fn agents_with_different_system_prompts_share_none_unless_it_is_chosen() {
    let mut other = rows(vec![pair("a", "b", "lock", None, "mara")]);
    other.attempts[1]["definition_system_prompt"] = json!("Be long.");
    other.attempts[1]["system_prompt"] = json!("Be long.");
    let first =
        |system| only_row(&other, &Options { system, ..Options::new(Kind::Preference) })["prompt"][0]["role"].clone();
    use crate::SystemPrompt::{Chosen, Drop, Shared};
    assert_eq!([first(Shared), first(Chosen), first(Drop)], ["user", "system", "user"]);
}
