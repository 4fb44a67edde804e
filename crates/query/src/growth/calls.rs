//! What the arguments of a call say of its result, as far as they are written out.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::{Size, Unbounded};

/// Largest number written out in a call whose result is as large as it says.
const MAX_SIZE: f64 = 10_000.0;
/// What the numbers in a call make of it: they must be written out.
pub(super) fn sized(name: &str, arguments: &[Value]) -> Size {
    let is_list = matches!(name, "range" | "generate_series");
    let numbers = if is_list { arguments } else { arguments.get(1..2).unwrap_or_default() };
    let mut largest = 1.0_f64;
    for number in numbers {
        let written = number["value"]["value"].as_f64().filter(|_| number["class"] == "CONSTANT").map(f64::abs);
        largest = largest.max(written.ok_or_else(|| Unbounded::Function(name.to_owned()))?);
    }
    if largest > MAX_SIZE || arguments.len() > 3 || (is_list && arguments.len() > 2) {
        return Err(Unbounded::Function(name.to_owned()));
    }
    // Eight bytes a number, in a unit of 64 KiB or more.
    Ok(if is_list { (largest / 8192.0).max(1.0) } else { largest })
}

/// The text that is written out here.
pub(super) fn constant(node: &Map<String, Value>) -> Option<&str> {
    let value = node.get("value").filter(|_| text(node, "class") == "CONSTANT")?;
    value.get("value")?.as_str()
}

/// Whether matching tries every place for every wildcard: `LIKE '%a%a_%b'` on 3,000 letters took longer than 20 s, uninterrupted. Patterns of
/// regular expressions never do; of the others LIKE without `_` does not, nor do patterns with wildcards at their ends only.
pub(super) fn backtracks(name: &str, pattern: &str) -> bool {
    if name.starts_with("regexp") || name.starts_with("string_split") || name.starts_with("str_split") {
        return false;
    }
    let is_plain_like = matches!(name, "~~" | "!~~") && !pattern.contains(['_', '\\']);
    !is_plain_like && pattern.trim_matches(['%', '*']).contains(['%', '*', '['])
}

/// Whether it is written out, and does not descend at any depth: what it finds then is no larger than where it looks.
pub(super) fn is_flat_path(path: Option<&Value>) -> bool {
    let is_constant = path.is_some_and(|path| path["class"] == "CONSTANT");
    let written = path.and_then(Value::as_object).and_then(constant);
    is_constant && written.is_none_or(|path| !path.contains("..") && !path.contains("**"))
}

pub(super) fn first_name(node: &Map<String, Value>) -> Option<String> {
    node.get("column_names")?.as_array()?.first()?.as_str().map(str::to_lowercase)
}

/// All names in the head of a lambda.
pub(super) fn names(value: &Value, out: &mut HashSet<String>) {
    match value {
        Value::Object(node) => {
            out.extend(first_name(node));
            node.values().for_each(|child| names(child, out));
        }
        Value::Array(items) => items.iter().for_each(|item| names(item, out)),
        _ => {}
    }
}

pub(super) fn text<'a>(node: &'a Map<String, Value>, key: &str) -> &'a str {
    node.get(key).and_then(Value::as_str).unwrap_or_default()
}
