use gleaner_model::{SpanKind, derive_id};

use crate::derive::fixtures::{TRACE, TestSpan, agent, attempt, chain, derive, llm, row, span, tool};

fn session(spans: impl IntoIterator<Item = TestSpan>) -> String {
    derive(spans).attempts[0].session_id.clone()
}

fn convention_session(span: TestSpan, rank: u8, key: &str) -> TestSpan {
    span.mapped(|mapped| mapped.session_key = Some((rank, key.into())))
}

#[test]
fn a_trace_without_keys_is_one_attempt_of_its_own_session() {
    let trace = derive([agent("root").at(0, 9), llm("m").under("root").at(1, 2), chain("island").at(3, 4)]);
    assert_eq!(trace.attempts.len(), 1);
    let attempt = &trace.attempts[0];
    assert_eq!(attempt.session_id, format!("trace:{TRACE}"));
    assert_eq!((attempt.lineage_label.as_str(), attempt.cycle, attempt.attempt_number), ("default", None, None));
    assert_eq!(attempt.root_span_id.as_deref(), Some("root"), "the earliest parentless span");
    assert!(trace.spans.iter().all(|span| span.attempt_id.as_ref() == Some(&attempt.attempt_id)));
}

/// Guarantees: a trace of an evaluator with its model's call, or of nothing but feedback, is no attempt; one with an agent in it,
/// with keys, or with another's call, is.
#[test]
fn judgement_of_other_traces_is_no_attempt() {
    let judge = || span("judge", SpanKind::Evaluator).at(0, 9);
    let call = || llm("m").under("judge").at(1, 2);
    let trace = derive([judge(), call()]);
    assert_eq!((trace.attempts.len(), trace.spans.len(), trace.spans[0].attempt_id.as_ref()), (0, 2, None));
    let thumb = || span("thumb", SpanKind::Other).mapped(|mapped| mapped.convention = None).attr("feedback.score", 1);
    assert_eq!(derive([thumb()]).attempts, []);
    for spans in [
        vec![judge(), call(), agent("task").under("judge")],
        vec![judge().keys("A", 1, 1), call()],
        vec![judge().mapped(|mapped| mapped.attempt_key = Some("a".into()))],
        vec![judge(), llm("other")],
    ] {
        assert_eq!(derive(spans.clone()).attempts.len(), 1, "{spans:?}");
    }
}

#[test]
fn no_parentless_span_no_root() {
    let trace = derive([agent("a").under("remote").at(0, 9), llm("m").under("a").at(1, 2)]);
    assert_eq!((trace.attempts[0].status.as_str(), trace.attempts[0].root_span_id.as_deref()), ("open", None));
    assert_eq!(derive([]).attempts, []);
}

#[test]
fn the_session_is_resolved_in_order() {
    let root = || agent("root").at(0, 9);
    let child = || llm("m").under("root").at(1, 2);
    let gleaner = |span: TestSpan, key: &str| span.attr("gleaner.session.id", key);
    // Each pair: what wins, and over what.
    assert_eq!(session([gleaner(root(), "a"), gleaner(child(), "b")]), "a");
    assert_eq!(session([root().resource("gleaner.session.id", "r"), convention_session(child(), 0, "c")]), "r");
    assert_eq!(session([convention_session(root(), 0, "c"), gleaner(child(), "g")]), "g", "gleaner.* at any depth");
    assert_eq!(
        session([convention_session(root(), 1, "conversation"), convention_session(child(), 0, "session")]),
        "session"
    );
    assert_eq!(session([convention_session(root(), 1, "a"), convention_session(child(), 1, "b")]), "a");
    assert_eq!(session([root(), convention_session(child(), 1, "b")]), "b");
    assert_eq!(session([root().resource("session.id", "r"), convention_session(child(), 1, "b")]), "b");
    assert_eq!(session([root().resource("session.id", "r"), child()]), "r");
    assert_eq!(session([gleaner(root(), ""), child()]), format!("trace:{TRACE}"), "empty is not sent");
    assert_eq!(session([root().attr("gleaner.session.id", 7)]), "7");
}

/// Of several spans below the root, the earliest decides, not the one that came first.
#[test]
fn the_earliest_span_decides_where_the_root_is_silent() {
    let later = convention_session(llm("a").under("root").at(5, 6), 1, "later");
    let earlier = convention_session(llm("z").under("root").at(1, 2), 1, "earlier");
    assert_eq!(session([agent("root").at(0, 9), later, earlier]), "earlier");
}

#[test]
fn a_session_above_the_attempt_is_the_attempt_s() {
    let trace = derive([
        convention_session(chain("top").at(0, 99), 1, "conversation"),
        agent("a").under("top").at(1, 9).keys("A", 1, 1),
    ]);
    assert_eq!(trace.attempts[0].session_id, "conversation");
}

#[test]
fn the_user_follows_the_same_order() {
    let user = |spans: Vec<TestSpan>| {
        let facts = derive(spans).session_facts;
        facts.into_iter().find(|fact| fact.field == "user_id").map(|fact| (fact.value, fact.rank))
    };
    let named = |span: TestSpan| span.mapped(|mapped| mapped.user_key = Some("c".into()));
    assert_eq!(
        user(vec![named(agent("root")), llm("m").under("root").attr("gleaner.user.id", "g")]),
        Some(("g".into(), 2))
    );
    assert_eq!(
        user(vec![agent("root").resource("user.id", "r"), named(llm("m").under("root"))]),
        Some(("c".into(), 0))
    );
    assert_eq!(user(vec![agent("root").resource("user.id", "r")]), Some(("r".into(), -1)));
    assert_eq!(user(vec![agent("root")]), None);
}

#[test]
fn ids_are_derived_from_natural_keys() {
    let trace = derive([agent("a").at(0, 9).keys("A", 2, 3).attr("gleaner.session.id", "s")]);
    let lineage = derive_id("lineage", &["p", "s", "A"]);
    let rollout = derive_id("rollout", &["p", &lineage, "cycle:2"]);
    let attempt = &trace.attempts[0];
    assert_eq!(attempt.attempt_id, derive_id("attempt", &["p", &rollout, "number:3"]));
    assert_eq!((&attempt.rollout_id, &attempt.lineage_id), (&rollout, &lineage));

    let with_ids = agent("a").at(0, 9).keys("A", 2, 3).attr("gleaner.session.id", "s");
    let with_ids =
        with_ids.attr("gleaner.lineage.id", "l").attr("gleaner.rollout.id", "r").attr("gleaner.attempt.id", "x");
    let trace = derive([with_ids]);
    let lineage = derive_id("lineage", &["p", "s", "l"]);
    let rollout = derive_id("rollout", &["p", &lineage, "r"]);
    assert_eq!(trace.attempts[0].attempt_id, derive_id("attempt", &["p", &rollout, "x"]));
    assert_eq!(trace.attempts[0].lineage_label, "A");

    let unkeyed = derive([agent("a").at(0, 9)]);
    let key = format!("trace:{TRACE}");
    let lineage = derive_id("lineage", &["p", &key, "default"]);
    let rollout = derive_id("rollout", &["p", &lineage, &key]);
    assert_eq!(unkeyed.attempts[0].attempt_id, derive_id("attempt", &["p", &rollout, &key]));

    let unnumbered = derive([agent("a").at(0, 9).attr("gleaner.rollout.id", "r")]);
    let rollout = &unnumbered.attempts[0].rollout_id;
    let key = format!("span:{TRACE}:a");
    assert_eq!(unnumbered.attempts[0].attempt_id, derive_id("attempt", &["p", rollout, &key]));
}

/// A coding agent whose turns are attempts by themselves, with cycle and number in its resource.
#[test]
fn gleaner_s_keys_win_over_those_of_a_convention_at_every_level() {
    let turn = |agent: TestSpan| {
        agent.at(0, 9).attr("gleaner.session.id", "s").mapped(|mapped| {
            mapped.rollout_key = Some("turn".into());
            mapped.attempt_key = Some("turn".into());
        })
    };
    let ids = |agent| {
        let attempt = derive([turn(agent)]).attempts.remove(0);
        (attempt.rollout_id, attempt.attempt_id)
    };
    let by_ids = |rollout: &str, attempt: &str| {
        let rollout = derive_id("rollout", &["p", &derive_id("lineage", &["p", "s", "default"]), rollout]);
        (rollout.clone(), derive_id("attempt", &["p", &rollout, attempt]))
    };
    assert_eq!(ids(agent("a")), by_ids("turn", "turn"));
    assert_eq!(ids(agent("a").resource("gleaner.rollout.cycle", "2")), by_ids("cycle:2", "turn"));
    assert_eq!(ids(agent("a").resource("gleaner.attempt.number", "3")), by_ids("turn", "number:3"));
}

#[test]
fn the_lineage_is_named_after_the_root_s_agent() {
    let label = |spans: Vec<TestSpan>| derive(spans).attempts[0].lineage_label.clone();
    assert_eq!(label(vec![chain("top").at(0, 9), agent("a").named("writer").under("top").at(1, 8)]), "writer");
    assert_eq!(
        label(vec![agent("a").named("writer").at(0, 9), agent("b").named("checker").under("a").at(1, 8)]),
        "writer"
    );
    assert_eq!(label(vec![agent("a").named("writer").attr("gleaner.agent.name", "own")]), "own");
    assert_eq!(label(vec![llm("m").named("caller")]), "caller");
}

#[test]
fn two_runs_with_one_attempt_key_are_one_attempt() {
    let trace = derive([
        chain("top").at(0, 99),
        agent("part1").under("top").at(1, 9).attr("gleaner.attempt.id", "x"),
        agent("part2").under("top").at(10, 19).attr("gleaner.attempt.id", "x"),
        tool("t", "f").under("part2").at(11, 12),
    ]);
    assert_eq!(trace.attempts.len(), 1);
    assert_eq!(trace.attempts[0].root_span_id.as_deref(), Some("part1"));
    assert_eq!(attempt(&trace, "t").map(|attempt| &attempt.attempt_id), row(&trace, "part1").attempt_id.as_ref());
}

/// Guarantees: HTTP requests and a program's internals are no attempt, while one call, one named session or one recorded
/// output makes one.
#[test]
fn a_trace_that_tells_of_no_work_is_no_attempt() {
    let internals = || vec![chain("a").at(1, 9), chain("b").under("a").at(2, 3)];
    assert!(derive(internals()).attempts.is_empty());
    assert!(derive(internals()).spans.iter().all(|span| span.attempt_id.is_none()));
    assert!(derive(vec![span("e", SpanKind::Evaluator)]).attempts.is_empty());
    let definition = || agent("d").mapped(|mapped| mapped.operation = Some("create_agent".into()));
    assert!(derive(vec![definition()]).attempts.is_empty());
    assert_eq!(derive(vec![definition(), llm("c").under("d")]).attempts.len(), 1);

    let call = [internals(), vec![llm("c").under("a").at(3, 4)]].concat();
    assert_eq!(derive(call).attempts.len(), 1);
    let mut named = internals();
    named[0] = named[0].clone().attr("gleaner.session.id", "s");
    assert_eq!(derive(named).attempts.len(), 1);
    let mut told = internals();
    told[1] = told[1].clone().mapped(|mapped| mapped.output_text = Some("done".into()));
    assert_eq!(derive(told).attempts.len(), 1);
}

/// Guarantees: what a server of tools did for a client whose context did not come along is no attempt; with a model's call, or
/// below the client's own span, it is.
#[test]
fn a_served_tool_is_no_attempt_of_its_own() {
    let served = |kind: i32| {
        let mut served = tool("t", "f").attr("mcp.method.name", "tools/call").at(0, 9);
        served.0.span.kind = kind;
        served
    };
    assert!(derive([served(2)]).attempts.is_empty());
    for trace in [vec![served(3)], vec![served(2), llm("m").under("t")], vec![agent("a"), served(2).under("a")]] {
        assert_eq!(derive(trace).attempts.len(), 1);
    }
}
