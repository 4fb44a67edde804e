//! How texts, arguments and finish reasons compare: what is written in two ways is the same.

use serde_json::Value;

/// White space, the separators of ASCII included.
pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// One space where there is any white space, none at the ends.
pub(crate) fn normal(text: &str) -> String {
    text.split(is_space).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// JSON text as what it holds; anything else is itself.
pub(crate) fn parsed(value: &Value) -> Value {
    value.as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_else(|| value.clone())
}

/// Every string, number and flag in a value as text.
pub(crate) fn leaves(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::String(text) => vec![text.clone()],
        Value::Bool(true) => vec!["True".to_owned()],
        Value::Bool(false) => vec!["False".to_owned()],
        Value::Number(number) => vec![number.to_string()],
        Value::Array(items) => items.iter().flat_map(leaves).collect(),
        Value::Object(fields) => fields.values().flat_map(leaves).collect(),
    }
}

/// All leaves as one text.
pub(crate) fn all_text(value: &Value) -> String {
    normal(&leaves(value).join(" "))
}

/// JSON with its keys in order. `1` and `1.0` differ.
pub(crate) fn sorted(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(sorted).collect::<Vec<_>>().join(",")),
        Value::Object(fields) => {
            let mut fields: Vec<String> =
                fields.iter().map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), sorted(value))).collect();
            fields.sort();
            format!("{{{}}}", fields.join(","))
        }
        leaf => leaf.to_string(),
    }
}

/// The same arguments; `1` and `1.0` do not differ.
pub(crate) fn same_value(a: &Value, b: &Value) -> bool {
    let number = |value: &Value| value.as_f64().or_else(|| value.as_bool().map(|flag| f64::from(u8::from(flag))));
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_value(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same_value(a, b)))
        }
        _ => a == b || number(a).is_some_and(|a| number(b) == Some(a)),
    }
}

/// A finish reason in one vocabulary for all providers; of a list as JSON text the first.
pub(crate) fn canonical_finish_reason(reason: &str) -> Option<String> {
    let first = match reason.strip_prefix('[').and_then(|_| serde_json::from_str::<Value>(reason).ok()) {
        Some(Value::Array(reasons)) => reasons.first()?.as_str()?.to_owned(),
        _ => reason.to_owned(),
    };
    let bare = match first.strip_prefix("FinishReason.") {
        Some(rest) => rest.rsplit('.').next().unwrap_or(rest),
        None => &first,
    };
    let lower = bare.to_lowercase();
    Some(match lower.as_str() {
        "tool_calls" | "tool_use" | "tool-calls" | "function_call" => "tool_call".to_owned(),
        "end_turn" | "completed" | "stop_sequence" => "stop".to_owned(),
        "max_tokens" => "length".to_owned(),
        "refusal" | "content-filter" => "content_filter".to_owned(),
        _ => lower,
    })
}
