use serde_json::json;

use super::*;

fn object(value: Value) -> Map<String, Value> {
    value.as_object().expect("object").clone()
}

fn found() -> Found {
    Found {
        file: "preference.jsonl".into(),
        id: Some("r1".into()),
        rejected: None,
        row: Some(object(json!({
            "prompt": [{"role": "user", "content": "Which\nlantern?"}], "margin": 2.0, "tools": [], "id": "r1",
        }))),
        provenance: object(json!({
            "session_id": "s1", "rules": ["lock", "score"], "reviewers": ["mara"], "attempt_ids": ["a1", "a2"],
            "span_ids": ["x1"], "feedback_ids": ["f1"], "redactions": {"email": 2},
        })),
    }
}

#[test]
fn a_row_is_told_with_what_the_export_says_of_it() {
    let manifest = object(json!({
        "program": {"name": "gleaner", "version": "1.2.3"}, "journal_position": 7,
        "options": {"score_threshold": 7.5, "undesirable_threshold": 4.0, "where": null, "hygiene": {"near_duplicates": 0.9, "redact": ["emails"]}},
    }));
    let mut out = String::new();
    tell_row(&mut out, &found(), &manifest);
    for line in [
        "Row r1 of preference.jsonl",
        "  rules: lock, score",
        "  redacted values: {\"email\":2}",
        "  exported by gleaner 1.2.3 at journal position 7",
        "  options: score_threshold=7.5 near_duplicates=0.9 redact=emails",
        "    user: Which lantern?",
        "  margin: 2.0",
    ] {
        assert!(out.lines().any(|told| told == line), "{line} in\n{out}");
    }
}

#[test]
fn a_rejection_is_told_with_its_reason_and_the_row_in_its_place() {
    let mut found = found();
    (found.rejected, found.row) = (Some("near_duplicate".into()), None);
    found.provenance.insert("kept_id".into(), json!("r0"));
    let mut out = String::new();
    tell_row(&mut out, &found, &Map::new());
    assert!(
        out.starts_with("Rejected from preference.jsonl: near_duplicate (row r1)\n  that is: Almost the same content is already in the file.\n  \
             kept in its place: r0\n"),
        "{out}"
    );
}

/// Guarantees: ids are bound, never a part of a query; what the store does not know is said.
#[test]
fn the_store_is_asked_with_bound_ids() {
    let asked = std::cell::RefCell::new(Vec::new());
    let ask = |query: &str, params: &[Value]| {
        asked.borrow_mut().push((query.matches('?').count(), params.to_vec()));
        let is_feedback = query.contains("FROM evaluations");
        Ok(if is_feedback {
            vec![object(json!({"evaluation_id": "f1", "score": 9.0, "comment": null}))]
        } else {
            Vec::new()
        })
    };
    let mut out = String::new();
    tell_store(&mut out, &found(), &ask).expect("tells");
    let asked = asked.into_inner();
    assert!(asked.iter().all(|(marks, params)| *marks == params.len()));
    assert_eq!(asked[0].1, [json!("a1"), json!("a2")]);
    assert!(out.contains("the store does not know them: a1, a2"), "{out}");
    assert!(out.contains("  evaluation_id=f1  score=9.0\n"), "{out}");
    assert!(!out.contains("Comparisons"), "{out}");
}
