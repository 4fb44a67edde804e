use gleaner_model::Message;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{lift_system, messages, system_text};

/// Messages read from a value, as JSON.
fn read(value: Value) -> Value {
    serde_json::to_value(messages(&value, "user")).unwrap()
}

fn text(role: &str, content: &str) -> Value {
    json!({"role": role, "parts": [{"type": "text", "content": content}]})
}

#[test]
fn a_turn_of_every_provider_reads_the_same() {
    let call = json!({"type": "tool_call", "id": "c1", "name": "f", "arguments": {"x": 1}});
    let answer = json!({"type": "tool_call_response", "id": "c1", "response": "408"});
    let expected = json!([
        text("user", "12 × 34?"),
        {"role": "assistant", "parts": [{"type": "text", "content": "Let me check."}, call]},
        {"role": "tool", "parts": [answer]},
    ]);
    let otel = json!([
        {"role": "user", "parts": [{"type": "text", "content": "12 × 34?"}]},
        {"role": "assistant", "parts": [{"type": "text", "content": "Let me check."}, call]},
        {"role": "user", "parts": [{"type": "tool_call_response", "id": "c1", "result": "408"}]},
    ]);
    let chat = json!([
        {"role": "user", "content": "12 × 34?"},
        {"role": "assistant", "content": "Let me check.", "refusal": null, "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"x\": 1}"}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "408"},
    ]);
    let responses = json!([
        {"role": "user", "content": [{"type": "input_text", "text": "12 × 34?"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Let me check."}]},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{\"x\":1}"},
        {"type": "function_call_output", "call_id": "c1", "output": "408"},
    ]);
    let anthropic = json!([
        {"role": "user", "content": "12 × 34?"},
        {"role": "assistant", "content": [
            {"type": "text", "text": "Let me check."}, {"type": "tool_use", "id": "c1", "name": "f", "input": {"x": 1}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "408"}]},
    ]);
    let langchain = json!([
        {"type": "human", "content": "12 × 34?"},
        {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "AIMessage"], "kwargs": {
            "content": "Let me check.", "tool_calls": [{"type": "tool_call", "id": "c1", "name": "f", "args": {"x": 1}}]}},
        {"type": "tool", "data": {"content": "408", "tool_call_id": "c1"}},
    ]);
    for shape in [otel, chat, responses, anthropic, langchain] {
        assert_eq!(read(shape.clone()), expected, "{shape}");
        assert_eq!(read(Value::String(shape.to_string())), expected, "{shape}");
    }
}

#[test]
fn calls_told_twice_are_told_once() {
    let twice = json!([{"role": "assistant",
        "content": [{"type": "tool_use", "id": "c1", "name": "f", "input": {}}],
        "tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": "{}"}}]}]);
    assert_eq!(messages(&twice, "user")[0].parts.len(), 1);
}

#[test]
fn choices_side_by_side_stay_apart() {
    let choices = json!([
        {"index": 0, "message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"},
        {"index": 1, "message": {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]},
         "finish_reason": "tool_calls"},
    ]);
    let read = messages(&choices, "assistant");
    let reasons: Vec<_> = read.iter().map(|message| message.finish_reason.as_deref()).collect();
    assert_eq!(reasons, [Some("stop"), Some("tool_call")]);
}

#[test]
fn one_odd_item_takes_nothing_with_it() {
    let odd = json!([{"role": "user", "content": "hi"}, 7, {"nothing": "known"}]);
    let expected = json!([
        text("user", "hi"),
        {"role": "user", "parts": [{"type": "other", "value": 7}]},
        {"role": "user", "parts": [{"type": "other", "value": {"nothing": "known"}}]},
    ]);
    assert_eq!(read(odd), expected);
}

#[test]
fn a_bare_text_is_a_message() {
    assert_eq!(read(json!("hi")), json!([text("user", "hi")]));
    assert_eq!(
        read(json!([{"type": "text", "content": "a"}, {"type": "text", "content": "b"}])),
        json!([
        {"role": "user", "parts": [{"type": "text", "content": "a"}, {"type": "text", "content": "b"}]}])
    );
}

#[test]
fn system_messages_are_lifted_from_the_head_only() {
    let all = json!([
        {"role": "system", "content": "Be brief."},
        {"role": "developer", "content": "Be kind."},
        {"role": "user", "content": "hi"},
        {"role": "system", "content": "Mind the time."},
    ]);
    let (prompt, rest) = lift_system(messages(&all, "user"));
    assert_eq!(prompt.as_deref(), Some("Be brief.\n\nBe kind."));
    assert_eq!(rest, [Message::text("user", "hi"), Message::text("system", "Mind the time.")]);
}

#[test]
fn system_instructions_of_every_shape() {
    for shape in [
        json!("Be brief."),
        json!([{"type": "text", "content": "Be brief."}]),
        json!([{"type": "text", "text": "Be brief."}]),
        json!({"parts": [{"text": "Be brief."}], "role": "system"}),
        json!("[{\"type\":\"text\",\"content\":\"Be brief.\"}]"),
    ] {
        assert_eq!(system_text(&shape).as_deref(), Some("Be brief."), "{shape}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let key = prop::sample::select(vec![
        "role",
        "type",
        "content",
        "parts",
        "tool_calls",
        "function",
        "name",
        "arguments",
        "message",
        "kwargs",
        "id",
        "data",
        "text",
    ]);
    let word = prop::sample::select(vec![
        "user",
        "tool",
        "text",
        "tool_call",
        "function",
        "tool_result",
        "image_url",
        "reasoning",
        "{\"a\":",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        word.prop_map(Value::from),
        Just(json!(1.5))
    ];
    leaf.prop_recursive(4, 32, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((key.clone().prop_map(str::to_owned), inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(value in any_json()) {
        for message in messages(&value, "user") {
            prop_assert!(!message.role.is_empty());
        }
        system_text(&value);
        super::tool_definitions(&value);
    }
}

/// Guarantees: where content is not captured, a message holds nothing, whatever else it tells.
#[test]
fn a_message_without_content_is_empty() {
    for sent in [json!({"role": "assistant", "finish_reason": "stop"}), json!({"role": "tool", "tool_call_id": "c1"})] {
        let read = super::message(&sent, "assistant");
        assert_eq!(read.parts, [], "{sent}");
    }
    assert_eq!(
        super::message(&json!({"role": "assistant", "finish_reason": "stop"}), "x").finish_reason.as_deref(),
        Some("stop")
    );
}

#[test]
fn a_refusal_that_langchain_keeps_beside_the_message() {
    let answer = json!({"id": ["langchain", "schema", "messages", "AIMessage"], "type": "constructor", "lc": 1,
        "kwargs": {"content": "", "type": "ai", "additional_kwargs": {"refusal": "No."}}});
    let read = json!(messages(&json!([answer]), "assistant"));
    assert_eq!(read[0]["parts"], json!([{"type": "refusal", "content": "No."}]));
}

#[test]
fn a_role_that_names_the_tool_called_before_is_a_result() {
    let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let list = json!([{"role": "assistant", "content": "", "tool_calls": [call("c1"), call("c2")]},
        {"role": "f", "content": "{\"x\":1}", "additional_kwargs": {}}, {"role": "f", "content": "2"}, {"role": "g", "content": "3"}]);
    let read = json!(messages(&list, "user"));
    let result =
        |text: &str| json!({"role": "tool", "parts": [{"type": "tool_call_response", "name": "f", "response": text}]});
    assert_eq!((&read[1], &read[2]), (&result("{\"x\":1}"), &result("2")));
    assert_eq!(read[3]["role"], "g");
}

#[test]
fn calls_in_text_belong_to_the_answer_before_them() {
    let list = json!([{"role": "user", "content": "hi"}, {"role": "assistant", "content": "Wait."},
        {"role": "tool-call", "content": "Calling tools: []"}, {"role": "tool-response", "content": "Observation: 1"}]);
    let read = json!(messages(&list, "user"));
    let texts = json!([{"type": "text", "content": "Wait."}, {"type": "text", "content": "Calling tools: []"}]);
    assert_eq!(read[1], json!({"role": "assistant", "parts": texts}));
    assert_eq!((read.as_array().map(Vec::len), &read[2]["role"]), (Some(3), &json!("user")));
}
