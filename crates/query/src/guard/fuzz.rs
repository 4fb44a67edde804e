//! Texts that nobody wrote: pieces of the corpora put together and cut up. The guard's verdict is held against DuckDB.
//!
//! More cases than the default: `PROPTEST_CASES=20000 cargo test -p gleaner-query fuzz`.

use std::path::Path;

use duckdb::Connection;
use gleaner_store::{Reader, Store};
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const LIMIT: usize = 64 << 10;
/// What stands in the file that no query may read.
const SECRET: &str = "the canary sings at dawn";

/// All statements of the corpora.
fn corpus() -> Vec<String> {
    let corpora = [
        include_str!("../../tests/refused.sql"),
        include_str!("../../tests/runaways.sql"),
        include_str!("../../tests/allowed.sql"),
    ];
    let statement = |entry: &str| entry.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
    let statements = corpora.iter().flat_map(|corpus| corpus.split("\n\n")).map(statement);
    statements.filter(|sql| !sql.trim().is_empty()).collect()
}

/// What lexers stumble over.
const NOISE: &[&str] = &[
    ";",
    "'",
    "\"",
    "--",
    "/*",
    "*/",
    "$$",
    "$a$",
    "\\",
    "\n",
    "(",
    ")",
    ",",
    " ",
    "::",
    "U&'\\0041'",
    "E'\\''",
    "x'41'",
    "\u{a0}",
    "\u{200b}",
    "ü",
    "💥",
    "AS",
    "FROM",
    "SELECT",
    "read_text('CANARY')",
    "'CANARY'",
    "\"CANARY\"",
    "span_facts",
    "main.",
    "store.main.",
    "system.",
    "->",
    "?",
    "$1",
    "$x",
    "COPY",
    "EXPLAIN",
    "DESCRIBE",
    "WITH",
    "LATERAL",
    "attempts",
    "*",
    "COLUMNS(*)",
    "#1",
];

fn text() -> impl Strategy<Value = String> {
    let piece = || select(corpus());
    let joined = (piece(), piece(), 0..14_usize).prop_map(|(a, b, how)| match how {
        0 => format!("SELECT * FROM ({a}) x, ({b}) y"),
        1 => format!("WITH q AS ({a}) {b}"),
        2 => format!("{a} UNION ALL {b}"),
        3 => format!("{a}; {b}"),
        4 => format!("SELECT ({a}), ({b})"),
        5 => format!("/* {a} */ {b}"),
        6 => format!("{a} -- {b}"),
        7 => format!("SELECT * FROM attempts WHERE status IN ({a}) ORDER BY ({b})"),
        8 => format!("EXPLAIN {a}"),
        9 => format!("DESCRIBE {a}"),
        10 => format!("WITH RECURSIVE q AS ({a} UNION ALL {b}) FROM q"),
        11 => format!("SELECT list_transform([1], x -> ({a}))"),
        12 => format!("FROM (PIVOT ({a}) ON status IN (({b})) USING count(*))"),
        _ => a,
    });
    let cut = (joined, prop::collection::vec((any::<prop::sample::Index>(), select(NOISE), 0..3_usize), 0..3));
    cut.prop_map(|(mut text, edits)| {
        for (place, noise, how) in edits {
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            if places.is_empty() {
                break;
            }
            let at = *place.get(&places);
            match how {
                0 => text.insert_str(at, noise),
                1 => text.truncate(at),
                _ => {
                    text.remove(at);
                }
            }
        }
        text
    })
}

/// A database that would let anything happen: the store's views as empty tables, all files open.
fn open_house() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch("ATTACH ':memory:' AS store; SET memory_limit = '300MB'; SET threads = 1").unwrap();
    for relation in gleaner_store::documentation() {
        let columns: Vec<_> =
            relation.columns.iter().map(|(name, about)| format!("\"{name}\" {}", about.sql_type)).collect();
        for schema in ["memory.main", "store.main"] {
            let sql = format!("CREATE TABLE {schema}.{} ({})", relation.name, columns.join(", "));
            connection.execute_batch(&sql).unwrap();
        }
    }
    connection.execute_batch("CREATE TABLE span_facts AS SELECT 'the canary sings at dawn' AS body").unwrap();
    connection
}

/// What there is in it, and what was set.
fn state(connection: &Connection) -> String {
    let sql = "SELECT string_agg(x, ',' ORDER BY x) FROM (SELECT database_name || '.' || table_name || estimated_size AS x FROM duckdb_tables()
               UNION ALL SELECT view_name FROM duckdb_views() WHERE NOT internal UNION ALL SELECT name || value FROM duckdb_settings()
               UNION ALL SELECT database_name FROM duckdb_databases() UNION ALL SELECT function_name FROM duckdb_functions() WHERE NOT internal)";
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// Everything that a query answers, as text.
fn answer(connection: &Connection, sql: &str) -> String {
    let Ok(mut statement) = connection.prepare(sql) else { return String::new() };
    let nulls = vec![duckdb::types::Value::Null; statement.parameter_count()];
    if statement.stream_arrow(duckdb::params_from_iter(nulls)).is_err() {
        return String::new();
    }
    let mut text = String::new();
    for _ in 0..3 {
        let Ok(Some(rows)) = statement.step() else { break };
        text.push_str(&format!("{rows:?}"));
    }
    text
}

/// The verdict in a word: what passed, or why not.
fn verdict(sql: &str) -> String {
    match check(sql, LIMIT) {
        Ok(Checked::ShowTables) => "show tables".to_owned(),
        Ok(Checked::Query(passed)) => format!("passed, {:?}", passed.unbounded),
        Err(QueryError::RefusedAt { error, .. }) => error.to_string(),
        Err(error) => error.to_string(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Guarantees: whatever is sent, the guard answers; what it passes is one statement to DuckDB, changes nothing and shows no file
    /// where DuckDB itself would allow both; and the same query in DuckDB's own words gets the same verdict.
    #[test]
    fn the_verdict_holds_against_duckdb(text in text()) {
        thread_local! {
            static PLACE: (Reader, Connection, tempfile::TempDir, String) = {
                let folder = tempfile::tempdir().unwrap();
                std::fs::write(folder.path().join("canary.txt"), SECRET).unwrap();
                let house = open_house();
                let before = state(&house);
                (Store::open_in_memory().unwrap().reader().unwrap(), house, folder, before)
            };
        }
        PLACE.with(|(reader, house, folder, before)| {
            let canary = folder.path().join("canary.txt");
            let text = with_canary(&text, &canary);
            let Ok(Checked::Query(passed)) = check(&text, LIMIT) else { return Ok(()) };
            // DuckDB's own words for the tree that the guard walked.
            if explained(&text).is_none() {
                let tree = serde_json::json!({"error": false, "statements": [passed.statement]}).to_string();
                let sql = "SELECT json_deserialize_sql(?::JSON) AS sql";
                if let Ok(rows) = reader.rows(sql, &[serde_json::json!(tree)]) {
                    let own = rows[0]["sql"].as_str().unwrap_or_default();
                    prop_assert_eq!(verdict(own), format!("passed, {:?}", passed.unbounded), "{}\n{}", &text, own);
                }
            }
            if passed.unbounded.is_none() {
                let told = answer(house, &text);
                prop_assert!(!told.contains(SECRET), "{} showed {}", &text, told);
                prop_assert_eq!(&state(house), before, "{} changed something", &text);
                prop_assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "{} made a file", &text);
            }
            Ok(())
        })?;
    }
}

fn with_canary(text: &str, canary: &Path) -> String {
    let path = canary.display().to_string();
    text.replace("CANARY", &path).replace("/etc/passwd", &path).replace("data.csv", &path)
}

/// Guarantees: the fuzz test's open house is open: without the guard the canary is heard, and a table is made.
#[test]
fn the_house_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let canary = folder.path().join("canary.txt");
    std::fs::write(&canary, SECRET).unwrap();
    let house = open_house();
    let before = state(&house);
    assert!(answer(&house, &with_canary("SELECT content FROM read_text('CANARY')", &canary)).contains(SECRET));
    assert!(answer(&house, "SELECT body FROM span_facts").contains(SECRET));
    answer(&house, "CREATE TABLE left_over AS SELECT 1; SELECT 2");
    assert_ne!(state(&house), before);
    assert!(corpus().len() > 250, "{}", corpus().len());
}
