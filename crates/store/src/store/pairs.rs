//! Keeps `pair_rows`, the relation `preference_pairs`, written down in the loader's transaction.
//!
//! Pairs are what this store is for, and everybody reads them: making them anew at each read took more than 1 GB at 500,000 judged
//! attempts (measured). All that a pair depends on are the items that speak of the sessions of its sides, so a commit makes the pairs of
//! the sessions that its changes reach anew, and no others. The table is always what `pairs.sql` says over all sessions,
//! whatever the order of arrival.

use duckdb::{Connection, params};

use super::bindings::{Rebound, Touched};
use super::evaluations;
use super::keys::{Keys, list, numbered, read_keys};
use crate::StoreError;

/// The table; see [`crate::schema`].
pub(crate) const CREATE: &str = "CREATE TABLE pair_rows (
    pair_id VARCHAR, session_id VARCHAR, cycle BIGINT, prompt_hash VARCHAR, chosen_attempt_id VARCHAR,
    chosen_content_hash VARCHAR, rejected_attempt_id VARCHAR, rule VARCHAR, margin DOUBLE, reviewer VARCHAR, source VARCHAR,
    contested BOOLEAN, evidence JSON, project VARCHAR, recorded_at TIMESTAMP, criterion VARCHAR,
    rejected_prompt_hash VARCHAR, rejected_content_hash VARCHAR, created_at TIMESTAMP
)";

/// Sessions whose pairs are made in one go when all are.
const SESSIONS_AT_ONCE: usize = 10_000;

/// What a commit changed, as far as a pair can depend on it.
pub(super) struct Changed {
    pub(super) touched: Touched,
    pub(super) rebound: Rebound,
    /// Items that it takes back.
    pub(super) retracted: Keys,
    /// Prompts of attempts that go on from earlier responses may have others before them.
    pub(super) histories_changed: bool,
}

/// Makes the evaluations anew that may be others, and the pairs that rest on them, after everything else of the commit was written.
pub(super) fn refresh(connection: &Connection, changed: &Changed) -> Result<(), StoreError> {
    let sql = |e| StoreError::sql("finding the sessions of changed pairs", e);
    let mut items = changed.rebound.items.clone();
    items.extend(changed.touched.items.iter().cloned());
    items.extend(changed.retracted.iter().cloned());
    let mut sessions = changed.touched.sessions.clone();
    sessions.extend(changed.rebound.sessions_before.iter().cloned());
    sessions.extend(sessions_of(connection, &items).map_err(sql)?);
    if changed.histories_changed {
        let continued = "SELECT DISTINCT project, session_id FROM attempt_rows WHERE continued_span_id IS NOT NULL";
        sessions.extend(read_keys(connection, continued, []).map_err(sql)?);
    }
    // A comparison over several sessions: what changes in one changes the pairs of the others.
    let reached = items_of(connection, &sessions).map_err(sql)?;
    sessions.extend(sessions_of(connection, &reached).map_err(sql)?);
    items.extend(reached);
    evaluations::refresh(connection, &items)?;
    make(connection, &sessions)
}

/// Makes all pairs anew: what they depend on besides facts has changed.
pub(crate) fn make_all(connection: &Connection) -> Result<(), duckdb::Error> {
    let all = "SELECT DISTINCT project, session_id FROM target_bindings WHERE session_id IS NOT NULL";
    let all: Vec<(String, String)> = read_keys(connection, all, [])?.into_iter().collect();
    connection.execute_batch("DELETE FROM pair_rows")?;
    for sessions in all.chunks(SESSIONS_AT_ONCE) {
        write(connection, &sessions.iter().cloned().collect())?;
    }
    Ok(())
}

fn make(connection: &Connection, sessions: &Keys) -> Result<(), StoreError> {
    write(connection, sessions).map_err(|e| StoreError::sql("making preference pairs", e))
}

fn write(connection: &Connection, sessions: &Keys) -> Result<(), duckdb::Error> {
    if sessions.is_empty() {
        return Ok(());
    }
    let items = items_of(connection, sessions)?;
    let mut all_sessions = sessions_of(connection, &items)?;
    all_sessions.extend(sessions.iter().cloned());
    let (sessions, items, all_sessions) = (list(sessions), list(&items), list(&all_sessions));
    let delete = format!("DELETE FROM pair_rows WHERE (project, session_id) IN {}", numbered(1));
    connection.prepare_cached(&delete)?.execute(params![sessions])?;
    if items == "[]" {
        return Ok(());
    }
    let insert = format!("INSERT INTO pair_rows BY NAME {}", selected(&numbered(1), &numbered(2), &numbered(3)));
    connection.prepare_cached(&insert)?.execute(params![sessions, items, all_sessions])?;
    Ok(())
}

/// The pairs of some sessions. All three are relations of project and id.
pub(super) fn selected(sessions: &str, items: &str, all_sessions: &str) -> String {
    include_str!("pairs/pairs.sql")
        .replace("$items", items)
        .replace("$all_sessions", all_sessions)
        .replace("$sessions", sessions)
}

/// Evaluations and comparisons that speak of some sessions.
fn items_of(connection: &Connection, sessions: &Keys) -> Result<Keys, duckdb::Error> {
    if sessions.is_empty() {
        return Ok(Keys::new());
    }
    let query = format!(
        "SELECT project, item_id FROM target_bindings
         WHERE kind IN ('evaluation', 'comparison') AND (project, session_id) IN {sessions}
         UNION
         SELECT project, item_id FROM feedback_facts WHERE kind = 'comparison' AND (project, session_id) IN {sessions}",
        sessions = numbered(1)
    );
    read_keys(connection, &query, params![list(sessions)])
}

/// The sessions that some items speak of.
fn sessions_of(connection: &Connection, items: &Keys) -> Result<Keys, duckdb::Error> {
    if items.is_empty() {
        return Ok(Keys::new());
    }
    let query = format!(
        "SELECT project, session_id FROM target_bindings WHERE session_id IS NOT NULL AND (project, item_id) IN {items}
         UNION
         SELECT project, session_id FROM feedback_facts
         WHERE kind = 'comparison' AND session_id IS NOT NULL AND (project, item_id) IN {items}",
        items = numbered(1)
    );
    read_keys(connection, &query, params![list(items)])
}
