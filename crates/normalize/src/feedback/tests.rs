use gleaner_model::{ComparisonKind, DefinitionRef};
use serde_json::Value;

use super::*;

const ARRIVED: u64 = 7;

/// Items are written as JSON, as clients write them.
fn item(json: &Value) -> wire::Item {
    gleaner_wire::feedback::decode_json_item(&json.to_string()).expect("the JSON form of an item")
}

fn accepted(json: &Value) -> FeedbackItem {
    validate("p", item(json), ARRIVED).unwrap_or_else(|rejection| panic!("{json}: {rejection}"))
}

fn refused_field(json: &Value) -> String {
    match validate("p", item(json), ARRIVED) {
        Ok(_) => format!("accepted: {json}"),
        Err(rejection) => {
            assert!(rejection.message.starts_with(&rejection.field), "{rejection}");
            rejection.field
        }
    }
}

fn lineages(labels: &[&str]) -> Value {
    labels.iter().map(|label| json!({"lineage": label})).collect()
}

#[test]
fn faults_are_named_by_field() {
    let target = json!({"attempt_id": "a"});
    let evaluation = |mut fields: Value| {
        fields["target"] = target.clone();
        json!({"evaluation": fields})
    };
    let on = |target: Value| json!({"evaluation": {"target": target, "score": 5}});
    let compare = |form: &str, value: Value| json!({"comparison": {"session": "s", "cycle": 1, form: value}});
    let ranking = |groups: &[&[&str]]| {
        let groups: Vec<Value> = groups.iter().map(|labels| json!({"targets": lineages(labels)})).collect();
        compare("ranking", json!({"groups": groups}))
    };
    let digits = "0123456789abcdef0123456789abcdef";
    let version = json!({"agent": "a", "version": "1"});
    let table = [
        ("kind", json!({"reviewer": "r"})),
        ("source", json!({"source": 9, "retraction": {"of": "x"}})),
        ("created_at", json!({"created_at": "1969-12-31T23:59:59Z", "retraction": {"of": "x"}})),
        ("idempotency_key", json!({"idempotency_key": "k".repeat(513), "retraction": {"of": "x"}})),
        ("reviewer", json!({"reviewer": "k".repeat(513), "retraction": {"of": "x"}})),
        ("score", evaluation(json!({"score": 11}))),
        ("score", evaluation(json!({"score": 0.99}))),
        ("score", evaluation(json!({"score": "NaN"}))),
        ("score", evaluation(json!({"score": "Infinity"}))),
        ("number", evaluation(json!({"number": "-Infinity", "criterion": "c"}))),
        ("label", evaluation(json!({"label": "", "criterion": "c"}))),
        ("criterion", evaluation(json!({"number": 3}))),
        ("criterion", evaluation(json!({"boolean": false}))),
        ("criterion", evaluation(json!({"label": "good"}))),
        ("evaluation", evaluation(json!({"criterion": "c"}))),
        ("comment", evaluation(json!({"comment": "c".repeat((1 << 20) + 1)}))),
        ("target", json!({"evaluation": {"score": 5}})),
        ("target", on(json!({}))),
        ("target.trace_id", on(json!({"trace_id": &digits[1..]}))),
        ("target.trace_id", on(json!({"trace_id": digits.replace('a', "g")}))),
        ("target.span_id", on(json!({"trace_id": digits, "span_id": "12"}))),
        ("target.span_id", on(json!({"span_id": &digits[16..]}))),
        ("target.lineage", on(json!({"lineage": "A"}))),
        ("target.cycle", on(json!({"session": "s", "cycle": 1}))),
        ("target.attempt_number", on(json!({"session": "s", "attempt_number": 1}))),
        ("form", json!({"comparison": {"session": "s"}})),
        ("ranking", ranking(&[&["A"]])),
        ("ranking", ranking(&[])),
        ("ranking", ranking(&[&["A", "B"], &[]])),
        ("ranking", ranking(&[&["A", "B"], &["A"]])),
        ("ranking", ranking(&[&(0..1001).map(|_| "A").collect::<Vec<_>>()])),
        (
            "ranking.shown_order",
            compare(
                "ranking",
                json!({"groups": [{"targets": lineages(&["A", "B"])}], "shown_order": lineages(&["C"])}),
            ),
        ),
        (
            "ranking.shown_order",
            compare(
                "ranking",
                json!({"groups": [{"targets": lineages(&["A", "B"])}], "shown_order": lineages(&["A", "A"])}),
            ),
        ),
        ("ranking.groups[0].targets", compare("ranking", json!({"groups": [{"targets": [{"session": "s"}, {}]}]}))),
        ("lock", compare("lock", json!({"over": lineages(&["A"])}))),
        ("lock", compare("lock", json!({"locked": lineages(&["A"]), "over": lineages(&["B", "A"])}))),
        ("lock.over.trace_id", compare("lock", json!({"locked": lineages(&["A"]), "over": [{"trace_id": "x"}]}))),
        ("pairwise", compare("pairwise", json!({"preferred": {"lineage": "A"}}))),
        ("pairwise", compare("pairwise", json!({"preferred": {"lineage": "A"}, "rejected": {"lineage": "A"}}))),
        ("target", json!({"directive": {"text": "t"}})),
        ("text", json!({"directive": {"target": {"session": "s"}}})),
        ("kind", json!({"directive": {"target": {"session": "s"}, "text": "t", "kind": 7}})),
        ("content", json!({"artifact": {"target": target}})),
        ("session", json!({"evolution": {"lineage": "A", "from": version, "to": version}})),
        ("from", json!({"evolution": {"session": "s", "lineage": "A", "to": version}})),
        ("to", json!({"evolution": {"session": "s", "lineage": "A", "from": version, "to": {"agent": "a"}}})),
        ("to.version", json!({"evolution": {"session": "s", "lineage": "A", "from": version, "to": {"version": "2"}}})),
        ("of", json!({"evolution_outcome": {"comment": "c"}})),
        ("evolution_outcome", json!({"evolution_outcome": {"of": "e"}})),
        ("score_after", json!({"evolution_outcome": {"of": "e", "score_after": 11}})),
        ("text", json!({"insight": {"scope": "s"}})),
        ("confidence", json!({"insight": {"text": "t", "confidence": 1.5}})),
        ("confidence", json!({"insight": {"text": "t", "confidence": "NaN"}})),
        ("evidence", json!({"insight": {"text": "t", "evidence": [""]}})),
        ("session", json!({"session": {"need": "n"}})),
        ("need", json!({"session": {"session": "s"}})),
        ("of", json!({"retraction": {"reason": "r"}})),
    ];
    for (field, json) in table {
        assert_eq!(refused_field(&json), field, "{:.300}", json.to_string());
    }
}

#[test]
fn the_edges_of_the_score_are_scores() {
    for score in [1.0, 7.5, 10.0] {
        let item = accepted(&json!({"evaluation": {"target": {"response_id": "r"}, "score": score}}));
        assert!(matches!(item.body, FeedbackBody::Evaluation(evaluation) if evaluation.score == Some(score)));
    }
}

#[test]
fn a_comment_or_correction_alone_is_enough() {
    for field in ["comment", "correction"] {
        let item = accepted(&json!({"evaluation": {"target": {"attempt_id": "a"}, field: "text"}}));
        assert!(matches!(item.body, FeedbackBody::Evaluation(evaluation) if evaluation.score.is_none()));
    }
}

#[test]
fn hex_ids_are_stored_in_lower_case() {
    let target = json!({"trace_id": "0123456789ABCDEF0123456789abcdef", "span_id": "0123456789ABCDEF"});
    let item = accepted(&json!({"evaluation": {"target": target, "boolean": false, "criterion": "c"}}));
    let FeedbackBody::Evaluation(evaluation) = item.body else { panic!("an evaluation") };
    assert_eq!(evaluation.target.trace_id.as_deref(), Some("0123456789abcdef0123456789abcdef"));
    assert_eq!(evaluation.target.span_id.as_deref(), Some("0123456789abcdef"));
    assert_eq!(evaluation.value, Some(json!(false)));
}

fn comparison_of(json: &Value) -> gleaner_model::Comparison {
    match accepted(json).body {
        FeedbackBody::Comparison(comparison) => comparison,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_ranking_has_ties_and_what_was_shown_first() {
    let comparison = comparison_of(&json!({"comparison": {"session": "s", "cycle": 2, "ranking": {
        "groups": [{"targets": lineages(&["B"])}, {"targets": lineages(&["A", "C"])}],
        "shown_order": lineages(&["A", "B"]),
    }}}));
    assert_eq!(comparison.form, ComparisonKind::Ranking);
    let entries: Vec<(&str, u32, Option<u32>)> = comparison
        .entries
        .iter()
        .map(|entry| (entry.target.lineage.as_deref().unwrap_or_default(), entry.rank, entry.shown_position))
        .collect();
    assert_eq!(entries, [("B", 1, Some(2)), ("A", 2, Some(1)), ("C", 2, None)]);
    assert!(comparison.entries.iter().all(|entry| entry.target.session.as_deref() == Some("s")));
    assert!(comparison.entries.iter().all(|entry| entry.target.cycle == Some(2)));
}

#[test]
fn one_group_of_two_is_a_ranking() {
    let groups = json!([{"targets": [{"attempt_id": "a"}, {"attempt_id": "b"}]}]);
    let comparison = comparison_of(&json!({"comparison": {"session": "s", "cycle": 1, "ranking": {"groups": groups}}}));
    assert!(comparison.entries.iter().all(|entry| entry.rank == 1));
    assert_eq!(comparison.entries[0].target.cycle, None, "an attempt needs no cycle");
}

#[test]
fn a_target_s_own_session_and_cycle_stay() {
    let pair = json!({"preferred": {"lineage": "A"}, "rejected": {"session": "t", "lineage": "A", "cycle": 3}});
    let comparison = comparison_of(&json!({"comparison": {"session": "s", "cycle": 1, "pairwise": pair}}));
    let rejected = &comparison.entries[1];
    assert_eq!((rejected.target.session.as_deref(), rejected.target.cycle, rejected.rank), (Some("t"), Some(3), 2));
}

#[test]
fn a_tie_shares_rank_one_and_attempts_of_one_lineage_may_be_compared() {
    let pair = json!({"tie": true, "preferred": {"lineage": "A", "attempt_number": 1},
        "rejected": {"lineage": "A", "attempt_number": 2}});
    let comparison = comparison_of(&json!({"comparison": {"session": "s", "cycle": 1, "pairwise": pair}}));
    assert_eq!(comparison.entries.iter().map(|entry| entry.rank).collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn a_lock_without_others_is_over_all_others() {
    let alone =
        comparison_of(&json!({"comparison": {"session": "s", "cycle": 1, "lock": {"locked": lineages(&["A"])}}}));
    assert!(alone.over_all_others && alone.entries[0].locked);
    let named = json!({"locked": lineages(&["A"]), "over": lineages(&["B"])});
    let named = comparison_of(&json!({"comparison": {"session": "s", "cycle": 1, "lock": named}}));
    assert!(!named.over_all_others);
    let ranks: Vec<(u32, bool)> = named.entries.iter().map(|entry| (entry.rank, entry.locked)).collect();
    assert_eq!(ranks, [(1, true), (2, false)]);
}

#[test]
fn the_other_kinds_are_taken_as_they_are() {
    let directive = accepted(&json!({"directive": {"target": {"session": "s"}, "text": "t", "kind": "STICKY"}}));
    assert!(matches!(directive.body, FeedbackBody::Directive(item) if item.directive_kind == DirectiveKind::Sticky));
    let evolution = json!({"session": "s", "lineage": "B", "from": {"agent": "a", "version": "1", "cycle": 1},
        "to": {"cycle": 2}, "changes": "c"});
    let FeedbackBody::Evolution(evolution) = accepted(&json!({"evolution": evolution})).body else {
        panic!("evolution")
    };
    assert_eq!(evolution.to, DefinitionRef { cycle: Some(2), ..DefinitionRef::default() });
    assert_eq!((evolution.from.version.as_deref(), evolution.hypothesis), (Some("1"), None));
    let outcome = accepted(&json!({"evolution_outcome": {"of": "e", "hypothesis_validated": false}}));
    assert!(
        matches!(outcome.body, FeedbackBody::EvolutionOutcome(outcome) if outcome.hypothesis_validated == Some(false))
    );
    let insight = accepted(&json!({"insight": {"text": "t", "evidence": ["e"], "confidence": 0}}));
    assert!(matches!(insight.body, FeedbackBody::Insight(insight) if insight.confidence == Some(0.0)));
}

#[test]
fn metadata_is_kept_as_it_is() {
    let metadata = json!({"z": [1, -2.5, "x", true, null, {"deep": [[], {}]}], "a": "ü", "big": 9007199254740993.0});
    let item = accepted(&json!({"session": {"session": "s", "metadata": metadata}}));
    let FeedbackBody::Session(facts) = item.body else { panic!("a session") };
    let kept = Value::Object(facts.metadata.expect("metadata"));
    assert_eq!(kept["z"], metadata["z"]);
    assert_eq!((&kept["a"], kept["big"].as_f64()), (&json!("ü"), metadata["big"].as_f64()));
    assert_eq!(kept.as_object().map(|object| object.len()), Some(3));
}

#[test]
fn the_content_is_the_key_where_none_is_sent() {
    let thumb = json!({"reviewer": "r", "evaluation": {"target": {"attempt_id": "a"}, "score": 5}});
    let with = |field: &str, value: Value| {
        let mut other = thumb.clone();
        other[field] = value;
        accepted(&other)
    };
    let first = accepted(&thumb);
    let later = with("created_at", json!("2026-01-02T03:04:05.5Z"));
    assert_eq!((&first.item_id, &first.content_hash), (&later.item_id, &later.content_hash));
    assert_eq!((first.created_at_unix_nano, later.created_at_unix_nano), (ARRIVED, 1_767_323_045_500_000_000));

    assert_ne!(first.item_id, with("reviewer", json!("other")).item_id);
    assert_ne!(first.item_id, with("source", json!("SOURCE_MODEL")).item_id);
    assert_eq!(first.item_id, with("source", json!("SOURCE_HUMAN")).item_id, "unspecified is human");
    assert_ne!(first.item_id, validate("other", item(&thumb), ARRIVED).expect("valid").item_id);
}

#[test]
fn the_same_key_is_the_same_item_and_the_hash_tells_other_content() {
    let scored = |score: f64| {
        accepted(&json!({"idempotency_key": "k", "evaluation": {"target": {"attempt_id": "a"}, "score": score}}))
    };
    let (first, repeat, conflict) = (scored(5.0), scored(5.0), scored(6.0));
    assert_eq!(first, repeat);
    assert_eq!(first.item_id, conflict.item_id);
    assert_ne!(first.content_hash, conflict.content_hash);
}

#[test]
fn limits_can_be_set() {
    let limits = FeedbackLimits { max_text_bytes: 3, ..FeedbackLimits::default() };
    let comment = |text: &str| item(&json!({"evaluation": {"target": {"attempt_id": "a"}, "comment": text}}));
    assert!(validate_within(&limits, "p", comment("abc"), 0).is_ok());
    let rejection = validate_within(&limits, "p", comment("abcd"), 0).expect_err("too long");
    assert_eq!(rejection.to_string(), "comment: at most 3 bytes, not 4");
}
