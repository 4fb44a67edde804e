//! One row of the store on its way to typed values: what a column must be, and the error when it is not.

use std::cell::Cell;

use arrow::{
    array::{Array, BooleanArray, StringArray},
    record_batch::RecordBatch,
};
use gleaner_model::{Message, Source};
use serde_json::{Map, Value};

use crate::{ExportError, messages};

/// One row on its way to its type.
pub(crate) struct Row<'a> {
    relation: &'static str,
    cells: Cells<'a>,
}

enum Cells<'a> {
    /// Columns are taken out, so that large values are moved, not copied.
    Values(Map<String, Value>),
    /// Texts and booleans of a batch, which stay where they are. Columns are mostly asked for in their order: `next` is where the
    /// search begins.
    Batch { batch: &'a RecordBatch, at: usize, next: &'a Cell<usize> },
}

/// A cell of a batch.
enum Found<'a> {
    Null,
    Text(&'a str),
    Bool(bool),
    Unknown,
}

impl<'a> Row<'a> {
    pub(crate) fn new(relation: &'static str, row: Map<String, Value>) -> Self {
        Self { relation, cells: Cells::Values(row) }
    }

    /// Row `at` of a batch; `next` is one for all rows of it.
    pub(crate) fn of_batch(relation: &'static str, batch: &'a RecordBatch, at: usize, next: &'a Cell<usize>) -> Self {
        Self { relation, cells: Cells::Batch { batch, at, next } }
    }

    fn found(batch: &'a RecordBatch, at: usize, next: &Cell<usize>, column: &str) -> Found<'a> {
        let fields = batch.schema_ref().fields();
        let begin = next.get();
        let Some(index) = (begin..fields.len()).chain(0..begin).find(|index| fields[*index].name() == column) else {
            return Found::Null;
        };
        next.set(index + 1);
        let array = batch.column(index);
        if array.is_null(at) {
            return Found::Null;
        }
        if let Some(texts) = array.as_any().downcast_ref::<StringArray>() {
            return Found::Text(texts.value(at));
        }
        match array.as_any().downcast_ref::<BooleanArray>() {
            Some(bools) => Found::Bool(bools.value(at)),
            None => Found::Unknown,
        }
    }

    pub(crate) fn take(&mut self, column: &'static str) -> Result<Option<Value>, ExportError> {
        match &mut self.cells {
            Cells::Values(row) => Ok(row.get_mut(column).map(Value::take).filter(|value| !value.is_null())),
            Cells::Batch { batch, at, next } => match Self::found(batch, *at, next, column) {
                Found::Null => Ok(None),
                Found::Text(text) => Ok(Some(text.into())),
                Found::Bool(is) => Ok(Some(is.into())),
                Found::Unknown => Err(self.unlike(column, "text or a boolean")),
            },
        }
    }

    /// The text of a column where it need not be copied for that.
    fn lent(&self, column: &str) -> Option<&'a str> {
        let Cells::Batch { batch, at, next } = &self.cells else { return None };
        match Self::found(batch, *at, next, column) {
            Found::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What its texts take: nearly all of it.
    pub(crate) fn text_bytes(&self) -> usize {
        match &self.cells {
            Cells::Values(row) => row.values().filter_map(Value::as_str).map(str::len).sum(),
            Cells::Batch { batch, at, .. } => {
                let texts = batch.columns().iter().filter_map(|column| column.as_any().downcast_ref::<StringArray>());
                texts.filter(|texts| texts.is_valid(*at)).map(|texts| texts.value_length(*at) as usize).sum()
            }
        }
    }

    pub(crate) fn unlike(&self, column: &'static str, expected: &'static str) -> ExportError {
        ExportError::Column { relation: self.relation, column, expected }
    }

    pub(crate) fn text(&mut self, column: &'static str) -> Result<Option<String>, ExportError> {
        match self.take(column)? {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.unlike(column, "text")),
        }
    }

    pub(crate) fn required(&mut self, column: &'static str) -> Result<String, ExportError> {
        self.text(column)?.ok_or_else(|| self.unlike(column, "present"))
    }

    pub(crate) fn number(&mut self, column: &'static str) -> Result<Option<f64>, ExportError> {
        let value = self.take(column)?;
        let number = value.as_ref().map(|value| value.as_f64().ok_or_else(|| self.unlike(column, "a number")));
        number.transpose()
    }

    pub(crate) fn source(&mut self) -> Result<Source, ExportError> {
        match self.text("source")?.as_deref() {
            Some("human") => Ok(Source::Human),
            Some("model") => Ok(Source::Model),
            Some("code") => Ok(Source::Code),
            _ => Err(self.unlike("source", "human, model or code")),
        }
    }

    /// A JSON column: parsed already, or as its text.
    pub(crate) fn json(&mut self, column: &'static str) -> Result<Option<Value>, ExportError> {
        let parsed = match self.take(column)? {
            Some(Value::String(text)) => serde_json::from_str(&text).map_err(|_| self.unlike(column, "JSON"))?,
            other => other,
        };
        Ok(parsed.filter(|value: &Value| !value.is_null()))
    }

    /// A JSON column as `T`: from its text in one step, where it comes as text.
    pub(crate) fn typed<T: serde::de::DeserializeOwned>(
        &mut self,
        column: &'static str,
        expected: &'static str,
    ) -> Result<Option<T>, ExportError> {
        if let Some(text) = self.lent(column) {
            return serde_json::from_str(text).map_err(|_| self.unlike(column, expected));
        }
        let parsed = match self.take(column)? {
            None => return Ok(None),
            Some(Value::String(text)) => serde_json::from_str(&text),
            Some(value) => serde_json::from_value(value).map(Some),
        };
        parsed.map_err(|_| self.unlike(column, expected))
    }

    pub(crate) fn texts(&mut self, column: &'static str) -> Result<Vec<String>, ExportError> {
        Ok(self.typed(column, "a list of texts")?.unwrap_or_default())
    }

    pub(crate) fn messages(&mut self, column: &'static str) -> Result<Option<Vec<Message>>, ExportError> {
        match self.lent(column) {
            Some(text) => messages::parse(text).map_err(|_| self.unlike(column, "a list of messages")),
            None => self.typed(column, "a list of messages"),
        }
    }

    /// The messages of two columns, which often hold the same.
    pub(crate) fn messages_of_two(
        &mut self,
        columns: [&'static str; 2],
    ) -> Result<[Option<Vec<Message>>; 2], ExportError> {
        let lent = columns.map(|column| self.lent(column));
        let first = self.messages(columns[0])?;
        let second = match lent {
            [Some(one), Some(other)] if one == other => first.clone(),
            _ => self.messages(columns[1])?,
        };
        Ok([first, second])
    }
}
