//! Lists of keys on their way into a statement: one JSON parameter, so that every statement has one text and no value is
//! ever part of it.
//!
//! A table that every commit looks into, and that grows with the store, has [`short_key`]s beside its keys: [`rows_of`] finds with them between
//! which rows those of some keys lie, for 5 ns a row. Statements that read more than that, which is 10 to 20 times as slow, read no more than
//! these rows. What a commit touches was mostly written of late, so they are few; mostly there are none, and no statement.

use std::collections::BTreeSet;

use duckdb::{Connection, Params};
use serde_json::Value;

use crate::tables::short_key;

/// The list that [`key_list`] makes, as a relation of two columns.
pub(super) const KEYS: &str =
    "(SELECT key.a, key.b FROM (SELECT unnest(from_json(?, '[{\"a\": \"VARCHAR\", \"b\": \"VARCHAR\"}]')) AS key))";

/// [`KEYS`] of a parameter by its number, for statements that use one more than once.
pub(super) fn numbered(parameter: usize) -> String {
    KEYS.replace('?', &format!("${parameter}"))
}

/// Pairs of (project, key) as the parameter of a statement with [`KEYS`] in it.
pub(super) fn key_list<'a>(keys: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    Value::Array(keys.map(|(a, b)| serde_json::json!({"a": a, "b": b})).collect()).to_string()
}

/// From the first to the last row, by DuckDB's row ids: they stay as long as the transaction.
pub(super) type RowRange = (i64, i64);

/// Between which rows of a table those lie whose short keys, in a column, are of some (project, id). `None`: there are none. Other rows may lie
/// between them.
pub(super) fn rows_of<'a>(
    connection: &Connection,
    table: &'static str,
    column: &'static str,
    keys: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<Option<RowRange>, duckdb::Error> {
    let keys: Vec<u64> = keys.map(|(project, id)| short_key(project, id)).collect();
    if keys.is_empty() {
        return Ok(None);
    }
    let query = format!(
        "SELECT min(rowid), max(rowid) FROM {table} WHERE {column} IN (SELECT unnest(from_json(?, '[\"UBIGINT\"]')))"
    );
    let mut statement = connection.prepare_cached(&query)?;
    let (first, last): (Option<i64>, Option<i64>) =
        statement.query_row([Value::from(keys).to_string()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(first.zip(last))
}

/// (project, id), in order.
pub(super) type Keys = BTreeSet<(String, String)>;

/// The keys that a query gives.
pub(super) fn read_keys(connection: &Connection, query: &str, params: impl Params) -> Result<Keys, duckdb::Error> {
    let mut statement = connection.prepare_cached(query)?;
    let rows = statement.query_map(params, |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

/// [`key_list`] of a set.
pub(super) fn list(keys: &Keys) -> String {
    key_list(keys.iter().map(|(project, id)| (project.as_str(), id.as_str())))
}
