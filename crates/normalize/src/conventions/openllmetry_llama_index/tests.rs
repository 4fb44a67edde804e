use gleaner_model::SpanKind;
use serde_json::{Value, json};

use crate::conventions::map;
use crate::conventions::tests::span;

fn output(failed: bool) -> Value {
    json!({"blocks": [{"block_type": "text", "text": "sunny"}], "tool_name": "get_weather",
        "raw_input": {"args": [], "kwargs": {"city": "Paris"}}, "raw_output": "sunny", "is_error": failed})
}

fn task(returned: &Value) -> crate::mapped::Mapped {
    map(&span(json!({"traceloop.span.kind": "task", "traceloop.entity.name": "FunctionTool.task",
        "traceloop.entity.input": "{\"kwargs\": {\"city\": \"Paris\"}}", "traceloop.entity.output": returned.to_string()})))
}

#[test]
fn a_tool_and_the_step_around_it() {
    let tool = task(&output(false));
    assert_eq!((tool.kind, tool.tool_name.as_deref()), (Some(SpanKind::Tool), Some("get_weather")));
    assert_eq!((tool.tool_arguments, tool.tool_call_id), (Some(json!({"city": "Paris"})), None));
    assert_eq!((tool.tool_result, tool.error), (Some(json!("sunny")), None));

    let step = json!({"tool_name": "get_weather", "tool_kwargs": {"city": "Paris"}, "tool_id": "c1",
        "tool_output": output(true), "return_direct": false});
    // As JSON text of JSON text before 2026.
    for returned in [step.clone(), json!(step.to_string())] {
        let step = task(&returned);
        assert_eq!((step.kind, step.tool_call_id.as_deref()), (Some(SpanKind::Tool), Some("c1")));
        assert_eq!((step.tool_arguments, step.tool_result), (Some(json!({"city": "Paris"})), Some(json!("sunny"))));
        assert_eq!(step.error.as_deref(), Some("sunny"));
    }
}

#[test]
fn other_steps_stay_steps() {
    let step = task(&json!({"input": [], "current_agent_name": "weather"}));
    assert_eq!((step.kind, step.tool_name), (Some(SpanKind::Chain), None));
}
