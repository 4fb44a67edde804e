//! The limits of one query: time, text and answer. They do not bound DuckDB's memory, nor what an interrupt does not reach: queries that
//! could outgrow them so are told apart by `growth.rs`, and run where the system bounds them (`isolated.rs`).

/// How much one query may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryLimits {
    /// Longest text, in bytes. A hand-written query is a hundredth of it, and the parser's tree is fifty times the text.
    pub max_sql_bytes: usize,
    /// Time from the call to the last row, in milliseconds, without what the sink says it waited for its own reader. A query holds a snapshot, which keeps checkpoints from
    /// freeing space.
    pub deadline_ms: u64,
    /// Rows in the answer; the rest is cut and the summary says so.
    pub max_rows: u64,
    /// Bytes of the answer as written; the rest is cut, at a whole row, and the summary says so.
    pub max_result_bytes: u64,
}

impl Default for QueryLimits {
    fn default() -> Self {
        Self { max_sql_bytes: 64 << 10, deadline_ms: 30_000, max_rows: 100_000, max_result_bytes: 64 << 20 }
    }
}
