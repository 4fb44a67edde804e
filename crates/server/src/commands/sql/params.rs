//! Values for a query's parameters as users write them: in a request's JSON, or after `--param`.

use gleaner_store::Params;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Values for `?` in their order, or for `$name` by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum SqlParams {
    Positional(Vec<Value>),
    Named(Map<String, Value>),
}

impl Default for SqlParams {
    fn default() -> Self {
        Self::Positional(Vec::new())
    }
}

impl SqlParams {
    /// `NAME=VALUE` each, or plain values each. A value is a number, `true`, `false`, `null` or a JSON string, else text as it is.
    pub(crate) fn parse(texts: &[String]) -> anyhow::Result<Self> {
        let named: Vec<_> =
            texts.iter().filter_map(|text| text.split_once('=').filter(|(name, _)| is_name(name))).collect();
        if named.is_empty() {
            return Ok(Self::Positional(texts.iter().map(|text| value(text)).collect()));
        }
        anyhow::ensure!(
            named.len() == texts.len(),
            "--param takes values for `?`, or NAME=VALUE for `$name`, not both; a value for `?` with = in it is 1=VALUE, 2=VALUE …"
        );
        Ok(Self::Named(named.into_iter().map(|(name, text)| (name.to_owned(), value(text))).collect()))
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|character| character.is_alphanumeric() || character == '_')
}

fn value(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(value @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_))) => value,
        _ => Value::String(text.to_owned()),
    }
}

impl From<SqlParams> for Params {
    fn from(sent: SqlParams) -> Self {
        match sent {
            SqlParams::Positional(values) => Self::from_json(&values),
            SqlParams::Named(values) => Self::Named(values.iter().map(|(name, v)| (name.clone(), v.into())).collect()),
        }
    }
}

#[cfg(test)]
mod tests;
