use serde_json::{Value, json};

use crate::{
    Kind, Options,
    tests::{
        exported, lines,
        memory::{MemoryRows, attempt, correction, score},
    },
};

fn directed(next: Option<&str>) -> MemoryRows {
    MemoryRows {
        attempts: vec![attempt("a", "q", "one"), attempt("b", "q", "two")],
        directives: vec![json!({"directive_id": "d", "text": "Count on.", "reviewer": "mara", "source": "human",
            "attempt_id": "a", "next_attempt_id": next})],
        ..MemoryRows::default()
    }
}

fn outcome(rows: &MemoryRows) -> (Vec<Value>, Vec<Value>) {
    let (_, files) = exported(rows, &[Kind::Revisions], &Options::new(Kind::Revisions));
    let reasons = lines(&files, "rejected.jsonl").into_iter().map(|line| line["reason"].clone()).collect();
    (lines(&files, "revisions.jsonl"), reasons)
}

#[test]
fn a_directive_joins_the_output_it_speaks_of_and_the_next() {
    let (rows, _) = outcome(&directed(Some("b")));
    let row = &rows[0];
    assert_eq!(
        (&row["output"], &row["directive"], &row["better_output"]),
        (&json!("one"), &json!("Count on."), &json!("two"))
    );
    assert_eq!(
        row["prompt"],
        json!([
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "q"},
            {"role": "assistant", "content": "one"},
            {"role": "user", "content": "Count on."}
        ])
    );
    assert_eq!(row["completion"], json!([{"role": "assistant", "content": "two"}]));
    assert_eq!((&row["attempt_id"], &row["better_attempt_id"]), (&json!("a"), &json!("b")));
    let metadata: Value = serde_json::from_str(row["metadata"].as_str().expect("text")).expect("JSON");
    assert_eq!(metadata["feedback_ids"], json!(["d"]));
}

#[test]
fn what_did_not_follow_or_was_no_better_is_rejected() {
    assert_eq!(outcome(&directed(None)), (Vec::new(), vec![json!("no_revision")]));
    let mut worse = directed(Some("b"));
    worse.evaluations = vec![score("e1", "a", "mara", 7.0), score("e2", "b", "mara", 5.0)];
    assert_eq!(outcome(&worse), (Vec::new(), vec![json!("revision_scored_lower")]));
    let mut same = directed(Some("b"));
    same.attempts[1] = attempt("b", "q", "one ");
    assert_eq!(outcome(&same), (Vec::new(), vec![json!("chosen_equals_rejected")]));
}

#[test]
fn a_correction_is_a_revision_if_its_comment_says_what_to_change() {
    let mut rows = directed(Some("b"));
    rows.directives.clear();
    rows.evaluations = vec![correction("c", "a", "mara", "uno")];
    assert_eq!(outcome(&rows), (Vec::new(), vec![json!("no_directive")]));
    rows.evaluations[0]["comment"] = json!("In Italian.");
    let (rows, _) = outcome(&rows);
    assert_eq!((&rows[0]["directive"], &rows[0]["better_output"]), (&json!("In Italian."), &json!("uno")));
    assert_eq!((&rows[0]["origin"], &rows[0]["better_attempt_id"]), (&json!("correction"), &Value::Null));
}
