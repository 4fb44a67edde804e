//! The views that answer: agent versions, directives, reviewers, costs, evidence, what is unbound. One session, whose answers were
//! computed by hand; each figure's arithmetic stands beside it.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "these are tests, helpers included")]

use gleaner_model::{
    AgentDefinition, Content, ContentKind, ContextDocument, DerivedTrace, DocumentOrigin, FeedbackItem, SessionFact,
    UsedDocument,
};
use gleaner_store::Store;
use serde_json::{Value, json};

mod hand_made;

use hand_made::*;

/// Agent `w` in lineages A and B, agent `x` in C; each changes from its first to its second definition with cycle 2.
fn traces() -> Vec<DerivedTrace> {
    let w1 = definition("w1", "w", "Write. Be brief.", &["search"], json!({"temperature": 0.5, "top_p": 1}), "m1");
    let w2 =
        definition("w2", "w", "Write. Be vivid.", &["search", "check"], json!({"temperature": 0.9, "top_p": 1}), "m2");
    let x = |id: &str| definition(id, "x", id, &[], json!({}), "m1");
    vec![
        attempt("A", 1, 1_000, &w1, Some(0.1)),
        attempt("B", 1, 2_000, &w1, Some(0.3)),
        attempt("C", 1, 2_100, &x("x1"), None),
        attempt("A", 2, 3_000, &w2, Some(0.2)),
        attempt("B", 2, 4_000, &w2, None),
        attempt("C", 2, 4_100, &x("x2"), None),
    ]
}

fn definition(id: &str, agent: &str, prompt: &str, tools: &[&str], parameters: Value, model: &str) -> AgentDefinition {
    let tools: Vec<Value> = tools.iter().map(|name| json!({"type": "function", "name": name})).collect();
    serde_json::from_value(json!({
        "agent_definition_id": id, "agent_name": agent, "version_labels": [], "system_prompt": prompt, "tools": tools,
        "parameters": parameters, "model": model
    }))
    .expect("a definition")
}

fn attempt(lineage: &str, cycle: i64, start: u64, definition: &AgentDefinition, cost_usd: Option<f64>) -> DerivedTrace {
    let mut trace = trace(&format!("t{lineage}{cycle}"), start, &[(lineage, cycle, 1, "ok")]);
    let part = &mut trace.attempts[0];
    part.definition = Some(definition.clone());
    part.definition_start_time_unix_nano = Some(start);
    part.cost_usd = cost_usd;
    trace
}

fn of(lineage: &str, cycle: u32) -> Value {
    json!({"session": "s", "lineage": lineage, "cycle": cycle})
}

fn scores() -> Vec<FeedbackItem> {
    [
        ("A", 1, "mara", 4.0),
        ("A", 1, "jonas", 6.0),
        ("B", 1, "mara", 5.0),
        ("B", 1, "jonas", 5.0),
        ("C", 1, "mara", 2.0),
        ("C", 1, "jonas", 2.0),
        ("A", 2, "mara", 8.0),
        ("A", 2, "jonas", 9.0),
        ("B", 2, "mara", 9.0),
        ("C", 2, "mara", 9.0),
        ("C", 2, "jonas", 9.0),
    ]
    .map(|(lineage, cycle, reviewer, given)| {
        score(&format!("{lineage}{cycle}{reviewer}"), reviewer, of(lineage, cycle), given)
    })
    .to_vec()
}

fn session() -> Store {
    let mut items = scores();
    let mut said = |id: &str, reviewer: &str, body: Value| items.push(item(id, reviewer, body));
    let ranking = |first: &str, second: &str, shown: [u32; 2]| {
        let entry = |lineage: &str, rank: u32, position: u32| json!({"target": of(lineage, 1), "rank": rank, "locked": false, "shown_position": position});
        json!({
            "kind": "comparison", "form": "ranking", "session": "s", "cycle": 1, "over_all_others": false,
            "entries": [entry(first, 1, shown[0]), entry(second, 2, shown[1])]
        })
    };
    said("r-mara", "mara", ranking("A", "B", [2, 1]));
    said("r-jonas", "jonas", ranking("B", "A", [1, 2]));
    let directive = |target: Value, kind: &str| json!({"kind": "directive", "target": target, "text": "vivid", "directive_kind": kind});
    said("d-A", "mara", directive(of("A", 1), "once"));
    said("d-all", "mara", directive(json!({"session": "s"}), "sticky"));
    let evolution = |lineage: &str, from: Value, to: Value| json!({"kind": "evolution", "session": "s", "lineage": lineage, "from": from, "to": to, "hypothesis": "h"});
    said("e-A", "mara", evolution("A", json!({"cycle": 1}), json!({"cycle": 2})));
    said("e-B", "mara", evolution("B", json!({"agent_definition_id": "w1"}), json!({"agent_definition_id": "w2"})));
    said("e-C", "mara", evolution("C", json!({"cycle": 1}), json!({"cycle": 2})));
    said("e-none", "mara", evolution("Z", json!({"cycle": 1}), json!({"cycle": 2})));
    said("o-A", "mara", json!({"kind": "evolution_outcome", "of": "key-e-A", "hypothesis_validated": false}));
    said(
        "i",
        "mara",
        json!({"kind": "insight", "text": "t", "evidence": ["A1mara", "key-e-A", "never-sent"], "confidence": 0.5}),
    );
    said("i-bare", "mara", json!({"kind": "insight", "text": "t", "evidence": []}));
    said("lost", "mara", json!({"kind": "evaluation", "target": {"trace_id": "none"}, "score": 3.0}));
    said("no-such", "mara", json!({"kind": "retraction", "of": "never-sent"}));
    // All were given between the starts of the two cycles.
    items.iter_mut().for_each(|item| item.created_at_unix_nano = 2_500);
    store(traces(), items)
}

/// Numbers to three decimals, so that hand-computed ones compare.
fn rounded(store: &Store, sql: &str) -> Vec<Value> {
    fn round(value: Value) -> Value {
        match value {
            Value::Number(n) if n.is_f64() => json!((n.as_f64().expect("a double") * 1e3).round() / 1e3),
            Value::Array(items) => items.into_iter().map(round).collect(),
            other => other,
        }
    }
    rows(store, sql).into_iter().map(round).collect()
}

#[test]
fn versions_have_means_intervals_and_a_posterior() {
    let store = session();
    let sql = "SELECT agent_definition_id, version_number, attempts, scored_attempts, n, mean_score, mean_score_low_95,
                   mean_score_high_95, posterior_mean, preference_rank, probability_preferred_is_better
               FROM agent_version_scores WHERE agent_name = 'w' ORDER BY version_number";
    // w1: 4, 6, 5, 5: mean 5, s 0.8165, t(3) 3.1824: half width 1.299. Beta(1 + 16/9, 1 + 20/9): mean 25/54, 1 + 9 * 25/54.
    // w2: 8, 9, 9: mean 8.667, s 0.5774, t(2) 4.3027: half width 1.434, cut at 10. Beta(1 + 23/9, 1 + 4/9): mean 32/45.
    // z = (0.7111 - 0.4630) / sqrt(0.034239 + 0.035518) = 0.9396: 0.826.
    assert_eq!(
        rounded(&store, sql),
        [
            json!(["w1", 1, 2, 2, 4, 5.0, 3.701, 6.299, 5.167, 2, 0.826]),
            json!(["w2", 2, 2, 2, 3, 8.667, 7.232, 10.0, 7.4, 1, null]),
        ]
    );
}

#[test]
fn directives_are_followed_by_scores() {
    let store = session();
    let sql = "SELECT directive_id, cycle, n_before, score_before, n_after, score_after, score_delta, followed_by_higher_scores
               FROM directive_outcomes ORDER BY directive_id";
    assert_eq!(
        rounded(&store, sql),
        [
            json!(["d-A", 1, 2, 5.0, 2, 8.5, 3.5, true]),
            // Of the whole session: 4, 6, 5, 5, 2, 2 before; 8, 9, 9, 9, 9 after.
            json!(["d-all", 1, 6, 4.0, 5, 8.8, 4.8, true]),
        ]
    );
}

#[test]
fn reviewers_agree_and_differ() {
    let store = session();
    let sql = "SELECT reviewer_a, reviewer_b, shared_attempts, mean_score_difference, mean_absolute_difference, shared_preferences,
                   same_preferences, preference_agreement
               FROM reviewer_agreement";
    // Differences 2, 0, 0, 1, 0. Both prefer A and B to C by score; A and B are ranked either way.
    assert_eq!(rounded(&store, sql), [json!(["jonas", "mara", 5, 0.6, 0.6, 3, 2, 0.667])]);
    let sql =
        "SELECT reviewer, n, mean_score, lowest_score, highest_score, shared_attempts, severity FROM reviewer_severity
               ORDER BY reviewer";
    assert_eq!(
        rounded(&store, sql),
        [json!(["jonas", 5, 6.2, 2.0, 9.0, 5, -0.6]), json!(["mara", 6, 6.167, 2.0, 9.0, 5, 0.6]),]
    );
    let sql = "SELECT kind, shown_position, comparisons, wins, win_share, expected_share FROM position_bias ORDER BY shown_position";
    assert_eq!(
        rounded(&store, sql),
        [json!(["ranking", 1, 2, 1.0, 0.5, 0.5]), json!(["ranking", 2, 2, 1.0, 0.5, 0.5])]
    );
}

/// Guarantees: contradictions are decided by the majority of reviewers, evenly split ones by nobody, and both stay visible.
#[test]
fn the_majority_of_reviewers_decides() {
    let store = session();
    let sql = "SELECT attempt_a_id, attempt_b_id, votes_a, votes_b, preferred_attempt_id, rules, margin FROM pair_verdicts ORDER BY ALL";
    // A and B are ranked either way. Score pairs with C: A 4 - 2 and 6 - 2, B 5 - 2 twice.
    assert_eq!(
        rounded(&store, sql),
        [
            json!(["A/1/1", "B/1/1", 1, 1, null, ["ranking"], null]),
            json!(["A/1/1", "C/1/1", 2, 0, "A/1/1", ["score"], 3.0]),
            json!(["B/1/1", "C/1/1", 2, 0, "B/1/1", ["score"], 3.0]),
        ]
    );
    let contested = "SELECT chosen_attempt_id, reviewer FROM preference_pairs WHERE contested ORDER BY ALL";
    assert_eq!(rows(&store, contested), [json!(["A/1/1", "mara"]), json!(["B/1/1", "jonas"])]);
}

#[test]
fn a_point_of_score_has_its_cost() {
    let sql = "SELECT agent_definition_id, attempts, priced_attempts, cost_usd, n, mean_score, cost_usd_per_point
               FROM cost_per_point WHERE agent_name = 'w' ORDER BY ALL";
    // w1: 0.4 over 5 + 5 points. w2: only A's cost is known: 0.2 over 8.5.
    assert_eq!(
        rounded(&session(), sql),
        [json!(["w1", 2, 2, 0.4, 2, 5.0, 0.04]), json!(["w2", 2, 1, 0.2, 1, 8.5, 0.024]),]
    );
}

#[test]
fn evolutions_tell_what_changed_and_whether_it_worked() {
    let store = session();
    let sql =
        "SELECT evolution_id, n_before, score_before, n_after, score_after, score_delta, score_delta_half_width_95,
                   derived_hypothesis_validated, stated_hypothesis_validated, hypothesis_validated
               FROM evolution_records WHERE lineage_id IS NOT NULL ORDER BY evolution_id";
    // A: variances 2 and 0.5, standard error sqrt(1.25), 1.47 degrees of freedom, so t(1) = 12.7062: undecided; stated: refuted.
    // B: one score after: no interval. C: 2, 2 against 9, 9: nothing varies, and the difference is above zero.
    assert_eq!(
        rounded(&store, sql),
        [
            json!(["e-A", 2, 5.0, 2, 8.5, 3.5, 14.206, null, false, false]),
            json!(["e-B", 2, 5.0, 1, 9.0, 4.0, null, null, null, null]),
            json!(["e-C", 2, 2.0, 2, 9.0, 7.0, 0.0, true, null, true]),
        ]
    );
    let sql =
        "SELECT prompt_diff, tools_added, tools_removed, tools_changed, parameters_changed, model_changed, flow_changed
               FROM evolution_records WHERE evolution_id = 'e-A'";
    let changed = json!([{"name": "temperature", "before": 0.5, "after": 0.9}]);
    let model = json!({"before": "m1", "after": "m2"});
    assert_eq!(rows(&store, sql), [json!(["- Be brief.\n+ Be vivid.", ["check"], [], [], changed, model, null])]);
}

#[test]
fn insights_show_their_evidence() {
    let sql = "SELECT insight_id, evidence, found, evidence_kind, attempt_id, score FROM insight_evidence ORDER BY ALL";
    assert_eq!(
        rows(&session(), sql),
        [
            json!(["i", "A1mara", true, "evaluation", "A/1/1", 4.0]),
            json!(["i", "key-e-A", true, "evolution", null, null]),
            json!(["i", "never-sent", false, null, null, null]),
            json!(["i-bare", null, null, null, null, null]),
        ]
    );
}

#[test]
fn what_reaches_nothing_is_listed() {
    let sql = "SELECT item_id, kind, reason FROM unbound_feedback ORDER BY ALL";
    assert_eq!(
        rows(&session(), sql),
        [
            json!(["e-none", "evolution", "no_such_lineage"]),
            json!(["i", "insight", "no_such_item"]),
            json!(["lost", "evaluation", "not_seen"]),
            json!(["no-such", "retraction", "no_such_item"]),
        ]
    );
}

/// Guarantees: a document that two attempts used is one row of `contents`; of a session's contexts only the one in force counts.
#[test]
fn documents_are_shared_by_content() {
    let mut traces = traces();
    for (trace, name) in traces.iter_mut().zip(["first.md", "second.md"]) {
        let document = ContextDocument { name: Some(name.into()), ..ContextDocument::text("300 lumens") };
        // As derivation tells them.
        let body = "\"300 lumens\"".to_owned();
        trace.contents = vec![Content { hash: document.content_hash(), kind: ContentKind::Document, body }];
        trace.attempts[0].documents =
            vec![UsedDocument { span_id: "s".into(), origin: DocumentOrigin::Retriever, document }];
    }
    let told = |value: &str, rank| SessionFact {
        session_id: "s".into(),
        field: "context".into(),
        value: value.into(),
        rank,
        position: 1,
    };
    traces[0].session_facts = vec![told("the brief", 1)];
    let context = item("c", "mara", json!({"kind": "session", "session": "s", "context": "[\"one\", \"two\"]"}));
    let store = store(traces, vec![context.clone()]);
    let used = "SELECT attempt_id, origin, name, body ->> '$' FROM context_documents JOIN contents USING (project, content_hash)
                WHERE attempt_id IN ('A/1/1', 'B/1/1', 'C/1/1') ORDER BY attempt_id, origin, ordinal";
    let of_session =
        |attempt: &str| [json!([attempt, "session", null, "one"]), json!([attempt, "session", null, "two"])];
    let found = |attempt: &str, name: &str| [json!([attempt, "retriever", name, "300 lumens"])];
    let expected = [
        found("A/1/1", "first.md").to_vec(),
        of_session("A/1/1").to_vec(),
        found("B/1/1", "second.md").to_vec(),
        of_session("B/1/1").to_vec(),
        of_session("C/1/1").to_vec(),
    ];
    assert_eq!(rows(&store, used), expected.concat());
    let stored = "SELECT body ->> '$' FROM contents WHERE kind = 'document' ORDER BY ALL";
    assert_eq!(rows(&store, stored), [json!(["300 lumens"]), json!(["one"]), json!(["the brief"]), json!(["two"])]);
    let overview = "SELECT need, context, len(context_document_hashes::JSON[]), agent_name, version_number, mean_score
                    FROM attempt_overview WHERE attempt_id = 'A/1/1'";
    assert_eq!(rows(&store, overview), [json!([null, "[\"one\", \"two\"]", 3, "w", 1, null])]);
}
