use serde_json::json;

use crate::{
    Kind, Options, Shape,
    tests::{
        exported, lines,
        memory::{MemoryRows, answers, attempt, calls, correction, says, score, searching_attempt},
    },
};

fn rows(kind: Kind, shape: Shape, rows: &MemoryRows) -> Vec<serde_json::Value> {
    let options = Options { shape: Some(shape), ..Options::new(kind) };
    let mut rows = lines(&exported(rows, &[kind], &options).1, &format!("{}.jsonl", kind.as_str()));
    rows.sort_by_key(|row| row["prompt"].as_array().map(Vec::len));
    rows
}

fn scored(attempt: serde_json::Value) -> MemoryRows {
    MemoryRows { attempts: vec![attempt], evaluations: vec![score("e", "a", "mara", 9.0)], ..MemoryRows::default() }
}

#[test]
fn a_step_is_one_assistant_message_after_everything_before_it() {
    for kind in [Kind::Sft, Kind::Trajectory, Kind::Kto] {
        let steps = rows(kind, Shape::Step, &scored(searching_attempt("a", "q", "39")));
        let lengths: Vec<_> = steps.iter().map(|row| row["prompt"].as_array().map(Vec::len)).collect();
        assert_eq!(lengths, [Some(2), Some(4), Some(6)], "{kind:?}");
        for row in &steps {
            assert_eq!(row["completion"].as_array().map(Vec::len), Some(1));
        }
        assert_eq!(steps[1]["completion"][0]["tool_calls"][0]["id"], "call_2");
        // The first thought, which the history of the last call had lost.
        assert_eq!(steps[0]["completion"][0]["reasoning_content"], "I should look it up first.");
    }
    let prompts = rows(Kind::Prompts, Shape::Step, &scored(searching_attempt("a", "q", "39")));
    assert_eq!(prompts.len(), 3);
}

/// Guarantees: what earlier attempts wrote is context, not a step of this one, so that no answer is exported once per turn.
#[test]
fn messages_that_the_attempt_was_given_are_no_steps_of_it() {
    let earlier = [says("user", "first"), says("assistant", "earlier answer"), says("user", "q")];
    let mut second = attempt("a", "q", "39");
    second["question_messages"] = json!(json!(earlier).to_string());
    let whole = [&earlier[..], &[calls("", "c", json!({})), answers("c", json!("39"))]].concat();
    second["input_messages"] = json!(json!(whole).to_string());
    second["tool_definitions"] = json!(json!([{"type": "function", "name": "search"}]).to_string());
    let steps = rows(Kind::Sft, Shape::Step, &scored(second));
    let completions: Vec<_> = steps.iter().map(|row| row["completion"][0]["content"].clone()).collect();
    assert_eq!(completions, [json!(""), json!("39")]);
}

#[test]
fn a_task_is_the_need_and_the_artifact() {
    let mut attempt = searching_attempt("a", "q", "39");
    let plain = rows(Kind::Sft, Shape::Task, &scored(attempt.clone()));
    assert_eq!(plain[0]["prompt"], json!([{"role": "user", "content": "q"}]));
    assert_eq!(plain[0]["completion"], json!([{"role": "assistant", "content": "39"}]));
    attempt["need"] = json!("A price list");
    attempt["artifact"] = json!("Lantern: 39");
    let mut declared = scored(attempt);
    declared.evaluations.push(correction("c", "a", "mara", "Lantern: £39"));
    let mut tasks = rows(Kind::Sft, Shape::Task, &declared);
    tasks.sort_by_key(|row| row["origin"].to_string());
    assert_eq!(tasks[0]["completion"][0]["content"], "Lantern: £39");
    assert_eq!(tasks[1]["completion"][0]["content"], "Lantern: 39");
    assert_eq!(tasks[1]["prompt"], json!([{"role": "user", "content": "A price list"}]));
}
