//! Prepared statements: a text and the values bound to it, under a name that the client holds.
//!
//! Nothing of them lives in DuckDB. They are bounded in number, size and time; the one used longest ago goes first, and whoever
//! still wanted it is told to prepare it again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use tonic::Status;

use super::ticket::{Ticket, random_id};

/// Statements kept at once. A client holds one per cursor.
const MAX_STATEMENTS: usize = 256;
/// Texts and values of all of them together.
const MAX_BYTES: usize = 32 << 20;
/// A client that has said nothing for so long has gone without closing.
const MAX_IDLE: Duration = Duration::from_secs(3600);

/// A prepared statement.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) as_of: String,
    /// Names of its parameters, in their order.
    pub(super) names: Vec<String>,
    /// Columns of its answer, as far as they are known without values for the parameters.
    pub(super) schema: SchemaRef,
    /// One row as Arrow's IPC stream; empty: nothing is bound yet.
    pub(super) params: Bytes,
    /// Names the query that was begun when it was prepared.
    pub(super) begun: Option<Bytes>,
}

impl Statement {
    /// For running it with the values that are bound now.
    pub(super) fn into_ticket(self) -> Ticket {
        Ticket { params: self.params, names: self.names, ..Ticket::new(self.sql, self.as_of) }
    }

    fn bytes(&self) -> usize {
        self.sql.len() + self.params.len()
    }
}

/// All that are prepared. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Statements(Arc<Mutex<HashMap<Bytes, (Statement, Instant)>>>);

impl Statements {
    /// Keeps a statement and names it.
    pub(super) fn add(&self, statement: Statement) -> Bytes {
        let handle = random_id();
        let mut kept = self.kept();
        kept.insert(handle.clone(), (statement, Instant::now()));
        shrink(&mut kept, &handle);
        handle
    }

    /// A statement by its handle.
    pub(super) fn get(&self, handle: &Bytes) -> Result<Statement, Status> {
        let mut kept = self.kept();
        let (statement, used) = kept.get_mut(handle).ok_or_else(unknown)?;
        *used = Instant::now();
        Ok(statement.clone())
    }

    /// Binds values; those bound before are gone.
    pub(super) fn bind(&self, handle: &Bytes, params: Bytes) -> Result<(), Status> {
        let mut kept = self.kept();
        let (statement, used) = kept.get_mut(handle).ok_or_else(unknown)?;
        (statement.params, statement.begun, *used) = (params, None, Instant::now());
        shrink(&mut kept, handle);
        Ok(())
    }

    /// Forgets a statement; one that is not there is no error.
    pub(super) fn close(&self, handle: &Bytes) {
        self.kept().remove(handle);
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<Bytes, (Statement, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unknown() -> Status {
    Status::not_found("the prepared statement is not known, or no longer: prepare it again")
}

/// Takes away what is old, then what was used longest ago, until the limits hold. `latest` stays.
fn shrink(kept: &mut HashMap<Bytes, (Statement, Instant)>, latest: &Bytes) {
    kept.retain(|_, (_, used)| used.elapsed() < MAX_IDLE);
    let mut bytes: usize = kept.values().map(|(statement, _)| statement.bytes()).sum();
    while kept.len() > MAX_STATEMENTS || bytes > MAX_BYTES {
        let others = kept.iter().filter(|(handle, _)| *handle != latest);
        let Some(oldest) = others.min_by_key(|(_, (_, used))| *used).map(|(handle, _)| handle.clone()) else { return };
        bytes -= kept.remove(&oldest).map_or(0, |(statement, _)| statement.bytes());
    }
}

#[cfg(test)]
mod tests;
