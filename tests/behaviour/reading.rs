//! SQL and exports over the API, and what a restart keeps.

use serde_json::{Value, json};

use crate::harness::{Gleaner, attempt, request, span};

async fn scored(gleaner: &Gleaner) {
    for (trace, lineage, answer) in [(1, "A", "Paris"), (2, "B", "Lyon")] {
        gleaner.send(&attempt(trace, "s1", lineage, 1, answer)).await;
    }
    let score = |lineage: &str, score: f64| json!({"reviewer": "mara", "evaluation": {"target": {"session": "s1", "lineage": lineage, "cycle": 1}, "score": score}});
    let lock = json!({"reviewer": "mara", "comparison": {"session": "s1", "cycle": 1, "lock": {"locked": [{"lineage": "A"}]}}});
    gleaner.feedback(json!([score("A", 9.0), score("B", 3.0), lock])).await;
}

async fn archive(gleaner: &Gleaner, kinds: &[&str]) -> Vec<(String, String)> {
    let response = gleaner.api("/v1/export", &json!({ "kinds": kinds })).await;
    assert_eq!(response.status(), 200);
    let text = response.text().await.expect("a body");
    text.lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("a piece"))
        .map(|piece| {
            (piece["file"].as_str().expect("a name").to_owned(), piece["text"].as_str().expect("text").to_owned())
        })
        .collect()
}

/// Scenario: two scored attempts, exported right after the last acknowledgement, twice, and again after a restart.
/// Guarantees: the export sees what was acknowledged before it, and the same inputs give the same bytes (I3).
#[tokio::test(flavor = "multi_thread")]
async fn exports_are_fresh_and_repeatable() {
    let gleaner = Gleaner::start().await;
    scored(&gleaner).await;
    let kinds = ["sft", "preference", "reward", "trajectory"];
    let first = archive(&gleaner, &kinds).await;
    let rows = |name: &str| first.iter().find(|(file, _)| file == name).map(|(_, text)| text.lines().count());
    assert_eq!((rows("sft.jsonl"), rows("preference.jsonl")), (Some(1), Some(1)));
    assert_eq!((rows("reward.jsonl"), rows("trajectory.jsonl")), (Some(1), Some(2)));
    assert_eq!(archive(&gleaner, &kinds).await, first);
    let gleaner = gleaner.restart().await;
    assert_eq!(archive(&gleaner, &kinds).await, first);
}

/// Scenario: exports in other formats and of a query, and requests whose parts do not go together.
/// Guarantees: binary files come through whole, mistakes are answered before anything is sent, and the last piece is the
/// manifest.
#[tokio::test(flavor = "multi_thread")]
async fn formats_come_through_and_mistakes_are_told_first() {
    let gleaner = Gleaner::start().await;
    scored(&gleaner).await;
    let export = |kind: &str, selection: Value| json!({"kinds": [kind], "selection": selection, "progress": true});
    let response = gleaner.api("/v1/export", &export("sft", json!({"file_format": "parquet"}))).await;
    assert_eq!(response.status(), 200);
    let text = response.text().await.expect("a body");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.last().expect("lines")["file"], "manifest.json");
    assert!(lines.iter().any(|line| line["progress"]["part"] == "reading attempts"));
    let piece = lines.iter().find(|line| line["file"] == "sft.parquet").expect("a file");
    assert!(piece["base64"].as_str().is_some_and(|text| text.starts_with("UEFSM")), "the first bytes are PAR1");
    for (request, expected) in [
        (export("kto", json!({"format": "atif"})), "cannot express kto"),
        (export("trajectory", json!({"shape": "task"})), "no shape `task`"),
        (export("sql", json!({})), "needs a query"),
        (export("sql", json!({"query": "SELECT * FROM span_facts"})), "span_facts"),
        (export("sql", json!({"query": "SELECT no_such_column FROM attempts"})), "no_such_column"),
        (export("sft", json!({"where": "no_such_column = 1"})), "no_such_column"),
    ] {
        let response = gleaner.api("/v1/export", &request).await;
        assert_eq!(response.status(), 400, "{request}");
        let told: Value = response.json().await.expect("JSON");
        assert!(told["error"].as_str().is_some_and(|error| error.contains(expected)), "{told}");
    }
    let query = json!({"query": "SELECT output_text FROM attempts ORDER BY output_text"});
    let response = gleaner.api("/v1/export", &export("sql", query)).await;
    assert!(
        response.text().await.expect("a body").contains(r#"{\"output_text\":\"Lyon\"}\n{\"output_text\":\"Paris\"}"#)
    );
}

/// Scenario: an export with hygiene and selection over the API, its benchmark sent along, and options that do not fit.
/// Guarantees: selection and hygiene reach the rows, each row left out has its reason, and mistakes are answered.
#[tokio::test(flavor = "multi_thread")]
async fn hygiene_and_selection_reach_the_rows() {
    let gleaner = Gleaner::start().await;
    scored(&gleaner).await;
    let export = |selection: Value| json!({"kinds": ["trajectory"], "selection": selection});
    let files = |text: String| -> Vec<(String, String)> {
        let pieces = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a piece"));
        let told = |piece: &Value, field: &str| piece[field].as_str().unwrap_or_default().to_owned();
        pieces.map(|piece| (told(&piece, "file"), told(&piece, "text"))).collect()
    };
    let request = json!({
        "select": {"session": ["s1"], "since": "2020-01-01"},
        "hygiene": {
            "split": "train=1", "redact_pattern": ["city=Paris|Lyon"],
            "files": {"decontaminate": [{"name": "bench.txt", "text": "nothing that anybody here would ever say at all\n"}]},
        },
    });
    let response = gleaner.api("/v1/export", &export(request)).await;
    let written = files(response.text().await.expect("a body"));
    let rows = &written.iter().find(|(file, _)| file == "trajectory.train.jsonl").expect("a file").1;
    assert_eq!((rows.lines().count(), rows.matches("<city_").count() >= 2), (2, true), "{rows}");
    assert!(!rows.contains("Paris") && !rows.contains("Lyon"), "{rows}");
    let manifest = &written.iter().find(|(file, _)| file == "manifest.json").expect("a file").1;
    assert!(manifest.contains("bench.txt") && !manifest.contains("anybody"), "{manifest}");
    let none = gleaner.api("/v1/export", &export(json!({"select": {"session": ["s2"]}}))).await;
    let written = files(none.text().await.expect("a body"));
    assert!(written.iter().any(|(file, text)| file == "trajectory.jsonl" && text.is_empty()), "{written:?}");
    for (selection, expected) in [
        (json!({"hygiene": {"near_duplicates": 0.2}}), "near-duplicates: 0.2 is not a number from 0.5 to 1"),
        (json!({"hygiene": {"split": "train=0.5"}}), "the shares sum up to 0.5"),
        (json!({"hygiene": {"max_tokens": 5}}), "needs --tokenizer"),
        (json!({"select": {"until": "tomorrow"}}), "`tomorrow` is no time"),
        (json!({"reasoning": "maybe"}), "supported: keep, raw, require, require-raw, drop"),
    ] {
        let response = gleaner.api("/v1/export", &export(selection)).await;
        assert_eq!(response.status(), 400);
        let told: Value = response.json().await.expect("JSON");
        assert!(told["error"].as_str().is_some_and(|error| error.contains(expected)), "{told}");
    }
}

/// Scenario: statements that are not one SELECT over the public schema, and an unknown kind of export.
/// Guarantees: each is refused with 400 and a reason, and everything is still there.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_can_only_read() {
    let gleaner = Gleaner::start().await;
    scored(&gleaner).await;
    for query in [
        "DROP VIEW attempts",
        "SELECT 1; DROP VIEW attempts",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM span_facts",
        "COPY (SELECT 1) TO '/tmp/x'",
        "SELEC 1",
        "SELECT no_such_column FROM attempts",
        "SELECT 1 / 0 + 'x'",
    ] {
        let response = gleaner.api("/v1/sql", &json!({ "query": query })).await;
        assert_eq!(response.status(), 400, "{query}");
        let told: Value = response.json().await.expect("JSON");
        assert!(told["error"].as_str().is_some_and(|e| !e.is_empty()), "{query}: {told}");
    }
    let response = gleaner.api("/v1/export", &json!({"kinds": ["sonnets"]})).await;
    assert_eq!(response.status(), 400);
    let escape =
        json!({"kinds": ["sft"], "selection": {"where": "1=1) OR attempt_id IN (SELECT body FROM span_facts"}});
    assert_eq!(gleaner.api("/v1/export", &escape).await.status(), 400);
    assert_eq!(gleaner.sql("SELECT count(*) AS n FROM attempts").await, [json!({"n": 2})]);
}

/// Scenario: liveness, readiness and metrics of a server that has loaded everything.
/// Guarantees: they answer without a body to parse, and the lag is zero once a fresh read was answered.
#[tokio::test(flavor = "multi_thread")]
async fn health_and_metrics_answer() {
    let gleaner = Gleaner::start().await;
    scored(&gleaner).await;
    gleaner.sql("SELECT 1 AS one").await;
    for path in ["livez", "readyz"] {
        let url = format!("http://{}/{path}", gleaner.running.api);
        assert_eq!(gleaner.http.get(url).send().await.expect("answered").status(), 200, "{path}");
    }
    let url = format!("http://{}/metrics", gleaner.running.api);
    let text = gleaner.http.get(url).send().await.expect("answered").text().await.expect("a body");
    assert!(text.contains("gleaner_journal_lag_records 0\n"), "{text}");
}

/// Scenario: a loader that lets requests gather for an hour has loaded one of them; two more come, and then somebody reads.
/// Guarantees: they are left until somebody does, who has them at once.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_need_not_wait_for_requests_to_gather() {
    let gleaner = Gleaner::start_with(|config| {
        (config.loader.commit_interval_ms, config.read.fresh_timeout_ms) = (3_600_000, 60_000);
    })
    .await;
    let count = "SELECT count(*) AS n FROM attempts";
    for (trace, lineage) in [(1, "A"), (2, "B"), (3, "C")] {
        gleaner.send(&attempt(trace, "s1", lineage, 1, "Paris")).await;
        if trace == 1 {
            assert_eq!(gleaner.sql(count).await, [json!({"n": 1})]);
        }
    }
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert!(gleaner.metric("gleaner_journal_lag_records").await > 1.5);
    let began = std::time::Instant::now();
    assert_eq!(gleaner.sql(count).await, [json!({"n": 3})]);
    assert!(began.elapsed() < std::time::Duration::from_secs(30));
}

/// Scenario: two scored attempts, and every query that the README shows, as it stands there.
/// Guarantees: each runs past the guard, and the ones on scores find them.
#[tokio::test(flavor = "multi_thread")]
async fn the_readme_s_queries_run() {
    let gleaner = Gleaner::start().await;
    scored(&gleaner).await;
    let readme = include_str!("../../README.md");
    let mut queries = 0;
    for block in readme.split("```sql\n").skip(1) {
        let block = block.split("```").next().expect("an end");
        for query in block.split(";\n").map(str::trim).filter(|query| !query.is_empty()) {
            let rows = gleaner.sql(query).await;
            queries += 1;
            if query.contains("FROM agent_version_scores") {
                assert_eq!((rows.len(), &rows[0]["n"]), (1, &json!(2)), "{rows:?}");
            }
        }
    }
    assert!(queries > 10, "the README shows {queries} queries");
}

/// Scenario: two attempts as agents send them over OTLP, the one with reasoning that its provider encrypted, the other with a
/// summary of it; exported with every policy for reasoning.
/// Guarantees: the kinds reach the store and the export; what is encrypted is in no row; each policy's reasons are told.
#[tokio::test(flavor = "multi_thread")]
async fn hidden_reasoning_stays_hidden_and_is_told() {
    let gleaner = Gleaner::start().await;
    let thinks = |parts: Value| {
        let said = |role: &str, parts: Value| json!([{"role": role, "parts": parts}]).to_string();
        let question = said("user", json!([{"type": "text", "content": "What is the capital of France?"}]));
        [
            ("gen_ai.operation.name", json!("chat")),
            ("gen_ai.request.model", json!("m")),
            ("gen_ai.input.messages", json!(question)),
            ("gen_ai.output.messages", json!(said("assistant", parts))),
        ]
    };
    let text = |content: &str| json!({"type": "text", "content": content});
    let hidden = json!([{"type": "redacted_thinking", "data": "c2VjcmV0"}, text("Paris.")]);
    let summary = json!([
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Recalling."}]},
        text("Paris it is."),
    ]);
    gleaner.send(&request(vec![span(1, 1, 0, "chat m", &thinks(hidden))])).await;
    gleaner.send(&request(vec![span(2, 2, 0, "chat m", &thinks(summary))])).await;
    let kinds = gleaner
        .sql("SELECT output_messages ->> '$[0].parts[0].kind' AS kind FROM execution_spans ORDER BY trace_id")
        .await;
    assert_eq!(kinds, [json!({"kind": "encrypted"}), json!({"kind": "summary"})]);
    for (policy, rows, reasons) in [
        ("keep", 2, vec![]),
        ("raw", 0, vec!["reasoning_encrypted", "reasoning_summarized"]),
        ("require", 1, vec!["reasoning_encrypted"]),
        ("drop", 2, vec![]),
    ] {
        let asked = json!({"kinds": ["trajectory"], "selection": {"reasoning": policy}});
        let text = gleaner.api("/v1/export", &asked).await.text().await.expect("a body");
        assert!(!text.contains("c2VjcmV0"), "{policy}");
        let pieces: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("a piece")).collect();
        let lines = |file: &str| -> Vec<Value> {
            let texts = pieces.iter().filter(|piece| piece["file"] == file).filter_map(|piece| piece["text"].as_str());
            texts.flat_map(str::lines).map(|line| serde_json::from_str(line).expect("a row")).collect()
        };
        assert_eq!(lines("trajectory.jsonl").len(), rows, "{policy}");
        let mut told: Vec<Value> = lines("rejected.jsonl").iter().map(|line| line["reason"].clone()).collect();
        told.sort_by_key(ToString::to_string);
        assert_eq!(told, reasons, "{policy}");
    }
}

/// Scenario: one query in every format, by name and by `Accept`; then a long answer, and one that fails in the midst.
/// Guarantees: each format comes whole with its media type, long answers are streamed, and what broke off is not taken for the end.
#[tokio::test(flavor = "multi_thread")]
async fn sql_answers_in_every_format() {
    let gleaner = Gleaner::start().await;
    let url = format!("http://{}/v1/sql", gleaner.running.api);
    let post = |accept: &str, body: Value| gleaner.http.post(&url).header("accept", accept).json(&body).send();
    let query = json!({"query": "SELECT range AS n, 'x' AS t FROM range(3)"});
    for (accept, media, bytes) in [
        ("*/*", "application/json", b"[\n{\"n\": 0, \"t\": \"x\"},\n{\"n\": 1".as_slice()),
        ("application/x-ndjson", "application/x-ndjson", b"{\"n\": 0, \"t\": \"x\"}\n{"),
        ("text/html, text/csv;q=0.9", "text/csv; charset=utf-8", b"n,t\n0,x\n1,x\n2,x\n"),
        ("text/plain", "text/plain; charset=utf-8", b"n  t\n"),
        ("application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.stream", b"\xff\xff\xff\xff"),
        ("application/vnd.apache.parquet", "application/vnd.apache.parquet", b"PAR1"),
    ] {
        let response = post(accept, query.clone()).await.expect("answered");
        assert_eq!(
            (response.status().as_u16(), response.headers()["content-type"].to_str().expect("text")),
            (200, media)
        );
        let body = response.bytes().await.expect("a body");
        assert!(body.starts_with(bytes), "{accept}: {body:?}");
    }
    assert_eq!(post("text/html", query).await.expect("answered").status(), 415);
    let named = json!({"query": "SELECT $a AS a, $b AS b", "params": {"b": 2, "a": "x"}, "format": "csv"});
    assert_eq!(post("*/*", named).await.expect("answered").text().await.expect("text"), "a,b\nx,2\n");
    let missing = post("*/*", json!({"query": "SELECT ?"})).await.expect("answered");
    assert!(missing.text().await.expect("text").contains("the query has 1 parameters, 0 values were given"));

    let long = json!({"query": "SELECT range AS n FROM range(1000000)", "format": "csv"});
    let text = post("*/*", long).await.expect("answered").text().await.expect("text");
    assert_eq!((text.lines().count(), text.lines().last()), (1_000_001, Some("999999")));
    let late = "SELECT CASE WHEN range < 900000 THEN range ELSE ('x' || range)::BIGINT END AS n FROM range(1000000)";
    let response = post("*/*", json!({"query": late, "format": "csv"})).await.expect("answered");
    assert_eq!(response.status(), 200);
    assert!(response.bytes().await.is_err(), "an answer that broke off");
    let early = "SELECT CASE WHEN range < 9000 THEN range ELSE ('x' || range)::BIGINT END AS n FROM range(1000000)";
    let response = post("*/*", json!({"query": early, "format": "csv"})).await.expect("answered");
    assert_eq!(response.status(), 400);
}

/// Scenario: a session of four lineages with all its feedback, and the twenty worked queries of `crates/store/SCHEMA.md`.
/// Guarantees: each runs past the guard as it stands there, and finds what it asks for.
#[tokio::test(flavor = "multi_thread")]
async fn the_worked_queries_find_what_they_ask_for() {
    let gleaner = Gleaner::start().await;
    for line in include_str!("../../examples/demo/lineages.traces.jsonl").lines() {
        assert_eq!(gleaner.post_otlp("application/json", None, line.into()).await.status(), 200);
    }
    for line in include_str!("../../examples/demo/lineages.feedback.jsonl").lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        gleaner.feedback(json!([line["item"]])).await;
    }
    gleaner.send(&attempt(7, "nobody has looked at it", "A", 1, "Paris")).await;
    let chapter = include_str!("../../crates/store/SCHEMA.md").split("## Worked queries").nth(1).expect("a chapter");
    let block = chapter.split("```sql\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a block");
    let queries = gleaner_query::statements(block);
    assert_eq!(queries.len(), 20);
    for query in queries {
        let rows = gleaner.sql(query).await;
        let is_of_failures = query.contains("FROM attempts WHERE status = 'error'");
        assert!(!rows.is_empty() || is_of_failures, "{query}");
    }
}
