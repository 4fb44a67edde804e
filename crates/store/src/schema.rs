//! Creating and checking the schema. Tables come from [`crate::tables`], views from `views/*.sql`.
//!
//! A store is never migrated: tables of another version are refused, and `gleaner rebuild` makes the store anew from the
//! journal. Views hold no data, so a program with other views just replaces them.

use std::path::Path;

use duckdb::{Connection, params};
use gleaner_model::ContentHash;
use serde_json::Value;

use crate::store::{artifact_roots, attempt_index, bindings, evaluations, histories, pairs, retractions};
use crate::{StoreError, tables};

/// Version of the tables. Raise it whenever a table changes.
pub const SCHEMA_VERSION: u64 = 9;

/// The public relations. Everything else in the file is internal and may change.
pub const PUBLIC_RELATIONS: &[&str] = &[
    "sessions",
    "lineages",
    "agent_definitions",
    "rollouts",
    "attempts",
    "execution_spans",
    "artifacts",
    "evaluations",
    "comparisons",
    "comparison_entries",
    "directives",
    "evolution_records",
    "learning_insights",
    "contents",
    "preference_pairs",
    "unmapped_spans",
    // What came as a log record, so that it can be read back whatever became of it.
    "log_records",
    // What attempts had and used, beyond the contract.
    "sub_agents",
    "context_documents",
    "attempt_overview",
    // Answers, each documented at the head of its view.
    "agent_version_scores",
    "cost_per_point",
    "directive_outcomes",
    "insight_evidence",
    "pair_verdicts",
    "position_bias",
    "reviewer_agreement",
    "reviewer_severity",
    "unbound_feedback",
];

/// In order of dependence.
const VIEWS: &[&str] = &[
    include_str!("views/macros.sql"),
    include_str!("views/shared_text.sql"),
    include_str!("views/retracted_items.sql"),
    include_str!("views/live_feedback.sql"),
    include_str!("views/feedback_items.sql"),
    include_str!("views/response_history.sql"),
    include_str!("views/attempts_in_pieces.sql"),
    include_str!("views/attempts.sql"),
    include_str!("views/bound_targets.sql"),
    include_str!("views/rollouts.sql"),
    include_str!("views/agent_definitions.sql"),
    include_str!("views/lineage_names.sql"),
    include_str!("views/lineages.sql"),
    include_str!("views/sessions.sql"),
    include_str!("views/spans_in_pieces.sql"),
    include_str!("views/execution_spans.sql"),
    include_str!("views/artifacts.sql"),
    include_str!("views/evaluations.sql"),
    include_str!("views/comparisons.sql"),
    include_str!("views/comparison_entries.sql"),
    include_str!("views/directives.sql"),
    include_str!("views/learning_insights.sql"),
    include_str!("views/contents.sql"),
    include_str!("views/unmapped_spans.sql"),
    include_str!("views/log_records.sql"),
    include_str!("views/preference_pairs.sql"),
    include_str!("views/overall_scores.sql"),
    include_str!("views/resolved_evolutions.sql"),
    include_str!("views/evolution_records.sql"),
    include_str!("views/sub_agents.sql"),
    include_str!("views/context_documents.sql"),
    include_str!("views/agent_version_scores.sql"),
    include_str!("views/cost_per_point.sql"),
    include_str!("views/directive_outcomes.sql"),
    include_str!("views/insight_evidence.sql"),
    include_str!("views/pair_verdicts.sql"),
    include_str!("views/position_bias.sql"),
    include_str!("views/reviewer_agreement.sql"),
    include_str!("views/reviewer_severity.sql"),
    include_str!("views/unbound_feedback.sql"),
    include_str!("views/attempt_overview.sql"),
];

/// Makes the schema in an empty database, or checks that the database has this one.
pub(crate) fn create_or_check(connection: &Connection, path: &Path, derived_under: &str) -> Result<(), StoreError> {
    let tables: u64 = one(connection, "SELECT count(*) FROM duckdb_tables()")?;
    if tables == 0 {
        return in_transaction(connection, |connection| create(connection, derived_under));
    }
    let mismatch = |found| StoreError::SchemaVersion { path: path.to_owned(), found, supported: SCHEMA_VERSION };
    let ours: u64 = one(connection, "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'schema_info'")?;
    if ours == 0 {
        return Err(mismatch(None));
    }
    let found: u64 = one(connection, "SELECT version FROM schema_info")?;
    if found != SCHEMA_VERSION {
        return Err(mismatch(Some(found)));
    }
    let views: String = one(connection, "SELECT views_hash FROM schema_info")?;
    if views == views_hash() { Ok(()) } else { in_transaction(connection, replace_views) }
}

/// The settings that its derived rows were made under, as told when the store was made.
pub(crate) fn derived_under(connection: &Connection) -> Result<String, StoreError> {
    one(connection, "SELECT derived_under FROM schema_info")
}

/// Writes down what views read of the configuration, where it has changed.
pub(crate) fn set_read_settings(connection: &Connection, min_score_gap: f64) -> Result<(), StoreError> {
    let same: u64 = connection
        .query_row("SELECT count(*) FROM read_settings WHERE min_score_gap = ?", params![min_score_gap], |row| {
            row.get(0)
        })
        .map_err(|e| StoreError::sql("reading the settings of views", e))?;
    if same == 1 {
        return Ok(());
    }
    in_transaction(connection, |connection| {
        connection.execute_batch("DELETE FROM read_settings")?;
        connection.execute("INSERT INTO read_settings VALUES (?)", params![min_score_gap])?;
        pairs::make_all(connection)
    })
}

fn create(connection: &Connection, derived_under: &str) -> Result<(), duckdb::Error> {
    for statement in tables::create_statements() {
        connection.execute_batch(&statement)?;
    }
    connection.execute_batch(histories::CREATE)?;
    connection.execute_batch(attempt_index::CREATE)?;
    connection.execute_batch(artifact_roots::CREATE)?;
    connection.execute_batch(bindings::CREATE)?;
    connection.execute_batch(retractions::CREATE)?;
    connection.execute_batch(evaluations::CREATE)?;
    connection.execute_batch(pairs::CREATE)?;
    connection.execute_batch(
        "CREATE TABLE journal_position (position UBIGINT); INSERT INTO journal_position VALUES (0);
         CREATE TABLE schema_info (version UBIGINT, views_hash VARCHAR, derived_under VARCHAR);
         CREATE TABLE read_settings (min_score_gap DOUBLE);",
    )?;
    connection.execute("INSERT INTO schema_info VALUES (?, '', ?)", params![SCHEMA_VERSION, derived_under])?;
    replace_views(connection)
}

fn replace_views(connection: &Connection) -> Result<(), duckdb::Error> {
    for view in VIEWS {
        connection.execute_batch(view)?;
    }
    connection.execute("UPDATE schema_info SET views_hash = ?", params![views_hash()])?;
    Ok(())
}

fn views_hash() -> String {
    ContentHash::of_json(&Value::String(VIEWS.concat())).0
}

fn in_transaction(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<(), duckdb::Error>,
) -> Result<(), StoreError> {
    let sql = |e| StoreError::sql("creating the schema", e);
    connection.execute_batch("BEGIN TRANSACTION").map_err(sql)?;
    if let Err(error) = work(connection) {
        // The first error is the one to tell.
        let _ = connection.execute_batch("ROLLBACK");
        return Err(sql(error));
    }
    connection.execute_batch("COMMIT").map_err(sql)
}

fn one<T: duckdb::types::FromSql>(connection: &Connection, sql: &str) -> Result<T, StoreError> {
    connection.query_row(sql, [], |row| row.get(0)).map_err(|e| StoreError::sql("reading the schema version", e))
}

#[cfg(test)]
mod tests;
