use serde_json::{Value, json};

use super::super::map;
use super::super::tests::{input, span};
use crate::mapped::MergedSpan;

fn call(text: Value) -> MergedSpan {
    let given = json!([{"role": "user", "parts": [{"type": "text", "content": text.to_string()}]}]);
    let mut span = span(json!({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m",
        "gen_ai.input.messages": given.to_string()}));
    span.span.scope.name = "@traceloop/instrumentation-openai".into();
    span
}

#[test]
fn a_list_of_items_is_no_text() {
    let items = json!([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "12 × 34?"},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{\"x\":1}"},
        {"type": "function_call_output", "call_id": "c1", "output": "408"}]);
    let mapped = map(&call(items));
    assert_eq!(mapped.system_prompt.as_deref(), Some("Be brief."));
    let roles: Vec<Value> = input(&mapped).as_array().unwrap().iter().map(|message| message["role"].clone()).collect();
    assert_eq!(roles, ["user", "assistant", "tool"]);
}

#[test]
fn json_that_the_user_wrote_stays_text() {
    for text in [json!([1, 2]), json!({"role": "user"}), json!([{"city": "Paris"}]), json!([])] {
        assert_eq!(input(&map(&call(text.clone())))[0]["parts"][0]["content"], json!(text.to_string()));
    }
    let mut elsewhere = call(json!([{"role": "user", "content": "hi"}]));
    elsewhere.span.scope.name = "app".into();
    assert_eq!(
        input(&map(&elsewhere))[0]["parts"][0]["content"],
        json!([{"role": "user", "content": "hi"}]).to_string()
    );
}
