use gleaner_model::SpanEvent;
use serde_json::{Value, json};

use super::super::map;
use super::super::tests::{input, log, output, span};

fn expected_input() -> Value {
    json!([
        {"role": "user", "parts": [{"type": "text", "content": "12 × 34?"}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "f", "arguments": {"x": 1}}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "408"}]},
    ])
}

#[test]
fn a_history_of_log_records_whatever_their_order() {
    let calls = json!([{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"x\": 1}"}}]);
    let mut merged = span(json!({"gen_ai.operation.name": "chat", "gen_ai.system": "openai"}));
    merged.logs = vec![
        log(
            "gen_ai.choice",
            9,
            json!({"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "408."}}),
            json!({}),
        ),
        log("gen_ai.system.message", 1, json!({"content": "Be brief."}), json!({})),
        log("gen_ai.user.message", 2, json!({"content": "12 × 34?"}), json!({})),
        log("gen_ai.assistant.message", 3, json!({"tool_calls": calls}), json!({})),
        log("gen_ai.tool.message", 4, json!({"id": "c1", "content": "408"}), json!({})),
    ];
    let mapped = map(&merged);
    assert_eq!(mapped.system_prompt.as_deref(), Some("Be brief."));
    assert_eq!(input(&mapped), expected_input());
    let answer =
        json!([{"role": "assistant", "parts": [{"type": "text", "content": "408."}], "finish_reason": "stop"}]);
    assert_eq!(output(&mapped), answer);
}

#[test]
fn calls_beside_and_inside_the_message_of_a_choice() {
    let calls = json!([{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"x\": 1}"}}]);
    let beside =
        json!({"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant"}, "tool_calls": calls});
    let inside =
        json!({"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant", "tool_calls": calls}});
    for body in [beside, inside] {
        let mut merged = span(json!({"gen_ai.operation.name": "chat"}));
        merged.logs = vec![log("gen_ai.choice", 1, body, json!({}))];
        let mapped = map(&merged);
        assert_eq!(output(&mapped)[0]["parts"], expected_input()[1]["parts"]);
        assert_eq!(mapped.finish_reason.as_deref(), Some("tool_call"));
    }
}

#[test]
fn span_events_with_fields_or_with_json_or_with_the_whole_list() {
    let shapes = [
        ("gen_ai.user.message", json!({"gen_ai.system": "x", "content": "hi"})),
        ("gen_ai.user.message", json!({"content": "[{\"text\": \"hi\"}]"})),
        ("gen_ai.user.message", json!({"gen_ai.event.content": "{\"role\": \"user\", \"content\": \"hi\"}"})),
        ("gen_ai.content.prompt", json!({"gen_ai.prompt": "[{\"role\": \"user\", \"content\": \"hi\"}]"})),
    ];
    for (name, attributes) in shapes {
        let mut merged = span(json!({"gen_ai.operation.name": "chat"}));
        let attributes = attributes.as_object().cloned().unwrap_or_default();
        merged.span.events =
            vec![SpanEvent { name: name.into(), attributes: attributes.clone(), ..SpanEvent::default() }];
        let expected = json!([{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]);
        assert_eq!(input(&map(&merged)), expected, "{name} {attributes:?}");
    }
}

#[test]
fn an_answer_in_a_span_event_may_be_text() {
    let mut merged = span(json!({"gen_ai.operation.name": "chat"}));
    let attributes = json!({"message": "408.", "finish_reason": "end_turn"}).as_object().cloned().unwrap_or_default();
    merged.span.events = vec![SpanEvent { name: "gen_ai.choice".into(), attributes, ..SpanEvent::default() }];
    let mapped = map(&merged);
    let answer =
        json!([{"role": "assistant", "parts": [{"type": "text", "content": "408."}], "finish_reason": "stop"}]);
    assert_eq!(output(&mapped), answer);
}

#[test]
fn empty_payloads_make_no_messages() {
    let mut merged = span(json!({"gen_ai.operation.name": "chat"}));
    merged.logs = vec![log("gen_ai.user.message", 1, json!({}), json!({"gen_ai.system": "openai"}))];
    assert_eq!(map(&merged).input_messages, None);
}

#[test]
fn a_body_that_python_printed() {
    let mut merged = span(json!({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}));
    let body = json!("{'role': 'user', 'parts': [{'type': 'text', 'content': \"it's me\"}]}");
    merged.logs = vec![log("gen_ai.user.message", 1, body, json!({"chat_message_index": 0}))];
    assert_eq!(input(&map(&merged)), json!([{"role": "user", "parts": [{"type": "text", "content": "it's me"}]}]));
}

/// botocore's instrumentation: an event for each result, and one for the message with all of them.
#[test]
fn results_that_are_told_twice_are_in_the_prompt_once() {
    let result = |id: &str| json!({"toolResult": {"toolUseId": id, "content": [{"text": "408"}]}});
    let mut merged = span(json!({"gen_ai.operation.name": "chat", "gen_ai.system": "aws.bedrock"}));
    merged.logs = vec![
        log("gen_ai.user.message", 1, json!({"content": [{"text": "hi"}]}), json!({})),
        log("gen_ai.tool.message", 2, json!({"id": "c1", "content": [{"text": "408"}]}), json!({})),
        log("gen_ai.tool.message", 3, json!({"id": "c2", "content": [{"text": "408"}]}), json!({})),
        log("gen_ai.user.message", 4, json!({"content": [result("c1"), result("c2")]}), json!({})),
        log("gen_ai.user.message", 5, json!({"content": [result("c3")]}), json!({})),
    ];
    let given = input(&map(&merged));
    let ids: Vec<&Value> = given.as_array().unwrap().iter().map(|message| &message["parts"][0]["id"]).collect();
    assert_eq!(ids, [&Value::Null, &json!("c1"), &json!("c2"), &json!("c3")]);
}
