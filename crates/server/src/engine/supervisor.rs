//! The thread that owns the store: opens it, loads into it, opens it again when that failed, and makes it anew on request.
//!
//! Invariant: a store's file is moved or opened again only when nothing in this process has it open; DuckDB would otherwise write into, or
//! remove, what has taken its name. Readers share its database, so they are waited for, and in the end interrupted.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use gleaner_journal::Journal;
use gleaner_normalize::Settings;
use gleaner_store::{Readers, Store, StoreError};
use tokio::sync::watch;

use super::rebuild::{self, Rebuilds};
use super::{Open, Signals, StoreState, at_rest};
use crate::cli::STORE_PROBE;
use crate::config::Config;
use crate::loader::{Ended, LoadError, Loader};
use crate::metrics::Metrics;
use crate::own_traces::OwnTraces;

/// How often a long catch-up says how far it is.
const CATCH_UP_NOTE_INTERVAL: Duration = Duration::from_secs(5);
/// First and longest pause before the store is opened again. Another process may hold it for as long as a query takes.
const REOPEN_PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));
/// How often a pause looks whether it should end.
const STOP_POLL: Duration = Duration::from_millis(50);
/// How often it is asked whether the child has opened the store, and whether readers have ended. Most take some ten milliseconds.
const PROBE_POLL: Duration = Duration::from_millis(5);
/// How long an interrupted query may take to end. Some of DuckDB's functions look for interrupts rarely.
const INTERRUPTED_GRACE: Duration = Duration::from_secs(20);
/// Records of one step of catching up, so that a stop need not wait for all of it.
const CATCH_UP_RECORDS: u64 = 10_000;
/// A new store takes the old one's place when it lags by no more than so many records: the rest is loaded there.
const SWAP_RECORDS: u64 = 50;

const DAMAGED: &str = "the store cannot be opened, it may be damaged: `gleaner rebuild` (or POST /v1/store/rebuild) puts it aside and \
    makes it anew from the journal";

pub(super) struct Supervisor {
    pub(super) config: Config,
    pub(super) settings: Settings,
    pub(super) journal: Journal,
    pub(super) state: watch::Sender<StoreState>,
    pub(super) signals: Arc<Signals>,
    pub(super) rebuilds: Rebuilds,
    pub(super) metrics: Metrics,
    pub(super) own_traces: OwnTraces,
    pub(super) program: PathBuf,
}

/// A store that is loaded into and read.
struct Serving {
    loader: Loader,
    open: Arc<Open>,
}

/// Why there is no new store.
#[derive(Debug, thiserror::Error)]
enum NotMade {
    /// The server ends; it goes on at the next start.
    #[error("gleaner stops")]
    Stopped,
    #[error("{0}")]
    Load(#[from] LoadError),
    #[error("{0:#}")]
    Other(#[from] anyhow::Error),
    /// Somebody reads the old one and does not let go.
    #[error("a query or an export of the old store does not end: restart gleaner, and the new store takes its place")]
    Held,
}

impl Supervisor {
    pub(super) fn run(self) {
        yield_to_acknowledgements(self.config.loader.niceness);
        self.rebuilds.begin();
        let mut pause = REOPEN_PAUSE.0;
        // Also where a new one is wanted: until that is there, this one can be read, if it is sound.
        let mut serving = self.open(&mut pause);
        while !self.stopped() {
            if self.rebuilds.take_request() {
                serving = self.rebuild(serving);
                continue;
            }
            let Some(mut now) = serving.take() else {
                serving = self.open(&mut pause);
                continue;
            };
            match now.loader.run(&self.signals.leave) {
                Ended::Left => serving = Some(now),
                Ended::Invalidated => {
                    self.metrics.store_reopened();
                    self.reopen(now);
                    self.sleep(pause);
                    pause = (pause * 2).min(REOPEN_PAUSE.1);
                }
            }
        }
        if let Some(serving) = serving {
            close(serving.loader.into_store());
        }
    }

    /// Opens the store and loads what was journalled before. Tells why it cannot, and pauses.
    fn open(&self, pause: &mut Duration) -> Option<Serving> {
        if !self.store_can_be_opened() {
            tracing::error!(
                "replaying the log beside the store, which another program left, ends the process that tries; telemetry is taken and kept in the journal"
            );
            self.failed(DAMAGED);
        } else {
            match self.open_and_load() {
                Ok(serving) => {
                    if serving.is_some() {
                        *pause = REOPEN_PAUSE.0;
                    }
                    return serving;
                }
                Err(error) => {
                    tracing::error!(%error, "the store cannot be opened; telemetry is taken and kept in the journal");
                    self.failed(advice(&error));
                }
            }
        }
        self.sleep(*pause);
        *pause = (*pause * 2).min(REOPEN_PAUSE.1);
        None
    }

    /// `None`: something else is wanted meanwhile.
    fn open_and_load(&self) -> Result<Option<Serving>, LoadError> {
        let (mut loader, loaded) =
            at_rest::loader_of(&self.config, self.settings.clone(), self.journal.clone(), false)?;
        self.observe(&mut loader);
        // What was acknowledged before a crash is loaded first: feedback keys must be known before feedback is taken.
        let end = self.journal.head();
        let mut told = Instant::now();
        while !self.wanted() && loader.position() < end {
            loader.catch_up_to(end.min(loader.position() + CATCH_UP_RECORDS), &mut |position, _| {
                if told.elapsed() > CATCH_UP_NOTE_INTERVAL {
                    tracing::info!(position, head = end, "loading what was journalled before the start");
                    told = Instant::now();
                }
            })?;
        }
        if self.wanted() {
            close(loader.into_store());
            return Ok(None);
        }
        let store = loader.store();
        let open = Arc::new(Open {
            readers: store.readers(),
            feedback_keys: store.feedback_keys()?,
            loaded,
            failing: loader.failing(),
            demand: loader.demand(),
        });
        self.state.send_replace(StoreState::Open(open.clone()));
        Ok(Some(Serving { loader, open }))
    }

    fn observe(&self, loader: &mut Loader) {
        loader.commit_every(Duration::from_millis(self.config.loader.commit_interval_ms));
        loader.record(self.own_traces.clone());
        let metrics = self.metrics.clone();
        loader.observe_commits(Box::new(move |took| {
            metrics.store_committed_in(took.commit);
            metrics.store_unsaved(took.unsaved_bytes);
            if let Some(checkpoint) = took.checkpoint {
                metrics.store_checkpointed_in(checkpoint);
            }
        }));
    }

    /// Closes a store that takes nothing more, so that it can be opened again.
    fn reopen(&self, serving: Serving) {
        self.state.send_replace(StoreState::Opening);
        let readers = &serving.open.readers;
        while !self.end_readers(readers) && !self.stopped() {
            self.failed("the store has failed, and a query or an export of it does not end: restart gleaner");
            tracing::error!(readers = readers.live(), "the store cannot be opened anew: it is still being read");
        }
        readers.close();
        drop(serving.loader.into_store());
        if !self.stopped() {
            self.failed("the store has failed and is opened anew; if that does not help, `gleaner rebuild` makes it anew from the journal");
        }
    }

    /// Makes the store anew, and puts it into the place of the old one. Gives the old one back where that does not work.
    fn rebuild(&self, mut serving: Option<Serving>) -> Option<Serving> {
        tracing::info!("the store is made anew from the journal, on request");
        if serving.is_none() {
            self.state.send_replace(StoreState::Opening);
        }
        let made = self.make_anew(serving.as_mut()).and_then(|()| self.put_in_place(&mut serving));
        match made {
            Ok(aside) => {
                tracing::info!(aside = aside.as_deref(), "the new store is in place");
                self.rebuilds.done(self.journal.head(), aside);
            }
            Err(NotMade::Stopped) => {}
            Err(error) => {
                tracing::error!(%error, "the store could not be made anew; the old one stays");
                self.rebuilds.failed(&error.to_string());
            }
        }
        self.journal.hold_recompression(false);
        if serving.is_none() && !self.stopped() {
            self.state.send_replace(StoreState::Opening);
        }
        serving
    }

    /// A whole new store in a folder of its own. The old one, if there is one, is loaded and read meanwhile.
    fn make_anew(&self, mut serving: Option<&mut Serving>) -> Result<(), NotMade> {
        if serving.is_none() {
            rebuild::check_free(&self.config.data_dir)?;
        }
        let dir = rebuild::make_folder(&self.config.data_dir)?;
        let mut config = self.config.clone();
        if serving.is_some() {
            // Both together may take what one is given.
            config.store.memory_limit_mib = (config.store.memory_limit_mib / 2).max(64);
        }
        let mut loader = at_rest::loader_into(&config, self.settings.clone(), &self.journal, &dir)?;
        let step = config.loader.max_batch_requests as u64;
        let mut lag = u64::MAX;
        loop {
            let head = self.journal.head();
            self.rebuilds.reached(loader.position(), head);
            while loader.position() < head {
                if self.stopped() {
                    return Err(NotMade::Stopped);
                }
                self.check_room()?;
                self.journal.hold_recompression(true);
                loader.catch_up_to(head.min(loader.position() + step), &mut |position, _| {
                    self.rebuilds.reached(position, head.max(position));
                    let old = serving.as_deref_mut().map_or(Ok(()), |serving| serving.loader.load_next());
                    if let Err(error) = old {
                        tracing::warn!(%error, "the old store takes nothing more");
                    }
                })?;
            }
            // Telemetry may come faster than two stores are loaded: one that falls behind while it tries to catch up is put in place as it is.
            let before = lag;
            lag = self.journal.head().saturating_sub(loader.position());
            if lag <= SWAP_RECORDS || lag > before / 2 {
                break;
            }
        }
        let mut store = loader.into_store();
        store.checkpoint().map_err(LoadError::from)?;
        drop(store);
        rebuild::mark_whole(&dir)?;
        Ok(())
    }

    /// The journal goes first: a new store may not take the room that it is to keep.
    fn check_room(&self) -> Result<(), NotMade> {
        let floor = crate::config::mib(self.config.journal.min_free_disk_mib);
        match self.journal.free_disk_bytes() {
            Some(free) if free < floor => Err(NotMade::Other(anyhow::anyhow!(
                "the disk has {free} bytes free, journal.min_free_disk_bytes is {floor}: make room, and ask again"
            ))),
            _ => Ok(()),
        }
    }

    /// Gives the folder in which the old files are, where they are kept: a store that this program could read can be made again, another
    /// one perhaps not.
    fn put_in_place(&self, serving: &mut Option<Serving>) -> Result<Option<String>, NotMade> {
        let mut is_sound = false;
        if let Some(mut old) = serving.take() {
            // Until queries end by themselves everything goes on.
            let until = Instant::now() + Duration::from_millis(self.config.sql.deadline_ms);
            while old.open.readers.live() > 0 && Instant::now() < until && !self.stopped() {
                if old.loader.load_next().is_err() {
                    break;
                }
                std::thread::sleep(STOP_POLL);
            }
            self.state.send_replace(StoreState::Opening);
            if !self.end_readers(&old.open.readers) {
                old.open.readers.refuse(false);
                self.state.send_replace(StoreState::Open(old.open.clone()));
                *serving = Some(old);
                return Err(if self.stopped() { NotMade::Stopped } else { NotMade::Held });
            }
            is_sound = !old.open.failing.load(Ordering::Acquire);
            old.open.readers.close();
            drop(old.loader.into_store());
        }
        rebuild::check_free(&self.config.data_dir)?;
        Ok(rebuild::put_in_place(&self.config.data_dir, is_sound)?)
    }

    /// Refuses readers, and waits until those that are there have ended: first by themselves, then interrupted. Tells whether they have.
    fn end_readers(&self, readers: &Readers) -> bool {
        readers.refuse(true);
        let until = Instant::now() + INTERRUPTED_GRACE;
        while readers.live() > 0 {
            if Instant::now() > until || self.stopped() {
                return false;
            }
            readers.interrupt_all();
            std::thread::sleep(PROBE_POLL);
        }
        true
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
                Ok(None) if !self.wanted() => std::thread::sleep(PROBE_POLL),
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
        self.signals.stop.load(Ordering::Acquire)
    }

    /// Whether something else than going on is wanted.
    fn wanted(&self) -> bool {
        self.signals.leave.load(Ordering::Acquire)
    }

    fn sleep(&self, pause: Duration) {
        let until = Instant::now() + pause;
        while !self.wanted() && Instant::now() < until {
            std::thread::sleep(STOP_POLL);
        }
    }
}

/// On a machine with few cores loading would take its half of them from requests in answer. Linux knows niceness by thread, and DuckDB's
/// threads, which this one starts, have it from here; elsewhere it would be that of the whole process.
fn yield_to_acknowledgements(niceness: i32) {
    if cfg!(target_os = "linux")
        && let Err(error) = rustix::process::nice(niceness)
    {
        tracing::debug!(%error, "loading has the priority of everything else");
    }
}

/// A checkpoint now spares the next start loading again.
fn close(mut store: Store) {
    if let Err(error) = store.checkpoint() {
        tracing::warn!(%error, "the store did not close cleanly; what it lacks is loaded from the journal at the next start");
    }
}

/// What to do about a store that cannot be opened. Paths are in the log, not here: clients read this.
fn advice(error: &LoadError) -> &'static str {
    match error {
        LoadError::Store(StoreError::Locked { .. }) => {
            "the store is open in another process: end that, and gleaner opens it by itself"
        }
        LoadError::Store(StoreError::SchemaVersion { .. }) => {
            "the store was made by another version of gleaner: `gleaner rebuild` (or POST /v1/store/rebuild) puts it aside and makes it \
             anew from the journal"
        }
        LoadError::Store(_) => DAMAGED,
        LoadError::Journal(_) => "the journal cannot be read as far as the store has read it: see the log",
    }
}
