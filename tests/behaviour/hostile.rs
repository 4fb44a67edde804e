//! Queries of those who mean harm, over the wire, against a server that goes on working.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Gleaner, attempt};

/// Statement and expectation of every entry of a corpus; an entry opens with `#! expectation`.
fn corpus(text: &str) -> Vec<(String, String)> {
    let entries = text.split("\n\n").filter(|entry| entry.starts_with("#! "));
    let read = |entry: &str| {
        let expected = entry.lines().find_map(|line| line.strip_prefix("#! ")).expect("an expectation");
        let sql = entry.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
        (sql, expected.to_owned())
    };
    entries.map(read).collect()
}

async fn answer(gleaner: &Gleaner, sql: &str) -> (u16, String) {
    let response = gleaner.api("/v1/sql", &json!({"query": sql, "format": "csv"})).await;
    (response.status().as_u16(), response.text().await.expect("a body"))
}

/// The client shows the message as Rust writes text.
fn unquoted(error: impl std::fmt::Display) -> String {
    error.to_string().replace("\\\"", "\"").replace("\\\\", "\\")
}

fn processes_in(folder: &Path) -> usize {
    std::fs::read_dir(folder.join("data/sql-work")).map_or(0, Iterator::count)
}

/// Scenario: every escape of `crates/query/tests/refused.sql`, over HTTP and over Flight SQL, executed and prepared, between attempts that
/// are sent.
/// Guarantees: each is refused with the reason that stands beside it, no answer names a path, all attempts are there afterwards, also
/// after a restart, and no file was made.
#[tokio::test(flavor = "multi_thread")]
async fn escapes_are_refused_and_leave_the_store_whole() {
    let gleaner = Gleaner::start().await;
    gleaner.send(&attempt(1, "s1", "A", 1, "Paris")).await;
    gleaner.sql("SELECT 1 AS one").await;
    let files = |gleaner: &Gleaner| {
        let mut files: Vec<_> = std::fs::read_dir(gleaner.dir.path().join("data"))
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name())
            .filter(|name| name != "store.duckdb.wal")
            .collect();
        files.sort();
        files
    };
    let before = files(&gleaner);
    let entries = corpus(include_str!("../../crates/query/tests/refused.sql"));
    assert!(entries.len() > 100);
    let endpoint =
        tonic::transport::Endpoint::from_shared(format!("http://{}", gleaner.running.api)).expect("an address");
    let channel = endpoint.connect().await.expect("connects");
    let mut flight = arrow_flight::sql::client::FlightSqlServiceClient::new(channel);
    for (n, (sql, reason)) in entries.iter().enumerate() {
        let executed = unquoted(flight.execute(sql.clone(), None).await.map(drop).expect_err(sql));
        assert!(executed.contains(reason), "{sql}\n  said: {executed}\n  not:  {reason}");
        let prepared = unquoted(flight.prepare(sql.clone(), None).await.map(drop).expect_err(sql));
        assert!(prepared.contains(reason), "{sql}\n  said: {prepared}\n  not:  {reason}");
        let (status, body) = answer(&gleaner, sql).await;
        let told: Value = serde_json::from_str(&body).expect("JSON");
        let told = told["error"].as_str().expect("an error");
        assert_eq!(status, 400, "{sql}");
        assert!(told.contains(reason), "{sql}\n  said: {told}\n  not:  {reason}");
        assert!(!told.contains(gleaner.dir.path().to_str().expect("text")), "{sql} told a path: {told}");
        if n % 20 == 0 {
            gleaner.send(&attempt(100 + n as u64, "s2", "A", 1, "Lyon")).await;
        }
    }
    let sent = 1 + entries.len().div_ceil(20);
    assert_eq!(gleaner.sql("SELECT count(*) AS n FROM attempts").await, [json!({ "n": sent })]);
    assert_eq!(files(&gleaner), before);
    let gleaner = gleaner.restart().await;
    assert_eq!(gleaner.sql("SELECT count(*) AS n FROM attempts").await, [json!({ "n": sent })]);
}

/// Scenario: queries that neither an interrupt nor DuckDB's memory limit ends, with a deadline of two seconds.
/// Guarantees: each is answered soon, by rows or by a reason; its process and its copies are gone; the server lives, and its memory has
/// not grown by what they asked for.
#[tokio::test(flavor = "multi_thread")]
async fn runaways_are_ended_from_outside() {
    let gleaner = Gleaner::start_with(|config| config.sql.deadline_ms = 2_000).await;
    gleaner.send(&attempt(1, "s1", "A", 1, "Paris")).await;
    for (sql, _) in corpus(include_str!("../../crates/query/tests/runaways.sql")) {
        let started = Instant::now();
        let (status, body) = answer(&gleaner, &sql).await;
        assert!(status == 200 || status == 400, "{sql}: {status} {body}");
        assert!(started.elapsed() < Duration::from_secs(10), "{sql}: {:?}", started.elapsed());
    }
    let endless = "SELECT levenshtein(repeat('x', 100000), repeat('y', 100000))";
    let (status, body) = answer(&gleaner, endless).await;
    assert!(status == 400 && body.contains("deadline_ms = 2000"), "{body}");
    let greedy = "SELECT length(list_reduce(list_transform(range(60), x -> 'xxxxxxxx'), (a, b) -> a || a))";
    let (status, body) = answer(&gleaner, greedy).await;
    assert!(status == 400 && (body.contains("memory") || body.contains("deadline")), "{body}");
    assert_eq!(processes_in(gleaner.dir.path()), 0, "copies are removed");
    assert_eq!(gleaner.sql("SELECT count(*) AS n FROM attempts").await, [json!({"n": 1})]);
}

/// Scenario: queries that run apart and are harmless, over the relations with and without their columns named.
/// Guarantees: they see what was acknowledged, and answer as they would in the server: values, JSON, parameters, errors.
#[tokio::test(flavor = "multi_thread")]
async fn queries_that_run_apart_answer_the_same() {
    let gleaner = Gleaner::start().await;
    for n in 1..=3 {
        gleaner.send(&attempt(n, "s1", "A", 1, "Paris")).await;
        let sql = "SELECT count(*) AS n, max(levenshtein(output_text, 'Parks')) AS d FROM attempts";
        assert_eq!(gleaner.sql(sql).await, [json!({"n": n, "d": 1})]);
    }
    for (sql, expected) in [
        ("SELECT levenshtein('a', 'b') AS d FROM attempts a, sessions s LIMIT 1", json!({"d": 1})),
        ("SELECT regexp_replace(a.output_text, 'P', 'p') AS t FROM attempts a LIMIT 1", json!({"t": "paris"})),
        ("SELECT translate('ab', 'a', 'x') AS t, tools FROM agent_definitions", json!({"t": "xb", "tools": null})),
        (
            "SELECT trim(translate(input_messages ->> '$[0].role', 'u', 'u')) AS r, input_messages AS m FROM attempts LIMIT 1",
            json!({"r": "user", "m": [{"role": "user", "parts": [{"type": "text", "content": "What is the capital of France?"}]}]}),
        ),
        ("SELECT count(*) AS n FROM (SELECT translate(t.output_text, 'x', 'y'), t FROM attempts t)", json!({"n": 3})),
        (
            "SELECT count(*) AS n FROM attempts JOIN attempts b USING (attempt_id) WHERE translate('a', 'a', 'b') = 'b'",
            json!({"n": 3}),
        ),
        ("WITH attempts AS (SELECT translate('a', 'a', 'b') AS x) SELECT x FROM attempts", json!({"x": "b"})),
    ] {
        let rows = gleaner.sql(sql).await;
        assert_eq!(rows, [expected], "{sql}");
    }
    let with = json!({"query": "SELECT translate(?, 'a', ?) AS t", "params": ["banana", "o"], "format": "csv"});
    assert_eq!(gleaner.api("/v1/sql", &with).await.text().await.expect("text"), "t\nbonono\n");
    let (status, body) = answer(&gleaner, "SELECT translate(no_such_column, 'a', 'b') FROM attempts").await;
    assert!(status == 400 && body.contains("no_such_column") && !body.contains("sql-work"), "{body}");
    let (_, body) = answer(&gleaner, "SELECT translate(output_txt, 'a', 'b') FROM attempts").await;
    assert!(body.contains("output_text"), "near names of all columns: {body}");
    let (status, body) = answer(&gleaner, "SELECT translate('a', 'a', 'b')::INTEGER").await;
    assert!(status == 400 && body.contains("Could not convert"), "{body}");
}

/// Scenario: clients hang up on queries that run apart.
/// Guarantees: their processes end, their copies go, and their places are free for others.
#[tokio::test(flavor = "multi_thread")]
async fn hanging_up_ends_the_process() {
    let gleaner = Gleaner::start().await;
    let endless = json!({"query": "SELECT levenshtein(repeat('x', 100000), repeat('y', 100000))"});
    for _ in 0..4 {
        let hung_up = tokio::time::timeout(Duration::from_millis(700), gleaner.api("/v1/sql", &endless)).await;
        assert!(hung_up.is_err());
    }
    let started = Instant::now();
    assert_eq!(gleaner.sql("SELECT 1 AS one").await, [json!({"one": 1})]);
    while processes_in(gleaner.dir.path()) > 0 {
        assert!(started.elapsed() < Duration::from_secs(5), "a copy is left");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Scenario: dozens of clients ask at once what a query would answer that no setting bounds, and export by such a condition.
/// Guarantees: no more processes than places run at a time, each question is answered, and exports refuse what they cannot run apart.
#[tokio::test(flavor = "multi_thread")]
async fn descriptions_have_places_too() {
    let gleaner = Gleaner::start_with(|config| config.sql.deadline_ms = 60_000).await;
    gleaner.send(&attempt(1, "s1", "A", 1, "Paris")).await;
    let endpoint = format!("http://{}", gleaner.running.api);
    let (stop, mut stopped) = tokio::sync::watch::channel(false);
    let folder = gleaner.dir.path().to_owned();
    let watching = tokio::spawn(async move {
        let mut most = 0;
        while !*stopped.borrow_and_update() {
            most = most.max(processes_in(&folder));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        most
    });
    let mut asking = tokio::task::JoinSet::new();
    for n in 0..24 {
        let endpoint = tonic::transport::Endpoint::from_shared(endpoint.clone()).expect("an address");
        asking.spawn(async move {
            let channel = endpoint.connect().await.expect("connects");
            let mut client = arrow_flight::sql::client::FlightSqlServiceClient::new(channel);
            let sql = format!("SELECT levenshtein(output_text, 'x') AS d{n} FROM attempts");
            client
                .execute(sql, None)
                .await
                .expect("info")
                .try_decode_schema()
                .expect("a schema")
                .field(0)
                .name()
                .clone()
        });
    }
    let mut names: Vec<String> = asking.join_all().await;
    stop.send_replace(true);
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 24);
    let most = watching.await.expect("no panic");
    assert!((1..=2).contains(&most), "{most} at once");
    let export = json!({"kinds": ["sft"], "selection": {"where": "levenshtein(output_text, repeat('x', 9000)) > 1"}});
    let response = gleaner.api("/v1/export", &export).await;
    assert_eq!(response.status(), 400);
    assert!(response.text().await.expect("text").contains("grow without bound"));
}

/// Scenario: the program that runs queries apart cannot be started.
/// Guarantees: such a query is answered as unavailable, without a path; the others are answered as ever, and nothing is left.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_does_not_start_is_told() {
    let gleaner = Gleaner::start_with_program("/nowhere/gleaner".into()).await;
    let (status, body) = answer(&gleaner, "SELECT levenshtein('a', 'b') AS d").await;
    assert!(status == 503 && !body.contains("nowhere"), "{status} {body}");
    assert_eq!(gleaner.sql("SELECT 1 AS one").await, [json!({"one": 1})]);
    assert_eq!(processes_in(gleaner.dir.path()), 0);
}
