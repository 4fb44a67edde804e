use gleaner_model::{Message, Source};
use serde_json::json;

use super::*;
use crate::{
    Kind,
    read::AttemptRow,
    tests::{
        exported, lines,
        memory::{MemoryRows, attempt, correction, score as scored, searching_attempt},
    },
};

fn score_row(number: f64) -> ScoreRow {
    ScoreRow {
        evaluation_id: "e".into(),
        attempt_id: "a".into(),
        criterion: None,
        score: Some(number),
        correction: None,
        reviewer: None,
        source: Source::Human,
    }
}

#[test]
fn the_rules_make_one_score_of_several() {
    let rows = [score_row(9.0), score_row(5.0), score_row(7.0)];
    let rows: Vec<&ScoreRow> = rows.iter().collect();
    let by = |rule| score(&rows, rule);
    assert_eq!(by(ScoreRule::Mean), Some(7.0));
    assert_eq!(by(ScoreRule::Min), Some(5.0));
    assert_eq!((by(ScoreRule::Max), by(ScoreRule::Any)), (Some(9.0), Some(9.0)));
    assert_eq!(by(ScoreRule::Latest), Some(7.0));
    assert_eq!(score(&[], ScoreRule::Mean), None);
}

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

fn row(output: serde_json::Value, output_text: &str) -> ConversationRow {
    ConversationRow {
        attempt: AttemptRow { status: "ok".into(), output_text: Some(output_text.into()), ..AttemptRow::default() },
        input_messages: Some(vec![Message::text("user", "q")]),
        output_messages: serde_json::from_value(output).expect("messages"),
        ..ConversationRow::default()
    }
}

fn completion(row: &ConversationRow) -> Result<ChatMessage, Reason> {
    example(row, &Options::new(Kind::Sft)).and_then(|example| example.completion)
}

#[test]
fn a_last_tool_call_is_a_completion_only_if_it_carries_the_answer() {
    let call = json!([{"role": "assistant", "parts": [
        {"type": "tool_call", "id": "c", "name": "final_answer", "arguments": {"answer": "Paris"}}]}]);
    assert!(completion(&row(call.clone(), "Paris")).is_ok());
    assert!(completion(&row(call.clone(), "{\"answer\": \"Paris\"}")).is_ok());
    assert_eq!(completion(&row(call, "Something else")), Err(Reason::ToolCallWithoutResult));
}

#[test]
fn missing_ends_tell_why() {
    let plain = row(json!([]), "x");
    assert_eq!(completion(&plain), Err(Reason::NoCompletion));
    let texted = ConversationRow { call_output_text: Some("x".into()), ..plain.clone() };
    assert_eq!(completion(&texted), Ok(ChatMessage::text("assistant", "x")));
    let two_choices = row(json!([Message::text("assistant", "x"), Message::text("assistant", "y")]), "x");
    assert_eq!(completion(&two_choices), Err(Reason::PromptDoesNotEndWithUserOrTool));
    let unasked = ConversationRow { input_messages: Some(Vec::new()), ..texted.clone() };
    assert_eq!(completion(&unasked), Err(Reason::NoPrompt));
    let hidden = ConversationRow { input_messages: None, ..texted };
    assert_eq!(completion(&hidden), Err(Reason::PromptNotCaptured));
}
