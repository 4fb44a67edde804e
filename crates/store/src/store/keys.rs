//! Lists of keys on their way into a statement: one JSON parameter, so that every statement has one text and no value is
//! ever part of it.

use std::collections::BTreeSet;

use duckdb::{Connection, Params};
use serde_json::Value;

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
