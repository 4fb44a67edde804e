use serde_json::{Value, json};

use super::super::map;
use super::super::tests::span;
use crate::mapped::Mapped;

fn tool(input: Value, output: Value) -> Mapped {
    map(&span(json!({"openinference.span.kind": "TOOL", "tool.name": "f", "input.value": input.to_string(),
        "output.value": output.to_string()})))
}

#[test]
fn llama_index_repeats_the_call_around_the_result() {
    let mapped = tool(
        json!({"kwargs": {"city": "Oslo"}}),
        json!({"blocks": [{"text": "4°C"}], "tool_name": "f", "raw_input": {"args": [], "kwargs": {"city": "Oslo"}},
            "raw_output": "4°C", "is_error": false}),
    );
    assert_eq!((mapped.tool_arguments, mapped.tool_result), (Some(json!({"city": "Oslo"})), Some(json!("4°C"))));
    let older = tool(json!({}), json!({"content": "4°C", "tool_name": "f", "raw_input": {}, "raw_output": 4}));
    assert_eq!(older.tool_result, Some(json!("4°C")));
}

#[test]
fn a_tool_s_own_object_stays_as_it_was_sent() {
    let mapped = tool(json!({"city": "Oslo"}), json!({"temp_c": 4}));
    assert_eq!(mapped.tool_result, Some(json!("{\"temp_c\":4}")));
}

#[test]
fn beeai_s_options_are_no_arguments() {
    let mapped = tool(json!({"input": {"city": "Oslo"}, "options": null}), json!("4°C"));
    assert_eq!(mapped.tool_arguments, Some(json!({"city": "Oslo"})));
    // A tool of its own may take an input.
    let own = tool(json!({"input": {"city": "Oslo"}, "units": "C"}), json!("4°C"));
    assert_eq!(own.tool_arguments, Some(json!({"input": {"city": "Oslo"}, "units": "C"})));
}
