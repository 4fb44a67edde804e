//! The one writer: opening the file, and the loader's transaction.
//!
//! Invariants: facts, derived rows, contents, feedback and the journal position of a commit are visible together or not at
//! all; of a trace there is one set of derived rows; an item of feedback and a content are there once.

pub(crate) mod artifact_roots;
pub(crate) mod attempt_index;
pub(crate) mod bindings;
mod commit;
pub(crate) mod evaluations;
pub(crate) mod histories;
mod keys;
pub(crate) mod pairs;
pub(crate) mod retractions;
mod seen;
mod units;

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use duckdb::{Config, Connection, params};
use gleaner_model::{DerivedTrace, FeedbackItem, StoredFragment, ToldCall};

use self::seen::Seen;
use crate::known_contents::KnownContents;
use crate::memory_limit::{MemoryLimit, checkpoints_need_full_memory, note_failed_checkpoint};
use crate::reader::{self, Readers};
use crate::texts::Texts;
use crate::{Reader, StoreError, schema};

/// DuckDB never checkpoints on its own: it would do so inside of a commit, and a failure there would look like a failed
/// commit.
const NO_AUTOMATIC_CHECKPOINT: &str = "1TB";

/// DuckDB's name for a database without a file.
const IN_MEMORY: &str = ":memory:";

/// Room for every statement of the loader.
const STATEMENTS: usize = 64;

/// How the store is opened.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// The folder; `store.duckdb` lies inside.
    pub dir: PathBuf,
    /// DuckDB's buffers, for the writer and all readers together.
    pub memory_limit_bytes: u64,
    /// … while nobody reads; no more than the above.
    pub loading_memory_limit_bytes: u64,
    /// DuckDB's threads, for the writer and all readers together.
    pub threads: usize,
    /// Disk for what queries and exports do not hold in memory, all together.
    pub max_temp_bytes: u64,
    /// A checkpoint is due when the commits since the last were made of more than so many bytes of requests.
    pub checkpoint_bytes: u64,
    /// Names the settings that traces are derived under. Written down when the store is made; see [`Store::derived_under`].
    pub derived_under: String,
    /// Overall scores that differ by less make no preference pair.
    pub min_score_gap: f64,
    /// Pieces of text that the writer knows to be there, of those seen last: what comes again within so many is not stored again.
    pub max_known_texts: usize,
    /// Nobody else has the store: its readers may change the memory limit; see [`Store::reader_once`].
    pub at_rest: bool,
}

impl StoreConfig {
    /// A store of 256 MiB and one thread that never checkpoints by itself.
    pub fn at(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            memory_limit_bytes: 256 << 20,
            loading_memory_limit_bytes: 256 << 20,
            threads: 1,
            max_temp_bytes: 1 << 30,
            checkpoint_bytes: u64::MAX,
            derived_under: String::new(),
            min_score_gap: DEFAULT_MIN_SCORE_GAP,
            max_known_texts: DEFAULT_MAX_KNOWN_TEXTS,
            at_rest: false,
        }
    }
}

/// Overall scores that differ by less make no preference pair, unless configured otherwise.
pub const DEFAULT_MIN_SCORE_GAP: f64 = 2.0;

/// Some 40 bytes each: 20 MB for some 150 MB of text that was not there before.
pub const DEFAULT_MAX_KNOWN_TEXTS: usize = 500_000;

/// What one transaction of the loader writes.
#[derive(Debug, Clone, Default)]
pub struct Commit {
    /// Journal position after the last frame of this commit; never behind the store's.
    pub position: u64,
    /// Bytes of the requests that it is made of.
    pub request_bytes: u64,
    /// New facts from telemetry, in journal order.
    pub facts: Vec<Fact>,
    /// New items: journal position, arrival in nanoseconds since the Unix epoch, item. All items of one position come in
    /// one commit, in their order. An item whose id the store has is skipped.
    pub feedback: Vec<(u64, u64, FeedbackItem)>,
    /// What is derived from every trace that got new facts. Replaces what was derived from it before; an empty one leaves
    /// nothing.
    pub traces: Vec<DerivedTrace>,
    /// What holds units together beside the unit keys of facts.
    pub links: Vec<UnitLink>,
}

/// A fragment as a row of fact.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// Names the unit of several traces, and of records outside of traces, that is derived together; absent where the trace
    /// alone is the unit.
    pub unit_key: Option<String>,
    /// It is understood though nothing is derived from it: outside of traces it is not listed as unmapped.
    pub is_note: bool,
    /// The fragment with its place.
    pub stored: StoredFragment,
    /// Items of feedback that it carries, in their order. They become facts at the place of the fragment, those apart whose
    /// id the store has.
    pub feedback: Vec<FeedbackItem>,
}

/// That a unit key was seen in a trace, or outside of all traces.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnitLink {
    /// Project of both.
    pub project: String,
    /// The unit key.
    pub unit_key: String,
    /// `None`: on records outside of traces.
    pub trace_id: Option<String>,
}

/// What the idempotency index needs to know of a stored item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedbackKey {
    /// Project of the item.
    pub project: String,
    /// Its id.
    pub item_id: String,
    /// Hash of what it says.
    pub content_hash: String,
    /// As sent; absent when the content is the key.
    pub idempotency_key: Option<String>,
}

/// The store, open for writing. There is one per file.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    readers: Readers,
    checkpoint_bytes: u64,
    unsaved_bytes: u64,
    /// `None` after a commit that failed: what pieces it had given out is not there.
    texts: Option<Texts>,
    max_known_texts: usize,
    /// Likewise.
    contents: Option<KnownContents>,
    /// `None` before the first commit.
    seen: Option<Seen>,
    /// Of a store at rest.
    memory_limit_bytes: Option<u64>,
}

impl Store {
    /// Opens or creates `dir/store.duckdb`. The folder must exist.
    pub fn open(config: &StoreConfig) -> Result<Self, StoreError> {
        Self::open_at(&config.dir.join("store.duckdb"), config)
    }

    /// A store in memory, for tests.
    pub fn open_in_memory() -> Result<Self, StoreError> {
        let path = Path::new(IN_MEMORY);
        Self::open_at(path, &StoreConfig { threads: 2, ..StoreConfig::at(path) })
    }

    fn open_at(path: &Path, config: &StoreConfig) -> Result<Self, StoreError> {
        let failed = |e: duckdb::Error| StoreError::open(path, &e);
        let connection = settings(config).and_then(Connection::open_in_memory_with_flags).map_err(failed)?;
        attach(&connection, path).map_err(failed)?;
        schema::create_or_check(&connection, path, &config.derived_under)?;
        schema::set_read_settings(&connection, config.min_score_gap)?;
        // The loader's statements have one text each and are planned once; planning is most of what a small commit costs.
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        // Last, since nothing else can be set after it.
        lock_configuration(&connection, ", 'memory_limit'")
            .map_err(|e| StoreError::sql("locking the configuration", e))?;
        let memory = MemoryLimit::new(config.loading_memory_limit_bytes, config.memory_limit_bytes);
        let readers = Readers::new(&connection, memory)?;
        let (checkpoint_bytes, max_known_texts) = (config.checkpoint_bytes, config.max_known_texts);
        let (unsaved_bytes, texts, contents, seen) = (0, None, None, None);
        let memory_limit_bytes = config.at_rest.then_some(config.memory_limit_bytes);
        Ok(Self {
            connection,
            readers,
            checkpoint_bytes,
            unsaved_bytes,
            texts,
            max_known_texts,
            contents,
            seen,
            memory_limit_bytes,
        })
    }

    /// The settings that the store was made under. Where they are no longer the configured ones, only what is derived from now
    /// on follows those; a new store made from the journal follows them throughout.
    pub fn derived_under(&self) -> Result<String, StoreError> {
        schema::derived_under(&self.connection)
    }

    /// Journal position of the last commit; 0 for a new store.
    pub fn position(&self) -> Result<u64, StoreError> {
        reader::position(&self.connection)
    }

    /// All facts of some traces, named by (project, trace id), in journal order. Traces that are not there give none.
    pub fn fragments(&self, traces: &[(String, String)]) -> Result<Vec<StoredFragment>, StoreError> {
        self.with_room(|| commit::fragments(&self.connection, traces))
    }

    /// Every link of the units that some traces, named by (project, trace id), and unit keys, named by (project, unit key),
    /// belong to: all that can be reached over links. Sorted.
    pub fn unit_links(
        &self,
        traces: &[(String, String)],
        unit_keys: &[(String, String)],
    ) -> Result<Vec<UnitLink>, StoreError> {
        self.with_room(|| units::links(&self.connection, traces, unit_keys))
    }

    /// The reports of model calls with some response ids, named by (project, response id), or answer keys that had begun by the end of a
    /// time and not ended before it, in nanoseconds since the Unix epoch. Those that have not ended yet are left out.
    pub fn told_calls(
        &self,
        responses: &BTreeSet<(String, String)>,
        answer_keys: &BTreeSet<u64>,
        time_unix_nano: RangeInclusive<u64>,
    ) -> Result<Vec<ToldCall>, StoreError> {
        self.with_room(|| units::told_calls(&self.connection, responses, answer_keys, time_unix_nano.clone()))
    }

    /// All facts of some unit keys of a project that lie outside of traces, in journal order. Those inside are facts of
    /// their traces.
    pub fn fragments_outside_traces(
        &self,
        project: &str,
        unit_keys: &[String],
    ) -> Result<Vec<StoredFragment>, StoreError> {
        self.with_room(|| units::fragments_outside_traces(&self.connection, project, unit_keys))
    }

    /// Every item of feedback, to build the idempotency index anew at start. In journal order.
    pub fn feedback_keys(&self) -> Result<Vec<FeedbackKey>, StoreError> {
        let sql = |e| StoreError::sql("reading the feedback keys", e);
        let mut statement = self
            .connection
            .prepare(
                "SELECT project, item_id, content_hash, idempotency_key FROM feedback_facts ORDER BY position, ordinal",
            )
            .map_err(sql)?;
        let rows = statement
            .query_map([], |row| {
                Ok(FeedbackKey {
                    project: row.get(0)?,
                    item_id: row.get(1)?,
                    content_hash: row.get(2)?,
                    idempotency_key: row.get(3)?,
                })
            })
            .map_err(sql)?;
        rows.collect::<Result<_, _>>().map_err(sql)
    }

    /// Writes everything of a commit in one transaction, or nothing. Readers see it from here on; it outlives the process from the next
    /// checkpoint on.
    ///
    /// After [`StoreError::Invalidated`] the commit may be there or not: reopen, and read the position.
    pub fn commit(&mut self, commit: &Commit) -> Result<(), StoreError> {
        let stored = self.position()?;
        if commit.position < stored {
            return Err(StoreError::Position { given: commit.position, stored });
        }
        self.rest();
        match self.write(commit) {
            // The first try left nothing.
            Err(error) if error.is_out_of_memory() && self.readers.raise_memory()? => self.write(commit),
            done => done,
        }
    }

    fn write(&mut self, commit: &Commit) -> Result<(), StoreError> {
        let sql = |e| StoreError::sql("committing", e);
        let mut texts = match self.texts.take() {
            Some(texts) => texts,
            None => Texts::new(next_text_id(&self.connection)?, self.max_known_texts),
        };
        let mut contents = match self.contents.take().filter(|contents| !contents.is_full()) {
            Some(contents) => contents,
            None => commit::known_contents(&self.connection)?,
        };
        let mut seen = match self.seen {
            Some(seen) => seen,
            None => Seen::in_store(&self.connection)?,
        };
        seen.add(commit);
        self.seen = Some(seen);
        self.connection.execute_batch("BEGIN TRANSACTION").map_err(sql)?;
        let written = commit::write(&self.connection, commit, &mut texts, &mut contents, seen)
            .and_then(|()| self.set_position(commit.position))
            .and_then(|()| self.connection.execute_batch("COMMIT").map_err(sql));
        match written {
            Ok(()) => {
                (self.texts, self.contents) = (Some(texts), Some(contents));
                self.unsaved_bytes += commit.request_bytes;
            }
            // The first error is the one to tell; after a failed COMMIT there is nothing left to roll back.
            Err(_) => drop(self.connection.execute_batch("ROLLBACK")),
        }
        written
    }

    /// Not by UPDATE: DuckDB refuses to checkpoint while a reader is older than an update; it does not mind deletes (measured).
    fn set_position(&self, position: u64) -> Result<(), StoreError> {
        let sql = |e| StoreError::sql("writing the journal position", e);
        self.connection.execute_batch("DELETE FROM journal_position").map_err(sql)?;
        self.connection.execute("INSERT INTO journal_position VALUES (?)", params![position]).map_err(sql)?;
        Ok(())
    }

    /// Gives memory back that nobody has need of, if readers have ended a while ago. A commit does so first; where none come, it is to be called
    /// now and then.
    pub fn rest(&self) {
        self.readers.lower_memory();
    }

    /// Reads, once more with all memory there is where too little was left.
    fn with_room<T>(&self, read: impl Fn() -> Result<T, StoreError>) -> Result<T, StoreError> {
        match read() {
            Err(error) if error.is_out_of_memory() && self.readers.raise_memory()? => read(),
            done => done,
        }
    }

    /// A fresh connection for reads.
    pub fn reader(&self) -> Result<Reader, StoreError> {
        self.readers.reader()
    }

    /// A reader of what is there once, from end to end: of a store at rest its queries make DuckDB forget what it keeps.
    pub fn reader_once(&self) -> Result<Reader, StoreError> {
        let reader = self.reader()?;
        Ok(match self.memory_limit_bytes {
            Some(bytes) => reader.alone(bytes),
            None => reader,
        })
    }

    /// A handle that makes readers on any thread, while this store is busy with a commit.
    pub fn readers(&self) -> Readers {
        self.readers.clone()
    }

    /// Makes a checkpoint if as much as configured was committed since the last, and tells how long it took. To be called before a commit is
    /// put together: both need memory.
    ///
    /// # Errors
    /// Those that cost the database. Any other can wait, since the checkpoint stays due.
    pub fn checkpoint_if_due(&mut self) -> Result<Option<Duration>, StoreError> {
        if self.unsaved_bytes <= self.checkpoint_bytes {
            return Ok(None);
        }
        let began = Instant::now();
        match self.checkpoint() {
            Ok(()) => Ok(Some(began.elapsed())),
            Err(StoreError::Sql { .. }) => Ok(None),
            Err(fatal) => Err(fatal),
        }
    }

    /// Writes what was committed since the last checkpoint into the file. Readers go on undisturbed; space of replaced rows is only freed
    /// while no reader holds an older snapshot.
    pub fn checkpoint(&mut self) -> Result<(), StoreError> {
        // Nobody opens a store at rest anew when its checkpoint fails.
        if self.memory_limit_bytes.is_some() || checkpoints_need_full_memory() {
            self.readers.raise_memory_for_now()?;
        }
        let written = self.connection.execute_batch("CHECKPOINT store");
        written.inspect_err(|_| note_failed_checkpoint()).map_err(|e| StoreError::sql("checkpointing", e))?;
        self.unsaved_bytes = 0;
        Ok(())
    }

    /// Bytes of the requests that were committed since the last checkpoint: what a crash would have to load again.
    pub fn unsaved_bytes(&self) -> u64 {
        self.unsaved_bytes
    }
}

/// The lowest id that no text has.
fn next_text_id(connection: &Connection) -> Result<u64, StoreError> {
    connection
        .query_row("SELECT coalesce(max(id), 0) + 1 FROM texts", [], |row| row.get(0))
        .map_err(|e| StoreError::sql("reading the last text's id", e))
}

/// Opens the file without a write-ahead log. The journal is one: a store that lost its last commits tells an earlier position, and they are
/// loaded again. A log of DuckDB's own would write and sync every row a second time, beside the journal that requests wait for; and a damaged
/// one ends the process that replays it.
///
/// Every other connection must [`use_store`].
fn attach(connection: &Connection, path: &Path) -> Result<(), duckdb::Error> {
    // ATTACH takes neither a parameter nor an expression (DuckDB 1.5).
    let path = path.to_string_lossy().replace('\'', "''");
    // Text above 4 KB is compressed from 1.2 on only; 1.5 and 2.0 both read and write this version.
    connection.execute_batch(&format!(
        "ATTACH '{path}' AS store (STORAGE_VERSION 'v1.5.0', RECOVERY_MODE NO_WAL_WRITES);
         SET temp_directory = '{path}.tmp';
         SET enable_external_access = false;"
    ))?;
    use_store(connection)
}

/// From here on nothing can be set but what readers set: each for itself, and `also`, more names, for all.
pub(crate) fn lock_configuration(connection: &Connection, also: &str) -> Result<(), duckdb::Error> {
    connection
        .execute_batch(&format!("SET allowed_configs = ['streaming_buffer_size'{also}]; SET lock_configuration = true"))
}

/// Names without a database mean the store's.
pub(crate) fn use_store(connection: &Connection) -> Result<(), duckdb::Error> {
    connection.execute_batch("USE store")
}

fn settings(config: &StoreConfig) -> Result<Config, duckdb::Error> {
    Config::default()
        .with("wal_autocheckpoint", NO_AUTOMATIC_CHECKPOINT)?
        .with("autoinstall_known_extensions", "false")?
        .with("allow_community_extensions", "false")?
        .enable_autoload_extension(false)?
        .with("max_temp_directory_size", format!("{}B", config.max_temp_bytes))?
        .max_memory(&format!("{}B", config.memory_limit_bytes))?
        .threads(i64::try_from(config.threads.max(1)).unwrap_or(1))
}

#[cfg(test)]
mod tests;
