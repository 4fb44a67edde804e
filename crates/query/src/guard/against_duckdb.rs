//! The guard's verdict on a text, held against DuckDB: for the property test, and for the fuzz target, which includes this file.
//!
//! What the guard passes goes to a DuckDB that would let anything happen. There it must be one query that changes nothing and shows no file;
//! and the same query in DuckDB's own words must get the same verdict. What it refuses is not looked at: to refuse too much is no danger.

use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use duckdb::Connection;
use gleaner_store::{Reader, Store, syntax_tree};
use serde_json::json;

use super::{Checked, QueryError, check};

/// What stands in the file, and in the table, that no query may read.
const SECRET: &str = "the canary sings at dawn";
const LIMIT_BYTES: usize = 64 << 10;
/// A query that takes longer is interrupted: some would take years. A server has its deadline for them.
const PATIENCE: Duration = Duration::from_millis(500);

/// A database with all files open, whose one file is in a folder of its own.
pub(super) struct House {
    connection: Connection,
    reader: Reader,
    folder: tempfile::TempDir,
    before: String,
}

impl House {
    /// The store's views as empty tables in it, and a file with a secret.
    pub(super) fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("canary.txt"), SECRET).expect("writes");
        let connection = Connection::open_in_memory().expect("a database");
        let run = |sql: &str| connection.execute_batch(sql).expect("runs");
        // A query that needs more memory fails; to spill would set a folder, which looks like a change.
        run("ATTACH ':memory:' AS store; SET memory_limit = '300MB'; SET threads = 1; SET temp_directory = ''");
        for relation in gleaner_store::documentation() {
            let columns: Vec<_> =
                relation.columns.iter().map(|(name, about)| format!("\"{name}\" {}", about.sql_type)).collect();
            for schema in ["memory.main", "store.main"] {
                run(&format!("CREATE TABLE {schema}.{} ({})", relation.name, columns.join(", ")));
            }
        }
        run(&format!("CREATE TABLE span_facts AS SELECT '{SECRET}' AS body"));
        let reader = Store::open_in_memory().and_then(|store| store.reader()).expect("a reader");
        let before = state(&connection);
        Self { connection, reader, folder, before }
    }

    /// The text with the secret file's path in it, where it names a file.
    pub(super) fn with_canary(&self, text: &str) -> String {
        let path = self.canary().display().to_string();
        text.replace("CANARY", &path).replace("/etc/passwd", &path).replace("data.csv", &path)
    }

    /// What is wrong with the guard's verdict, if something is.
    pub(super) fn judge(&self, text: &str) -> Result<(), String> {
        let Ok(Checked::Query(passed)) = check(text, LIMIT_BYTES) else { return Ok(()) };
        let own = self.own_words(text);
        let (verdict, expected) = (own.as_deref().map(verdict), format!("passed, {:?}", passed.unbounded));
        if let Some(verdict) = verdict.filter(|verdict| *verdict != expected) {
            let own = own.unwrap_or_default();
            return Err(format!("{text}\n{expected}, but in DuckDB's own words:\n{own}\n{verdict}"));
        }
        // It would only take long.
        if passed.unbounded.is_some() {
            return Ok(());
        }
        let told = self.answer(text);
        if Self::has_told(&told) {
            return Err(format!("{text} showed {told}"));
        }
        if self.has_changed() {
            return Err(format!("{text} changed something"));
        }
        Ok(())
    }

    /// Everything that a query answers, as text; of many rows the first.
    pub(super) fn answer(&self, sql: &str) -> String {
        let interrupt = self.connection.interrupt_handle();
        let (ended, end) = mpsc::channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                // Asked more than once: what is planned hears nothing.
                while end.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
                    interrupt.interrupt();
                }
            });
            let answer = self.answer_at_last(sql);
            drop(ended);
            answer
        })
    }

    fn answer_at_last(&self, sql: &str) -> String {
        let Ok(mut statement) = self.connection.prepare(sql) else { return String::new() };
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

    /// Whether something was made, dropped or set, in the database or beside it.
    pub(super) fn has_changed(&self) -> bool {
        let files = std::fs::read_dir(self.folder.path()).expect("a folder").count();
        let secret = std::fs::read_to_string(self.canary()).unwrap_or_default();
        files != 1 || secret != SECRET || state(&self.connection) != self.before
    }

    pub(super) fn has_told(answer: &str) -> bool {
        answer.contains(SECRET)
    }

    fn canary(&self) -> std::path::PathBuf {
        Path::new(self.folder.path()).join("canary.txt")
    }

    /// The tree that the guard walked, written by DuckDB. Of an EXPLAIN there is none.
    fn own_words(&self, text: &str) -> Option<String> {
        let tree = syntax_tree(text).expect("DuckDB answers");
        let rows = self.reader.rows("SELECT json_deserialize_sql(?::JSON) AS sql", &[json!(tree)]).ok()?;
        rows.first()?["sql"].as_str().map(str::to_owned)
    }
}

/// What there is in it, and what was set.
fn state(connection: &Connection) -> String {
    let sql = "SELECT string_agg(x, ',' ORDER BY x) FROM (SELECT database_name || '.' || table_name || estimated_size AS x FROM duckdb_tables()
               UNION ALL SELECT view_name FROM duckdb_views() WHERE NOT internal UNION ALL SELECT name || value FROM duckdb_settings()
               UNION ALL SELECT database_name FROM duckdb_databases() UNION ALL SELECT function_name FROM duckdb_functions() WHERE NOT internal)";
    connection.query_row(sql, [], |row| row.get(0)).expect("a state")
}

/// The verdict in a word: what passed, or why not.
fn verdict(sql: &str) -> String {
    match check(sql, LIMIT_BYTES) {
        Ok(Checked::ShowTables) => "show tables".to_owned(),
        Ok(Checked::Query(passed)) => format!("passed, {:?}", passed.unbounded),
        Err(QueryError::RefusedAt { error, .. }) => error.to_string(),
        Err(error) => error.to_string(),
    }
}
