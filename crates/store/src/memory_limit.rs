//! How much memory DuckDB gets: little while nobody but the loader works, all that is configured while somebody reads.
//!
//! The loader needs few blocks twice, and DuckDB would keep all that it ever wrote, up to its limit. A reader's limit cannot be raised once
//! its rows come, so that it gets all there is before it begins. What the loader does under the low limit and finds too little is done once
//! more under the other; see [`crate::Store::commit`]. Checkpoints are written under the limit of the moment: for 280 MB of requests 128 MiB
//! did, and 64 did not (measured). One that fails costs the whole database, which is opened anew; from then on they get all there is.
//!
//! Invariants:
//! - The limit is set on connections that are in no transaction: one that fails would end it.
//! - Lowering may fail, where more is in use than can be forgotten. Then the limit stays, and lowering is tried again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use duckdb::Connection;

use crate::StoreError;

/// Readers mostly come in rows, and what the last one read is what the next one wants.
const LINGER: Duration = Duration::from_secs(10);

/// Of the process, since a store that is opened anew must not fail the same way again.
static CHECKPOINT_FAILED: AtomicBool = AtomicBool::new(false);

/// Whether a checkpoint failed, which may have been for want of memory.
pub(crate) fn checkpoints_need_full_memory() -> bool {
    CHECKPOINT_FAILED.load(Ordering::Relaxed)
}

/// A checkpoint failed.
pub(crate) fn note_failed_checkpoint() {
    CHECKPOINT_FAILED.store(true, Ordering::Relaxed);
}

#[derive(Debug)]
pub(crate) struct MemoryLimit {
    loading_bytes: u64,
    full_bytes: u64,
    is_low: bool,
    /// When somebody last had need of the full limit.
    wanted_at: Option<Instant>,
}

impl MemoryLimit {
    /// Of a database that was opened with the full limit.
    pub(crate) fn new(loading_bytes: u64, full_bytes: u64) -> Self {
        Self { loading_bytes: loading_bytes.min(full_bytes), full_bytes, is_low: false, wanted_at: None }
    }

    /// Somebody has need of the full limit now, and for a while. Tells whether it was lower.
    pub(crate) fn raise(&mut self, connection: &Connection, now: Instant) -> Result<bool, StoreError> {
        self.wanted_at = Some(now);
        self.raise_for_now(connection)
    }

    /// As [`MemoryLimit::raise`], until lowering is thought of again.
    pub(crate) fn raise_for_now(&mut self, connection: &Connection) -> Result<bool, StoreError> {
        let was_low = std::mem::take(&mut self.is_low);
        if was_low {
            set(connection, self.full_bytes)?;
        }
        Ok(was_low)
    }

    /// Lowers the limit, which makes DuckDB forget blocks, unless somebody reads, or did a moment ago.
    pub(crate) fn lower(&mut self, connection: &Connection, is_read: bool, now: Instant) {
        if is_read {
            self.wanted_at = Some(now);
        }
        let is_wanted = self.wanted_at.is_some_and(|at| now.saturating_duration_since(at) < LINGER);
        if !self.is_low && !is_wanted && self.loading_bytes < self.full_bytes {
            self.is_low = set(connection, self.loading_bytes).is_ok();
        }
    }
}

/// No parameter can stand there (DuckDB 1.5).
fn set(connection: &Connection, bytes: u64) -> Result<(), StoreError> {
    let set = connection.execute_batch(&format!("SET memory_limit = '{bytes}B'"));
    set.map_err(|e| StoreError::sql("setting the memory limit", e))
}

#[cfg(test)]
mod tests;
