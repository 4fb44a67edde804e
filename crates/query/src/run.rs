//! One query from its text to its last row: guard, deadline, rows as they come, limits.

use std::io::Write;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use gleaner_store::{PUBLIC_RELATIONS, Param, Params, Reader, StoreError};
use serde_json::Value;

use crate::deadline::{Control, with_deadline};
use crate::format::ResultWriter;
use crate::guard::{Checked, check};
use crate::isolated::{self, Isolation};
use crate::text::without_end;
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

/// Takes the rows of a query as they come.
pub trait Sink {
    /// Whether [`Sink::begin`] needs to know which columns hold JSON: it costs planning the query once more.
    fn wants_json_columns(&self) -> bool {
        false
    }

    /// Called once, before the first batch, with the positions of the columns that hold JSON or lists of it, if asked for.
    fn begin(&mut self, is_json: Vec<bool>) {
        let _ = is_json;
    }

    /// The columns, where they are known before the first batch comes, which may take long. Called once or not at all.
    fn columns(&mut self, schema: &SchemaRef) -> Result<(), QueryError> {
        let _ = schema;
        Ok(())
    }

    /// Takes a batch of at most 2048 rows. `Break` ends the query early.
    fn batch(&mut self, batch: RecordBatch) -> Result<ControlFlow<()>, QueryError>;
}

/// Runs one query on `reader` and gives its rows to `sink`; returns the schema of the rows.
///
/// The query runs inside a read-only transaction of its own, so `reader` must not be in one. A query that no setting bounds is run in a
/// process of its own where `isolation` says how, else here: that is for those who ask their own store on their own machine. Through
/// `control` the sink says how long it waited for its own reader, which does not count as time of the query, and anybody may cancel it.
pub fn execute(
    reader: &Reader,
    isolation: Option<&Isolation>,
    sql: &str,
    params: &Params,
    limits: &QueryLimits,
    control: &Control,
    sink: &mut dyn Sink,
) -> Result<SchemaRef, QueryError> {
    let checked = check(sql, limits.max_sql_bytes)?;
    execute_checked(reader, isolation, &checked, (sql, params, limits), true, control, sink)
}

fn execute_checked(
    reader: &Reader,
    isolation: Option<&Isolation>,
    checked: &Checked,
    question: (&str, &Params, &QueryLimits),
    with_rows: bool,
    control: &Control,
    sink: &mut dyn Sink,
) -> Result<SchemaRef, QueryError> {
    if let (Checked::Query(passed), Some(isolation)) = (checked, isolation)
        && checked.runs_apart(question.1)
    {
        return isolated::execute(reader, isolation, &passed.statement, question, with_rows, control, sink);
    }
    let (sql, params, limits) = question;
    let interrupt = reader.interrupt_handle();
    let mut is_begun = false;
    let (result, expired) = with_deadline(
        limits.deadline_ms,
        control,
        move || interrupt.interrupt(),
        |expired| {
            let names = Params::Positional(vec![Param::Text(PUBLIC_RELATIONS.join(","))]);
            let (sql, params) = match checked {
                Checked::Query(_) => (sql, params),
                Checked::ShowTables => (SHOW_TABLES, &names),
            };
            let is_json = if sink.wants_json_columns() { json_columns(reader, sql, limits) } else { Vec::new() };
            sink.begin(is_json);
            is_begun = true;
            reader.begin_query().map_err(from_store)?;
            answer(reader, sql, params, sink, expired)
        },
    );
    // Out of the deadline's reach: an interrupted ROLLBACK would leave the transaction open.
    let ended = if is_begun { reader.end_snapshot().map_err(from_store) } else { Ok(()) };
    match result {
        // What an interrupted query says of itself depends on where it was.
        Err(_) if control.is_cancelled() => Err(QueryError::Cancelled),
        Err(QueryError::Store(_) | QueryError::Failed { .. } | QueryError::Cancelled) if expired => {
            Err(QueryError::Deadline { deadline_ms: limits.deadline_ms })
        }
        // What ended the query matters more than what ended the transaction.
        Err(error) => Err(error),
        Ok(schema) => ended.map(|()| schema),
    }
}

/// Streams a query that the guard has passed.
fn answer(
    reader: &Reader,
    sql: &str,
    params: &Params,
    sink: &mut dyn Sink,
    expired: &AtomicBool,
) -> Result<SchemaRef, QueryError> {
    let mut failed: Option<QueryError> = None;
    let streamed = reader.stream(sql, params, &mut |batch: RecordBatch| {
        // A slow consumer of the answer is out of the interrupt's reach.
        let taken = if expired.load(Ordering::Relaxed) { Err(QueryError::Cancelled) } else { sink.batch(batch) };
        Ok(taken.unwrap_or_else(|error| {
            failed = Some(error);
            ControlFlow::Break(())
        }))
    });
    failed.map_or_else(|| streamed.map_err(from_store), Err)
}

/// What is known of a query before it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The columns of its answer; names that stand twice are told apart.
    pub schema: SchemaRef,
    /// Names of its parameters, in their order; those written `?` have numbers.
    pub parameters: Vec<String>,
}

/// Describes a query without running it. Parameters without values count as NULL.
pub fn describe(
    reader: &Reader,
    isolation: Option<&Isolation>,
    sql: &str,
    params: &Params,
    limits: &QueryLimits,
) -> Result<Description, QueryError> {
    let Description { schema, parameters } = describe_as_named(reader, isolation, sql, params, limits)?;
    Ok(Description { schema: unique_names(&schema), parameters })
}

/// [`describe`], with names as the query gives them.
pub(crate) fn describe_as_named(
    reader: &Reader,
    isolation: Option<&Isolation>,
    sql: &str,
    params: &Params,
    limits: &QueryLimits,
) -> Result<Description, QueryError> {
    struct Nothing;
    impl Sink for Nothing {
        fn batch(&mut self, _: RecordBatch) -> Result<ControlFlow<()>, QueryError> {
            Ok(ControlFlow::Break(()))
        }
    }
    let checked = check(sql, limits.max_sql_bytes)?;
    let parameters = checked.parameters().to_vec();
    let nulls = Params::Positional(vec![Param::Null; parameters.len()]);
    let params = if params.is_empty() { &nulls } else { params };
    // DuckDB tells the columns of a running query only. One without rows costs no more than its plan.
    const AROUND: [&str; 2] = ["SELECT * FROM (", "\n) LIMIT 0"];
    let around = [AROUND[0], without_end(sql), AROUND[1]].concat();
    let limits = QueryLimits { max_sql_bytes: limits.max_sql_bytes + AROUND[0].len() + AROUND[1].len(), ..*limits };
    let run = |sql: &str, checked: &Checked| {
        execute_checked(reader, isolation, checked, (sql, params, &limits), false, &Control::default(), &mut Nothing)
    };
    // EXPLAIN does not stand in a subquery: its columns are those of what it answers.
    let schema = match check(&around, limits.max_sql_bytes) {
        Ok(around_checked) if checked != Checked::ShowTables => match run(&around, &around_checked) {
            // So that the error shows the query as it was written.
            Err(QueryError::Failed { .. }) => run(sql, &checked),
            schema => schema,
        },
        _ => run(sql, &checked),
    };
    Ok(Description { schema: schema?, parameters })
}

/// Equal names get `_1`, `_2`, … from the second on: data frames cannot tell them apart.
pub fn unique_names(schema: &Schema) -> SchemaRef {
    let mut fields: Vec<FieldRef> = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let is_taken = |name: &str| fields.iter().any(|other| other.name() == name);
        if is_taken(field.name()) {
            let name = (1..).map(|n| format!("{}_{n}", field.name())).find(|name| !is_taken(name));
            fields.push(Arc::new(field.as_ref().clone().with_name(name.unwrap_or_default())));
        } else {
            fields.push(field.clone());
        }
    }
    Arc::new(Schema::new(fields))
}

/// A batch under other names, as [`describe`] gives them.
pub fn renamed(batch: RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, QueryError> {
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(schema.clone(), batch.columns().to_vec(), &rows)?)
}

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
/// On an error, what was written is an incomplete answer; one that a limit cut is complete in form, and the summary says so.
#[expect(clippy::too_many_arguments, reason = "a query, where it runs, and where its answer goes")]
pub fn run(
    reader: &Reader,
    isolation: Option<&Isolation>,
    sql: &str,
    params: &Params,
    format: Format,
    limits: &QueryLimits,
    control: &Control,
    out: &mut (dyn Write + Send),
) -> Result<Summary, QueryError> {
    let mut writer = ResultWriter::new(format, *limits, out);
    let schema = execute(reader, isolation, sql, params, limits, control, &mut writer)?;
    writer.finish(&schema)
}

/// Which columns of the answer hold JSON, or lists of it, by position: to arrow it is text. None if DESCRIBE does not take
/// the statement, or fails; then the query itself will tell why.
fn json_columns(reader: &Reader, sql: &str, limits: &QueryLimits) -> Vec<bool> {
    const PREFIX: &str = "DESCRIBE ";
    let sql = [PREFIX, sql].concat();
    // It is another text than the one that passed, so it has to pass as well.
    let Ok(Checked::Query(passed)) = check(&sql, limits.max_sql_bytes + PREFIX.len()) else {
        return Vec::new();
    };
    let columns = reader.rows(&sql, &vec![Value::Null; passed.parameters.len()]).unwrap_or_default();
    let types = columns.iter().map(|column| column.get("column_type").and_then(Value::as_str));
    types.map(|name| name.is_some_and(|name| name.trim_end_matches("[]") == "JSON")).collect()
}

/// DuckDB's words if they speak of the query. Others may name files: they stay in the error's source.
pub(crate) fn from_store(error: StoreError) -> QueryError {
    if let StoreError::Parameters { message } = error {
        return QueryError::Failed { message };
    }
    let StoreError::Sql { error: source, .. } = &error else {
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
