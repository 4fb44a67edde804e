use gleaner_model::SpanKind;
use serde_json::{Value, json};

use crate::conventions::map;
use crate::conventions::tests::{input, output, span};
use crate::mapped::Mapped;

fn named(name: &str, attributes: Value) -> Mapped {
    let mut merged = span(attributes);
    merged.span.name = name.into();
    map(&merged)
}

#[test]
fn livekit_spells_content_two_ways() {
    for prefix in ["lk.", "lk.pii."] {
        let key = |key: &str| format!("{prefix}{key}");
        let context = json!({"items": [
            {"type": "agent_handoff", "id": "h"},
            {"type": "message", "role": "system", "content": ["Be brief."]},
            {"type": "message", "role": "user", "content": ["Weather in Oslo?"]},
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{\"city\": \"Oslo\"}"},
            {"type": "function_call_output", "call_id": "c1", "name": "f", "output": "rain"},
        ]});
        let node = named(
            "llm_node",
            json!({
                key("chat_ctx"): context.to_string(),
                key("response.text"): "It rains.",
                key("response.function_calls"): "[]",
                key("room_name"): "room",
                key("participant_identity"): "ada",
                "lk.agent_name": "guide",
            }),
        );
        assert_eq!((node.kind, node.system_prompt.as_deref()), (Some(SpanKind::Llm), Some("Be brief.")), "{prefix}");
        assert_eq!(
            input(&node),
            json!([
                {"role": "user", "parts": [{"type": "text", "content": "Weather in Oslo?"}]},
                {"role": "assistant", "parts": [
                    {"type": "tool_call", "id": "c1", "name": "f", "arguments": {"city": "Oslo"}},
                ]},
                {"role": "tool", "parts": [
                    {"type": "tool_call_response", "id": "c1", "name": "f", "response": "rain"},
                ]},
            ])
        );
        assert_eq!(output(&node), json!([{"role": "assistant", "parts": [{"type": "text", "content": "It rains."}]}]));
        assert_eq!((node.session_key, node.user_key.as_deref()), (Some((1, "room".into())), Some("ada")));
        assert_eq!(node.agent_name.as_deref(), Some("guide"));

        let tool = named(
            "function_tool",
            json!({
                "lk.function_tool.name": "f",
                "lk.function_tool.id": "c1",
                key("function_tool.arguments"): r#"{"city": "Oslo"}"#,
                key("function_tool.output"): "no station",
                "lk.function_tool.is_error": true,
            }),
        );
        assert_eq!((tool.kind, tool.tool_call_id.as_deref()), (Some(SpanKind::Tool), Some("c1")));
        assert_eq!(tool.tool_arguments, Some(json!({"city": "Oslo"})));
        assert_eq!(tool.error.as_deref(), Some("no station"));

        let turn = named("agent_turn", json!({key("user_input"): "Hi", "lk.agent_label": "guide"}));
        assert_eq!((turn.kind, turn.input_text.as_deref()), (Some(SpanKind::Agent), Some("Hi")));
    }
}

#[test]
fn livekit_asks_for_tools() {
    let node = named(
        "llm_node",
        json!({"lk.response.function_calls": r#"[{"call_id": "c2", "name": "f", "arguments": "{}"}]"#}),
    );
    assert_eq!(output(&node)[0]["parts"], json!([{"type": "tool_call", "id": "c2", "name": "f", "arguments": {}}]));
}

#[test]
fn livekits_keys_on_anothers_span_say_nothing_of_its_kind() {
    let copied = json!({"lk.room_name": "r", "gen_ai.operation.name": "chat", "gen_ai.request.model": "m"});
    assert_eq!(named("chat m", copied).kind, Some(SpanKind::Llm));
    assert_eq!(named("tts_node", json!({"lk.input_text": "Hello"})).kind, Some(SpanKind::Chain));
}
