use gleaner_model::{Message, Part};
use serde_json::json;

use crate::derive::fixtures::{TestSpan, derive, llm, row};

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

fn weather(city: &str) -> Part {
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
    Part::reasoning(text)
}

#[test]
fn the_next_prompt_tells_what_the_model_thought() {
    let trace = derive(two_calls(vec![thought("Look it up."), weather("Oslo")]));
    let asked = row(&trace, "a");
    assert_eq!(asked.reasoning_text.as_deref(), Some("Look it up."));
    assert_eq!(asked.output_messages.as_ref().unwrap()[0].parts, [thought("Look it up."), weather("Oslo")]);
    assert_eq!(asked.source_keys["reasoning_text"], "span:b");
}

#[test]
fn another_call_under_the_same_id_is_another_answer() {
    let trace = derive(two_calls(vec![thought("Look it up."), weather("Paris")]));
    assert_eq!(row(&trace, "a").reasoning_text, None);
}

#[test]
fn what_the_answer_says_itself_stays() {
    let mut spans = two_calls(vec![thought("Later."), weather("Oslo")]);
    spans[0] = spans[0].clone().mapped(|mapped| {
        let answer = mapped.output_messages.as_mut().unwrap();
        answer[0].parts.insert(0, thought("First."));
    });
    assert_eq!(row(&derive(spans), "a").reasoning_text.as_deref(), Some("First."));
}

/// Guarantees: a part of a streamed answer, which says that it stopped, gives way to the whole of it with its calls.
#[test]
fn a_part_of_an_answer_is_not_all_of_it() {
    let mut whole = asked("Wait.");
    whole.parts.insert(0, Part::reasoning("Hm"));
    for shown in [vec![whole.parts[1].clone()], vec![whole.parts[0].clone(), whole.parts[1].clone()]] {
        let shown = Message { parts: shown, ..Message::text("assistant", "") };
        let first = call("c1", vec![user("Hi")], Some(shown)).mapped(|m| m.finish_reason = Some("stop".into()));
        let told = output_of_first(first, call("c2", vec![user("Hi"), whole.clone()], None)).unwrap();
        assert_eq!((&told[0].parts, told[0].finish_reason.as_deref()), (&whole.parts, Some("tool_call")));
    }
    let calls = Message { parts: vec![whole.parts[2].clone()], ..Message::text("assistant", "") };
    let first = call("c1", vec![user("Hi")], Some(calls)).mapped(|m| m.finish_reason = Some("tool_call".into()));
    let told = output_of_first(first, call("c2", vec![user("Hi"), whole.clone()], None)).unwrap();
    assert_eq!(told[0].parts, whole.parts);
}

/// Guarantees: of a prompt that has each parallel call in a message of its own, all belong to the answer; a call after another
/// question does not.
#[test]
fn parallel_calls_in_messages_of_their_own() {
    let of = |city: &str| Message { parts: vec![weather(city)], ..Message::text("assistant", "") };
    let told = |convention: &'static str, after: Vec<Message>| {
        let history =
            [vec![user("Hi"), of("Oslo"), Message::text("tool", "1"), of("Lima"), Message::text("tool", "2")], after];
        let first = call("c1", vec![user("Hi")], None).mapped(|mapped| mapped.convention = Some(convention));
        output_of_first(first, call("c2", history.concat(), None)).unwrap()[0].parts.clone()
    };
    assert_eq!(told("pipecat", vec![]), [weather("Oslo"), weather("Lima")]);
    assert_eq!(told("pipecat", vec![user("And?")]), [weather("Oslo")]);
    assert_eq!(told("strands", vec![]), [weather("Oslo")]);
}
