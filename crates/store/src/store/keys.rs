//! Lists of keys on their way into a statement: one JSON parameter, so that every statement has one text and no value is
//! ever part of it.

use std::collections::BTreeSet;

use serde_json::Value;

/// The list that [`key_list`] makes, as a relation of two columns.
pub(super) const KEYS: &str =
    "(SELECT key.a, key.b FROM (SELECT unnest(from_json(?, '[{\"a\": \"VARCHAR\", \"b\": \"VARCHAR\"}]')) AS key))";

/// Pairs of (project, key) as the parameter of a statement with [`KEYS`] in it.
pub(super) fn key_list<'a>(keys: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    Value::Array(keys.map(|(a, b)| serde_json::json!({"a": a, "b": b})).collect()).to_string()
}

/// (project, id), in order.
pub(super) type Keys = BTreeSet<(String, String)>;

/// [`key_list`] of a set.
pub(super) fn list(keys: &Keys) -> String {
    key_list(keys.iter().map(|(project, id)| (project.as_str(), id.as_str())))
}
