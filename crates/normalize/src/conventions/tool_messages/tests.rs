use serde_json::json;

use super::super::map;
use super::super::tests::span;

#[test]
fn what_the_span_says_itself_stays() {
    let mapped = map(&span(json!({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "f",
        "gen_ai.tool.call.arguments": "{\"x\": 1}",
        "gen_ai.input.messages": "[{\"role\": \"user\", \"parts\": [{\"type\": \"tool_call\", \"name\": \"f\", \"arguments\": {\"x\": 2}}]}]",
        "gen_ai.output.messages": "[{\"role\": \"assistant\", \"parts\": [{\"type\": \"text\", \"content\": \"408\"}]}]"})));
    assert_eq!((mapped.tool_arguments, mapped.tool_result), (Some(json!({"x": 1})), Some(json!("408"))));
    assert_eq!((mapped.input_messages, mapped.output_messages), (None, None));
    assert_eq!(mapped.source_keys["tool_arguments"], json!("gen_ai.tool.call.arguments"));
    assert_eq!(mapped.source_keys["tool_result"], json!("gen_ai.output.messages"));
}
