use gleaner_model::Part;
use serde_json::{Value, json};

use super::parts;

/// The parts of a value, as JSON.
fn read(value: Value) -> Value {
    serde_json::to_value(parts(&value)).unwrap()
}

#[test]
fn tool_calls_of_every_shape() {
    let expected = json!([{"type": "tool_call", "id": "c1", "name": "f", "arguments": {"x": 1}}]);
    let shapes = [
        json!({"type": "tool_call", "id": "c1", "name": "f", "arguments": {"x": 1}}),
        json!({"type": "tool_call", "id": "c1", "name": "f", "arguments": "{\"x\": 1}"}),
        json!({"type": "tool_call", "id": "c1", "name": "f", "args": {"x": 1}}),
        json!({"type": "tool_use", "id": "c1", "name": "f", "input": {"x": 1}}),
        json!({"type": "function", "id": "c1", "function": {"name": "f", "arguments": "{\"x\": 1}"}}),
        json!({"type": "function_call", "id": "fc_9", "call_id": "c1", "name": "f", "arguments": "{\"x\":1}"}),
        json!({"type": "tool-call", "toolCallId": "c1", "toolName": "f", "input": {"x": 1}}),
        json!({"functionCall": {"id": "c1", "name": "f", "args": {"x": 1}}}),
        json!({"toolUse": {"toolUseId": "c1", "name": "f", "input": {"x": 1}}}),
    ];
    for shape in shapes {
        assert_eq!(read(shape.clone()), expected, "{shape}");
    }
}

#[test]
fn broken_arguments_stay_as_written() {
    let call = json!({"type": "tool_call", "name": "f", "arguments": "{\"x\": "});
    assert_eq!(read(call), json!([{"type": "tool_call", "name": "f", "arguments": "{\"x\": "}]));
}

#[test]
fn results_stay_the_text_that_was_sent() {
    let expected = json!([{"type": "tool_call_response", "id": "c1", "response": "{\"t\": 18}"}]);
    let shapes = [
        json!({"type": "tool_call_response", "id": "c1", "response": "{\"t\": 18}"}),
        json!({"type": "tool_call_response", "id": "c1", "result": "{\"t\": 18}"}),
        json!({"type": "tool_call_response", "id": "c1", "content": "{\"t\": 18}"}),
        json!({"type": "tool_result", "tool_use_id": "c1", "content": "{\"t\": 18}"}),
        json!({"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "{\"t\": 18}"}]}),
        json!({"type": "function_call_output", "call_id": "c1", "output": "{\"t\": 18}"}),
        json!({"type": "function_call_result", "callId": "c1", "output": {"type": "text", "text": "{\"t\": 18}"}}),
        json!({"type": "tool-result", "toolCallId": "c1", "output": {"type": "text", "value": "{\"t\": 18}"}}),
    ];
    for shape in shapes {
        assert_eq!(read(shape.clone()), expected, "{shape}");
    }
}

#[test]
fn reasoning_without_words_is_no_part() {
    let expected = json!([{"type": "reasoning", "content": "hm"}]);
    let shapes = [
        json!({"type": "reasoning", "content": "hm"}),
        json!({"type": "thinking", "thinking": "hm", "signature": "s"}),
        json!({"kind": "thinking", "text": "hm"}),
    ];
    for shape in shapes {
        assert_eq!(read(shape.clone()), expected, "{shape}");
    }
    assert_eq!(read(json!({"type": "reasoning", "summary": []})), json!([]));
    assert_eq!(read(json!({"type": "thinking", "thinking": ""})), json!([]));
}

#[test]
fn media_inline_by_reference_and_by_id() {
    let blob = json!([{"type": "blob", "mime_type": "image/png", "modality": "image", "content": "aGk="}]);
    assert_eq!(read(json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}})), blob);
    let source = json!({"type": "base64", "media_type": "image/png", "data": "aGk="});
    assert_eq!(read(json!({"type": "image", "source": source})), blob);
    assert_eq!(read(json!({"inlineData": {"mimeType": "image/png", "data": "aGk="}})), blob);
    assert_eq!(
        read(json!({"type": "image_url", "image_url": "https://x/y.png"})),
        json!([{"type": "uri", "modality": "image", "uri": "https://x/y.png"}])
    );
    assert_eq!(
        read(json!({"type": "file", "modality": "document", "file_id": "f1"})),
        json!([{"type": "file", "modality": "document", "file_id": "f1"}])
    );
}

#[test]
fn what_fits_no_shape_is_kept() {
    let odd = json!({"type": "compaction", "id": "k", "content": "…"});
    assert_eq!(read(odd.clone()), json!([{"type": "other", "value": odd}]));
    assert_eq!(read(json!([7, "text"])), json!([{"type": "other", "value": 7}, {"type": "text", "content": "text"}]));
}

#[test]
fn arguments_that_python_printed() {
    let printed = json!("{'city': 'Tromsø', 'deep': [True, None]}");
    assert_eq!(super::arguments(&printed), json!({"city": "Tromsø", "deep": [true, null]}));
    for text in ["{'city': 'Oslo'", "city('Oslo')", "{city}"] {
        assert_eq!(super::arguments(&json!(text)), json!(text));
    }
}

#[test]
fn a_block_of_bedrock_s_reasoning_in_the_place_of_a_text() {
    let text = json!({"reasoningText": {"text": "Hm.", "signature": "s"}});
    let read = parts(&json!([{"type": "reasoningContent", "content": text}, {"type": "text", "content": "Hi."}]));
    assert_eq!(read, [Part::reasoning("Hm."), Part::Text { content: "Hi.".into() }]);
    assert!(matches!(&parts(&json!([{"type": "reasoningContent", "content": 1}]))[..], [Part::Other { .. }]));
}
