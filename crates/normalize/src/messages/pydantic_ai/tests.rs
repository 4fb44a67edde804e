use serde_json::json;

use crate::messages::messages;

#[test]
fn a_request_is_what_each_role_says() {
    let part = |kind: &str, content: &str| json!({"part_kind": kind, "content": content});
    let history = json!([
        {"kind": "request", "instructions": "Be brief.", "parts": [part("user-prompt", "Rain?")]},
        {"kind": "response", "finish_reason": "tool_call", "parts": [part("thinking", "Look."),
            {"part_kind": "tool-call", "tool_name": "look", "args": "{\"at\": 1}", "tool_call_id": "c1"}]},
        {"kind": "request", "instructions": null, "parts": [
            {"part_kind": "tool-return", "tool_name": "look", "content": "wet", "tool_call_id": "c1"}]},
        {"kind": "response", "parts": [part("text", "Yes.")]},
    ]);
    let read = json!(messages(&history, "user"));
    let text = |role: &str, text: &str| json!({"role": role, "parts": [{"type": "text", "content": text}]});
    let call = json!({"type": "tool_call", "id": "c1", "name": "look", "arguments": {"at": 1}});
    let asks = json!([{"type": "reasoning", "content": "Look."}, call]);
    let told = json!([{"type": "tool_call_response", "id": "c1", "name": "look", "response": "wet"}]);
    assert_eq!(
        read,
        json!([
            text("system", "Be brief."),
            text("user", "Rain?"),
            {"role": "assistant", "parts": asks, "finish_reason": "tool_call"},
            {"role": "tool", "parts": told},
            text("assistant", "Yes."),
        ])
    );
}

#[test]
fn other_parts_are_not_taken_for_them() {
    let of_otel = json!([{"kind": "request", "role": "user", "parts": [{"type": "text", "content": "Rain?"}]}]);
    assert_eq!(json!(messages(&of_otel, "user"))[0]["parts"], json!([{"type": "text", "content": "Rain?"}]));
}
