//! Reading every relation as it was at an earlier journal position.

use serde_json::{Value, json};

use crate::harness::{Gleaner, attempt};

/// All rows of all relations, in order.
async fn everything(gleaner: &Gleaner, as_of: Option<Value>) -> Vec<(&'static str, Value)> {
    let mut all = Vec::new();
    for relation in gleaner_store::PUBLIC_RELATIONS {
        let body = json!({"query": format!("SELECT * FROM {relation} ORDER BY ALL"), "as_of": as_of});
        let response = gleaner.api("/v1/sql", &body).await;
        assert_eq!(response.status(), 200, "{relation}");
        all.push((*relation, response.json().await.expect("JSON")));
    }
    all
}

async fn head(gleaner: &Gleaner) -> u64 {
    let response = gleaner.http.get(format!("http://{}/metrics", gleaner.running.api)).send().await.expect("answered");
    let text = response.text().await.expect("a body");
    let line = text.lines().find(|line| line.starts_with("gleaner_journal_records_total")).expect("a figure");
    line.rsplit(' ').next().and_then(|n| n.parse().ok()).expect("a number")
}

/// Scenario: attempts, scores, a retraction and a retry arrive one after the other, and after each everything is read; then each of
/// those states is asked for by its position and by its time, over the server and over a restarted one; they are more than are kept.
/// Guarantees: every relation is then, row for row, what it was at that time: nothing that came later shows.
#[tokio::test(flavor = "multi_thread")]
async fn every_relation_can_be_read_as_it_was() {
    let mut gleaner = Gleaner::start().await;
    let target = |lineage: &str| json!({"session": "s", "lineage": lineage, "cycle": 1});
    let score = |lineage: &str, score: f64| json!({"idempotency_key": lineage, "reviewer": "mara", "evaluation": {"target": target(lineage), "score": score}});
    let mut states = vec![(0, everything(&gleaner, None).await)];
    for step in 0..5 {
        match step {
            0 => gleaner.send(&attempt(1, "s", "A", 1, "Paris")).await,
            1 => gleaner.send(&attempt(2, "s", "B", 1, "Lyon")).await,
            2 => drop(gleaner.feedback(json!([score("A", 9.0), score("B", 4.0)])).await),
            3 => drop(gleaner.feedback(json!([{"retraction": {"of": "A"}}])).await),
            _ => gleaner.send(&attempt(3, "s", "A", 2, "Nice")).await,
        }
        states.push((head(&gleaner).await, everything(&gleaner, None).await));
    }
    let pairs = |state: &[(&str, Value)]| {
        let (_, rows) = state.iter().find(|(name, _)| *name == "preference_pairs").expect("a relation");
        rows.as_array().map(Vec::len)
    };
    let counts: Vec<_> = states.iter().map(|(_, state)| pairs(state)).collect();
    assert_eq!(counts, [0, 0, 0, 1, 0, 0].map(Some), "the states differ in what matters");

    for (position, state) in &states {
        assert!(everything(&gleaner, Some(json!(position))).await == *state, "as of {position}");
    }
    gleaner = gleaner.restart().await;
    assert!(everything(&gleaner, Some(json!("3"))).await == states[3].1, "one that was dropped");
    assert!(everything(&gleaner, Some(json!("1970-01-02"))).await == states[0].1, "before everything");
    assert!(everything(&gleaner, Some(json!("2200-01-01T00:00:00Z"))).await == states[5].1, "after everything");

    for (as_of, message) in
        [(json!(99), "as_of is 99, the journal ends at 5"), (json!("then"), "as_of is \"then\", must be")]
    {
        let response = gleaner.api("/v1/sql", &json!({"query": "SELECT 1", "as_of": as_of})).await;
        assert_eq!(response.status(), 400);
        let text = response.text().await.expect("a body").replace("\\\"", "\"");
        assert!(text.contains(message), "{text}");
    }
}
