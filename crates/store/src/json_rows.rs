//! Arrow batches as JSON rows: typed, nested, with DuckDB's JSON columns parsed.
//!
//! What JSON lacks becomes text: integers beyond 64 bits, doubles that are not finite, times, bytes (hex).

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Decimal128Array, Float32Array, Float64Array, LargeStringArray,
    StringArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimeUnit, TimestampMicrosecondType, UInt64Type};
use arrow::record_batch::RecordBatch;
use arrow::util::display::array_value_to_string;
use duckdb::Statement;
use serde_json::{Map, Number, Value};

use crate::StoreError;

/// Names of a query's columns, and which of them are JSON: Arrow sees text there.
pub(crate) struct RowShape {
    columns: Vec<(String, bool)>,
}

impl RowShape {
    /// Shape of an executed statement's rows.
    pub(crate) fn of(statement: &Statement<'_>, batch: &RecordBatch) -> Self {
        let is_json = |column| statement.column_logical_type(column).get_alias().as_deref() == Some("JSON");
        let schema = batch.schema();
        Self { columns: schema.fields().iter().enumerate().map(|(i, f)| (f.name().clone(), is_json(i))).collect() }
    }

    /// One row; `None` past the end. Of columns with one name the last is kept.
    pub(crate) fn row(&self, batch: &RecordBatch, row: usize) -> Result<Option<Map<String, Value>>, StoreError> {
        if row >= batch.num_rows() {
            return Ok(None);
        }
        let mut object = Map::with_capacity(self.columns.len());
        for ((name, is_json), array) in self.columns.iter().zip(batch.columns()) {
            let value = value(array, row)?;
            let value = match value {
                Value::String(text) if *is_json => serde_json::from_str(&text).unwrap_or(Value::String(text)),
                other => other,
            };
            object.insert(name.clone(), value);
        }
        Ok(Some(object))
    }
}

fn value(array: &ArrayRef, row: usize) -> Result<Value, StoreError> {
    if array.is_null(row) {
        return Ok(Value::Null);
    }
    let any = array.as_any();
    Ok(match array.data_type() {
        DataType::Null => Value::Null,
        DataType::Boolean => any.downcast_ref::<BooleanArray>().map_or(Value::Null, |a| a.value(row).into()),
        DataType::Utf8 => any.downcast_ref::<StringArray>().map_or(Value::Null, |a| a.value(row).into()),
        DataType::LargeUtf8 => any.downcast_ref::<LargeStringArray>().map_or(Value::Null, |a| a.value(row).into()),
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => {
            one(array, row, &DataType::Int64)?.as_primitive::<Int64Type>().value(0).into()
        }
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => {
            one(array, row, &DataType::UInt64)?.as_primitive::<UInt64Type>().value(0).into()
        }
        DataType::Float32 => {
            any.downcast_ref::<Float32Array>().map_or(Value::Null, |a| double(f64::from(a.value(row))))
        }
        DataType::Float64 => any.downcast_ref::<Float64Array>().map_or(Value::Null, |a| double(a.value(row))),
        DataType::Decimal128(_, scale) => any.downcast_ref::<Decimal128Array>().map_or(Value::Null, |a| {
            if *scale == 0 { integer(a.value(row)) } else { decimal(&a.value_as_string(row)) }
        }),
        DataType::Timestamp(_, _) => {
            let micros = one(array, row, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
            iso_8601(micros.as_primitive::<TimestampMicrosecondType>(), row, array)?
        }
        DataType::Binary => any
            .downcast_ref::<BinaryArray>()
            .map_or(Value::Null, |a| a.value(row).iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()),
        DataType::List(_) => items(&array.as_list::<i32>().value(row))?,
        DataType::LargeList(_) => items(&array.as_list::<i64>().value(row))?,
        DataType::FixedSizeList(_, _) => items(&array.as_fixed_size_list().value(row))?,
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns();
            let entries = fields.iter().zip(columns).map(|(f, column)| Ok((f.name().clone(), value(column, row)?)));
            Value::Object(entries.collect::<Result<_, StoreError>>()?)
        }
        DataType::Map(_, _) => {
            let entries = array.as_map().value(row);
            let (keys, values) = (entries.column(0), entries.column(1));
            let pairs = (0..entries.len()).map(|i| {
                let key = match value(keys, i)? {
                    Value::String(text) => text,
                    other => other.to_string(),
                };
                Ok((key, value(values, i)?))
            });
            Value::Object(pairs.collect::<Result<_, StoreError>>()?)
        }
        _ => array_value_to_string(array, row).map_err(unreadable)?.into(),
    })
}

fn items(array: &ArrayRef) -> Result<Value, StoreError> {
    (0..array.len()).map(|i| value(array, i)).collect::<Result<Vec<_>, _>>().map(Value::Array)
}

/// One value as an array of another type.
fn one(array: &ArrayRef, row: usize, to: &DataType) -> Result<ArrayRef, StoreError> {
    cast(&array.slice(row, 1), to).map_err(unreadable)
}

fn iso_8601(
    micros: &arrow::array::TimestampMicrosecondArray,
    row: usize,
    array: &ArrayRef,
) -> Result<Value, StoreError> {
    match micros.value_as_datetime(0) {
        Some(time) => Ok(format!("{}Z", time.format("%Y-%m-%dT%H:%M:%S%.6f")).into()),
        // DuckDB's infinities and years that the calendar does not reach.
        None => Ok(array_value_to_string(array, row).map_err(unreadable)?.into()),
    }
}

fn integer(n: i128) -> Value {
    if let Ok(n) = i64::try_from(n) {
        n.into()
    } else if let Ok(n) = u64::try_from(n) {
        n.into()
    } else {
        n.to_string().into()
    }
}

fn decimal(text: &str) -> Value {
    text.parse().ok().and_then(Number::from_f64).map_or_else(|| text.into(), Value::Number)
}

fn double(x: f64) -> Value {
    Number::from_f64(x).map_or_else(|| x.to_string().into(), Value::Number)
}

fn unreadable(error: impl ToString) -> StoreError {
    StoreError::Value { what: "a column of the result", message: error.to_string() }
}
