use gleaner_model::DerivedTrace;
use serde_json::json;

use super::*;
use crate::derive::derive_trace;
use crate::derive::fixtures::{agent, chain, derive, llm};

fn facts(trace: &DerivedTrace) -> Vec<(&str, &str, &str, i64, u64)> {
    let rows = trace.session_facts.iter();
    rows.map(|fact| (fact.session_id.as_str(), fact.field.as_str(), fact.value.as_str(), fact.rank, fact.position))
        .collect()
}

#[test]
fn facts_have_the_rank_of_their_carrier_and_the_latest_position() {
    let trace = derive([
        agent("a").at(1, 9).attr("gleaner.session.id", "s").attr("gleaner.session.need", "n").position(3),
        llm("m").under("a").at(2, 3).attr("gleaner.session.need", "n").position(7),
        chain("c").under("a").at(4, 5).resource("gleaner.session.need", "r").attr("gleaner.user.id", "u").position(5),
    ]);
    assert_eq!(facts(&trace), [("s", "need", "n", 2, 7), ("s", "need", "r", 1, 5), ("s", "user_id", "u", 2, 5)]);
}

#[test]
fn a_fact_above_the_attempts_counts_for_each_of_them() {
    let trace = derive([
        chain("top").at(0, 99).attr("gleaner.session.context", "c").position(1),
        agent("a").under("top").at(1, 9).keys("A", 1, 1).attr("gleaner.session.id", "s1"),
        agent("b").under("top").at(10, 19).keys("B", 1, 1).attr("gleaner.session.id", "s2"),
    ]);
    assert_eq!(facts(&trace), [("s1", "context", "c", 2, 1), ("s2", "context", "c", 2, 1)]);
}

#[test]
fn a_user_by_a_convention_gives_way_to_one_by_gleaner_s_own_key() {
    let by_convention = derive([agent("a")
        .at(1, 9)
        .attr("gleaner.session.id", "s")
        .mapped(|mapped| mapped.user_key = Some("u".into()))
        .position(4)]);
    assert_eq!(facts(&by_convention), [("s", "user_id", "u", 0, 4)]);
    let by_resource =
        derive([agent("a").at(1, 9).attr("gleaner.session.id", "s").resource("user.id", "u").position(4)]);
    assert_eq!(facts(&by_resource), [("s", "user_id", "u", -1, 4)]);
}

#[test]
fn a_span_outside_all_attempts_makes_no_session() {
    let trace = derive([
        chain("top").at(0, 99).attr("gleaner.session.id", "other").attr("gleaner.session.need", "n"),
        agent("a").at(1, 9).keys("A", 1, 1).attr("gleaner.session.id", "s"),
    ]);
    assert_eq!(facts(&trace), []);
}

#[test]
fn every_content_is_stored_once_with_the_hash_of_its_canonical_json() {
    let prompted = |id: &str, start: u64| {
        llm(id).at(start, start + 1).question("q").answer("a").mapped(|mapped| {
            mapped.system_prompt = Some("be brief".into());
            mapped.tool_definitions = Some(json!([{"type": "function", "name": "f"}]));
        })
    };
    let trace = derive([prompted("m1", 1), prompted("m2", 3)]);
    let kinds: Vec<ContentKind> = trace.contents.iter().map(|content| content.kind).collect();
    assert_eq!(kinds, [ContentKind::SystemPrompt, ContentKind::Tools, ContentKind::Artifact]);
    assert_eq!(trace.contents[0].body, "\"be brief\"");
}

#[test]
fn unexplained_spans_bad_keys_and_loose_records_are_listed() {
    let mut unexplained = chain("x").at(1, 2);
    unexplained.1.convention = None;
    let bad_cycle = agent("a").at(3, 9).attr("gleaner.rollout.cycle", "0").attr("gleaner.attempt.number", "first");
    let spans = [unexplained, bad_cycle].map(|span| (span.0, span.1));
    let log = |trace: Option<&str>, span: Option<&str>, time| LogFragment {
        trace_id: trace.map(str::to_owned),
        span_id: span.map(str::to_owned),
        time_unix_nano: time,
        ..LogFragment::default()
    };
    let logs = [log(Some("t"), Some("s"), 3), log(Some("t"), None, 2), log(None, None, 1)];
    let trace = derive_trace("p", "t", 1, &spans, &logs);
    let reasons: Vec<&str> = trace.unmapped.iter().map(|row| row.reason.as_str()).collect();
    assert_eq!(
        reasons,
        ["no_known_attributes", "invalid_cycle", "invalid_attempt_number", "no_trace_id", "no_span_id", "no_span_yet"]
    );
    assert_eq!(trace.attempts[0].cycle, None);
}
