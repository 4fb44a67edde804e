//! DuckDB's parser alone, in databases of its own that hold nothing and may do nothing.
//!
//! A text is bound as a value, so that nothing of it is planned or run. The databases are kept: to parse takes less time than to open one,
//! or to plan the question on a connection to the store.

use std::sync::{Mutex, PoisonError};

use duckdb::{Config, Connection};

use crate::StoreError;

/// Parsers kept for the next text. More may be in use at once; those are closed afterwards.
const MAX_IDLE: usize = 4;
/// The tree of a text is some hundred times the text.
const MEMORY_LIMIT: &str = "512MiB";

static IDLE: Mutex<Vec<Connection>> = Mutex::new(Vec::new());

/// The syntax tree of a text, as DuckDB's `json_serialize_sql` gives it: JSON, also where the text does not parse or holds statements that
/// are not queries.
///
/// # Errors
/// When DuckDB fails, for want of memory for one.
pub fn syntax_tree(sql: &str) -> Result<String, StoreError> {
    let failed = |e| StoreError::sql("parsing", e);
    // Taking one out cannot leave the others in a bad state.
    let idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let parser = idle.map_or_else(open, Ok).map_err(failed)?;
    let mut statement = parser.prepare_cached("SELECT json_serialize_sql(?::VARCHAR)::VARCHAR").map_err(failed)?;
    let tree = statement.query_row([sql], |row| row.get(0)).map_err(failed)?;
    drop(statement);
    let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
    if idle.len() < MAX_IDLE {
        idle.push(parser);
    }
    Ok(tree)
}

fn open() -> Result<Connection, duckdb::Error> {
    let config = Config::default()
        .with("autoinstall_known_extensions", "false")?
        .with("allow_community_extensions", "false")?
        .enable_autoload_extension(false)?
        .max_memory(MEMORY_LIMIT)?
        .threads(1)?;
    let connection = Connection::open_in_memory_with_flags(config)?;
    connection
        .execute_batch("SET temp_directory = ''; SET enable_external_access = false; SET lock_configuration = true")?;
    Ok(connection)
}

#[cfg(test)]
mod tests;
