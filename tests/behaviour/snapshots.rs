//! `gleaner snapshot`, with the program itself, against a server that goes on taking attempts.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::harness::{Gleaner, attempt};

fn snapshot(gleaner: &Gleaner, out: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gleaner"));
    command.args(["snapshot", "--api", &gleaner.running.api.to_string(), "--out"]).arg(out).args(more);
    command.output().expect("runs")
}

fn manifest(dir: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(dir.join("manifest.json")).expect("a manifest")).expect("JSON")
}

fn rows(manifest: &Value, relation: &str) -> u64 {
    let files = manifest["files"].as_array().expect("files");
    files.iter().find(|file| file["relation"] == relation).and_then(|file| file["rows"].as_u64()).expect("rows")
}

/// Scenario: snapshots while attempts are sent, each of two rollouts' worth of relations.
/// Guarantees: what was acknowledged before is in it, all relations are of the same moment, an existing directory is left alone unless
/// it is to be replaced, and nothing is left beside it.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_of_one_moment() {
    let gleaner = Gleaner::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("snapshot");
    for n in 1..=5 {
        gleaner.send(&attempt(n, &format!("s{n}"), "A", 1, "Paris")).await;
    }
    let (stop, mut stopped) = tokio::sync::watch::channel(false);
    let sending = async {
        for n in 6.. {
            if *stopped.borrow_and_update() {
                break;
            }
            gleaner.send(&attempt(n, &format!("s{n}"), "A", 1, "Paris")).await;
        }
    };
    let taking = async {
        let taken = tokio::task::block_in_place(|| snapshot(&gleaner, &out, &[]));
        stop.send_replace(true);
        taken
    };
    let ((), taken) = tokio::join!(sending, taking);
    assert!(taken.status.success(), "{}", String::from_utf8_lossy(&taken.stderr));
    let first = manifest(&out);
    let attempts = rows(&first, "attempts");
    assert!(attempts >= 5, "{first}");
    for relation in ["sessions", "lineages", "rollouts", "artifacts", "attempt_overview"] {
        assert_eq!(rows(&first, relation), attempts, "{relation}");
    }
    assert_eq!(rows(&first, "execution_spans"), 2 * attempts);
    let refused = snapshot(&gleaner, &out, &[]);
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("--replace"));
    gleaner.send(&attempt(1_000_000, "last", "A", 1, "Paris")).await;
    assert!(snapshot(&gleaner, &out, &["--replace"]).status.success());
    assert!(rows(&manifest(&out), "attempts") > attempts);
    let beside: Vec<_> =
        std::fs::read_dir(folder.path()).expect("a folder").map(|e| e.expect("an entry").file_name()).collect();
    assert_eq!(beside, ["snapshot"]);
}

/// Scenario: the DuckDB file of a snapshot is opened in its directory.
/// Guarantees: every relation can be read from there, columns have the types of the server, and their meaning beside them.
#[tokio::test(flavor = "multi_thread")]
async fn the_duckdb_file_reads_the_parquet_files() {
    let gleaner = Gleaner::start().await;
    gleaner.send(&attempt(1, "s1", "A", 1, "Paris")).await;
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("it's a snapshot");
    let taken = snapshot(&gleaner, &out, &[]);
    assert!(taken.status.success(), "{}", String::from_utf8_lossy(&taken.stderr));
    let reader = gleaner_store::Snapshot::open(&out).expect("opens");
    let relations = reader.rows("SELECT view_name AS name FROM duckdb_views() WHERE NOT internal").expect("views");
    assert_eq!(relations.len(), gleaner_store::PUBLIC_RELATIONS.len());
    let sql = "SELECT output_text, input_messages -> 0 ->> 'role' AS role FROM attempts";
    assert_eq!(reader.rows(sql).expect("rows"), [json!({"output_text": "Paris", "role": "user"})]);
    for relation in gleaner_store::PUBLIC_RELATIONS {
        let told = gleaner.sql(&format!("DESCRIBE {relation}")).await;
        let names = |rows: &[Value]| -> Vec<(Value, Value)> {
            rows.iter().map(|row| (row["column_name"].clone(), row["column_type"].clone())).collect()
        };
        assert_eq!(names(&reader.rows(&format!("DESCRIBE {relation}")).expect("columns")), names(&told), "{relation}");
    }
    let comments = "SELECT count(*) AS n FROM duckdb_columns() WHERE NOT internal AND comment IS NULL";
    assert_eq!(reader.rows(comments).expect("rows"), [json!({"n": 0})]);
}

/// Scenario: the program is killed while it takes a snapshot over an earlier one, at several moments.
/// Guarantees: the earlier one stands whole under its name, and the next snapshot clears up.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_snapshot_leaves_the_earlier_one() {
    let gleaner = Gleaner::start().await;
    gleaner.send(&attempt(1, "s1", "A", 1, "Paris")).await;
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("snapshot");
    assert!(snapshot(&gleaner, &out, &[]).status.success());
    let earlier = manifest(&out);
    gleaner.send(&attempt(2, "s2", "A", 1, "Paris")).await;
    for after_ms in [20, 80, 200] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gleaner"));
        let address = gleaner.running.api.to_string();
        let mut child = command
            .args(["snapshot", "--replace", "--api", &address, "--out"])
            .arg(&out)
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("runs");
        std::thread::sleep(std::time::Duration::from_millis(after_ms));
        child.kill().expect("killed");
        child.wait().expect("ended");
        let found = manifest(&out);
        assert!(found == earlier || rows(&found, "attempts") == 2, "whole, whichever it is");
        assert!(out.join("gleaner.duckdb").is_file() && out.join("attempts.parquet").is_file());
    }
    assert!(snapshot(&gleaner, &out, &["--replace"]).status.success());
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
}
