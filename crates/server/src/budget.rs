//! Bytes that requests hold while they arrive, are checked and wait for the disk: a bound for all clients together and one for each
//! connection. Taking never waits: what finds no room is refused, so that nothing queues up in memory.
//!
//! Invariant: what a [`Held`] took is given back when it is dropped, whatever became of its request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{ErrorCode, Refusal};

/// A bound on bytes. Cheap to clone; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Pool {
    used: Arc<AtomicU64>,
    max_bytes: u64,
    /// Whose bytes are bounded, for messages.
    whose: &'static str,
}

impl Pool {
    /// For the requests of all clients together.
    pub(crate) fn of_all(max_bytes: u64) -> Self {
        Self { used: Arc::default(), max_bytes, whose: "all clients" }
    }

    /// For the requests of one connection.
    pub(crate) fn of_connection(max_bytes: u64) -> Self {
        Self { used: Arc::default(), max_bytes, whose: "this connection" }
    }

    /// Bytes held now.
    pub(crate) fn used_bytes(&self) -> u64 {
        self.used.load(Ordering::Acquire)
    }

    fn take(&self, bytes: u64) -> Result<(), Refusal> {
        let fits = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= self.max_bytes);
        match self.used.fetch_update(Ordering::AcqRel, Ordering::Acquire, fits) {
            Ok(_) => Ok(()),
            Err(_) => Err(Refusal::new(
                ErrorCode::Busy,
                format!("requests of {} hold the limit of {} bytes, try again later", self.whose, self.max_bytes),
            )),
        }
    }

    fn give(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::AcqRel);
    }
}

/// What one request holds of both pools.
#[derive(Debug)]
pub(crate) struct Held {
    all: Pool,
    connection: Pool,
    bytes: u64,
}

impl Held {
    /// Nothing yet.
    pub(crate) fn nothing(all: &Pool, connection: &Pool) -> Self {
        Self { all: all.clone(), connection: connection.clone(), bytes: 0 }
    }

    /// Takes room for more.
    ///
    /// # Errors
    /// BUSY when a pool has none; what was held before stays held.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), Refusal> {
        let bytes = bytes as u64;
        self.connection.take(bytes)?;
        if let Err(refusal) = self.all.take(bytes) {
            self.connection.give(bytes);
            return Err(refusal);
        }
        self.bytes += bytes;
        Ok(())
    }

    /// Gives back what is beyond `bytes`.
    pub(crate) fn shrink_to(&mut self, bytes: usize) {
        let surplus = self.bytes.saturating_sub(bytes as u64);
        self.all.give(surplus);
        self.connection.give(surplus);
        self.bytes -= surplus;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

#[cfg(test)]
mod tests;
