use gleaner_model::SpanKind;
use serde_json::json;

use crate::conventions::map;
use crate::conventions::tests::span;

#[test]
fn a_function_that_the_sdk_called() {
    let tool =
        map(&span(json!({"gen_ai.system": "gemini", "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "f",
        "code.function.name": "f", "code.args.keyword.count": 2,
        "code.function.parameters.city.type": "str", "code.function.parameters.city.value": "Paris",
        "code.function.parameters.days.type": "int", "code.function.parameters.days.value": 2,
        "code.function.return.type": "str", "code.function.return.value": "sunny"})));
    assert_eq!((tool.kind, tool.tool_name.as_deref()), (Some(SpanKind::Tool), Some("f")));
    assert_eq!(
        (tool.tool_arguments, tool.tool_result),
        (Some(json!({"city": "Paris", "days": 2})), Some(json!("sunny")))
    );
    assert_eq!(tool.convention, Some("otel_genai"));
}

#[test]
fn other_functions_are_no_tools() {
    let function = map(&span(json!({"code.function.name": "f", "code.function.return.value": "sunny"})));
    assert_eq!((function.convention, function.tool_result), (None, None));
}

/// Guarantees: ids that differ between a call and its result, and repeat with every turn, pair nothing; others stay.
#[test]
fn ids_that_the_instrumentation_made_up() {
    let messages = |call: &str, result: &str| {
        let call = json!({"type": "tool_call", "id": call, "name": "f", "arguments": {}});
        let result = json!({"type": "tool_call_response", "id": result, "response": {"result": 7}});
        json!([{"role": "user", "parts": [{"type": "text", "content": "?"}]}, {"role": "assistant", "parts": [call]},
            {"role": "user", "parts": [result]}])
    };
    let parts = |model: &str, call: &str, result: &str| {
        let attributes = json!({"gen_ai.operation.name": "generate_content", "gen_ai.request.model": model,
            "gen_ai.input.messages": messages(call, result).to_string()});
        let input = json!(map(&span(attributes)).input_messages);
        (input[1]["parts"][0]["id"].clone(), input[2]["parts"][0]["id"].clone(), input[2]["parts"][0]["name"].clone())
    };
    assert_eq!(parts("gemini-2.5-flash", "f_1", "f_0"), (json!(null), json!(null), json!("f")));
    assert_eq!(parts("gemini-2.5-flash", "x_1", "x_1"), (json!("x_1"), json!("x_1"), json!(null)));
    assert_eq!(parts("gpt-5", "f_1", "f_1").0, json!("f_1"));
}
