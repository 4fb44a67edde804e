use gleaner_model::SpanKind;
use serde_json::json;

use super::super::map;
use super::super::tests::{input, output, span};

#[test]
fn decorated_functions() {
    let mapped = map(&span(json!({
        "honeyhive_event_type": "tool", "honeyhive_inputs.city": "Paris", "honeyhive_inputs.days": 2,
        "honeyhive_outputs.result": "sunny", "honeyhive.session_id": "s-1", "honeyhive_user_properties.user_id": "u-1"})));
    assert_eq!((mapped.kind, mapped.convention), (Some(SpanKind::Tool), Some("honeyhive")));
    assert_eq!(mapped.tool_arguments, Some(json!({"city": "Paris", "days": 2})));
    assert_eq!(mapped.tool_result, Some(json!("sunny")));
    assert_eq!((mapped.session_key, mapped.user_key.as_deref()), (Some((1, "s-1".into())), Some("u-1")));
    let mapped = map(&span(json!({"honeyhive_event_type": "model",
        "honeyhive_inputs.messages": "[{\"role\": \"user\", \"content\": \"q\"}]",
        "honeyhive_outputs.result": "a"})));
    assert_eq!(mapped.kind, Some(SpanKind::Llm));
    assert_eq!(input(&mapped)[0]["parts"][0]["content"], json!("q"));
    assert_eq!(output(&mapped)[0]["parts"][0]["content"], json!("a"));
}

#[test]
fn a_type_that_was_only_presumed_makes_no_tool() {
    let mapped = map(&span(json!({"honeyhive_event_type": "tool", "http.method": "GET"})));
    assert_eq!((mapped.kind, mapped.convention), (None, None));
}
