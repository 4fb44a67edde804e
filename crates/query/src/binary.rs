//! Arrow's IPC stream and Parquet, written batch by batch. Names that stand twice are told apart, as readers of both want it.
//!
//! Memory: one batch, and for Parquet one row group of [`ROW_GROUP_BYTES`] at most.

use std::io::Write;

use arrow::datatypes::SchemaRef;
use arrow::ipc::writer::StreamWriter;
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use crate::run::{renamed, unique_names};
use crate::{Format, QueryError};

/// A row group is closed at this size, before compression: larger ones read little faster and are held in memory.
const ROW_GROUP_BYTES: usize = 16 << 20;
/// … or at this many rows, as DuckDB writes them: a reader parallelises over row groups.
const ROW_GROUP_ROWS: usize = 122_880;

/// Writes batches of one schema.
pub(crate) struct BinaryWriter<'a> {
    format: Format,
    state: State<'a>,
}

enum State<'a> {
    /// No batch yet, hence no schema.
    Waiting(Counted<'a>),
    Arrow(StreamWriter<Counted<'a>>),
    Parquet(Box<ArrowWriter<Counted<'a>>>),
    /// Opening failed.
    Gone,
}

impl<'a> BinaryWriter<'a> {
    /// `format` is one of the two.
    pub(crate) fn new(format: Format, out: &'a mut (dyn Write + Send)) -> Self {
        Self { format, state: State::Waiting(Counted { out, bytes: 0 }) }
    }

    /// Writes a batch; gives the bytes written so far.
    pub(crate) fn push(&mut self, batch: &RecordBatch) -> Result<u64, QueryError> {
        self.open(&batch.schema())?;
        match &mut self.state {
            State::Arrow(writer) => {
                writer.write(&renamed(batch.clone(), &unique_names(&batch.schema()))?)?;
                Ok(writer.get_ref().bytes)
            }
            State::Parquet(writer) => {
                writer.write(&renamed(batch.clone(), &unique_names(&batch.schema()))?).map_err(parquet_failed)?;
                if writer.in_progress_size() > ROW_GROUP_BYTES {
                    writer.flush().map_err(parquet_failed)?;
                }
                Ok(writer.inner().bytes)
            }
            State::Waiting(_) | State::Gone => Ok(0),
        }
    }

    /// Ends the file; `schema` matters only if there was no row. Gives the bytes written.
    pub(crate) fn finish(mut self, schema: &SchemaRef) -> Result<u64, QueryError> {
        self.open(schema)?;
        match self.state {
            State::Arrow(mut writer) => {
                writer.finish()?;
                Ok(writer.get_ref().bytes)
            }
            State::Parquet(mut writer) => {
                writer.finish().map_err(parquet_failed)?;
                Ok(writer.inner().bytes)
            }
            State::Waiting(_) | State::Gone => Ok(0),
        }
    }

    fn open(&mut self, schema: &SchemaRef) -> Result<(), QueryError> {
        if !matches!(self.state, State::Waiting(_)) {
            return Ok(());
        }
        let State::Waiting(out) = std::mem::replace(&mut self.state, State::Gone) else {
            return Ok(());
        };
        let schema = unique_names(schema);
        self.state = if self.format == Format::Arrow {
            State::Arrow(StreamWriter::try_new(out, &schema)?)
        } else {
            let properties = WriterProperties::builder()
                .set_compression(Compression::SNAPPY)
                .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
                .build();
            let writer = ArrowWriter::try_new(out, schema, Some(properties)).map_err(parquet_failed)?;
            State::Parquet(Box::new(writer))
        };
        Ok(())
    }
}

fn parquet_failed(error: parquet::errors::ParquetError) -> QueryError {
    QueryError::Encode(error.into())
}

/// Counts what goes out.
struct Counted<'a> {
    out: &'a mut (dyn Write + Send),
    bytes: u64,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

/// A Parquet file of rows that come from this program itself, such as a relation of a snapshot. JSON is text, as data frames want it.
pub struct ParquetFile<'a> {
    writer: BinaryWriter<'a>,
    rows: u64,
}

impl<'a> ParquetFile<'a> {
    /// Writes to `out` what is pushed.
    pub fn new(out: &'a mut (dyn Write + Send)) -> Self {
        Self { writer: BinaryWriter::new(Format::Parquet, out), rows: 0 }
    }

    /// Writes a batch.
    pub fn push(&mut self, batch: &RecordBatch) -> Result<(), QueryError> {
        self.rows += batch.num_rows() as u64;
        self.writer.push(batch).map(|_| ())
    }

    /// Ends the file; `schema` matters only if there was no row. Gives the number of rows.
    pub fn finish(self, schema: &SchemaRef) -> Result<u64, QueryError> {
        self.writer.finish(schema)?;
        Ok(self.rows)
    }
}
