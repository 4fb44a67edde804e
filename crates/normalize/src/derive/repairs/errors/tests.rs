use gleaner_model::AttemptStatus;
use serde_json::json;

use crate::derive::fixtures::{TestSpan, agent, attempt, derive, llm, row, tool};

const FAILED: i32 = 2;

/// A run whose tool failed, and which answered all the same.
fn run() -> Vec<TestSpan> {
    let stopped = |span: TestSpan| span.mapped(|mapped| mapped.finish_reason = Some("stop".into()));
    vec![
        stopped(agent("a").at(0, 100).answer("It failed.")).status(FAILED, "no backend"),
        tool("t", "f").under("a").at(1, 2).status(FAILED, "no backend").event("exception", 2, json!({})),
        stopped(llm("l").under("a").at(3, 9).answer("It failed.")).status(FAILED, "no backend"),
    ]
}

#[test]
fn a_tool_s_failure_on_spans_that_answered_is_the_tool_s_alone() {
    let trace = derive(run());
    assert_eq!((row(&trace, "l").status.as_str(), &row(&trace, "l").error), ("ok", &None));
    assert_eq!(row(&trace, "t").error.as_deref(), Some("no backend"));
    let attempt = attempt(&trace, "a").unwrap();
    assert_eq!((attempt.status, attempt.llm_calls_failed, attempt.tool_calls_failed), (AttemptStatus::Ok, 0, 1));
}

#[test]
fn other_failures_stay() {
    let of = |change: fn(TestSpan) -> TestSpan| {
        let mut spans = run();
        spans[2] = change(spans[2].clone());
        row(&derive(spans), "l").status.clone()
    };
    assert_eq!(of(|span| span.status(FAILED, "too many requests")), "error");
    assert_eq!(of(|span| span.event("exception", 9, json!({}))), "error");
    assert_eq!(of(|span| span.mapped(|mapped| mapped.output_messages = None)), "error");
}
