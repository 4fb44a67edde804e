//! Keeps `attempt_index`: one row per attempt with what only its session as a whole can tell (its number, its cycle, whether
//! it stands for its lineage), written down in the loader's transaction.
//!
//! Numbers are counted over all attempts of a rollout and cycles over all rollouts of a lineage, and every read of attempts or
//! of feedback needs them: counted anew each time they took 780 MB at 500,000 attempts (measured). All of them lie inside one
//! session, so a commit makes the rows of the sessions that it touches anew, and no others. The table is always what
//! `attempt_index.sql` says over all of `attempt_rows`, whatever the order of arrival.

use duckdb::{Connection, params};

use super::keys::{KEYS, Keys, list, rows_of};
use crate::StoreError;

/// The table; see [`crate::schema`].
pub(crate) const CREATE: &str = "CREATE TABLE attempt_index (
    project VARCHAR, attempt_id VARCHAR, rollout_id VARCHAR, lineage_id VARCHAR, session_id VARCHAR, session_key UBIGINT, lineage_label VARCHAR,
    agent_definition_id VARCHAR, final_answer_id VARCHAR, trace_id VARCHAR, parts BIGINT, status VARCHAR, start_key VARCHAR,
    started_at TIMESTAMP, recorded_at TIMESTAMP, cycle BIGINT, attempt_number BIGINT, is_last BOOLEAN, is_last_ok BOOLEAN
)";

/// Makes the rows of some sessions anew, after everything else of the commit was written.
pub(super) fn refresh(connection: &Connection, sessions: &Keys) -> Result<(), StoreError> {
    if sessions.is_empty() {
        return Ok(());
    }
    let sql = |e| StoreError::sql("keeping the index of attempts", e);
    let list = list(sessions);
    let delete = format!("DELETE FROM attempt_index WHERE {}", ROWS.replace("$sessions", KEYS));
    let insert = format!("INSERT INTO attempt_index BY NAME {}", counted(&ROWS.replace("$sessions", KEYS)));
    for (table, statement) in [("attempt_index", delete), ("attempt_rows", insert)] {
        let keys = sessions.iter().map(|(project, id)| (project.as_str(), id.as_str()));
        let Some((first, last)) = rows_of(connection, table, "session_key", keys).map_err(sql)? else { continue };
        let mut statement = connection.prepare_cached(&statement).map_err(sql)?;
        statement.execute(params![first, last, list]).map_err(sql)?;
    }
    Ok(())
}

/// Rows of some sessions, a relation of project and id, that lie between two others.
const ROWS: &str = "rowid BETWEEN ? AND ? AND (project, session_id) IN $sessions";

/// What the index has of the rows of attempts that `which` tells.
fn counted(which: &str) -> String {
    include_str!("attempt_index.sql").replace("$which", which)
}

#[cfg(test)]
mod tests;
