use crate::derive::fixtures::{agent, attempt, chain, derive, llm, row, tool};

fn attempt_ids(trace: &gleaner_model::DerivedTrace, ids: &[&str]) -> Vec<Option<String>> {
    ids.iter().map(|id| row(trace, id).attempt_id.clone()).collect()
}

#[test]
fn keys_on_the_root_hold_for_its_subtree_and_the_orchestrator_is_outside() {
    let trace = derive([
        chain("cycle").at(0, 99).attr("gleaner.session.id", "s"),
        agent("A").under("cycle").at(1, 9).keys("A", 1, 1),
        llm("a1").under("A").at(2, 3),
        agent("B").under("cycle").at(10, 19).keys("B", 1, 1),
        tool("b1", "f").under("B").at(11, 12),
        llm("b2").under("b1").at(11, 12),
    ]);
    assert_eq!(trace.attempts.len(), 2);
    assert_eq!(row(&trace, "cycle").attempt_id, None);
    let ids = attempt_ids(&trace, &["A", "a1", "B", "b1", "b2"]);
    assert!(ids[0] == ids[1] && ids[2] == ids[3] && ids[3] == ids[4] && ids[0] != ids[2] && ids[0].is_some());
    let a = attempt(&trace, "A").expect("an attempt");
    assert_eq!((a.lineage_label.as_str(), a.cycle, a.attempt_number), ("A", Some(1), Some(1)));
    assert_eq!((a.session_id.as_str(), a.root_span_id.as_deref(), a.status.as_str()), ("s", Some("A"), "ok"));
}

/// Baggage: the keys stand on every span, as strings; the topmost is the root and the rest are no attempts of their own.
#[test]
fn the_same_keys_on_every_span_are_one_attempt() {
    let baggage = |span: crate::derive::fixtures::TestSpan| {
        span.attr("gleaner.lineage.label", "A").attr("gleaner.rollout.cycle", "1").attr("gleaner.attempt.number", "1")
    };
    let trace = derive([
        baggage(agent("root").at(0, 99)),
        baggage(llm("m").under("root").at(1, 2)),
        // Only the topmost has this one as a number.
        baggage(tool("t", "f").under("root").at(3, 9)).attr("gleaner.rollout.cycle", 1),
        baggage(llm("n").under("t").at(4, 5)),
    ]);
    assert_eq!(trace.attempts.len(), 1);
    assert_eq!(trace.attempts[0].root_span_id.as_deref(), Some("root"));
    assert_eq!(trace.spans.iter().filter(|span| span.attempt_id.is_some()).count(), 4);
}

#[test]
fn baggage_below_a_root_that_has_not_come_is_open() {
    let keyed = |span: crate::derive::fixtures::TestSpan| span.under("root").keys("A", 1, 1);
    let children = [keyed(llm("m").at(1, 2)), keyed(tool("t", "f").at(3, 4)), keyed(llm("n").at(5, 6))];
    let before = derive(children.clone());
    assert_eq!(before.attempts.len(), 1);
    assert_eq!((before.attempts[0].status.as_str(), before.attempts[0].root_span_id.as_deref()), ("open", None));
    assert_eq!((before.attempts[0].start_time_unix_nano, before.attempts[0].end_time_unix_nano), (1, 6));

    let after = derive(children.into_iter().chain([agent("root").at(0, 9).keys("A", 1, 1)]));
    assert_eq!(after.attempts.len(), 1);
    assert_eq!(after.attempts[0].attempt_id, before.attempts[0].attempt_id, "the id does not change");
    assert_eq!(after.attempts[0].root_span_id.as_deref(), Some("root"));
}

/// The keys stand on this span alone: it is the root, whether its orchestrator comes or not.
#[test]
fn a_keyed_root_below_an_absent_parent_is_seen() {
    let trace = derive([agent("A").under("orchestrator").at(1, 9).keys("A", 1, 1), llm("m").under("A").at(2, 3)]);
    assert_eq!((trace.attempts[0].root_span_id.as_deref(), trace.attempts[0].status.as_str()), (Some("A"), "ok"));
}

#[test]
fn retries_side_by_side_are_attempts_of_one_rollout() {
    let trace = derive([
        chain("top").at(0, 99),
        agent("first").under("top").at(1, 9).keys("C", 1, 1).status(2, "boom"),
        agent("second").under("top").at(10, 19).keys("C", 1, 2),
        agent("unnumbered").under("top").at(20, 29).attr("gleaner.lineage.label", "C").attr("gleaner.rollout.cycle", 1),
        agent("again").under("top").at(30, 39).attr("gleaner.lineage.label", "C").attr("gleaner.rollout.cycle", 1),
    ]);
    let statuses: Vec<&str> = trace.attempts.iter().map(|attempt| attempt.status.as_str()).collect();
    assert_eq!(statuses, ["error", "ok", "ok", "ok"]);
    let rollouts: std::collections::BTreeSet<&str> =
        trace.attempts.iter().map(|attempt| attempt.rollout_id.as_str()).collect();
    assert_eq!(rollouts.len(), 1);
}

#[test]
fn other_keys_below_a_keyed_span_start_another_attempt() {
    let trace = derive([
        agent("outer").at(0, 99).keys("A", 1, 1),
        llm("m").under("outer").at(1, 2),
        tool("t", "delegate").under("outer").at(3, 50),
        agent("inner").under("t").at(4, 40).attr("gleaner.lineage.label", "B"),
        llm("n").under("inner").at(5, 6),
    ]);
    let ids = attempt_ids(&trace, &["outer", "m", "t", "inner", "n"]);
    assert!(ids[0] == ids[1] && ids[1] == ids[2] && ids[3] == ids[4] && ids[0] != ids[3]);
    let inner = attempt(&trace, "inner").expect("an attempt");
    assert_eq!((inner.lineage_label.as_str(), inner.cycle), ("B", Some(1)), "what it does not say is inherited");
    assert_eq!(inner.llm_calls, 1);
}

/// Lineage on one span, cycle on the next, number on the third: only the third level is an attempt.
#[test]
fn spans_that_name_only_a_lineage_or_a_cycle_contain_attempts_and_are_none() {
    let trace = derive([
        chain("lineage").at(0, 99).attr("gleaner.lineage.label", "A"),
        chain("cycle").under("lineage").at(1, 90).attr("gleaner.rollout.cycle", 2),
        agent("one").under("cycle").at(2, 9).attr("gleaner.attempt.number", 1),
        agent("two").under("cycle").at(10, 19).attr("gleaner.attempt.number", 2),
    ]);
    assert_eq!(attempt_ids(&trace, &["lineage", "cycle"]), [None, None]);
    assert_eq!(trace.attempts.len(), 2);
    let two = attempt(&trace, "two").expect("an attempt");
    assert_eq!((two.lineage_label.as_str(), two.cycle, two.attempt_number), ("A", Some(2), Some(2)));
}

/// Guarantees: what a planner or a judge says around the tries of a rollout is in an attempt, whatever comes first; a wrapper that
/// calls no model makes none, and neither takes a number from the tries.
#[test]
fn a_span_around_attempts_that_calls_a_model_is_an_attempt_without_a_number() {
    let cycle = || agent("cycle").at(0, 99).attr("gleaner.lineage.label", "A").attr("gleaner.rollout.cycle", 1);
    let tries = || {
        [
            agent("one").under("cycle").at(2, 9).attr("gleaner.attempt.number", 1),
            llm("m").under("one").at(3, 4),
            agent("two").under("cycle").at(10, 19).attr("gleaner.attempt.number", 2),
        ]
    };
    let plan = || llm("plan").under("cycle").at(1, 2);
    let told = |spans: Vec<crate::derive::fixtures::TestSpan>| {
        let trace = derive(spans);
        let planner = row(&trace, "plan").attempt_id.clone().expect("the planner's call is in an attempt");
        let [planned, tried] = [true, false].map(|surrounds| {
            trace.attempts.iter().filter(move |attempt| attempt.surrounds == surrounds).collect::<Vec<_>>()
        });
        assert_eq!((planned.len(), planned[0].attempt_id.as_str(), planned[0].llm_calls), (1, planner.as_str(), 1));
        assert_eq!(planned[0].attempt_number, None);
        assert_eq!(tried.iter().map(|attempt| attempt.attempt_number).collect::<Vec<_>>(), [Some(1), Some(2)]);
        assert!(tried.iter().all(|attempt| attempt.rollout_id == planned[0].rollout_id));
        assert_eq!(row(&trace, "cycle").attempt_id, Some(planner.clone()));
        planner
    };
    let first = told([cycle()].into_iter().chain(tries()).chain([plan()]).collect());
    let last = told(tries().into_iter().chain([plan(), cycle()]).collect());
    assert_eq!(first, last);

    let silent = derive([cycle()].into_iter().chain(tries()));
    assert_eq!(row(&silent, "cycle").attempt_id, None);
    assert_eq!(silent.attempts.len(), 2);
}

/// A number on the resource is the number of all that carries none: then the span is that attempt, and surrounds none.
#[test]
fn a_number_on_the_resource_makes_a_span_around_attempts_one_of_them() {
    let trace = derive([
        agent("a").at(0, 99).attr("gleaner.lineage.label", "A").resource("gleaner.attempt.number", 7),
        agent("b").under("a").at(1, 9).attr("gleaner.attempt.number", 1),
    ]);
    let told: Vec<(Option<i64>, bool)> =
        trace.attempts.iter().map(|attempt| (attempt.attempt_number, attempt.surrounds)).collect();
    assert_eq!(told, [(Some(7), false), (Some(1), false)]);
}

#[test]
fn a_session_or_a_label_named_further_down_is_the_attempt_s_own() {
    let trace = derive([
        agent("root").at(0, 99).attr("gleaner.lineage.id", "1").attr("gleaner.lineage.label", "A"),
        llm("m").under("root").at(1, 2).attr("gleaner.session.id", "s").attr("gleaner.lineage.id", 1),
    ]);
    assert_eq!(trace.attempts.len(), 1);
    assert_eq!((trace.attempts[0].session_id.as_str(), trace.attempts[0].lineage_label.as_str()), ("s", "A"));
}

#[test]
fn another_session_below_is_another_attempt() {
    let trace = derive([
        agent("one").at(0, 99).keys("A", 1, 1).attr("gleaner.session.id", "s1"),
        agent("two").under("one").at(1, 9).attr("gleaner.session.id", "s2"),
    ]);
    let sessions: Vec<&str> = trace.attempts.iter().map(|attempt| attempt.session_id.as_str()).collect();
    assert_eq!(sessions, ["s1", "s2"]);
}

/// Calls side by side under a span without keys, told apart by nothing: one attempt, not three.
#[test]
fn unnumbered_calls_under_one_parent_are_one_attempt() {
    let keyed = |span: crate::derive::fixtures::TestSpan| span.under("top").attr("gleaner.rollout.id", "r");
    let trace = derive([
        chain("top").at(0, 99),
        keyed(llm("m").at(1, 2)),
        keyed(tool("t", "f").at(3, 4)),
        keyed(llm("n").at(5, 6)),
    ]);
    assert_eq!(trace.attempts.len(), 1);
    assert_eq!((trace.attempts[0].llm_calls, trace.attempts[0].tool_calls), (2, 1));
    assert_eq!(trace.attempts[0].root_span_id.as_deref(), Some("m"));
}

/// The lineage of a whole process stands on its resource; attempts on spans.
#[test]
fn resources_fill_in_what_spans_leave_open_and_never_split() {
    let on_resource = |span: crate::derive::fixtures::TestSpan| span.resource("gleaner.lineage.label", "R");
    let trace = derive([
        on_resource(chain("top").at(0, 99)),
        on_resource(agent("a").under("top").at(1, 9).attr("gleaner.attempt.number", 1)),
    ]);
    assert_eq!(row(&trace, "top").attempt_id, None);
    assert_eq!(trace.attempts[0].lineage_label, "R");

    let unkeyed = derive([on_resource(chain("top").at(0, 99)), agent("b").under("top").at(1, 9)]);
    assert_eq!(unkeyed.attempts.len(), 1);
    assert_eq!(unkeyed.attempts[0].lineage_label, "R");
    assert_eq!(unkeyed.spans.iter().filter(|span| span.attempt_id.is_some()).count(), 2);
}

/// A cycle that is none leaves the level open, as if it had not been sent.
#[test]
fn a_span_s_unusable_number_gives_way_to_the_resource_s() {
    let trace = derive([agent("a")
        .at(0, 9)
        .keys("A", 1, 1)
        .attr("gleaner.rollout.cycle", "x")
        .resource("gleaner.rollout.cycle", "5")
        .resource("gleaner.attempt.number", "0")]);
    assert_eq!((trace.attempts[0].cycle, trace.attempts[0].attempt_number), (Some(5), Some(1)));
    assert_eq!(trace.unmapped.iter().filter(|row| row.reason == "invalid_cycle").count(), 1);
}

/// Guarantees: a service whose caller reports to another backend has attempts that end; one whose own root is still missing does
/// not, and the caller's span decides once it comes.
#[test]
fn below_a_caller_that_never_reports_the_first_span_is_the_root() {
    const LOCAL: u32 = 0x100;
    const REMOTE: u32 = 0x300;
    let entry = |flags: u32| {
        let mut span = agent("a").under("caller").at(1, 9);
        span.0.span.flags = flags;
        span
    };
    let status = |spans: Vec<crate::derive::fixtures::TestSpan>| {
        let trace = derive(spans);
        assert_eq!(trace.attempts.len(), 1);
        (trace.attempts[0].status.as_str(), trace.attempts[0].root_span_id.clone())
    };
    let call = || llm("m").under("a").at(2, 3);
    let seen = |id: &str| ("ok", Some(id.to_owned()));
    assert_eq!(status(vec![entry(REMOTE), call()]), seen("a"));
    assert_eq!(status(vec![entry(LOCAL), call()]), ("open", None));
    assert_eq!(status(vec![entry(0), call()]), ("open", None), "old clients do not say");
    assert_eq!(status(vec![chain("caller").at(0, 99), entry(REMOTE), call()]), seen("caller"));
    let orphan = || llm("o").under("late").at(4, 5);
    assert_eq!(status(vec![entry(REMOTE), call(), orphan()]), ("open", None), "a span of this process has not come");

    // With the same keys on every span, as baggage puts them.
    let keyed = |span: crate::derive::fixtures::TestSpan| span.keys("A", 1, 1);
    assert_eq!(status(vec![keyed(entry(REMOTE)), keyed(call())]), seen("a"));
    assert_eq!(status(vec![keyed(entry(LOCAL)), keyed(call())]), ("open", None));
    assert_eq!(status(vec![keyed(chain("caller").at(0, 99)), keyed(entry(REMOTE)), keyed(call())]), seen("caller"));
}
