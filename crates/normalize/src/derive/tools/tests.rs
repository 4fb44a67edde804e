use serde_json::json;

use crate::derive::fixtures::{TestSpan, agent, chain, derive, llm, row, tool};

fn with_call_id(span: TestSpan, id: &str) -> TestSpan {
    span.mapped(|mapped| mapped.tool_call_id = Some(id.into()))
}

#[test]
fn arguments_come_from_the_call_with_the_id() {
    let trace = derive([
        llm("m").at(1, 5).asks(&[(Some("c1"), "f", json!({"x": 1})), (Some("c2"), "f", json!({"x": 2}))]),
        with_call_id(tool("t", "f").at(6, 7), "c2"),
    ]);
    let row = row(&trace, "t");
    assert_eq!(row.tool_arguments, Some(json!({"x": 2})));
    assert_eq!(row.source_keys["tool_arguments"], "span:m");
}

#[test]
fn without_an_id_name_and_order_decide() {
    let trace = derive([
        agent("a").at(0, 100),
        llm("m").under("a").at(1, 5).asks(&[
            (Some("c1"), "f", json!({"x": 1})),
            (Some("c2"), "g", json!({"y": 1})),
            (Some("c3"), "f", json!({"x": 2})),
        ]),
        tool("t1", "f").under("a").at(6, 7),
        tool("t2", "f").under("a").at(8, 9),
        tool("t3", "g").under("a").at(10, 11),
        tool("t4", "g").under("a").at(12, 13),
    ]);
    let ids = ["t1", "t2", "t3", "t4"].map(|id| row(&trace, id).tool_call_id.clone());
    assert_eq!(ids, [Some("c1".into()), Some("c3".into()), Some("c2".into()), None]);
    assert_eq!(row(&trace, "t2").tool_arguments, Some(json!({"x": 2})));
    assert_eq!(row(&trace, "t4").tool_arguments, None, "every call is given away once");
}

/// A call that was never executed does not shift the later ones.
#[test]
fn the_latest_output_before_the_tool_is_meant() {
    let trace = derive([
        llm("m1").at(1, 5).asks(&[(Some("c1"), "f", json!({"x": 1}))]),
        llm("m2").at(6, 9).asks(&[(Some("c2"), "f", json!({"x": 2}))]),
        tool("t", "f").at(10, 11),
        llm("m3").at(12, 13).asks(&[(Some("c3"), "f", json!({"x": 3}))]),
    ]);
    assert_eq!(row(&trace, "t").tool_call_id.as_deref(), Some("c2"));
}

#[test]
fn a_sub_agent_s_calls_are_its_own() {
    let trace = derive([
        agent("main").at(0, 100),
        llm("m").under("main").at(1, 5).asks(&[(Some("main-call"), "f", json!({}))]),
        agent("sub").under("main").at(6, 50),
        chain("step").under("sub").at(6, 40),
        llm("s").under("step").at(7, 9).asks(&[(Some("sub-call"), "f", json!({}))]),
        tool("main-tool", "f").under("main").at(10, 11),
        tool("sub-tool", "f").under("sub").at(12, 13),
    ]);
    assert_eq!(row(&trace, "main-tool").tool_call_id.as_deref(), Some("main-call"));
    assert_eq!(row(&trace, "sub-tool").tool_call_id.as_deref(), Some("sub-call"));
}

#[test]
fn own_arguments_choose_among_parallel_calls_and_flattened_ones_are_replaced() {
    let ask = [(Some("c1"), "f", json!({"city": "Rome"})), (Some("c2"), "f", json!({"city": "Paris"}))];
    let trace = derive([
        llm("m").at(1, 5).asks(&ask),
        tool("t", "f").at(6, 7).mapped(|mapped| mapped.tool_arguments = Some(json!({"city": "Paris"}))),
        tool("u", "f").at(8, 9).mapped(|mapped| mapped.tool_arguments = Some(json!("Rome"))),
    ]);
    assert_eq!(row(&trace, "t").tool_call_id.as_deref(), Some("c2"));
    assert_eq!(row(&trace, "u").tool_arguments, Some(json!({"city": "Rome"})));
}

#[test]
fn what_a_tool_span_says_itself_stays() {
    let trace = derive([
        llm("m").at(1, 5).asks(&[(Some("c1"), "f", json!({"x": "from the model"}))]),
        with_call_id(tool("t", "f").at(6, 7), "c1")
            .mapped(|mapped| mapped.tool_arguments = Some(json!({"x": "as executed"}))),
    ]);
    assert_eq!(row(&trace, "t").tool_arguments, Some(json!({"x": "as executed"})));
}

#[test]
fn a_missing_result_is_what_the_next_call_was_told() {
    let trace = derive([
        llm("m").at(1, 5).asks(&[(Some("c1"), "f", json!({}))]),
        tool("t", "f").at(6, 7),
        llm("n").at(8, 9).told(&[("c1", "42")]),
    ]);
    assert_eq!(row(&trace, "t").tool_result, Some(json!("42")));
    assert_eq!(row(&trace, "t").tool_call_id.as_deref(), Some("c1"));
}

/// Some servers start numbering anew with every answer.
#[test]
fn repeated_ids_are_told_apart_by_time() {
    let trace = derive([
        llm("m1").at(1, 2).asks(&[(Some("call_0"), "f", json!({"x": 1}))]),
        with_call_id(tool("t1", "f").at(3, 4), "call_0"),
        llm("m2").at(5, 6).told(&[("call_0", "one")]).asks(&[(Some("call_0"), "f", json!({"x": 2}))]),
        with_call_id(tool("t2", "f").at(7, 8), "call_0"),
        llm("m3").at(9, 10).told(&[("call_0", "one"), ("call_0", "two")]),
    ]);
    let of = |id| (row(&trace, id).tool_arguments.clone(), row(&trace, id).tool_result.clone());
    assert_eq!(of("t1"), (Some(json!({"x": 1})), Some(json!("one"))));
    assert_eq!(of("t2"), (Some(json!({"x": 2})), Some(json!("two"))));
}
