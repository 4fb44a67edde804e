//! The process that runs one query and ends: it limits itself before it reads the query, opens an empty database in memory with views
//! over the copies that it is given, sees no other file, and writes rows in Arrow's form.

use std::io::{Read, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;

use arrow::datatypes::Schema;
use arrow::ipc::writer::StreamWriter;
use arrow::record_batch::RecordBatch;
use gleaner_store::{Param, Params, Sandbox};
use serde_json::{Value, json};

use crate::confine::confine;
use crate::deadline::Control;
use crate::run::Sink;
use crate::{QueryError, QueryLimits};

/// Where the schema says which columns hold JSON.
pub(crate) const JSON_COLUMNS: &str = "gleaner.json_columns";
/// Longest error that is read back.
pub(crate) const MAX_ERROR_BYTES: u64 = 256 << 10;
/// Longest request: the query's text and its parameters.
const MAX_REQUEST_BYTES: u64 = 16 << 20;
/// Beside DuckDB's own memory: the program, its threads' stacks, and what the allocator keeps.
const OVERHEAD_BYTES: u64 = 512 << 20;

/// What the process is asked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    pub(crate) folder: PathBuf,
    pub(crate) sql: String,
    pub(crate) params: Params,
    pub(crate) limits: QueryLimits,
    pub(crate) memory_bytes: u64,
    pub(crate) wants_json_columns: bool,
}

impl Request {
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "folder": self.folder, "sql": self.sql, "params": params_to_json(&self.params),
            "max_sql_bytes": self.limits.max_sql_bytes, "deadline_ms": self.limits.deadline_ms,
            "memory_bytes": self.memory_bytes, "wants_json_columns": self.wants_json_columns,
        })
    }

    fn from_json(value: &Value) -> Option<Self> {
        let number = |key: &str| value.get(key).and_then(Value::as_u64);
        let limits = QueryLimits {
            max_sql_bytes: usize::try_from(number("max_sql_bytes")?).ok()?,
            deadline_ms: number("deadline_ms")?,
            // The one who asks counts.
            max_rows: u64::MAX,
            max_result_bytes: u64::MAX,
        };
        Some(Self {
            folder: value.get("folder")?.as_str()?.into(),
            sql: value.get("sql")?.as_str()?.to_owned(),
            params: params_from_json(value.get("params")?)?,
            limits,
            memory_bytes: number("memory_bytes")?,
            wants_json_columns: value.get("wants_json_columns")?.as_bool()?,
        })
    }
}

/// Reads one query from `input`, writes its rows to `output`, or why there are none to `errors`. Gives whether it went well.
///
/// # Errors
/// When what it reads is not a request, or the limits cannot be set: nothing is run then.
pub fn serve_one(input: impl Read, output: impl Write, mut errors: impl Write) -> std::io::Result<bool> {
    die_with_parent()?;
    give_way()?;
    let mut text = String::new();
    input.take(MAX_REQUEST_BYTES).read_to_string(&mut text)?;
    let request = serde_json::from_str(&text).ok().and_then(|value| Request::from_json(&value));
    let request = request.ok_or(std::io::ErrorKind::InvalidData)?;
    limit(&request)?;
    confine(&request.folder)?;
    match answer(&request, output) {
        Ok(()) => Ok(true),
        Err(error) => {
            writeln!(errors, "{}", error_to_json(&error))?;
            Ok(false)
        }
    }
}

fn answer(request: &Request, output: impl Write) -> Result<(), QueryError> {
    let duckdb_bytes = request.memory_bytes.saturating_sub(OVERHEAD_BYTES).max(64 << 20);
    let sandbox = Sandbox::open(&request.folder, duckdb_bytes).map_err(QueryError::Store)?;
    let reader = sandbox.reader().map_err(QueryError::Store)?;
    let mut sink =
        Out { output: Some(output), writer: None, wants_json_columns: request.wants_json_columns, json: String::new() };
    let control = Control::default();
    let (sql, params, limits) = (&request.sql, &request.params, &request.limits);
    // Which of them hold JSON is known later.
    if !request.wants_json_columns
        && let Ok(described) = crate::run::describe_as_named(&reader, None, sql, params, limits)
    {
        sink.open(&described.schema)?;
    }
    let schema = crate::run::execute(&reader, None, sql, params, limits, &control, &mut sink)?;
    sink.open(&schema)?;
    if let Some(writer) = &mut sink.writer {
        writer.finish()?;
    }
    Ok(())
}

/// Writes batches.
struct Out<W: Write> {
    output: Option<W>,
    writer: Option<StreamWriter<W>>,
    wants_json_columns: bool,
    json: String,
}

impl<W: Write> Out<W> {
    fn open(&mut self, schema: &Schema) -> Result<(), QueryError> {
        if let Some(output) = self.output.take() {
            let metadata = [(JSON_COLUMNS.to_owned(), self.json.clone())].into();
            let schema = Schema::new(schema.fields().clone()).with_metadata(metadata);
            let mut writer = StreamWriter::try_new(output, &schema)?;
            // Whoever asks for the columns need not wait for rows.
            writer.flush()?;
            self.writer = Some(writer);
        }
        Ok(())
    }
}

impl<W: Write> Sink for Out<W> {
    fn wants_json_columns(&self) -> bool {
        self.wants_json_columns
    }

    fn begin(&mut self, is_json: Vec<bool>) {
        let json = is_json.iter().enumerate().filter(|(_, is_json)| **is_json).map(|(index, _)| index.to_string());
        self.json = json.collect::<Vec<_>>().join(",");
    }

    fn batch(&mut self, batch: RecordBatch) -> Result<ControlFlow<()>, QueryError> {
        self.open(&batch.schema())?;
        if let Some(writer) = &mut self.writer {
            writer.write(&batch)?;
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// The lowest claim to processors, so that ingestion goes first: before all else, since to start takes processors as well.
#[cfg(unix)]
fn give_way() -> std::io::Result<()> {
    rustix::process::nice(19)?;
    crate::leave_one_processor();
    Ok(())
}

#[cfg(not(unix))]
fn give_way() -> std::io::Result<()> {
    Ok(())
}

/// Hard limits, which the system keeps: address space, processor time, no core dump, no large file.
#[cfg(unix)]
fn limit(request: &Request) -> std::io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let set = |resource, most| setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
    set(Resource::As, request.memory_bytes)?;
    set(Resource::Cpu, request.limits.deadline_ms.saturating_mul(2) / 1000 + 5)?;
    set(Resource::Core, 0)?;
    // It writes to its pipes only.
    set(Resource::Fsize, 0)?;
    set(Resource::Nofile, 256)?;
    Ok(())
}

#[cfg(not(unix))]
fn limit(_: &Request) -> std::io::Result<()> {
    Ok(())
}

/// A server that is killed takes its queries with it.
#[cfg(target_os = "linux")]
fn die_with_parent() -> std::io::Result<()> {
    Ok(rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?)
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent() -> std::io::Result<()> {
    Ok(())
}

fn params_to_json(params: &Params) -> Value {
    match params {
        Params::Positional(values) => json!({ "values": values.iter().map(param_to_json).collect::<Vec<_>>() }),
        Params::Named(values) => {
            let names: Vec<_> = values.iter().map(|(name, _)| name).collect();
            json!({ "names": names, "values": values.iter().map(|(_, value)| param_to_json(value)).collect::<Vec<_>>() })
        }
    }
}

fn params_from_json(value: &Value) -> Option<Params> {
    let values = value.get("values")?.as_array()?.iter().map(param_from_json).collect::<Option<Vec<_>>>()?;
    let Some(names) = value.get("names") else { return Some(Params::Positional(values)) };
    let names = names.as_array()?.iter().map(|name| Some(name.as_str()?.to_owned())).collect::<Option<Vec<_>>>()?;
    Some(Params::Named(names.into_iter().zip(values).collect()))
}

/// Floating-point numbers go by their bits: JSON has no infinities.
fn param_to_json(param: &Param) -> Value {
    match param {
        Param::Null => json!(null),
        Param::Bool(value) => json!(value),
        Param::Int(value) => json!({ "int": value }),
        Param::UInt(value) => json!({ "uint": value }),
        Param::Double(value) => json!({ "double": value.to_bits() }),
        Param::Text(value) => json!(value),
        Param::Blob(value) => json!({ "blob": value }),
        Param::Timestamp(value) => json!({ "timestamp": value }),
        Param::Date(value) => json!({ "date": value }),
    }
}

fn param_from_json(value: &Value) -> Option<Param> {
    Some(match value {
        Value::Null => Param::Null,
        Value::Bool(value) => Param::Bool(*value),
        Value::String(text) => Param::Text(text.clone()),
        Value::Object(typed) => match typed.iter().next().map(|(kind, value)| (kind.as_str(), value))? {
            ("int", value) => Param::Int(value.as_i64()?),
            ("uint", value) => Param::UInt(value.as_u64()?),
            ("double", value) => Param::Double(f64::from_bits(value.as_u64()?)),
            ("timestamp", value) => Param::Timestamp(value.as_i64()?),
            ("date", value) => Param::Date(i32::try_from(value.as_i64()?).ok()?),
            ("blob", value) => {
                let byte = |value: &Value| value.as_u64().and_then(|byte| u8::try_from(byte).ok());
                Param::Blob(value.as_array()?.iter().map(byte).collect::<Option<_>>()?)
            }
            _ => return None,
        },
        _ => return None,
    })
}

/// What matters to the one who asked; everything else is a failure of the store.
fn error_to_json(error: &QueryError) -> Value {
    match error {
        QueryError::OutOfMemory => json!({ "out_of_memory": true }),
        QueryError::Deadline { deadline_ms } => json!({ "deadline_ms": deadline_ms }),
        QueryError::NeedsTimeZones => json!({ "needs_time_zones": true }),
        QueryError::Encode(error) => json!({ "encode": error.to_string() }),
        QueryError::Store(_) | QueryError::Output(_) => json!({ "failed": "the query cannot be run" }),
        error => json!({ "failed": error.to_string() }),
    }
}

pub(crate) fn error_of(line: &str) -> Option<QueryError> {
    let told: Value = serde_json::from_str(line).ok()?;
    if let Some(deadline_ms) = told.get("deadline_ms").and_then(Value::as_u64) {
        return Some(QueryError::Deadline { deadline_ms });
    }
    if let Some(message) = told.get("encode").and_then(Value::as_str) {
        return Some(QueryError::Encode(arrow::error::ArrowError::ExternalError(message.into())));
    }
    if told.get("needs_time_zones").is_some() {
        return Some(QueryError::NeedsTimeZones);
    }
    if let Some(message) = told.get("failed").and_then(Value::as_str) {
        return Some(QueryError::Failed { message: message.to_owned() });
    }
    told.get("out_of_memory").map(|_| QueryError::OutOfMemory)
}

#[cfg(test)]
mod tests;
