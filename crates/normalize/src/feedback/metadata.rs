//! `google.protobuf.Struct` as JSON. Nesting is bounded by the decoder's recursion limit.

use gleaner_wire::feedback::{Struct, Value as SentValue, ValueKind};
use gleaner_wire::proto::Message;
use serde_json::{Map, Value, json};

use crate::feedback::Rejection;
use crate::feedback::fields::Fields;

/// The struct as a JSON object, keys in order. Whole numbers become integers, as they were before protobuf.
pub(super) fn json_object(fields: &Fields<'_>, sent: &Struct) -> Result<Map<String, Value>, Rejection> {
    let (bytes, limit) = (sent.encoded_len(), fields.limits.max_text_bytes);
    if bytes > limit {
        return Err(Rejection::new("metadata", format!("at most {limit} bytes, not {bytes}")));
    }
    Ok(object(sent))
}

fn object(sent: &Struct) -> Map<String, Value> {
    sent.fields.iter().map(|(key, value)| (key.clone(), json_value(value))).collect()
}

fn json_value(sent: &SentValue) -> Value {
    match &sent.kind {
        None | Some(ValueKind::NullValue(_)) => Value::Null,
        Some(ValueKind::NumberValue(number)) => number_value(*number),
        Some(ValueKind::StringValue(text)) => Value::String(text.clone()),
        Some(ValueKind::BoolValue(flag)) => Value::Bool(*flag),
        Some(ValueKind::StructValue(inner)) => Value::Object(object(inner)),
        Some(ValueKind::ListValue(list)) => list.values.iter().map(json_value).collect(),
    }
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
