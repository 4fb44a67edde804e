use serde_json::{Map, Value, json};

use super::filled;

fn attributes(body: &Value) -> Map<String, Value> {
    let Value::Object(attributes) = json!({
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.2.message.role": "tool",
        "input.value": body.to_string(),
    }) else {
        unreachable!()
    };
    attributes
}

fn told() -> Vec<Value> {
    vec![json!({"role": "user"}), json!({"role": "tool"})]
}

fn fill(body: &Value) -> Vec<Value> {
    filled(&attributes(body), "llm.input_messages", "input.value", told())
}

#[test]
fn an_empty_place_has_the_message_of_the_body() {
    let printed = "role='assistant' content='hi'";
    let messages = fill(&json!({"messages": [{"role": "user"}, printed, {"role": "tool"}]}));
    assert_eq!(messages, [json!({"role": "user"}), json!(printed), json!({"role": "tool"})]);
}

#[test]
fn a_body_of_other_messages_fills_nothing() {
    let others = [
        json!({"messages": [{"role": "system"}, {"role": "user"}, {"role": "tool"}]}),
        json!({"messages": [{"role": "user"}, {"role": "tool"}]}),
        json!({"prompt": "hi"}),
        json!("hi"),
    ];
    for body in others {
        assert_eq!(fill(&body), told(), "{body}");
    }
}

#[test]
fn a_list_without_gaps_stays() {
    let mut attributes = attributes(&json!({"messages": ["a", "b", "c"]}));
    attributes.remove("llm.input_messages.2.message.role");
    let told = vec![json!({"role": "user"})];
    assert_eq!(filled(&attributes, "llm.input_messages", "input.value", told.clone()), told);
}

/// OpenAI's Agents SDK for JavaScript: the body is the list of messages, without the instructions.
#[test]
fn a_message_that_is_a_role_alone_has_its_content_from_the_body() {
    let told = || {
        vec![
            json!({"role": "system", "content": "Be brief."}),
            json!({"role": "user", "content": "hi"}),
            json!({"role": "assistant"}),
            json!({"role": "assistant", "tool_calls": []}),
        ]
    };
    let answer = json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "ho"}]});
    let fill = |body: Value| {
        let attributes = json!({"input.value": body.to_string()}).as_object().cloned().unwrap_or_default();
        filled(&attributes, "llm.input_messages", "input.value", told())
    };
    let filled = fill(json!([{"role": "user", "content": "hi"}, answer, {"type": "function_call", "name": "f"}]));
    assert_eq!((&filled[2], &filled[3]), (&answer, &told()[3]));
    for other in
        [json!([{"role": "user"}]), json!([{"role": "user"}, {"role": "user"}, {"role": "assistant"}]), json!("hi")]
    {
        assert_eq!(fill(other.clone()), told(), "{other}");
    }
}
