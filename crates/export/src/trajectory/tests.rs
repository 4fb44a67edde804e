use crate::{
    Kind, Options, Reasoning,
    tests::{
        exported, lines,
        memory::{MemoryRows, attempt, calls, score, searching_attempt},
    },
};

use serde_json::{Value, json};

fn trajectory(attempt: Value, options: &Options) -> Value {
    let rows = MemoryRows {
        attempts: vec![attempt],
        evaluations: vec![score("e1", "a", "mara", 3.0), score("e2", "a", "jonas", 4.0)],
        ..MemoryRows::default()
    };
    lines(&exported(&rows, &[Kind::Trajectory], options).1, "trajectory.jsonl").remove(0)
}

fn thoughts(row: &Value) -> Vec<Value> {
    let messages = row["messages"].as_array().expect("a list");
    messages.iter().filter(|m| m["role"] == "assistant").map(|m| m["reasoning_content"].clone()).collect()
}

#[test]
fn earlier_reasoning_is_put_back_where_the_history_lost_it() {
    let row = trajectory(searching_attempt("a", "q", "39"), &Options::new(Kind::Trajectory));
    assert_eq!(
        thoughts(&row),
        [json!("I should look it up first."), json!("Once more, with care."), json!("Now I know.")]
    );
    assert_eq!((&row["score"], &row["assistant_messages"]), (&json!(3.5), &json!(3)));
}

#[test]
fn reasoning_of_two_calls_with_the_same_words_is_not_guessed() {
    let mut attempt = searching_attempt("a", "q", "39");
    let arguments = json!({"query": "price"});
    let (one, two) = (calls("One thought.", "x", arguments.clone()), calls("Another.", "y", arguments));
    attempt["thoughtful"] = json!([[one], [two]]);
    assert_eq!(thoughts(&trajectory(attempt, &Options::new(Kind::Trajectory)))[0], Value::Null);
}

#[test]
fn reasoning_is_left_out_on_demand() {
    let options = Options { reasoning: Reasoning::Drop, ..Options::new(Kind::Trajectory) };
    assert_eq!(
        thoughts(&trajectory(searching_attempt("a", "q", "39"), &options)),
        [Value::Null, Value::Null, Value::Null]
    );
}

#[test]
fn an_unscored_attempt_has_a_trajectory_without_a_score() {
    let rows = MemoryRows { attempts: vec![attempt("z", "q", "x")], ..MemoryRows::default() };
    let (_, files) = exported(&rows, &[Kind::Trajectory], &Options::new(Kind::Trajectory));
    assert_eq!(lines(&files, "trajectory.jsonl")[0]["score"], Value::Null);
}
