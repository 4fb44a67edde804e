//! Sessions made by hand, each small enough to check by eye.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "these are tests, and each uses some of it"
)]

use gleaner_model::{DerivedTrace, FeedbackItem};
use gleaner_store::{Commit, Store};
use serde_json::{Value, json};

/// One attempt of a trace: `[lineage, cycle, number, status]`; its id is `lineage/cycle/number`.
pub type Attempt<'a> = (&'a str, i64, i64, &'a str);

/// A trace of session `s` with one span per attempt; the span's id and response id are the attempt's id.
pub fn trace(trace_id: &str, start: u64, attempts: &[Attempt<'_>]) -> DerivedTrace {
    let id = |(lineage, cycle, number, _): &Attempt<'_>| format!("{lineage}/{cycle}/{number}");
    let spans: Vec<Value> = attempts
        .iter()
        .map(|a| {
            json!({
                "trace_id": trace_id, "span_id": id(a), "attempt_id": id(a), "response_id": format!("r-{}", id(a)),
                "kind": "llm", "name": "chat", "status": "unset", "start_time_unix_nano": start, "end_time_unix_nano": start,
                "attributes": {}, "events": [], "links": [], "resource": {}, "scope_name": "", "scope_version": "",
                "origin": "span", "source_keys": {}
            })
        })
        .collect();
    let parts: Vec<Value> = attempts
        .iter()
        .map(|a| {
            let (lineage, cycle, number, status) = a;
            json!({
                "attempt_id": id(a), "rollout_id": format!("{lineage}/{cycle}"), "lineage_id": lineage, "session_id": "s",
                "trace_id": trace_id, "lineage_label": lineage, "cycle": cycle, "attempt_number": number, "status": status,
                "input_text": "q", "output_text": format!("answer of {}", id(a)), "start_time_unix_nano": start,
                "end_time_unix_nano": start + 1_000_000, "llm_calls": 1, "llm_calls_failed": 0, "tool_calls": 0,
                "tool_calls_failed": 0, "input_tokens": 10, "artifacts": []
            })
        })
        .collect();
    serde_json::from_value(json!({
        "project": "default", "trace_id": trace_id, "recorded_at_unix_nano": start, "spans": spans, "attempts": parts,
        "session_facts": [], "contents": [], "unmapped": []
    }))
    .expect("a trace")
}

/// Lineages A (a retry after a failure), B and C in cycle 1; D has failed. All in traces of their own.
pub fn lineages() -> Vec<DerivedTrace> {
    vec![
        trace("ta", 1_000, &[("A", 1, 1, "error"), ("A", 1, 2, "ok")]),
        trace("tb", 2_000, &[("B", 1, 1, "ok")]),
        trace("tc", 3_000, &[("C", 1, 1, "ok")]),
        trace("td", 4_000, &[("D", 1, 1, "error")]),
    ]
}

pub fn item(id: &str, reviewer: &str, body: Value) -> FeedbackItem {
    serde_json::from_value(json!({
        "item_id": id, "project": "default", "idempotency_key": format!("key-{id}"), "content_hash": id,
        "reviewer": reviewer, "source": "human", "created_at_unix_nano": 1, "body": body
    }))
    .expect("an item")
}

pub fn at(lineage: &str) -> Value {
    json!({"session": "s", "lineage": lineage, "cycle": 1})
}

pub fn score(id: &str, reviewer: &str, target: Value, score: f64) -> FeedbackItem {
    item(id, reviewer, json!({"kind": "evaluation", "target": target, "score": score}))
}

pub fn comparison(id: &str, form: &str, over_all_others: bool, entries: &[(&str, u32, bool)]) -> FeedbackItem {
    let entries: Vec<Value> = entries
        .iter()
        .map(|(lineage, rank, locked)| json!({"target": at(lineage), "rank": rank, "locked": locked}))
        .collect();
    let body = json!({
        "kind": "comparison", "form": form, "session": "s", "cycle": 1, "over_all_others": over_all_others, "entries": entries
    });
    item(id, "mara", body)
}

pub fn retraction(id: &str, of: &str) -> FeedbackItem {
    item(id, "mara", json!({"kind": "retraction", "of": of}))
}

pub fn store(traces: Vec<DerivedTrace>, items: Vec<FeedbackItem>) -> Store {
    let mut store = Store::open_in_memory().expect("a store");
    // All in one frame: the place in it tells which came later.
    let feedback = items.into_iter().map(|item| (1, 1_000, item)).collect();
    store.commit(&Commit { position: 1, feedback, traces, ..Commit::default() }).expect("a commit");
    store
}

pub fn rows(store: &Store, sql: &str) -> Vec<Value> {
    let rows = store.reader().and_then(|reader| reader.rows(sql, &[])).expect("a query");
    rows.into_iter().map(|row| Value::Array(row.into_iter().map(|(_, value)| value).collect())).collect()
}
