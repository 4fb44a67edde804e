//! The loader: the store's only writer. Reads the journal in order, decodes, normalizes, and commits large batches.
//!
//! Data in: journal records. Data out: one store transaction a batch, which holds the journal position it reaches; so a crash at
//! any instant replays nothing twice and skips nothing (I1). A record that cannot be decoded stays in the journal, is
//! logged, and does not stop the ones behind it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use gleaner_journal::{Journal, JournalError, Record};
use gleaner_model::{FeedbackItem, StoredFragment};
use gleaner_normalize::{Settings, telemetry_feedback};
use gleaner_store::{Commit, Store, StoreError};
use gleaner_wire::{Encoding, Limits};
use tokio::sync::watch;

use crate::ingest::{ENCODING_JSON, ENCODING_PROTOBUF, RecordKind};
pub(crate) use crate::loader::demand::Demand;
use crate::loader::derive::{Derived, Rules, derive};
pub(crate) use crate::loader::target::Target;
use crate::own_traces::OwnTraces;

mod demand;
mod derive;
mod target;

/// How long the loader sleeps at most before it looks whether it should stop.
const IDLE_WAIT: Duration = Duration::from_millis(100);
/// With more records than this to load, segments are not compressed harder meanwhile, and nothing waits for more of them: what is acknowledged
/// should be readable first.
const URGENT_RECORDS: u64 = 50;
/// First and longest pause after a failed commit.
const RETRY_PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));

/// Bounds of one batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BatchLimits {
    /// Payload bytes of one transaction.
    pub max_bytes: usize,
    /// Journal records of one transaction.
    pub max_records: usize,
}

impl BatchLimits {
    /// A quarter, down to one record.
    fn shrunk(self) -> Self {
        Self { max_bytes: (self.max_bytes / 4).max(1), max_records: (self.max_records / 4).max(1) }
    }

    /// Twice, up to the whole.
    fn grown(self, whole: Self) -> Self {
        Self {
            max_bytes: (self.max_bytes * 2).min(whole.max_bytes),
            max_records: (self.max_records * 2).min(whole.max_records),
        }
    }
}

/// Sleeps, but not past a request to stop.
fn sleep_unless(leave: &AtomicBool, pause: Duration) {
    let until = std::time::Instant::now() + pause;
    while !leave.load(Ordering::Acquire) && std::time::Instant::now() < until {
        std::thread::sleep(IDLE_WAIT.min(pause));
    }
}

/// Moves the journal into the store.
pub(crate) struct Loader<S = Store> {
    journal: Journal,
    store: S,
    settings: Settings,
    limits: BatchLimits,
    position: u64,
    loaded: watch::Sender<u64>,
    failing: Arc<AtomicBool>,
    demand: Arc<Demand>,
    /// From the beginning of one batch to that of the next, unless somebody waits; none where it is zero.
    commit_interval: Duration,
    last_began: Option<Instant>,
    on_commit: OnCommit,
    own_traces: OwnTraces,
}

/// Why loading ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It was told to.
    Left,
    /// The store takes nothing more until it is closed, by its readers too, and opened again.
    Invalidated,
}

/// What a transaction took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Committed {
    /// The transaction alone.
    pub commit: Duration,
    /// The checkpoint before it, where one was due.
    pub checkpoint: Option<Duration>,
    /// Bytes of the requests that were committed since the last checkpoint.
    pub unsaved_bytes: u64,
}

/// Is told what each transaction took.
pub(crate) type OnCommit = Box<dyn Fn(Committed) + Send>;

impl<S: Target> Loader<S> {
    /// Goes on where the store's last transaction ended. The receiver tells the position that readers can see.
    ///
    /// # Errors
    /// When the store cannot tell its position.
    pub(crate) fn new(
        journal: Journal,
        store: S,
        settings: Settings,
        limits: BatchLimits,
    ) -> Result<(Self, watch::Receiver<u64>), StoreError> {
        let position = store.position()?;
        let (loaded, receiver) = watch::channel(position);
        let on_commit: OnCommit = Box::new(|_| ());
        let (failing, demand, own_traces) = (Arc::default(), Arc::default(), OwnTraces::default());
        let (commit_interval, last_began) = (Duration::ZERO, None);
        let loader = Self {
            journal,
            store,
            settings,
            limits,
            position,
            loaded,
            failing,
            demand,
            commit_interval,
            last_began,
            on_commit,
            own_traces,
        };
        Ok((loader, receiver))
    }

    /// Tells what each transaction takes, from now on.
    pub(crate) fn observe_commits(&mut self, on_commit: OnCommit) {
        self.on_commit = on_commit;
    }

    /// Lets requests gather for so long between two batches of [`Loader::run`], from now on, as long as they are few.
    pub(crate) fn commit_every(&mut self, interval: Duration) {
        self.commit_interval = interval;
    }

    /// Records spans of its work, from now on.
    pub(crate) fn record(&mut self, own_traces: OwnTraces) {
        self.own_traces = own_traces;
    }

    /// Loads everything that the journal holds now, then returns. For stores at rest; tells progress as (position, head).
    ///
    /// # Errors
    /// When the journal cannot be read or the store cannot be written.
    pub(crate) fn catch_up(&mut self, progress: &mut dyn FnMut(u64, u64)) -> Result<(), LoadError> {
        self.catch_up_to(self.journal.head(), progress)
    }

    /// As [`Loader::catch_up`], as far as `end` and no further.
    ///
    /// # Errors
    /// When the journal cannot be read or the store cannot be written.
    pub(crate) fn catch_up_to(&mut self, end: u64, progress: &mut dyn FnMut(u64, u64)) -> Result<(), LoadError> {
        while self.position < end {
            self.load_batch(end)?;
            progress(self.position, end);
        }
        Ok(())
    }

    /// Loads until told to leave off. A commit that fails is tried again with growing pauses; the journal goes on meanwhile. A store
    /// that must be reopened ends loading.
    pub(crate) fn run(&mut self, leave: &AtomicBool) -> Ended {
        let (mut pause, whole) = (RETRY_PAUSE.0, self.limits);
        let ended = self.run_until(leave, &mut pause, whole);
        self.limits = whole;
        self.journal.hold_recompression(false);
        ended
    }

    fn run_until(&mut self, leave: &AtomicBool, pause: &mut Duration, whole: BatchLimits) -> Ended {
        while !leave.load(Ordering::Acquire) {
            let head = self.journal.wait_for(self.position + 1, IDLE_WAIT);
            let is_urgent = head > self.position + URGENT_RECORDS;
            self.journal.hold_recompression(is_urgent);
            if head <= self.position {
                self.store.rest();
                continue;
            }
            if let Some(last_began) = self.last_began.filter(|_| !is_urgent) {
                self.demand.wait_past(self.position, last_began + self.commit_interval);
            }
            match self.load_batch(u64::MAX) {
                Ok(()) => {
                    *pause = RETRY_PAUSE.0;
                    self.limits = self.limits.grown(whole);
                    self.failing.store(false, Ordering::Release);
                }
                Err(LoadError::Store(error @ StoreError::Invalidated { .. })) => {
                    tracing::error!(%error, position = self.position,
                        "loading has stopped; what arrives is kept in the journal, and the store is opened anew");
                    self.failing.store(true, Ordering::Release);
                    return Ended::Invalidated;
                }
                Err(error) => {
                    tracing::error!(%error, position = self.position, "loading failed, will try again");
                    self.failing.store(true, Ordering::Release);
                    // With little disk or memory left a smaller batch may still fit.
                    self.limits = self.limits.shrunk();
                    // No checkpoint to make room: one that fails on a full disk invalidates the whole database (measured).
                    sleep_unless(leave, *pause);
                    *pause = (*pause * 2).min(RETRY_PAUSE.1);
                }
            }
        }
        Ended::Left
    }

    /// Loads one batch, if there is something to load: for loading beside other work.
    ///
    /// # Errors
    /// When the journal cannot be read or the store cannot be written.
    pub(crate) fn load_next(&mut self) -> Result<(), LoadError> {
        if self.journal.head() > self.position { self.load_batch(u64::MAX) } else { Ok(()) }
    }

    /// Position of what is loaded.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// True while loading fails: what is acknowledged is safe in the journal, but readers do not see it.
    pub(crate) fn failing(&self) -> Arc<AtomicBool> {
        self.failing.clone()
    }

    /// Where is told that somebody waits for rows.
    pub(crate) fn demand(&self) -> Arc<Demand> {
        self.demand.clone()
    }

    /// The store itself, once nothing more is to be loaded.
    pub(crate) fn into_store(self) -> S {
        self.store
    }

    /// The store, for reading while nothing loads.
    pub(crate) fn store(&self) -> &S {
        &self.store
    }

    fn load_batch(&mut self, end: u64) -> Result<(), LoadError> {
        self.last_began = Some(Instant::now());
        let records = self.next_records(end)?;
        let Some((last, _)) = records.last() else { return Ok(()) };
        let last = *last;
        let mut span = self.own_traces.begin_load(self.position, last);
        let began_at = SystemTime::now();
        let checkpoint = self.store.checkpoint_if_due().inspect_err(|_| span.fail("checkpoint"))?;
        if let Some(took) = checkpoint {
            span.past_child("store.checkpoint", began_at, took);
        }
        let (began_at, began) = (SystemTime::now(), Instant::now());
        let commit = self.prepare(records, last).inspect_err(|_| span.fail("derive"))?;
        span.past_child("load.derive", began_at, began.elapsed());
        span.set("gleaner.bytes", usize::try_from(commit.request_bytes).unwrap_or(usize::MAX));
        span.set("gleaner.facts", commit.facts.len());
        span.set("gleaner.traces", commit.traces.len());
        let (began_at, began) = (SystemTime::now(), Instant::now());
        self.store.commit(&commit).inspect_err(|_| span.fail("commit"))?;
        let commit = began.elapsed();
        span.past_child("store.commit", began_at, commit);
        (self.on_commit)(Committed { commit, checkpoint, unsaved_bytes: self.store.unsaved_bytes() });
        self.reached(last);
        Ok(())
    }

    fn reached(&mut self, position: u64) {
        self.position = position;
        self.loaded.send_replace(position);
    }

    fn next_records(&self, end: u64) -> Result<Vec<(u64, Record)>, LoadError> {
        let mut records = Vec::new();
        let mut bytes = 0;
        for next in self.journal.read_from(self.position)? {
            let (position, record) = next?;
            bytes += record.payload.len();
            records.push((position, record));
            if position == end || bytes >= self.limits.max_bytes || records.len() >= self.limits.max_records {
                break;
            }
        }
        Ok(records)
    }

    /// From records to one transaction's worth of rows. Reads the store for what is already known of the touched units.
    fn prepare(&self, records: Vec<(u64, Record)>, position: u64) -> Result<Commit, LoadError> {
        let mut decoded = Decoded::default();
        let mut request_bytes = 0;
        for (position, record) in records {
            request_bytes += record.payload.len() as u64;
            if let Err(message) = decoded.decode(position, &record) {
                tracing::error!(position, message, "a journal record cannot be decoded; it stays in the journal");
            }
        }
        let Derived { mut facts, mut traces, links } = derive(&Rules::default(), &self.store, decoded.fragments)?;
        for trace in &mut traces {
            self.settings.apply(trace);
        }
        for fact in &mut facts {
            fact.feedback = telemetry_feedback(&fact.stored);
        }
        Ok(Commit { position, request_bytes, facts, feedback: decoded.feedback, traces, links })
    }
}

/// Why loading stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// The journal cannot be read.
    #[error("journal: {0}")]
    Journal(#[from] JournalError),
    /// The store cannot be read or written.
    #[error("store: {0}")]
    Store(#[from] StoreError),
}

/// What a batch of records says.
#[derive(Default)]
struct Decoded {
    fragments: Vec<StoredFragment>,
    feedback: Vec<(u64, u64, FeedbackItem)>,
}

impl Decoded {
    fn decode(&mut self, position: u64, record: &Record) -> Result<(), String> {
        if record.kind == RecordKind::Feedback as u8 {
            let items: Vec<FeedbackItem> =
                serde_json::from_slice(&record.payload).map_err(|e| format!("feedback: {e}"))?;
            self.feedback.extend(items.into_iter().map(|item| (position, record.recorded_at_unix_nano, item)));
            return Ok(());
        }
        let encoding = match record.encoding {
            ENCODING_PROTOBUF => Encoding::Protobuf,
            ENCODING_JSON => Encoding::Json,
            other => return Err(format!("unknown encoding {other}")),
        };
        // What was accepted once is loaded whatever the limits are now.
        let limits = &Limits::ACCEPTED;
        let fragments = if record.kind == RecordKind::Traces as u8 {
            let request = gleaner_wire::decode_traces(encoding, &record.payload, limits).map_err(|e| e.to_string())?;
            gleaner_normalize::decode_traces(request)
        } else if record.kind == RecordKind::Logs as u8 {
            let request = gleaner_wire::decode_logs(encoding, &record.payload, limits).map_err(|e| e.to_string())?;
            gleaner_normalize::decode_logs(request)
        } else {
            return Err(format!("unknown record kind {}", record.kind));
        };
        for (ordinal, fragment) in fragments.into_iter().enumerate() {
            self.fragments.push(StoredFragment {
                project: record.project.clone(),
                position,
                ordinal: u32::try_from(ordinal).unwrap_or(u32::MAX),
                recorded_at_unix_nano: record.recorded_at_unix_nano,
                fragment,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod model_check;
#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod tests;
