use serde_json::json;

use super::*;

#[test]
fn a_message_hashes_the_same_as_output_and_as_history() {
    let mut output = Message::text("assistant", "Paris");
    let history = output.clone();
    output.finish_reason = Some("stop".into());
    assert_eq!(output.content_hash(), history.content_hash());
}

#[test]
fn parts_use_the_schema_s_type_names() {
    let message = Message {
        role: "assistant".into(),
        parts: vec![
            Part::Reasoning { content: "hm".into() },
            Part::ToolCall { id: Some("c1".into()), name: "f".into(), arguments: json!({"x": 1}) },
        ],
        name: None,
        finish_reason: None,
    };
    assert_eq!(
        serde_json::to_value(&message).expect("serializes"),
        json!({"role": "assistant", "parts": [
            {"type": "reasoning", "content": "hm"},
            {"type": "tool_call", "id": "c1", "name": "f", "arguments": {"x": 1}}
        ]})
    );
}

#[test]
fn text_is_joined_and_reasoning_kept_apart() {
    let message = Message {
        role: "assistant".into(),
        parts: vec![
            Part::Reasoning { content: "r".into() },
            Part::Text { content: "a".into() },
            Part::Text { content: "b".into() },
        ],
        name: None,
        finish_reason: None,
    };
    assert_eq!(output_text(std::slice::from_ref(&message)).as_deref(), Some("a\nb"));
    assert_eq!(reasoning_text(&[message]).as_deref(), Some("r"));
}
