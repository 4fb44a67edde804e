//! Calls that go on from an earlier response: their history is found along the chain of response ids, over traces, whatever
//! the order of arrival.

#![allow(clippy::expect_used, reason = "these are tests, helpers included")]

use gleaner_model::DerivedTrace;
use gleaner_store::{Commit, Store};
use serde_json::{Map, Value, json};

/// A call that answered with `response`, going on from `previous`: it was given `input`, and said `output`.
struct Call<'a> {
    response: &'a str,
    previous: Option<&'a str>,
    input: &'a [&'a str],
    output: &'a str,
}

fn call<'a>(response: &'a str, previous: Option<&'a str>, input: &'a [&'a str], output: &'a str) -> Call<'a> {
    Call { response, previous, input, output }
}

/// User and assistant in turn, the user first; the last one's finish reason on outputs.
fn messages(texts: &[&str]) -> Vec<Value> {
    let roles = ["user", "assistant"].into_iter().cycle();
    let message = |(role, text)| json!({"role": role, "parts": [{"type": "text", "content": text}]});
    roles.zip(texts).map(message).collect()
}

/// One call in a trace and attempt of its own; both are named after the response. `changes` replace fields of the span.
fn trace(start: u64, call: &Call<'_>, changes: Value) -> DerivedTrace {
    let id = call.response;
    let mut output = messages(&["", call.output]).remove(1);
    output["finish_reason"] = json!("stop");
    let mut span = json!({
        "trace_id": id, "span_id": format!("s-{id}"), "attempt_id": id, "response_id": id, "kind": "llm",
        "previous_response_id": call.previous, "input_messages": messages(call.input), "output_messages": [output],
        "name": "chat", "status": "unset", "start_time_unix_nano": start, "end_time_unix_nano": start, "attributes": {},
        "events": [], "links": [], "resource": {}, "scope_name": "", "scope_version": "", "origin": "span",
        "source_keys": {}
    });
    if let (Value::Object(span), Value::Object(changes)) = (&mut span, changes) {
        span.extend(changes);
    }
    let part = json!({
        "attempt_id": id, "rollout_id": id, "lineage_id": "l", "session_id": "s", "trace_id": id, "lineage_label": "l",
        "continued_span_id": call.previous.map(|_| &span["span_id"]), "input_messages": span["input_messages"],
        "status": "ok", "start_time_unix_nano": start, "end_time_unix_nano": start, "llm_calls": 1, "llm_calls_failed": 0,
        "tool_calls": 0, "tool_calls_failed": 0, "artifacts": []
    });
    serde_json::from_value(json!({
        "project": "default", "trace_id": id, "recorded_at_unix_nano": start, "spans": [span], "attempts": [part],
        "session_facts": [], "contents": [], "unmapped": []
    }))
    .expect("a trace")
}

/// Each trace in a commit of its own.
fn store(traces: Vec<DerivedTrace>) -> Store {
    let mut store = Store::open_in_memory().expect("a store");
    for (position, trace) in (1..).zip(traces) {
        store.commit(&Commit { position, traces: vec![trace], ..Commit::default() }).expect("a commit");
    }
    store
}

fn row(store: &Store, relation: &str, trace_id: &str) -> Map<String, Value> {
    let sql = format!("SELECT * FROM {relation} WHERE trace_id = ? AND project = 'default'");
    let mut rows = store.reader().and_then(|reader| reader.rows(&sql, &[json!(trace_id)])).expect("a query");
    assert_eq!(rows.len(), 1, "{relation} of {trace_id}");
    rows.remove(0)
}

/// The input of a call and whether its history is complete; spans and attempts say the same.
fn given(store: &Store, trace_id: &str) -> (Value, Value) {
    let (span, attempt) = (row(store, "execution_spans", trace_id), row(store, "attempts", trace_id));
    assert_eq!(span["input_messages"], attempt["input_messages"]);
    assert_eq!(span["history_complete"], attempt["history_complete"]);
    let hashes = span["input_message_hashes"].as_array().map(Vec::len);
    assert_eq!(hashes, span["input_messages"].as_array().map(Vec::len));
    (span["input_messages"].clone(), span["history_complete"].clone())
}

fn three_turns() -> Vec<DerivedTrace> {
    let none = || json!({});
    vec![
        trace(1_000, &call("r1", None, &["one"], "first"), none()),
        trace(2_000, &call("r2", Some("r1"), &["two"], "second"), none()),
        trace(3_000, &call("r3", Some("r2"), &["three"], "third"), none()),
    ]
}

#[test]
fn a_chain_over_traces_in_any_order() {
    let whole = json!(messages(&["one", "first", "two", "second", "three"]));
    let mut reversed = three_turns();
    reversed.reverse();
    for traces in [three_turns(), reversed] {
        let store = store(traces);
        assert_eq!(given(&store, "r1"), (json!(messages(&["one"])), Value::Null));
        assert_eq!(given(&store, "r2"), (json!(messages(&["one", "first", "two"])), json!(true)));
        assert_eq!(given(&store, "r3"), (whole.clone(), json!(true)));
        assert_eq!(row(&store, "execution_spans", "r3")["previous_response_id"], "r2");
    }
}

/// Guarantees: the history grows to its full length once the late trace is there.
#[test]
fn a_missing_link_is_told() {
    let mut traces = three_turns();
    let first = traces.remove(0);
    let mut store = store(traces);
    assert_eq!(given(&store, "r2"), (json!(messages(&["two"])), json!(false)));
    assert_eq!(given(&store, "r3"), (json!(messages(&["two", "second", "three"])), json!(false)));
    store.commit(&Commit { position: 9, traces: vec![first], ..Commit::default() }).expect("a commit");
    assert_eq!(given(&store, "r3").1, json!(true));
}

#[test]
fn a_link_of_another_project_or_without_messages_is_missing() {
    let mut traces = three_turns();
    traces[0].project = "other".into();
    assert_eq!(given(&store(traces), "r2"), (json!(messages(&["two"])), json!(false)));

    let mut traces = three_turns();
    traces[0] = trace(1_000, &call("r1", None, &[], ""), json!({"input_messages": null, "output_messages": null}));
    let hidden = store(traces);
    assert_eq!(given(&hidden, "r3"), (json!(messages(&["two", "second", "three"])), json!(false)));

    let mut traces = three_turns();
    traces[1] = trace(2_000, &call("r2", Some("r1"), &[], ""), json!({"input_messages": null}));
    let hidden = store(traces);
    assert_eq!(given(&hidden, "r2").0, Value::Null);
    assert_eq!(given(&hidden, "r3").1, json!(false));
}

#[test]
fn a_circle_ends() {
    let mut traces = three_turns();
    traces[0] = trace(1_000, &call("r1", Some("r2"), &["one"], "first"), json!({}));
    traces.push(trace(4_000, &call("self", Some("self"), &["me"], "you"), json!({})));
    let store = store(traces);
    for (id, own) in [("r1", "one"), ("r2", "two"), ("r3", "three"), ("self", "me")] {
        assert_eq!(given(&store, id), (json!(messages(&[own])), json!(false)), "{id}");
    }
}

/// Guarantees: a poorer report of a call is not its turn, and of two calls with one id the earlier is meant.
#[test]
fn a_response_that_is_reported_twice_counts_once() {
    let mut traces = three_turns();
    let copy = json!({"span_id": "s-copy", "duplicate_of": "s-r1", "start_time_unix_nano": 1, "output_messages": []});
    let copy = trace(1, &call("r1", None, &["one"], "first"), copy).spans.remove(0);
    traces[0].spans.push(copy);
    let again = json!({"trace_id": "again", "response_id": "r2"});
    let mut again = trace(9_000, &call("again", None, &["other"], "words"), again);
    again.spans[0].previous_response_id = None;
    traces.insert(0, again);
    let store = store(traces);
    let whole = messages(&["one", "first", "two", "second", "three"]);
    assert_eq!(given(&store, "r3"), (json!(whole), json!(true)));
}

#[test]
fn a_history_that_the_request_repeats_is_not_doubled() {
    let resolved = ["one", "first", "two"];
    let mut traces = three_turns();
    traces[1] = trace(2_000, &call("r2", Some("r1"), &resolved, "second"), json!({}));
    let store = store(traces);
    assert_eq!(given(&store, "r2"), (json!(messages(&resolved)), json!(true)));
    let whole = messages(&["one", "first", "two", "second", "three"]);
    assert_eq!(given(&store, "r3"), (json!(whole), json!(true)));
}

/// Guarantees: two answers to one conversation have one prompt hash, answers to two conversations have two.
#[test]
fn prompt_hashes_cover_the_history() {
    let mut traces = three_turns();
    traces.push(trace(4_000, &call("again", Some("r2"), &["three"], "otherwise"), json!({})));
    traces.push(trace(5_000, &call("elsewhere", Some("r1"), &["three"], "third"), json!({})));
    let store = store(traces);
    let hash = |id| row(&store, "attempts", id)["prompt_hash"].clone();
    assert_eq!(hash("r3"), hash("again"));
    assert_ne!(hash("r3"), hash("elsewhere"));
}
