//! Disks that fail or fill up, and what arrives out of order, late, twice or with impossible times: over real sockets, in process.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use prost::Message as _;
use serde_json::json;

use crate::faulty_disk::FaultyDisk;
use crate::harness::{Gleaner, request, span};

/// Scenario: the disk's free space falls below what is kept back, and comes back.
/// Guarantees (R14): 503 and UNAVAILABLE with a delay meanwhile, reads and liveness go on, readiness says why; then telemetry is taken
/// again without a restart, and nothing of what was refused is there.
#[tokio::test(flavor = "multi_thread")]
async fn r14_without_room_it_refuses_and_goes_on_by_itself() {
    let (disk, faults) = FaultyDisk::with_faults();
    let gleaner = Gleaner::start_on(disk, |_| ()).await;
    let body = |id| request(vec![span(1, id, 0, "s", &[])]).encode_to_vec();
    gleaner.send(&request(vec![span(1, 1, 0, "s", &[])])).await;
    faults.is_full.store(true, Ordering::SeqCst);
    let mut refused = gleaner.post_otlp("application/x-protobuf", None, body(1)).await;
    while refused.status() == 200 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        refused = gleaner.post_otlp("application/x-protobuf", None, body(1)).await;
    }
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().expect("text")), (503, "5"));
    assert_eq!(gleaner.export_grpc(body(2)).await.expect_err("refused").code(), tonic::Code::Unavailable);
    let (status, text) = gleaner.get("/readyz").await;
    assert_eq!(status, 503);
    assert!(text.contains("min_free_disk_bytes is"), "{text}");
    assert_eq!(gleaner.get("/livez").await.0, 200);
    assert_eq!(gleaner.sql("SELECT count(*) AS n FROM execution_spans").await, [json!({"n": 1})]);
    let out_of_space = "gleaner_refused_requests_total{transport=\"grpc\",reason=\"out_of_space\"}";
    assert_eq!(gleaner.metric(out_of_space).await, 1.0);

    faults.is_full.store(false, Ordering::SeqCst);
    while gleaner.get("/readyz").await.0 != 200 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(gleaner.export_grpc(body(3)).await.expect("accepted").is_empty());
    let rows = gleaner.sql("SELECT span_id FROM execution_spans ORDER BY span_id").await;
    assert_eq!(rows, [json!({"span_id": "0000000000000001"}), json!({"span_id": "0000000000000003"})]);
}

/// Scenario: `fdatasync` fails once; afterwards the disk answers again.
/// Guarantees (R22): what was not synced is not acknowledged, and nothing is afterwards, since a second sync may report success for pages that the
/// kernel has dropped; readiness says what to do; after a restart what was acknowledged is there and nothing in part.
#[tokio::test(flavor = "multi_thread")]
async fn r22_after_a_failed_sync_nothing_is_acknowledged() {
    let (disk, faults) = FaultyDisk::with_faults();
    let gleaner = Gleaner::start_on(disk, |_| ()).await;
    gleaner.send(&request(vec![span(1, 1, 0, "before", &[])])).await;
    faults.failing_syncs.store(true, Ordering::SeqCst);
    let unsynced = request(vec![span(1, 2, 0, "unsynced", &[]), span(1, 3, 2, "unsynced", &[])]).encode_to_vec();
    assert_eq!(gleaner.export_grpc(unsynced.clone()).await.expect_err("refused").code(), tonic::Code::Unavailable);
    faults.failing_syncs.store(false, Ordering::SeqCst);
    assert_eq!(gleaner.post_otlp("application/x-protobuf", None, unsynced).await.status(), 503);
    let (status, text) = gleaner.get("/readyz").await;
    assert_eq!(status, 503);
    assert!(text.contains("restart gleaner"), "{text}");
    assert_eq!(gleaner.sql("SELECT name FROM execution_spans").await, [json!({"name": "before"})], "reads go on");

    let gleaner = gleaner.restart().await;
    assert_eq!(gleaner.get("/readyz").await.0, 200);
    assert_eq!(gleaner.sql("SELECT name FROM execution_spans").await, [json!({"name": "before"})]);
    gleaner.send(&request(vec![span(1, 4, 0, "after", &[])])).await;
    assert_eq!(gleaner.sql("SELECT count(*) AS n FROM execution_spans").await, [json!({"n": 2})]);
}

/// Scenario: a store with a log, as programs before schema version 6 or another DuckDB leave it; whoever replays it is killed by it (stood in for by a
/// program that kills itself).
/// Guarantees (R23): the server lives, takes telemetry, and says what to do; when the log can be replayed again everything is there.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn r23_a_log_that_ends_its_reader_does_not_end_the_server() {
    use std::os::unix::fs::PermissionsExt as _;
    let gleaner = Gleaner::start().await;
    gleaner.send(&request(vec![span(1, 1, 0, "before", &[])])).await;
    assert_eq!(gleaner.sql("SELECT count(*) AS n FROM execution_spans").await, [json!({"n": 1})]);
    let data = gleaner.dir.path().join("data");
    gleaner.running.shutdown().await.expect("stops");
    let other = duckdb::Connection::open(data.join("store.duckdb")).expect("opens");
    other.execute_batch("PRAGMA disable_checkpoint_on_shutdown; CREATE TABLE theirs (i INTEGER)").expect("runs");
    drop(other);
    // Journal, store and log as they are now.
    let copy = tempfile::tempdir().expect("a directory");
    let left = copy.path().join("data");
    std::fs::create_dir_all(left.join("journal")).expect("a directory");
    for name in ["journal/00000000000000000001.seg", "store.duckdb", "store.duckdb.wal"] {
        std::fs::copy(data.join(name), left.join(name)).expect("copies");
    }
    let program = copy.path().join("gleaner");
    std::fs::write(&program, "#!/bin/sh\nkill -ABRT $$\n").expect("writes");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("may be run");

    let gleaner = Gleaner::start_as_program(copy, program.clone()).await;
    let (status, text) = gleaner.get("/readyz").await;
    assert_eq!(status, 503);
    assert!(text.contains("gleaner rebuild"), "{text}");
    gleaner.send(&request(vec![span(1, 2, 1, "meanwhile", &[])])).await;
    assert_eq!(gleaner.feedback_status(json!([])).await, 503);

    std::fs::write(&program, "#!/bin/sh\nexit 0\n").expect("writes");
    while gleaner.get("/readyz").await.0 != 200 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let rows = gleaner.sql("SELECT name FROM execution_spans ORDER BY span_id").await;
    assert_eq!(rows, [json!({"name": "before"}), json!({"name": "meanwhile"})]);
}

/// Scenario: one request a hundred times, from ten clients at once and again after a restart.
/// Guarantees (R15): each span once.
#[tokio::test(flavor = "multi_thread")]
async fn r15_a_request_sent_a_hundred_times_is_there_once() {
    let gleaner = Arc::new(Gleaner::start().await);
    let sent = request((1..=3).map(|id| span(1, id, id - 1, "s", &[])).collect());
    let clients: Vec<_> = (0..10)
        .map(|_| {
            let (gleaner, sent) = (gleaner.clone(), sent.clone());
            tokio::spawn(async move {
                for _ in 0..10 {
                    gleaner.send(&sent).await;
                }
            })
        })
        .collect();
    for client in clients {
        client.await.expect("no panic");
    }
    const COUNT: &str = "SELECT count(*) AS n, count(DISTINCT span_id) AS ids FROM execution_spans";
    assert_eq!(gleaner.sql(COUNT).await, [json!({"n": 3, "ids": 3})]);
    let gleaner = Arc::into_inner(gleaner).expect("nobody else has it").restart().await;
    gleaner.send(&sent).await;
    assert_eq!(gleaner.sql(COUNT).await, [json!({"n": 3, "ids": 3})]);
    assert_eq!(gleaner.metric("gleaner_journal_records_total").await, 101.0);
}

/// Scenario: a trace in 200 requests of one span, the last first; the same span ids in another trace; a span that is its own parent, a circle of
/// two, and a parent that never comes.
/// Guarantees (R34): every span is there once, with the parent that it named.
#[tokio::test(flavor = "multi_thread")]
async fn r34_split_traces_and_odd_parents_are_kept() {
    let gleaner = Gleaner::start().await;
    for id in (1..=200).rev() {
        gleaner.send(&request(vec![span(1, id, id - 1, "split", &[])])).await;
    }
    let odd = [span(2, 1, 1, "own parent", &[]), span(2, 2, 3, "circle", &[]), span(2, 3, 2, "circle", &[])];
    gleaner.send(&request(odd.to_vec())).await;
    gleaner.send(&request(vec![span(2, 4, 99, "orphan", &[])])).await;
    let rows = gleaner
        .sql(
            "SELECT trace_id, count(*) AS n, count(DISTINCT span_id) AS ids FROM execution_spans GROUP BY 1 ORDER BY 1",
        )
        .await;
    let trace = |n: u64, spans: u64| json!({"trace_id": format!("{n:032x}"), "n": spans, "ids": spans});
    assert_eq!(rows, [trace(1, 200), trace(2, 4)]);
    let parents = gleaner
        .sql("SELECT span_id, parent_span_id FROM execution_spans WHERE trace_id LIKE '%2' ORDER BY span_id")
        .await;
    let row =
        |id: u64, parent: u64| json!({"span_id": format!("{id:016x}"), "parent_span_id": format!("{parent:016x}")});
    assert_eq!(parents, [row(1, 1), row(2, 3), row(3, 2), row(4, 99)]);
}

/// Scenario: one trace of 100,000 spans, each the child of the one before.
/// Guarantees: no recursion overflows a stack; every span is there, of one attempt.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes in the development profile"]
async fn r34_a_chain_of_a_hundred_thousand_parents_is_loaded() {
    chain(100_000).await;
}

/// As above, of 3,000 spans.
#[tokio::test(flavor = "multi_thread")]
async fn r34_a_chain_of_three_thousand_parents_is_loaded() {
    chain(3_000).await;
}

async fn chain(spans: u64) {
    let gleaner = Gleaner::start_with(|config| config.read.fresh_timeout_ms = 600_000).await;
    for first in (1..=spans).step_by(10_000) {
        let last = (first + 9_999).min(spans);
        gleaner.send(&request((first..=last).map(|id| span(1, id, id - 1, "link", &[])).collect())).await;
    }
    let rows = gleaner.sql("SELECT count(*) AS n, count(DISTINCT attempt_id) AS attempts FROM execution_spans").await;
    assert_eq!(rows[0]["n"], spans);
    assert!(rows[0]["attempts"].as_u64().is_some_and(|n| n <= 1), "{rows:?}");
}

/// Scenario: times of 1970, beyond the year 2262 (where signed nanoseconds end), an end before the start, a child outside its parent's time.
/// Guarantees (R34): every span is kept with the times that it came with.
#[tokio::test(flavor = "multi_thread")]
async fn r34_impossible_times_are_kept_as_they_came() {
    let gleaner = Gleaner::start().await;
    let times = [
        (0, 0),
        (1, 0),
        (u64::MAX, u64::MAX),
        (u64::MAX - 5, 3),
        (9_223_372_036_854_775_808, 9_223_372_036_854_775_809),
    ];
    let spans = (1u64..).zip(times).map(|(id, (start, end))| {
        let mut span = span(1, id, id - 1, "skewed", &[]);
        (span.start_time_unix_nano, span.end_time_unix_nano) = (start, end);
        span
    });
    gleaner.send(&request(spans.collect())).await;
    let rows = gleaner
        .sql("SELECT start_time_unix_nano::VARCHAR AS s, end_time_unix_nano::VARCHAR AS e FROM execution_spans ORDER BY span_id")
        .await;
    let expected: Vec<_> = times.iter().map(|(s, e)| json!({"s": s.to_string(), "e": e.to_string()})).collect();
    assert_eq!(rows, expected);
}

/// Scenario: a span with every field that the data rules of OTLP name: bytes, empty, mixed and nested values, a key twice, flags beyond bit 9,
/// counts of what was dropped, a trace state, schema URLs, an empty name, an unknown kind.
/// Guarantees: accepted without a warning of rejection; each can be read back from the store.
#[tokio::test(flavor = "multi_thread")]
async fn data_rules_odd_but_valid_spans_are_kept() {
    let gleaner = Gleaner::start().await;
    let body = json!({"resourceSpans": [{"schemaUrl": "https://r", "resource": {"droppedAttributesCount": 4}, "scopeSpans": [{
        "schemaUrl": "https://s", "scope": {"name": "lib", "version": "1", "droppedAttributesCount": 5},
        "spans": [{
            "traceId": "0000000000000000000000000000000A", "spanId": "000000000000000b", "kind": 99, "flags": 4294967041u32,
            "traceState": "a=b", "droppedAttributesCount": 1, "droppedEventsCount": 2, "droppedLinksCount": 3,
            "attributes": [
                {"key": "bytes", "value": {"bytesValue": "AP8="}}, {"key": "empty", "value": {}}, {"key": "none"},
                {"key": "mixed", "value": {"arrayValue": {"values": [{"intValue": "1"}, {"stringValue": "x"}, {}]}}},
                {"key": "nested", "value": {"kvlistValue": {"values": [{"key": "k", "value": {"boolValue": true}}]}}},
                {"key": "twice", "value": {"intValue": 1}}, {"key": "twice", "value": {"intValue": 2}},
                {"key": "nan", "value": {"doubleValue": "NaN"}}, {"key": "nul", "value": {"stringValue": "a\u{0}b"}}
            ]
        }]
    }]}]});
    let response = gleaner.post_otlp("application/json", None, body.to_string().into()).await;
    assert_eq!(response.text().await.expect("a body"), "{}");
    let rows = gleaner.sql("SELECT * FROM execution_spans").await;
    assert_eq!(rows.len(), 1);
    let attributes = &rows[0]["attributes"];
    assert_eq!(attributes["twice"], 2, "the last one wins: {attributes}");
    assert_eq!(attributes["mixed"], json!([1, "x", null]));
    assert_eq!(attributes["nested"], json!({"k": true}));
    assert_eq!(attributes["nul"], "a\u{0}b");
    assert!(attributes.get("bytes").is_some() && attributes.get("nan").is_some(), "{attributes}");
    assert_eq!(rows[0]["scope_name"], "lib");
}
