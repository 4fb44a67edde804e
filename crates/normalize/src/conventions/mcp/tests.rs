use gleaner_model::SpanKind;
use serde_json::{Value, json};

use crate::conventions::map;
use crate::conventions::tests::span;
use crate::mapped::Mapped;

fn request(name: &str, attributes: Value) -> Mapped {
    let mut merged = span(attributes);
    merged.span.name = name.into();
    map(&merged)
}

#[test]
fn a_tool_call_is_a_tool() {
    let mapped = request(
        "tools/call get_weather",
        json!({
            "mcp.method.name": "tools/call",
            "mcp.session.id": "connection",
            "mcp.request.argument": r#"{"city": "Oslo"}"#,
            "mcp.response.value": "rain",
        }),
    );
    assert_eq!((mapped.kind, mapped.tool_name.as_deref()), (Some(SpanKind::Tool), Some("get_weather")));
    assert_eq!((mapped.tool_arguments, mapped.tool_result), (Some(json!({"city": "Oslo"})), Some(json!("rain"))));
    assert_eq!(mapped.session_key, None);
}

#[test]
fn other_requests_are_steps() {
    let listed = request("tools/list", json!({"mcp.method.name": "tools/list"}));
    assert_eq!((listed.kind, listed.tool_name), (Some(SpanKind::Chain), None));
    let prompt = request("prompts/get p", json!({"mcp.method.name": "prompts/get", "gen_ai.prompt.name": "p"}));
    assert_eq!(prompt.kind, Some(SpanKind::Chain));
}

#[test]
fn the_python_client_s_own_span_names_the_tool_in_its_name() {
    let sent = json!({"mcp.method.name": "tools/call", "jsonrpc.request.id": "3"});
    let mapped = request("MCP send tools/call get_weather", sent);
    assert_eq!((mapped.kind, mapped.tool_name.as_deref()), (Some(SpanKind::Tool), Some("get_weather")));
}
