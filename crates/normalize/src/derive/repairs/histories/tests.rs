use gleaner_model::{Message, Part};
use serde_json::json;

use crate::derive::fixtures::{derive, llm, row};

fn message(role: &str, part: Part) -> Message {
    Message { role: role.into(), parts: vec![part], name: None, finish_reason: None }
}

fn text(role: &str, content: &str) -> Message {
    message(role, Part::Text { content: content.into() })
}

fn empty() -> Message {
    Message { role: "assistant".into(), parts: vec![], name: None, finish_reason: None }
}

/// Guarantees: an empty answer is what the call with the same history answered; one whose history differs stays empty.
#[test]
fn an_empty_answer_is_told_by_the_call_before() {
    let asks = Part::ToolCall { id: Some("c1".into()), name: "f".into(), arguments: json!({}) };
    let result = Part::ToolCallResponse { id: None, name: None, response: json!("1") };
    let question = text("user", "Oslo?");
    let trace = derive([
        llm("first").at(1, 2).mapped(|mapped| {
            mapped.input_messages = Some(vec![question.clone()]);
            mapped.output_messages = Some(vec![message("assistant", asks.clone())]);
        }),
        llm("second").at(3, 4).mapped(|mapped| {
            mapped.input_messages = Some(vec![question.clone(), empty(), message("tool", result.clone())]);
        }),
        llm("other").at(5, 6).mapped(|mapped| mapped.input_messages = Some(vec![text("user", "Rome?"), empty()])),
    ]);
    let given = row(&trace, "second").input_messages.clone().unwrap_or_default();
    assert_eq!(given[1].parts, [asks]);
    assert_eq!(json!(given[2].parts)[0]["id"], "c1", "the result answers it");
    assert_eq!(row(&trace, "second").source_keys["input_messages.1"], "span:first");
    assert_eq!(row(&trace, "other").input_messages.as_deref().unwrap_or_default()[1].parts, []);
}

/// Guarantees: where results follow an answer that shows no call, the call with the same history tells it, if it said the same.
#[test]
fn an_answer_without_its_calls_is_told_by_the_call_before() {
    let asks = Part::ToolCall { id: Some("c1".into()), name: "f".into(), arguments: json!({}) };
    let result = Part::ToolCallResponse { id: Some("c1".into()), name: None, response: json!("1") };
    let question = text("user", "Oslo?");
    let whole = Message { parts: vec![Part::Text { content: "Wait.".into() }, asks], ..text("assistant", "") };
    let filled = |left: &str| {
        let trace = derive([
            llm("first").at(1, 2).mapped(|mapped| {
                mapped.input_messages = Some(vec![question.clone()]);
                mapped.output_messages = Some(vec![whole.clone()]);
            }),
            llm("second").at(3, 4).mapped(|mapped| {
                mapped.input_messages =
                    Some(vec![question.clone(), text("assistant", left), message("tool", result.clone())]);
                mapped.output_messages = Some(vec![text("assistant", "1")]);
            }),
        ]);
        row(&trace, "second").input_messages.clone().unwrap_or_default()[1].clone()
    };
    assert_eq!(filled("Wait.").parts, whole.parts);
    assert_eq!(filled("Stop."), text("assistant", "Stop."));
}
