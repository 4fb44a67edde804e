use serde_json::{Value, json};

use crate::{
    Kind, Options, Reason,
    tests::{
        exported, lines,
        memory::{MemoryRows, attempt, correction, score as scored, searching_attempt},
    },
};

#[test]
fn the_prompt_is_all_before_the_last_answer() {
    let rows = MemoryRows {
        attempts: vec![searching_attempt("a", "q", "39")],
        evaluations: vec![scored("e", "a", "mara", 8.0)],
        ..MemoryRows::default()
    };
    let (_, files) = exported(&rows, &[Kind::Sft], &Options::new(Kind::Sft));
    let row = &lines(&files, "sft.jsonl")[0];
    let roles: Vec<&str> =
        row["prompt"].as_array().expect("a list").iter().filter_map(|m| m["role"].as_str()).collect();
    assert_eq!(roles, ["system", "user", "assistant", "tool", "assistant", "tool"]);
    assert_eq!(row["completion"], json!([{"role": "assistant", "content": "39", "reasoning_content": "Now I know."}]));
    assert_eq!(row["tools"][0]["function"]["name"], "search");
    assert_eq!((&row["origin"], &row["score"]), (&json!("score"), &json!(8.0)));
}

#[test]
fn only_overall_scores_count_and_a_correction_needs_none() {
    let mut rows = MemoryRows {
        attempts: vec![attempt("a", "q", "x"), attempt("b", "q", "y")],
        evaluations: vec![scored("e1", "a", "mara", 10.0), correction("e2", "b", "mara", "z")],
        ..MemoryRows::default()
    };
    rows.evaluations[0]["criterion"] = json!("tone");
    rows.attempts[1]["status"] = json!("error");
    let (manifest, files) = exported(&rows, &[Kind::Sft], &Options::new(Kind::Sft));
    let row = &lines(&files, "sft.jsonl")[0];
    assert_eq!(
        (manifest.datasets[0].candidates, &row["origin"], &row["score"]),
        (1, &json!("correction"), &Value::Null)
    );
    assert_eq!(row["completion"], json!([{"role": "assistant", "content": "z"}]));
}

#[test]
fn a_mean_is_written_with_six_decimals() {
    let scores = [8.0, 9.0, 9.0].into_iter().zip(["e1", "e2", "e3"]);
    let rows = MemoryRows {
        attempts: vec![attempt("a", "q", "x")],
        evaluations: scores.map(|(number, id)| scored(id, "a", id, number)).collect(),
        ..MemoryRows::default()
    };
    let (_, files) = exported(&rows, &[Kind::Sft], &Options::new(Kind::Sft));
    assert_eq!(lines(&files, "sft.jsonl")[0]["score"], json!(8.666667));
}

#[test]
fn exact_duplicates_go_once() {
    let rows = MemoryRows {
        attempts: vec![attempt("a", "q", "x"), attempt("b", "q", "x")],
        evaluations: vec![scored("e1", "a", "mara", 9.0), scored("e2", "b", "mara", 9.0)],
        ..MemoryRows::default()
    };
    let (manifest, _) = exported(&rows, &[Kind::Sft], &Options::new(Kind::Sft));
    assert_eq!((manifest.datasets[0].rows, manifest.datasets[0].rejected[&Reason::Duplicate]), (1, 1));
}

fn labels(rows: &MemoryRows) -> (Vec<(String, Value)>, Vec<Value>) {
    let (_, files) = exported(rows, &[Kind::Kto], &Options::new(Kind::Kto));
    let text = |row: &Value| row["completion"][0]["content"].as_str().expect("text").to_owned();
    let mut labels: Vec<_> = lines(&files, "kto.jsonl").iter().map(|row| (text(row), row["label"].clone())).collect();
    labels.sort_by_key(|(text, _)| text.clone());
    (labels, lines(&files, "rejected.jsonl").into_iter().map(|line| line["reason"].clone()).collect())
}

#[test]
fn kto_labels_what_is_clearly_good_or_bad() {
    let rows = MemoryRows {
        attempts: vec![attempt("a", "q", "good"), attempt("b", "q", "bad"), attempt("c", "q", "middling")],
        evaluations: vec![
            scored("e1", "a", "mara", 8.0),
            scored("e2", "b", "mara", 4.0),
            scored("e3", "c", "mara", 6.0),
            correction("e4", "c", "mara", "better"),
        ],
        ..MemoryRows::default()
    };
    let (labels, reasons) = labels(&rows);
    let expected = [("bad", false), ("better", true), ("good", true), ("middling", false)];
    assert_eq!(labels, expected.map(|(text, label)| (text.to_owned(), json!(label))));
    assert_eq!(reasons, [json!("score_in_the_middle")]);
}

#[test]
fn kto_never_calls_one_completion_both() {
    let rows = MemoryRows {
        attempts: vec![attempt("a", "q", "same"), attempt("b", "q", "same")],
        evaluations: vec![scored("e1", "a", "mara", 9.0), scored("e2", "b", "jonas", 2.0)],
        ..MemoryRows::default()
    };
    assert_eq!(labels(&rows), (Vec::new(), vec![json!("contested"), json!("contested")]));
}
