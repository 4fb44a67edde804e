//! Keeps `response_histories`: what the view `response_history` says, written down in the loader's transaction.
//!
//! The view is a recursion over the spans that go on from an earlier response. Reading it whenever `execution_spans` or
//! `attempts` are read costs half a second at 27,000 such spans, and DuckDB cannot run it inside a correlated subquery
//! (`EXISTS (SELECT … FROM execution_spans …)`), both measured; a table costs neither. It is always a pure function of
//! `span_rows`, and is made anew as a whole, but only by a commit that can have changed it.

use duckdb::{Connection, params};
use gleaner_model::DerivedTrace;

use crate::StoreError;

/// The table; see [`crate::schema`].
pub(crate) const CREATE: &str = "CREATE TABLE response_histories (
    project VARCHAR, trace_id VARCHAR, span_id VARCHAR, input_messages JSON, input_message_hashes VARCHAR[],
    is_complete BOOLEAN
)";

/// Makes the histories anew if these traces, which were just written, can have changed one; tells whether.
pub(super) fn refresh<'a>(
    connection: &Connection,
    traces: impl Iterator<Item = &'a DerivedTrace> + Clone,
) -> Result<bool, StoreError> {
    let spans = traces.clone().flat_map(|trace| &trace.spans);
    let continues = spans.clone().any(|span| span.previous_response_id.is_some());
    let sql = |e| StoreError::sql("keeping response histories", e);
    if !continues {
        let response_ids: Vec<&str> = spans.filter_map(|span| span.response_id.as_deref()).collect();
        let trace_ids: Vec<&str> = traces.map(|trace| trace.trace_id.as_str()).collect();
        let concerned: bool = connection
            .query_row(
                "SELECT EXISTS (FROM span_rows WHERE previous_response_id IN
                        (SELECT unnest(from_json(?, '[\"VARCHAR\"]'))))
                    OR EXISTS (FROM response_histories WHERE trace_id IN
                        (SELECT unnest(from_json(?, '[\"VARCHAR\"]'))))",
                params![json_list(&response_ids), json_list(&trace_ids)],
                |row| row.get(0),
            )
            .map_err(sql)?;
        if !concerned {
            return Ok(false);
        }
    }
    connection
        .execute_batch("DELETE FROM response_histories; INSERT INTO response_histories FROM response_history")
        .map_err(sql)?;
    Ok(true)
}

fn json_list(texts: &[&str]) -> String {
    serde_json::Value::from(texts.to_vec()).to_string()
}
