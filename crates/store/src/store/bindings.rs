//! Keeps `target_bindings`: for every target of feedback the attempt that it speaks of, or why there is none, written down in
//! the loader's transaction.
//!
//! A binding is by the facts known now: later spans bind what came before them, and a later retry moves what was
//! said of its cycle. What a target says can change only with a session, trace, response or artifact that a commit touches,
//! so a commit binds those targets anew, and no others. The table is always what `bind.sql` and `bind_artifacts.sql` say over all
//! items, whatever the order of arrival.

use duckdb::{Connection, params};
use gleaner_model::DerivedTrace;

use super::keys::{KEYS, Keys, RowRange, list, numbered, read_keys};
use crate::StoreError;

/// The table; see [`crate::schema`].
pub(crate) const CREATE: &str = "CREATE TABLE target_bindings (
    project VARCHAR, item_id VARCHAR, entry BIGINT, kind VARCHAR, rank BIGINT, locked BOOLEAN, shown_position BIGINT,
    via VARCHAR, attempt_id VARCHAR, reason VARCHAR, session_id VARCHAR, lineage_id VARCHAR, cycle BIGINT,
    attempt_status VARCHAR, attempt_trace_id VARCHAR,
    artifact_id VARCHAR, trace_id VARCHAR, span_id VARCHAR, response_id VARCHAR
)";

/// Items whose targets, by the names that they give, may be bound otherwise. `$sessions`, `$traces`, `$responses` and `$items`
/// are what a commit touched.
const CONCERNED: &str = "
    SELECT project, item_id FROM feedback_targets
    WHERE artifact_id IS NULL AND (
        (project, item_id) IN $items
        OR (project, session_id) IN $sessions
        OR (project, trace_id) IN $traces
        OR (project, response_id) IN $responses
        OR (project, attempt_id) IN (SELECT project, attempt_id FROM attempt_index WHERE (project, session_id) IN $sessions)
    )
    UNION
    SELECT project, item_id FROM target_bindings WHERE via <> 'artifact' AND (project, session_id) IN $sessions";

/// Likewise of the targets that name artifacts, once `$bound`, the items that [`CONCERNED`] tells, are bound.
const CONCERNED_ARTIFACTS: &str = "
    WITH moved AS MATERIALIZED (
        SELECT project, artifact_id FROM artifact_rows WHERE (project, trace_id) IN $traces
        UNION
        SELECT project, final_answer_id FROM attempt_index WHERE (project, session_id) IN $sessions
        UNION
        SELECT project, item_id FROM target_bindings WHERE kind = 'artifact' AND (project, item_id) IN $bound
        UNION
        -- With a new link any chain may have another end.
        SELECT project, artifact_id FROM artifact_roots WHERE $links_changed
    )
    SELECT project, item_id FROM feedback_targets
    WHERE artifact_id IS NOT NULL AND (
        (project, item_id) IN $items
        OR (project, artifact_id) IN (FROM moved)
        OR (project, artifact_id) IN (
            SELECT project, artifact_id FROM artifact_roots WHERE (project, root_artifact_id) IN (FROM moved)
        )
    )
    UNION
    SELECT project, item_id FROM target_bindings WHERE via = 'artifact' AND (project, session_id) IN $sessions";

/// What a commit changes, or may change, as far as feedback can speak of it.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// Sessions that had or have attempts in these traces.
    pub(super) sessions: Keys,
    /// Traces with new facts or rows.
    pub(super) traces: Keys,
    /// Response ids that spans of these traces had or have.
    pub(super) responses: Keys,
    /// New items of feedback.
    pub(super) items: Keys,
    /// An artifact was declared on an artifact.
    pub(super) links_changed: bool,
}

/// What was bound anew.
#[derive(Debug, Default)]
pub(super) struct Rebound {
    pub(super) items: Keys,
    /// Sessions that they were bound to before.
    pub(super) sessions_before: Keys,
}

impl Touched {
    /// What is in traces as they are derived now.
    pub(super) fn add_now<'a>(&mut self, traces: impl Iterator<Item = &'a DerivedTrace>) {
        for trace in traces {
            let key = |id: &str| (trace.project.clone(), id.to_owned());
            self.sessions.extend(trace.attempts.iter().map(|attempt| key(&attempt.session_id)));
            self.responses.extend(trace.spans.iter().filter_map(|span| span.response_id.as_deref()).map(key));
        }
    }

    /// What is in traces, a list of (project, trace id) whose book-keeping lies between some rows, before their rows are replaced.
    pub(super) fn add_before(
        &mut self,
        connection: &Connection,
        (first_row, last_row): RowRange,
        traces: &str,
    ) -> Result<(), StoreError> {
        let before = |table: &'static str, column: &'static str| {
            let query = format!(
                "SELECT DISTINCT project, {column} FROM {table}
                 WHERE {column} IS NOT NULL AND (project, trace_id, recorded_at) IN (
                     SELECT project, trace_id, derived_at FROM known_traces
                     WHERE rowid BETWEEN ? AND ? AND (project, trace_id) IN {KEYS}
                 )"
            );
            read_keys(connection, &query, params![first_row, last_row, traces])
                .map_err(|e| StoreError::sql("reading what a trace had", e))
        };
        self.sessions.extend(before("attempt_rows", "session_id")?);
        self.responses.extend(before("span_rows", "response_id")?);
        Ok(())
    }
}

/// Binds anew what may be bound otherwise, after everything else of the commit was written.
pub(super) fn refresh(connection: &Connection, touched: &Touched) -> Result<Rebound, StoreError> {
    let sql = |e| StoreError::sql("looking for feedback", e);
    let (sessions, traces, responses, items) =
        (list(&touched.sessions), list(&touched.traces), list(&touched.responses), list(&touched.items));
    let fill = |text: &str| {
        text.replace("$sessions", &numbered(1)).replace("$traces", &numbered(2)).replace("$items", &numbered(3))
    };
    let concerned = fill(CONCERNED).replace("$responses", &numbered(4));
    let mut rebound = read_keys(connection, &concerned, params![sessions, traces, items, responses]).map_err(sql)?;
    let concerned = list(&rebound);
    let mut before = bind(connection, include_str!("bindings/bind.sql"), "via <> 'artifact'", &concerned)?;
    let links_changed = if touched.links_changed { "true" } else { "false" };
    let concerned_artifacts =
        fill(CONCERNED_ARTIFACTS).replace("$bound", &numbered(4)).replace("$links_changed", links_changed);
    let of_artifacts =
        read_keys(connection, &concerned_artifacts, params![sessions, traces, items, concerned]).map_err(sql)?;
    let resolve = include_str!("bindings/bind_artifacts.sql");
    before.extend(bind(connection, resolve, "via = 'artifact'", &list(&of_artifacts))?);
    rebound.extend(of_artifacts);
    Ok(Rebound { items: rebound, sessions_before: before })
}

/// Replaces the bindings of some items; `which` tells which of their targets. Gives the sessions that these were bound to.
fn bind(connection: &Connection, resolve: &'static str, which: &'static str, items: &str) -> Result<Keys, StoreError> {
    if items == "[]" {
        return Ok(Keys::new());
    }
    let sql = |e| StoreError::sql("binding feedback", e);
    let sessions = format!(
        "SELECT DISTINCT project, session_id FROM target_bindings
         WHERE {which} AND session_id IS NOT NULL AND (project, item_id) IN {KEYS}"
    );
    let before = read_keys(connection, &sessions, params![items]).map_err(sql)?;
    let delete = format!("DELETE FROM target_bindings WHERE {which} AND (project, item_id) IN {KEYS}");
    let insert = format!("INSERT INTO target_bindings BY NAME {}", selected(resolve, KEYS));
    for statement in [delete, insert] {
        connection.prepare_cached(&statement).and_then(|mut known| known.execute(params![items])).map_err(sql)?;
    }
    Ok(before)
}

/// `items` is a relation of project and item id.
fn selected(resolve: &'static str, items: &'static str) -> String {
    format!("{}\n{}", resolve.replace("$items", items), include_str!("bindings/select.sql"))
}

#[cfg(test)]
mod tests;
