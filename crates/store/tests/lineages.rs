//! Four lineages in three sessions with 87 items of feedback: what the views make of it against a truth that was computed
//! independently by the same rules.
//!
//! `data/traces.json` holds attempts and spans with readable ids, `data/feedback.json` the items by number.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "these are tests, helpers included")]

use std::collections::{BTreeMap, BTreeSet};

use gleaner_model::{DerivedTrace, FeedbackItem};
use gleaner_store::{Commit, PUBLIC_RELATIONS, Reader, Store};
use serde_json::{Map, Value, json};

fn traces() -> Vec<DerivedTrace> {
    serde_json::from_str(include_str!("data/traces.json")).expect("valid test data")
}

fn feedback() -> Vec<(u64, u64, FeedbackItem)> {
    let items: Vec<(u64, FeedbackItem)> =
        serde_json::from_str(include_str!("data/feedback.json")).expect("valid test data");
    items.into_iter().map(|(number, item)| (number, item.created_at_unix_nano, item)).collect()
}

fn truth() -> Value {
    serde_json::from_str(include_str!("data/truth.json")).expect("valid test data")
}

/// Every item and every trace in commits of their own, items first: all of them are bound later.
fn one_by_one() -> Store {
    let mut store = Store::open_in_memory().expect("a store");
    for item in feedback() {
        store.commit(&Commit { position: item.0, feedback: vec![item], ..Commit::default() }).expect("a commit");
    }
    for (position, trace) in (1000..).zip(traces()) {
        store.commit(&Commit { position, traces: vec![trace], ..Commit::default() }).expect("a commit");
    }
    store
}

/// All in one commit.
fn at_once(traces: Vec<DerivedTrace>) -> Store {
    let mut store = Store::open_in_memory().expect("a store");
    store.commit(&Commit { position: 2000, feedback: feedback(), traces, ..Commit::default() }).expect("a commit");
    store
}

fn rows(store: &Store, sql: &str) -> Vec<Map<String, Value>> {
    store.reader().and_then(|reader| reader.rows(sql, &[])).expect("a query that works")
}

fn attempt_id(key: &Value) -> Value {
    let text = |field: &str| key[field].as_str().map_or_else(|| key[field].to_string(), str::to_owned);
    format!("{}/{}/{}/{}", text("session"), text("lineage"), text("cycle"), text("attempt_number")).into()
}

/// Items by number, as `evidence` and others name them in the truth.
fn keys() -> BTreeMap<u64, String> {
    feedback().into_iter().map(|(number, _, item)| (number, item.item_id)).collect()
}

/// `[rule, chosen, rejected, reviewer, source, session, cycle, margin, contested, evidence]` as text, sorted.
fn true_pairs() -> Vec<String> {
    let truth = truth();
    let keys = keys();
    let side = |pair: &Value, lineage: &str, number: &str| {
        if pair[number].is_null() {
            return Value::Null;
        }
        attempt_id(&json!({
            "session": pair["session"], "lineage": pair[lineage], "cycle": pair["cycle"], "attempt_number": pair[number],
        }))
    };
    let pairs: Vec<(Value, Value, Value)> = truth["pairs"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|p| (p.clone(), side(p, "chosen", "chosen_attempt"), side(p, "rejected", "rejected_attempt")))
        .collect();
    let mut lines: Vec<String> = pairs
        .iter()
        .map(|(pair, chosen, rejected)| {
            let contested = pairs.iter().any(|(_, other, worse)| other == rejected && worse == chosen);
            let evidence: Vec<&String> = pair["evidence"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|n| &keys[&n.as_u64().expect("a number")])
                .collect();
            json!([
                pair["rule"],
                chosen,
                rejected,
                pair["reviewer"],
                pair["source"],
                pair["session"],
                pair["cycle"],
                pair["margin"].as_f64(),
                contested,
                evidence
            ])
            .to_string()
        })
        .collect();
    lines.sort();
    lines
}

fn stored_pairs(store: &Store) -> Vec<String> {
    let mut lines: Vec<String> = rows(store, "SELECT * FROM preference_pairs")
        .into_iter()
        .map(|row| {
            json!([
                row["rule"],
                row["chosen_attempt_id"],
                row["rejected_attempt_id"],
                row["reviewer"],
                row["source"],
                row["session_id"],
                row["cycle"],
                row["margin"],
                row["contested"],
                row["evidence"]
            ])
            .to_string()
        })
        .collect();
    lines.sort();
    lines
}

/// Guarantees: every rule gives exactly the true pairs, whatever the order of arrival.
#[test]
fn preference_pairs_are_the_true_ones() {
    let (expected, truth) = (true_pairs(), truth());
    assert_eq!(expected.len() as u64, truth["counts"]["pairs"].as_u64().expect("a number"));
    assert_eq!(stored_pairs(&one_by_one()), expected);
    assert_eq!(stored_pairs(&at_once(traces())), expected);
}

/// Guarantees: the ids of pairs are distinct, and only a correction has no chosen attempt.
#[test]
fn pairs_have_ids_and_hashes() {
    let rows = rows(&at_once(traces()), "SELECT * FROM preference_pairs");
    let ids: BTreeSet<&str> = rows.iter().filter_map(|r| r["pair_id"].as_str()).collect();
    assert_eq!(ids.len(), rows.len());
    for row in &rows {
        assert_eq!(row["chosen_attempt_id"].is_null(), row["rule"] == "correction", "{row:?}");
        assert_eq!(row["chosen_content_hash"].as_str().map(str::len), Some(64), "{row:?}");
        assert_eq!(row["prompt_hash"], row["rejected_prompt_hash"], "{row:?}");
    }
    let contested: BTreeSet<BTreeSet<&str>> = rows
        .iter()
        .filter(|r| r["contested"] == true)
        .map(|r| ["chosen_attempt_id", "rejected_attempt_id"].iter().filter_map(|side| r[*side].as_str()).collect())
        .collect();
    assert_eq!(contested.len() as u64, truth()["counts"]["contested"].as_u64().expect("a number"));
}

/// Guarantees: numbers that the telemetry leaves open are counted by start, and come out as if they had been sent.
#[test]
fn numbers_are_counted_where_none_are_sent() {
    let mut traces = traces();
    for part in traces.iter_mut().flat_map(|t| &mut t.attempts) {
        (part.cycle, part.attempt_number) = (None, None);
    }
    assert_eq!(stored_pairs(&at_once(traces)), true_pairs());
}

/// Guarantees: evaluations bind as told, one is superseded, one stays unbound with its reason.
#[test]
fn evaluations_are_bound_and_in_force() {
    let store = one_by_one();
    let truth = truth();
    let stored: BTreeMap<String, Map<String, Value>> = rows(&store, "SELECT * FROM evaluations")
        .into_iter()
        .map(|row| (row["evaluation_id"].as_str().expect("an id").to_owned(), row))
        .collect();
    let expected = truth["evaluations"].as_array().expect("a list");
    assert_eq!(stored.len(), expected.len());
    for item in expected {
        let row = &stored[item["key"].as_str().expect("a key")];
        let attempt = if item["attempt"].is_null() { Value::Null } else { attempt_id(&item["attempt"]) };
        assert_eq!(row["attempt_id"], attempt, "{item}");
        assert_eq!(row["linked"], json!(!attempt.is_null()), "{item}");
        let in_force = item["superseded"] == false && item["retracted"] == false;
        assert_eq!(row["in_force"], json!(in_force), "{item}");
        for field in ["criterion", "value", "label", "comment", "correction", "reviewer", "source"] {
            assert_eq!(row[field], item[field], "{field} of {item}");
        }
    }
    assert_eq!(stored["never-bound"]["unbound_reason"], "not_seen");
    assert_eq!(stored["lan-1-D-jonas"]["span_id"], "a40cf4a04a85445f");
    assert_eq!(stored["lan-1-D-mara"]["lineage_id"], "s-lantern-0412/D");
}

#[test]
fn means_are_over_overall_scores_in_force() {
    let stored: BTreeMap<String, (i64, f64)> = rows(
        &at_once(traces()),
        "SELECT attempt_id, count(*) AS n, avg(score) AS mean FROM evaluations
         WHERE in_force AND criterion IS NULL AND score IS NOT NULL AND linked GROUP BY attempt_id",
    )
    .iter()
    .map(|r| (r["attempt_id"].as_str().unwrap().to_owned(), (r["n"].as_i64().unwrap(), r["mean"].as_f64().unwrap())))
    .collect();
    let truth = truth();
    let expected = truth["mean_per_attempt"].as_array().expect("a list");
    assert_eq!(stored.len(), expected.len());
    for item in expected {
        let (n, mean) = stored[attempt_id(item).as_str().unwrap()];
        assert_eq!(json!(n), item["n"], "{item}");
        assert!((mean - item["mean"].as_f64().unwrap()).abs() < 1e-5, "{item}: {mean}");
    }
}

#[test]
fn the_latest_lock_of_a_session_decides() {
    let locked: Vec<Value> = rows(
        &one_by_one(),
        "SELECT session_id AS session, label AS lineage FROM lineages WHERE locked ORDER BY session_id, label",
    )
    .into_iter()
    .map(Value::Object)
    .collect();
    assert_eq!(Value::Array(locked), truth()["locked_lineages"]);
}

#[test]
fn evolution_is_scored_by_definition() {
    let stored: BTreeMap<String, Map<String, Value>> = rows(&at_once(traces()), "SELECT * FROM evolution_records")
        .into_iter()
        .map(|row| (row["evolution_id"].as_str().unwrap().to_owned(), row))
        .collect();
    let truth = truth();
    let expected = truth["evolution"].as_array().expect("a list");
    assert_eq!(stored.len(), expected.len());
    for item in expected {
        let row = &stored[item["key"].as_str().unwrap()];
        assert_eq!(row["from_definition_id"], item["from_definition"], "{item}");
        assert_eq!(row["to_definition_id"], item["to_definition"], "{item}");
        for (side, n, score) in [("before", "n_before", "score_before"), ("after", "n_after", "score_after")] {
            assert_eq!(row[n], item[side]["n"], "{side} of {item}");
            assert!(
                (row[score].as_f64().unwrap() - item[side]["mean"].as_f64().unwrap()).abs() < 1e-5,
                "{side} of {item}"
            );
        }
        assert!((row["score_delta"].as_f64().unwrap() - item["score_delta"].as_f64().unwrap()).abs() < 1e-5, "{item}");
        assert_eq!(row["hypothesis_validated"], item["outcomes"][0]["hypothesis_validated"], "{item}");
    }
}

/// Guarantees: every public relation can be read and has `project` and `recorded_at`; counts are those of the corpus.
#[test]
fn every_relation_reads() {
    let store = one_by_one();
    let reader: Reader = store.reader().expect("a reader");
    let expected = [
        ("sessions", 3),
        ("lineages", 12),
        ("agent_definitions", 17),
        ("rollouts", 24),
        ("attempts", 30),
        ("comparisons", 11),
        ("directives", 6),
        ("evolution_records", 5),
        ("learning_insights", 2),
    ];
    for relation in PUBLIC_RELATIONS {
        let rows = reader.rows(&format!("SELECT * FROM {relation}"), &[]).expect(relation);
        if let Some((_, count)) = expected.iter().find(|(name, _)| name == relation) {
            assert_eq!(rows.len(), *count, "{relation}");
        }
        for row in rows {
            assert!(row["project"] == "default" && row["recorded_at"].is_string(), "{relation}: {row:?}");
        }
    }
}

#[test]
fn feedback_on_a_session_wins_over_telemetry() {
    let rows = rows(&one_by_one(), "SELECT * FROM sessions WHERE session_id = 's-lantern-0412'");
    assert_eq!(rows[0]["user_id"], "u-mara");
    assert_eq!(rows[0]["constraints"].as_str().map(|c| c.starts_with("60 to 110 words")), Some(true));
    assert!(rows[0]["started_at"].is_string());
}
