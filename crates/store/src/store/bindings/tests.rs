//! Bindings, evaluations and pairs against what the statements say over everything, after random commits.

use gleaner_model::{AttemptPart, AttemptStatus, DeclaredArtifact, DerivedTrace, FeedbackItem, Span};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{Commit, Fact, Store};

/// An attempt: lineage, cycle, number, whether it surrounds others, whether it is ok; it has a span of its own.
type Drawn = (u8, Option<i64>, Option<i64>, bool, bool);

/// What a commit brings: traces (a trace, its session, its attempts, whether it has a span outside of all), and items.
type Drop = (Vec<(u8, u8, Vec<Drawn>, bool)>, Vec<Value>);

fn trace(number: u8, session: u8, drawn: &[Drawn], outside: bool, position: u64) -> DerivedTrace {
    let trace_id = format!("t{number}");
    let mut attempts: Vec<AttemptPart> = Vec::new();
    let mut spans: Vec<Span> = Vec::new();
    for (place, (lineage, cycle, sent, surrounds, ok)) in drawn.iter().enumerate() {
        let attempt_id =
            format!("a{session}/{lineage}/{}", sent.map_or_else(|| format!("{trace_id}.{place}"), |n| n.to_string()));
        if attempts.iter().any(|attempt| attempt.attempt_id == attempt_id) {
            continue;
        }
        let artifact = json!({"span_id": format!("s{place}"), "name": "n", "content": "c", "time_unix_nano": 1});
        let artifact: DeclaredArtifact = serde_json::from_value(artifact).expect("an artifact");
        attempts.push(AttemptPart {
            attempt_id: attempt_id.clone(),
            rollout_id: format!("{session}/{lineage}/{cycle:?}"),
            lineage_id: format!("{session}/{lineage}"),
            session_id: format!("session{session}"),
            trace_id: trace_id.clone(),
            lineage_label: format!("L{lineage}"),
            cycle: *cycle,
            attempt_number: *sent,
            surrounds: *surrounds,
            status: if *ok { AttemptStatus::Ok } else { AttemptStatus::Error },
            start_time_unix_nano: 10 + place as u64,
            artifacts: if *ok { vec![artifact] } else { Vec::new() },
            ..AttemptPart::default()
        });
        // Two attempts may report one response.
        spans.push(span(
            &trace_id,
            &format!("s{place}"),
            Some(&attempt_id),
            &format!("r{}", place % 2 + usize::from(number)),
        ));
    }
    if outside {
        spans.push(span(&trace_id, "out", None, "r-out"));
    }
    let recorded_at_unix_nano = position * 1_000_000;
    DerivedTrace {
        project: "p".to_owned(),
        trace_id,
        recorded_at_unix_nano,
        attempts,
        spans,
        ..DerivedTrace::default()
    }
}

fn span(trace_id: &str, span_id: &str, attempt_id: Option<&str>, response_id: &str) -> Span {
    serde_json::from_value(json!({
        "trace_id": trace_id, "span_id": span_id, "attempt_id": attempt_id, "response_id": response_id, "kind": "llm",
        "name": "chat", "status": "unset", "start_time_unix_nano": 1, "end_time_unix_nano": 2, "attributes": {}, "events": [],
        "links": [], "resource": {}, "scope_name": "", "scope_version": "", "origin": "span", "source_keys": {}
    }))
    .expect("a span")
}

/// Items are named by what they say: the same one comes once.
fn item(body: &Value) -> FeedbackItem {
    let name = format!("i{}", blake(&body.to_string()));
    serde_json::from_value(json!({
        "item_id": body.get("item_id").and_then(Value::as_str).unwrap_or(&name), "project": "p", "idempotency_key": null,
        "content_hash": name, "reviewer": "mara", "source": "human", "created_at_unix_nano": 1, "body": body["body"]
    }))
    .expect("an item")
}

fn blake(text: &str) -> String {
    gleaner_model::ContentHash::of_json(&text.into()).0
}

fn target() -> impl Strategy<Value = Value> {
    let lineage = (0..3u8, option::of(0..3u8), option::of(1..3i64), option::of(1..3i64)).prop_map(
        |(s, lineage, cycle, number)| {
            let lineage = lineage.map(|lineage| format!("L{lineage}"));
            let number = number.filter(|_| lineage.is_some());
            json!({"session": format!("session{s}"), "lineage": lineage, "cycle": cycle, "attempt_number": number})
        },
    );
    let artifact = prop_oneof![(0..3u8).prop_map(|n| format!("made{n}")), prop::sample::select(final_answers()),];
    prop_oneof![
        lineage,
        (0..2u8, 0..2u8, 1..3u8).prop_map(|(s, l, n)| json!({"attempt_id": format!("a{s}/{l}/{n}")})),
        (0..5u8).prop_map(|t| json!({"trace_id": format!("t{t}")})),
        (0..4u8, select_span()).prop_map(|(t, s)| json!({"trace_id": format!("t{t}"), "span_id": s})),
        (0..6u8).prop_map(|r| json!({"response_id": format!("r{r}")})),
        Just(json!({"response_id": "r-out"})),
        artifact.prop_map(|id| json!({"artifact_id": id})),
    ]
}

/// Ids of the final answers of numbered attempts.
fn final_answers() -> Vec<String> {
    let connection = duckdb::Connection::open_in_memory().expect("a database");
    let sql = "SELECT md5(format('final_answer:a{}/{}/{}', s, l, n))
        FROM range(2) AS s (s), range(2) AS l (l), range(1, 3) AS n (n) ORDER BY ALL";
    let mut statement = connection.prepare(sql).expect("a query");
    let rows = statement.query_map([], |row| row.get(0)).expect("rows");
    rows.collect::<Result<_, _>>().expect("texts")
}

fn select_span() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["s0", "s1", "out", "none"])
}

fn body() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => (target(), 1..4u8).prop_map(|(target, score)| json!({"body": {"kind": "evaluation", "target": target, "score": score}})),
        1 => target().prop_map(|target| json!({"body": {"kind": "directive", "target": target, "text": "x", "directive_kind": "once"}})),
        2 => (target(), 0..3u8).prop_map(|(target, n)| {
            json!({"item_id": format!("made{n}"), "body": {"kind": "artifact", "target": target, "content": "x"}})
        }),
        2 => (target(), target(), option::of(0..3u8)).prop_map(|(a, b, session)| json!({"body": {
            "kind": "comparison", "form": "ranking", "session": session.map(|s| format!("session{s}")), "cycle": null,
            "over_all_others": false,
            "entries": [{"target": a, "rank": 1, "locked": false}, {"target": b, "rank": 2, "locked": false}]
        }})),
        1 => (target(), 0..2u8, 1..3i64).prop_map(|(a, s, cycle)| json!({"item_id": format!("lock{s}"), "body": {
            "kind": "comparison", "form": "lock", "session": format!("session{s}"), "cycle": cycle, "over_all_others": true,
            "entries": [{"target": a, "rank": 1, "locked": true}]
        }})),
        1 => prop::sample::select(vec!["lock0", "lock1", "made1"])
            .prop_map(|of| json!({"body": {"kind": "retraction", "of": of}})),
        2 => (0..2u8, 0..2u8, 1..10u8).prop_map(|(s, l, score)| {
            let target = json!({"session": format!("session{s}"), "lineage": format!("L{l}"), "cycle": 1});
            json!({"body": {"kind": "evaluation", "target": target, "score": score}})
        }),
    ]
}

fn drops() -> impl Strategy<Value = Vec<Drop>> {
    let drawn = (0..2u8, option::of(1..3i64), option::of(1..3i64), prop::bool::weighted(0.2), any::<bool>());
    let traces = vec((0..4u8, 0..2u8, vec(drawn, 0..3), any::<bool>()), 0..3);
    vec((traces, vec(body(), 0..6)), 1..6)
}

fn store(drops: &[Drop]) -> Store {
    let mut store = Store::open_in_memory().expect("a store");
    for (position, (traces, items)) in (1..).zip(drops) {
        let traces =
            traces.iter().map(|(number, session, drawn, outside)| trace(*number, *session, drawn, *outside, position));
        let feedback = items.iter().map(|body| (position, position * 1_000, item(body)));
        let facts: Vec<Fact> = Vec::new();
        store
            .commit(&Commit {
                position,
                traces: traces.collect(),
                feedback: feedback.collect(),
                facts,
                ..Commit::default()
            })
            .expect("a commit");
    }
    store
}

/// How many bindings are not what one pass over all items makes of them.
fn different(store: &Store) -> i64 {
    const ALL: &str = "(SELECT project, item_id FROM feedback_targets)";
    let direct = super::selected(include_str!("bind.sql"), ALL);
    let of_artifacts = super::selected(include_str!("bind_artifacts.sql"), ALL);
    let count =
        |sql: &str| -> i64 { store.connection.query_row(sql, [], |row| row.get(0)).expect("a query that works") };
    count(&format!(
        "WITH whole AS MATERIALIZED (FROM ({direct}) UNION ALL BY NAME FROM ({of_artifacts}))
         SELECT (SELECT count(*) FROM (FROM whole EXCEPT ALL FROM target_bindings))
            + (SELECT count(*) FROM (FROM target_bindings EXCEPT ALL FROM whole))
            + abs((SELECT count(*) FROM target_bindings) - (SELECT count(*) FROM feedback_targets))"
    ))
}

/// How many evaluations are not what one pass over all items makes of them.
fn different_evaluations(store: &Store) -> i64 {
    let whole = crate::store::evaluations::selected("true");
    let sql = format!(
        "WITH whole AS MATERIALIZED ({whole})
         SELECT (SELECT count(*) FROM (FROM whole EXCEPT ALL FROM evaluation_rows))
            + (SELECT count(*) FROM (FROM evaluation_rows EXCEPT ALL FROM whole))"
    );
    store.connection.query_row(&sql, [], |row| row.get(0)).expect("a query that works")
}

/// How many items are retracted, and the table does not say so, or the other way round.
fn different_retractions(store: &Store) -> i64 {
    let whole = crate::store::retractions::selected("(SELECT project, item_id FROM feedback_facts)");
    let sql = format!(
        "WITH whole AS MATERIALIZED ({whole})
         SELECT (SELECT count(*) FROM (FROM whole EXCEPT ALL FROM retracted_rows))
            + (SELECT count(*) FROM (FROM retracted_rows EXCEPT ALL FROM whole))"
    );
    store.connection.query_row(&sql, [], |row| row.get(0)).expect("a query that works")
}

/// How many pairs are not what one pass over all sessions makes of them.
fn different_pairs(store: &Store) -> i64 {
    const SESSIONS: &str = "(SELECT project, session_id FROM attempt_index
        UNION SELECT project, session_id FROM target_bindings UNION SELECT project, session_id FROM feedback_facts)";
    let whole = crate::store::pairs::selected(SESSIONS, "(SELECT project, item_id FROM feedback_facts)", SESSIONS);
    let sql = format!(
        "WITH whole AS MATERIALIZED ({whole})
         SELECT (SELECT count(*) FROM (FROM whole EXCEPT ALL FROM pair_rows))
            + (SELECT count(*) FROM (FROM pair_rows EXCEPT ALL FROM whole))"
    );
    store.connection.query_row(&sql, [], |row| row.get(0)).expect("a query that works")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    /// Guarantees: whatever traces come, change or vanish, and whatever is said of them before and after, every target is bound as
    /// one pass over everything would bind it; and with the feedback first or last it is bound alike.
    #[test]
    fn bindings_are_what_all_facts_say(drops in drops()) {
        let once = store(&drops);
        prop_assert_eq!(different(&once), 0);
        prop_assert_eq!(different_retractions(&once), 0);
        prop_assert_eq!(different_evaluations(&once), 0);
        prop_assert_eq!(different_pairs(&once), 0);
        let traces = drops.iter().map(|(traces, _)| (traces.clone(), Vec::new()));
        let items = drops.iter().map(|(_, items)| (Vec::new(), items.clone()));
        let later: Vec<Drop> = traces.chain(items).collect();
        let last = store(&later);
        prop_assert_eq!(bound(&last), bound(&once));
        prop_assert_eq!(different_retractions(&last), 0);
        prop_assert_eq!(different_evaluations(&last), 0);
        prop_assert_eq!(different_pairs(&last), 0);
    }
}

fn bound(store: &Store) -> Vec<String> {
    let sql = "SELECT item_id, entry, via, attempt_id, reason, session_id, lineage_id, cycle FROM target_bindings ORDER BY ALL";
    let rows = store.reader().and_then(|reader| reader.rows(sql, &[])).expect("a query that works");
    rows.into_iter().map(|row| Value::Object(row).to_string()).collect()
}
