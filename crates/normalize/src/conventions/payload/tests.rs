use serde_json::json;

use super::*;

fn input(kind: Option<SpanKind>, value: &Value, key: &str) -> Mapped {
    let mut said = Mapped::default();
    let opaque = read(kind, Some((key, value)), None, &mut said);
    fill(&mut said, opaque);
    said
}

fn output(kind: Option<SpanKind>, value: &Value, key: &str) -> Mapped {
    let mut said = Mapped::default();
    let opaque = read(kind, None, Some((key, value)), &mut said);
    fill(&mut said, opaque);
    said
}

fn text_of(messages: &Option<Vec<Message>>) -> Option<String> {
    gleaner_model::output_text(messages.as_deref()?)
}

#[test]
fn what_is_no_conversation_is_the_text_or_the_data_that_was_sent() {
    let llm = Some(SpanKind::Llm);
    let answer = output(llm, &json!("{\"city\": \"Oslo\", \"content\": \"snow\"}"), "out");
    assert_eq!(text_of(&answer.output_messages).as_deref(), Some("{\"city\": \"Oslo\", \"content\": \"snow\"}"));
    let prompt = input(llm, &json!("Say hi."), "in");
    assert_eq!(text_of(&prompt.input_messages).as_deref(), Some("Say hi."));
    let variables = input(llm, &json!("{\"topic\": \"tea\"}"), "in");
    assert_eq!((variables.input_messages, variables.input_text.as_deref()), (None, Some("{\"topic\": \"tea\"}")));
    assert_eq!(input(llm, &json!("{}"), "in"), Mapped::default());
}

#[test]
fn only_a_response_has_a_response_id() {
    let llm = Some(SpanKind::Llm);
    let item = json!({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
        "content": [{"type": "output_text", "text": "hi"}]});
    let read = output(llm, &item, "out");
    assert_eq!((read.response_id, read.finish_reason.as_deref()), (None, Some("completed")));
    let body = json!({"id": "msg_1", "role": "assistant", "model": "claude", "stop_reason": "end_turn",
        "content": [{"type": "text", "text": "hi"}], "usage": {"input_tokens": 3, "output_tokens": 2}});
    let read = output(llm, &body, "out");
    assert_eq!((read.response_id.as_deref(), read.input_tokens), (Some("msg_1"), Some(3)));
    assert_eq!(read.source_keys["response_id"], "out");
}

#[test]
fn wrappers_around_a_value_are_taken_off() {
    assert_eq!(
        text_of(&output(Some(SpanKind::Llm), &json!({"outputs": "hi"}), "out").output_messages).as_deref(),
        Some("hi")
    );
    assert_eq!(output(None, &json!("{\"output\": \"done\"}"), "out").output_text.as_deref(), Some("done"));
    assert_eq!(input(None, &json!({"input": "why?"}), "in").input_text.as_deref(), Some("why?"));
    assert_eq!(input(None, &json!({"flow": "a"}), "in").input_text.as_deref(), Some("{\"flow\":\"a\"}"));
    let function = json!({"args": ["why?"], "kwargs": {}});
    assert_eq!(input(None, &function, "in").input_text.as_deref(), Some("why?"));
    let decorated = json!({"args": [], "kwargs": {"messages": [{"role": "user", "content": "q"}]}});
    assert_eq!(text_of(&input(Some(SpanKind::Llm), &decorated, "in").input_messages).as_deref(), Some("q"));
}

#[test]
fn a_tool_is_given_named_arguments_and_answers_with_its_result() {
    let tool = Some(SpanKind::Tool);
    for given in [
        json!("{\"city\": \"Oslo\"}"),
        json!({"input": "{\"city\": \"Oslo\"}"}),
        json!({"args": [], "kwargs": {"city": "Oslo"}}),
        json!({"args": [{"city": "Oslo"}], "kwargs": {}}),
    ] {
        assert_eq!(input(tool, &given, "in").tool_arguments, Some(json!({"city": "Oslo"})), "{given}");
    }
    let message = json!({"output": {"lc": 1, "type": "constructor", "id": ["langchain", "ToolMessage"],
        "kwargs": {"content": "snow", "tool_call_id": "c1", "type": "tool"}}});
    let read = output(tool, &message, "out");
    assert_eq!((read.tool_call_id.as_deref(), read.tool_result), (Some("c1"), Some(json!("snow"))));
    assert_eq!(output(tool, &json!("{\"c\": 7}"), "out").tool_result, Some(json!("{\"c\": 7}")));
}

#[test]
fn serialized_messages_of_a_chain_read_as_their_text() {
    let prompt = json!({"lc": 1, "type": "constructor", "id": ["langchain_core", "prompt_values", "ChatPromptValue"],
        "kwargs": {"messages": [{"lc": 1, "id": ["m", "HumanMessage"], "kwargs": {"content": "a haiku"}}]}});
    assert_eq!(output(Some(SpanKind::Chain), &prompt, "out").output_text.as_deref(), Some("a haiku"));
    let state = json!({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]});
    assert_eq!(output(Some(SpanKind::Chain), &state, "out").output_text.as_deref(), Some("a"));
}

#[test]
fn metadata_stands_in_one_object_or_in_a_key_per_field() {
    let attributes = json!({"m": "{\"a\": 1, \"b\": \"x\"}", "m.b": "\"y\"", "m.c": "plain", "mm.d": 1});
    let read = metadata(attributes.as_object().unwrap(), "m");
    assert_eq!(Value::Object(read), json!({"a": 1, "b": "y", "c": "plain"}));
}

#[test]
fn bare_text_of_a_call_is_opaque_and_a_conversation_is_not() {
    let mut said = Mapped::default();
    let list = json!([{"role": "user", "content": "q"}]);
    let opaque = read(Some(SpanKind::Llm), Some(("in", &list)), Some(("out", &json!("a"))), &mut said);
    assert_eq!((said.input_messages.is_some(), said.output_messages.is_some()), (true, false));
    assert_eq!((opaque.input_messages.is_some(), opaque.output_messages.is_some()), (false, true));
}

#[test]
fn what_says_nothing_is_no_answer() {
    let llm = Some(SpanKind::Llm);
    let failed = json!({"generations": [[{"text": "", "generation_info": null, "type": "ChatGeneration",
        "message": {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "AIMessage"],
            "kwargs": {"content": "", "type": "ai", "tool_calls": [], "invalid_tool_calls": []}}}]],
        "llm_output": null, "run": null, "type": "LLMResult"});
    for nothing in [json!({"output": null}), json!({"outputs": {}}), json!("{\"output\": null}"), failed] {
        assert_eq!(output(llm, &nothing, "out"), Mapped::default(), "{nothing}");
        for kind in [SpanKind::Chain, SpanKind::Tool] {
            assert_eq!(output(Some(kind), &json!({"output": null}), "out"), Mapped::default());
        }
    }
    assert_eq!(output(Some(SpanKind::Tool), &json!({"output": 0}), "out").tool_result, Some(json!(0)));
}

#[test]
fn a_lone_item_of_the_responses_api_is_an_answer() {
    let item = json!({"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{\"x\": 1}",
        "status": "completed"});
    let read = output(Some(SpanKind::Llm), &item, "out");
    let parts = read.output_messages.and_then(|messages| messages.into_iter().next()).map(|message| message.parts);
    let call = gleaner_model::Part::ToolCall {
        id: Some("call_1".to_owned()),
        name: "f".to_owned(),
        arguments: json!({"x": 1}),
    };
    assert_eq!(parts, Some(vec![call]));
    assert_eq!(read.response_id, None);
}
