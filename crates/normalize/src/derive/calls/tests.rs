use gleaner_model::Message;
use serde_json::json;

use super::*;
use crate::derive::fixtures::{TestSpan, agent, attempt, chain, derive, llm, row, span, tool};

#[test]
fn a_wrapper_of_two_calls_becomes_a_chain_and_is_not_summed() {
    let trace = derive([
        llm("wrapper").at(1, 100).tokens(30, 3).answer("done"),
        llm("one").under("wrapper").at(2, 10).tokens(10, 1).asks(&[(Some("c"), "f", json!({}))]),
        llm("two").under("wrapper").at(20, 30).tokens(20, 2).answer("done"),
    ]);
    assert_eq!(row(&trace, "wrapper").kind, SpanKind::Chain);
    assert_eq!(row(&trace, "wrapper").duplicate_of, None);
    let attempt = &trace.attempts[0];
    assert_eq!((attempt.llm_calls, attempt.input_tokens, attempt.output_tokens), (2, Some(30), Some(3)));
    assert_eq!(row(&trace, "wrapper").input_tokens, Some(30), "what it reported is kept beside");
}

#[test]
fn a_wrapper_that_invokes_an_agent_becomes_an_agent() {
    let trace = derive([
        llm("w").at(1, 100).answer("other").mapped(|mapped| mapped.operation = Some("invoke_agent".into())),
        llm("c").under("w").at(2, 10).answer("x"),
    ]);
    assert_eq!(row(&trace, "w").kind, SpanKind::Agent);
}

/// A tool span between the two makes no difference: what encloses another model's call is no leaf.
#[test]
fn a_wrapper_around_a_wrapper_is_one_too() {
    let trace = derive([
        llm("outer").at(1, 100).answer("b"),
        llm("middle").under("outer").at(2, 90).answer("b"),
        llm("one").under("middle").at(3, 10).answer("a"),
        tool("t", "f").under("middle").at(11, 15),
        llm("two").under("t").at(12, 14).answer("b"),
    ]);
    let kinds = ["outer", "middle", "one", "two"].map(|id| row(&trace, id).kind);
    assert_eq!(kinds, [SpanKind::Chain, SpanKind::Chain, SpanKind::Llm, SpanKind::Llm]);
}

/// Two instrumentations on one client: nested, same model, same answer.
#[test]
fn nested_reports_of_one_call_count_once_and_the_richest_stands() {
    let trace = derive([
        llm("outer").at(1, 100).answer("hello").mapped(|mapped| mapped.model = Some("openai/M".into())),
        llm("inner").under("outer").at(2, 90).question("hi").answer("hello ").tokens(5, 1),
    ]);
    assert_eq!(row(&trace, "outer").kind, SpanKind::Llm);
    assert_eq!(row(&trace, "outer").duplicate_of.as_deref(), Some("inner"));
    assert_eq!(row(&trace, "inner").duplicate_of, None);
    assert_eq!((trace.attempts[0].llm_calls, trace.attempts[0].input_tokens), (1, Some(5)));
}

/// One records content, the other usage: the one with content is the span and gets the usage.
#[test]
fn the_richest_report_takes_what_only_the_other_says() {
    let trace = derive([
        llm("content").at(1, 100).question("hi").answer("hello"),
        llm("usage").under("content").at(2, 90).tokens(5, 1).mapped(|mapped| mapped.response_id = Some("r".into())),
    ]);
    assert_eq!(row(&trace, "usage").duplicate_of.as_deref(), Some("content"));
    let richest = row(&trace, "content");
    assert_eq!((richest.input_tokens, richest.response_id.as_deref()), (Some(5), Some("r")));
    assert_eq!(richest.source_keys["input_tokens"], "span:usage");
    assert_eq!(trace.attempts[0].input_tokens, Some(5));
}

#[test]
fn other_models_or_other_answers_are_other_calls() {
    let other_model = derive([
        llm("outer").at(1, 100).answer("x"),
        llm("inner").under("outer").at(2, 90).answer("x").mapped(|mapped| mapped.model = Some("n".into())),
    ]);
    assert_eq!(row(&other_model, "outer").kind, SpanKind::Chain);
    let other_answer = derive([llm("outer").at(1, 100).answer("x"), llm("inner").under("outer").at(2, 90).answer("y")]);
    assert_eq!(row(&other_answer, "outer").kind, SpanKind::Chain);
}

/// A streaming span that stays current after its end becomes the parent of the next call by accident.
#[test]
fn a_call_that_begins_after_its_parent_ended_is_not_below_it() {
    let trace = derive([
        llm("first").at(1, 10).tokens(1, 1).answer("a"),
        llm("next").under("first").at(11, 20).tokens(2, 2).answer("b"),
    ]);
    assert_eq!(row(&trace, "first").kind, SpanKind::Llm);
    assert_eq!((trace.attempts[0].llm_calls, trace.attempts[0].input_tokens), (2, Some(3)));
}

#[test]
fn one_response_id_is_one_call_anywhere_in_the_trace() {
    let with_id = |span: TestSpan| span.mapped(|mapped| mapped.response_id = Some("r1".into()));
    let trace = derive([
        agent("a").at(1, 100),
        with_id(llm("x").under("a").at(2, 10).tokens(5, 5)),
        chain("c").under("a").at(2, 10),
        with_id(llm("y").under("c").at(3, 9).tokens(5, 5).answer("hello")),
    ]);
    assert_eq!(row(&trace, "x").duplicate_of.as_deref(), Some("y"));
    assert_eq!(attempt(&trace, "y").map(|attempt| (attempt.llm_calls, attempt.input_tokens)), Some((1, Some(5))));
}

/// A server that numbers every answer alike does not make a conversation one call.
#[test]
fn one_response_id_with_two_answers_one_after_the_other_is_two_calls() {
    let with_id = |span: TestSpan| span.mapped(|mapped| mapped.response_id = Some("r1".into()));
    let trace = derive([with_id(llm("x").at(2, 10).answer("a")), with_id(llm("y").at(12, 19).answer("b"))]);
    assert_eq!(trace.attempts[0].llm_calls, 2);
    let empty_ids = derive([
        llm("x").at(2, 10).mapped(|mapped| mapped.response_id = Some(String::new())),
        llm("y").at(3, 9).mapped(|mapped| mapped.response_id = Some(String::new())),
    ]);
    assert_eq!(empty_ids.attempts[0].llm_calls, 2);
}

/// A streaming span is not current while it streams, so the inner instrumentation's span stands beside it.
#[test]
fn reports_side_by_side_from_two_tracers_are_one_call() {
    let from = |scope: &str, span: TestSpan| {
        let mut span = span.under("a");
        span.0.span.scope.name = scope.into();
        span
    };
    let count = |first: TestSpan, second: TestSpan| {
        derive([agent("a").at(0, 1 << 40), first.at(100, 900), second.at(110, 950)]).attempts[0].llm_calls
    };
    let with_id = |span: TestSpan, id: &str| span.mapped(|mapped| mapped.response_id = Some(id.into()));
    assert_eq!(count(from("x", with_id(llm("m"), "r")), from("y", llm("n").answer("hello"))), 1);
    assert_eq!(count(from("x", llm("m").status(2, "500")), from("y", llm("n").status(2, "500"))), 1);
    assert_eq!(count(from("x", llm("m")), from("x", llm("n"))), 2, "one tracer tells of a call once");
    assert_eq!(count(from("x", llm("m").answer("a")), from("y", llm("n").answer("b"))), 2);
    assert_eq!(count(from("x", with_id(llm("m"), "r1")), from("y", with_id(llm("n"), "r2"))), 2);

    let late = from("y", llm("n")).at(100_000_000, 300_000_000);
    let trace = derive([agent("a").at(0, 1 << 40), from("x", llm("m")).at(100, 200_000_000), late]);
    assert_eq!(trace.attempts[0].llm_calls, 2, "they only overlap");
}

/// The outer report names the dated model that answered as the model; the inner knows what was asked for.
#[test]
fn the_requested_model_is_the_one_that_did_not_answer() {
    let models = |span: TestSpan, model: &str, response: Option<&str>| {
        span.mapped(|mapped| {
            mapped.model = Some(model.into());
            mapped.response_model = response.map(str::to_owned);
        })
    };
    let trace = derive([
        models(llm("outer").at(1, 100).question("q").answer("hello"), "m-2026", None),
        models(llm("inner").under("outer").at(2, 90).answer("hello"), "m", Some("m-2026")),
    ]);
    assert_eq!(row(&trace, "inner").duplicate_of.as_deref(), Some("outer"));
    assert_eq!(
        (row(&trace, "outer").model.as_deref(), row(&trace, "outer").response_model.as_deref()),
        (Some("m"), Some("m-2026"))
    );
}

/// Guarantees: a model's name with its date is the same model's; a longer name is another's.
#[test]
fn a_dated_name_is_the_same_model() {
    let rows = |outer: &str, inner: &str| {
        let model = |span: TestSpan, name: &str| span.mapped(|mapped| mapped.model = Some(name.into()));
        let trace = derive([
            model(llm("outer").at(1, 100).question("q").answer("hello"), outer),
            model(llm("inner").under("outer").at(2, 90).question("q").answer("hello"), inner),
        ]);
        let calls = trace.spans.iter().filter(|span| span.kind == SpanKind::Llm);
        let counted: Vec<_> = calls.filter(|span| span.duplicate_of.is_none()).collect();
        (counted.len(), counted[0].model.clone().unwrap_or_default(), counted[0].response_model.clone())
    };
    let both = (1, "m-4o".to_owned(), Some("m-4o-2024-07-18".to_owned()));
    assert_eq!(rows("m-4o", "m-4o-2024-07-18").0, 1);
    assert_eq!(rows("m-4o-2024-07-18", "m-4o"), both);
    // The wrapper becomes a chain.
    assert_eq!(rows("m-4o", "m-4o-mini").1, "m-4o-mini");
}

#[test]
fn a_tool_inside_the_same_tool_is_one_execution() {
    let trace = derive([
        tool("framework", "search").at(1, 10).mapped(|mapped| mapped.tool_arguments = Some(json!({"q": "x"}))),
        chain("transport").under("framework").at(2, 9),
        tool("client", "search").under("transport").at(3, 8).mapped(|mapped| mapped.tool_result = Some(json!("found"))),
        tool("other", "fetch").under("client").at(4, 5),
    ]);
    assert_eq!(trace.attempts[0].tool_calls, 2);
    assert_eq!(row(&trace, "client").duplicate_of.as_deref(), Some("framework"));
    assert_eq!(row(&trace, "framework").tool_result, Some(json!("found")));
}

#[test]
fn a_retried_tool_call_is_two_executions() {
    let with_id = |span: TestSpan| span.mapped(|mapped| mapped.tool_call_id = Some("c1".into()));
    let trace = derive([with_id(tool("one", "f").at(1, 5).status(2, "timed out")), with_id(tool("two", "f").at(6, 9))]);
    assert_eq!((trace.attempts[0].tool_calls, trace.attempts[0].tool_calls_failed), (2, 1));
}

/// A streamed call in two spans: the request, which ended before the stream did, and the record of its answer.
#[test]
fn a_late_record_is_the_answer_of_its_request() {
    let record =
        |id: &str| llm(id).question("hi").answer("hello").tokens(5, 1).mapped(|mapped| mapped.is_late_record = true);
    let trace = derive([
        chain("turn").at(1, 100),
        llm("one").under("turn").at(2, 10).question("hi"),
        llm("two").under("turn").at(3, 11).question("hi"),
        llm("failed").under("turn").at(4, 12).question("hi").status(2, "429"),
        record("of two").under("turn").at(50, 50),
        record("of one").under("turn").at(60, 60),
        record("alone").under("turn").at(70, 70),
        llm("three").under("turn").at(80, 85).question("hi"),
        record("below").under("three").at(90, 90),
    ]);
    let duplicate_of = |id: &str| row(&trace, id).duplicate_of.clone();
    assert_eq!(duplicate_of("two").as_deref(), Some("of two"));
    assert_eq!(duplicate_of("one").as_deref(), Some("of one"));
    assert_eq!(duplicate_of("three").as_deref(), Some("below"));
    assert_eq!(["failed", "alone", "below"].map(duplicate_of), [None, None, None]);
    assert_eq!(row(&trace, "of two").start_time_unix_nano, 3, "the call began with its request");
    assert_eq!((trace.attempts[0].llm_calls, trace.attempts[0].input_tokens), (5, Some(20)));
}

#[test]
fn a_tools_name_may_be_preceded_by_its_servers() {
    let calls = |outer: &str, inner: &str| {
        let trace = derive([tool("outer", outer).at(1, 10), tool("inner", inner).under("outer").at(2, 9)]);
        trace.attempts[0].tool_calls
    };
    assert_eq!(calls("mcp__weather__get_weather", "get_weather"), 1);
    assert_eq!(calls("get_weather", "weather/get_weather"), 1);
    assert_eq!(calls("forget_weather", "get_weather"), 2);
}

#[test]
fn a_report_that_only_repeats_its_parent_never_counts() {
    let trace = derive([
        llm("call").at(1, 10).question("q").asks(&[(None, "f", json!({"a": 1}))]),
        llm("raw")
            .under("call")
            .at(2, 9)
            .tokens(5, 6)
            .asks(&[(Some("c1"), "f", json!({"a": 1})), (Some("c2"), "g", json!({}))])
            .mapped(|mapped| {
                mapped.repeats_parent = true;
                mapped.model = Some("provider-name".into());
                let reasoning = Part::reasoning("Hm");
                mapped.output_messages.as_mut().unwrap()[0].parts.insert(0, reasoning);
            }),
    ]);
    let call = row(&trace, "call");
    assert_eq!((call.kind, call.duplicate_of.as_deref()), (SpanKind::Llm, None));
    assert_eq!(row(&trace, "raw").duplicate_of.as_deref(), Some("call"));
    assert_eq!((call.input_tokens, call.reasoning_text.as_deref()), (Some(5), Some("Hm")));
    assert_eq!(
        json!(call.output_messages.as_ref().unwrap()[0].parts),
        json!([
            {"type": "reasoning", "content": "Hm"},
            {"type": "tool_call", "id": "c1", "name": "f", "arguments": {"a": 1}},
        ])
    );
    assert_eq!(call.source_keys["output_messages"], "span:raw");
}

/// Guarantees: a call's report with its id and the function that ran beside it are one execution, as often as both come;
/// two of one tracer are two.
#[test]
fn two_tracers_tell_of_one_tool_side_by_side() {
    let report = |id: &str, scope: &str, call: Option<&str>, start: u64| {
        let mut span = tool(id, "f").under("a").at(start, start + 1).mapped(|mapped| {
            mapped.tool_arguments = Some(json!({"a": 1}));
            mapped.tool_call_id = call.map(str::to_owned);
        });
        span.0.span.scope.name = scope.into();
        span
    };
    let trace = derive([
        agent("a").at(0, 100),
        report("asked 1", "client", Some("c1"), 10),
        report("ran 1", "app", None, 12),
        report("asked 2", "client", Some("c2"), 20),
        report("ran 2", "app", None, 22),
        report("ran 3", "app", None, 30),
        report("ran 4", "app", None, 32),
    ]);
    let counted: Vec<_> = trace.spans.iter().filter(|s| s.kind == SpanKind::Tool && s.duplicate_of.is_none()).collect();
    assert_eq!(counted.len(), 4);
    assert_eq!(row(&trace, "ran 1").duplicate_of.as_deref(), Some("asked 1"));
    assert_eq!(row(&trace, "ran 2").duplicate_of.as_deref(), Some("asked 2"));
}

#[test]
fn a_step_with_a_call_s_question_and_answer_is_the_call_where_nobody_reports_it() {
    let asks = |id: &str| chain(id).mapped(|mapped| mapped.model = Some("m".into()));
    let step = |id: &str| asks(id).question("q").answer("a").at(1, 9);
    let alone = derive([step("alone"), asks("bare").at(11, 12)]);
    assert_eq!((row(&alone, "alone").kind, row(&alone, "bare").kind), (SpanKind::Llm, SpanKind::Chain));
    let reported = derive([step("around"), llm("call").under("around").at(2, 3)]);
    assert_eq!((row(&reported, "around").kind, row(&reported, "call").kind), (SpanKind::Chain, SpanKind::Llm));
}

/// Guarantees: what an instrumentation of the client leaves out of a prompt is told by the framework's report of the call.
#[test]
fn the_richest_report_takes_the_rest_of_a_prompt() {
    let whole = vec![Message::text("user", "hi"), Message::text("assistant", "ho"), Message::text("user", "and?")];
    let trace = derive([
        llm("outer").at(1, 100).answer("hello").mapped(|mapped| mapped.input_messages = Some(whole.clone())),
        llm("inner").under("outer").at(2, 90).question("hi").answer("hello").tokens(5, 1),
    ]);
    let [call] = ["outer", "inner"]
        .map(|id| row(&trace, id))
        .into_iter()
        .filter(|row| row.duplicate_of.is_none())
        .collect::<Vec<_>>()[..]
    else {
        panic!("one call")
    };
    assert_eq!(call.input_messages.as_deref(), Some(&whole[..]));
}

/// Guarantees: a step that tells model, question and answer is the call where nobody reports the call itself.
#[test]
fn a_step_with_an_answer_in_text_alone_is_a_call() {
    let step = |id: &str| {
        chain(id).question("hi").mapped(|mapped| {
            mapped.model = Some("m".into());
            mapped.output_text = Some("{\"age\": 42}".into());
        })
    };
    assert_eq!(row(&derive([step("s")]), "s").kind, SpanKind::Llm);
    let around = derive([step("s").at(1, 100), llm("c").under("s").at(2, 90).answer("x")]);
    assert_eq!((row(&around, "s").kind, row(&around, "c").kind), (SpanKind::Chain, SpanKind::Llm));
}

/// Mastra's innermost span has the text of an answer alone, the step around it the calls too.
#[test]
fn a_report_that_shows_no_calls_is_of_the_call_that_made_them() {
    let nested = |finish: &str, inner_text: &str| {
        let outer = llm("outer").at(1, 100).asks(&[(Some("c1"), "f", json!({}))]).mapped(|mapped| {
            mapped.response_id = Some("r".into());
            let answer = &mut mapped.output_messages.as_mut().unwrap()[0];
            answer.parts.insert(0, gleaner_model::Part::Text { content: "Wait.".into() });
        });
        let inner = llm("inner").under("outer").at(2, 90).answer(inner_text).tokens(5, 1);
        let trace = derive([outer, inner.mapped(|mapped| mapped.finish_reason = Some(finish.into()))]);
        (trace.attempts[0].llm_calls, trace.attempts[0].input_tokens, row(&trace, "outer").kind)
    };
    assert_eq!(nested("tool_call", "Wait."), (1, Some(5), SpanKind::Llm), "one call, told twice");
    assert_eq!(nested("tool_call", "Other."), (1, Some(5), SpanKind::Chain), "a wrapper");
    assert_eq!(nested("stop", "Wait."), (1, Some(5), SpanKind::Chain), "it shows all that it has");
}

#[test]
fn a_guardrail_that_cost_tokens_is_the_call_of_a_model() {
    let guard = |id: &str| span(id, SpanKind::Guardrail).question("hi").answer("ho");
    let guard = |id: &str| guard(id).mapped(|mapped| mapped.model = Some("m".into()));
    assert_eq!(row(&derive([guard("g").tokens(5, 1)]), "g").kind, SpanKind::Llm);
    assert_eq!(row(&derive([guard("g")]), "g").kind, SpanKind::Guardrail, "a check");
    let around = derive([guard("g").tokens(5, 1).at(1, 100), llm("c").under("g").at(2, 90).answer("ho")]);
    assert_eq!((row(&around, "g").kind, row(&around, "c").kind), (SpanKind::Guardrail, SpanKind::Llm));
}

/// Guarantees: a request whose answer is recorded in a trace of its own is no second call; one that failed, or that stands below
/// another span, is one, and so is one with its record.
#[test]
fn a_request_alone_is_no_call_where_a_record_follows_elsewhere() {
    let request = || llm("r").at(1, 5).question("hi").mapped(|mapped| mapped.awaits_record = true);
    let record = || llm("d").at(9, 9).question("hi").answer("ho").mapped(|mapped| mapped.is_late_record = true);
    let announced = derive([request()]);
    assert_eq!(row(&announced, "r").kind, SpanKind::Chain);
    assert!(announced.attempts.is_empty());
    for trace in [
        vec![request().status(STATUS_ERROR, "failed")],
        vec![chain("c").at(0, 9), request().under("c")],
        vec![request(), record().under("r")],
    ] {
        assert_eq!(row(&derive(trace), "r").kind, SpanKind::Llm);
    }
}
