use gleaner_model::SpanKind;
use serde_json::{Value, json};

use super::mark_called_functions;
use crate::conventions::map;
use crate::derive::fixtures::{TestSpan, chain, derive, llm, row};
use crate::mapped::{Mapped, MergedSpan};

fn span(name: &str, start: u64, attributes: Value) -> (MergedSpan, Mapped) {
    let mut span = MergedSpan::default();
    span.span.name = name.to_owned();
    span.span.start_time_unix_nano = start;
    span.span.attributes = attributes.as_object().cloned().unwrap_or_default();
    let mapped = map(&span);
    (span, mapped)
}

fn asking(start: u64) -> (MergedSpan, Mapped) {
    let call = json!([{"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "get_weather",
        "arguments": {"city": "Paris", "days": 2}}]}]);
    span("chat m", start, json!({"gen_ai.operation.name": "chat", "gen_ai.output.messages": call.to_string()}))
}

fn function(name: &str, start: u64, input: &Value) -> (MergedSpan, Mapped) {
    let output = "{\"celsius\": 18}";
    span(
        name,
        start,
        json!({"openinference.span.kind": "CHAIN", "input.value": input.to_string(), "output.value": output}),
    )
}

fn kinds(mut spans: Vec<(MergedSpan, Mapped)>) -> Vec<Option<SpanKind>> {
    mark_called_functions(&mut spans);
    spans.into_iter().map(|(_, mapped)| mapped.kind).collect()
}

#[test]
fn the_function_that_was_asked_for_is_the_tools_execution() {
    for given in [
        json!({"city": "Paris", "days": 2}),
        json!({"args": [], "kwargs": {"days": 2, "city": "Paris"}}),
        json!({"args": ["Paris", 2], "kwargs": {}}),
    ] {
        let mut spans = vec![function("get_weather", 5, &given), asking(1)];
        mark_called_functions(&mut spans);
        let tool = &spans[0].1;
        assert_eq!((tool.kind, tool.tool_name.as_deref()), (Some(SpanKind::Tool), Some("get_weather")), "{given}");
        assert_eq!(tool.tool_arguments, Some(json!({"city": "Paris", "days": 2})));
        assert_eq!(tool.tool_result, Some(json!("{\"celsius\": 18}")));
        assert_eq!(tool.source_keys["tool_result"], "output.value");
        assert_eq!((&tool.input_text, &tool.input_messages), (&None, &None));
    }
}

#[test]
fn other_functions_are_none() {
    let same = json!({"city": "Paris", "days": 2});
    let chain = Some(SpanKind::Chain);
    assert_eq!(kinds(vec![asking(1), function("other", 5, &same)])[1], chain, "another name");
    assert_eq!(
        kinds(vec![asking(1), function("get_weather", 5, &json!({"city": "Oslo"}))])[1],
        chain,
        "other arguments"
    );
    assert_eq!(kinds(vec![asking(9), function("get_weather", 5, &same)])[1], chain, "before it was asked for");
    let tool = span("get_weather", 6, json!({"openinference.span.kind": "TOOL", "tool.name": "get_weather"}));
    assert_eq!(kinds(vec![asking(1), function("get_weather", 5, &same), tool])[1], chain, "around the tool's own span");
}

#[test]
fn a_function_that_is_told_apart_needs_no_comparing() {
    let function = |id: &str, start: u64, name: &str, arguments: Option<Value>| {
        chain(id).at(start, start + 1).mapped(|mapped| {
            mapped.tool_name = Some(name.into());
            mapped.tool_arguments = arguments;
        })
    };
    let spans = [
        function("before", 1, "f", Some(json!({"a": 1}))),
        llm("model").at(3, 4).asks(&[(Some("c1"), "f", json!({"a": 1})), (Some("c2"), "g", json!({}))]),
        function("asked", 5, "f", Some(json!({"a": 1}))),
        function("unasked", 7, "f", Some(json!({"a": 2}))),
        function("failed", 9, "g", None),
        function("helper", 11, "h", None),
    ];
    let mut pairs: Vec<_> = spans.into_iter().map(|TestSpan(merged, mapped)| (merged, mapped)).collect();
    mark_called_functions(&mut pairs);
    let trace = derive(pairs.into_iter().map(|(merged, mapped)| TestSpan(merged, mapped)));
    let is_tool = |id: &str| row(&trace, id).kind == SpanKind::Tool;
    assert_eq!(["before", "asked", "unasked", "failed", "helper"].map(is_tool), [false, true, false, true, false]);
    assert_eq!(row(&trace, "asked").tool_call_id.as_deref(), Some("c1"));
    assert_eq!(row(&trace, "unasked").tool_name, None);
}
