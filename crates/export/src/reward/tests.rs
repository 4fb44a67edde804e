use serde_json::{Value, json};

use crate::{
    Kind, Options,
    tests::{
        exported, lines,
        memory::{MemoryRows, attempt, ranked, score},
    },
};

fn rows() -> MemoryRows {
    let attempts = vec![attempt("a", "q", "one"), attempt("b", "q", "two"), attempt("c", "another", "three")];
    MemoryRows { attempts, ..MemoryRows::default() }
}

#[test]
fn every_numeric_score_is_a_row_with_its_criterion() {
    let mut rows = rows();
    rows.evaluations =
        vec![score("e1", "a", "mara", 7.5), score("e2", "a", "jonas", 3.0), score("e3", "a", "mara", 9.0)];
    rows.evaluations[2]["criterion"] = json!("tone");
    let (_, files) = exported(&rows, &[Kind::Reward], &Options::new(Kind::Reward));
    let mut scores: Vec<(Value, Value, Value)> = lines(&files, "scores.jsonl")
        .iter()
        .map(|row| (row["score"].clone(), row["criterion"].clone(), row["evaluation_id"].clone()))
        .collect();
    scores.sort_by_key(|(_, _, id)| id.to_string());
    assert_eq!(
        scores,
        [
            (json!(7.5), Value::Null, json!("e1")),
            (json!(3.0), Value::Null, json!("e2")),
            (json!(9.0), json!("tone"), json!("e3"))
        ]
    );
}

fn ranking(entries: &[(Option<&str>, i64)]) -> (Vec<Value>, Vec<Value>) {
    let mut rows = rows();
    rows.rankings = entries.iter().map(|(attempt, rank)| ranked("r", *attempt, *rank)).collect();
    let (_, files) = exported(&rows, &[Kind::Reward], &Options::new(Kind::Reward));
    (lines(&files, "rankings.jsonl"), lines(&files, "rejected.jsonl"))
}

#[test]
fn a_ranking_lists_completions_with_ranks() {
    let (written, rejected) = ranking(&[(Some("b"), 1), (Some("a"), 1), (None, 3)]);
    assert_eq!(rejected, Vec::<Value>::new());
    assert_eq!(
        written[0]["completions"],
        json!([[{"role": "assistant", "content": "two"}], [{"role": "assistant", "content": "one"}]])
    );
    assert_eq!((&written[0]["ranks"], &written[0]["omitted_entries"]), (&json!([1, 1]), &json!(1)));
}

#[test]
fn a_ranking_over_other_questions_or_of_one_output_is_rejected() {
    assert_eq!(ranking(&[(Some("a"), 1), (Some("c"), 2)]).1[0]["reason"], "prompts_differ");
    assert_eq!(ranking(&[(Some("a"), 1), (None, 2)]).1[0]["reason"], "too_few_completions");
}

#[test]
fn a_ranking_that_puts_one_text_above_itself_is_rejected() {
    let same = |ranks: [i64; 2]| {
        let attempts = vec![attempt("a", "q", "one"), attempt("b", "q", "one")];
        let rankings = vec![ranked("r", Some("a"), ranks[0]), ranked("r", Some("b"), ranks[1])];
        let rows = MemoryRows { attempts, rankings, ..MemoryRows::default() };
        let (_, files) = exported(&rows, &[Kind::Reward], &Options::new(Kind::Reward));
        (lines(&files, "rankings.jsonl").len(), lines(&files, "rejected.jsonl"))
    };
    let (written, rejected) = same([1, 2]);
    assert_eq!((written, &rejected[0]["reason"]), (0, &json!("chosen_equals_rejected")));
    assert_eq!(same([1, 1]).0, 1);
}
