//! Where rows come from: the store in the program, memory in tests.

use std::ops::ControlFlow;

use arrow::{datatypes::SchemaRef, record_batch::RecordBatch};
use gleaner_store::{Reader, StoreError};
use serde_json::{Map, Value};

use crate::ExportError;

/// Read access to the public relations at one fixed journal position.
pub trait Rows {
    /// Calls `visit` for every row of `sql`, in the query's order. `?` stands for `params`, one after the other.
    /// JSON columns may come parsed or as text. An error of `visit` ends the reading and is returned.
    fn for_each_row(
        &self,
        sql: &str,
        params: &[Value],
        visit: &mut dyn FnMut(Map<String, Value>) -> Result<(), ExportError>,
    ) -> Result<(), ExportError>;

    /// Calls `visit` with every batch of `sql`, all of which fit into memory at once, as those of a page do. JSON columns are text.
    fn for_each_page(
        &self,
        sql: &str,
        params: &[Value],
        visit: &mut dyn FnMut(&RecordBatch) -> Result<(), ExportError>,
    ) -> Result<(), ExportError>;

    /// Calls `visit` with the shared texts of these ids, which are sorted and different, in no order. Those that are not there are left
    /// out.
    fn for_each_text(&self, ids: &[u64], visit: &mut dyn FnMut(u64, &str)) -> Result<(), ExportError>;

    /// Calls `visit` with every batch of `sql`, in the query's order, and returns the schema. JSON columns are text.
    fn for_each_batch(
        &self,
        sql: &str,
        visit: &mut dyn FnMut(RecordBatch) -> Result<(), ExportError>,
    ) -> Result<SchemaRef, ExportError>;

    /// The journal position that all rows are read at.
    fn position(&self) -> Result<u64, ExportError>;
}

/// The caller begins a snapshot first ([`Reader::begin_snapshot`]): an export is several queries, and is refused when
/// the store has moved on between the first and the last of them.
impl Rows for Reader {
    fn for_each_row(
        &self,
        sql: &str,
        params: &[Value],
        visit: &mut dyn FnMut(Map<String, Value>) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        let mut visited = Ok(());
        Reader::for_each_row(self, sql, params, &mut |row| {
            visited = visit(row);
            if visited.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        visited
    }

    fn for_each_page(
        &self,
        sql: &str,
        params: &[Value],
        visit: &mut dyn FnMut(&RecordBatch) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        let mut visited = Ok(());
        Reader::for_each_batch_at_once(self, sql, params, &mut |batch| {
            visited = visit(&batch);
            if visited.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        visited
    }

    fn for_each_text(&self, ids: &[u64], visit: &mut dyn FnMut(u64, &str)) -> Result<(), ExportError> {
        Ok(Reader::for_each_text(self, ids, visit)?)
    }

    fn for_each_batch(
        &self,
        sql: &str,
        visit: &mut dyn FnMut(RecordBatch) -> Result<(), ExportError>,
    ) -> Result<SchemaRef, ExportError> {
        let mut visited = Ok(());
        let schema = Reader::stream(self, sql, &gleaner_store::Params::default(), &mut |batch| {
            visited = visit(batch);
            Ok(if visited.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        visited.map(|()| schema)
    }

    fn position(&self) -> Result<u64, ExportError> {
        Ok(Reader::position(self)?)
    }
}

impl From<StoreError> for ExportError {
    fn from(source: StoreError) -> Self {
        Self::Store(Box::new(source))
    }
}

#[cfg(test)]
mod tests;
