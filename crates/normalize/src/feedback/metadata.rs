//! `google.protobuf.Struct` as JSON.
//!
//! The struct is read from its own encoding, since the types that hold it decoded belong to the wire's dependencies. What is
//! read here was decoded and encoded by the protobuf library before, so nothing in it is malformed; nesting is bounded by
//! the library's recursion limit.

use gleaner_wire::proto::Message;
use serde_json::{Map, Value, json};

use crate::feedback::Rejection;
use crate::feedback::fields::Fields;

/// The struct as a JSON object, keys in order. Whole numbers become integers, as they were before protobuf.
pub(super) fn json_object(fields: &Fields<'_>, sent: &impl Message) -> Result<Map<String, Value>, Rejection> {
    const FIELD: &str = "metadata";
    let (bytes, limit) = (sent.encoded_len(), fields.limits.max_text_bytes);
    if bytes > limit {
        return Err(Rejection::new(FIELD, format!("at most {limit} bytes, not {bytes}")));
    }
    object(&sent.encode_to_vec()).ok_or_else(|| Rejection::new(FIELD, "is malformed"))
}

/// `Struct { map<string, Value> fields = 1; }`
fn object(encoded: &[u8]) -> Option<Map<String, Value>> {
    let mut object = Map::new();
    each_field(encoded, |_, entry| {
        let (mut key, mut value) = (String::new(), Value::Null);
        each_field(entry.bytes()?, |number, field| {
            match number {
                1 => key = text(field.bytes()?)?,
                _ => value = json_value(field.bytes()?)?,
            }
            Some(())
        })?;
        object.insert(key, value);
        Some(())
    })?;
    object.sort_keys();
    Some(object)
}

/// `Value { oneof kind { null = 1; number = 2; string = 3; bool = 4; struct = 5; list = 6 } }`
fn json_value(encoded: &[u8]) -> Option<Value> {
    let mut value = Value::Null;
    each_field(encoded, |number, field| {
        value = match (number, field) {
            (2, Field::Fixed64(bits)) => number_value(f64::from_bits(bits)),
            (3, Field::Bytes(bytes)) => Value::String(text(bytes)?),
            (4, Field::Varint(bit)) => Value::Bool(bit != 0),
            (5, Field::Bytes(bytes)) => Value::Object(object(bytes)?),
            (6, Field::Bytes(bytes)) => {
                let mut items = Vec::new();
                each_field(bytes, |_, item| {
                    items.push(json_value(item.bytes()?)?);
                    Some(())
                })?;
                Value::Array(items)
            }
            _ => Value::Null,
        };
        Some(())
    })?;
    Some(value)
}

fn number_value(number: f64) -> Value {
    const MAX_EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= MAX_EXACT {
        return json!(number as i64);
    }
    let non_finite = || match number {
        number if number.is_nan() => "NaN",
        number if number > 0.0 => "Infinity",
        _ => "-Infinity",
    };
    serde_json::Number::from_f64(number).map_or_else(|| json!({"$double": non_finite()}), Value::Number)
}

fn text(bytes: &[u8]) -> Option<String> {
    String::from_utf8(bytes.to_vec()).ok()
}

enum Field<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
}

impl<'a> Field<'a> {
    fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

fn each_field<'a>(mut rest: &'a [u8], mut visit: impl FnMut(u64, Field<'a>) -> Option<()>) -> Option<()> {
    while !rest.is_empty() {
        let tag = varint(&mut rest)?;
        let field = match tag & 7 {
            0 => Field::Varint(varint(&mut rest)?),
            1 => {
                let (bits, after) = rest.split_first_chunk::<8>()?;
                rest = after;
                Field::Fixed64(u64::from_le_bytes(*bits))
            }
            2 => {
                let length = usize::try_from(varint(&mut rest)?).ok()?;
                let (bytes, after) = rest.split_at_checked(length)?;
                rest = after;
                Field::Bytes(bytes)
            }
            _ => return None,
        };
        visit(tag >> 3, field)?;
    }
    Some(())
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
