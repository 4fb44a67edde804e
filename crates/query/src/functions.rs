//! Which functions a query may call. The list is `functions.txt`, an allow-list: a function that DuckDB adds is refused
//! until someone has looked at it.

use std::collections::HashSet;
use std::sync::LazyLock;

static SCALAR: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    let lines = include_str!("functions.txt").lines().filter(|line| !line.starts_with('#'));
    lines.flat_map(str::split_ascii_whitespace).collect()
});

/// Functions that may stand in FROM.
const TABLE: &[&str] = &["generate_series", "json_each", "json_tree", "range", "unnest"];

/// Functions that make a value as large as a number says, in one step that an interrupt does not reach.
const SIZED: &[&str] = &["array_resize", "bar", "generate_series", "list_resize", "lpad", "range", "repeat", "rpad"];

/// The largest number that may be written out in a call of such a function.
pub(crate) const MAX_LITERAL_SIZE: u64 = 10_000_000;

/// Whether an expression may call this function (lower case).
pub(crate) fn is_scalar_allowed(name: &str) -> bool {
    SCALAR.contains(name)
}

/// Whether FROM may call this function (lower case).
pub(crate) fn is_table_allowed(name: &str) -> bool {
    TABLE.contains(&name)
}

/// Whether the size of this function's result is one of its arguments.
pub(crate) fn is_sized(name: &str) -> bool {
    SIZED.contains(&name)
}

/// Every function that an expression may call.
pub(crate) fn scalars() -> impl Iterator<Item = &'static str> {
    SCALAR.iter().copied()
}

/// Every function that may stand in FROM.
pub(crate) fn tables() -> impl Iterator<Item = &'static str> {
    TABLE.iter().copied()
}
