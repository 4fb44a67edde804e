//! Keeps `attempt_index`: one row per attempt with what only its session as a whole can tell (its number, its cycle, whether
//! it stands for its lineage), written down in the loader's transaction.
//!
//! Numbers are counted over all attempts of a rollout and cycles over all rollouts of a lineage, and every read of attempts or
//! of feedback needs them: counted anew each time they took 780 MB at 500,000 attempts (measured). All of them lie inside one
//! session, so a commit makes the rows of the sessions that it touches anew, and no others. The table is always what
//! `attempt_index.sql` says over all of `attempt_rows`, whatever the order of arrival.

use std::collections::BTreeSet;

use duckdb::{Connection, params};
use gleaner_model::DerivedTrace;

use super::keys::{KEYS, key_list};
use crate::StoreError;

/// The table; see [`crate::schema`].
pub(crate) const CREATE: &str = "CREATE TABLE attempt_index (
    project VARCHAR, attempt_id VARCHAR, rollout_id VARCHAR, lineage_id VARCHAR, session_id VARCHAR, lineage_label VARCHAR,
    agent_definition_id VARCHAR, trace_id VARCHAR, parts BIGINT, status VARCHAR, start_key VARCHAR, started_at TIMESTAMP,
    recorded_at TIMESTAMP, cycle BIGINT, attempt_number BIGINT, is_last BOOLEAN, is_last_ok BOOLEAN
)";

/// (project, session id).
pub(super) type Sessions = BTreeSet<(String, String)>;

/// Sessions that have attempts in these traces now, as derived.
pub(super) fn sessions_of<'a>(traces: impl Iterator<Item = &'a DerivedTrace>) -> Sessions {
    let of_trace = |trace: &'a DerivedTrace| {
        trace.attempts.iter().map(|attempt| (trace.project.clone(), attempt.session_id.clone()))
    };
    traces.flat_map(of_trace).collect()
}

/// Sessions that had attempts in these traces, named by (project, trace id), before their rows are replaced.
pub(super) fn sessions_before(connection: &Connection, traces: &str) -> Result<Sessions, StoreError> {
    let sql = |e| StoreError::sql("finding the sessions of replaced traces", e);
    let mut statement = connection
        .prepare_cached(&format!(
            "SELECT DISTINCT project, session_id FROM attempt_rows WHERE (project, trace_id, recorded_at) IN (
                 SELECT project, trace_id, derived_at FROM known_traces WHERE (project, trace_id) IN {KEYS}
             )"
        ))
        .map_err(sql)?;
    let rows = statement.query_map(params![traces], |row| Ok((row.get(0)?, row.get(1)?))).map_err(sql)?;
    rows.collect::<Result<_, _>>().map_err(sql)
}

/// Makes the rows of some sessions anew, after everything else of the commit was written.
pub(super) fn refresh(connection: &Connection, sessions: &Sessions) -> Result<(), StoreError> {
    if sessions.is_empty() {
        return Ok(());
    }
    let sql = |e| StoreError::sql("keeping the index of attempts", e);
    let list = key_list(sessions.iter().map(|(project, session_id)| (project.as_str(), session_id.as_str())));
    connection
        .execute(&format!("DELETE FROM attempt_index WHERE (project, session_id) IN {KEYS}"), params![list])
        .map_err(sql)?;
    let insert = format!("INSERT INTO attempt_index BY NAME {}", counted(KEYS));
    connection.execute(&insert, params![list]).map_err(sql)?;
    Ok(())
}

/// The rows of some sessions. `sessions` is a relation of project and session id.
fn counted(sessions: &'static str) -> String {
    include_str!("attempt_index.sql").replace("$sessions", sessions)
}

#[cfg(test)]
mod tests;
