use gleaner_model::Part;
use serde_json::{Value, json};

use crate::messages::{message, parts};

fn raw(text: &str) -> Vec<Part> {
    vec![Part::reasoning(text)]
}

fn summary(text: &str) -> Vec<Part> {
    vec![Part::reasoning_summary(text)]
}

fn encrypted(data: &str) -> Vec<Part> {
    vec![Part::encrypted_reasoning(Some(data.to_owned()))]
}

#[test]
fn openai_items_tell_words_summaries_and_encrypted_forms_apart() {
    let item = |fields: Value| {
        let mut item = json!({"type": "reasoning", "id": "rs_1"});
        item.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
        parts(&item)
    };
    let block = json!([{"type": "summary_text", "text": "Adding."}, {"type": "summary_text", "text": "Done."}]);
    assert_eq!(item(json!({"summary": block, "encrypted_content": "gAAA"})), summary("Adding.\nDone."));
    assert_eq!(item(json!({"summary": [], "encrypted_content": "gAAA"})), encrypted("gAAA"));
    assert_eq!(item(json!({"summary": [], "content": null})), Vec::new());
    let own = json!([{"type": "reasoning_text", "text": "1 and 2 make 3"}]);
    assert_eq!(item(json!({"summary": [], "content": own})), raw("1 and 2 make 3"));
    // As OpenInference flattens it: only the item's id is left to tell.
    assert_eq!(parts(&json!({"type": "reasoning", "id": "rs_1", "text": "Adding."})), summary("Adding."));
    // As others write it: the JSON of the blocks.
    assert_eq!(parts(&json!({"type": "reasoning", "content": block.to_string()})), summary("Adding.\nDone."));
}

#[test]
fn anthropic_s_redacted_blocks_and_bare_signatures_are_encrypted() {
    assert_eq!(parts(&json!({"type": "thinking", "thinking": "Hm.", "signature": "Eq"})), raw("Hm."));
    assert_eq!(parts(&json!({"type": "thinking", "thinking": "", "signature": "Eq"})), encrypted("Eq"));
    assert_eq!(parts(&json!({"type": "redacted_thinking", "data": "Em"})), encrypted("Em"));
    assert_eq!(parts(&json!({"type": "redacted-reasoning", "data": "Em"})), encrypted("Em"));
    // Claude Code's bodies: the text is taken out, and there was one.
    assert_eq!(parts(&json!({"type": "thinking", "thinking": "<REDACTED>", "signature": "Eq"})), encrypted("Eq"));
}

#[test]
fn gemini_s_thoughts_are_summaries() {
    assert_eq!(
        parts(&json!([{"text": "Adding.", "thought": true}, {"text": "3"}])),
        vec![Part::reasoning_summary("Adding."), Part::Text { content: "3".into() },]
    );
    assert_eq!(parts(&json!({"text": "", "thoughtSignature": "Cs"})), encrypted("Cs"));
    assert_eq!(parts(&json!({"thought_signature": "Cs"})), encrypted("Cs"));
    // A signature beside what can be read is of no use to a reader.
    let call = json!({"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "Cs"});
    assert!(matches!(parts(&call).as_slice(), [Part::ToolCall { .. }]));
    assert_eq!(parts(&json!({"text": "3", "thoughtSignature": "Cs"})), vec![Part::Text { content: "3".into() }]);
}

#[test]
fn bedrock_and_the_ai_sdk_tell_too() {
    let bedrock = json!({"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "Eq"}}});
    assert_eq!(parts(&bedrock), raw("Hm."));
    assert_eq!(parts(&json!({"reasoningContent": {"redactedContent": "Em"}})), encrypted("Em"));
    let bytes = json!({"reasoningContent": {"redactedContent": {"$bytes": "Em"}}});
    assert_eq!(parts(&bytes), vec![Part::encrypted_reasoning(None)]);
    let sdk = |text: &str, told: Value| parts(&json!({"type": "reasoning", "text": text, "providerMetadata": told}));
    assert_eq!(
        sdk("Adding.", json!({"openai": {"itemId": "rs_1", "reasoningEncryptedContent": "gA"}})),
        summary("Adding.")
    );
    assert_eq!(sdk("", json!({"openai": {"itemId": "rs_1", "reasoningEncryptedContent": "gA"}})), encrypted("gA"));
    assert_eq!(sdk("", json!({"anthropic": {"redactedData": "Em"}})), encrypted("Em"));
    assert_eq!(sdk("Hm.", json!({"anthropic": {"signature": "Eq"}})), raw("Hm."));
    assert_eq!(sdk("Adding.", json!({"google": {"thoughtSignature": "Cs"}})), summary("Adding."));
}

#[test]
fn details_beside_the_content_tell_what_the_text_is() {
    let told = |fields: Value| {
        let mut body = json!({"role": "assistant", "content": "3"});
        body.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
        let mut parts = message(&body, "assistant").parts;
        assert_eq!(parts.pop(), Some(Part::Text { content: "3".into() }));
        parts
    };
    assert_eq!(told(json!({"reasoning_content": "Hm."})), raw("Hm."));
    let of_openai =
        json!([{"type": "reasoning.summary", "summary": "Adding."}, {"type": "reasoning.encrypted", "data": "gA"}]);
    assert_eq!(told(json!({"reasoning": "Adding.", "reasoning_details": of_openai})), summary("Adding."));
    let hidden = json!([{"type": "reasoning.encrypted", "data": "gA"}]);
    assert_eq!(told(json!({"reasoning": null, "reasoning_details": hidden})), encrypted("gA"));
    let of_anthropic = json!([{"type": "thinking", "thinking": "Hm.", "signature": "Eq"}, {"type": "redacted_thinking", "data": "Em"}]);
    let both = vec![Part::reasoning("Hm."), Part::encrypted_reasoning(Some("Em".into()))];
    assert_eq!(told(json!({"reasoning_content": "Hm.", "thinking_blocks": of_anthropic})), both);
}
