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
