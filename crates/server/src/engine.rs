//! Journal, loader and store of one data directory, put together for a server.
//!
//! The journal comes first and depends on nothing: once it is open, telemetry is taken. The store is opened, and loaded with what was
//! journalled before, by a thread of its own. A store that is locked, damaged or of another version therefore costs reads and nothing else:
//! opening is tried again until it works, and whoever asks is told why it does not.
//!
//! One process holds a data directory at a time (the journal's lock).

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use gleaner_journal::{Disk, Journal, JournalError};
use gleaner_normalize::Settings;
use gleaner_store::{FeedbackKey, Reader, Readers, Store, StoreError};
use tokio::sync::watch;

use crate::cli::STORE_PROBE;
use crate::config::Config;
use crate::loader::LoadError;
use crate::metrics::{Metrics, Readings};

mod at_rest;

pub(crate) use at_rest::{AtRest, ensure_data, loader_into, open_at_rest, open_at_rest_or_new, open_journal, rebuild};

/// How often a long catch-up says how far it is.
const CATCH_UP_NOTE_INTERVAL: Duration = Duration::from_secs(5);
/// First and longest pause before the store is opened again. Another process may hold it for as long as a query takes.
const REOPEN_PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));
/// How often a pause looks whether it should end.
const STOP_POLL: Duration = Duration::from_millis(50);

/// A running data directory.
pub(crate) struct Engine {
    journal: Journal,
    store: watch::Receiver<StoreState>,
    supervisor: Option<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
}

/// Where the store stands.
#[derive(Debug, Clone)]
enum StoreState {
    /// It is opened, or takes what was journalled before the start.
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
    ) -> anyhow::Result<Self> {
        let settings = config.derive_settings()?;
        let journal = at_rest::open_journal_on(disk, config)?;
        let observed = metrics.clone();
        journal.observe_commits(move |elapsed| observed.journal_committed_in(elapsed));
        let stop = Arc::new(AtomicBool::new(false));
        let (sender, store) = watch::channel(StoreState::Opening);
        let supervisor = Supervisor {
            config: config.clone(),
            settings,
            journal: journal.clone(),
            state: sender,
            stop: stop.clone(),
            metrics: metrics.clone(),
            program,
        };
        let thread = std::thread::Builder::new().name("loader".into()).spawn(move || supervisor.run())?;
        Ok(Self { journal, store, supervisor: Some(thread), stop })
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

    /// A handle that reads what was acknowledged before this call.
    pub(crate) fn fresh_reads(&self, timeout: Duration) -> FreshReads {
        FreshReads { journal: self.journal.clone(), store: self.store.clone(), timeout }
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
            std::thread::sleep(Duration::from_millis(10));
        }
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.supervisor.take()
            && thread.join().is_err()
        {
            tracing::error!("the loader had stopped");
        }
    }
}

/// Opens the store, loads into it, and opens it again when that failed: the thread that owns the store.
struct Supervisor {
    config: Config,
    settings: Settings,
    journal: Journal,
    state: watch::Sender<StoreState>,
    stop: Arc<AtomicBool>,
    metrics: Metrics,
    program: PathBuf,
}

impl Supervisor {
    fn run(self) {
        yield_to_acknowledgements(self.config.loader.niceness);
        let mut pause = REOPEN_PAUSE.0;
        while !self.stopped() {
            if !self.store_can_be_opened() {
                tracing::error!(
                    "replaying the store's log ends the process that tries; telemetry is taken and kept in the journal"
                );
                self.failed(DAMAGED);
                self.sleep(pause);
                pause = (pause * 2).min(REOPEN_PAUSE.1);
                continue;
            }
            match self.open_and_load() {
                Ok(store) if self.stopped() => close(store),
                // Readers share its database, so that only a restart can close it.
                Ok(_invalidated) => {
                    self.failed("the store has failed: restart gleaner; if that does not help, stop it and run `gleaner rebuild`");
                    return;
                }
                Err(error) => {
                    tracing::error!(%error, "the store cannot be opened; telemetry is taken and kept in the journal");
                    self.failed(advice(&error));
                }
            }
            self.sleep(pause);
            pause = (pause * 2).min(REOPEN_PAUSE.1);
        }
    }

    /// Returns the store when it is told to stop, or when the store can take no more.
    fn open_and_load(&self) -> Result<Store, LoadError> {
        let (mut loader, loaded) = at_rest::loader_of(&self.config, self.settings.clone(), self.journal.clone())?;
        let metrics = self.metrics.clone();
        loader.observe_commits(Box::new(move |elapsed| metrics.store_committed_in(elapsed)));
        // What was acknowledged before a crash is loaded first: feedback keys must be known before feedback is taken.
        let end = self.journal.head();
        let mut told = Instant::now();
        let mut position = *loaded.borrow();
        while !self.stopped() && position < end {
            loader.catch_up_to(end.min(position + CATCH_UP_RECORDS), &mut |position, _| {
                if told.elapsed() > CATCH_UP_NOTE_INTERVAL {
                    tracing::info!(position, head = end, "loading what was journalled before the start");
                    told = Instant::now();
                }
            })?;
            position = *loaded.borrow();
        }
        if self.stopped() {
            return Ok(loader.into_store());
        }
        let store = loader.store();
        let open =
            Open { readers: store.readers(), feedback_keys: store.feedback_keys()?, loaded, failing: loader.failing() };
        self.state.send_replace(StoreState::Open(Arc::new(open)));
        Ok(loader.run(&self.stop))
    }

    /// DuckDB may end the process while it replays a damaged log, or one that its memory does not hold: a child tries it first. Whatever
    /// else is wrong is told better by the attempt itself.
    fn store_can_be_opened(&self) -> bool {
        let log = self.config.data_dir.join("store.duckdb.wal");
        if !log.metadata().is_ok_and(|found| found.len() > 0) {
            return true;
        }
        let probing = Command::new(&self.program)
            .arg(STORE_PROBE)
            .arg(&self.config.data_dir)
            .arg(self.config.store.memory_limit_mib.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut probing) = probing else { return true };
        loop {
            match probing.try_wait() {
                // No code: a signal ended it.
                Ok(Some(status)) => return status.code().is_some(),
                Ok(None) if !self.stopped() => std::thread::sleep(PROBE_POLL),
                _ => {
                    // Already gone, or nobody wants to know any more.
                    let _ = probing.kill();
                    let _ = probing.wait();
                    return true;
                }
            }
        }
    }

    fn failed(&self, why: &str) {
        self.state.send_replace(StoreState::Failed(why.into()));
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    fn sleep(&self, pause: Duration) {
        let until = Instant::now() + pause;
        while !self.stopped() && Instant::now() < until {
            std::thread::sleep(STOP_POLL);
        }
    }
}

const DAMAGED: &str = "the store cannot be opened, it may be damaged: stop gleaner and run `gleaner rebuild`, which makes it anew from the journal";
/// How often it is asked whether the child has opened the store. Most take some ten milliseconds.
const PROBE_POLL: Duration = Duration::from_millis(5);
/// Records of one step of catching up, so that a stop need not wait for all of it.
const CATCH_UP_RECORDS: u64 = 10_000;

/// On a machine with few cores loading would take its half of them from requests in answer. Linux knows niceness by thread, and DuckDB's
/// threads, which this one starts, have it from here; elsewhere it would be that of the whole process.
fn yield_to_acknowledgements(niceness: i32) {
    if cfg!(target_os = "linux")
        && let Err(error) = rustix::process::nice(niceness)
    {
        tracing::debug!(%error, "loading has the priority of everything else");
    }
}

/// A checkpoint now spares the next start a replay.
fn close(mut store: Store) {
    if let Err(error) = store.checkpoint() {
        tracing::warn!(%error, "the store did not close cleanly; its log is replayed at the next start");
    }
}

/// What to do about a store that cannot be opened. Paths are in the log, not here: clients read this.
fn advice(error: &LoadError) -> &'static str {
    match error {
        LoadError::Store(StoreError::Locked { .. }) => {
            "the store is open in another process: end that, and gleaner opens it by itself"
        }
        LoadError::Store(StoreError::SchemaVersion { .. }) => {
            "the store was made by another version of gleaner: stop gleaner and run `gleaner rebuild`, which makes it anew from the journal"
        }
        LoadError::Store(_) => DAMAGED,
        LoadError::Journal(_) => "the journal cannot be read as far as the store has read it: see the log",
    }
}

/// Fresh reads of a running engine. Cheap to clone.
#[derive(Clone)]
pub(crate) struct FreshReads {
    journal: Journal,
    store: watch::Receiver<StoreState>,
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
        // Neither a timeout nor a supervisor that ended is an error by itself: what the state says by then counts.
        let settled = store.wait_for(|state| !matches!(state, StoreState::Opening));
        let _ = tokio::time::timeout_at(deadline, settled).await.map(|state| state.map(drop));
        let open = self.opened()?;
        let mut loaded = open.loaded.clone();
        // The answer says how far behind it is. A loader that ended is no error either: the store still reads.
        let _ =
            tokio::time::timeout_at(deadline, loaded.wait_for(|position| *position >= head)).await.map(|r| r.map(drop));
        let freshness = Freshness { head, loaded: *loaded.borrow() };
        Ok((open.readers.reader()?, freshness))
    }

    /// The journal's head.
    pub(crate) fn head(&self) -> u64 {
        self.journal.head()
    }

    /// The journal's head, if everything before it is loaded.
    pub(crate) fn head_if_loaded(&self) -> Option<u64> {
        let head = self.head();
        let loaded = *self.opened().ok()?.loaded.borrow();
        (loaded >= head).then_some(head)
    }

    /// A reader of what is loaded, without waiting.
    ///
    /// # Errors
    /// When the store is not open, or does not give a connection.
    pub(crate) fn reader(&self) -> Result<Reader, Unreadable> {
        Ok(self.opened()?.readers.reader()?)
    }

    /// Whether requests can be journalled and the store can be read now.
    ///
    /// # Errors
    /// What does not work, and what to do.
    pub(crate) fn probe(&self) -> anyhow::Result<()> {
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
        open.readers.reader().and_then(|reader| reader.position()).map_err(|error| {
            tracing::error!(%error, "not ready");
            anyhow::anyhow!("the store gives no answer, see the log")
        })?;
        Ok(())
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
            in_flight_bytes,
            loading: open.is_some_and(|open| !open.failing.load(Ordering::Acquire)),
        }
    }

    fn opened(&self) -> Result<Arc<Open>, Unreadable> {
        match &*self.store.borrow() {
            StoreState::Open(open) => Ok(open.clone()),
            StoreState::Opening => {
                Err(Unreadable::NotOpen("the store takes what was journalled before the start".into()))
            }
            StoreState::Failed(why) => Err(Unreadable::NotOpen(why.clone())),
        }
    }
}
