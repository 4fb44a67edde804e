//! One row of the store on its way to typed values: what a column must be, and the error when it is not.

use gleaner_model::Source;
use serde_json::{Map, Value};

use crate::ExportError;

/// One row on its way to its type. Columns are taken out, so that large values are moved, not copied.
pub(crate) struct Row {
    relation: &'static str,
    row: Map<String, Value>,
}

impl Row {
    pub(crate) fn new(relation: &'static str, row: Map<String, Value>) -> Self {
        Self { relation, row }
    }

    fn take(&mut self, column: &'static str) -> Option<Value> {
        self.row.get_mut(column).map(Value::take).filter(|value| !value.is_null())
    }

    pub(crate) fn unlike(&self, column: &'static str, expected: &'static str) -> ExportError {
        ExportError::Column { relation: self.relation, column, expected }
    }

    pub(crate) fn text(&mut self, column: &'static str) -> Result<Option<String>, ExportError> {
        match self.take(column) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.unlike(column, "text")),
        }
    }

    pub(crate) fn required(&mut self, column: &'static str) -> Result<String, ExportError> {
        self.text(column)?.ok_or_else(|| self.unlike(column, "present"))
    }

    pub(crate) fn number(&mut self, column: &'static str) -> Result<Option<f64>, ExportError> {
        let value = self.take(column);
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
        let parsed = match self.take(column) {
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
        let parsed = match self.take(column) {
            None => return Ok(None),
            Some(Value::String(text)) => serde_json::from_str(&text),
            Some(value) => serde_json::from_value(value).map(Some),
        };
        parsed.map_err(|_| self.unlike(column, expected))
    }

    pub(crate) fn texts(&mut self, column: &'static str) -> Result<Vec<String>, ExportError> {
        Ok(self.typed(column, "a list of texts")?.unwrap_or_default())
    }
}
