//! Rows into a file: JSON lines as they are, or Parquet.
//!
//! In Parquet, free JSON is text of the JSON type, which readers give back as the very objects that were written; a struct
//! would fill up what one row lacks and another has with nulls. Memory holds one batch and the row group in the making.

use std::{
    io::Write,
    sync::{Arc, Mutex, PoisonError},
};

use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use arrow::json::ReaderBuilder;
use parquet::{
    arrow::ArrowWriter,
    basic::Compression,
    file::properties::{WriterProperties, WriterVersion},
};
use serde_json::Value;

use crate::{
    ExportError, FileFormat,
    dataset::{Column, Columns},
    output::Files,
};

/// Rows that become one Arrow batch.
const BATCH_ROWS: usize = 1024;
/// Or bytes of rows, where they are long.
const BATCH_BYTES: usize = 8 << 20;
/// A row group is closed at so many bytes in memory: readers hold one at a time too.
const ROW_GROUP_BYTES: usize = 64 << 20;

/// One open file of rows.
pub(crate) enum Sink {
    Lines { file: String },
    Parquet(Box<ParquetSink>),
}

impl Sink {
    pub(crate) fn new(
        file: &str,
        columns: Columns,
        format: FileFormat,
        files: &mut Files<'_>,
    ) -> Result<Self, ExportError> {
        files.append(file, b"")?;
        match format {
            FileFormat::Parquet => Ok(Self::Parquet(Box::new(ParquetSink::new(file, schema(columns))?))),
            FileFormat::Jsonl | FileFormat::Csv => Ok(Self::Lines { file: file.to_owned() }),
        }
    }

    /// `row` is one JSON object.
    pub(crate) fn row(&mut self, row: &[u8], files: &mut Files<'_>) -> Result<(), ExportError> {
        match self {
            Self::Lines { file } => files.row(file, row),
            Self::Parquet(sink) => sink.row(row, files),
        }
    }

    pub(crate) fn finish(self, files: &mut Files<'_>) -> Result<(), ExportError> {
        match self {
            Self::Lines { .. } => Ok(()),
            Self::Parquet(sink) => sink.finish(files),
        }
    }
}

/// One Parquet file, from rows or from batches.
pub(crate) struct ParquetSink {
    file: String,
    schema: SchemaRef,
    writer: ArrowWriter<Shared>,
    written: Shared,
    rows: Vec<Value>,
    bytes: usize,
}

impl ParquetSink {
    pub(crate) fn new(file: &str, schema: SchemaRef) -> Result<Self, ExportError> {
        let properties = WriterProperties::builder()
            .set_writer_version(WriterVersion::PARQUET_1_0)
            .set_compression(Compression::SNAPPY)
            .set_created_by("gleaner".to_owned())
            .build();
        let written = Shared::default();
        let writer =
            ArrowWriter::try_new(written.clone(), schema.clone(), Some(properties)).map_err(|e| broken(file, &e))?;
        Ok(Self { file: file.to_owned(), schema, writer, written, rows: Vec::new(), bytes: 0 })
    }

    fn row(&mut self, row: &[u8], files: &mut Files<'_>) -> Result<(), ExportError> {
        let mut value: Value = serde_json::from_slice(row).map_err(|e| broken(&self.file, &e))?;
        for field in self.schema.fields() {
            if let Some(value) = value.get_mut(field.name()) {
                json_as_text(value, field);
            }
        }
        self.rows.push(value);
        self.bytes += row.len();
        if self.rows.len() >= BATCH_ROWS || self.bytes >= BATCH_BYTES { self.flush(files) } else { Ok(()) }
    }

    pub(crate) fn batch(
        &mut self,
        batch: &arrow::record_batch::RecordBatch,
        files: &mut Files<'_>,
    ) -> Result<(), ExportError> {
        self.writer.write(batch).map_err(|e| broken(&self.file, &e))?;
        if self.writer.in_progress_size() >= ROW_GROUP_BYTES {
            self.writer.flush().map_err(|e| broken(&self.file, &e))?;
        }
        files.rows(&self.file, batch.num_rows() as u64);
        files.append(&self.file, &self.written.take())
    }

    fn flush(&mut self, files: &mut Files<'_>) -> Result<(), ExportError> {
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        if rows.is_empty() {
            return Ok(());
        }
        let decoder = ReaderBuilder::new(self.schema.clone()).with_batch_size(rows.len()).build_decoder();
        let mut decoder = decoder.map_err(|e| broken(&self.file, &e))?;
        decoder.serialize(&rows).map_err(|e| broken(&self.file, &e))?;
        match decoder.flush().map_err(|e| broken(&self.file, &e))? {
            Some(batch) => self.batch(&batch, files),
            None => Ok(()),
        }
    }

    pub(crate) fn finish(mut self: Box<Self>, files: &mut Files<'_>) -> Result<(), ExportError> {
        self.flush(files)?;
        let Self { file, writer, written, .. } = *self;
        writer.close().map_err(|e| broken(&file, &e))?;
        files.append(&file, &written.take())
    }
}

/// The columns as Arrow sees them.
pub(crate) fn schema(columns: Columns) -> SchemaRef {
    Arc::new(Schema::new(fields(columns)))
}

fn fields(columns: Columns) -> Fields {
    columns.iter().map(|(name, column)| field(name, *column)).collect()
}

fn field(name: &str, column: Column) -> FieldRef {
    let data_type = match column {
        Column::Json => return Arc::new(json_field(name)),
        Column::Text => DataType::Utf8,
        Column::Integer => DataType::Int64,
        Column::Float => DataType::Float64,
        Column::Bool => DataType::Boolean,
        Column::List(item) => DataType::List(field("item", *item)),
        Column::Struct(columns) => DataType::Struct(fields(columns)),
    };
    Arc::new(Field::new(name, data_type, true))
}

const EXTENSION: &str = "ARROW:extension:name";
const JSON_EXTENSION: &str = "arrow.json";

/// Text that is JSON: Parquet's JSON type.
pub(crate) fn json_field(name: &str) -> Field {
    let metadata = [(EXTENSION, JSON_EXTENSION), ("ARROW:extension:metadata", "")];
    let metadata = metadata.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned()));
    Field::new(name, DataType::Utf8, true).with_metadata(metadata.collect())
}

/// Turns what stands in JSON columns into its text.
fn json_as_text(value: &mut Value, field: &FieldRef) {
    if value.is_null() {
        return;
    }
    match (field.data_type(), value) {
        (DataType::Utf8, value) if field.metadata().contains_key(EXTENSION) => {
            *value = Value::String(value.to_string())
        }
        (DataType::List(item), Value::Array(values)) => values.iter_mut().for_each(|value| json_as_text(value, item)),
        (DataType::Struct(fields), Value::Object(object)) => {
            for field in fields {
                if let Some(value) = object.get_mut(field.name()) {
                    json_as_text(value, field);
                }
            }
        }
        _ => {}
    }
}

/// What the Parquet writer has written and the output has not yet taken.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn broken(file: &str, error: &dyn std::fmt::Display) -> ExportError {
    ExportError::Write { file: file.to_owned(), source: std::io::Error::other(error.to_string()) }
}

#[cfg(test)]
mod tests;
