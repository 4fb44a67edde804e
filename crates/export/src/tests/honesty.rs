//! Every honesty check: what provokes it, its reason in `rejected.jsonl`, its count in the manifest.

use serde_json::{Value, json};

use super::{
    exported, lines,
    memory::{MemoryRows, answers, attempt, calls, pair, says, score, searching_attempt},
};
use crate::{Kind, Options, Reason, Reasoning, Shape};

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
    let require = Options { reasoning: Reasoning::Require, ..Options::new(Kind::Trajectory) };
    assert_rejected(&thoughtless, Kind::Trajectory, &require, Reason::NoReasoning);
    let (manifest, _) = exported(&thoughtful, &[Kind::Trajectory], &require);
    assert_eq!(manifest.datasets[0].rows, 1);
    let drop = Options { reasoning: Reasoning::Drop, ..Options::new(Kind::Trajectory) };
    let (_, files) = exported(&thoughtful, &[Kind::Trajectory], &drop);
    assert!(!String::from_utf8_lossy(&files["trajectory.jsonl"]).contains("reasoning_content"));
}

/// A trajectory whose two steps have reasoning of these kinds, the second one's being that of the answer.
fn with_reasoning(step: Value, answer: Value) -> MemoryRows {
    let mut row = searching_attempt("a", QUESTION, "39 pounds.");
    let call = json!({"type": "tool_call", "id": "c1", "name": "search", "arguments": {"query": "price"}});
    let asked = json!({"role": "assistant", "parts": [step, call]});
    row["input_messages"] = json!(json!([says("user", QUESTION), asked, answers("c1", json!("39"))]).to_string());
    let text = json!({"type": "text", "content": "39 pounds."});
    row["output_messages"] = json!(json!([{"role": "assistant", "parts": [answer, text]}]).to_string());
    row["thoughtful"] = Value::Null;
    MemoryRows { attempts: vec![row], evaluations: vec![score("e1", "a", "mara", 9.0)], ..MemoryRows::default() }
}

/// Guarantees: own words, summaries, encrypted and redacted reasoning are told apart by policy, reason, provenance and count;
/// what is encrypted is in no row.
#[test]
fn the_kinds_of_reasoning_are_told_apart() {
    let raw = || json!({"type": "reasoning", "content": "Look it up."});
    let summary = || json!({"type": "reasoning", "content": "Looked it up.", "kind": "summary"});
    let encrypted = || json!({"type": "reasoning", "content": "", "kind": "encrypted", "data": "gAAAsecret"});
    let redacted = || json!({"type": "reasoning", "content": "<REDACTED>"});
    let written = None;
    // Step, answer; what becomes of the trajectory under: keep, raw, require, require-raw.
    let cases = [
        (raw(), raw(), [written; 4], "raw"),
        (
            raw(),
            summary(),
            [written, Some(Reason::ReasoningSummarized), written, Some(Reason::ReasoningSummarized)],
            "raw,summary",
        ),
        (
            raw(),
            encrypted(),
            [written, Some(Reason::ReasoningEncrypted), written, Some(Reason::ReasoningEncrypted)],
            "encrypted,raw",
        ),
        (
            encrypted(),
            encrypted(),
            [
                written,
                Some(Reason::ReasoningEncrypted),
                Some(Reason::ReasoningEncrypted),
                Some(Reason::ReasoningEncrypted),
            ],
            "encrypted",
        ),
        (
            redacted(),
            redacted(),
            [written, Some(Reason::Redacted), Some(Reason::Redacted), Some(Reason::Redacted)],
            "redacted",
        ),
    ];
    let policies = [Reasoning::Keep, Reasoning::Raw, Reasoning::Require, Reasoning::RequireRaw];
    for (step, answer, outcomes, kinds) in cases {
        let rows = with_reasoning(step, answer);
        for (reasoning, outcome) in policies.into_iter().zip(outcomes) {
            let options = Options { reasoning, ..Options::new(Kind::Trajectory) };
            if let Some(reason) = outcome {
                assert_rejected(&rows, Kind::Trajectory, &options, reason);
                continue;
            }
            let (manifest, files) = exported(&rows, &[Kind::Trajectory], &options);
            let row = &lines(&files, "trajectory.jsonl")[0];
            let metadata: Value = serde_json::from_str(row["metadata"].as_str().expect("text")).expect("JSON");
            let told: Vec<&str> = manifest.datasets[0].reasoning.keys().copied().collect();
            assert_eq!(told.join(","), kinds);
            assert_eq!(metadata["reasoning"], json!(told));
            assert!(!row.to_string().contains("gAAAsecret") && !row.to_string().contains("REDACTED"), "{row}");
        }
    }
}

/// Guarantees: a completion is judged by its own reasoning, not by that of the history before it, where a summary is left out
/// when the model's own words alone go along.
#[test]
fn reasoning_before_the_prompt_s_end_is_not_trained_on() {
    let summary = json!({"type": "reasoning", "content": "Looked it up.", "kind": "summary"});
    let rows = with_reasoning(summary, json!({"type": "reasoning", "content": "39, then."}));
    let options = Options { reasoning: Reasoning::RequireRaw, ..Options::new(Kind::Sft) };
    let (manifest, files) = exported(&rows, &[Kind::Sft], &options);
    assert_eq!(manifest.datasets[0].rows, 1, "{:?}", manifest.datasets[0].rejected);
    let row = &lines(&files, "sft.jsonl")[0];
    assert_eq!(row["completion"][0]["reasoning_content"], "39, then.");
    assert!(!row["prompt"].to_string().contains("Looked it up."));
}

/// Guarantees: sides of pairs are read back from disk with what stands behind them.
#[test]
fn a_pair_of_whole_attempts_is_judged_by_the_reasoning_of_both_sides() {
    let encrypted = json!({"type": "reasoning", "content": "", "kind": "encrypted"});
    let mut rows = with_reasoning(json!({"type": "reasoning", "content": "Look."}), encrypted);
    let mut other = with_reasoning(
        json!({"type": "reasoning", "content": "Look."}),
        json!({"type": "reasoning", "content": "Hm."}),
    );
    other.attempts[0]["attempt_id"] = json!("b");
    other.attempts[0]["output_text"] = json!("40 pounds.");
    let output = other.attempts[0]["output_messages"].as_str().expect("text").replace("39 pounds", "40 pounds");
    other.attempts[0]["output_messages"] = json!(output);
    rows.attempts.append(&mut other.attempts);
    rows.pairs = vec![pair("b", "a", "lock", None, "mara")];
    let options = Options { reasoning: Reasoning::Raw, shape: Some(Shape::Attempt), ..Options::new(Kind::Preference) };
    assert_rejected(&rows, Kind::Preference, &options, Reason::ReasoningEncrypted);
}
