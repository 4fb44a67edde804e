use serde_json::{Value, json};

use super::{COMPLETED, finish_reason};

#[test]
fn canonical_words() {
    let cases: &[(Value, Option<&str>)] = &[
        (json!(["tool_calls"]), Some("tool_call")),
        (json!("['tool_calls']"), Some("tool_call")),
        (json!(r#"["tool_calls"]"#), Some("tool_call")),
        (json!("stop,length"), Some("stop")),
        (json!(["stop", "tool_calls"]), Some("tool_call")),
        (json!(["length", "tool_calls"]), Some("length")),
        (json!("FinishReason.STOP"), Some("stop")),
        (json!("FinishReason.MAX_TOKENS"), Some("length")),
        (json!("end_turn"), Some("stop")),
        (json!("completed"), Some(COMPLETED)),
        (json!("SAFETY"), Some("content_filter")),
        (json!("refusal"), Some("content_filter")),
        (json!({"unified": "tool-calls", "raw": "tool_use"}), Some("tool_call")),
        (json!("Pause_Turn"), Some("pause_turn")),
        (json!(""), None),
        (json!([]), None),
        (json!(null), None),
    ];
    for (sent, expected) in cases {
        assert_eq!(finish_reason(sent).as_deref(), *expected, "{sent}");
    }
}
