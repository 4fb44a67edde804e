use gleaner_model::{AttemptStatus, DerivedTrace};
use serde_json::json;

use super::*;
use crate::derive::fixtures::{TestSpan, agent, attempt, chain, derive, llm, span, tool};

fn only(trace: &DerivedTrace) -> &AttemptPart {
    assert_eq!(trace.attempts.len(), 1);
    &trace.attempts[0]
}

fn recorded(span: TestSpan, output: &str) -> TestSpan {
    span.mapped(|mapped| mapped.output_text = Some(output.into()))
}

fn definition(spans: impl IntoIterator<Item = TestSpan>) -> AgentDefinition {
    only(&derive(spans)).definition.clone().expect("a model was called")
}

#[test]
fn status_is_the_root_s_alone() {
    let status = |root: TestSpan| only(&derive([root.at(0, 9), llm("m").under("root").at(1, 2).status(2, "x")])).status;
    assert_eq!(status(agent("root")), AttemptStatus::Ok, "unset is ok");
    assert_eq!(status(agent("root").status(1, "")), AttemptStatus::Ok);
    assert_eq!(status(agent("root").status(2, "boom")), AttemptStatus::Error);
}

#[test]
fn counts_include_failures_and_sub_agents_but_no_wrappers() {
    let trace = derive([
        agent("root").at(0, 99).tokens(60, 60),
        llm("m1").under("root").at(1, 2).tokens(10, 1),
        tool("t", "ask").under("root").at(3, 20).status(2, "down"),
        agent("sub").under("t").at(4, 19),
        llm("s1").under("sub").at(5, 6).tokens(20, 2).mapped(|mapped| mapped.cached_tokens = Some(4)),
        llm("m2").under("root").at(21, 22).status(2, "500"),
        span("e", SpanKind::Embedding).under("root").at(23, 24).tokens(7, 0),
    ]);
    let attempt = only(&trace);
    let counts = (attempt.llm_calls, attempt.llm_calls_failed, attempt.tool_calls, attempt.tool_calls_failed);
    assert_eq!(counts, (3, 1, 1, 1));
    let tokens = (attempt.input_tokens, attempt.output_tokens, attempt.cached_tokens, attempt.reasoning_tokens);
    assert_eq!(tokens, (Some(30), Some(3), Some(4), None), "what no call says is unknown, not zero");
}

/// Guarantees: an attempt never looks cheaper than it was.
#[test]
fn costs_are_summed_where_all_are_known() {
    let cost = |id: &str, cost: Option<f64>| llm(id).at(1, 2).mapped(|mapped| mapped.cost_usd = cost);
    assert_eq!(only(&derive([cost("a", Some(0.5)), cost("c", Some(0.25))])).cost_usd, Some(0.75));
    assert_eq!(only(&derive([cost("a", Some(0.5)), cost("b", None)])).cost_usd, None);
    let failed = cost("b", None).status(2, "500");
    assert_eq!(only(&derive([cost("a", Some(0.5)), failed])).cost_usd, Some(0.5));
    assert_eq!(only(&derive([cost("b", None)])).cost_usd, None);
}

#[test]
fn the_answer_is_the_root_s_record_else_the_agent_s_else_its_last_call_s() {
    let calls = || {
        vec![
            llm("m1").under("a").at(2, 3).answer("thinking"),
            llm("m2").under("a").at(8, 9).answer("done"),
            tool("t", "ask").under("a").at(4, 7),
            agent("sub").named("checker").under("t").at(4, 7),
            llm("s").under("sub").at(5, 6).answer("checked"),
        ]
    };
    let answer = |top: TestSpan, root_agent: TestSpan| {
        let spans = calls().into_iter().chain([top.at(0, 99), root_agent.under("top").at(1, 50)]);
        only(&derive(spans)).output_text.clone()
    };
    let writer = || agent("a").named("writer");
    assert_eq!(answer(recorded(chain("top"), "root's"), recorded(writer(), "agent's")).as_deref(), Some("root's"));
    assert_eq!(answer(chain("top"), recorded(writer(), "agent's")).as_deref(), Some("agent's"));
    assert_eq!(answer(chain("top"), writer()).as_deref(), Some("done"));
}

/// The sub-agent answers last; its answer is not the attempt's.
#[test]
fn a_sub_agent_s_answer_is_not_the_attempt_s() {
    let trace = derive([
        agent("a").named("writer").at(0, 99),
        llm("m").under("a").at(1, 2).question("q").answer("final"),
        tool("t", "check").under("a").at(3, 9),
        agent("sub").named("checker").under("t").at(3, 9),
        llm("s").under("sub").at(4, 5).question("check this").answer("looks good"),
    ]);
    let attempt = only(&trace);
    assert_eq!(attempt.output_text.as_deref(), Some("final"));
    assert_eq!(attempt.conversation_span_id.as_deref(), Some("m"));
    assert_eq!(attempt.definition.as_ref().and_then(|definition| definition.agent_name.as_deref()), Some("writer"));
}

#[test]
fn a_last_call_that_only_asks_for_a_tool_is_no_answer() {
    let trace = derive([
        agent("a").at(0, 99),
        llm("m1").under("a").at(1, 2).answer("let me see"),
        llm("m2").under("a").at(3, 4).asks(&[(None, "f", json!({}))]),
    ]);
    assert_eq!(only(&trace).output_text, None);
}

#[test]
fn a_recorded_state_that_holds_the_answer_gives_the_answer() {
    let answer = |state: &str| {
        let spans = [recorded(chain("g").at(0, 9), state), llm("m").under("g").at(1, 2).answer("Paris")];
        only(&derive(spans)).output_text.clone()
    };
    assert_eq!(answer(r#"{"messages": [{"content": "where?"}, {"content": "Paris"}]}"#).as_deref(), Some("Paris"));
    assert_eq!(answer(r#"{"city": "Rome"}"#).as_deref(), Some(r#"{"city": "Rome"}"#));
    assert_eq!(answer("In Paris.").as_deref(), Some("In Paris."));
}

/// A caller's agent span around the framework's span of the same agent; a sequence of agents that calls no model itself.
#[test]
fn the_root_agent_s_calls_are_found_below_wrappers() {
    let doubled = derive([
        agent("caller").named("writer").at(0, 99),
        agent("framework").named("writer").under("caller").at(1, 98),
        llm("m").under("framework").at(2, 3).answer("text"),
    ]);
    assert_eq!(only(&doubled).output_text.as_deref(), Some("text"));
    let sequence = derive([
        agent("sequence").named("pipeline").at(0, 99),
        agent("one").named("drafter").under("sequence").at(1, 20),
        llm("m1").under("one").at(2, 3).answer("draft"),
        agent("two").named("editor").under("sequence").at(30, 50),
        llm("m2").under("two").at(31, 32).answer("edited"),
    ]);
    assert_eq!(only(&sequence).output_text.as_deref(), Some("edited"));
}

/// A classifier beside the agent is not the agent, though it stands higher.
#[test]
fn calls_of_an_agent_go_before_calls_beside_it() {
    let trace = derive([
        chain("request").at(0, 99),
        llm("router").under("request").at(1, 2).answer("route: b"),
        agent("a").named("writer").under("request").at(3, 50),
        llm("m").under("a").at(4, 5).answer("text"),
        llm("title").under("request").at(60, 61).answer("a title"),
    ]);
    assert_eq!(only(&trace).output_text.as_deref(), Some("text"));
    assert_eq!(only(&trace).conversation_span_id, None, "no call recorded what it was given");
}

#[test]
fn the_question_and_the_test_input() {
    let trace = derive([
        agent("a").at(0, 99).attr("gleaner.attempt.test_input", "ti"),
        llm("m1").under("a").at(1, 2).question("first"),
        llm("m2").under("a").at(3, 4).question("second"),
    ]);
    let attempt = only(&trace);
    assert_eq!((attempt.input_text.as_deref(), attempt.test_input.as_deref()), (Some("first"), Some("ti")));
    assert_eq!(attempt.input_messages.as_deref().and_then(last_user_text).as_deref(), Some("first"));
    assert_eq!(attempt.conversation_span_id.as_deref(), Some("m2"));
    let recorded = derive([
        agent("a").at(0, 99).mapped(|mapped| mapped.input_text = Some("recorded".into())),
        llm("m1").under("a").at(1, 2).question("first"),
    ]);
    assert_eq!(only(&recorded).input_text.as_deref(), Some("recorded"));
}

/// Guarantees: an attempt tells that its input is the end of a conversation; only its first call's word counts.
#[test]
fn an_attempt_that_goes_on_from_an_earlier_response_says_so() {
    let asking = |id| llm(id).mapped(|mapped| mapped.previous_response_id = Some("r0".into()));
    let first = derive([asking("m1").at(1, 2), llm("m2").at(3, 4)]);
    assert_eq!(only(&first).continued_span_id.as_deref(), Some("m1"));
    assert_eq!(first.spans[0].previous_response_id.as_deref(), Some("r0"));
    let later = derive([llm("m1").at(1, 2), asking("m2").at(3, 4)]);
    assert_eq!(only(&later).continued_span_id, None);
}

#[test]
fn a_definition_is_its_content() {
    let call = |change: fn(&mut crate::mapped::Mapped)| {
        llm("m").at(1, 2).named("writer").mapped(|mapped| {
            mapped.system_prompt = Some("be brief".into());
            mapped.tool_definitions = Some(json!([{"name": "b"}, {"name": "a"}]));
            mapped.parameters = json!({"temperature": 0.5}).as_object().cloned();
            change(mapped);
        })
    };
    let base = definition([call(|_| {})]);
    assert_eq!(base.tools, Some(json!([{"name": "a"}, {"name": "b"}])));
    let same: [fn(&mut crate::mapped::Mapped); 4] = [
        |mapped| mapped.tool_definitions = Some(json!([{"name": "a"}, {"name": "b"}])),
        |mapped| mapped.parameters = json!({"user": "u1", "stream": true, "temperature": 0.5}).as_object().cloned(),
        |mapped| mapped.response_model = Some("m-2026".into()),
        |mapped| mapped.agent_version = Some("9".into()),
    ];
    for change in same {
        assert_eq!(definition([call(change)]).agent_definition_id, base.agent_definition_id);
    }
    let other: [fn(&mut crate::mapped::Mapped); 5] = [
        |mapped| mapped.tool_definitions = None,
        |mapped| mapped.parameters = json!({"temperature": 0.6}).as_object().cloned(),
        |mapped| mapped.model = Some("n".into()),
        |mapped| mapped.agent_name = Some("editor".into()),
        |mapped| mapped.system_prompt = None,
    ];
    for change in other {
        assert_ne!(definition([call(change)]).agent_definition_id, base.agent_definition_id);
    }
    assert_ne!(
        definition([call(|_| {}).attr("gleaner.agent.flow", "f")]).agent_definition_id,
        base.agent_definition_id
    );
}

#[test]
fn no_tools_and_an_empty_list_of_tools_are_one_definition() {
    let with_tools = |tools: Option<Value>| definition([llm("m").mapped(|mapped| mapped.tool_definitions = tools)]);
    assert_eq!(with_tools(None), with_tools(Some(json!([]))));
}

#[test]
fn versions_are_labels_and_the_first_call_by_start_decides() {
    let trace = definition([
        agent("a").at(0, 9).attr("gleaner.agent.name", "writer").attr("gleaner.agent.version", 2),
        llm("late").under("a").at(5, 6).mapped(|mapped| mapped.system_prompt = Some("late".into())),
        llm("zero").under("a").at(1, 2).mapped(|mapped| {
            mapped.system_prompt = Some("first".into());
            mapped.agent_version = Some("2.0".into());
        }),
    ]);
    assert_eq!((trace.agent_name.as_deref(), trace.system_prompt.as_deref()), (Some("writer"), Some("first")));
    assert_eq!(trace.version_labels, ["2", "2.0"]);
}

/// An orchestrator above the attempts is another agent: its name does not spill into them.
#[test]
fn a_convention_s_agent_name_holds_within_the_attempt() {
    let trace = derive([
        agent("top").named("orchestrator").at(0, 99),
        agent("a").under("top").at(1, 9).keys("A", 1, 1),
        llm("m").under("a").at(2, 3),
    ]);
    let attempt = attempt(&trace, "a").expect("an attempt");
    assert_eq!(attempt.definition.as_ref().map(|definition| definition.agent_name.clone()), Some(None));
}

#[test]
fn artifacts_are_declared_by_any_span_and_copies_count_once() {
    let declared = |span: TestSpan, content: &str| {
        span.attr("gleaner.artifact.content", content).attr("gleaner.artifact.name", "q.sql")
    };
    let trace = derive([
        declared(agent("a").at(0, 99), "final"),
        declared(llm("m").under("a").at(1, 2), "final"),
        declared(tool("t", "f").under("a").at(3, 4), "draft"),
    ]);
    let artifacts: Vec<(&str, &str, u64)> = only(&trace)
        .artifacts
        .iter()
        .map(|artifact| (artifact.content.as_str(), artifact.span_id.as_str(), artifact.time_unix_nano))
        .collect();
    assert_eq!(artifacts, [("draft", "t", 4), ("final", "a", 99)]);
}

#[test]
fn the_question_among_the_arguments_of_the_root_is_the_question() {
    let asked = |arguments: &str| {
        let trace = derive([
            agent("a").at(0, 99).mapped(|mapped| mapped.input_text = Some(arguments.into())),
            llm("m").under("a").at(1, 2).question("And now?"),
        ]);
        only(&trace).input_text.clone()
    };
    assert_eq!(asked("{\"args\":[2,[],\"And now?\"],\"kwargs\":{}}").as_deref(), Some("And now?"));
    assert_eq!(
        asked("{\"topic\":\"tea\"}").as_deref(),
        Some("{\"topic\":\"tea\"}"),
        "a prompt made of it is another text"
    );
}
