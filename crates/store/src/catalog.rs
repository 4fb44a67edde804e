//! The DuckDB file of a snapshot: no data, a view over each Parquet file beside it, with what every relation and column means.

use std::path::Path;

use duckdb::{AccessMode, Config, Connection};
use serde_json::Value;

use crate::documentation::documentation;
use crate::{Reader, StoreError};

/// Makes `dir/file` over `dir/<relation>.parquet`. The views name their files without a folder: DuckDB looks for them where it was started.
pub fn write_catalog(dir: &Path, file: &str) -> Result<(), StoreError> {
    let path = dir.join(file);
    let open = || Connection::open_with_flags(&path, Config::default().enable_autoload_extension(false)?);
    let connection = open().map_err(|e| StoreError::open(&path, &e))?;
    let sql = |e| StoreError::sql("making the snapshot's views", e);
    // A view is bound when it is made, so its file must be found now; the setting is not kept in the file.
    let search = ["SET file_search_path = ", &literal(&dir.display().to_string())].concat();
    connection.execute_batch(&search).map_err(sql)?;
    // Names and comments are constants of this program; none of these statements takes parameters.
    for relation in documentation() {
        let json = relation.columns.iter().filter(|(_, about)| about.sql_type == "JSON");
        let json: Vec<_> = json.map(|(column, _)| ["\"", column, "\"::JSON AS \"", column, "\""].concat()).collect();
        let columns = if json.is_empty() { "*".to_owned() } else { ["* REPLACE (", &json.join(", "), ")"].concat() };
        let from = [" FROM read_parquet(", &literal(&parquet_file(relation.name)), ")"].concat();
        let view = ["CREATE VIEW ", relation.name, " AS SELECT ", &columns, &from].concat();
        connection.execute_batch(&view).map_err(sql)?;
        let comment = ["COMMENT ON VIEW ", relation.name, " IS ", &literal(&relation.about)].concat();
        connection.execute_batch(&comment).map_err(sql)?;
        for (column, about) in &relation.columns {
            let column = [relation.name, ".\"", column, "\""].concat();
            let comment = ["COMMENT ON COLUMN ", &column, " IS ", &literal(&about.description())].concat();
            connection.execute_batch(&comment).map_err(sql)?;
        }
    }
    connection.execute_batch("CHECKPOINT").map_err(sql)?;
    connection.close().map_err(|(_, e)| sql(e))
}

/// A snapshot, open for reading as its users would open it: by the DuckDB file, which a process may share with others.
#[derive(Debug)]
pub struct Snapshot(Reader);

impl Snapshot {
    /// Opens `dir/gleaner.duckdb`; its Parquet files are looked for in `dir`, wherever this process was started.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join("gleaner.duckdb");
        let open = || {
            let config = Config::default().enable_autoload_extension(false)?.access_mode(AccessMode::ReadOnly)?;
            Connection::open_with_flags(&path, config)
        };
        let connection = open().map_err(|e| StoreError::open(&path, &e))?;
        let search = ["SET file_search_path = ", &literal(&dir.display().to_string())].concat();
        connection.execute_batch(&search).map_err(|e| StoreError::sql("opening the snapshot", e))?;
        Ok(Self(Reader::over(connection)))
    }

    /// All rows of a query, as [`Reader::rows`] gives them.
    pub fn rows(&self, sql: &str) -> Result<Vec<Value>, StoreError> {
        Ok(self.0.rows(sql, &[])?.into_iter().map(Value::Object).collect())
    }
}

/// Name of the file that holds a relation.
pub fn parquet_file(relation: &str) -> String {
    [relation, ".parquet"].concat()
}

fn literal(text: &str) -> String {
    ["'", &text.replace('\'', "''"), "'"].concat()
}
