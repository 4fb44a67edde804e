use gleaner_model::SpanKind;
use serde_json::{Value, json};

use crate::conventions::map;
use crate::conventions::tests::{input, log, output, span};

#[test]
fn content_is_logged_without_roles_or_escapes() {
    let mut merged =
        span(json!({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.system": "openai"}));
    merged.logs = vec![
        log("", 1, json!("Chat Model Prompt Content:\n[\"Be \"kind\".\", \"Hi\"]"), json!({})),
        log("", 2, json!("Chat Model Completion:\n[\"Hello, you\"]"), json!({})),
        log("", 3, json!("Something else"), json!({})),
    ];
    let mapped = map(&merged);
    let text = |role: &str, text: &str| json!({"role": role, "parts": [{"type": "text", "content": text}]});
    assert_eq!(input(&mapped), json!([text("user", "Be \"kind\"."), text("user", "Hi")]));
    assert_eq!(output(&mapped), json!([text("assistant", "Hello, you")]));
    assert_eq!(mapped.source_keys["input_messages"], "Chat Model Prompt Content");
}

#[test]
fn tools_clients_and_stores() {
    let tool = map(&span(json!({
        "spring.ai.kind": "tool_call",
        "gen_ai.operation.name": "framework",
        "gen_ai.system": "spring_ai",
        "spring.ai.tool.definition.name": "get_weather",
        "spring.ai.tool.call.id": "c1",
        "spring.ai.tool.call.arguments": r#"{"city": "Oslo"}"#,
        "spring.ai.tool.call.result": "rain",
    })));
    assert_eq!((tool.kind, tool.provider), (Some(SpanKind::Tool), None));
    assert_eq!((tool.tool_name.as_deref(), tool.tool_call_id.as_deref()), (Some("get_weather"), Some("c1")));
    assert_eq!((tool.tool_arguments, tool.tool_result), (Some(json!({"city": "Oslo"})), Some(json!("rain"))));

    let kind = |kind: &str, more: Value| {
        let mut attributes = json!({"spring.ai.kind": kind, "gen_ai.operation.name": "framework"});
        attributes.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        map(&span(attributes))
    };
    let client = kind("chat_client", json!({"spring.ai.chat.client.conversation.id": "c"}));
    assert_eq!((client.kind, client.session_key), (Some(SpanKind::Chain), Some((1, "c".into()))));
    let store = kind("vector_store", json!({"db.vector.query.content": "sun"}));
    assert_eq!((store.kind, store.input_text.as_deref()), (Some(SpanKind::Retriever), Some("sun")));
}
