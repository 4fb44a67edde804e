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
