//! What operators see and do while the server runs: numbers of the store, making it anew, the traces of its own work.

use std::time::Duration;

use prost::Message as _;
use serde_json::{Value, json};

use crate::harness::{Gleaner, attempt, request, span};

/// Scenario: a store that checkpoints before every commit, loaded twice; and one that never does.
/// Guarantees: `/metrics` tells how long commits and checkpoints took, apart, in seconds, the size of the store's file, and how much a crash would have to load again.
#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_commits_checkpoints_and_sizes_of_the_store() {
    let loaded_twice = async |gleaner: &Gleaner| {
        for id in [1, 2] {
            gleaner.send(&request(vec![span(1, id, 0, "s", &[])])).await;
            assert_eq!(gleaner.sql("SELECT count(*) AS n FROM execution_spans").await, [json!({"n": id})]);
        }
    };
    let gleaner = Gleaner::start_with(|config| config.store.checkpoint_mib = 0).await;
    loaded_twice(&gleaner).await;
    let (commit, checkpoint) = ("gleaner_store_commit_duration_seconds", "gleaner_store_checkpoint_duration_seconds");
    // The first commit finds nothing that a checkpoint would save.
    for (histogram, count) in [(commit, 2.0), (checkpoint, 1.0)] {
        assert_eq!(gleaner.metric(&format!("{histogram}_count")).await, count);
        let sum = gleaner.metric(&format!("{histogram}_sum")).await;
        assert!(sum > 0.0 && sum < 60.0, "{histogram}: {sum} s");
        assert_eq!(gleaner.metric(&format!("{histogram}_bucket{{le=\"+Inf\"}}")).await, count);
    }
    let file = gleaner.dir.path().join("data/store.duckdb").metadata().expect("there").len();
    assert_eq!(gleaner.metric("gleaner_store_bytes").await, file as f64);

    let gleaner = Gleaner::start().await;
    loaded_twice(&gleaner).await;
    assert_eq!(gleaner.metric(&format!("{checkpoint}_count")).await, 0.0);
    let unsaved = (1..=2).map(|id| request(vec![span(1, id, 0, "s", &[])]).encode_to_vec().len()).sum::<usize>();
    assert_eq!(gleaner.metric("gleaner_store_unsaved_bytes").await, unsaved as f64);
}

const REBUILD: &str = "/v1/store/rebuild";
const ROWS: &str = "SELECT trace_id, span_id, attempt_id, kind, name, input_messages, output_text, attributes FROM execution_spans \
    ORDER BY trace_id, span_id";

async fn status(gleaner: &Gleaner) -> Value {
    serde_json::from_str(&gleaner.get(REBUILD).await.1).expect("JSON")
}

/// Waits for the end of a rebuild; gives what it says.
async fn rebuilt(gleaner: &Gleaner) -> Value {
    loop {
        let status = status(gleaner).await;
        if status["state"] != "requested" && status["state"] != "running" {
            return status;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Scenario: a sound store is made anew on request, twice, while it is read and telemetry and feedback are sent.
/// Guarantees: the answer comes before it is done; reads and telemetry are answered throughout; the rows are the same, and those that came
/// meanwhile are there; feedback sent again is still known; nothing is left in the directory; a request must say that it is JSON.
#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_makes_its_store_anew() {
    let gleaner = Gleaner::start().await;
    for trace in 1..=20 {
        gleaner.send(&attempt(trace, "s1", "A", i64::try_from(trace).expect("small"), "Paris")).await;
    }
    let score = json!([{"reviewer": "mara", "evaluation": {"target": {"session": "s1", "lineage": "A", "cycle": 1}, "score": 9.0}}]);
    assert_eq!(gleaner.feedback(score.clone()).await[0].0, "ACCEPTED");
    let before = gleaner.sql(ROWS).await;
    assert_eq!(before.len(), 40);
    assert_eq!(status(&gleaner).await, json!({"state": "idle"}));
    let as_a_page_could = gleaner.http.post(format!("http://{}{REBUILD}", gleaner.running.api)).body("{}").send().await;
    assert_eq!(as_a_page_could.expect("answered").status(), 415);
    assert_eq!(gleaner.api(REBUILD, &json!({"all": true})).await.status(), 400);
    assert_eq!(status(&gleaner).await, json!({"state": "idle"}));

    for round in 1..=2u64 {
        let asked = gleaner.api(REBUILD, &json!({})).await;
        assert_eq!(asked.status(), 202);
        let told: Value = asked.json().await.expect("JSON");
        assert!(["requested", "running"].contains(&told["state"].as_str().expect("a state")), "{told}");
        gleaner.send(&request(vec![span(100 + round, 1, 0, "meanwhile", &[])])).await;
        assert_eq!(gleaner.sql("SELECT count(*) AS n FROM execution_spans").await, [json!({"n": 40 + round})]);
        let end = rebuilt(&gleaner).await;
        assert_eq!((&end["state"], &end["aside"]), (&json!("done"), &Value::Null), "{end}");
        let after = gleaner.sql(ROWS).await;
        assert_eq!(after[..40], before[..], "the same rows");
        assert_eq!(after.len() as u64, 40 + round);
        assert_eq!(gleaner.get("/readyz").await, (200, "ok\n".to_owned()));
        assert_eq!(gleaner.feedback(score.clone()).await[0].0, "REPEATED");
    }
    assert_eq!(gleaner.sql("SELECT score FROM evaluations").await, [json!({"score": 9.0})]);
    assert_eq!(gleaner.metric("gleaner_store_rebuilding").await, 0.0);
    let mut names: Vec<String> = std::fs::read_dir(gleaner.dir.path().join("data"))
        .expect("a directory")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with("store."))
        .collect();
    names.sort();
    assert!(names.iter().all(|name| name == "store.duckdb" || name == "store.duckdb.wal"), "{names:?}");
    let gleaner = gleaner.restart().await;
    assert_eq!(gleaner.sql(ROWS).await[..40], before[..], "also after a restart");
}

/// Scenario: a store that cannot be opened: no database, or one of another program; the request comes while telemetry does.
/// Guarantees: readiness says what to do; telemetry is taken before and after; the damaged file is kept, byte for byte, in a folder that the
/// answer names; then everything is there, and feedback is taken without a restart.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_store_is_put_aside_and_made_anew() {
    let gleaner = Gleaner::start().await;
    gleaner.send(&attempt(1, "s1", "A", 1, "Paris")).await;
    let before = gleaner.sql(ROWS).await;
    gleaner.running.shutdown().await.expect("stops");
    let dir = gleaner.dir;
    let store = dir.path().join("data/store.duckdb");
    let mut damaged = std::fs::read(&store).expect("reads");
    damaged[..4096].fill(0);
    std::fs::write(&store, &damaged).expect("writes");

    let gleaner = Gleaner::start_in(dir).await;
    let (code, text) = gleaner.get("/readyz").await;
    assert_eq!(code, 503);
    assert!(text.contains("gleaner rebuild") && text.contains(REBUILD), "{text}");
    gleaner.send(&request(vec![span(2, 1, 0, "while damaged", &[])])).await;
    assert_eq!(gleaner.feedback_status(json!([])).await, 503);
    assert_eq!(gleaner.api(REBUILD, &json!({})).await.status(), 202);
    gleaner.send(&request(vec![span(3, 1, 0, "while made anew", &[])])).await;
    let end = rebuilt(&gleaner).await;
    assert_eq!(end["state"], "done", "{end}");
    let aside = gleaner.dir.path().join("data").join(end["aside"].as_str().expect("a folder"));
    assert!(std::fs::read(aside.join("store.duckdb")).expect("kept") == damaged, "what is kept is not what was there");
    let after = gleaner.sql(ROWS).await;
    assert_eq!((after[..2] == before[..], after.len()), (true, 4));
    assert_eq!(gleaner.get("/readyz").await.0, 200);
    while gleaner.feedback_status(json!([])).await != 200 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Scenario: a server that records all of its work and sends it to a second one, while it is sent traces, some refused, is queried, and exports.
/// Guarantees: the second has spans of every step, parts below their wholes, with times, sizes and positions that fit together; no word of what
/// the first was sent or asked is in them; nothing was dropped. A server that would be its own receiver does not start.
#[tokio::test(flavor = "multi_thread")]
async fn own_traces_tell_every_step_and_no_payload() {
    let sink = Gleaner::start().await;
    let endpoint = format!("http://{}", sink.running.otlp_grpc);
    let gleaner = Gleaner::start_with(|config| {
        config.store.checkpoint_mib = 0;
        (config.own_traces.endpoint, config.own_traces.sampling_ratio, config.own_traces.interval_ms) =
            (endpoint, 1.0, 10);
    })
    .await;
    gleaner.send(&attempt(1, "s1", "A", 1, "a-secret-answer")).await;
    assert_eq!(gleaner.post_otlp("application/x-protobuf", None, vec![1, 2, 3]).await.status(), 400);
    assert_eq!(gleaner.sql("SELECT count(*) AS n FROM execution_spans").await, [json!({"n": 2})]);
    // This one's commit finds something that a checkpoint saves.
    gleaner.send(&attempt(2, "s1", "A", 2, "a-secret-answer")).await;
    assert_eq!(gleaner.sql("SELECT count(*) AS n, 'a-secret-query' AS q FROM execution_spans").await[0]["n"], 4);
    let exported = gleaner.api("/v1/export", &json!({"kinds": ["trajectory"]})).await;
    assert_eq!((exported.status().as_u16(), exported.text().await.is_ok()), (200, true));

    const OWN: &str = "SELECT name, span_id, parent_span_id, trace_id, status, error, attributes, duration_ms, resource FROM execution_spans \
        WHERE scope_name = 'gleaner'";
    let wanted = [
        "receive",
        "journal.append",
        "load",
        "load.derive",
        "store.commit",
        "store.checkpoint",
        "query",
        "query.wait_for_store",
        "export",
    ];
    let mut spans = Vec::new();
    let named = |spans: &[Value], name: &str| spans.iter().filter(|s| s["name"] == name).cloned().collect::<Vec<_>>();
    for _ in 0..500 {
        spans = sink.sql(OWN).await;
        if wanted.iter().all(|name| !named(&spans, name).is_empty()) && named(&spans, "receive").len() == 3 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let missing: Vec<_> = wanted.iter().filter(|name| named(&spans, name).is_empty()).collect();
    assert!(missing.is_empty(), "{missing:?} are missing in {spans:?}");
    for (part, whole) in [
        ("journal.append", "receive"),
        ("load.derive", "load"),
        ("store.commit", "load"),
        ("store.checkpoint", "load"),
        ("query.wait_for_store", "query"),
    ] {
        let (part, wholes) = (&named(&spans, part)[0], named(&spans, whole));
        let whole = wholes.iter().find(|whole| whole["span_id"] == part["parent_span_id"]);
        assert!(whole.is_some_and(|whole| whole["trace_id"] == part["trace_id"]), "{part} is no part of {wholes:?}");
    }
    let appended = named(&spans, "journal.append");
    for position in [1, 2] {
        assert!(appended.iter().any(|span| span["attributes"]["gleaner.journal.position"] == position), "{appended:?}");
        let loads = named(&spans, "load");
        let of_it = |load: &&Value| {
            let at = |key: &str| load["attributes"][key].as_u64().expect("a position");
            at("gleaner.journal.from") < position && position <= at("gleaner.journal.to")
        };
        assert_eq!(loads.iter().filter(of_it).count(), 1, "{loads:?}");
    }
    let received = named(&spans, "receive");
    let (good, bad): (Vec<_>, Vec<_>) = received.iter().partition(|span| span["attributes"]["gleaner.items"] == 2);
    assert_eq!((good.len(), bad.len()), (2, 1), "{received:?}");
    assert_eq!(
        (&bad[0]["status"], &bad[0]["attributes"]["error.type"]),
        (&json!("error"), &json!("invalid")),
        "{bad:?}"
    );
    assert_eq!(spans[0]["resource"]["service.name"], "gleaner");
    let all = sink.sql("SELECT * FROM execution_spans").await;
    assert!(!Value::from(all).to_string().contains("a-secret"), "payloads are in own traces");
    assert_eq!(gleaner.metric("gleaner_own_spans_total{outcome=\"dropped\"}").await, 0.0);
    assert!(gleaner.metric("gleaner_own_spans_total{outcome=\"exported\"}").await >= wanted.len() as f64);
    assert_eq!(sink.metric("gleaner_own_spans_total{outcome=\"exported\"}").await, 0.0, "off by default");
}

/// Scenario: own traces go where nobody answers.
/// Guarantees: telemetry is taken and read as ever, and what could not be sent is counted.
#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_of_own_traces_that_is_gone_costs_nothing() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", nobody.local_addr().expect("an address"));
    drop(nobody);
    let gleaner = Gleaner::start_with(|config| {
        (config.own_traces.endpoint, config.own_traces.sampling_ratio, config.own_traces.interval_ms) =
            (endpoint, 1.0, 0);
    })
    .await;
    gleaner.send(&request(vec![span(1, 1, 0, "s", &[])])).await;
    assert_eq!(gleaner.sql("SELECT count(*) AS n FROM execution_spans").await, [json!({"n": 1})]);
    while gleaner.metric("gleaner_own_spans_total{outcome=\"failed\"}").await == 0.0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(gleaner.get("/readyz").await, (200, "ok\n".to_owned()));
}

/// Scenario: a query whose client takes its first rows and then none, while requests come one by one, each of which is committed with a
/// checkpoint before it.
/// Guarantees: the reader holds up nobody: every request is acknowledged, loaded and read by others while it stalls; and it still sees the state as
/// of its beginning.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_stalls_holds_up_neither_checkpoints_nor_the_writer() {
    const REQUESTS: u64 = 10;
    let gleaner = Gleaner::start_with(|config| {
        config.store.checkpoint_mib = 0;
        // However slow the machine is.
        (config.sql.stall_ms, config.sql.deadline_ms, config.read.fresh_timeout_ms) = (600_000, 600_000, 60_000);
    })
    .await;
    gleaner.send(&request(vec![span(1, 1, 0, "first", &[])])).await;
    let long = "SELECT s.name, r.range FROM execution_spans s, range(600000) r";
    let mut stalled = gleaner.api("/v1/sql", &json!({"query": long, "format": "jsonl"})).await;
    assert_eq!(stalled.status(), 200);
    let first = stalled.chunk().await.expect("it streams").expect("rows");
    for id in 2..=1 + REQUESTS {
        gleaner.send(&request(vec![span(1, id, 1, "later", &[])])).await;
        assert_eq!(gleaner.sql("SELECT count(*) AS n FROM execution_spans").await, [json!({"n": id})]);
    }
    let checkpoints = gleaner.metric("gleaner_store_checkpoint_duration_seconds_count").await;
    assert!(checkpoints >= REQUESTS as f64, "{checkpoints}");
    assert_eq!(gleaner.metric("gleaner_loading").await, 1.0);
    let mut rows = first.iter().filter(|byte| **byte == b'\n').count();
    let mut others = 0;
    while let Some(chunk) = stalled.chunk().await.expect("it goes on") {
        rows += chunk.iter().filter(|byte| **byte == b'\n').count();
        others += chunk.windows(5).filter(|window| *window == b"later").count();
    }
    assert_eq!((rows, others), (600_000, 0), "it sees the state as of its beginning, whole");
}
