//! Values that a client binds: one row of an Arrow batch, taken as values of DuckDB's types.

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType, UInt64Type};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use arrow::record_batch::RecordBatch;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::sql::server::PeekableFlightDataStream;
use bytes::Bytes;
use gleaner_store::{Param, Params};
use tokio_stream::StreamExt as _;
use tonic::Status;

/// Values bound to one statement.
const MAX_PARAMS_BYTES: usize = 1 << 20;

/// Takes one row that a client sends; empty if it sends none.
pub(super) async fn read(sent: PeekableFlightDataStream) -> Result<Bytes, Status> {
    let mut left = MAX_PARAMS_BYTES;
    let sent = sent.map(move |data| {
        let data = data.map_err(|e| FlightError::Tonic(Box::new(e)))?;
        left = left.checked_sub(data.data_body.len() + data.data_header.len()).ok_or_else(|| {
            let message = format!("the parameters are larger than {MAX_PARAMS_BYTES} bytes");
            FlightError::Tonic(Box::new(Status::resource_exhausted(message)))
        })?;
        Ok(data)
    });
    let mut sent = FlightRecordBatchStream::new_from_flight_data(sent);
    let mut bound: Option<RecordBatch> = None;
    while let Some(batch) = sent.next().await {
        let batch = batch?;
        if batch.num_rows() + bound.as_ref().map_or(0, RecordBatch::num_rows) > 1 {
            return Err(Status::invalid_argument("one row of parameters can be bound to a query, got more"));
        }
        bound = if batch.num_rows() == 0 { bound } else { Some(batch) };
    }
    bound.map_or(Ok(Bytes::new()), |batch| to_ipc(&batch))
}

/// Keeps a batch as bytes.
fn to_ipc(batch: &RecordBatch) -> Result<Bytes, Status> {
    let mut out = Vec::new();
    let mut writer = StreamWriter::try_new(&mut out, &batch.schema()).map_err(unreadable)?;
    writer.write(batch).and_then(|()| writer.finish()).map_err(unreadable)?;
    drop(writer);
    Ok(out.into())
}

/// The values in such bytes. They are bound by name where the batch's columns have the names of the statement's parameters, else in
/// their order.
pub(super) fn from_ipc(bytes: &Bytes, names: &[String]) -> Result<Params, Status> {
    if bytes.is_empty() {
        return Ok(Params::default());
    }
    let batch =
        StreamReader::try_new(bytes.as_ref(), None).map_err(unreadable)?.next().transpose().map_err(unreadable)?;
    let Some(batch) = batch else { return Ok(Params::default()) };
    let schema = batch.schema();
    let values = batch.columns().iter().zip(schema.fields());
    let values = values.map(|(column, field)| Ok((field.name().clone(), value(column.as_ref(), field.name())?)));
    let values = values.collect::<Result<Vec<_>, Status>>()?;
    let is_named = values.len() == names.len() && values.iter().all(|(name, _)| names.contains(name));
    let is_numbered = names.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
    Ok(if is_named && !is_numbered {
        Params::Named(values)
    } else {
        Params::Positional(values.into_iter().map(|(_, value)| value).collect())
    })
}

/// The first row of a column.
fn value(column: &dyn Array, name: &str) -> Result<Param, Status> {
    // A union has no validity of its own; drivers that cannot tell a type send one.
    if let Some(union) = column.as_any().downcast_ref::<arrow::array::UnionArray>() {
        return value(union.value(0).as_ref(), name);
    }
    if column.is_null(0) || column.data_type() == &DataType::Null {
        return Ok(Param::Null);
    }
    let to = |wanted: &DataType| cast(column, wanted).map_err(unreadable);
    Ok(match column.data_type() {
        DataType::Boolean => Param::Bool(column.as_boolean().value(0)),
        DataType::UInt64 => Param::UInt(column.as_primitive::<UInt64Type>().value(0)),
        integer if integer.is_integer() => Param::Int(to(&DataType::Int64)?.as_primitive::<Int64Type>().value(0)),
        float if float.is_floating() => Param::Double(to(&DataType::Float64)?.as_primitive::<Float64Type>().value(0)),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(_, _) => {
            Param::Text(to(&DataType::Utf8)?.as_string::<i32>().value(0).to_owned())
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            Param::Blob(to(&DataType::Binary)?.as_binary::<i32>().value(0).to_vec())
        }
        DataType::Timestamp(_, _) => {
            let micros = to(&DataType::Timestamp(TimeUnit::Microsecond, None))?;
            Param::Timestamp(micros.as_primitive::<TimestampMicrosecondType>().value(0))
        }
        DataType::Date32 | DataType::Date64 => {
            Param::Date(to(&DataType::Date32)?.as_primitive::<Date32Type>().value(0))
        }
        // DuckDB compares text with numbers as numbers.
        decimal if decimal.is_decimal() => Param::Text(to(&DataType::Utf8)?.as_string::<i32>().value(0).to_owned()),
        other => {
            return Err(Status::invalid_argument(format!(
                "parameter {name:?} has the type {other}, which is not supported: numbers, text, booleans, times, dates and bytes are"
            )));
        }
    })
}

fn unreadable(error: arrow::error::ArrowError) -> Status {
    Status::invalid_argument(format!("the parameters cannot be read: {error}"))
}

#[cfg(test)]
mod tests;
