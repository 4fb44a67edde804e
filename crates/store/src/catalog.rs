//! The DuckDB file of a snapshot: no data, a view over each Parquet file beside it, with what every relation and column means.

use std::path::Path;
use std::sync::Arc;

use duckdb::{AccessMode, Config, Connection};
use serde_json::Value;

use crate::documentation::{RelationDocumentation, documentation};
use crate::reader::hold_little;
use crate::store::lock_configuration;
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
        Ok(Self(Reader::over(connection, None, Arc::default())))
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

/// A database in memory whose only relations are views over the Parquet files of one folder, which are the only files that it sees.
#[derive(Debug)]
pub struct Sandbox(Connection);

impl Sandbox {
    /// Opens the public relations of which `folder` has a file. One thread, no temporary files.
    pub fn open(folder: &Path, memory_limit_bytes: u64) -> Result<Self, StoreError> {
        let failed = |e| StoreError::sql("opening a sandbox", e);
        let config = || {
            Config::default()
                .with("autoinstall_known_extensions", "false")?
                .with("allow_community_extensions", "false")?
                .enable_autoload_extension(false)?
                .max_memory(&format!("{memory_limit_bytes}B"))?
                .threads(1)
        };
        let connection = Connection::open_in_memory_with_flags(config().map_err(failed)?).map_err(failed)?;
        let run = |sql: &str| connection.execute_batch(sql).map_err(failed);
        run("SET temp_directory = ''")?;
        let directory = literal(&[&folder.display().to_string(), "/"].concat());
        run(&["SET allowed_directories = [", &directory, "]"].concat())?;
        run("SET enable_external_access = false")?;
        // Queries may name relations in full, as the running store's are.
        run("ATTACH ':memory:' AS store")?;
        run("CREATE TABLE journal_position AS SELECT 0::UBIGINT AS position")?;
        for relation in documentation() {
            let file = folder.join(parquet_file(relation.name));
            if file.is_file() {
                let columns = columns_of(relation, &file, &connection)?;
                let from = [" FROM read_parquet(", &literal(&file.display().to_string()), ")"].concat();
                run(&["CREATE VIEW ", relation.name, " AS SELECT ", &columns, &from].concat())?;
                run(&["CREATE VIEW store.main.", relation.name, " AS FROM memory.main.", relation.name].concat())?;
            }
        }
        lock_configuration(&connection, "").map_err(failed)?;
        Ok(Self(connection))
    }

    /// Reads it.
    pub fn reader(&self) -> Result<Reader, StoreError> {
        let connection = self.0.try_clone().map_err(|e| StoreError::sql("opening a reader", e))?;
        hold_little(&connection)?;
        Ok(Reader::over(connection, None, Arc::default()))
    }
}

/// The columns that the file has, JSON as such.
fn columns_of(relation: &RelationDocumentation, file: &Path, connection: &Connection) -> Result<String, StoreError> {
    let failed = |e| StoreError::sql("reading the columns of a copy", e);
    let sql = "SELECT name FROM parquet_schema(?) WHERE num_children IS NULL";
    let mut statement = connection.prepare(sql).map_err(failed)?;
    let names = statement.query_map([file.display().to_string()], |row| row.get::<_, String>(0)).map_err(failed)?;
    let names = names.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let json =
        relation.columns.iter().filter(|(name, about)| about.sql_type == "JSON" && names.iter().any(|n| n == name));
    let json: Vec<_> = json.map(|(column, _)| ["\"", column, "\"::JSON AS \"", column, "\""].concat()).collect();
    Ok(if json.is_empty() { "*".to_owned() } else { ["* REPLACE (", &json.join(", "), ")"].concat() })
}
