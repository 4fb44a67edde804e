//! Tables as lists of columns: name, type and where the value comes from stand side by side, and both the DDL and the Arrow
//! batches are made from the same list.
//!
//! Invariant: a batch has at most [`BATCH_ROWS`] rows. DuckDB's appender copies the children of a list column whole for each
//! slice of that size, so larger batches would cost the square of their size.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Float64Builder, Int64Builder, ListBuilder, StringBuilder, TimestampMicrosecondBuilder,
    UInt64Builder,
};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use arrow::record_batch::RecordBatch;

use crate::StoreError;

/// DuckDB's vector size.
const BATCH_ROWS: usize = 2048;

/// Type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Short text: ids, names, words.
    Text,
    /// Long text, compressed without trying other encodings (half the cost of a checkpoint, measured).
    LongText,
    /// JSON of any size.
    Json,
    Int,
    UInt,
    Float,
    Bool,
    /// UTC with microseconds.
    Time,
    /// List of short texts.
    Texts,
    /// Ids of the pieces of a text that rows share, see [`crate::texts`].
    Pieces,
}

impl Kind {
    fn sql(self) -> &'static str {
        match self {
            Self::Text => "VARCHAR",
            Self::LongText => "VARCHAR USING COMPRESSION zstd",
            Self::Json => "JSON USING COMPRESSION zstd",
            Self::Int => "BIGINT",
            Self::UInt => "UBIGINT",
            Self::Float => "DOUBLE",
            Self::Bool => "BOOLEAN",
            Self::Time => "TIMESTAMP",
            Self::Texts => "VARCHAR[]",
            Self::Pieces => "UBIGINT[]",
        }
    }

    fn arrow(self) -> DataType {
        match self {
            Self::Text | Self::LongText | Self::Json => DataType::Utf8,
            Self::Int => DataType::Int64,
            Self::UInt => DataType::UInt64,
            Self::Float => DataType::Float64,
            Self::Bool => DataType::Boolean,
            Self::Time => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::Texts => DataType::List(Arc::new(Field::new("item", DataType::Utf8, true))),
            Self::Pieces => DataType::List(Arc::new(Field::new("item", DataType::UInt64, true))),
        }
    }
}

/// One value on its way into a table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell<'a> {
    Null,
    Text(Cow<'a, str>),
    Int(i64),
    UInt(u64),
    Float(f64),
    Bool(bool),
    /// Nanoseconds since the Unix epoch; 0 is stored as NULL.
    Time(u64),
    Texts(&'a [String]),
    Ids(&'a [u64]),
}

/// A column of a table whose rows are made from `R`.
pub(crate) struct Column<R> {
    name: &'static str,
    kind: Kind,
    cell: fn(&R) -> Cell<'_>,
}

/// Shorthand, so that a table reads as a list.
pub(crate) fn column<R>(name: &'static str, kind: Kind, cell: fn(&R) -> Cell<'_>) -> Column<R> {
    Column { name, kind, cell }
}

/// `CREATE TABLE` for a list of columns.
pub(crate) fn create_table<R>(table: &str, columns: &[Column<R>]) -> String {
    let columns: Vec<String> = columns.iter().map(|c| format!("{} {}", c.name, c.kind.sql())).collect();
    format!("CREATE TABLE {table} ({});", columns.join(", "))
}

/// Appends rows to a table within the connection's transaction.
pub(crate) fn append<R>(
    connection: &duckdb::Connection,
    table: &'static str,
    columns: &[Column<R>],
    rows: &[R],
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut appender = connection.appender(table).map_err(|e| StoreError::sql("opening an appender", e))?;
    for chunk in rows.chunks(BATCH_ROWS) {
        let batch = record_batch(columns, chunk)?;
        appender.append_record_batch(batch).map_err(|e| StoreError::sql("appending rows", e))?;
    }
    appender.flush().map_err(|e| StoreError::sql("appending rows", e))
}

fn record_batch<R>(columns: &[Column<R>], rows: &[R]) -> Result<RecordBatch, StoreError> {
    let fields: Vec<Field> = columns.iter().map(|c| Field::new(c.name, c.kind.arrow(), true)).collect();
    let arrays = columns.iter().map(|c| array(c, rows)).collect::<Result<Vec<_>, _>>()?;
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
        .map_err(|e| StoreError::Value { what: "rows", message: e.to_string() })
}

/// Builds one array: `$take` matches the cells that the column's type allows; NULL is allowed everywhere.
macro_rules! build {
    ($column:expr, $rows:expr, $builder:expr, $pattern:pat => $value:expr) => {{
        let mut builder = $builder;
        for row in $rows {
            match ($column.cell)(row) {
                $pattern => builder.append_option($value),
                Cell::Null => builder.append_null(),
                other => return Err(wrong_type($column.name, &other)),
            }
        }
        Ok(Arc::new(builder.finish()) as ArrayRef)
    }};
}

fn array<R>(column: &Column<R>, rows: &[R]) -> Result<ArrayRef, StoreError> {
    match column.kind {
        Kind::Text | Kind::LongText | Kind::Json => {
            build!(column, rows, StringBuilder::new(), Cell::Text(text) => Some(text))
        }
        Kind::Int => build!(column, rows, Int64Builder::new(), Cell::Int(n) => Some(n)),
        Kind::UInt => build!(column, rows, UInt64Builder::new(), Cell::UInt(n) => Some(n)),
        Kind::Float => build!(column, rows, Float64Builder::new(), Cell::Float(x) => Some(x)),
        Kind::Bool => build!(column, rows, BooleanBuilder::new(), Cell::Bool(b) => Some(b)),
        Kind::Time => build!(column, rows, TimestampMicrosecondBuilder::new(), Cell::Time(nanos) => micros(nanos)),
        Kind::Texts => build!(
            column, rows, ListBuilder::new(StringBuilder::new()),
            Cell::Texts(texts) => Some(texts.iter().map(Some))
        ),
        Kind::Pieces => build!(
            column, rows, ListBuilder::new(UInt64Builder::new()),
            Cell::Ids(ids) => Some(ids.iter().copied().map(Some))
        ),
    }
}

/// Every `u64` of nanoseconds lies within DuckDB's TIMESTAMP (the year 2554 at most): times never fail.
pub(crate) fn micros(unix_nano: u64) -> Option<i64> {
    (unix_nano != 0).then(|| i64::try_from(unix_nano / 1000).unwrap_or(i64::MAX))
}

fn wrong_type(column: &'static str, cell: &Cell<'_>) -> StoreError {
    StoreError::Value { what: column, message: format!("its column does not take {cell:?}") }
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl<'a> From<&'a String> for Cell<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Cell<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<i64> for Cell<'_> {
    fn from(n: i64) -> Self {
        Self::Int(n)
    }
}

impl From<u32> for Cell<'_> {
    fn from(n: u32) -> Self {
        Self::Int(n.into())
    }
}

impl From<u64> for Cell<'_> {
    fn from(n: u64) -> Self {
        Self::UInt(n)
    }
}

impl From<f64> for Cell<'_> {
    fn from(x: f64) -> Self {
        Self::Float(x)
    }
}

impl From<bool> for Cell<'_> {
    fn from(b: bool) -> Self {
        Self::Bool(b)
    }
}

impl<'a, T: Into<Cell<'a>>> From<Option<T>> for Cell<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<'a> From<&'a [String]> for Cell<'a> {
    fn from(texts: &'a [String]) -> Self {
        Self::Texts(texts)
    }
}

impl<'a> From<&'a [u64]> for Cell<'a> {
    fn from(ids: &'a [u64]) -> Self {
        Self::Ids(ids)
    }
}

impl<'a> From<&'a Option<Vec<u64>>> for Cell<'a> {
    fn from(ids: &'a Option<Vec<u64>>) -> Self {
        ids.as_deref().into()
    }
}

impl<'a> From<&'a Option<String>> for Cell<'a> {
    fn from(text: &'a Option<String>) -> Self {
        text.as_deref().into()
    }
}
