use gleaner_model::{LogFragment, Part};
use serde_json::json;

use super::*;
use crate::derive::fixtures::{TestSpan, agent, chain, derive, llm, row, tool};

fn status_and_error(span: TestSpan) -> (String, Option<String>) {
    let trace = derive([span]);
    (trace.spans[0].status.clone(), trace.spans[0].error.clone())
}

#[test]
fn status_and_error_text() {
    let exception = json!({"exception.type": "E", "exception.message": "boom"});
    let table = [
        (chain("s"), "unset", None),
        (chain("s").status(1, ""), "ok", None),
        (chain("s").status(2, "E: boom"), "error", Some("E: boom")),
        (chain("s").status(2, "").event("exception", 1, exception.clone()), "error", Some("E: boom")),
        (
            chain("s").status(2, "E: boom").mapped(|mapped| mapped.error = Some("x.E: boom".into())),
            "error",
            Some("E: boom"),
        ),
        (chain("s").status(2, ""), "error", Some("error")),
        (chain("s").event("exception", 1, exception.clone()), "error", Some("E: boom")),
        (chain("s").status(1, "").event("exception", 1, exception), "ok", None),
        (chain("s").attr("error.type", "timeout"), "error", Some("timeout")),
        (chain("s").status(1, "").mapped(|mapped| mapped.error = Some("level".into())), "error", Some("level")),
    ];
    for (span, status, error) in table {
        assert_eq!(status_and_error(span.clone()), (status.to_owned(), error.map(str::to_owned)), "{:?}", span.0.span);
    }
}

#[test]
fn a_call_that_only_asks_for_tools_has_no_text() {
    let trace = derive([
        llm("m").asks(&[(None, "f", json!({}))]).mapped(|mapped| mapped.output_text = Some("{\"choices\":[]}".into())),
        agent("a").asks(&[(None, "f", json!({}))]).mapped(|mapped| mapped.output_text = Some("answer".into())),
        tool("t", "f").mapped(|mapped| mapped.tool_result = Some(json!({"n": 1}))),
    ]);
    assert_eq!(row(&trace, "m").output_text, None);
    assert_eq!(row(&trace, "a").output_text.as_deref(), Some("answer"));
    assert_eq!(row(&trace, "t").output_text.as_deref(), Some("{\"n\":1}"));
}

#[test]
fn input_text_is_the_question_of_a_call_and_the_record_of_an_agent() {
    let recorded = |span: TestSpan| span.mapped(|mapped| mapped.input_text = Some("recorded".into()));
    let trace = derive([
        recorded(llm("m").question("asked")),
        recorded(agent("a").question("asked")),
        agent("b").question("asked"),
    ]);
    let texts = ["m", "a", "b"].map(|id| row(&trace, id).input_text.clone());
    assert_eq!(texts, [Some("asked".into()), Some("recorded".into()), Some("asked".into())]);
}

#[test]
fn reasoning_is_kept_apart_from_the_answer() {
    let trace = derive([llm("m").mapped(|mapped| {
        let parts = vec![Part::reasoning("hm"), Part::Text { content: "yes".into() }];
        mapped.output_messages =
            Some(vec![Message { role: "assistant".into(), parts, name: None, finish_reason: None }]);
    })]);
    let row = row(&trace, "m");
    assert_eq!((row.output_text.as_deref(), row.reasoning_text.as_deref()), (Some("yes"), Some("hm")));
}

#[test]
fn events_and_log_records_stand_in_one_list_by_time() {
    let mut span = llm("m").event("late", 30, json!({"a": 1})).event("early", 10, json!({}));
    span.0.logs = vec![LogFragment {
        event_name: "record".into(),
        observed_time_unix_nano: 20,
        body: json!({"b": 2}),
        ..LogFragment::default()
    }];
    let trace = derive([span]);
    let events = &trace.spans[0].events;
    let names: Vec<&Value> = events.iter().map(|event| &event["name"]).collect();
    assert_eq!(names, ["early", "record", "late"]);
    assert_eq!((&events[1]["origin"], &events[1]["body"]), (&json!("log"), &json!({"b": 2})));
    assert_eq!(events[2]["attributes"], json!({"a": 1}));
}
