//! Keeps `evaluation_rows`, the relation `evaluations`, written down in the loader's transaction.
//!
//! Every answer about scores begins with them, and which are in force takes joins over all items and a sort of all evaluations (10 of the
//! 11 ms of counting 8,333, measured). Whether one is in force depends on the evaluations of its attempt alone, so a commit makes
//! those of the sessions that its changes reach anew, and no others. The table is always what `evaluations.sql` says over all items,
//! whatever the order of arrival.

use duckdb::{Connection, params};

use super::keys::{KEYS, Keys, list};
use crate::StoreError;

/// The table; see [`crate::schema`].
pub(crate) const CREATE: &str = "CREATE TABLE evaluation_rows (
    evaluation_id VARCHAR, session_id VARCHAR, lineage_id VARCHAR, attempt_id VARCHAR, artifact_id VARCHAR, trace_id VARCHAR,
    span_id VARCHAR, criterion VARCHAR, score DOUBLE, value JSON, label VARCHAR, comment VARCHAR, correction VARCHAR,
    reviewer VARCHAR, source VARCHAR, linked BOOLEAN, in_force BOOLEAN, created_at TIMESTAMP, project VARCHAR,
    recorded_at TIMESTAMP, metadata JSON, retracted BOOLEAN, superseded BOOLEAN, unbound_reason VARCHAR, bound_via VARCHAR,
    correction_hash VARCHAR, position UBIGINT, ordinal UBIGINT
)";

/// Makes the evaluations among some items anew: of those that speak of one attempt, all or none.
pub(super) fn refresh(connection: &Connection, items: &Keys) -> Result<(), StoreError> {
    if items.is_empty() {
        return Ok(());
    }
    let sql = |e| StoreError::sql("keeping evaluations", e);
    let list = list(items);
    let delete = format!("DELETE FROM evaluation_rows WHERE (project, evaluation_id) IN {KEYS}");
    let insert = format!("INSERT INTO evaluation_rows BY NAME {}", selected(&format!("(project, item_id) IN {KEYS}")));
    for statement in [delete, insert] {
        connection.prepare_cached(&statement).and_then(|mut known| known.execute(params![list])).map_err(sql)?;
    }
    Ok(())
}

/// The evaluations that `which`, a condition on `item`, tells.
pub(super) fn selected(which: &str) -> String {
    include_str!("evaluations/evaluations.sql").replace("$which", which)
}
