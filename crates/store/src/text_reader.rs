//! Reads shared texts: joins the pieces that a list of ids names.
//!
//! Views say `shared_text(ids)`, or `shared_json(ids)` where the text is JSON. In the file these are macros in SQL (`views/shared_text.sql`),
//! which any DuckDB can run, but whose join is paid for even by queries that ask for no text: DuckDB drops a column nobody reads, never a join.
//! For each of this program's readers temporary macros of the same names stand before them and call the functions that are registered here;
//! they are evaluated for the rows and columns that a query reads, and for no others.
//!
//! Invariants:
//! - Only texts of committed rows are read, on connections of its own: whoever sees a list of ids sees a commit that wrote their texts.
//!   The loader, which reads its own uncommitted rows, uses the macro in SQL.
//! - The function is part of the database and must not keep it open: its connections go when the last handle goes.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::UInt64Type;
use duckdb::core::{DataChunkHandle, FlatVector, Inserter, LogicalTypeHandle, LogicalTypeId};
use duckdb::vscalar::{ScalarFunctionSignature, VScalar};
use duckdb::vtab::arrow::{WritableVector, data_chunk_to_arrow};
use duckdb::{Connection, Statement, params};

use crate::StoreError;
use crate::store::use_store;
use crate::texts::TextRow;

/// Names of the functions in SQL.
const TEXT_FUNCTION: &str = "gleaner_shared_text";
const JSON_FUNCTION: &str = "gleaner_shared_json";
/// The macros that a reader's connection has before the file's own.
const MACROS: &str = "CREATE TEMP MACRO shared_text(ids) AS gleaner_shared_text(ids);
    CREATE TEMP MACRO shared_json(ids) AS gleaner_shared_json(ids)";

/// Ids that lie no further apart are read together, with all between them: a look into the table costs as much as some hundred rows.
const MAX_GAP: u64 = 512;
/// With more groups of ids than this, one scan of the ids costs less than a look for each.
const MAX_GROUPS: usize = 48;
/// Pieces are read and kept in blocks of so many ids. Those of rows that were written together lie together, so that most of a block is
/// asked for with it, and a piece is found by its place.
const BLOCK_IDS: u64 = 64;
/// Bytes of blocks that are kept at hand, twice at most. Neighbouring rows share most of their pieces, and all rows some.
const MAX_KEPT_BYTES: usize = 16 << 20;
/// Bytes of the texts of one vector: Arrow, which they become, counts no further.
const MAX_VECTOR_BYTES: usize = i32::MAX as usize;

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
    writer.register_scalar_function_with_state::<Shared<false>>(TEXT_FUNCTION, &reader).map_err(sql)?;
    writer.register_scalar_function_with_state::<Shared<true>>(JSON_FUNCTION, &reader).map_err(sql)?;
    Ok(TextReaderHandle { _open: Arc::new(Open(reader)) })
}

/// Lets a reader's connection use the function.
pub(crate) fn prepare(reader: &Connection) -> Result<(), StoreError> {
    reader.execute_batch(MACROS).map_err(|e| StoreError::sql("opening a reader", e))
}

/// Gives the text. As JSON, if it is: a cast would read all of it once more, to see whether it is.
struct Shared<const IS_JSON: bool>;

impl<const IS_JSON: bool> VScalar for Shared<IS_JSON> {
    type State = Arc<TextReader>;

    fn invoke(
        state: &Self::State,
        input: &mut DataChunkHandle,
        out: &mut dyn WritableVector,
    ) -> Result<(), Box<dyn Error>> {
        state.write(input, &mut out.flat_vector())
    }

    fn signatures() -> Vec<ScalarFunctionSignature> {
        let ids = LogicalTypeHandle::list(&LogicalTypeId::UBigint.into());
        let mut text = LogicalTypeHandle::from(LogicalTypeId::Varchar);
        if IS_JSON {
            text.set_alias("JSON");
        }
        vec![ScalarFunctionSignature::exact(vec![ids], text)]
    }
}

impl TextReader {
    /// Joins the pieces of every row's ids.
    fn write(&self, input: &DataChunkHandle, out: &mut FlatVector<'_>) -> Result<(), Box<dyn Error>> {
        let input = data_chunk_to_arrow(input)?;
        let lists = input.column(0).as_list_opt::<i32>().ok_or("shared_text takes a list of ids")?;
        let ids = lists.values().as_primitive_opt::<UInt64Type>().ok_or("ids are UBIGINT")?.values();
        let places = |row: usize| {
            let offsets = lists.value_offsets();
            if lists.is_null(row) { 0..0 } else { offsets[row] as usize..offsets[row + 1] as usize }
        };
        let mut wanted: Vec<u64> = Vec::new();
        for id in (0..lists.len()).flat_map(|row| &ids[places(row)]) {
            let block = id / BLOCK_IDS;
            if wanted.last() != Some(&block) {
                wanted.push(block);
            }
        }
        wanted.sort_unstable();
        wanted.dedup();
        let mut blocks = self.blocks(&wanted)?;
        let mut joined = String::new();
        // Neighbours are mostly of one block.
        let mut latest: Option<(u64, Arc<Block>)> = None;
        let mut bytes = 0;
        for row in 0..lists.len() {
            if lists.is_null(row) {
                out.set_null(row);
                continue;
            }
            joined.clear();
            for id in &ids[places(row)] {
                let number = id / BLOCK_IDS;
                if latest.as_ref().is_none_or(|(at, block)| *at != number || block.text(*id).is_none()) {
                    if blocks.get(&number).is_none_or(|block| block.text(*id).is_none()) {
                        // Kept since before it was written.
                        blocks.extend(self.read(&[number])?);
                    }
                    latest = blocks.get(&number).map(|block| (number, block.clone()));
                }
                let text = latest.as_ref().and_then(|(_, block)| block.text(*id));
                let text = text.ok_or_else(|| format!("shared text {id} is missing: run `gleaner rebuild`"))?;
                joined.push_str(text);
            }
            bytes += joined.len();
            if bytes > MAX_VECTOR_BYTES {
                return Err(
                    "the texts of 2048 rows are longer than 2 GiB: ask for fewer columns, or for parts of them".into(),
                );
            }
            out.insert(row, joined.as_str());
        }
        Ok(())
    }

    /// Some blocks by their numbers, which are sorted and different.
    fn blocks(&self, wanted: &[u64]) -> Result<HashMap<u64, Arc<Block>>, Box<dyn Error>> {
        let mut blocks = HashMap::with_capacity(wanted.len());
        let mut missing = Vec::new();
        {
            let mut kept = lock(&self.kept);
            for number in wanted {
                match kept.get(*number) {
                    Some(block) => {
                        blocks.insert(*number, block);
                    }
                    None => missing.push(*number),
                }
            }
        }
        if !missing.is_empty() {
            blocks.extend(self.read(&missing)?);
        }
        Ok(blocks)
    }

    /// Reads blocks, and keeps them at hand.
    fn read(&self, numbers: &[u64]) -> Result<HashMap<u64, Arc<Block>>, Box<dyn Error>> {
        let connection = self.connection()?;
        let read = read_blocks(&connection, numbers)?;
        if let Some(connections) = &mut *lock(&self.connections) {
            connections.idle.push(connection);
        }
        let mut kept = lock(&self.kept);
        for (number, block) in &read {
            kept.add(*number, block);
        }
        Ok(read)
    }

    fn connection(&self) -> Result<Connection, Box<dyn Error>> {
        let mut connections = lock(&self.connections);
        let connections = connections.as_mut().ok_or("the store is closed")?;
        match connections.idle.pop() {
            Some(connection) => Ok(connection),
            None => {
                let connection = connections.origin.try_clone()?;
                use_store(&connection)?;
                Ok(connection)
            }
        }
    }
}

/// Reads the texts of some ids, which are sorted and different. Ids that are not there are left out. For the loader, which
/// wants a few.
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

/// Reads blocks by their numbers, which are sorted and different. What is not there is not in them.
fn read_blocks(connection: &Connection, numbers: &[u64]) -> Result<HashMap<u64, Arc<Block>>, Box<dyn Error>> {
    let groups: Vec<&[u64]> = numbers.chunk_by(|a, b| (b - a - 1) * BLOCK_IDS <= MAX_GAP).collect();
    let range = |group: &[u64]| {
        let (first, last) = (group.first().copied().unwrap_or(0), group.last().copied().unwrap_or(0));
        (first * BLOCK_IDS, last * BLOCK_IDS + (BLOCK_IDS - 1))
    };
    let mut batches = Vec::new();
    if groups.len() > MAX_GROUPS {
        let mut statement = connection.prepare_cached(
            "SELECT id, text FROM texts WHERE id BETWEEN ? AND ? AND id // ? IN (SELECT unnest(from_json(?, '[\"UBIGINT\"]')))",
        )?;
        let (first, last) = range(numbers);
        let list = serde_json::Value::from(numbers).to_string();
        batches.extend(statement.query_arrow(params![first, last, BLOCK_IDS, list])?);
    } else {
        let mut statement = connection.prepare_cached("SELECT id, text FROM texts WHERE id BETWEEN ? AND ?")?;
        for group in groups {
            let (first, last) = range(group);
            batches.extend(statement.query_arrow(params![first, last])?);
        }
    }
    let mut rows: Vec<(u64, &str)> = Vec::new();
    for batch in &batches {
        let ids = batch.column(0).as_primitive_opt::<UInt64Type>().ok_or("ids are UBIGINT")?;
        let texts = batch.column(1).as_string_opt::<i32>().ok_or("texts are VARCHAR")?;
        rows.extend(ids.values().iter().copied().zip(texts.iter().map(Option::unwrap_or_default)));
    }
    rows.sort_by_key(|(id, _)| *id);
    let mut blocks: HashMap<u64, Arc<Block>> = HashMap::with_capacity(numbers.len());
    for rows in rows.chunk_by(|(a, _), (b, _)| a / BLOCK_IDS == b / BLOCK_IDS) {
        let number = rows[0].0 / BLOCK_IDS;
        if numbers.binary_search(&number).is_ok() {
            blocks.insert(number, Arc::new(Block::new(rows)));
        }
    }
    Ok(blocks)
}

/// The pieces of neighbouring ids, one behind the other.
#[derive(Debug)]
struct Block {
    /// Where each begins and ends in `text`; those that are not there have no place.
    places: [Option<(usize, usize)>; BLOCK_IDS as usize],
    text: String,
}

impl Block {
    /// Of texts by their ids.
    fn new(rows: &[(u64, &str)]) -> Self {
        let mut places = [None; BLOCK_IDS as usize];
        let mut text = String::with_capacity(rows.iter().map(|(_, text)| text.len()).sum());
        for (id, piece) in rows {
            let begin = text.len();
            text.push_str(piece);
            places[(id % BLOCK_IDS) as usize] = Some((begin, text.len()));
        }
        Self { places, text }
    }

    fn text(&self, id: u64) -> Option<&str> {
        let (begin, end) = self.places[(id % BLOCK_IDS) as usize]?;
        self.text.get(begin..end)
    }
}

/// Blocks read of late, in two halves: when the newer is full, the older is forgotten.
#[derive(Default)]
struct Kept {
    recent: HashMap<u64, Arc<Block>>,
    older: HashMap<u64, Arc<Block>>,
    recent_bytes: usize,
}

impl Kept {
    fn get(&mut self, number: u64) -> Option<Arc<Block>> {
        if let Some(block) = self.recent.get(&number) {
            return Some(block.clone());
        }
        let block = self.older.remove(&number)?;
        self.add(number, &block);
        Some(block)
    }

    fn add(&mut self, number: u64, block: &Arc<Block>) {
        let bytes = size_of::<Block>() + block.text.len();
        if self.recent_bytes + bytes > MAX_KEPT_BYTES {
            self.older = std::mem::take(&mut self.recent);
            self.recent_bytes = 0;
        }
        match self.recent.insert(number, block.clone()) {
            None => self.recent_bytes += bytes,
            Some(before) => {
                self.recent_bytes = (self.recent_bytes + block.text.len()).saturating_sub(before.text.len())
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Each holder leaves it whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
