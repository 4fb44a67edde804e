//! What the store has at all: a commit looks for nothing that was never sent. DuckDB plans every statement anew at each execution (1.5), which
//! is most of what a small commit costs.

use duckdb::Connection;

use super::Commit;
use crate::StoreError;

/// Kinds of things that some commit brought. What was once seen stays, since facts do; a commit that failed leaves it as well, which costs a
/// look and no more.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    /// Any item of feedback.
    pub(super) feedback: bool,
    /// A call that goes on from an earlier response.
    pub(super) continued_call: bool,
}

impl Seen {
    /// What is there already.
    pub(super) fn in_store(connection: &Connection) -> Result<Self, StoreError> {
        let query =
            "SELECT EXISTS (FROM feedback_facts), EXISTS (FROM span_rows WHERE previous_response_id IS NOT NULL)";
        connection
            .query_row(query, [], |row| Ok(Self { feedback: row.get(0)?, continued_call: row.get(1)? }))
            .map_err(|e| StoreError::sql("looking for what there is", e))
    }

    /// And what a commit brings.
    pub(super) fn add(&mut self, commit: &Commit) {
        self.feedback |= !commit.feedback.is_empty() || commit.facts.iter().any(|fact| !fact.feedback.is_empty());
        let mut spans = commit.traces.iter().flat_map(|trace| &trace.spans);
        self.continued_call |= spans.any(|span| span.previous_response_id.is_some());
    }
}
