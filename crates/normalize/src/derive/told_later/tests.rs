use gleaner_model::{Message, Part};
use serde_json::json;

use super::super::fixtures::{TestSpan, derive, llm};

fn user(text: &str) -> Message {
    Message::text("user", text)
}

fn asked(text: &str) -> Message {
    let call = Part::ToolCall { id: None, name: "f".into(), arguments: json!({"x": 1}) };
    let mut message = Message::text("assistant", text);
    message.parts.retain(|part| !matches!(part, Part::Text { content } if content.is_empty()));
    message.parts.push(call);
    message
}

fn call(id: &str, input: Vec<Message>, output: Option<Message>) -> TestSpan {
    llm(id).mapped(|mapped| {
        mapped.input_messages = Some(input);
        mapped.output_messages = output.map(|message| vec![message]);
    })
}

fn output_of_first(first: TestSpan, second: TestSpan) -> Option<Vec<Message>> {
    let trace = derive(vec![first.at(1, 5), second.at(6, 9)]);
    trace.spans.into_iter().find(|span| span.span_id == "c1").unwrap().output_messages
}

/// Guarantees: a missing answer is what the next call's history says it was, with the calls that its own text is beside.
#[test]
fn the_next_call_s_history_tells_the_answer() {
    for (shown, whole) in [(None, asked("")), (Some(Message::text("assistant", "Wait.")), asked("Wait."))] {
        let history = vec![user("Hi"), whole.clone(), Message::text("tool", "1")];
        let told = output_of_first(call("c1", vec![user("Hi")], shown), call("c2", history, None)).unwrap();
        assert_eq!((told.len(), &told[0].parts), (1, &whole.parts));
        assert_eq!(told[0].finish_reason.as_deref(), Some("tool_call"));
    }
}

#[test]
fn another_conversation_tells_nothing() {
    let history = || vec![user("Hi"), asked("Wait.")];
    let first = |question: &str, shown| call("c1", vec![user(question)], shown);
    assert_eq!(output_of_first(first("Bye", None), call("c2", history(), None)), None);
    let done = Message::text("assistant", "Done.");
    let kept = output_of_first(first("Hi", Some(done.clone())), call("c2", history(), None)).unwrap();
    assert_eq!(kept[0].parts, done.parts);
    let other_agent = call("c2", history(), None).mapped(|mapped| mapped.system_prompt = Some("Be brief.".into()));
    assert_eq!(output_of_first(first("Hi", None), other_agent), None);
}
