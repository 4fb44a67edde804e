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
            Part::reasoning("hm"),
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
        parts: vec![Part::reasoning("r"), Part::Text { content: "a".into() }, Part::Text { content: "b".into() }],
        name: None,
        finish_reason: None,
    };
    assert_eq!(output_text(std::slice::from_ref(&message)).as_deref(), Some("a\nb"));
    assert_eq!(reasoning_text(&[message]).as_deref(), Some("r"));
}

#[test]
fn a_part_without_a_kind_hashes_as_ever_and_encrypted_reasoning_is_no_text() {
    let old: Message =
        serde_json::from_value(json!({"role": "assistant", "parts": [{"type": "reasoning", "content": "hm"}]}))
            .expect("reads");
    assert_eq!(old.parts, [Part::reasoning("hm")]);
    assert_eq!(
        old.content_hash().0,
        "f2f134101844439dded3e1f93199308f8a65d3f0ff549802c7c19c80218d7b2d",
        "as before kinds were told"
    );
    let parts =
        vec![Part::reasoning_summary("s"), Part::encrypted_reasoning(Some("gAAA".into())), Part::reasoning("r")];
    let message = Message { parts, ..Message::text("assistant", "") };
    assert_eq!(
        message.to_json()["parts"],
        json!([
            {"type": "reasoning", "content": "s", "kind": "summary"},
            {"type": "reasoning", "content": "", "kind": "encrypted", "data": "gAAA"},
            {"type": "reasoning", "content": "r"}
        ])
    );
    assert_eq!(serde_json::from_value::<Message>(message.to_json()).expect("reads"), message);
    assert_eq!(reasoning_text(&[message]).as_deref(), Some("s\nr"));
}
