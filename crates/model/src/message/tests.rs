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

/// The writer names every field by hand; it must not drift from what serde writes.
#[test]
fn canonical_json_is_that_of_the_value() {
    let (some, text) = (Some("x\"\u{1}ä".to_owned()), "a\n\\b/\u{7f}🦀".to_owned());
    let parts = |id: &Option<String>| {
        let [mime_type, modality] = [id.clone(), id.clone()];
        vec![
            Part::Text { content: text.clone() },
            Part::ToolCall { id: id.clone(), name: text.clone(), arguments: json!({"z": [1, 2.5], "a": null}) },
            Part::ToolCall { id: id.clone(), name: text.clone(), arguments: Value::Null },
            Part::ToolCallResponse { id: id.clone(), name: id.clone(), response: json!("r") },
            Part::Reasoning { content: text.clone(), kind: ReasoningKind::Summary, data: id.clone() },
            Part::reasoning("raw"),
            Part::Refusal { content: text.clone() },
            Part::Blob { mime_type: mime_type.clone(), modality: modality.clone(), content: text.clone() },
            Part::File { mime_type: mime_type.clone(), modality: modality.clone(), file_id: text.clone() },
            Part::Uri { mime_type, modality, uri: text.clone() },
            Part::Other { value: json!({"b": 1, "a": [true]}) },
        ]
    };
    for id in [None, some] {
        let finish_reason = Some("stop".into());
        let message = Message { role: "assistant".into(), parts: parts(&id), name: id, finish_reason };
        assert_eq!(message.canonical_json(), crate::canonical_json(&message.to_json()));
    }
}
