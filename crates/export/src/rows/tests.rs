//! The queries against the real store: columns exist, joins bind, filters hold.

use gleaner_model::{DerivedTrace, FeedbackItem};
use gleaner_store::{Commit, Store};
use serde_json::{Value, json};

use crate::{
    ExportError, FileFormat, Kind, Options,
    tests::{ATTEMPT_KINDS, exported, lines, memory},
};

mod select;

const START: u64 = 1_800_000_000_000_000_000;

/// Attempt `number` of a lineage: it thinks, searches, and answers. Two LLM spans, one tool span, and a duplicate report.
fn trace(lineage: &str, output: &str) -> DerivedTrace {
    let trace_id = format!("{:0>32}", lineage.to_lowercase());
    let first = memory::calls("First, the price.", "c1", json!({"query": "price"}));
    let mut history = first.clone();
    history["parts"].as_array_mut().expect("parts").remove(0);
    let question = memory::says("user", "What does it cost?");
    let span = |id: &str,
                kind: &str,
                input: Value,
                written: Value,
                thought: Option<&str>,
                duplicate_of: Option<&str>| {
        json!({
            "trace_id": trace_id, "span_id": id, "attempt_id": format!("attempt-{lineage}"), "kind": kind, "name": "chat",
            "status": "ok", "system_prompt": format!("You are {lineage}."), "input_messages": input,
            "output_messages": written, "reasoning_text": thought, "start_time_unix_nano": START,
            "end_time_unix_nano": START + 1, "attributes": {}, "events": [], "links": [], "resource": {},
            "scope_name": "t", "scope_version": "", "origin": "span", "source_keys": {}, "duplicate_of": duplicate_of,
            "tool_definitions": [{"type": "function", "name": "search"}],
        })
    };
    let whole = json!([question, history, memory::answers("c1", json!({"price": 39}))]);
    let answer = json!([memory::says("assistant", output)]);
    let attempt = json!({
        "attempt_id": format!("attempt-{lineage}"), "rollout_id": format!("rollout-{lineage}"),
        "lineage_id": format!("lineage-{lineage}"), "session_id": "s1", "trace_id": trace_id, "root_span_id": "0000000000000001",
        "lineage_label": lineage, "cycle": 1, "attempt_number": 1, "status": "ok",
        "definition": {
            "agent_definition_id": format!("definition-{lineage}"), "agent_name": "shop", "version_labels": [],
            "system_prompt": format!("You are {lineage}."), "tools": [{"type": "function", "name": "search"}],
        },
        "definition_start_time_unix_nano": START, "input_messages": [question], "input_text": "What does it cost?",
        "output_text": output, "start_time_unix_nano": START, "end_time_unix_nano": START + 1, "llm_calls": 2,
        "llm_calls_failed": 0, "tool_calls": 1, "tool_calls_failed": 0, "artifacts": [],
        "conversation_span_id": "0000000000000003",
    });
    let spans = [
        span("0000000000000002", "llm", json!([question]), json!([first]), Some("First, the price."), None),
        span("0000000000000003", "llm", whole, answer.clone(), None, None),
        span("0000000000000004", "tool", Value::Null, Value::Null, None, None),
        span("0000000000000005", "llm", json!([question]), answer, None, Some("0000000000000003")),
    ];
    serde_json::from_value(json!({
        "project": "shop", "trace_id": trace_id, "recorded_at_unix_nano": START, "spans": spans, "attempts": [attempt],
        "session_facts": [], "contents": [], "unmapped": [],
    }))
    .expect("a derived trace")
}

fn item(position: u64, id: &str, body: Value) -> (u64, u64, FeedbackItem) {
    let item = json!({
        "item_id": id, "project": "shop", "content_hash": id, "reviewer": "mara", "source": "human",
        "created_at_unix_nano": START + position, "body": body,
    });
    (position, START, serde_json::from_value(item).expect("an item"))
}

fn target(lineage: &str) -> Value {
    json!({"session": "s1", "lineage": lineage, "cycle": 1})
}

fn store() -> Store {
    let score = |lineage: &str, score: f64| json!({"kind": "evaluation", "target": target(lineage), "score": score});
    let entries = json!([{"target": target("A"), "rank": 1, "locked": false}, {"target": target("B"), "rank": 2, "locked": false}]);
    let feedback = vec![
        item(1, "score-a", score("A", 9.0)),
        item(2, "score-b", score("B", 3.0)),
        item(
            3,
            "ranking",
            json!({"kind": "comparison", "form": "ranking", "session": "s1", "cycle": 1,
            "over_all_others": false, "entries": entries}),
        ),
        item(4, "fix-b", json!({"kind": "evaluation", "target": target("B"), "correction": "It costs 39 pounds."})),
    ];
    let traces = vec![trace("A", "39 pounds."), trace("B", "Who knows.")];
    let mut store = Store::open_in_memory().expect("a store");
    store.commit(&Commit { position: 7, feedback, traces, ..Commit::default() }).expect("a commit");
    store
}

#[test]
fn the_store_s_relations_give_every_kind() {
    let store = store();
    let reader = store.reader().expect("a reader");
    reader.begin_snapshot().expect("a snapshot");
    let (manifest, files) = exported(&reader, &ATTEMPT_KINDS, &Options::new(Kind::Sft));
    let counts: Vec<(&str, u64, u64)> =
        manifest.datasets.iter().map(|s| (s.file.as_str(), s.candidates, s.rows)).collect();
    assert_eq!(
        counts,
        [
            ("sft.jsonl", 2, 2),
            ("preference.jsonl", 2, 2),
            ("reward.jsonl", 2, 2),
            ("scores.jsonl", 2, 2),
            ("rankings.jsonl", 1, 1),
            ("trajectory.jsonl", 2, 2),
            ("kto.jsonl", 4, 3),
            ("prompts.jsonl", 2, 2),
            ("revisions.jsonl", 1, 0),
        ]
    );
    assert_eq!(manifest.journal_position, 7);
    let find = |file: &str, column: &str, value: &str| {
        lines(&files, file).into_iter().find(|row| row[column] == value).expect("a row")
    };
    let sft = find("sft.jsonl", "attempt_id", "attempt-A");
    assert_eq!(sft["prompt"][0], json!({"role": "system", "content": "You are A."}));
    assert_eq!(sft["prompt"][3]["content"], "{\"price\":39}");
    assert_eq!(sft["tools"], json!([{"type": "function", "function": {"name": "search"}}]));
    let pair = find("preference.jsonl", "rules", "ranking,score");
    assert_eq!(pair["margin"], 1.0);
    let corrected = find("preference.jsonl", "rules", "correction");
    assert_eq!(corrected["chosen"], json!([{"role": "assistant", "content": "It costs 39 pounds."}]));
    let trajectory = find("trajectory.jsonl", "attempt_id", "attempt-A");
    assert_eq!(trajectory["messages"][2]["reasoning_content"], "First, the price.");
    let metadata: Value = serde_json::from_str(trajectory["metadata"].as_str().expect("text")).expect("JSON");
    assert_eq!(metadata["span_ids"], json!(["0000000000000002", "0000000000000003", "0000000000000004"]));
    assert_eq!(metadata["trace_ids"], json!(["0000000000000000000000000000000a"]));
}

#[test]
fn conditions_and_projects_filter_attempts() {
    let store = store();
    let reader = store.reader().expect("a reader");
    let rows = |options: &Options| exported(&reader, &[Kind::Trajectory], options).0.datasets[0].rows;
    let options = Options::new(Kind::Trajectory);
    let only_b = Some("lineage_id = 'lineage-B' -- the other one".to_owned());
    assert_eq!(rows(&Options { where_sql: only_b, ..options.clone() }), 1);
    assert_eq!(rows(&Options { project: Some("shop".into()), ..options.clone() }), 2);
    assert_eq!(rows(&Options { project: Some("default".into()), ..options }), 0);
}

#[test]
fn an_error_of_the_visitor_and_one_of_the_store_come_through() {
    let store = store();
    let reader = store.reader().expect("a reader");
    let rows: &dyn super::Rows = &reader;
    let stop = || ExportError::Moved { began: 1, ended: 2 };
    let mut visited = 0;
    let stopped = rows.for_each_row("SELECT attempt_id FROM attempts", &[], &mut |_| {
        visited += 1;
        Err(stop())
    });
    assert!(matches!(stopped, Err(ExportError::Moved { .. })));
    assert_eq!(visited, 1);
    let failed = rows.for_each_row("SELECT nothing FROM attempts", &[], &mut |_| Ok(())).expect_err("refused");
    assert!(failed.to_string().starts_with("cannot read the store: "), "{failed}");
}

fn queried(query: &str, format: FileFormat) -> (crate::Manifest, std::collections::BTreeMap<String, Vec<u8>>) {
    let store = store();
    let options = Options { query: Some(query.to_owned()), file_format: Some(format), ..Options::new(Kind::Sql) };
    exported(&store.reader().expect("a reader"), &[Kind::Sql], &options)
}

/// Scenario: a query with a nested, a JSON and a plain column.
/// Guarantees: its rows come out as they are, in its order, in each file format; JSON is JSON.
#[test]
fn the_kind_sql_writes_whatever_the_query_returns() {
    const QUERY: &str = "SELECT attempt_id, llm_calls, input_messages FROM attempts ORDER BY attempt_id DESC";
    let (manifest, files) = queried(QUERY, FileFormat::Jsonl);
    assert_eq!((manifest.datasets[0].rows, manifest.options.query.as_deref()), (2, Some(QUERY)));
    let rows = lines(&files, "sql.jsonl");
    assert_eq!((&rows[0]["attempt_id"], &rows[0]["llm_calls"]), (&json!("attempt-B"), &json!(2)));
    assert_eq!(rows[1]["input_messages"][0]["role"], "user");
    let card = String::from_utf8(files["README.md"].clone()).expect("UTF-8");
    assert!(card.contains("  - {name: \"input_messages\", dtype: json}\n"), "{card}");
    let csv = String::from_utf8(queried("SELECT 1 AS one, 'a,b' AS two", FileFormat::Csv).1["sql.csv"].clone());
    assert_eq!(csv.expect("UTF-8"), "one,two\n1,\"a,b\"\n");
    let empty = String::from_utf8(queried("SELECT 1 AS one WHERE false", FileFormat::Csv).1["sql.csv"].clone());
    assert_eq!(empty.expect("UTF-8"), "one\n");
    let (manifest, files) = queried(QUERY, FileFormat::Parquet);
    assert_eq!(&files["sql.parquet"][..4], b"PAR1");
    let entry = manifest.files.iter().find(|file| file.path == "sql.parquet").expect("a file");
    assert_eq!(entry.rows, Some(2));
}
