//! Attribute values as conventions meet them: native, JSON in a string, JSON in a string twice, numbers as strings.
//!
//! Nothing here knows a key. Reading never fails: what is not of the wanted type is absent.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

mod cut;
mod python;

pub(crate) use cut::whole_fields;
pub(crate) use python::{python, python_fields};

/// Whole values that stand for content which the client hid.
const REDACTED: &[&str] = &["__REDACTED__", "<REDACTED>", "[REDACTED]", "[redacted]", "<redacted>"];

/// Whether a value says nothing: null, empty, `N/A`, ADK's `<not specified>`, an object that Python printed by its address, or
/// a marker in place of hidden content.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => is_empty_text(text),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// [`is_empty`] for text.
pub(crate) fn is_empty_text(text: &str) -> bool {
    text.is_empty() || matches!(text, "N/A" | "<not specified>") || is_address(text) || is_redacted(text)
}

/// `<groq.Stream object at 0x7fc6aa36c110>`, `<async_generator object Base.stream at 0x7fc6aa36c110>`: a stream that nobody had
/// read yet, and the like, also as JSON text.
fn is_address(text: &str) -> bool {
    let text = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    let Some(inner) = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) else { return false };
    let Some((name, address)) = inner.split_once(" at 0x") else { return false };
    let (class, of) =
        name.split_once(" object ").or_else(|| Some((name.strip_suffix(" object")?, ""))).unwrap_or_default();
    // Functions inside others are named `outer.<locals>.inner`.
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'<' | b'>');
    !class.is_empty()
        && class.bytes().chain(of.bytes()).all(is_name)
        && address.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether a text is nothing but a marker for hidden content.
pub(crate) fn is_redacted(text: &str) -> bool {
    REDACTED.contains(&text) || text.starts_with("[Scrubbed due to ")
}

/// The structure in a value: JSON text is parsed, and once more where it held JSON text again. Anything else is itself.
pub(crate) fn structured(value: &Value) -> Value {
    match value {
        Value::String(text) => match json(text) {
            Some(Value::String(inner)) => json(&inner).unwrap_or(Value::String(inner)),
            Some(parsed) => parsed,
            None => value.clone(),
        },
        _ => value.clone(),
    }
}

/// Parses text that looks like a JSON object, array or string; of one that was cut off what is complete.
pub(crate) fn json(text: &str) -> Option<Value> {
    let trimmed = text.trim_start();
    if !trimmed.starts_with(['{', '[', '"']) {
        return None;
    }
    match serde_json::from_str(trimmed) {
        Ok(value) => Some(value),
        Err(error) if error.is_eof() => cut::complete_part(trimmed),
        Err(_) => None,
    }
}

/// Text as it was sent; other values as JSON. Empty values are absent.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        _ if is_empty(value) => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// A whole number, also from a double or from text.
pub(crate) fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(n) => n.as_i64().or_else(|| n.as_f64().and_then(whole)),
        Value::String(text) => text.trim().parse().ok().or_else(|| text.trim().parse().ok().and_then(whole)),
        _ => None,
    }
}

fn whole(number: f64) -> Option<i64> {
    // 2^53: above it a double does not tell one whole number from the next.
    (number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0).then_some(number as i64)
}

/// A finite number, also from text.
pub(crate) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(n) => n.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
    .filter(|number: &f64| number.is_finite())
}

/// The first of several keys of an object that says something.
pub(crate) fn first<'a>(map: &'a Map<String, Value>, keys: &[&str]) -> Option<&'a Value> {
    keys.iter().filter_map(|key| map.get(*key)).find(|value| !is_empty(value))
}

/// [`first`], as text.
pub(crate) fn first_text(map: &Map<String, Value>, keys: &[&str]) -> Option<String> {
    first(map, keys).and_then(text)
}

/// [`first`], where it is a string.
pub(crate) fn first_str<'a>(map: &'a Map<String, Value>, keys: &[&str]) -> Option<&'a str> {
    keys.iter().filter_map(|key| map.get(*key)?.as_str()).find(|text| !is_empty_text(text))
}

/// The list that flattened keys stand for: `<prefix>.0.message.role`, `<prefix>.1.…` become `[{"message": {"role": …}}, …]`.
///
/// Indexes only order the elements: gaps close, and a huge index costs nothing.
pub(crate) fn unflatten(attributes: &Map<String, Value>, prefix: &str) -> Vec<Value> {
    match nested(attributes, prefix) {
        Value::Array(items) => items,
        _ => Vec::new(),
    }
}

/// The object or list that flattened keys below the prefix stand for; null where there is none.
pub(crate) fn nested(attributes: &Map<String, Value>, prefix: &str) -> Value {
    let mut root = Node::default();
    for (key, value) in attributes {
        let path = key.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.'));
        if let Some(path) = path.filter(|path| path.split('.').count() <= MAX_DEPTH) {
            root.insert(path.split('.'), value);
        }
    }
    root.into_value()
}

/// Deepest path that [`unflatten`] follows; real ones have at most eight segments.
const MAX_DEPTH: usize = 32;

#[derive(Default)]
struct Node {
    leaf: Option<Value>,
    children: BTreeMap<Segment, Node>,
}

/// Numbers first and in numeric order.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Index(u64),
    Name(String),
}

impl Node {
    fn insert<'a>(&mut self, mut path: impl Iterator<Item = &'a str>, value: &Value) {
        match path.next() {
            None => self.leaf = Some(value.clone()),
            Some(segment) => {
                let segment = segment.parse().map_or_else(|_| Segment::Name(segment.to_owned()), Segment::Index);
                self.children.entry(segment).or_default().insert(path, value);
            }
        }
    }

    fn into_value(self) -> Value {
        if self.children.is_empty() {
            return self.leaf.unwrap_or(Value::Null);
        }
        let is_list = self.children.keys().all(|segment| matches!(segment, Segment::Index(_)));
        if is_list {
            return self.children.into_values().map(Self::into_value).collect();
        }
        let fields = self.children.into_iter().map(|(segment, node)| match segment {
            Segment::Index(index) => (index.to_string(), node.into_value()),
            Segment::Name(name) => (name, node.into_value()),
        });
        Value::Object(fields.collect())
    }
}

#[cfg(test)]
mod tests;
