//! Journal, loader and store of one data directory, put together for a server.
//!
//! The journal comes first and depends on nothing: once it is open, telemetry is taken. The store is opened, and loaded with what was
//! journalled before, by a thread of its own. A store that is locked, damaged or of another version therefore costs reads and nothing else:
//! opening is tried again until it works, and whoever asks is told why it does not. On request that thread makes the store anew
//! (`engine/rebuild.rs`).
//!
//! One process holds a data directory at a time (the journal's lock).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use gleaner_journal::{Disk, Journal, JournalError};
use gleaner_store::{FeedbackKey, Reader, Readers, StoreError};
use tokio::sync::watch;

use crate::config::Config;
use crate::engine::supervisor::Supervisor;
use crate::loader::Demand;
use crate::metrics::{Metrics, Readings};
use crate::own_traces::OwnTraces;

mod at_rest;
mod rebuild;
mod supervisor;

pub(crate) use at_rest::{AtRest, ensure_data, loader_into, open_at_rest, open_at_rest_or_new, open_journal, rebuild};
pub(crate) use rebuild::{RebuildStatus, Rebuilds};

/// How often a read asks again while the store is closed to be opened anew.
const CLOSED_POLL: Duration = Duration::from_millis(20);

/// A running data directory.
pub(crate) struct Engine {
    journal: Journal,
    store: watch::Receiver<StoreState>,
    data_dir: Arc<Path>,
    rebuilds: Rebuilds,
    supervisor: Option<JoinHandle<()>>,
    signals: Arc<Signals>,
}

/// What the store's thread is told.
#[derive(Debug, Default)]
struct Signals {
    /// End. Set before `leave`.
    stop: AtomicBool,
    /// Leave off what you do and look what is wanted.
    leave: AtomicBool,
}

/// Where the store stands.
#[derive(Debug, Clone)]
enum StoreState {
    /// It is opened, made anew, or takes what was journalled before the start.
    Opening,
    /// It can be read.
    Open(Arc<Open>),
    /// It cannot, and why: a sentence that says what to do, without paths.
    Failed(Arc<str>),
}

#[derive(Debug)]
struct Open {
    readers: Readers,
    loaded: watch::Receiver<u64>,
    failing: Arc<AtomicBool>,
    demand: Arc<Demand>,
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

/// Why the store cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    /// It is not open.
    #[error("{0}; telemetry is taken and kept all the same")]
    NotOpen(Arc<str>),
    /// It is open and gives no connection.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// Opens the directory's journal, creating the directory if need be, and starts to open the store. `program` is this program's own file.
    ///
    /// # Errors
    /// When the directory is in use or cannot be written, its journal is damaged, or a setting cannot be used.
    pub(crate) fn start(
        config: &Config,
        disk: Arc<dyn Disk>,
        program: PathBuf,
        metrics: &Metrics,
        own_traces: OwnTraces,
    ) -> anyhow::Result<Self> {
        let settings = config.derive_settings()?;
        let journal = at_rest::open_journal_on(disk, config)?;
        let observed = metrics.clone();
        journal.observe_commits(move |elapsed| observed.journal_committed_in(elapsed));
        let signals = Arc::new(Signals::default());
        let rebuilds = Rebuilds::new(&config.data_dir, signals.clone());
        let (sender, store) = watch::channel(StoreState::Opening);
        let supervisor = Supervisor {
            config: config.clone(),
            settings,
            journal: journal.clone(),
            state: sender,
            signals: signals.clone(),
            rebuilds: rebuilds.clone(),
            metrics: metrics.clone(),
            own_traces,
            program,
        };
        let thread = std::thread::Builder::new().name("loader".into()).spawn(move || supervisor.run())?;
        let data_dir = config.data_dir.clone().into();
        Ok(Self { journal, store, data_dir, rebuilds, supervisor: Some(thread), signals })
    }

    /// The journal, for appending.
    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Waits until the store is open and holds what was journalled before the start, or until it is known that it cannot be opened now.
    pub(crate) async fn settled(&self) {
        let mut store = self.store.clone();
        // A supervisor that is gone has told the last there is to tell.
        let _ = store.wait_for(|state| !matches!(state, StoreState::Opening)).await;
    }

    /// Whether the store can be read.
    pub(crate) fn is_open(&self) -> bool {
        matches!(&*self.store.borrow(), StoreState::Open(_))
    }

    /// Waits until the store is open; gives the keys of all feedback in it. `None`: it never will be.
    pub(crate) fn feedback_keys(&self) -> impl Future<Output = Option<Vec<FeedbackKey>>> + Send + 'static {
        let mut store = self.store.clone();
        async move {
            let state = store.wait_for(|state| matches!(state, StoreState::Open(_))).await.ok()?;
            match &*state {
                StoreState::Open(open) => Some(open.feedback_keys.clone()),
                _ => None,
            }
        }
    }

    /// Where the store can be asked to be made anew.
    pub(crate) fn rebuilds(&self) -> Rebuilds {
        self.rebuilds.clone()
    }

    /// A handle that reads what was acknowledged before this call.
    pub(crate) fn fresh_reads(&self, timeout: Duration) -> FreshReads {
        let data_dir = self.data_dir.clone();
        let rebuilds = self.rebuilds.clone();
        FreshReads { journal: self.journal.clone(), store: self.store.clone(), data_dir, rebuilds, timeout }
    }

    /// Loads what is journalled, for at most `drain` and not while loading fails, and closes journal and store. What is left is loaded at
    /// the next start.
    pub(crate) fn shutdown(mut self, drain: Duration) {
        let deadline = Instant::now() + drain;
        let head = self.journal.head();
        let keeps_loading = |open: &Open| *open.loaded.borrow() < head && !open.failing.load(Ordering::Acquire);
        while matches!(&*self.store.borrow(), StoreState::Open(open) if keeps_loading(open))
            && Instant::now() < deadline
        {
            if let StoreState::Open(open) = &*self.store.borrow() {
                open.demand.ask(head);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.signals.stop.store(true, Ordering::Release);
        self.signals.leave.store(true, Ordering::Release);
        if let Some(thread) = self.supervisor.take()
            && thread.join().is_err()
        {
            tracing::error!("the loader had stopped");
        }
    }
}

/// Fresh reads of a running engine. Cheap to clone.
#[derive(Clone)]
pub(crate) struct FreshReads {
    journal: Journal,
    store: watch::Receiver<StoreState>,
    data_dir: Arc<Path>,
    rebuilds: Rebuilds,
    timeout: Duration,
}

impl FreshReads {
    /// Waits, for a bounded time, until the loader has reached the journal's head as of now; then opens a reader.
    ///
    /// # Errors
    /// When the store is not open, or does not give a connection.
    pub(crate) async fn open(&self) -> Result<(Reader, Freshness), Unreadable> {
        let head = self.journal.head();
        let deadline = tokio::time::Instant::now() + self.timeout;
        let mut store = self.store.clone();
        loop {
            // Neither a timeout nor a supervisor that ended is an error by itself: what the state says by then counts.
            let settled = store.wait_for(|state| !matches!(state, StoreState::Opening));
            let _ = tokio::time::timeout_at(deadline, settled).await.map(|state| state.map(drop));
            let open = self.opened()?;
            let mut loaded = open.loaded.clone();
            open.demand.ask(head);
            // The answer says how far behind it is. A loader that ended is no error either: the store still reads.
            let reached = loaded.wait_for(|position| *position >= head);
            let _ = tokio::time::timeout_at(deadline, reached).await.map(|r| r.map(drop));
            let freshness = Freshness { head, loaded: *loaded.borrow() };
            match open.readers.reader() {
                Ok(reader) => return Ok((reader, freshness)),
                // Another takes its place.
                Err(StoreError::Closed) if tokio::time::Instant::now() < deadline => {
                    tokio::time::sleep(CLOSED_POLL).await;
                }
                Err(StoreError::Closed) => return Err(self.not_open()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The journal's head.
    pub(crate) fn head(&self) -> u64 {
        self.journal.head()
    }

    /// Whether everything that is acknowledged now is loaded within so short a time.
    pub(crate) async fn are_fresh_within(&self, wait: Duration) -> bool {
        let head = self.head();
        let Ok(open) = self.opened() else { return false };
        let mut loaded = open.loaded.clone();
        open.demand.ask(head);
        let reached = loaded.wait_for(|position| *position >= head);
        tokio::time::timeout(wait, reached).await.is_ok_and(|reached| reached.is_ok())
    }

    /// A reader of what is loaded, without waiting.
    ///
    /// # Errors
    /// When the store is not open, or does not give a connection.
    pub(crate) fn reader(&self) -> Result<Reader, Unreadable> {
        Ok(self.opened()?.readers.reader()?)
    }

    /// Whether requests can be journalled and the store can be read now; gives what there is to say all the same.
    ///
    /// # Errors
    /// What does not work, and what to do.
    pub(crate) fn probe(&self) -> anyhow::Result<String> {
        if let Some(error) = self.journal.poisoned() {
            tracing::error!(%error, "not ready");
            anyhow::bail!("the journal's disk failed, nothing is taken: see to the disk and restart gleaner");
        }
        self.journal.probe().map_err(|error| match error {
            // Its message has numbers and no path.
            error @ JournalError::OutOfSpace { .. } => anyhow::Error::from(error),
            error => {
                tracing::error!(%error, "not ready");
                anyhow::anyhow!("the journal cannot be written, see the log")
            }
        })?;
        let open = self.opened()?;
        anyhow::ensure!(
            !open.failing.load(Ordering::Acquire),
            "loading fails, see the log; what is acknowledged is safe in the journal"
        );
        open.readers.position().map_err(|error| {
            tracing::error!(%error, "not ready");
            anyhow::anyhow!("the store gives no answer, see the log")
        })?;
        Ok(match self.rebuilds.status().told() {
            Some(progress) => ["ok; ", &progress].concat(),
            None => "ok".to_owned(),
        })
    }

    /// Numbers of journal and loader as of now, for `/metrics`.
    pub(crate) fn readings(&self, in_flight_bytes: u64) -> Readings {
        let open = self.opened().ok();
        let journal_head = self.journal.head();
        Readings {
            journal_head,
            journal_lag: journal_head.saturating_sub(open.as_ref().map_or(0, |open| *open.loaded.borrow())),
            journal_bytes: self.journal.disk_bytes(),
            journal_pending_bytes: self.journal.pending_bytes() as u64,
            disk_free_bytes: self.journal.free_disk_bytes(),
            store_bytes: self.file_bytes("store.duckdb"),
            in_flight_bytes,
            rebuilding: self.rebuilds.status().told().is_some(),
            loading: open.is_some_and(|open| !open.failing.load(Ordering::Acquire)),
        }
    }

    fn file_bytes(&self, name: &str) -> u64 {
        self.data_dir.join(name).metadata().map_or(0, |found| found.len())
    }

    fn not_open(&self) -> Unreadable {
        let progress = self.rebuilds.status().told();
        Unreadable::NotOpen(
            progress.map_or_else(|| "the store takes what was journalled before the start".into(), Into::into),
        )
    }

    fn opened(&self) -> Result<Arc<Open>, Unreadable> {
        match &*self.store.borrow() {
            StoreState::Open(open) => Ok(open.clone()),
            StoreState::Opening => Err(self.not_open()),
            StoreState::Failed(why) => Err(Unreadable::NotOpen(why.clone())),
        }
    }
}
