//! Queries that no setting bounds, in a process of their own: over copies of the relations that they name, with hard limits on memory and
//! processor time, killed at the deadline.
//!
//! The copy is taken in one transaction, so it is of one moment and as fresh as any answer; only columns that the query names are in it.
//! That is what isolation costs: reading those columns once more, some 50 ms for the process, and the room for the copy while it runs.
//! What the process sends back is rows in Arrow's form; the guard has passed the query before, and passes it there again.

use std::collections::HashSet;
use std::io::{BufReader, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use arrow::datatypes::{Schema, SchemaRef};
use arrow::ipc::reader::StreamReader;
use gleaner_store::{PUBLIC_RELATIONS, Params, Reader, documentation, parquet_file};
use serde_json::{Map, Value};

use crate::binary::ParquetFile;
use crate::deadline::{Control, with_deadline};
use crate::run::{Sink, from_store};
use crate::worker::{self, JSON_COLUMNS};
use crate::{QueryError, QueryLimits};

/// How queries are run apart.
#[derive(Debug, Clone)]
pub struct Isolation {
    /// The program, which calls [`crate::serve_one`] when it is given [`Isolation::arguments`].
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Folder for copies. Each query has a folder of its own there, which goes with it.
    pub scratch: PathBuf,
    /// Address space of the process, which is a hard limit.
    pub memory_bytes: u64,
}

/// What is copied for a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Copies {
    /// The columns that it names, with their rows.
    Named,
    /// All columns, without rows: what an answer's columns are does not depend on them.
    Empty,
}

/// Runs a query that the guard has passed. Without rows it is described.
pub(crate) fn execute(
    reader: &Reader,
    isolation: &Isolation,
    statement: &Value,
    question: (&str, &Params, &QueryLimits),
    with_rows: bool,
    control: &Control,
    sink: &mut dyn Sink,
) -> Result<SchemaRef, QueryError> {
    let mut run = |copies| execute_over(copies, reader, isolation, statement, question, control, sink);
    match run(if with_rows { Copies::Named } else { Copies::Empty }) {
        // A name that is not there is told with those that are near, of all.
        Err(QueryError::Failed { message }) if with_rows && message.starts_with("Binder Error") => run(Copies::Empty),
        result => result,
    }
}

fn execute_over(
    copies: Copies,
    reader: &Reader,
    isolation: &Isolation,
    statement: &Value,
    question: (&str, &Params, &QueryLimits),
    control: &Control,
    sink: &mut dyn Sink,
) -> Result<SchemaRef, QueryError> {
    let (sql, params, limits) = question;
    let process: Mutex<Option<Child>> = Mutex::new(None);
    let interrupt = reader.interrupt_handle();
    let stop = || {
        interrupt.interrupt();
        if let Some(child) = &mut *process.lock().unwrap_or_else(PoisonError::into_inner) {
            // It may have ended by itself.
            let _ = child.kill();
        }
    };
    let (result, expired) = with_deadline(limits.deadline_ms, control, stop, |expired| {
        let folder = Folder::new(&isolation.scratch)?;
        copy(reader, statement, &folder.0, copies)?;
        let request = worker::Request {
            folder: folder.0.clone(),
            sql: sql.to_owned(),
            params: params.clone(),
            limits: *limits,
            memory_bytes: isolation.memory_bytes,
            wants_json_columns: sink.wants_json_columns(),
        };
        let mut child = spawn(isolation)?;
        let (input, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        *process.lock().unwrap_or_else(PoisonError::into_inner) = Some(child);
        if let Some(mut input) = input {
            // A process that ended meanwhile says why below.
            let _ = input.write_all(request.to_json().to_string().as_bytes());
        }
        let rows = output.map(|output| rows(BufReader::new(output), sink, expired));
        let mut child = process.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut has_succeeded = false;
        if let Some(child) = &mut child {
            if !matches!(rows, Some(Ok((_, true)))) {
                // Nobody reads the rest.
                let _ = child.kill();
            }
            has_succeeded = child.wait()?.success();
        }
        match rows {
            // Killed between two batches, its stream looks like one that is at its end.
            Some(Ok((_, true))) if !has_succeeded => {
                Err(told(errors).unwrap_or(QueryError::Output(std::io::ErrorKind::UnexpectedEof.into())))
            }
            Some(Ok((schema, _))) => Ok(schema),
            Some(Err(error @ (QueryError::Encode(_) | QueryError::Output(_)))) => Err(told(errors).unwrap_or(error)),
            Some(Err(error)) => Err(error),
            None => Err(QueryError::Output(std::io::ErrorKind::BrokenPipe.into())),
        }
    });
    match result {
        Err(_) if control.is_cancelled() => Err(QueryError::Cancelled),
        Err(_) if expired => Err(QueryError::Deadline { deadline_ms: limits.deadline_ms }),
        result => result,
    }
}

/// The rows as they come; whether they came to their end.
fn rows(output: impl Read, sink: &mut dyn Sink, expired: &AtomicBool) -> Result<(SchemaRef, bool), QueryError> {
    let mut stream = StreamReader::try_new(output, None)?;
    let schema = stream.schema();
    let json = schema.metadata().get(JSON_COLUMNS).map(String::as_str).unwrap_or_default();
    let json: Vec<usize> = json.split(',').filter_map(|index| index.parse().ok()).collect();
    sink.begin((0..schema.fields().len()).map(|index| json.contains(&index)).collect());
    let schema: SchemaRef = Schema::new(schema.fields().clone()).into();
    sink.columns(&schema)?;
    for batch in &mut stream {
        if expired.load(Ordering::Relaxed) {
            return Err(QueryError::Cancelled);
        }
        let batch = crate::renamed(batch?, &schema)?;
        if batch.num_rows() > 0 && sink.batch(batch)?.is_break() {
            return Ok((schema, false));
        }
    }
    // A process that was killed ends in the midst of the stream; one that failed says why.
    if stream.is_finished() {
        Ok((schema, true))
    } else {
        Err(QueryError::Output(std::io::ErrorKind::UnexpectedEof.into()))
    }
}

/// What the process said of its failure; one that could say nothing ran out of memory.
fn told(errors: Option<impl Read>) -> Option<QueryError> {
    let mut text = String::new();
    errors?.take(worker::MAX_ERROR_BYTES).read_to_string(&mut text).ok()?;
    let last = text.lines().rev().find(|line| line.starts_with('{'));
    Some(last.and_then(worker::error_of).unwrap_or(QueryError::OutOfMemory))
}

fn spawn(isolation: &Isolation) -> Result<Child, QueryError> {
    let mut command = Command::new(&isolation.program);
    command.args(&isolation.arguments).env_clear();
    // Where the system's loader finds what the program is linked with, and nothing else.
    command.envs(std::env::vars_os().filter(|(name, _)| name == "LD_LIBRARY_PATH"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().map_err(QueryError::Apart)
}

/// Writes the relations that the query names into the folder, as they are in one transaction.
fn copy(reader: &Reader, statement: &Value, folder: &Path, copies: Copies) -> Result<(), QueryError> {
    let mut named = Named::default();
    named.look_at(statement);
    reader.begin_snapshot().map_err(from_store)?;
    let relations = PUBLIC_RELATIONS.iter().filter(|relation| named.words.contains(**relation));
    let copied = relations.into_iter().try_for_each(|relation| {
        let sql = match copies {
            Copies::Named => ["SELECT ", &named.columns(relation), " FROM ", relation].concat(),
            Copies::Empty => ["SELECT * FROM ", relation, " LIMIT 0"].concat(),
        };
        copy_one(reader, &sql, &folder.join(parquet_file(relation)))
    });
    reader.end_snapshot().map_err(from_store)?;
    copied
}

fn copy_one(reader: &Reader, sql: &str, path: &Path) -> Result<(), QueryError> {
    let mut out = std::io::BufWriter::new(std::fs::File::create(path).map_err(QueryError::Apart)?);
    let mut file = ParquetFile::new(&mut out);
    let mut failed = None;
    let schema = reader.stream(sql, &Params::default(), &mut |batch| {
        failed = file.push(&batch).err();
        Ok(if failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    });
    if let Some(error) = failed {
        return Err(error);
    }
    file.finish(&schema.map_err(from_store)?)?;
    out.flush().map_err(QueryError::Apart)
}

/// Every name in a query, lower case, whatever it names.
#[derive(Default)]
struct Named {
    words: HashSet<String>,
    /// Aliases of relations.
    aliases: HashSet<String>,
    /// Columns that are named without their relation; one with the name of a relation is all its columns.
    alone: HashSet<String>,
    /// A star, a description, or a join over all common columns: no column can be left out.
    takes_all: bool,
}

impl Named {
    fn look_at(&mut self, value: &Value) {
        match value {
            Value::String(text) => {
                self.words.insert(text.to_lowercase());
            }
            Value::Array(items) => items.iter().for_each(|item| self.look_at(item)),
            Value::Object(node) => self.look_at_object(node),
            _ => {}
        }
    }

    fn look_at_object(&mut self, node: &Map<String, Value>) {
        self.takes_all |= node.get("class").is_some_and(|class| class == "STAR")
            || node.get("type").is_some_and(|kind| kind == "SHOW_REF" || kind == "PIVOT")
            || node.get("ref_type").is_some_and(|kind| kind == "NATURAL")
            || node.get("class").is_some_and(|class| class == "POSITIONAL_REFERENCE");
        if let Some([Value::String(name)]) = node.get("column_names").and_then(Value::as_array).map(Vec::as_slice) {
            self.alone.insert(name.to_lowercase());
        }
        if node.get("type").is_some_and(|kind| kind == "BASE_TABLE") {
            let alias = node.get("alias").and_then(Value::as_str).filter(|alias| !alias.is_empty());
            let name = alias.or(node.get("table_name").and_then(Value::as_str)).unwrap_or_default();
            self.aliases.insert(name.to_lowercase());
            // A list of names for the columns counts them.
            self.takes_all |=
                node.get("column_name_alias").and_then(Value::as_array).is_some_and(|names| !names.is_empty());
        }
        node.values().for_each(|child| self.look_at(child));
    }

    /// The columns to copy, as SQL: those of which the query has the name. The names are constants of ours.
    fn columns(&self, relation: &str) -> String {
        let all = documentation().iter().find(|about| about.name == relation);
        let all: Vec<&str> = all.into_iter().flat_map(|about| about.columns.iter().map(|(name, _)| *name)).collect();
        let wanted: Vec<_> = all.iter().filter(|name| self.words.contains(**name)).collect();
        if self.takes_all || !self.aliases.is_disjoint(&self.alone) {
            return "*".to_owned();
        }
        // Rows count, even if none of their columns is named.
        let wanted = if wanted.is_empty() { all.iter().take(1).collect() } else { wanted };
        wanted.into_iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")
    }
}

fn quoted(name: &str) -> String {
    ["\"", name, "\""].concat()
}

/// A folder that goes when it is dropped. Only the owner may look.
struct Folder(PathBuf);

impl Folder {
    fn new(scratch: &Path) -> Result<Self, QueryError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = scratch.join(name);
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).map_err(QueryError::Apart)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed now goes when the server starts the next time.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
