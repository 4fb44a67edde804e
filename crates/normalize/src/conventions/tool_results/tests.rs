use gleaner_model::{Message, Part};
use serde_json::json;

use super::{add_missing_contents, add_missing_results};

fn asks(ids: &[&str]) -> Message {
    let call = |id: &&str| Part::ToolCall { id: Some((*id).into()), name: "f".into(), arguments: json!({}) };
    Message { role: "assistant".into(), parts: ids.iter().map(call).collect(), name: None, finish_reason: None }
}

fn results(ids: &[&str]) -> Message {
    let result = |id: &&str| Part::ToolCallResponse { id: Some((*id).into()), name: None, response: json!(id) };
    Message { role: "tool".into(), parts: ids.iter().map(result).collect(), name: None, finish_reason: None }
}

#[test]
fn the_other_reading_has_all_results() {
    let whole = [asks(&["a", "b"]), results(&["a", "b"]), Message::text("assistant", "both")];
    let mut input = vec![asks(&["a", "b"]), results(&["b"]), Message::text("assistant", "both")];
    add_missing_results(&mut input, &whole);
    assert_eq!(input, whole);
    let mut input = vec![asks(&["a", "b"]), Message::text("assistant", "both")];
    add_missing_results(&mut input, &whole);
    assert_eq!(input, whole);
}

#[test]
fn results_of_other_calls_stay_away() {
    let mut input = vec![asks(&["a"]), results(&["a"])];
    add_missing_results(&mut input, &[asks(&["x"]), results(&["x"]), results(&["a"])]);
    assert_eq!(input, [asks(&["a"]), results(&["a"])]);
}

#[test]
fn messages_without_content_take_that_of_the_other_reading() {
    let empty = || Message { parts: Vec::new(), ..Message::text("assistant", "") };
    let whole = [Message::text("user", "q"), Message::text("assistant", "a"), Message::text("user", "p")];
    let mut input = vec![whole[0].clone(), empty(), Message::text("user", "p'")];
    add_missing_contents(&mut input, &whole);
    assert_eq!(input, [whole[0].clone(), whole[1].clone(), Message::text("user", "p'")]);
    // Another number of messages is another conversation.
    let mut input = vec![whole[0].clone(), empty()];
    add_missing_contents(&mut input, &whole);
    assert_eq!(input[1], empty());
}
