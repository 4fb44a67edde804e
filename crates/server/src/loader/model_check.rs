//! The way from the journal to the store, checked against faults at every step: thousands of histories, each made from a seed.
//!
//! The journal, the decoding, the derivation and the loader are the real ones; the disk under the journal loses what was not synced, and the
//! store is a model in memory that keeps to what DuckDB does as measured: a commit may fail before, or after it was stored, and then
//! nothing works until it is opened again. One thread takes all steps, so that a seed is a history. After each history
//! everything is started once more without faults, and then:
//!
//! - I1: of every acknowledged request each span is a fact once.
//! - I2: of a request that was not acknowledged all spans are facts, or none is.
//! - I3: a new store made from the journal holds the same facts and derived rows.
//! - I4: a fact that was there once is there for ever, unchanged, and the position never goes back.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use gleaner_journal::{AppendFile, Disk, FileSystem};
use gleaner_model::{DerivedTrace, Fragment, ToldCall};
use gleaner_store::{Fact, UnitLink};
use gleaner_wire::proto;
use prost::Message as _;

use super::*;
use crate::ingest::{Signal, telemetry_record};

const SEEDS: u64 = 1_000;
const STEPS: u64 = 30;
const TRACES: u64 = 4;
const SPANS: std::ops::RangeInclusive<u64> = 1..=3;

/// An LCG (Knuth's MMIX): the same history for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// A disk that keeps, of what was not synced, as much as the seed says.
#[derive(Default)]
struct LossyDisk(Arc<Lossy>);

#[derive(Default)]
struct Lossy {
    fails_next_append: AtomicBool,
    fails_next_sync: AtomicBool,
    /// The machine is off: nothing reaches the disk.
    is_off: AtomicBool,
    /// Bytes written and bytes synced of each file.
    lengths: Mutex<BTreeMap<PathBuf, (u64, u64)>>,
}

impl Lossy {
    /// What a power loss leaves.
    fn lose(&self, random: &mut Random) {
        for (path, (written, synced)) in std::mem::take(&mut *self.lengths.lock().unwrap()) {
            let kept = synced + random.below(written - synced + 1);
            if let Ok(file) = std::fs::OpenOptions::new().write(true).open(path) {
                file.set_len(kept).unwrap();
            }
        }
        self.is_off.store(false, Ordering::SeqCst);
        self.fails_next_append.store(false, Ordering::SeqCst);
        self.fails_next_sync.store(false, Ordering::SeqCst);
    }

    fn check_on(&self) -> io::Result<()> {
        if self.is_off.load(Ordering::SeqCst) { Err(io::Error::other("off")) } else { Ok(()) }
    }
}

impl Disk for LossyDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        self.0.check_on()?;
        self.0.lengths.lock().unwrap().insert(path.to_owned(), (0, 0));
        Ok(Box::new(LossyFile { file: FileSystem.create(path)?, path: path.to_owned(), lossy: self.0.clone() }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        self.0.check_on()?;
        let length = path.metadata()?.len();
        self.0.lengths.lock().unwrap().insert(path.to_owned(), (length, length));
        Ok(Box::new(LossyFile { file: FileSystem.open(path)?, path: path.to_owned(), lossy: self.0.clone() }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.check_on()?;
        FileSystem.rename(from, to)
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        self.0.check_on()
    }

    fn free_bytes(&self, _: &Path) -> io::Result<u64> {
        Ok(u64::MAX)
    }
}

struct LossyFile {
    file: Box<dyn AppendFile>,
    path: PathBuf,
    lossy: Arc<Lossy>,
}

impl LossyFile {
    fn note(&self, change: impl FnOnce(&mut (u64, u64))) {
        change(self.lossy.lengths.lock().unwrap().entry(self.path.clone()).or_default());
    }
}

impl AppendFile for LossyFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.lossy.check_on()?;
        let fails = self.lossy.fails_next_append.swap(false, Ordering::SeqCst);
        let bytes = if fails { &bytes[..bytes.len() / 2] } else { bytes };
        self.file.append(bytes)?;
        self.note(|(written, _)| *written += bytes.len() as u64);
        if fails { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        self.lossy.check_on()?;
        if self.lossy.fails_next_sync.swap(false, Ordering::SeqCst) {
            return Err(io::Error::other("the disk does not answer"));
        }
        self.note(|(written, synced)| *synced = *written);
        Ok(())
    }

    fn truncate(&mut self, length_bytes: u64) -> io::Result<()> {
        self.lossy.check_on()?;
        self.file.truncate(length_bytes)?;
        self.note(|(written, synced)| (*written, *synced) = (length_bytes, (*synced).min(length_bytes)));
        Ok(())
    }
}

/// What a store's file holds.
#[derive(Debug, Clone, Default, PartialEq)]
struct Content {
    position: u64,
    facts: Vec<Fact>,
    traces: BTreeMap<(String, String), DerivedTrace>,
}

/// How the next commit goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It is refused, and the store goes on.
    Refused,
    /// It is lost, and the store must be opened again.
    LostAndInvalidated,
    /// It is stored, and the store must be opened again: so a failed checkpoint was seen to end.
    StoredAndInvalidated,
}

/// A store that is open. Its content outlives it.
struct ModelStore {
    content: Arc<Mutex<Content>>,
    fault: Arc<Mutex<Option<Fault>>>,
    is_invalidated: bool,
}

impl ModelStore {
    fn open(content: &Arc<Mutex<Content>>, fault: &Arc<Mutex<Option<Fault>>>) -> Self {
        Self { content: content.clone(), fault: fault.clone(), is_invalidated: false }
    }
}

fn invalidated() -> StoreError {
    StoreError::Invalidated { message: "by the seed".to_owned() }
}

impl Target for ModelStore {
    fn position(&self) -> Result<u64, StoreError> {
        Ok(self.content.lock().unwrap().position)
    }

    fn commit(&mut self, commit: &Commit) -> Result<(), StoreError> {
        if self.is_invalidated {
            return Err(invalidated());
        }
        let fault = self.fault.lock().unwrap().take();
        if fault == Some(Fault::Refused) {
            return Err(StoreError::Value { what: "a commit", message: "by the seed".to_owned() });
        }
        self.is_invalidated = fault.is_some();
        if fault != Some(Fault::LostAndInvalidated) {
            let mut content = self.content.lock().unwrap();
            assert!(commit.position >= content.position, "the loader went back");
            content.position = commit.position;
            content.facts.extend(commit.facts.iter().cloned());
            for trace in &commit.traces {
                content.traces.insert((trace.project.clone(), trace.trace_id.clone()), trace.clone());
            }
        }
        if self.is_invalidated { Err(invalidated()) } else { Ok(()) }
    }

    fn checkpoint_if_due(&mut self) -> Result<Option<Duration>, StoreError> {
        Ok(None)
    }

    fn unsaved_bytes(&self) -> u64 {
        0
    }

    fn rest(&self) {}

    fn fragments(&self, traces: &[(String, String)]) -> Result<Vec<StoredFragment>, StoreError> {
        let content = self.content.lock().unwrap();
        let wanted = |stored: &&StoredFragment| {
            traces
                .iter()
                .any(|(project, trace)| *project == stored.project && stored.fragment.trace_id() == Some(trace))
        };
        Ok(content.facts.iter().map(|fact| &fact.stored).filter(wanted).cloned().collect())
    }

    fn unit_links(&self, _: &[(String, String)], _: &[(String, String)]) -> Result<Vec<UnitLink>, StoreError> {
        // No span here names a unit.
        Ok(Vec::new())
    }

    fn told_calls(
        &self,
        _: &BTreeSet<(String, String)>,
        _: &BTreeSet<u64>,
        _: std::ops::RangeInclusive<u64>,
    ) -> Result<Vec<ToldCall>, StoreError> {
        // No span here is a call.
        Ok(Vec::new())
    }

    fn fragments_outside_traces(&self, _: &str, _: &[String]) -> Result<Vec<StoredFragment>, StoreError> {
        Ok(Vec::new())
    }
}

/// One history.
struct History {
    random: Random,
    dir: tempfile::TempDir,
    lossy: Arc<Lossy>,
    content: Arc<Mutex<Content>>,
    fault: Arc<Mutex<Option<Fault>>>,
    running: Option<(Journal, Loader<ModelStore>)>,
    /// Requests by number: their bytes, and whether they were acknowledged.
    requests: Vec<(Vec<u8>, bool)>,
    seen: Vec<Fact>,
    seen_position: u64,
    /// What happened, for the message of a check that fails.
    told: Vec<String>,
    faults: usize,
}

impl History {
    fn new(seed: u64) -> Self {
        let mut history = Self {
            random: Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            dir: tempfile::tempdir().unwrap(),
            lossy: Arc::default(),
            content: Arc::default(),
            fault: Arc::default(),
            running: None,
            requests: Vec::new(),
            seen: Vec::new(),
            seen_position: 0,
            told: Vec::new(),
            faults: 0,
        };
        history.start();
        history
    }

    fn start(&mut self) {
        let config = gleaner_journal::Config {
            segment_bytes: 2048,
            min_free_disk_bytes: 0,
            sealed_compression_level: 0,
            ..gleaner_journal::Config::default()
        };
        let disk = Arc::new(LossyDisk(self.lossy.clone()));
        let (journal, _) = Journal::open_on(disk, self.dir.path(), config).unwrap();
        let loader = self.loader(&journal, &self.content);
        self.running = Some((journal, loader));
    }

    fn loader(&self, journal: &Journal, content: &Arc<Mutex<Content>>) -> Loader<ModelStore> {
        let limits = BatchLimits { max_bytes: 1 << 20, max_records: 3 };
        let store = ModelStore::open(content, &self.fault);
        Loader::new(journal.clone(), store, Settings::default(), limits).unwrap().0
    }

    fn step(&mut self) {
        match self.random.below(20) {
            0..=8 => self.send(),
            9..=14 => self.load(),
            15..=16 => self.crash(),
            17..=18 => self.rebuild(),
            _ => self.check_growth(),
        }
    }

    /// A new request, or one that was sent before, as exporters do.
    fn send(&mut self) {
        let number = if !self.requests.is_empty() && self.random.percent(25) {
            self.random.below(self.requests.len() as u64) as usize
        } else {
            let body = self.request(self.requests.len() as u64);
            self.requests.push((body, false));
            self.requests.len() - 1
        };
        let fault = self.random.below(10);
        self.lossy.fails_next_append.store(fault == 0, Ordering::SeqCst);
        self.lossy.fails_next_sync.store(fault == 1, Ordering::SeqCst);
        self.faults += usize::from(fault < 2);
        let record =
            telemetry_record(Signal::Traces, Encoding::Protobuf, "default".to_owned(), self.requests[number].0.clone());
        let (journal, _) = self.running.as_ref().unwrap();
        let acknowledged = journal.append_blocking(record).is_ok();
        self.requests[number].1 |= acknowledged;
        self.told.push(format!("send {number}: fault {fault}, acknowledged {acknowledged}"));
    }

    /// Spans that no other request has, of one of a few traces.
    fn request(&mut self, number: u64) -> Vec<u8> {
        let trace = self.random.below(TRACES) + 1;
        let spans = SPANS.take(1 + self.random.below(3) as usize).map(|n| proto::trace::v1::Span {
            trace_id: u128::from(trace).to_be_bytes().to_vec(),
            span_id: (number * 10 + n).to_be_bytes().to_vec(),
            parent_span_id: if number == 0 { Vec::new() } else { 1u64.to_be_bytes().to_vec() },
            name: format!("span {number}.{n}"),
            start_time_unix_nano: 1_700_000_000_000_000_000 + number,
            end_time_unix_nano: 1_700_000_000_000_000_001 + number,
            ..Default::default()
        });
        let scope_spans = vec![proto::trace::v1::ScopeSpans { spans: spans.collect(), ..Default::default() }];
        proto::collector::trace::v1::ExportTraceServiceRequest {
            resource_spans: vec![proto::trace::v1::ResourceSpans { scope_spans, ..Default::default() }],
        }
        .encode_to_vec()
    }

    fn load(&mut self) {
        let fault = match self.random.below(8) {
            0 => Some(Fault::Refused),
            1 => Some(Fault::LostAndInvalidated),
            2 => Some(Fault::StoredAndInvalidated),
            _ => None,
        };
        *self.fault.lock().unwrap() = fault;
        let (_, loader) = self.running.as_mut().unwrap();
        let loaded = loader.load_next();
        // A fault that met no commit is not left for another.
        let unused = self.fault.lock().unwrap().take().is_some();
        self.faults += usize::from(fault.is_some() && !unused);
        self.told.push(format!("load: {fault:?}, {loaded:?}"));
        if let Err(LoadError::Store(StoreError::Invalidated { .. })) = loaded {
            let journal = self.running.as_ref().unwrap().0.clone();
            let loader = self.loader(&journal, &self.content);
            self.running = Some((journal, loader));
        }
    }

    /// Power is lost: the journal keeps what was synced, and perhaps some of the rest; the store what was committed.
    fn crash(&mut self) {
        self.lossy.is_off.store(true, Ordering::SeqCst);
        drop(self.running.take());
        self.lossy.lose(&mut self.random);
        self.told.push("crash".to_owned());
        self.start();
    }

    /// A new store is made from the journal; now and then the power is lost in the midst. When it is whole it takes the old one's place.
    fn rebuild(&mut self) {
        let new: Arc<Mutex<Content>> = Arc::default();
        let journal = self.running.as_ref().unwrap().0.clone();
        let mut loader = self.loader(&journal, &new);
        while loader.position() < journal.head() {
            if self.random.percent(5) {
                drop((loader, journal));
                self.told.push("rebuild, not finished".to_owned());
                return self.crash();
            }
            loader.load_next().unwrap();
        }
        self.content = new;
        let loader = self.loader(&journal, &self.content);
        self.running = Some((journal, loader));
        self.told.push("rebuild".to_owned());
        self.check_growth();
    }

    /// I4.
    fn check_growth(&mut self) {
        let content = self.content.lock().unwrap();
        if content.position >= self.seen_position {
            let there = |seen: &Fact| content.facts.iter().any(|fact| fact == seen);
            assert!(self.seen.iter().all(there), "I4: a fact is gone or changed\n{}", self.told.join("\n"));
            (self.seen, self.seen_position) = (content.facts.clone(), content.position);
        } else {
            panic!("I4: the position went back\n{}", self.told.join("\n"));
        }
    }

    fn check(mut self) -> usize {
        self.crash();
        let (journal, mut loader) = self.running.take().unwrap();
        loader.catch_up(&mut |_, _| ()).unwrap();
        drop(loader);
        self.check_growth();
        let told = self.told.join("\n");
        let content = self.content.lock().unwrap().clone();
        let mut found: BTreeMap<String, usize> = BTreeMap::new();
        for fact in &content.facts {
            let Fragment::Span(span) = &fact.stored.fragment else { panic!("only spans were sent") };
            *found.entry(span.name.clone()).or_default() += 1;
        }
        assert!(found.values().all(|n| *n == 1), "I1: a span is there twice: {found:?}\n{told}");
        for (number, (body, acknowledged)) in self.requests.iter().enumerate() {
            let request = proto::collector::trace::v1::ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
            let spans = &request.resource_spans[0].scope_spans[0].spans;
            let there = spans.iter().filter(|span| found.contains_key(&span.name)).count();
            assert!(!acknowledged || there == spans.len(), "I1: request {number} was acknowledged and is lost\n{told}");
            assert!(there == 0 || there == spans.len(), "I2: request {number} is there in part\n{told}");
        }
        let new: Arc<Mutex<Content>> = Arc::default();
        let mut rebuilt = self.loader(&journal, &new);
        rebuilt.catch_up(&mut |_, _| ()).unwrap();
        let rebuilt = new.lock().unwrap().clone();
        assert_eq!(rebuilt, content, "I3: a new store holds something else\n{told}");
        let spans: BTreeSet<_> =
            content.traces.values().flat_map(|trace| &trace.spans).map(|span| &span.span_id).collect();
        assert_eq!(spans.len(), content.facts.len(), "each fact is a row\n{told}");
        self.faults
    }
}

/// Scenario: requests, repeats of them, commits, power losses and rebuilds in any order, with faults of the disk and of the store.
/// Guarantees: I1 to I4, in each of a thousand histories; `GLEANER_MODEL_SEEDS` sets another number, `GLEANER_MODEL_FIRST_SEED` the first one.
#[test]
fn every_history_keeps_what_was_acknowledged() {
    let number = |name: &str, default: u64| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default);
    let first = number("GLEANER_MODEL_FIRST_SEED", 0);
    let (mut faults, mut acknowledged) = (0, 0);
    for seed in first..first + number("GLEANER_MODEL_SEEDS", SEEDS) {
        let checked = std::panic::catch_unwind(|| {
            let mut history = History::new(seed);
            (0..STEPS).for_each(|_| history.step());
            let acknowledged = history.requests.iter().filter(|(_, acknowledged)| *acknowledged).count();
            (history.check(), acknowledged)
        });
        let (found, taken) = checked.unwrap_or_else(|_| panic!("seed {seed}"));
        (faults, acknowledged) = (faults + found, acknowledged + taken);
    }
    assert!(
        faults > 1_000 && acknowledged > 1_000,
        "{faults} faults, {acknowledged} acknowledged requests prove little"
    );
}
