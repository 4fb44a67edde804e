//! Rows as Flight's messages, made on the query's own thread, which gives way to ingestion; the runtime only sends them.
//!
//! What waits for a slow client is bounded by bytes: small batches go out together, up to [`PIECE_ROWS`] and [`PIECE_BYTES`], and large ones
//! in parts. A single row goes out whole, however large.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteOptions};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use arrow_flight::{FlightData, SchemaAsIpc};
use gleaner_query::{QueryError, QueryLimits, Sink, unique_names};

use crate::queries::Pipe;

/// DuckDB gives 2048 rows at a time; they go out together up to this, since every message has its price …
const PIECE_ROWS: usize = 64 * 1024;
/// … or this.
const PIECE_BYTES: usize = 1 << 20;

/// What a query sends, in this order.
#[derive(Debug)]
pub(super) enum Piece {
    /// Its columns, once.
    Columns(SchemaRef),
    /// Rows of these columns.
    Rows(FlightData),
}

impl Piece {
    /// As a message.
    pub(super) fn into_message(self) -> FlightData {
        match self {
            Self::Columns(schema) => SchemaAsIpc::new(&schema, &IpcWriteOptions::default()).into(),
            Self::Rows(rows) => rows,
        }
    }
}

/// The columns as they are sent: names that stand twice are told apart, and a dictionary's values stand for themselves, as not every client
/// reads dictionaries.
pub(super) fn sent(schema: &Schema) -> SchemaRef {
    let fields: Vec<_> = unique_names(schema).fields().iter().map(plain_field).collect();
    Arc::new(Schema::new(fields))
}

fn plain_field(field: &FieldRef) -> FieldRef {
    let plain = plain(field.data_type());
    if &plain == field.data_type() { field.clone() } else { Arc::new(field.as_ref().clone().with_data_type(plain)) }
}

fn plain(of: &DataType) -> DataType {
    match of {
        DataType::Dictionary(_, values) => plain(values),
        DataType::List(item) => DataType::List(plain_field(item)),
        DataType::LargeList(item) => DataType::LargeList(plain_field(item)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(plain_field(item), *size),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(plain_field).collect()),
        DataType::Map(entries, is_sorted) => DataType::Map(plain_field(entries), *is_sorted),
        other => other.clone(),
    }
}

/// Gathers, cuts and encodes batches. The first goes out at once.
pub(super) struct FlightSink {
    out: Pipe<Piece>,
    limits: QueryLimits,
    encoder: Encoder,
    schema: Option<SchemaRef>,
    held: Vec<RecordBatch>,
    held_rows: usize,
    held_bytes: usize,
    rows: u64,
    bytes: u64,
}

impl FlightSink {
    pub(super) fn new(out: Pipe<Piece>, limits: QueryLimits) -> Self {
        Self {
            out,
            limits,
            encoder: Encoder::default(),
            schema: None,
            held: Vec::new(),
            held_rows: 0,
            held_bytes: 0,
            rows: 0,
            bytes: 0,
        }
    }

    /// Sends what is held; `schema` matters only if there was no row.
    pub(super) fn finish(mut self, schema: &Schema) -> Result<(), QueryError> {
        if self.schema.is_none() {
            return self.out.send(Piece::Columns(sent(schema)));
        }
        self.send()
    }

    fn send(&mut self) -> Result<(), QueryError> {
        let together = match self.held.as_slice() {
            [] => return Ok(()),
            [one] => one.clone(),
            several => concat_batches(&several[0].schema(), several)?,
        };
        let parts = (self.held_bytes / PIECE_BYTES).max(1);
        let part_rows = together.num_rows().div_ceil(parts).max(1);
        self.held.clear();
        (self.held_rows, self.held_bytes) = (0, 0);
        for first in (0..together.num_rows()).step_by(part_rows) {
            let part = together.slice(first, part_rows.min(together.num_rows() - first));
            self.out.send(Piece::Rows(self.encoder.encode(&part)?))?;
        }
        Ok(())
    }
}

impl Sink for FlightSink {
    fn columns(&mut self, schema: &SchemaRef) -> Result<(), QueryError> {
        let schema = sent(schema);
        self.schema = Some(schema.clone());
        self.out.send(Piece::Columns(schema))
    }

    fn batch(&mut self, batch: RecordBatch) -> Result<ControlFlow<()>, QueryError> {
        if self.schema.is_none() {
            self.columns(&batch.schema())?;
        }
        let is_first = self.rows == 0;
        let batch = match &self.schema {
            Some(schema) => as_sent(&batch, schema)?,
            None => batch,
        };
        let batch_bytes = batch.get_array_memory_size();
        self.rows += batch.num_rows() as u64;
        self.bytes += batch_bytes as u64;
        let too_large = |limit_name, limit| Err(QueryError::AnswerTooLarge { limit_name, limit });
        if self.rows > self.limits.max_rows {
            return too_large("sql.max_rows", self.limits.max_rows);
        }
        if self.bytes > self.limits.max_result_bytes {
            return too_large("sql.max_result_mib (in bytes)", self.limits.max_result_bytes);
        }
        self.held_rows += batch.num_rows();
        self.held_bytes += batch_bytes;
        self.held.push(batch);
        if is_first || self.held_rows >= PIECE_ROWS || self.held_bytes >= PIECE_BYTES {
            self.send()?;
        }
        Ok(ControlFlow::Continue(()))
    }
}

fn as_sent(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| {
        if column.data_type() == field.data_type() { Ok(column.clone()) } else { cast(column, field.data_type()) }
    });
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema.clone(), columns.collect::<Result<_, _>>()?, &rows)
}

/// Makes messages of batches without dictionaries.
struct Encoder {
    generator: IpcDataGenerator,
    dictionaries: DictionaryTracker,
    options: IpcWriteOptions,
}

impl Default for Encoder {
    fn default() -> Self {
        Self {
            generator: IpcDataGenerator::default(),
            dictionaries: DictionaryTracker::new(true),
            options: IpcWriteOptions::default(),
        }
    }
}

impl Encoder {
    fn encode(&mut self, batch: &RecordBatch) -> Result<FlightData, ArrowError> {
        let none = &mut Default::default();
        let (_, encoded) = self.generator.encode(batch, &mut self.dictionaries, &self.options, none)?;
        Ok(encoded.into())
    }
}
