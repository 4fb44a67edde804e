//! Values for the parameters of a statement. They are bound, never written into its text.

use duckdb::Statement;
use duckdb::types::{TimeUnit, Value as SqlValue};
use serde_json::Value;

use crate::StoreError;

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Param {
    /// NULL.
    Null,
    /// BOOLEAN.
    Bool(bool),
    /// BIGINT.
    Int(i64),
    /// UBIGINT.
    UInt(u64),
    /// DOUBLE.
    Double(f64),
    /// VARCHAR.
    Text(String),
    /// BLOB.
    Blob(Vec<u8>),
    /// TIMESTAMP: microseconds since the Unix epoch, UTC.
    Timestamp(i64),
    /// DATE: days since the Unix epoch.
    Date(i32),
}

impl From<&Value> for Param {
    /// Lists and objects go to DuckDB as their JSON text.
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
                (Some(value), _, _) => Self::Int(value),
                (_, Some(value), _) => Self::UInt(value),
                (_, _, Some(value)) => Self::Double(value),
                _ => Self::Null,
            },
            Value::String(text) => Self::Text(text.clone()),
            nested => Self::Text(nested.to_string()),
        }
    }
}

/// Values for all parameters of a statement.
#[derive(Debug, Clone, PartialEq)]
pub enum Params {
    /// For `?` and `$1` …, in their order.
    Positional(Vec<Param>),
    /// For `$name` …, each name once.
    Named(Vec<(String, Param)>),
}

impl Default for Params {
    fn default() -> Self {
        Self::Positional(Vec::new())
    }
}

impl Params {
    /// JSON values, in order.
    pub fn from_json(values: &[Value]) -> Self {
        Self::Positional(values.iter().map(Param::from).collect())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Positional(values) => values.is_empty(),
            Self::Named(values) => values.is_empty(),
        }
    }

    /// The values as this statement takes them.
    pub(crate) fn in_order_of(&self, statement: &Statement<'_>) -> Result<Vec<SqlValue>, StoreError> {
        let wrong = |message| Err(StoreError::Parameters { message });
        let wanted = statement.parameter_count();
        match self {
            Self::Positional(values) if values.len() == wanted => Ok(values.iter().map(sql_value).collect()),
            Self::Positional(values) => {
                wrong(format!("the query has {wanted} parameters, {} values were given", values.len()))
            }
            Self::Named(values) => {
                let mut ordered = Vec::with_capacity(wanted);
                let mut names = Vec::with_capacity(wanted);
                for index in 1..=wanted {
                    let name = statement.parameter_name(index).map_err(|e| StoreError::sql("binding", e))?;
                    let Some((_, value)) = values.iter().find(|(given, _)| *given == name) else {
                        return wrong(format!("no value was given for the parameter ${name}"));
                    };
                    ordered.push(sql_value(value));
                    names.push(name);
                }
                match values.iter().find(|(given, _)| !names.contains(given)) {
                    Some((given, _)) => wrong(format!("the query has no parameter ${given}")),
                    None => Ok(ordered),
                }
            }
        }
    }
}

fn sql_value(param: &Param) -> SqlValue {
    match param {
        Param::Null => SqlValue::Null,
        Param::Bool(value) => SqlValue::Boolean(*value),
        Param::Int(value) => SqlValue::BigInt(*value),
        Param::UInt(value) => SqlValue::UBigInt(*value),
        Param::Double(value) => SqlValue::Double(*value),
        Param::Text(value) => SqlValue::Text(value.clone()),
        Param::Blob(value) => SqlValue::Blob(value.clone()),
        Param::Timestamp(micros) => SqlValue::Timestamp(TimeUnit::Microsecond, *micros),
        Param::Date(days) => SqlValue::Date32(*days),
    }
}
