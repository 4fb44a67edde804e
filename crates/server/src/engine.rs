//! Journal, loader and store of one data directory, put together. The server runs it; commands at rest open it, load what
//! is left in the journal, and read.
//!
//! One process holds a data directory at a time (the journal's lock).

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use gleaner_journal::{Journal, JournalError};
use gleaner_normalize::Settings;
use gleaner_store::{FeedbackKey, Reader, Readers, Store, StoreConfig};
use tokio::sync::watch;

use crate::config::{Config, mib};
use crate::loader::{BatchLimits, Loader};

/// How often a long catch-up says how far it is.
const CATCH_UP_NOTE_INTERVAL: Duration = Duration::from_secs(5);

/// A running data directory.
pub(crate) struct Engine {
    journal: Journal,
    readers: Readers,
    loaded: watch::Receiver<u64>,
    loader: Option<JoinHandle<Store>>,
    stop: Arc<AtomicBool>,
    failing: Arc<AtomicBool>,
    feedback_keys: Vec<FeedbackKey>,
}

/// How far a read is behind what was acknowledged before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Freshness {
    /// The journal's head when the read began.
    pub head: u64,
    /// What the store holds.
    pub loaded: u64,
}

impl Freshness {
    /// Records acknowledged before the read that it does not see.
    pub(crate) fn behind(self) -> u64 {
        self.head.saturating_sub(self.loaded)
    }
}

impl Engine {
    /// Opens the directory, creating it if need be, and starts loading.
    ///
    /// # Errors
    /// When the directory is in use, cannot be written, or its journal or store is damaged; the message says what to do.
    pub(crate) fn start(config: &Config) -> anyhow::Result<Self> {
        let (journal, mut loader, loaded) = open_loader(config)?;
        // What was acknowledged before a crash is loaded first: feedback keys must be known before feedback is taken.
        let mut told = std::time::Instant::now();
        loader.catch_up(&mut |position, head| {
            if told.elapsed() > CATCH_UP_NOTE_INTERVAL {
                tracing::info!(position, head, "loading what was journalled before the start");
                told = std::time::Instant::now();
            }
        })?;
        let feedback_keys = loader.store().feedback_keys()?;
        let readers = loader.store().readers();
        let failing = loader.failing();
        let stop = Arc::new(AtomicBool::new(false));
        let thread = std::thread::Builder::new().name("loader".into()).spawn({
            let stop = stop.clone();
            move || loader.run(&stop)
        })?;
        Ok(Self { journal, readers, loaded, loader: Some(thread), stop, failing, feedback_keys })
    }

    /// The journal, for appending.
    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Keys of all feedback stored at the start. Taken once.
    pub(crate) fn take_feedback_keys(&mut self) -> Vec<FeedbackKey> {
        std::mem::take(&mut self.feedback_keys)
    }

    /// A handle that reads what was acknowledged before this call.
    pub(crate) fn fresh_reads(&self, timeout: Duration) -> FreshReads {
        FreshReads {
            journal: self.journal.clone(),
            readers: self.readers.clone(),
            loaded: self.loaded.clone(),
            failing: self.failing.clone(),
            timeout,
        }
    }

    /// Loads what is journalled, for at most `drain` and not while loading fails, and closes journal and store. What is left is loaded at the next start.
    pub(crate) fn shutdown(mut self, drain: Duration) {
        let deadline = std::time::Instant::now() + drain;
        let head = self.journal.head();
        let keeps_loading = || !self.failing.load(Ordering::Acquire) && std::time::Instant::now() < deadline;
        while *self.loaded.borrow() < head && keeps_loading() {
            std::thread::sleep(Duration::from_millis(10));
        }
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.loader.take() {
            match thread.join() {
                Ok(mut store) => {
                    // A checkpoint now spares the next start a replay.
                    if let Err(error) = store.checkpoint() {
                        tracing::warn!(%error, "the store did not close cleanly; its log is replayed at the next start");
                    }
                }
                Err(_) => tracing::error!("the loader had stopped"),
            }
        }
    }
}

/// Fresh reads of a running engine. Cheap to clone.
#[derive(Clone)]
pub(crate) struct FreshReads {
    journal: Journal,
    readers: Readers,
    loaded: watch::Receiver<u64>,
    failing: Arc<AtomicBool>,
    timeout: Duration,
}

impl FreshReads {
    /// Waits, for a bounded time, until the loader has reached the journal's head as of now; then opens a reader.
    ///
    /// # Errors
    /// When the store does not give a connection.
    pub(crate) async fn open(&self) -> Result<(Reader, Freshness), gleaner_store::StoreError> {
        let head = self.journal.head();
        let mut loaded = self.loaded.clone();
        // A timeout is no error: the answer says how far behind it is. Nor is a loader that ended: the store still reads.
        let _ = tokio::time::timeout(self.timeout, loaded.wait_for(|position| *position >= head)).await;
        let freshness = Freshness { head, loaded: *loaded.borrow() };
        Ok((self.readers.reader()?, freshness))
    }

    /// A reader of what is loaded, without waiting.
    ///
    /// # Errors
    /// When the store does not give a connection.
    pub(crate) fn reader(&self) -> Result<Reader, gleaner_store::StoreError> {
        self.readers.reader()
    }

    /// Whether requests can be journalled and the store can be read now.
    ///
    /// # Errors
    /// What does not work.
    pub(crate) fn probe(&self) -> anyhow::Result<()> {
        if let Some(error) = self.journal.poisoned() {
            return Err(error.into());
        }
        anyhow::ensure!(
            !self.failing.load(Ordering::Acquire),
            "loading fails; what is acknowledged is safe in the journal"
        );
        self.readers.reader()?.position()?;
        Ok(())
    }

    /// Position of the last record on disk.
    pub(crate) fn head(&self) -> u64 {
        self.journal.head()
    }

    /// Records acknowledged and not yet loaded.
    pub(crate) fn lag(&self) -> u64 {
        self.journal.head().saturating_sub(*self.loaded.borrow())
    }
}

/// Opens a directory at rest, loads what its journal still holds, and gives a reader. Nothing is served.
///
/// # Errors
/// As [`Engine::start`].
pub(crate) fn open_at_rest(config: &Config, progress: &mut dyn FnMut(u64, u64)) -> anyhow::Result<AtRest> {
    ensure_data(config)?;
    open_at_rest_or_new(config, progress)
}

/// As [`open_at_rest`], and makes the directory if it is not there.
///
/// # Errors
/// As [`Engine::start`].
pub(crate) fn open_at_rest_or_new(config: &Config, progress: &mut dyn FnMut(u64, u64)) -> anyhow::Result<AtRest> {
    let (journal, mut loader, _) = open_loader(config)?;
    loader.catch_up(progress)?;
    Ok(AtRest { loader, journal })
}

/// A directory at rest.
pub(crate) struct AtRest {
    loader: Loader,
    journal: Journal,
}

impl AtRest {
    /// Reads what is there.
    ///
    /// # Errors
    /// When the store does not give a connection.
    pub(crate) fn reader(&self) -> Result<Reader, gleaner_store::StoreError> {
        self.loader.store().reader()
    }

    /// The journal, for appending to a directory that nobody serves.
    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Loads what was appended since.
    ///
    /// # Errors
    /// When the journal cannot be read or the store cannot be written.
    pub(crate) fn catch_up(&mut self, progress: &mut dyn FnMut(u64, u64)) -> Result<(), crate::loader::LoadError> {
        self.loader.catch_up(progress)
    }
}

/// Makes the store anew from the journal. The old store is put aside until the new one stands.
///
/// # Errors
/// As [`Engine::start`]; the old store is left as it was.
pub(crate) fn rebuild(config: &Config, progress: &mut dyn FnMut(u64, u64)) -> anyhow::Result<u64> {
    ensure_data(config)?;
    let journal = open_journal(config)?;
    let aside = config.data_dir.join("store.rebuilding");
    if aside.exists() {
        std::fs::remove_dir_all(&aside).with_context(|| format!("cannot remove {}", aside.display()))?;
    }
    std::fs::create_dir_all(&aside).with_context(|| format!("cannot create {}", aside.display()))?;
    let mut loader = loader_into(config, config.derive_settings()?, &journal, &aside)?;
    loader.catch_up(progress)?;
    let mut store = loader.into_store();
    store.checkpoint()?;
    drop(store);
    put_in_place(&aside, &config.data_dir).context("cannot put the new store in place")?;
    Ok(journal.head())
}

/// The old store steps aside before the new one takes its name: a crash in between leaves no store, which is made anew from the
/// journal at the next start, and never a new store with an old log.
fn put_in_place(new: &Path, dir: &Path) -> std::io::Result<()> {
    let old = dir.join("store.replaced");
    if old.exists() {
        std::fs::remove_dir_all(&old)?;
    }
    std::fs::create_dir(&old)?;
    for name in ["store.duckdb.wal", "store.duckdb.wal.checkpoint", "store.duckdb"] {
        if dir.join(name).exists() {
            std::fs::rename(dir.join(name), old.join(name))?;
        }
    }
    std::fs::rename(new.join("store.duckdb"), dir.join("store.duckdb"))?;
    std::fs::remove_dir_all(old)?;
    std::fs::remove_dir_all(new)
}

fn open_loader(config: &Config) -> anyhow::Result<(Journal, Loader, watch::Receiver<u64>)> {
    let settings = config.derive_settings()?;
    let journal = open_journal(config)?;
    let fingerprint = settings.fingerprint();
    let store_config = config.store_config(fingerprint.clone());
    // DuckDB's threads take their claim to the processors from the thread that opens it. The loader's own thread keeps its.
    let opening = std::thread::spawn(move || {
        gleaner_query::give_way();
        Store::open(&store_config)
    });
    let store = opening.join().map_err(|_| anyhow::anyhow!("opening the store failed"))??;
    if store.derived_under()? != fingerprint {
        tracing::warn!(
            "prices or definitions.lift have changed since the store was made: they hold for what arrives from now on; \
             `gleaner rebuild` applies them to the past"
        );
    }
    let (loader, loaded) = Loader::new(journal.clone(), store, settings, batch_limits(config))?;
    Ok((journal, loader, loaded))
}

/// A loader from the journal's beginning into a store in another folder, which is made there.
pub(crate) fn loader_into(
    config: &Config,
    settings: Settings,
    journal: &Journal,
    dir: &Path,
) -> anyhow::Result<Loader> {
    let store_config = StoreConfig { dir: dir.to_owned(), ..config.store_config(settings.fingerprint()) };
    let (loader, _) = Loader::new(journal.clone(), Store::open(&store_config)?, settings, batch_limits(config))?;
    Ok(loader)
}

/// Opens the journal, which holds the directory.
pub(crate) fn open_journal(config: &Config) -> anyhow::Result<Journal> {
    let dir = config.data_dir.join("journal");
    create_private_dir(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let (journal, recovery) = Journal::open(&dir, config.journal_config()).map_err(|error| match error {
        JournalError::Locked { .. } => anyhow::anyhow!(
            "{} is in use, most likely by a running server: name its address with --api, or stop it",
            config.data_dir.display()
        ),
        error => error.into(),
    })?;
    if recovery.truncated_bytes > 0 {
        tracing::warn!(
            bytes = recovery.truncated_bytes,
            kept_in = ?recovery.quarantined,
            "the journal ended in a torn write, as a crash leaves it; it was cut off and put aside"
        );
    }
    Ok(journal)
}

pub(crate) fn ensure_data(config: &Config) -> anyhow::Result<()> {
    let there = config.data_dir.join("journal").is_dir();
    anyhow::ensure!(
        there,
        "{} holds no data yet; start `gleaner serve` or try `gleaner demo`",
        config.data_dir.display()
    );
    Ok(())
}

fn batch_limits(config: &Config) -> BatchLimits {
    BatchLimits {
        max_bytes: usize::try_from(mib(config.loader.max_batch_mib)).unwrap_or(usize::MAX),
        max_records: config.loader.max_batch_requests,
    }
}

/// Prompts are private: only the owner may look.
fn create_private_dir(dir: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}
