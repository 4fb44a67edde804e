//! Captures of real libraries, replayed as they were sent and compared with what the model server saw.
//!
//! `tests/corpus/<library>/` holds the request bodies and `truth.json`, counted on the other side of the wire: every model call
//! with what it was given and what it answered, every tool execution, sessions and users. `seen: false` marks what the
//! library did not instrument: it must not appear.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;

use crate::harness::Gleaner;

const CAPTURES: [&str; 4] =
    ["openinference-openai", "otel-openai-v2-latest-span", "otel-openai-v2-latest-event", "pydantic-ai-v5"];

/// Scenario: each capture is sent in its order, and another time in the reverse order.
/// Guarantees: every call that the telemetry contains has its model, messages, answer, reasoning, tool calls, finish reason and
/// tokens; every tool execution has its arguments; sessions and users are those of the truth; nothing is counted twice.
#[tokio::test(flavor = "multi_thread")]
async fn captures_come_out_as_the_model_server_saw_them() {
    for capture in CAPTURES {
        for reversed in [false, true] {
            let gleaner = Gleaner::start().await;
            replay(&gleaner, capture, reversed).await;
            compare(&gleaner, &format!("{capture}, reversed: {reversed}"), &truth(capture)).await;
        }
    }
}

async fn compare(gleaner: &Gleaner, capture: &str, truth: &Value) {
    let spans = gleaner
        .sql("SELECT * FROM execution_spans WHERE kind = 'llm' AND duplicate_of IS NULL AND status <> 'error'")
        .await;
    let calls: Vec<&Value> = list(&truth["llm_calls"]).iter().filter(|call| call["seen"] == true).collect();
    assert_eq!(spans.len(), calls.len(), "{capture}: model calls");
    for call in calls {
        let id = &call["response_id"];
        let found: Vec<&Value> = spans.iter().filter(|span| span["response_id"] == *id).collect();
        assert_eq!(found.len(), 1, "{capture}: spans of {id}");
        compare_call(&format!("{capture}, {id}"), found[0], call);
    }
    let tools = gleaner
        .sql("SELECT tool_name, tool_arguments FROM execution_spans WHERE kind = 'tool' AND duplicate_of IS NULL")
        .await;
    let executed = |row: &Value, name: &str, arguments: &str| format!("{} {}", row[name], row[arguments]);
    let mut got: Vec<String> = tools.iter().map(|row| executed(row, "tool_name", "tool_arguments")).collect();
    let mut want: Vec<String> = list(&truth["tool_executions"])
        .iter()
        .map(|tool| match tool["seen"] == true {
            true => executed(tool, "name", "arguments"),
            false => format!("{} null", tool["name"]),
        })
        .collect();
    got.sort();
    want.sort();
    assert_eq!(got, want, "{capture}: tool executions");

    for (column, field) in [("session_id", "sessions"), ("user_id", "users")] {
        // A trace that names no session is one of its own, `trace:<id>`.
        let query = format!("SELECT DISTINCT {column} AS v FROM sessions WHERE {column} NOT LIKE 'trace:%'");
        let rows = gleaner.sql(&query).await;
        let got: BTreeSet<String> = rows.iter().map(|row| row["v"].to_string()).collect();
        let want: BTreeSet<String> = list(&truth[field]).iter().map(Value::to_string).collect();
        assert_eq!(got, want, "{capture}: {field}");
    }
}

fn compare_call(place: &str, span: &Value, call: &Value) {
    assert_eq!(span["model"], call["model"], "{place}: model");
    for field in ["finish_reason", "input_tokens", "output_tokens"] {
        assert_eq!(span[field], call[field], "{place}: {field}");
    }
    for field in ["output_text", "reasoning_text"] {
        if !call[field].is_null() {
            assert_eq!(span[field], call[field], "{place}: {field}");
        }
    }
    let calls: Vec<Value> = list(&span["output_messages"])
        .iter()
        .flat_map(|message| list(&message["parts"]))
        .filter(|part| part["type"] == "tool_call")
        .map(|part| serde_json::json!([part["name"], part["arguments"]]))
        .collect();
    assert_eq!(Value::from(calls), call["tool_calls"], "{place}: tool calls");

    let mut given = vec![span["system_prompt"].as_str().unwrap_or("").to_owned()];
    texts(&span["input_messages"], &mut given);
    for input in list(&call["input"]) {
        let mut wanted = Vec::new();
        texts(input, &mut wanted);
        for text in wanted {
            assert!(given.iter().any(|given| given.contains(&text)), "{place}: input lacks {text:?}");
        }
    }
}

/// Every string in a value. A tool result that is JSON text and one that is JSON say the same by their leaves.
fn texts(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(inner @ (Value::Object(_) | Value::Array(_))) => texts(&inner, out),
            _ => out.push(text.clone()),
        },
        Value::Array(items) => items.iter().for_each(|item| texts(item, out)),
        Value::Object(map) => map.values().for_each(|item| texts(item, out)),
        Value::Null => {}
        other => out.push(other.to_string()),
    }
}

async fn replay(gleaner: &Gleaner, capture: &str, reversed: bool) {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder(capture))
        .expect("the capture is there")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "binpb"))
        .collect();
    files.sort();
    if reversed {
        files.reverse();
    }
    for file in files {
        let signal = if file.to_string_lossy().contains(".logs.") { "logs" } else { "traces" };
        let body = std::fs::read(&file).expect("readable");
        let url = format!("http://{}/v1/{signal}", gleaner.running.otlp_http);
        let request = gleaner.http.post(url).header("content-type", "application/x-protobuf").body(body);
        assert_eq!(request.send().await.expect("answered").status(), 200, "{}", file.display());
    }
}

fn truth(capture: &str) -> Value {
    let text = std::fs::read(folder(capture).join("truth.json")).expect("the truth is there");
    serde_json::from_slice(&text).expect("JSON")
}

fn folder(capture: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus").join(capture)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
