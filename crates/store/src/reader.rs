//! Read handles. A reader has a connection of its own and sees whole commits only.
//!
//! A reader runs the SQL of this program and of guarded callers; it does not judge what it is given (that is the `query`
//! crate's work). `sql` is always one statement.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use duckdb::{Connection, InterruptHandle, Statement, params_from_iter};
use serde_json::{Map, Value};

use crate::cache_limit::CacheLimit;
use crate::json_rows::RowShape;
use crate::memory_limit::MemoryLimit;
use crate::store::use_store;
use crate::text_reader::{self, TextReaderHandle};
use crate::{Params, StoreError};

/// Makes readers, on any thread, and can end them all: a database is closed when its last connection is.
#[derive(Clone)]
pub struct Readers(Arc<Mutex<Origin>>);

struct Origin {
    /// `None` once it is closed.
    open: Option<(Connection, TextReaderHandle)>,
    is_refusing: bool,
    /// Of the readers that are there, and of some that are gone.
    interrupts: Vec<Interrupt>,
    /// Every reader has a clone for as long as its connection is open.
    alive: Arc<()>,
    memory: MemoryLimit,
}

impl Origin {
    fn live(&self) -> usize {
        Arc::strong_count(&self.alive) - 1
    }
}

impl Readers {
    pub(crate) fn new(writer: &Connection, memory: MemoryLimit) -> Result<Self, StoreError> {
        let connection = writer.try_clone().map_err(|e| StoreError::sql("opening a reader", e))?;
        let open = Some((connection, text_reader::register(writer)?));
        let origin = Origin { open, is_refusing: false, interrupts: Vec::new(), alive: Arc::default(), memory };
        Ok(Self(Arc::new(Mutex::new(origin))))
    }

    /// A connection without anything that readers have.
    #[cfg(test)]
    pub(crate) fn connection(&self) -> Connection {
        let connection = self.origin().open.as_ref().unwrap().0.try_clone().unwrap();
        use_store(&connection).unwrap();
        connection
    }

    /// A fresh connection for reads.
    ///
    /// # Errors
    /// [`StoreError::Closed`] where readers are refused, and after [`Readers::close`].
    pub fn reader(&self) -> Result<Reader, StoreError> {
        let mut origin = self.origin();
        let Origin { open: Some((connection, texts)), is_refusing: false, memory, .. } = &mut *origin else {
            return Err(StoreError::Closed);
        };
        memory.raise(connection, Instant::now())?;
        let connection = connection.try_clone().map_err(|e| StoreError::sql("opening a reader", e))?;
        use_store(&connection).map_err(|e| StoreError::sql("opening a reader", e))?;
        hold_little(&connection)?;
        text_reader::prepare(&connection)?;
        let reader = Reader::over(connection, Some(texts.clone()), origin.alive.clone());
        origin.interrupts.retain(Interrupt::is_of_use);
        origin.interrupts.push(reader.interrupt_handle());
        Ok(reader)
    }

    /// Whether readers are refused from now on. Those that are there are not disturbed.
    pub fn refuse(&self, refuse: bool) {
        self.origin().is_refusing = refuse;
    }

    /// How many readers there are.
    pub fn live(&self) -> usize {
        self.origin().live()
    }

    /// Journal position that readers see now. Costs next to nothing, and memory stays as it is: for probes, which come all the time.
    ///
    /// # Errors
    /// As [`Readers::reader`].
    pub fn position(&self) -> Result<u64, StoreError> {
        let connection = {
            let origin = self.origin();
            let (Some((connection, _)), false) = (&origin.open, origin.is_refusing) else {
                return Err(StoreError::Closed);
            };
            connection.try_clone().map_err(|e| StoreError::sql("opening a reader", e))?
        };
        use_store(&connection).map_err(|e| StoreError::sql("opening a reader", e))?;
        position(&connection)
    }

    /// Gives memory back that nobody has need of: for the writer, between its transactions.
    pub(crate) fn lower_memory(&self) {
        let mut origin = self.origin();
        let is_read = origin.live() > 0;
        if let Origin { open: Some((connection, _)), memory, .. } = &mut *origin {
            memory.lower(connection, is_read, Instant::now());
        }
    }

    /// Gives the writer all memory that is configured, for a while. Tells whether it had less.
    pub(crate) fn raise_memory(&self) -> Result<bool, StoreError> {
        self.with_memory(|memory, connection| memory.raise(connection, Instant::now()))
    }

    /// … until [`Readers::lower_memory`].
    pub(crate) fn raise_memory_for_now(&self) -> Result<bool, StoreError> {
        self.with_memory(MemoryLimit::raise_for_now)
    }

    fn with_memory(
        &self,
        raise: impl FnOnce(&mut MemoryLimit, &Connection) -> Result<bool, StoreError>,
    ) -> Result<bool, StoreError> {
        match &mut *self.origin() {
            Origin { open: Some((connection, _)), memory, .. } => raise(memory, connection),
            _ => Ok(false),
        }
    }

    /// Stops every query that runs. The readers stay.
    pub fn interrupt_all(&self) {
        let interrupts = self.origin().interrupts.clone();
        interrupts.iter().for_each(Interrupt::interrupt);
    }

    /// Gives up what this itself holds of the database. Once the store and all readers are gone too, its file is closed.
    pub fn close(&self) {
        let open = self.origin().open.take();
        drop(open);
    }

    fn origin(&self) -> MutexGuard<'_, Origin> {
        // Nothing that holds it leaves it in a bad state.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Of a streamed answer DuckDB gives nothing before it holds a megabyte of it, texts not counted: of long ones that were 300 MB, which took longer
/// to fetch from the system than to make (rows of 8 KB: the first came after 17 ms instead of 170, all in 0.6 of the time; measured). A vector
/// of rows is enough to hold: whoever makes the rows takes them as well, or nearly so.
pub(crate) fn hold_little(connection: &Connection) -> Result<(), StoreError> {
    let set = connection.execute_batch("SET streaming_buffer_size = '1KB'");
    set.map_err(|e| StoreError::sql("opening a reader", e))
}

/// Journal position that a connection sees.
pub(crate) fn position(connection: &Connection) -> Result<u64, StoreError> {
    connection
        .query_row("SELECT position FROM journal_position", [], |row| row.get(0))
        .map_err(|e| StoreError::sql("reading the journal position", e))
}

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readers").finish_non_exhaustive()
    }
}

/// A connection for reads. It can be sent to another thread; one query runs on it at a time.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    interrupt: Interrupt,
    /// Of a reader that has the store for itself.
    cache_limit: Option<CacheLimit>,
    /// What its views need; absent over files that have no shared texts.
    _texts: Option<TextReaderHandle>,
    /// Last: whoever counts readers counts open connections.
    _alive: Arc<()>,
}

/// Stops the query that runs on a reader, from any thread. Once the reader is gone it does nothing.
///
/// DuckDB's own handle is not enough: it is told that its connection is closed only after that was freed, so that an interrupt at
/// this moment writes into freed memory (seen as a crash in `ClientContext::Interrupt`).
#[derive(Clone)]
pub struct Interrupt(Arc<Mutex<Option<Arc<InterruptHandle>>>>);

impl Interrupt {
    /// Stops the query, if one runs. The reader stays usable.
    pub fn interrupt(&self) {
        // Held over the call: the reader cannot close its connection meanwhile.
        if let Some(handle) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            handle.interrupt();
        }
    }

    fn is_of_use(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

impl fmt::Debug for Interrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interrupt").finish_non_exhaustive()
    }
}

impl Drop for Reader {
    /// Before the connection closes, which a field's drop comes after.
    fn drop(&mut self) {
        *self.interrupt.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Reader {
    /// Reads over this connection. `texts` keeps what its views need; `alive` goes after the connection.
    pub(crate) fn over(connection: Connection, texts: Option<TextReaderHandle>, alive: Arc<()>) -> Self {
        let interrupt = Interrupt(Arc::new(Mutex::new(Some(connection.interrupt_handle()))));
        Self { connection, interrupt, cache_limit: None, _texts: texts, _alive: alive }
    }

    /// Nobody else reads or writes the store, which has this memory limit, and little will be read twice.
    pub(crate) fn alone(mut self, memory_limit_bytes: u64) -> Self {
        self.cache_limit = Some(CacheLimit::new(memory_limit_bytes));
        self
    }

    /// All rows of a query. Values are typed: numbers, strings, booleans, nested lists and objects; JSON columns are parsed;
    /// times are ISO 8601 in UTC with a `Z` (`2026-11-22T17:14:59.000001Z`); integers beyond 64 bits, and doubles that are not
    /// finite, are strings.
    pub fn rows(&self, sql: &str, params: &[Value]) -> Result<Vec<Map<String, Value>>, StoreError> {
        let mut rows = Vec::new();
        self.for_each_row(sql, params, &mut |row| {
            rows.push(row);
            ControlFlow::Continue(())
        })?;
        Ok(rows)
    }

    /// Calls `visit` with every row, until it breaks. Holds a few thousand rows at a time.
    pub fn for_each_row(
        &self,
        sql: &str,
        params: &[Value],
        visit: &mut dyn FnMut(Map<String, Value>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let mut shape = None;
        self.each_batch(sql, &Params::from_json(params), |statement, batch| {
            let shape = shape.get_or_insert_with(|| RowShape::of(statement, &batch));
            for row in 0..batch.num_rows() {
                if shape.row(&batch, row)?.map_or(ControlFlow::Continue(()), &mut *visit).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(())
    }

    /// Calls `visit` with every Arrow batch (2048 rows at most), until it breaks, and returns the schema, which is known
    /// even when there are no rows. JSON columns are Utf8.
    pub fn stream(
        &self,
        sql: &str,
        params: &Params,
        visit: &mut dyn FnMut(RecordBatch) -> Result<ControlFlow<()>, StoreError>,
    ) -> Result<SchemaRef, StoreError> {
        self.each_batch(sql, params, |_, batch| visit(batch))
    }

    /// Calls `visit` with every Arrow batch of a query whose rows all fit into memory, until it breaks. JSON columns are Utf8.
    ///
    /// Takes less time than [`Reader::stream`], which waits for each batch by asking again and again on a core of its own.
    pub fn for_each_batch_at_once(
        &self,
        sql: &str,
        params: &[Value],
        visit: &mut dyn FnMut(RecordBatch) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let failed = |e| StoreError::sql("querying", e);
        let execute = || {
            let mut statement = self.connection.prepare(sql).map_err(failed)?;
            let values = Params::from_json(params).in_order_of(&statement)?;
            statement.execute(params_from_iter(values)).map_err(failed)?;
            Ok(statement)
        };
        let statement = match &self.cache_limit {
            None => execute()?,
            Some(limit) => self.try_low(limit, execute)?,
        };
        while let Some(batch) = statement.step().map_err(failed)? {
            if visit(RecordBatch::from(&batch)).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Calls `visit` with shared texts, in no order: those of some ids, which are sorted and different, as columns of pieces name them.
    /// Ids that are not there are left out.
    pub fn for_each_text(&self, ids: &[u64], visit: &mut dyn FnMut(u64, &str)) -> Result<(), StoreError> {
        text_reader::for_each_text(&self.connection, ids, visit).map_err(|e| StoreError::sql("reading shared texts", e))
    }

    /// Stops the query that runs on this reader, from another thread. The reader stays usable.
    pub fn interrupt_handle(&self) -> Interrupt {
        self.interrupt.clone()
    }

    /// Journal position that this reader's snapshot covers.
    pub fn position(&self) -> Result<u64, StoreError> {
        position(&self.connection)
    }

    /// From here on all queries see the store as of now, until [`Reader::end_snapshot`].
    pub fn begin_snapshot(&self) -> Result<(), StoreError> {
        self.connection
            .execute_batch("BEGIN TRANSACTION READ ONLY")
            .map_err(|e| StoreError::sql("beginning a snapshot", e))?;
        // DuckDB takes the snapshot of a database at the first look into it.
        self.position().map(|_| ())
    }

    /// Begins a transaction for one query, which only reads: its first look into the store decides what it sees. Ends as a snapshot does.
    pub fn begin_query(&self) -> Result<(), StoreError> {
        let begun = self.connection.execute_batch("BEGIN TRANSACTION READ ONLY");
        begun.map_err(|e| StoreError::sql("beginning a query", e))
    }

    /// Ends the snapshot.
    pub fn end_snapshot(&self) -> Result<(), StoreError> {
        self.connection.execute_batch("ROLLBACK").map_err(|e| StoreError::sql("ending a snapshot", e))
    }

    /// Does it under the low limit; where that is too little, once more under the usual one.
    fn try_low<T>(&self, limit: &CacheLimit, execute: impl Fn() -> Result<T, StoreError>) -> Result<T, StoreError> {
        limit.lower(&self.connection)?;
        match execute() {
            Err(error) if error.is_out_of_memory() => {
                // The error has ended the snapshot, if there was one. Nobody writes, so that the next is the same.
                let was_snapshot = self.connection.execute_batch("ROLLBACK").is_ok();
                limit.raise(&self.connection)?;
                if was_snapshot {
                    self.begin_snapshot()?;
                }
                execute()
            }
            done => done,
        }
    }

    fn each_batch(
        &self,
        sql: &str,
        params: &Params,
        mut visit: impl FnMut(&Statement<'_>, RecordBatch) -> Result<ControlFlow<()>, StoreError>,
    ) -> Result<SchemaRef, StoreError> {
        let failed = |e| StoreError::sql("querying", e);
        let execute = || {
            let mut statement = self.connection.prepare(sql).map_err(failed)?;
            let values = params.in_order_of(&statement)?;
            // Only to start it: the iterator itself panics where `step` returns an error.
            drop(statement.stream_arrow(params_from_iter(values)).map_err(failed)?);
            let first = statement.step().map_err(failed)?.map(|batch| RecordBatch::from(&batch));
            Ok((statement, first))
        };
        let (statement, mut next) = match &self.cache_limit {
            None => execute()?,
            Some(limit) => {
                let begun = self.try_low(limit, execute)?;
                // The rows that come now cannot be asked for once more.
                limit.raise(&self.connection.try_clone().map_err(failed)?)?;
                begun
            }
        };
        while let Some(batch) = next {
            if visit(&statement, batch)?.is_break() {
                break;
            }
            next = statement.step().map_err(failed)?.map(|batch| RecordBatch::from(&batch));
        }
        Ok(statement.schema())
    }
}

#[cfg(test)]
mod tests;
