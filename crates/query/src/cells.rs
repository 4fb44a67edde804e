//! The values of a batch as JSON text, cell by cell: the form from which all output formats are made.
//!
//! Integers are numbers at any width, NaN and infinities are null, times are ISO 8601, blobs hexadecimal, lists arrays,
//! structs and maps objects. A column marked as JSON is nested as it is.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, MapArray, StringArray};
use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit, TimestampMicrosecondType};
use arrow::error::ArrowError;
use arrow::json::writer::{Encoder, EncoderFactory, EncoderOptions, NullableEncoder, make_encoder};
use arrow::record_batch::RecordBatch;
use arrow::temporal_conversions::timestamp_us_to_datetime;
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// On a field whose text is JSON, or that is a list of such.
const JSON_MARK: &str = "gleaner.json";

/// Writes the cells of batches that share one schema.
#[derive(Debug)]
pub(crate) struct Cells {
    fields: Vec<FieldRef>,
    options: EncoderOptions,
}

impl Cells {
    /// For these columns; `is_json` tells which of them hold JSON text, by position.
    pub(crate) fn new(fields: &[FieldRef], is_json: &[bool]) -> Self {
        let marked = |(index, field): (usize, &FieldRef)| {
            if !is_json.get(index).is_some_and(|json| *json) {
                return field.clone();
            }
            let mark = HashMap::from([(JSON_MARK.to_owned(), String::new())]);
            Arc::new(Field::new(field.name(), field.data_type().clone(), true).with_metadata(mark))
        };
        Self {
            fields: fields.iter().enumerate().map(marked).collect(),
            options: EncoderOptions::default().with_explicit_nulls(true).with_encoder_factory(Arc::new(OurValues)),
        }
    }

    /// Calls `cell` with row, column and JSON text (`None` for NULL) of every cell, row by row.
    pub(crate) fn each(
        &self,
        batch: &RecordBatch,
        mut cell: impl FnMut(usize, usize, Option<&[u8]>),
    ) -> Result<(), ArrowError> {
        let columns = self.fields.iter().zip(batch.columns());
        let encoders = columns.map(|(field, array)| make_encoder(field, array.as_ref(), &self.options));
        let mut encoders = encoders.collect::<Result<Vec<_>, _>>()?;
        let mut text = Vec::new();
        for row in 0..batch.num_rows() {
            for (column, encoder) in encoders.iter_mut().enumerate() {
                text.clear();
                if !encoder.is_null(row) {
                    encoder.encode(row, &mut text);
                }
                // NaN has no JSON: the encoder writes null.
                let value = Some(text.as_slice()).filter(|text| !text.is_empty() && *text != b"null");
                cell(row, column, value);
            }
        }
        Ok(())
    }
}

/// What arrow's own encoders refuse, or write in another way than a reader of JSON would want.
#[derive(Debug)]
struct OurValues;

impl EncoderFactory for OurValues {
    fn make_default_encoder<'a>(
        &self,
        field: &'a FieldRef,
        array: &'a dyn Array,
        options: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        let encoder: Box<dyn Encoder + 'a> = match array.data_type() {
            DataType::Utf8 if field.metadata().contains_key(JSON_MARK) => Box::new(JsonText(array.as_string())),
            // Always UTC, with zone or without; a zone's name would need a table of time zones.
            DataType::Timestamp(TimeUnit::Microsecond, _) => Box::new(UtcTime(array)),
            DataType::Map(_, _) => {
                let map = array.as_map();
                let (_, value_field) = map.entries_fields();
                let value_field = map.entries().fields().iter().find(|field| field.name() == value_field.name());
                let value_field = value_field.unwrap_or(field);
                Box::new(AnyMap {
                    map,
                    keys: ArrayFormatter::try_new(map.keys(), &FormatOptions::new())?,
                    values: make_encoder(value_field, map.values().as_ref(), options)?,
                })
            }
            DataType::Union(_, _) => Box::new(Shown(ArrayFormatter::try_new(array, &FormatOptions::new())?)),
            _ => return Ok(None),
        };
        Ok(Some(NullableEncoder::new(encoder, array.logical_nulls())))
    }
}

/// Text that is JSON already. DuckDB accepts NaN and numbers without bound inside it; such text stays text.
struct JsonText<'a>(&'a StringArray);

impl Encoder for JsonText<'_> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        let text = self.0.value(row);
        match serde_json::from_str::<serde_json::Value>(text) {
            Ok(_) => out.extend(text.bytes().filter(|byte| *byte != b'\n' && *byte != b'\r')),
            Err(_) => push_string(text, out),
        }
    }
}

struct UtcTime<'a>(&'a dyn Array);

impl Encoder for UtcTime<'_> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        let micros = self.0.as_primitive::<TimestampMicrosecondType>().value(row);
        match timestamp_us_to_datetime(micros) {
            Some(time) => out.extend(format!("\"{}Z\"", time.format("%Y-%m-%dT%H:%M:%S%.6f")).bytes()),
            // DuckDB's infinities, and years that the calendar does not reach.
            None => out.extend(b"null"),
        }
    }
}

/// A map with keys of any type; JSON knows text keys only.
struct AnyMap<'a> {
    map: &'a MapArray,
    keys: ArrayFormatter<'a>,
    values: NullableEncoder<'a>,
}

impl Encoder for AnyMap<'_> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        let offsets = self.map.value_offsets();
        // Offsets are 32 bits, never negative, and one more than rows.
        let entries = offsets[row] as usize..offsets[row + 1] as usize;
        out.push(b'{');
        for (position, entry) in entries.enumerate() {
            if position > 0 {
                out.push(b',');
            }
            push_string(&self.keys.value(entry).to_string(), out);
            out.push(b':');
            if self.values.is_null(entry) {
                out.extend(b"null");
            } else {
                self.values.encode(entry, out);
            }
        }
        out.push(b'}');
    }
}

/// Whatever else can be shown, as a string.
struct Shown<'a>(ArrayFormatter<'a>);

impl Encoder for Shown<'_> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        push_string(&self.0.value(row).to_string(), out);
    }
}

/// Appends a JSON string.
pub(crate) fn push_string(text: &str, out: &mut Vec<u8>) {
    out.extend(serde_json::Value::from(text).to_string().bytes());
}

#[cfg(test)]
mod tests;
