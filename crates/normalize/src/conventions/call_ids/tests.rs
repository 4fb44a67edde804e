use serde_json::{Value, json};

use super::super::map;
use super::super::tests::{input, output, span};

fn flattened(body_names: [&str; 2]) -> Value {
    let body = json!({"messages": [
        {"role": "user", "content": "Compare."},
        {"role": "assistant", "tool_calls": body_names.map(|name| {
            json!({"id": format!("call-{name}"), "type": "function", "function": {"name": name, "arguments": "{}"}})
        })},
        {"role": "tool", "tool_call_id": "call-f", "content": "1"},
        {"role": "tool", "tool_call_id": "call-g", "content": "2"},
    ]});
    json!({"openinference.span.kind": "LLM", "input.value": body.to_string(),
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.content": "Compare.",
        "llm.input_messages.1.message.role": "assistant",
        "llm.input_messages.1.message.tool_calls.0.tool_call.function.name": "f",
        "llm.input_messages.1.message.tool_calls.1.tool_call.function.name": "g",
        "llm.input_messages.2.message.role": "tool",
        "llm.input_messages.2.message.content": "1",
        "llm.input_messages.3.message.role": "tool",
        "llm.input_messages.3.message.content": "2",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": "Same."})
}

#[test]
fn ids_come_from_the_body() {
    let mapped = map(&span(flattened(["f", "g"])));
    let messages = input(&mapped);
    assert_eq!((&messages[1]["parts"][0]["id"], &messages[1]["parts"][1]["id"]), (&json!("call-f"), &json!("call-g")));
    assert_eq!((&messages[2]["parts"][0]["id"], &messages[3]["parts"][0]["id"]), (&json!("call-f"), &json!("call-g")));
    assert_eq!(output(&mapped)[0]["parts"].as_array().map(Vec::len), Some(1));
}

#[test]
fn another_conversation_gives_none() {
    let mapped = map(&span(flattened(["x", "h"])));
    assert_eq!(input(&mapped)[1]["parts"][0].get("id"), None);
}
