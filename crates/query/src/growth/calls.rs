//! What the arguments of a call say of its result, as far as they are written out.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::{Size, UNIT_BYTES, Unbounded};

/// Largest number written out in a call whose result is as large as it says.
const MAX_SIZE: f64 = 10_000.0;
/// How large the numbers in a call make its result, in units: they must be written out. `given` is what all its arguments are together.
pub(super) fn sized(name: &str, arguments: &[Value], given: f64) -> Size {
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
    Ok(match name {
        // Sixteen bytes a number, though they are eight: functions of lists take longer than those of texts.
        "range" | "generate_series" => largest * 16.0 / UNIT_BYTES,
        // Given `'x'`, that is a byte of a unit.
        "repeat" => largest * given.max(1.0 / UNIT_BYTES),
        // Up to so many characters.
        _ => given + largest * 4.0 / UNIT_BYTES,
    })
}

/// The length of a pattern with its repetitions, each within another as often as that is repeated.
pub(super) fn pattern_work(name: &str, pattern: &str) -> f64 {
    if !name.starts_with("regexp") && !name.contains("regex") {
        return 1.0;
    }
    let counts = pattern.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(counts, _)| counts);
    let largest = counts.flat_map(|counts| counts.split(',')).filter_map(|count| count.trim().parse::<f64>().ok());
    // `\d{4}` repeats one character, `(…){4}` may repeat all of it.
    let (mut times, mut more) = (1.0_f64, 0.0_f64);
    for count in largest {
        if pattern.contains("){") { times *= count.max(1.0) } else { more += count }
    }
    pattern.len() as f64 * times + more
}

/// Longest text that is replaced: each place of the other is held against it.
const MAX_REPLACED_BYTES: usize = 256;

/// How many times longer `replace` makes a text, where both are written out.
pub(super) fn replacement(arguments: &[Value]) -> Option<f64> {
    let written = |index: usize| arguments.get(index).and_then(Value::as_object).and_then(constant);
    let (from, to) = (written(1)?, written(2)?);
    let is_short = !from.is_empty() && from.len() <= MAX_REPLACED_BYTES;
    is_short.then(|| (to.len() as f64 / from.len() as f64).max(1.0))
}

/// Whether a FROM has several parts, whose rows are joined.
pub(super) fn is_join(from: Option<&Value>) -> bool {
    from.is_some_and(|from| from["type"] == "JOIN")
}

/// How many combinations of the values in the IN lists of a PIVOT there are.
pub(super) fn entries(pivots: Option<&Value>) -> usize {
    let pivots = pivots.and_then(Value::as_array).into_iter().flatten();
    pivots
        .map(|pivot| pivot["entries"].as_array().map_or(0, Vec::len))
        .fold(1_usize, |all, n| all.saturating_mul(n.max(1)))
}

/// Whether a list in it becomes rows.
pub(super) fn calls_unnest(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Array(items)) => items.iter().any(|item| calls_unnest(Some(item))),
        Some(Value::Object(node)) => {
            matches!(text(node, "function_name").to_ascii_lowercase().as_str(), "unnest" | "generate_subscripts")
                || node.values().any(|child| calls_unnest(Some(child)))
        }
        _ => false,
    }
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
