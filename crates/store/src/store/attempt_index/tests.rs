//! The index against what its statement says over all attempts, after random commits.

use gleaner_model::{AttemptPart, AttemptStatus, DerivedTrace};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::{Commit, Store};

/// An attempt in a trace: session, lineage, rollout, attempt, start, sent cycle, sent number, whether it surrounds, whether it is ok.
type Drawn = (u8, u8, u8, u8, u64, Option<i64>, Option<i64>, bool, bool);

fn part(trace_id: &str, drawn: &Drawn) -> AttemptPart {
    let (session, lineage, rollout, attempt, start, cycle, number, surrounds, ok) = *drawn;
    AttemptPart {
        attempt_id: format!("{session}/{lineage}/{rollout}/{attempt}"),
        rollout_id: format!("{session}/{lineage}/{rollout}"),
        lineage_id: format!("{session}/{lineage}"),
        session_id: session.to_string(),
        trace_id: trace_id.to_owned(),
        lineage_label: lineage.to_string(),
        cycle,
        attempt_number: number,
        surrounds,
        status: if ok { AttemptStatus::Ok } else { AttemptStatus::Error },
        start_time_unix_nano: start,
        ..AttemptPart::default()
    }
}

fn drawn() -> impl Strategy<Value = Drawn> {
    (0..3u8, 0..2u8, 0..3u8, 0..3u8, 0..9u64, option::of(1..3i64), option::of(1..3i64), any::<bool>(), any::<bool>())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    /// Guarantees: whatever traces come, are derived anew with other attempts, or vanish, in whatever commits, the index is what one
    /// pass over all attempts makes of them.
    #[test]
    fn the_index_is_what_all_attempts_say(commits in vec(vec((0..4u8, vec(drawn(), 0..4)), 1..3), 1..7)) {
        let mut store = Store::open_in_memory().expect("a store");
        for (position, traces) in (1..).zip(&commits) {
            let traces = traces.iter().map(|(trace, parts)| {
                let trace_id = trace.to_string();
                let mut attempts: Vec<AttemptPart> = parts.iter().map(|drawn| part(&trace_id, drawn)).collect();
                attempts.sort_by(|a, b| a.attempt_id.cmp(&b.attempt_id));
                attempts.dedup_by(|a, b| a.attempt_id == b.attempt_id);
                DerivedTrace { project: "p".to_owned(), trace_id, recorded_at_unix_nano: position * 1_000_000, attempts, ..DerivedTrace::default() }
            });
            store.commit(&Commit { position, traces: traces.collect(), ..Commit::default() }).expect("a commit");
        }
        let whole = super::counted("true");
        let different: i64 = store.connection.query_row(
            &format!(
                "WITH whole AS MATERIALIZED ({whole})
                 SELECT (SELECT count(*) FROM (FROM whole EXCEPT ALL FROM attempt_index))
                    + (SELECT count(*) FROM (FROM attempt_index EXCEPT ALL FROM whole))"
            ),
            [],
            |row| row.get(0),
        ).expect("a query that works");
        prop_assert_eq!(different, 0);
    }
}

#[test]
fn what_surrounds_attempts_is_counted_as_none_of_them() {
    let mut store = Store::open_in_memory().expect("a store");
    let around = (0, 0, 0, 0, 1, Some(1), None, true, true);
    let failed = (0, 0, 0, 1, 2, Some(1), None, false, false);
    let again = (0, 0, 0, 2, 3, Some(1), None, false, false);
    let attempts = [around, failed, again].iter().map(|drawn| part("t", drawn)).collect();
    let trace = DerivedTrace { project: "p".to_owned(), trace_id: "t".to_owned(), attempts, ..DerivedTrace::default() };
    store.commit(&Commit { position: 1, traces: vec![trace], ..Commit::default() }).expect("a commit");
    let reader = store.reader().expect("a reader");
    let rows = reader
        .rows("SELECT attempt_number, cycle, is_last, is_last_ok FROM attempt_index ORDER BY start_key", &[])
        .expect("a query that works");
    let told: Vec<String> = rows.iter().map(|row| serde_json::Value::Object(row.clone()).to_string()).collect();
    assert_eq!(
        told,
        [
            r#"{"attempt_number":null,"cycle":1,"is_last":false,"is_last_ok":false}"#,
            r#"{"attempt_number":1,"cycle":1,"is_last":false,"is_last_ok":false}"#,
            r#"{"attempt_number":2,"cycle":1,"is_last":true,"is_last_ok":false}"#,
        ],
        "it is ok and they failed, and still it does not stand for the cycle"
    );
}
