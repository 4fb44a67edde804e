//! JSON that was cut off: SDKs cut attribute values at a length, without a mark or with one.
//!
//! What was whole before the cut is kept: complete elements of arrays, and fields of the objects around them. A message that
//! was cut in two is no message. Nothing is guessed, not even a number, which may have lost its last digits. Linear in the
//! text.

use serde_json::{Map, Value};

/// The complete part of cut-off JSON; `None` if nothing is complete, or if the text is no JSON up to the cut.
pub(super) fn complete_part(text: &str) -> Option<Value> {
    complete(text, |around| around.is_object && around.is_kept)
}

/// The complete fields of a cut-off object: of an array that was cut there is nothing. `None` where no field is complete.
pub(crate) fn whole_fields(text: &str) -> Option<Map<String, Value>> {
    match complete(text.trim_start(), |_| false)? {
        Value::Object(fields) if !fields.is_empty() => Some(fields),
        _ => None,
    }
}

/// `keeps_part` tells whether what was cut within a container is worth keeping; of the outermost it is.
fn complete(text: &str, keeps_part: impl Fn(&Open) -> bool) -> Option<Value> {
    let bytes = text.as_bytes();
    let mut open: Vec<Open> = Vec::new();
    // Up to where the text is whole, and how many brackets are open there.
    let mut whole = None;
    let mut at = 0;
    while at < bytes.len() {
        let ends_value = match bytes[at] {
            bracket @ (b'{' | b'[') => {
                let (is_object, is_kept) = (bracket == b'{', open.last().is_none_or(&keeps_part));
                open.push(Open { is_object, awaits_key: is_object, is_kept });
                false
            }
            b'}' | b']' => open.pop().is_some(),
            b'"' => {
                let Some(end) = end_of_string(bytes, at) else { break };
                at = end;
                !open.last().is_some_and(|container| container.awaits_key)
            }
            separator @ (b':' | b',') => {
                if let Some(container) = open.last_mut() {
                    container.awaits_key = container.is_object && separator == b',';
                }
                false
            }
            byte if byte.is_ascii_whitespace() => false,
            _ => {
                let rest = &text[at..];
                let Some(length) = rest.find([',', ']', '}', ' ', '\t', '\r', '\n']) else { break };
                // A mark in place of the rest.
                if !is_scalar(&rest[..length]) {
                    break;
                }
                at += length - 1;
                true
            }
        };
        at += 1;
        if ends_value && open.last().is_none_or(|container| container.is_kept) {
            whole = Some((at, open.len()));
        }
    }
    let (end, depth) = whole?;
    open.truncate(depth);
    let closing = open.iter().rev().map(|container| if container.is_object { '}' } else { ']' });
    serde_json::from_str(&text[..end].chars().chain(closing).collect::<String>()).ok()
}

fn is_scalar(text: &str) -> bool {
    matches!(text, "true" | "false" | "null") || text.starts_with(|first: char| first == '-' || first.is_ascii_digit())
}

struct Open {
    is_object: bool,
    awaits_key: bool,
    /// Whether a part of it is worth keeping: not of an array's element.
    is_kept: bool,
}

/// Place of the quote that ends the string which begins at `start`.
fn end_of_string(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return Some(at),
            _ => at += 1,
        }
    }
    None
}

#[cfg(test)]
mod tests;
