//! `sql`: whatever the caller's query returns, as JSON lines, Parquet or CSV, row for row in the query's order.
//!
//! No candidates are rejected and no rows are judged here: the rows are the caller's. The same bytes come out again only if
//! the query has an order.

use std::collections::HashMap;

use arrow::{
    array::RecordBatch,
    csv::WriterBuilder,
    datatypes::{DataType, Field, Schema, SchemaRef},
};
use serde_json::Value;

use crate::{
    ExportError, FileFormat, Kind, Options, Progress, Rows, Section,
    card::Described,
    output::Files,
    sink::{ParquetSink, json_field},
};

const NAME: &str = "sql";

/// Writes the query's rows; returns what there is to say of them in manifest and card.
pub(crate) fn write(
    rows: &dyn Rows,
    options: &Options,
    files: &mut Files<'_>,
    progress: &mut dyn Progress,
) -> Result<(Section, Described), ExportError> {
    let sql = options.query.as_deref().unwrap_or_default();
    let format = options.file_format.unwrap_or(FileFormat::Jsonl);
    let file = format!("{NAME}.{}", format.as_str());
    files.append(&file, b"")?;
    progress.begin("reading rows", 0);
    let columns = columns(rows, sql)?;
    let mut counted = Counted { count: 0, progress };
    match format {
        FileFormat::Jsonl => lines(rows, sql, &file, files, &mut counted)?,
        FileFormat::Parquet => parquet(rows, sql, &columns, &file, files, &mut counted)?,
        FileFormat::Csv => csv(rows, sql, &file, files, &mut counted)?,
    }
    let count = counted.count;
    let mut section = Section::new(Kind::Sql, file);
    (section.candidates, section.rows) = (count, count);
    // Readers of CSV know no JSON columns.
    let features = if format == FileFormat::Csv { String::new() } else { features(&columns, format) };
    let about = "The rows of the query in `manifest.json`.".to_owned();
    Ok((section, Described { name: NAME, features, about }))
}

/// How many rows have come, told on the way.
struct Counted<'a> {
    count: u64,
    progress: &'a mut dyn Progress,
}

impl Counted<'_> {
    /// Takes note of rows that came. An error: nobody wants them any more.
    fn add(&mut self, rows: usize) -> Result<(), ExportError> {
        self.progress.check()?;
        self.count += rows as u64;
        self.progress.advance(self.count);
        Ok(())
    }
}

/// Names and DuckDB's types.
fn columns(rows: &dyn Rows, sql: &str) -> Result<Vec<(String, String)>, ExportError> {
    let mut columns = Vec::new();
    rows.for_each_row(&format!("DESCRIBE {sql}"), &[], &mut |row| {
        let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        columns.push((text("column_name"), text("column_type")));
        Ok(())
    })?;
    Ok(columns)
}

fn lines(
    rows: &dyn Rows,
    sql: &str,
    file: &str,
    files: &mut Files<'_>,
    counted: &mut Counted<'_>,
) -> Result<(), ExportError> {
    rows.for_each_row(sql, &[], &mut |row| {
        counted.add(1)?;
        files.line(file, &row)
    })
}

fn parquet(
    rows: &dyn Rows,
    sql: &str,
    columns: &[(String, String)],
    file: &str,
    files: &mut Files<'_>,
    counted: &mut Counted<'_>,
) -> Result<(), ExportError> {
    let json: HashMap<&str, bool> = columns.iter().map(|(name, kind)| (name.as_str(), kind == "JSON")).collect();
    let mut sink: Option<Box<ParquetSink>> = None;
    let schema = rows.for_each_batch(sql, &mut |batch| {
        counted.add(batch.num_rows())?;
        let schema = with_json(&batch.schema(), &json);
        let batch = RecordBatch::try_new(schema.clone(), batch.columns().to_vec()).map_err(|e| broken(file, &e))?;
        let sink = match &mut sink {
            Some(sink) => sink,
            None => sink.insert(Box::new(ParquetSink::new(file, schema)?)),
        };
        sink.batch(&batch, files)
    })?;
    let sink = match sink {
        Some(sink) => sink,
        None => Box::new(ParquetSink::new(file, with_json(&schema, &json))?),
    };
    sink.finish(files)
}

/// The schema with JSON columns marked: to Arrow they are text.
fn with_json(schema: &Schema, json: &HashMap<&str, bool>) -> SchemaRef {
    let field = |field: &Field| match json.get(field.name().as_str()) {
        Some(true) if *field.data_type() == DataType::Utf8 => json_field(field.name()),
        // A batch may hold nulls whatever the query's schema says.
        _ => Field::new(field.name(), field.data_type().clone(), true),
    };
    Schema::new(schema.fields().iter().map(|f| field(f)).collect::<Vec<_>>()).into()
}

fn csv(
    rows: &dyn Rows,
    sql: &str,
    file: &str,
    files: &mut Files<'_>,
    counted: &mut Counted<'_>,
) -> Result<(), ExportError> {
    let mut has_header = false;
    let mut batch_of = |batch: &RecordBatch, files: &mut Files<'_>| {
        let mut text = Vec::new();
        let mut writer = WriterBuilder::new().with_header(!std::mem::replace(&mut has_header, true)).build(&mut text);
        writer.write(batch).map_err(|e| broken(file, &e))?;
        drop(writer);
        files.append(file, &text)
    };
    let schema = rows.for_each_batch(sql, &mut |batch| {
        counted.add(batch.num_rows())?;
        files.rows(file, batch.num_rows() as u64);
        batch_of(&batch, files)
    })?;
    if counted.count == 0 {
        batch_of(&RecordBatch::new_empty(schema), files)?;
    }
    Ok(())
}

/// The columns for the dataset card. Times are text in JSON lines.
fn features(columns: &[(String, String)], format: FileFormat) -> String {
    let feature = |(name, kind): &(String, String)| {
        let kind = match kind.as_str() {
            "VARCHAR" | "UUID" => "string",
            "BOOLEAN" => "bool",
            "TINYINT" | "SMALLINT" | "INTEGER" | "BIGINT" => "int64",
            "FLOAT" | "DOUBLE" => "float64",
            "JSON" => "json",
            kind if kind.starts_with("TIMESTAMP") && format == FileFormat::Jsonl => "string",
            _ => return None,
        };
        Some(format!("  - {{name: {}, dtype: {kind}}}\n", Value::from(name.as_str())))
    };
    // All columns or none: a reader fails on one that is not declared.
    columns.iter().map(feature).collect::<Option<String>>().unwrap_or_default()
}

fn broken(file: &str, error: &dyn std::fmt::Display) -> ExportError {
    ExportError::Write { file: file.to_owned(), source: std::io::Error::other(error.to_string()) }
}
