//! Reads shared texts: joins the pieces that a list of ids names.
//!
//! Views say `shared_text(ids)`. In the file that is a macro in SQL (`views/shared_text.sql`), which any DuckDB can run, but whose join is
//! paid for even by queries that ask for no text: DuckDB drops a column nobody reads, never a join. For each of this program's readers a
//! temporary macro of the same name stands before it and calls the function that is registered here; it is evaluated for the rows and
//! columns that a query reads, and for no others.
//!
//! Invariants:
//! - Only texts of committed rows are read, on connections of its own: whoever sees a list of ids sees a commit that wrote their texts.
//!   The loader, which reads its own uncommitted rows, uses the macro in SQL.
//! - The function is part of the database and must not keep it open: its connections go when the last handle goes.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, UInt64Type};
use duckdb::vscalar::{ArrowFunctionSignature, VArrowScalar};
use duckdb::{Connection, Statement, params};

use crate::StoreError;
use crate::texts::TextRow;

/// Name of the function in SQL.
const FUNCTION: &str = "gleaner_shared_text";
/// The macro that a reader's connection has before the file's own.
const MACRO: &str = "CREATE TEMP MACRO shared_text(ids) AS gleaner_shared_text(ids)";

/// Ids that lie no further apart are read together, with all between them: a look into the table costs as much as some hundred rows.
const MAX_GAP: u64 = 512;
/// With more groups of ids than this, one scan of the ids costs less than a look for each.
const MAX_GROUPS: usize = 48;
/// Bytes of pieces that are kept at hand, twice at most. Neighbouring rows share most of theirs, and all rows some.
const MAX_KEPT_BYTES: usize = 8 << 20;

/// Keeps the connections of the function open. When the last clone goes, they are closed.
#[derive(Clone, Debug)]
pub(crate) struct TextReaderHandle {
    _open: Arc<Open>,
}

#[derive(Debug)]
struct Open(Arc<TextReader>);

impl Drop for Open {
    fn drop(&mut self) {
        *lock(&self.0.connections) = None;
    }
}

/// What the function reads with. Shared by all queries.
#[derive(Default)]
struct TextReader {
    /// Connections that no call uses now; `None` once the store is closed.
    connections: Mutex<Option<Connections>>,
    kept: Mutex<Kept>,
}

struct Connections {
    /// Only cloned.
    origin: Connection,
    idle: Vec<Connection>,
}

impl std::fmt::Debug for TextReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextReader").finish_non_exhaustive()
    }
}

/// Registers the function with the database of a connection.
pub(crate) fn register(writer: &Connection) -> Result<TextReaderHandle, StoreError> {
    let sql = |e| StoreError::sql("registering shared_text", e);
    let origin = writer.try_clone().map_err(sql)?;
    let reader = Arc::new(TextReader {
        connections: Mutex::new(Some(Connections { origin, idle: Vec::new() })),
        kept: Mutex::default(),
    });
    writer.register_scalar_function_with_state::<SharedText>(FUNCTION, &reader).map_err(sql)?;
    Ok(TextReaderHandle { _open: Arc::new(Open(reader)) })
}

/// Lets a reader's connection use the function.
pub(crate) fn prepare(reader: &Connection) -> Result<(), StoreError> {
    reader.execute_batch(MACRO).map_err(|e| StoreError::sql("opening a reader", e))
}

struct SharedText;

impl VArrowScalar for SharedText {
    type State = Arc<TextReader>;

    fn invoke(state: &Self::State, input: RecordBatch) -> Result<ArrayRef, Box<dyn Error>> {
        let lists = input.column(0).as_list_opt::<i32>().ok_or("shared_text takes a list of ids")?;
        let mut wanted: Vec<u64> = Vec::new();
        for list in lists.iter().flatten() {
            wanted.extend(list.as_primitive_opt::<UInt64Type>().ok_or("ids are UBIGINT")?.values());
        }
        wanted.sort_unstable();
        wanted.dedup();
        let texts = state.texts(&wanted)?;
        let mut joined = StringBuilder::new();
        for list in lists.iter() {
            let Some(list) = list else {
                joined.append_null();
                continue;
            };
            for id in list.as_primitive::<UInt64Type>().values() {
                let text =
                    texts.get(id).ok_or_else(|| format!("shared text {id} is missing: run `gleaner rebuild`"))?;
                std::fmt::Write::write_str(&mut joined, text)?;
            }
            joined.append_value("");
        }
        Ok(Arc::new(joined.finish()))
    }

    fn signatures() -> Vec<ArrowFunctionSignature> {
        let ids = DataType::List(Arc::new(Field::new("item", DataType::UInt64, true)));
        vec![ArrowFunctionSignature::exact(vec![ids], DataType::Utf8)]
    }
}

impl TextReader {
    /// The texts of some ids, which are sorted and different.
    fn texts(&self, wanted: &[u64]) -> Result<HashMap<u64, Arc<str>>, Box<dyn Error>> {
        let mut texts = HashMap::with_capacity(wanted.len());
        let mut missing = Vec::new();
        {
            let mut kept = lock(&self.kept);
            for id in wanted {
                match kept.get(*id) {
                    Some(text) => {
                        texts.insert(*id, text);
                    }
                    None => missing.push(*id),
                }
            }
        }
        if missing.is_empty() {
            return Ok(texts);
        }
        let connection = self.connection()?;
        let read = read_texts(&connection, &missing)?;
        if let Some(connections) = &mut *lock(&self.connections) {
            connections.idle.push(connection);
        }
        let mut kept = lock(&self.kept);
        for TextRow { id, text } in read {
            let text: Arc<str> = text.into();
            kept.add(id, &text);
            texts.insert(id, text);
        }
        Ok(texts)
    }

    fn connection(&self) -> Result<Connection, Box<dyn Error>> {
        let mut connections = lock(&self.connections);
        let connections = connections.as_mut().ok_or("the store is closed")?;
        match connections.idle.pop() {
            Some(connection) => Ok(connection),
            None => Ok(connections.origin.try_clone()?),
        }
    }
}

/// Reads the texts of some ids, which are sorted and different. Ids that are not there are left out.
pub(crate) fn read_texts(connection: &Connection, ids: &[u64]) -> Result<Vec<TextRow>, duckdb::Error> {
    let mut texts = Vec::with_capacity(ids.len());
    for_each_text(connection, ids, &mut |id, text| texts.push(TextRow { id, text: text.to_owned() }))?;
    Ok(texts)
}

/// As [`read_texts`], and copies none.
pub(crate) fn for_each_text(
    connection: &Connection,
    ids: &[u64],
    visit: &mut dyn FnMut(u64, &str),
) -> Result<(), duckdb::Error> {
    let groups: Vec<&[u64]> = ids.chunk_by(|a, b| b - a <= MAX_GAP).collect();
    if groups.len() > MAX_GROUPS {
        let mut statement = connection.prepare_cached(
            "SELECT id, text FROM texts WHERE id BETWEEN ? AND ? AND id IN (SELECT unnest(from_json(?, '[\"UBIGINT\"]')))",
        )?;
        let list = serde_json::Value::from(ids).to_string();
        statement.execute(params![ids.first(), ids.last(), list])?;
        return each_of(&mut statement, ids, visit);
    }
    let mut statement = connection.prepare_cached("SELECT id, text FROM texts WHERE id BETWEEN ? AND ?")?;
    for group in groups {
        statement.execute(params![group.first(), group.last()])?;
        each_of(&mut statement, group, visit)?;
    }
    Ok(())
}

/// The rows of a statement that has been executed, as far as they are wanted.
fn each_of(
    statement: &mut Statement<'_>,
    wanted: &[u64],
    visit: &mut dyn FnMut(u64, &str),
) -> Result<(), duckdb::Error> {
    while let Some(batch) = statement.step()? {
        let batch = RecordBatch::from(&batch);
        let (Some(ids), Some(texts)) =
            (batch.column(0).as_primitive_opt::<UInt64Type>(), batch.column(1).as_string_opt::<i32>())
        else {
            continue;
        };
        for (id, text) in ids.values().iter().zip(texts) {
            if wanted.binary_search(id).is_ok() {
                visit(*id, text.unwrap_or_default());
            }
        }
    }
    Ok(())
}

/// Pieces read of late, in two halves: when the newer is full, the older is forgotten.
#[derive(Default)]
struct Kept {
    recent: HashMap<u64, Arc<str>>,
    older: HashMap<u64, Arc<str>>,
    recent_bytes: usize,
}

impl Kept {
    fn get(&mut self, id: u64) -> Option<Arc<str>> {
        if let Some(text) = self.recent.get(&id) {
            return Some(text.clone());
        }
        let text = self.older.remove(&id)?;
        self.add(id, &text);
        Some(text)
    }

    fn add(&mut self, id: u64, text: &Arc<str>) {
        if self.recent_bytes + text.len() > MAX_KEPT_BYTES {
            self.older = std::mem::take(&mut self.recent);
            self.recent_bytes = 0;
        }
        if self.recent.insert(id, text.clone()).is_none() {
            self.recent_bytes += text.len();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Each holder leaves it whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
