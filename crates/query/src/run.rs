//! One query from its text to its last row: guard, deadline, rows as they come, limits.

use std::io::Write;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::record_batch::RecordBatch;
use gleaner_store::{PUBLIC_RELATIONS, Reader, StoreError};
use serde_json::{Value, json};

use crate::deadline::with_deadline;
use crate::format::ResultWriter;
use crate::guard::{Checked, check};
use crate::{Format, QueryError, QueryLimits};

/// DuckDB's classes of error that speak of the query, not of the store or the machine.
const QUERY_ERRORS: &[&str] = &[
    "Binder Error",
    "Catalog Error",
    "Constraint Error",
    "Conversion Error",
    "Decimal Error",
    "Invalid Input Error",
    "Invalid type Error",
    "Mismatch Type Error",
    "Not implemented Error",
    "Out of Range Error",
    "Parameter Not Resolved Error",
    "Parser Error",
    "Syntax Error",
];

/// `SHOW TABLES`, in which the catalog has no part.
const SHOW_TABLES: &str = "SELECT unnest(string_split(?, ',')) AS name";

/// What was answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows written.
    pub rows: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Whether a limit cut the answer.
    pub truncated: bool,
}

/// Runs one query on `reader` and writes its rows to `out` in `format`.
///
/// `params` are bound to `?` or `$1` …. The query runs inside a read-only transaction of its own, so `reader` must not be
/// in one. On an error, what was written is an incomplete answer; one that a limit cut is complete in form, and the summary
/// says so.
pub fn run(
    reader: &Reader,
    sql: &str,
    params: &[Value],
    format: Format,
    limits: &QueryLimits,
    out: &mut dyn Write,
) -> Result<Summary, QueryError> {
    let interrupt = reader.interrupt_handle();
    let mut is_begun = false;
    let (result, expired) = with_deadline(
        limits.deadline_ms,
        move || interrupt.interrupt(),
        |expired| {
            let names = [json!(PUBLIC_RELATIONS.join(","))];
            let (sql, params) = match check(reader, sql, limits.max_sql_bytes)? {
                Checked::Query => (sql, params),
                Checked::ShowTables => (SHOW_TABLES, names.as_slice()),
            };
            let is_json = json_columns(reader, sql, params, limits);
            let writer = ResultWriter::new(format, *limits, out, is_json);
            is_begun = true;
            reader.begin_snapshot().map_err(from_store)?;
            answer(reader, sql, params, writer, limits, expired)
        },
    );
    // Out of the deadline's reach: an interrupted ROLLBACK would leave the transaction open.
    let ended = if is_begun { reader.end_snapshot().map_err(from_store) } else { Ok(()) };
    match result {
        Err(QueryError::Store(_) | QueryError::Failed { .. }) if expired => {
            Err(QueryError::Deadline { deadline_ms: limits.deadline_ms })
        }
        // What ended the query matters more than what ended the transaction.
        Err(error) => Err(error),
        Ok(summary) => ended.map(|()| summary),
    }
}

/// Streams a query that the guard has passed.
fn answer(
    reader: &Reader,
    sql: &str,
    params: &[Value],
    mut writer: ResultWriter<'_>,
    limits: &QueryLimits,
    expired: &AtomicBool,
) -> Result<Summary, QueryError> {
    let mut failed: Option<QueryError> = None;
    let streamed = reader.stream(sql, params, &mut |batch: RecordBatch| {
        // A slow consumer of the answer is out of the interrupt's reach.
        let pushed = if expired.load(Ordering::Relaxed) {
            Err(QueryError::Deadline { deadline_ms: limits.deadline_ms })
        } else {
            writer.push(&batch)
        };
        if let Err(error) = pushed {
            failed = Some(error);
            return Ok(ControlFlow::Break(()));
        }
        Ok(if writer.is_full() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    });
    if let Some(error) = failed {
        return Err(error);
    }
    writer.finish(streamed.map_err(from_store)?.fields())
}

/// Which columns of the answer hold JSON, or lists of it, by position: to arrow it is text. None if DESCRIBE does not take
/// the statement, or fails; then the query itself will tell why.
fn json_columns(reader: &Reader, sql: &str, params: &[Value], limits: &QueryLimits) -> Vec<bool> {
    const PREFIX: &str = "DESCRIBE ";
    let sql = [PREFIX, sql].concat();
    // It is another text than the one that passed, so it has to pass as well.
    if check(reader, &sql, limits.max_sql_bytes + PREFIX.len()).is_err() {
        return Vec::new();
    }
    let columns = reader.rows(&sql, params).unwrap_or_default();
    let types = columns.iter().map(|column| column.get("column_type").and_then(Value::as_str));
    types.map(|name| name.is_some_and(|name| name.trim_end_matches("[]") == "JSON")).collect()
}

/// DuckDB's words if they speak of the query. Others may name files: they stay in the error's source.
fn from_store(error: StoreError) -> QueryError {
    let StoreError::Sql { source, .. } = &error else {
        return QueryError::Store(error);
    };
    let message = source.to_string();
    if message.starts_with("Out of Memory Error") {
        // DuckDB goes on with settings, and with the directory for temporary files.
        return QueryError::OutOfMemory;
    }
    // DuckDB's advice, to install an extension, cannot be followed here.
    if message.contains("icu extension") || message.contains("extension 'icu'") {
        return QueryError::NeedsTimeZones;
    }
    if QUERY_ERRORS.iter().any(|class| message.starts_with(class)) {
        return QueryError::Failed { message };
    }
    QueryError::Store(error)
}

#[cfg(test)]
mod tests;
