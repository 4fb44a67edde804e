//! The output formats, and the writer that cuts the answer at its limits, always at a whole row.
//!
//! JSON is one array with an object per row, a row per line; JSON lines are the same without the array. CSV has a header; text is written as it is, without guarding
//! against spreadsheets that take `=…` for a formula. A table is for eyes: long cells are shortened, control characters
//! shown as escapes.

use std::io::Write;
use std::ops::ControlFlow;

use arrow::datatypes::{DataType, FieldRef, SchemaRef};
use arrow::record_batch::RecordBatch;

use crate::binary::BinaryWriter;
use crate::cells::{Cells, push_string};
use crate::run::Sink;
use crate::{QueryError, QueryLimits, Summary};

/// Longest cell of a table, in characters.
const MAX_TABLE_CELL_CHARS: usize = 60;
/// Rows of a table, which is held in memory until its columns' widths are known. Nobody reads more.
const MAX_TABLE_ROWS: u64 = 10_000;

/// How the answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Aligned columns, for a terminal.
    Table,
    /// One JSON array of objects.
    Json,
    /// One JSON object per line.
    Jsonl,
    /// RFC 4180 with a header; NULL is an empty field, empty text is `""`.
    Csv,
    /// Arrow's IPC stream.
    Arrow,
    /// Parquet, with Snappy.
    Parquet,
}

/// Writes batches in a format, up to the limits.
pub(crate) struct ResultWriter<'a> {
    format: Format,
    limits: QueryLimits,
    out: Output<'a>,
    is_json: Vec<bool>,
    /// Known with the first batch, or at the end.
    cells: Option<Cells>,
    columns: Vec<Column>,
    /// A table's rows: cells ended by a tab, rows by a newline, neither of which a cell can hold.
    held: Vec<u8>,
    summary: Summary,
}

struct Column {
    name: String,
    is_numeric: bool,
    /// Widest cell of a table, in characters.
    width: usize,
}

/// Where bytes go, or what makes bytes of batches.
enum Output<'a> {
    Bytes(&'a mut (dyn Write + Send)),
    Binary(BinaryWriter<'a>),
}

impl Sink for ResultWriter<'_> {
    fn wants_json_columns(&self) -> bool {
        matches!(self.out, Output::Bytes(_))
    }

    fn begin(&mut self, is_json: Vec<bool>) {
        self.is_json = is_json;
    }

    fn batch(&mut self, batch: RecordBatch) -> Result<ControlFlow<()>, QueryError> {
        self.push(&batch)?;
        Ok(if self.is_full() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }
}

impl<'a> ResultWriter<'a> {
    /// Writes to `out`.
    pub(crate) fn new(format: Format, mut limits: QueryLimits, out: &'a mut (dyn Write + Send)) -> Self {
        let out = match format {
            Format::Arrow | Format::Parquet => Output::Binary(BinaryWriter::new(format, out)),
            _ => Output::Bytes(out),
        };
        if format == Format::Table {
            limits.max_rows = limits.max_rows.min(MAX_TABLE_ROWS);
        }
        let (is_json, held, summary) = (Vec::new(), Vec::new(), Summary::default());
        Self { format, limits, out, is_json, cells: None, columns: Vec::new(), held, summary }
    }

    /// Whether a limit is reached, so that further rows would be left out.
    pub(crate) fn is_full(&self) -> bool {
        self.summary.truncated
    }

    /// Writes as many rows as fit.
    pub(crate) fn push(&mut self, batch: &RecordBatch) -> Result<(), QueryError> {
        self.start(batch.schema().fields())?;
        let room = usize::try_from(self.limits.max_rows - self.summary.rows).unwrap_or(usize::MAX);
        if batch.num_rows() > room {
            self.push_bytes(&batch.slice(0, room))?;
            self.summary.truncated = true;
            return Ok(());
        }
        self.push_bytes(batch)
    }

    /// Writes what comes before the first row, once.
    fn start(&mut self, fields: &[FieldRef]) -> Result<(), QueryError> {
        if self.cells.is_some() || matches!(self.out, Output::Binary(_)) {
            return Ok(());
        }
        self.cells = Some(Cells::new(fields, &self.is_json));
        self.columns = columns(self.format, fields);
        match self.format {
            Format::Json => self.write(b"["),
            Format::Csv => {
                let names: Vec<_> = self.columns.iter().map(|column| csv_field(&column.name)).collect();
                self.write(format!("{}\n", names.join(",")).as_bytes())
            }
            Format::Jsonl | Format::Table | Format::Arrow | Format::Parquet => Ok(()),
        }
    }

    /// Halves a batch that does not fit until what fits is written.
    fn push_bytes(&mut self, batch: &RecordBatch) -> Result<(), QueryError> {
        if batch.num_rows() == 0 || self.summary.truncated {
            return Ok(());
        }
        if let Output::Binary(writer) = &mut self.out {
            self.summary.bytes = writer.push(batch)?;
            self.summary.rows += batch.num_rows() as u64;
            self.summary.truncated = self.summary.bytes > self.limits.max_result_bytes;
            return Ok(());
        }
        let rows = self.rows(batch)?;
        let rows_bytes = rows.len() as u64;
        if self.summary.bytes + rows_bytes <= self.limits.max_result_bytes {
            self.summary.rows += batch.num_rows() as u64;
            if self.format == Format::Table {
                self.held.extend(rows);
                self.summary.bytes += rows_bytes;
                return Ok(());
            }
            return self.write(&rows);
        }
        if batch.num_rows() == 1 {
            self.summary.truncated = true;
            return Ok(());
        }
        let half = batch.num_rows() / 2;
        self.push_bytes(&batch.slice(0, half))?;
        self.push_bytes(&batch.slice(half, batch.num_rows() - half))
    }

    /// The rows of a batch as they go out next.
    fn rows(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, QueryError> {
        let mut out = Vec::new();
        let Self { columns, cells: Some(cells), .. } = self else {
            return Ok(out);
        };
        let last = columns.len().saturating_sub(1);
        let is_first = self.summary.rows == 0;
        cells.each(batch, |row, column, value| match self.format {
            Format::Json => {
                let opening = match (column, row) {
                    (0, 0) if is_first => "\n{",
                    (0, _) => ",\n{",
                    _ => ", ",
                };
                out.extend(opening.bytes());
                push_string(&columns[column].name, &mut out);
                out.extend(b": ");
                out.extend(value.unwrap_or(b"null"));
                out.extend(if column == last { "}" } else { "" }.bytes());
            }
            Format::Jsonl => {
                out.extend(if column == 0 { "{" } else { ", " }.bytes());
                push_string(&columns[column].name, &mut out);
                out.extend(b": ");
                out.extend(value.unwrap_or(b"null"));
                out.extend(if column == last { "}\n" } else { "" }.bytes());
            }
            Format::Csv => {
                out.extend(value.map(|value| csv_field(&plain_text(value))).unwrap_or_default().bytes());
                out.push(if column == last { b'\n' } else { b',' });
            }
            Format::Table | Format::Arrow | Format::Parquet => {
                let cell = table_cell(&value.map_or_else(|| "NULL".into(), plain_text));
                columns[column].width = columns[column].width.max(cell.chars().count());
                out.extend(cell.bytes());
                out.extend(if column == last { "\t\n" } else { "\t" }.bytes());
            }
        })?;
        Ok(out)
    }

    /// Ends the answer; `fields` matter only if there was no row.
    pub(crate) fn finish(mut self, schema: &SchemaRef) -> Result<Summary, QueryError> {
        self.start(schema.fields())?;
        if let Output::Binary(writer) = self.out {
            return Ok(Summary { bytes: writer.finish(schema)?, ..self.summary });
        }
        match self.format {
            Format::Json => self.write(if self.summary.rows == 0 { b"]\n" } else { b"\n]\n" })?,
            Format::Table => self.write_table()?,
            Format::Jsonl | Format::Csv | Format::Arrow | Format::Parquet => {}
        }
        if let Output::Bytes(out) = &mut self.out {
            out.flush()?;
        }
        Ok(self.summary)
    }

    fn write_table(&mut self) -> Result<(), QueryError> {
        self.summary.bytes = 0;
        let held = String::from_utf8(std::mem::take(&mut self.held)).unwrap_or_default();
        let names: Vec<_> = self.columns.iter().map(|column| column.name.clone()).collect();
        let rule: Vec<_> = self.columns.iter().map(|column| "─".repeat(column.width)).collect();
        self.write_table_row(names.iter().map(String::as_str))?;
        self.write_table_row(rule.iter().map(String::as_str))?;
        for row in held.lines() {
            self.write_table_row(row.split_terminator('\t'))?;
        }
        let Summary { rows, truncated, .. } = self.summary;
        let noun = if rows == 1 { "row" } else { "rows" };
        let cut = if truncated { ", cut at the limit" } else { "" };
        self.write(format!("({rows} {noun}{cut})\n").as_bytes())
    }

    fn write_table_row<'c>(&mut self, cells: impl Iterator<Item = &'c str>) -> Result<(), QueryError> {
        let mut line = String::new();
        for (cell, Column { width, is_numeric, .. }) in cells.zip(&self.columns) {
            let gap = if line.is_empty() { "" } else { "  " };
            let padding = " ".repeat(width.saturating_sub(cell.chars().count()));
            let (before, after) = if *is_numeric { (padding.as_str(), "") } else { ("", padding.as_str()) };
            line.extend([gap, before, cell, after]);
        }
        self.write(line.trim_end().as_bytes())?;
        self.write(b"\n")
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), QueryError> {
        if let Output::Bytes(out) = &mut self.out {
            out.write_all(bytes)?;
        }
        self.summary.bytes += bytes.len() as u64;
        Ok(())
    }
}

/// The columns' heads. A JSON object needs names of its own: of equal ones the later get `_1`, `_2`, ….
fn columns(format: Format, fields: &[FieldRef]) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::with_capacity(fields.len());
    for field in fields {
        let mut name = if format == Format::Table { table_cell(field.name()) } else { field.name().clone() };
        let is_taken = |name: &str| columns.iter().any(|column| column.name == name);
        if matches!(format, Format::Json | Format::Jsonl) && is_taken(&name) {
            name = (1..).map(|n| format!("{name}_{n}")).find(|name| !is_taken(name)).unwrap_or(name);
        }
        let width = name.chars().count();
        let is_numeric = field.data_type().is_numeric() && *field.data_type() != DataType::Null;
        columns.push(Column { name, is_numeric, width });
    }
    columns
}

/// A cell without JSON's quotes, if it is a string; other values as JSON.
fn plain_text(json: &[u8]) -> String {
    let text = if json.first() == Some(&b'"') { serde_json::from_slice(json).ok() } else { None };
    text.unwrap_or_else(|| String::from_utf8_lossy(json).into_owned())
}

fn csv_field(text: &str) -> String {
    if text.is_empty() || text.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}

/// Safe for a terminal, and short.
fn table_cell(text: &str) -> String {
    let mut cell = String::new();
    for (position, character) in text.chars().enumerate() {
        if position == MAX_TABLE_CELL_CHARS - 1 && text.chars().nth(MAX_TABLE_CELL_CHARS).is_some() {
            cell.push('…');
            break;
        }
        if character.is_control() { cell.extend(character.escape_default()) } else { cell.push(character) }
    }
    cell
}

#[cfg(test)]
mod tests;
