use gleaner_model::{Message, Part};
use serde_json::json;

use crate::derive::fixtures::{TestSpan, derive, llm, row};

fn call(city: &str) -> Part {
    Part::ToolCall { id: Some("c1".into()), name: "weather".into(), arguments: json!({"city": city}) }
}

/// A call that asked for the weather in Oslo, and the next one with these parts of the assistant in its history.
fn two_calls(history: Vec<Part>) -> Vec<TestSpan> {
    let asks = llm("a").at(1, 2).asks(&[(Some("c1"), "weather", json!({"city": "Oslo"}))]);
    let message = Message { role: "assistant".into(), parts: history, name: None, finish_reason: None };
    let answers = llm("b").at(3, 4).answer("7°C.").mapped(|mapped| {
        mapped.input_messages = Some(vec![Message::text("user", "Oslo?"), message.clone(), message]);
    });
    vec![asks, answers]
}

fn thought(text: &str) -> Part {
    Part::Reasoning { content: text.into() }
}

#[test]
fn the_next_prompt_tells_what_the_model_thought() {
    let trace = derive(two_calls(vec![thought("Look it up."), call("Oslo")]));
    let asked = row(&trace, "a");
    assert_eq!(asked.reasoning_text.as_deref(), Some("Look it up."));
    assert_eq!(asked.output_messages.as_ref().unwrap()[0].parts, [thought("Look it up."), call("Oslo")]);
    assert_eq!(asked.source_keys["reasoning_text"], "span:b");
}

#[test]
fn another_call_under_the_same_id_is_another_answer() {
    let trace = derive(two_calls(vec![thought("Look it up."), call("Paris")]));
    assert_eq!(row(&trace, "a").reasoning_text, None);
}

#[test]
fn what_the_answer_says_itself_stays() {
    let mut spans = two_calls(vec![thought("Later."), call("Oslo")]);
    spans[0] = spans[0].clone().mapped(|mapped| {
        let answer = mapped.output_messages.as_mut().unwrap();
        answer[0].parts.insert(0, thought("First."));
    });
    assert_eq!(row(&derive(spans), "a").reasoning_text.as_deref(), Some("First."));
}
