use gleaner_model::SpanKind;
use serde_json::json;

use super::super::map;
use super::super::tests::{input, output, span};

#[test]
fn a_recorded_function_that_asks_a_model() {
    let mapped = map(&span(json!({
        "ai.observability.span_type": "generation", "ai.observability.conversation_id": "c-1",
        "ai.observability.cost.model": "m", "ai.observability.cost.num_prompt_tokens": 7,
        "ai.observability.cost.num_completion_tokens": 2,
        "ai.observability.call.kwargs.messages": "[{\"role\": \"user\", \"content\": \"q\"}]",
        "ai.observability.call.kwargs.self": "<object>", "ai.observability.call.return": "a"})));
    assert_eq!((mapped.kind, mapped.convention), (Some(SpanKind::Llm), Some("trulens")));
    assert_eq!((mapped.model.as_deref(), mapped.input_tokens, mapped.output_tokens), (Some("m"), Some(7), Some(2)));
    assert_eq!(input(&mapped)[0]["parts"][0]["content"], json!("q"));
    assert_eq!(output(&mapped)[0]["parts"][0]["content"], json!("a"));
    assert_eq!(mapped.session_key, Some((1, "c-1".into())));
}

#[test]
fn tools_and_the_root_of_a_record() {
    let mapped = map(&span(json!({"ai.observability.span_type": "tool",
        "ai.observability.call.kwargs.city": "Paris", "ai.observability.call.return": "sunny"})));
    assert_eq!((mapped.kind, mapped.tool_arguments), (Some(SpanKind::Tool), Some(json!({"city": "Paris"}))));
    assert_eq!(mapped.tool_result, Some(json!("sunny")));
    let mapped = map(&span(json!({"ai.observability.span_type": "MCP", "ai.observability.mcp.tool_name": "f",
        "ai.observability.mcp.input_arguments": "{\"x\": 1}", "ai.observability.mcp.output_content": "2"})));
    assert_eq!((mapped.tool_name.as_deref(), mapped.tool_arguments), (Some("f"), Some(json!({"x": 1}))));
    let mapped = map(&span(json!({"ai.observability.span_type": "record_root",
        "ai.observability.record_root.input": "q", "ai.observability.record_root.output": "a"})));
    assert_eq!((mapped.input_text.as_deref(), mapped.output_text.as_deref()), (Some("q"), Some("a")));
}
