//! Every honesty check: what provokes it, its reason in `rejected.jsonl`, its count in the manifest.

use serde_json::{Value, json};

use super::{
    exported, lines,
    memory::{MemoryRows, answers, attempt, calls, pair, says, searching_attempt},
};
use crate::{Kind, Options, Reason};

const QUESTION: &str = "What does the lantern cost?";

/// One attempt that thinks, searches twice and answers, changed by `change`.
fn changed(change: impl FnOnce(&mut Value)) -> MemoryRows {
    let mut row = searching_attempt("a", QUESTION, "39 pounds.");
    change(&mut row);
    MemoryRows { attempts: vec![row], ..MemoryRows::default() }
}

fn with_messages(messages: Value) -> MemoryRows {
    changed(|row| row["input_messages"] = json!(messages.to_string()))
}

fn assert_rejected(rows: &MemoryRows, kind: Kind, options: &Options, reason: Reason) {
    let (manifest, files) = exported(rows, &[kind], options);
    assert_eq!(manifest.datasets[0].rejected.get(&reason), Some(&1), "{reason:?}: {:?}", manifest.datasets[0]);
    assert_eq!(manifest.datasets[0].rows, 0, "{reason:?}");
    let rejected = lines(&files, "rejected.jsonl");
    assert_eq!(rejected[0]["reason"], json!(reason));
    assert_ne!(rejected[0]["attempt_ids"], json!([]));
}

#[test]
fn a_conversation_that_would_mislead_is_rejected_with_its_reason() {
    let user = says("user", QUESTION);
    let call = || calls("Look.", "c1", json!({"query": "price"}));
    let cases: Vec<(MemoryRows, Reason)> = vec![
        (changed(|row| row["input_messages"] = Value::Null), Reason::PromptNotCaptured),
        (changed(|row| row["history_complete"] = json!(false)), Reason::HistoryNotCaptured),
        (changed(|row| row["conversation_truncated"] = json!(true)), Reason::Truncated),
        (with_messages(json!([says("user", "A long text … [truncated]")])), Reason::Truncated),
        (with_messages(json!([says("user", "[REDACTED]")])), Reason::Redacted),
        (with_messages(json!([user, answers("gone", json!("x"))])), Reason::ToolResultWithoutCall),
        (with_messages(json!([user, call(), says("user", "And?")])), Reason::ToolCallWithoutResult),
        (changed(|row| row["tool_definitions"] = Value::Null), Reason::ToolNotDeclared),
        (with_messages(json!([user, says("narrator", "Meanwhile")])), Reason::UnknownRole),
        (
            with_messages(json!([user, calls("Look.", "c1", json!("{\"query\": ")), answers("c1", json!("x"))])),
            Reason::ArgumentsNotAnObject,
        ),
        (with_messages(json!([says("assistant", "Hello."), says("system", "Be brief.")])), Reason::SystemNotFirst),
        (
            with_messages(json!([{"role": "user", "parts": [{"type": "blob", "content": "aGk="}]}])),
            Reason::NonTextContent,
        ),
    ];
    for (rows, reason) in cases {
        assert_rejected(&rows, Kind::Trajectory, &Options::new(Kind::Trajectory), reason);
    }
}

/// Guarantees: what was cut off in the first call is no question of a pair either.
#[test]
fn a_question_that_was_cut_off_makes_no_pair() {
    let mut cut = attempt("a", QUESTION, "39 pounds.");
    cut["is_truncated"] = json!(true);
    let rows = MemoryRows {
        attempts: vec![cut, attempt("b", QUESTION, "No idea.")],
        pairs: vec![pair("a", "b", "lock", None, "mara")],
        ..MemoryRows::default()
    };
    assert_rejected(&rows, Kind::Preference, &Options::new(Kind::Preference), Reason::Truncated);
}

#[test]
fn chosen_must_differ_from_rejected_and_no_pair_goes_both_ways() {
    let rows = |second: &str, pairs: Vec<Value>| MemoryRows {
        attempts: vec![attempt("a", QUESTION, "39 pounds."), attempt("b", QUESTION, second)],
        pairs,
        ..MemoryRows::default()
    };
    let options = Options::new(Kind::Preference);
    let same = rows("39 pounds. ", vec![pair("a", "b", "lock", None, "mara")]);
    assert_rejected(&same, Kind::Preference, &options, Reason::ChosenEqualsRejected);
    let both = vec![pair("a", "b", "lock", None, "mara"), pair("b", "a", "lock", None, "jonas")];
    assert_rejected(&rows("No idea.", both), Kind::Preference, &options, Reason::Contested);
}

/// Guarantees: `require` asks for visible reasoning in what is trained on; `drop` leaves none anywhere.
#[test]
fn reasoning_is_as_the_policy_says() {
    let thoughtful = changed(|_| ());
    let thoughtless = MemoryRows { attempts: vec![attempt("a", QUESTION, "39 pounds.")], ..MemoryRows::default() };
    let require = Options { require_reasoning: true, ..Options::new(Kind::Trajectory) };
    assert_rejected(&thoughtless, Kind::Trajectory, &require, Reason::NoReasoning);
    let (manifest, _) = exported(&thoughtful, &[Kind::Trajectory], &require);
    assert_eq!(manifest.datasets[0].rows, 1);
    let drop = Options { reasoning: false, ..Options::new(Kind::Trajectory) };
    let (_, files) = exported(&thoughtful, &[Kind::Trajectory], &drop);
    assert!(!String::from_utf8_lossy(&files["trajectory.jsonl"]).contains("reasoning_content"));
}
