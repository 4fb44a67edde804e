//! How much DuckDB keeps in memory for a reader that has the store for itself, as an export at rest has.
//!
//! What reads a store once from end to end needs few of its blocks twice, and DuckDB would keep them up to its limit: of a large store
//! an export would take a gigabyte for nothing. So each query is tried under a low limit first, which makes DuckDB forget what it keeps and
//! sort on disk; only where that is too little, under the usual one.

use std::cell::Cell;

use duckdb::Connection;

use crate::StoreError;

/// Enough for a page of an export: its rows and the joins that make them took less than half of it.
const LOW_BYTES: u64 = 128 << 20;

#[derive(Debug)]
pub(crate) struct CacheLimit {
    usual_bytes: u64,
    is_low: Cell<bool>,
}

impl CacheLimit {
    pub(crate) fn new(usual_bytes: u64) -> Self {
        Self { usual_bytes, is_low: Cell::new(false) }
    }

    /// Sets the low limit.
    pub(crate) fn lower(&self, connection: &Connection) -> Result<(), StoreError> {
        self.set(connection, true)
    }

    /// Sets the usual limit.
    pub(crate) fn raise(&self, connection: &Connection) -> Result<(), StoreError> {
        self.set(connection, false)
    }

    fn set(&self, connection: &Connection, is_low: bool) -> Result<(), StoreError> {
        if self.is_low.get() == is_low || self.usual_bytes <= LOW_BYTES {
            return Ok(());
        }
        let bytes = if is_low { LOW_BYTES } else { self.usual_bytes };
        let set = connection.execute_batch(&format!("SET memory_limit = '{bytes}B'"));
        set.map_err(|e| StoreError::sql("setting the memory limit", e))?;
        self.is_low.set(is_low);
        Ok(())
    }
}
