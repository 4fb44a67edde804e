//! Stores that another program made: an older or a newer Gleaner, an older or a newer DuckDB, or no Gleaner at all.

use std::path::Path;
use std::time::Duration;

use duckdb::Connection;
use serde_json::{Value, json};

use crate::harness::{Gleaner, attempt, request, span};

const ROWS: &str = "SELECT * FROM execution_spans ORDER BY trace_id, span_id";
const ATTEMPTS: &str = "SELECT * FROM attempts ORDER BY attempt_id";

fn run(path: &Path, sql: &str) {
    Connection::open(path).expect("opens").execute_batch(sql).expect("runs");
}

/// The checksum of DuckDB's blocks: over their words, behind the 8 bytes that hold it.
fn checksum(block: &[u8]) -> u64 {
    block[8..].chunks_exact(8).fold(5381, |sum, word| {
        let word = u64::from_le_bytes(word.try_into().expect("8 bytes"));
        sum ^ word.wrapping_mul(0xbf58_476d_1ce4_e5b9)
    })
}

/// Makes the file one of a DuckDB that this program does not know: its header says so, and is whole.
fn of_a_later_duckdb(path: &Path) {
    let mut file = std::fs::read(path).expect("reads");
    let header = &mut file[..4096];
    assert_eq!(&header[8..12], b"DUCK");
    assert_eq!(header[..8], checksum(header).to_le_bytes(), "the checksum is computed as DuckDB does");
    header[12..20].copy_from_slice(&9_999u64.to_le_bytes());
    let sum = checksum(header);
    header[..8].copy_from_slice(&sum.to_le_bytes());
    std::fs::write(path, file).expect("writes");
}

/// A store with a few traces and its rows.
async fn stopped(gleaner: Gleaner) -> (tempfile::TempDir, Vec<Value>, Vec<Value>) {
    for trace in 1..=3 {
        gleaner.send(&attempt(trace, "s1", "A", 1, "Paris")).await;
    }
    let (rows, attempts) = (gleaner.sql(ROWS).await, gleaner.sql(ATTEMPTS).await);
    assert_eq!((rows.len(), attempts.len()), (6, 3));
    gleaner.running.shutdown().await.expect("stops");
    (gleaner.dir, rows, attempts)
}

/// Scenario: the store at rest becomes one of another version; the server starts on it, takes telemetry, and is asked to make it anew.
/// Guarantees: it starts and says what to do; the other file is not changed; every row is there again, equal in every column, with what came
/// meanwhile; what was there is kept, so that the program that made it can still read it.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_another_version_is_told_and_made_anew() {
    let (mut dir, rows, attempts) = stopped(Gleaner::start().await).await;
    type Change = fn(&Path);
    let others: [(&str, Change, &str); 4] = [
        (
            "an older schema",
            |path| run(path, "UPDATE schema_info SET version = version - 1"),
            "another version of gleaner",
        ),
        (
            "a newer schema",
            |path| run(path, "UPDATE schema_info SET version = version + 1"),
            "another version of gleaner",
        ),
        (
            "somebody's database",
            |path| {
                std::fs::remove_file(path).expect("removes");
                run(path, "CREATE TABLE theirs (i INTEGER); INSERT INTO theirs VALUES (7)");
            },
            "another version of gleaner",
        ),
        ("a later DuckDB", of_a_later_duckdb, "cannot be opened"),
    ];
    for (n, (what, change, told)) in (1u64..).zip(others) {
        let store = dir.path().join("data/store.duckdb");
        change(&store);
        let changed = std::fs::read(&store).expect("reads");
        let gleaner = Gleaner::start_in(dir).await;
        let (code, text) = gleaner.get("/readyz").await;
        assert_eq!(code, 503, "{what}");
        assert!(text.contains(told) && text.contains("gleaner rebuild"), "{what}: {text}");
        gleaner.send(&request(vec![span(100 + n, 1, 0, "meanwhile", &[])])).await;
        assert!(std::fs::read(&store).expect("reads") == changed, "{what}: the file was changed");
        assert_eq!(gleaner.api("/v1/store/rebuild", &json!({})).await.status(), 202);
        let status: Value = loop {
            let status: Value = serde_json::from_str(&gleaner.get("/v1/store/rebuild").await.1).expect("JSON");
            if status["state"] == "done" || status["state"] == "failed" {
                break status;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        let aside = status["aside"].as_str().unwrap_or_else(|| panic!("{what}: {status}"));
        let kept = gleaner.dir.path().join("data").join(aside).join("store.duckdb");
        assert!(std::fs::read(kept).expect("kept") == changed, "{what}: what is kept is not what was there");
        let after = gleaner.sql(ROWS).await;
        assert!(after[..6] == rows[..], "{what}: the rows differ");
        assert_eq!(after.len() as u64, 6 + n, "{what}");
        assert_eq!(gleaner.sql(ATTEMPTS).await[..].iter().filter(|a| attempts.contains(a)).count(), 3, "{what}");
        gleaner.running.shutdown().await.expect("stops");
        dir = gleaner.dir;
    }
}

/// Scenario: the store's tables are in a file of the format that DuckDB had at 1.0, as an older program would have written it.
/// Guarantees: it is read and loaded into as it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_an_older_duckdb_is_read_and_written() {
    let (dir, rows, _) = stopped(Gleaner::start().await).await;
    let (store, old) = (dir.path().join("data/store.duckdb"), dir.path().join("data/old.duckdb"));
    let (from, to) = (store.display().to_string(), old.display().to_string());
    let copy = [
        "ATTACH '",
        &from,
        "' AS here; ATTACH '",
        &to,
        "' AS there (STORAGE_VERSION 'v1.0.0'); COPY FROM DATABASE here TO there;",
    ];
    Connection::open_in_memory().expect("opens").execute_batch(&copy.concat()).expect("copies");
    std::fs::rename(&old, &store).expect("renames");
    let gleaner = Gleaner::start_in(dir).await;
    assert_eq!(gleaner.get("/readyz").await.0, 200);
    assert!(gleaner.sql(ROWS).await == rows, "the rows differ");
    gleaner.send(&request(vec![span(100, 1, 0, "later", &[])])).await;
    assert_eq!(gleaner.sql(ROWS).await.len(), 7);
}
