//! Coding agents, which tell of their work in log records and in several traces, from requests to attempts.

use serde_json::{Value, json};

use crate::harness::Gleaner;

/// Scenario: a coding agent's requests (log records, most of them outside any trace; spans in a trace per step) in the order
/// sent, then in reverse with each sent twice, then in order again before and after a restart.
/// Guarantees: one attempt per user prompt, of all its traces; the same rows whatever the order, the batches and the
/// restarts; every record is with a span, or an agent's note, and none is listed as unexplained.
#[tokio::test(flavor = "multi_thread")]
async fn a_turn_told_in_records_and_traces_is_one_attempt() {
    for (capture, prompts) in [("gemini-cli", 6), ("claude-code", 10), ("claude-code-traces", 10), ("codex", 6)] {
        let sent = requests(capture);
        let in_order = Gleaner::start().await;
        for (signal, body) in &sent {
            post(&in_order, signal, body).await;
        }
        let rows = rows(&in_order).await;
        let attempts = in_order.sql("SELECT count(*) AS n, count(DISTINCT input_text) AS asked FROM attempts").await;
        assert_eq!(attempts[0]["n"], json!(prompts), "{capture}");
        let unexplained = in_order.sql("SELECT * FROM unmapped_spans").await;
        assert_eq!(unexplained, Vec::<Value>::new(), "{capture}");

        let reversed = Gleaner::start().await;
        for (signal, body) in sent.iter().rev() {
            post(&reversed, signal, body).await;
            post(&reversed, signal, body).await;
        }
        assert_eq!(self::rows(&reversed).await, rows, "{capture}, reversed and twice");

        let mut restarted = Gleaner::start().await;
        for (place, (signal, body)) in sent.iter().enumerate() {
            post(&restarted, signal, body).await;
            if place == sent.len() / 2 {
                assert_ne!(self::rows(&restarted).await, rows, "{capture}: half of it is not all");
                restarted = restarted.restart().await;
            }
        }
        assert_eq!(self::rows(&restarted).await, rows, "{capture}, restarted");
    }
}

/// What is derived, without times of arrival.
async fn rows(gleaner: &Gleaner) -> Vec<Value> {
    let mut rows = gleaner.sql("SELECT * EXCLUDE (recorded_at) FROM execution_spans ORDER BY trace_id, span_id").await;
    rows.extend(gleaner.sql("SELECT * EXCLUDE (recorded_at) FROM attempts ORDER BY attempt_id").await);
    rows.extend(gleaner.sql("SELECT session_id, user_id FROM sessions ORDER BY session_id").await);
    rows
}

/// The request bodies of a packed capture with their signal; see `tests/corpus/README.md`.
fn requests(capture: &str) -> Vec<(String, Vec<u8>)> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus").join(capture);
    let packed = std::fs::read(path.join("requests.zst")).expect("the capture");
    let bytes = zstd::decode_all(packed.as_slice()).expect("zstd");
    let mut rest = bytes.as_slice();
    let mut requests = Vec::new();
    while let [signal, a, b, c, d, after @ ..] = rest {
        let (body, next) = after.split_at(u32::from_le_bytes([*a, *b, *c, *d]) as usize);
        let signal = if *signal == b't' { "traces" } else { "logs" };
        requests.push((signal.to_owned(), body.to_vec()));
        rest = next;
    }
    requests
}

async fn post(gleaner: &Gleaner, signal: &str, body: &[u8]) {
    let url = format!("http://{}/v1/{signal}", gleaner.running.otlp_http);
    let request = gleaner.http.post(url).header("content-type", "application/x-protobuf").body(body.to_vec());
    assert_eq!(request.send().await.expect("answered").status(), 200);
}
