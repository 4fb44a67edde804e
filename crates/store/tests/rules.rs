//! The rules of binding and of pairs on hand-made cases, each small enough to check by eye.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "these are tests, helpers included")]

use gleaner_model::FeedbackItem;
use gleaner_store::{Commit, Store, StoreConfig};
use serde_json::{Value, json};

mod hand_made;

use hand_made::*;

fn pairs(store: &Store) -> Vec<Value> {
    rows(
        store,
        "SELECT rule, chosen_attempt_id, rejected_attempt_id, margin, contested FROM preference_pairs
         ORDER BY rule, chosen_attempt_id, rejected_attempt_id, evidence",
    )
}

#[test]
fn each_way_of_naming_a_target() {
    let targets = [
        ("attempt", json!({"attempt_id": "A/1/1"}), "A/1/1", ""),
        ("no attempt", json!({"attempt_id": "A/9/9"}), "", "no_such_attempt"),
        ("response", json!({"response_id": "r-B/1/1"}), "B/1/1", ""),
        ("no response", json!({"response_id": "r-none"}), "", "not_seen"),
        ("span", json!({"trace_id": "ta", "span_id": "A/1/2"}), "A/1/2", ""),
        ("no span", json!({"trace_id": "ta", "span_id": "none"}), "", "not_seen"),
        ("trace", json!({"trace_id": "tb"}), "B/1/1", ""),
        ("two attempts", json!({"trace_id": "ta"}), "", "ambiguous_trace"),
        ("no trace", json!({"trace_id": "none"}), "", "not_seen"),
        ("last ok", at("A"), "A/1/2", ""),
        ("none ok", at("D"), "D/1/1", ""),
        ("by number", json!({"session": "s", "lineage": "A", "cycle": 1, "attempt_number": 1}), "A/1/1", ""),
        ("no number", json!({"session": "s", "lineage": "A", "cycle": 1, "attempt_number": 3}), "", "no_such_attempt"),
        ("one cycle", json!({"session": "s", "lineage": "B"}), "B/1/1", ""),
        ("two cycles", json!({"session": "s", "lineage": "E"}), "", "ambiguous_cycle"),
        ("no lineage", json!({"session": "s"}), "", "ambiguous_lineage"),
        ("no session", json!({"session": "t", "lineage": "A"}), "", "not_seen"),
        ("the most specific wins", json!({"attempt_id": "B/1/1", "trace_id": "tc"}), "B/1/1", ""),
        ("and none else", json!({"response_id": "r-none", "trace_id": "tc"}), "", "not_seen"),
        ("no artifact", json!({"artifact_id": "none"}), "", "no_such_artifact"),
        ("artifact", json!({"artifact_id": "art"}), "C/1/1", ""),
    ];
    let mut items: Vec<FeedbackItem> =
        targets.iter().map(|(id, target, ..)| score(id, "mara", target.clone(), 5.0)).collect();
    items.push(item("art", "mara", json!({"kind": "artifact", "target": at("C"), "content": "x"})));
    let mut traces = lineages();
    traces.push(trace("te", 5_000, &[("E", 1, 1, "ok")]));
    traces.push(trace("tf", 6_000, &[("E", 2, 1, "ok")]));
    let store = store(traces, items);
    for (id, _, attempt, reason) in targets {
        let sql = format!("SELECT attempt_id, unbound_reason, linked FROM evaluations WHERE evaluation_id = '{id}'");
        let text = |text: &str| if text.is_empty() { Value::Null } else { text.into() };
        assert_eq!(rows(&store, &sql), [json!([text(attempt), text(reason), reason.is_empty()])], "{id}");
    }
    let bound = "SELECT count(*) FROM artifacts WHERE attempt_id = 'C/1/1' AND origin = 'feedback'";
    assert_eq!(rows(&store, bound), [json!([1])]);
    let answer = "SELECT content FROM artifacts WHERE attempt_id = 'B/1/1' AND origin = 'final_answer'";
    assert_eq!(rows(&store, answer), [json!(["answer of B/1/1"])]);
}

/// An artifact of an artifact, in any order: feedback on it reaches the attempt that the first of them is of.
#[test]
fn artifacts_of_artifacts_are_of_the_attempt_at_the_end_of_their_chain() {
    let made = |id: &str, on: Value| item(id, "mara", json!({"kind": "artifact", "target": on, "content": id}));
    let on = |artifact_id: &str| json!({"artifact_id": artifact_id});
    let said = |id: &str, artifact_id: &str| score(id, "mara", on(artifact_id), 5.0);
    let mut items = vec![
        said("on third", "third"),
        made("third", on("second")),
        said("on circle", "circle"),
        made("circle", on("back")),
        made("back", on("circle")),
        made("second", on("first")),
        made("of none", on("none")),
        said("on none", "of none"),
    ];
    let bound = "SELECT evaluation_id, attempt_id, unbound_reason FROM evaluations ORDER BY 1";
    let artifacts =
        "SELECT artifact_id, attempt_id FROM artifacts WHERE origin = 'feedback' AND artifact_id IN ('second', 'third')
         ORDER BY 1";
    let mut store = store(lineages(), std::mem::take(&mut items));
    let unbound = |id: &str| json!([id, null, "no_such_artifact"]);
    assert_eq!(rows(&store, bound), [unbound("on circle"), unbound("on none"), unbound("on third")]);
    let feedback = vec![(2, 2_000, made("first", at("C")))];
    store.commit(&Commit { position: 2, feedback, ..Commit::default() }).expect("a commit");
    assert_eq!(rows(&store, bound), [unbound("on circle"), unbound("on none"), json!(["on third", "C/1/1", null])]);
    assert_eq!(rows(&store, artifacts), [json!(["second", "C/1/1"]), json!(["third", "C/1/1"])]);
    let of_a_final_answer = vec![(3, 3_000, made("none", on(&final_answer(&store, "B/1/1"))))];
    store.commit(&Commit { position: 3, feedback: of_a_final_answer, ..Commit::default() }).expect("a commit");
    assert_eq!(rows(&store, bound)[1], json!(["on none", "B/1/1", null]));
}

fn final_answer(store: &Store, attempt_id: &str) -> String {
    let sql =
        format!("SELECT artifact_id FROM artifacts WHERE attempt_id = '{attempt_id}' AND origin = 'final_answer'");
    rows(store, &sql)[0][0].as_str().expect("an id").to_owned()
}

/// A planner around numbered attempts calls a model itself: that is an attempt of its own, and never the one that was meant.
#[test]
fn what_surrounds_attempts_is_never_taken_for_them() {
    let mut planned = trace("tp", 5_000, &[("P", 1, 1, "ok"), ("P", 1, 2, "error")]);
    planned.attempts[0].surrounds = true;
    planned.attempts[0].attempt_number = None;
    let planner = "P/1/1";
    let items = vec![
        score("cycle", "mara", json!({"session": "s", "lineage": "P", "cycle": 1}), 5.0),
        score("trace", "mara", json!({"trace_id": "tp"}), 5.0),
        score("planner", "mara", json!({"attempt_id": planner}), 5.0),
        comparison("r", "ranking", false, &[("A", 2, false), ("P", 1, false)]),
        score("a", "mara", at("A"), 1.0),
    ];
    let mut traces = lineages();
    traces.push(planned);
    let store = store(traces, items);
    let bound = "SELECT evaluation_id, attempt_id FROM evaluations WHERE evaluation_id <> 'a' ORDER BY 1";
    assert_eq!(
        rows(&store, bound),
        [json!(["cycle", "P/1/2"]), json!(["planner", planner]), json!(["trace", "P/1/2"])]
    );
    assert_eq!(pairs(&store), Vec::<Value>::new(), "its tries failed, so nothing stands for the lineage");
    assert_eq!(
        rows(
            &store,
            "SELECT attempt_number FROM attempts WHERE session_id = 's' AND lineage_label = 'P' ORDER BY attempt_id"
        ),
        [json!([null]), json!([2])]
    );
}

/// A later retry moves what was said of the cycle, not what named an attempt.
#[test]
fn binding_follows_the_facts() {
    let items = vec![score("cycle", "mara", at("B"), 5.0), score("named", "mara", json!({"attempt_id": "B/1/1"}), 5.0)];
    let mut store = store(lineages(), items);
    let bound = "SELECT evaluation_id, attempt_id FROM evaluations ORDER BY 1";
    assert_eq!(rows(&store, bound), [json!(["cycle", "B/1/1"]), json!(["named", "B/1/1"])]);
    let retry = vec![trace("tg", 9_000, &[("B", 1, 2, "ok")])];
    store.commit(&Commit { position: 2, traces: retry, ..Commit::default() }).expect("a commit");
    assert_eq!(rows(&store, bound), [json!(["cycle", "B/1/2"]), json!(["named", "B/1/1"])]);
}

#[test]
fn ties_and_failures_give_no_ranking_pair() {
    let ranking =
        comparison("r", "ranking", false, &[("A", 1, false), ("B", 2, false), ("C", 2, false), ("D", 3, false)]);
    let store = store(lineages(), vec![ranking]);
    assert_eq!(
        pairs(&store),
        [json!(["ranking", "A/1/2", "B/1/1", 1.0, false]), json!(["ranking", "A/1/2", "C/1/1", 1.0, false])]
    );
    let failed = "SELECT attempt_id, lineage_id, unbound_reason FROM comparison_entries WHERE rank = 3";
    assert_eq!(rows(&store, failed), [json!([null, "D", "no_ok_attempt"])]);
}

#[test]
fn a_lock_without_others_is_over_all_others_of_the_cycle() {
    let mut traces = lineages();
    traces.push(trace("te", 5_000, &[("B", 2, 1, "ok")]));
    let store = store(traces, vec![comparison("l", "lock", true, &[("A", 1, true), ("C", 1, true)])]);
    assert_eq!(
        pairs(&store),
        [json!(["lock", "A/1/2", "B/1/1", null, false]), json!(["lock", "C/1/1", "B/1/1", null, false])]
    );
    assert_eq!(rows(&store, "SELECT label FROM lineages WHERE locked ORDER BY label"), [json!(["A"]), json!(["C"])]);
}

/// Of two cycles with a lock the later tells; unlocking is a retraction.
#[test]
fn a_retracted_lock_gives_the_word_back_to_the_earlier_cycle() {
    let mut traces = lineages();
    traces.push(trace("te", 5_000, &[("B", 2, 1, "ok"), ("C", 2, 1, "ok")]));
    let second = json!({
        "kind": "comparison", "form": "lock", "over_all_others": true,
        "entries": [{"target": {"session": "s", "lineage": "B", "cycle": 2}, "rank": 1, "locked": true}]
    });
    let locked = "SELECT label FROM lineages WHERE locked ORDER BY label";
    let items = vec![comparison("l1", "lock", true, &[("A", 1, true)]), item("l2", "mara", second)];
    let mut store = store(traces, items);
    assert_eq!(rows(&store, locked), [json!(["B"])]);
    let feedback = vec![(2, 2_000, retraction("x", "key-l2"))];
    store.commit(&Commit { position: 2, feedback, ..Commit::default() }).expect("a commit");
    assert_eq!(rows(&store, locked), [json!(["A"])]);
    assert!(pairs(&store).iter().all(|pair| pair[1] == "A/1/2"));
}

#[test]
fn pairwise_ties_give_nothing_and_one_lineage_may_be_compared_with_itself() {
    let tie = comparison("tie", "pairwise", false, &[("A", 1, false), ("B", 1, false)]);
    let mut traces = lineages();
    traces.push(trace("te", 5_000, &[("B", 1, 2, "ok")]));
    let body = json!({
        "kind": "comparison", "form": "pairwise", "over_all_others": false, "entries": [
            {"target": {"attempt_id": "B/1/2"}, "rank": 1, "locked": false},
            {"target": {"attempt_id": "B/1/1"}, "rank": 2, "locked": false}
        ]
    });
    let store = store(traces, vec![tie, item("own", "mara", body)]);
    assert_eq!(pairs(&store), [json!(["pairwise", "B/1/2", "B/1/1", null, false])]);
    let derived = "SELECT session_id, cycle FROM comparisons WHERE comparison_id = 'own'";
    assert_eq!(rows(&store, derived), [json!(["s", 1])]);
}

/// Gap of 2, one reviewer, comparison attempts, overall scores in force.
#[test]
fn score_pairs() {
    let items = vec![
        score("a", "mara", at("A"), 7.5),
        score("a1", "mara", json!({"attempt_id": "A/1/1"}), 1.0),
        score("b", "mara", at("B"), 5.5),
        score("c", "mara", at("C"), 5.6),
        score("other", "jonas", at("C"), 1.0),
        score("d", "mara", at("D"), 1.0),
        item("tone", "jonas", json!({"kind": "evaluation", "target": at("A"), "score": 10, "criterion": "tone"})),
    ];
    let store = store(lineages(), items);
    assert_eq!(pairs(&store), [json!(["score", "A/1/2", "B/1/1", 2.0, false])]);
    assert_eq!(rows(&store, "SELECT evidence FROM preference_pairs"), [json!([["a", "b"]])]);
}

#[test]
fn contradictions_are_contested_on_both_sides() {
    let items = vec![
        comparison("r", "ranking", false, &[("B", 1, false), ("A", 2, false)]),
        score("a", "jonas", at("A"), 9.0),
        score("b", "jonas", at("B"), 3.0),
        score("c", "jonas", at("C"), 9.0),
    ];
    let store = store(lineages(), items);
    assert_eq!(
        pairs(&store),
        [
            json!(["ranking", "B/1/1", "A/1/2", 1.0, true]),
            json!(["score", "A/1/2", "B/1/1", 6.0, true]),
            json!(["score", "C/1/1", "B/1/1", 6.0, false]),
        ]
    );
}

/// Guarantees: a later score supersedes, a retracted one does not, comments and corrections stay, and a retraction cannot be
/// retracted.
#[test]
fn in_force() {
    let say = |field: &str| json!({"kind": "evaluation", "target": at("A"), field: "text"});
    let items = vec![
        score("first", "mara", at("A"), 3.0),
        item("comment", "mara", say("comment")),
        item("correction", "mara", say("correction")),
        score("second", "mara", json!({"attempt_id": "A/1/2"}), 4.0),
        score("third", "mara", at("A"), 5.0),
        retraction("x", "third"),
        retraction("y", "x"),
        score("jonas", "jonas", at("A"), 6.0),
        item("tone", "mara", json!({"kind": "evaluation", "target": at("A"), "score": 7, "criterion": "tone"})),
    ];
    let store = store(lineages(), items);
    let standing = "SELECT evaluation_id FROM evaluations WHERE in_force ORDER BY ordinal";
    let expected = ["comment", "correction", "second", "jonas", "tone"];
    assert_eq!(rows(&store, standing), expected.map(|id| json!([id])));
    assert_eq!(
        rows(&store, "SELECT rule, chosen_attempt_id, rejected_attempt_id FROM preference_pairs"),
        [json!(["correction", null, "A/1/2"])]
    );
    let content = "SELECT body, kind FROM preference_pairs JOIN contents ON content_hash = chosen_content_hash";
    assert_eq!(rows(&store, content), [json!(["text", "correction"])]);
}

/// Guarantees: an attempt of two traces is one row: the first trace names it, sums add up, the root decides the status.
#[test]
fn an_attempt_of_two_traces() {
    let first = trace("z-first", 1_000_000, &[("A", 1, 1, "open")]);
    let second = trace("a-second", 3_000_000, &[("A", 1, 1, "ok")]);
    let mut other = trace("z-first", 9_000_000, &[("A", 1, 1, "error")]);
    other.project = "other".into();
    let store = store(vec![second, first, other], vec![score("e", "mara", json!({"trace_id": "a-second"}), 5.0)]);
    let sql = "SELECT trace_id, trace_ids, status, llm_calls, input_tokens, output_tokens, latency_ms, started_at
               FROM attempts WHERE project = 'default'";
    assert_eq!(
        rows(&store, sql),
        [json!(["z-first", ["z-first", "a-second"], "ok", 2, 20, null, 3.0, "1970-01-01T00:00:00.001000Z"])]
    );
    assert_eq!(rows(&store, "SELECT project, status FROM attempts ORDER BY 1")[1], json!(["other", "error"]));
    assert_eq!(rows(&store, "SELECT attempt_id FROM evaluations"), [json!(["A/1/1"])]);
}

/// A directive without a lineage is for the session; a span outside all attempts binds nothing.
#[test]
fn directives_and_spans_outside_attempts() {
    let mut outside = trace("to", 5_000, &[("A", 1, 1, "ok")]);
    outside.attempts.clear();
    outside.spans[0].attempt_id = None;
    let directive =
        |target: Value| json!({"kind": "directive", "target": target, "text": "t", "directive_kind": "sticky"});
    let items = vec![
        item("all", "mara", directive(json!({"session": "s"}))),
        item("b", "mara", directive(at("B"))),
        score("outside", "mara", json!({"trace_id": "to"}), 5.0),
    ];
    let mut traces = lineages();
    traces.push(outside);
    let store = store(traces, items);
    assert_eq!(
        rows(&store, "SELECT directive_id, session_id, lineage_id, attempt_id, kind FROM directives ORDER BY 1"),
        [json!(["all", "s", null, null, "sticky"]), json!(["b", "s", "B", "B/1/1", "sticky"])]
    );
    assert_eq!(rows(&store, "SELECT unbound_reason FROM evaluations"), [json!(["outside_attempts"])]);
}

/// Guarantees: the configured gap decides which scores make pairs, for what is stored already too.
#[test]
fn the_gap_of_scores_is_configured() {
    let dir = tempfile::tempdir().unwrap();
    let config = |min_score_gap| StoreConfig { min_score_gap, ..StoreConfig::at(dir.path()) };
    let scores = [("A", 9.0), ("B", 7.0), ("C", 5.5)]
        .map(|(lineage, given)| score(&format!("score-{lineage}"), "mara", at(lineage), given));
    let mut store = Store::open(&config(2.0)).unwrap();
    let feedback = scores.into_iter().map(|item| (1, 1_000, item)).collect();
    store.commit(&Commit { position: 1, feedback, traces: lineages(), ..Commit::default() }).unwrap();
    let margins = |store: &Store| rows(store, "SELECT margin FROM preference_pairs ORDER BY margin");
    assert_eq!(margins(&store), [json!([2.0]), json!([3.5])]);
    for (gap, expected) in [(1.5, vec![json!([1.5]), json!([2.0]), json!([3.5])]), (3.5, vec![json!([3.5])])] {
        drop(store);
        store = Store::open(&config(gap)).unwrap();
        assert_eq!(margins(&store), expected, "{gap}");
    }
}
