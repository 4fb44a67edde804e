//! What the tests share: records, small configurations, and a disk that fails or waits when told to.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::disk::{AppendFile, Disk, FileSystem};
use crate::{Config, Journal, JournalError, Record, Recovery};

/// A record whose every field depends on `number`.
pub(crate) fn record(number: u64) -> Record {
    Record {
        kind: number as u8,
        encoding: (number / 3) as u8,
        recorded_at_unix_nano: 1_700_000_000_000_000_000 + number,
        project: format!("project-{}", number % 4),
        payload: format!("payload {number} ").repeat(number as usize % 5 + 1).into_bytes(),
    }
}

/// Bytes that do not compress.
pub(crate) fn noise(bytes: usize, seed: u8) -> Vec<u8> {
    let mut state = u64::from(seed) + 1;
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..bytes).map(next).collect()
}

/// No background work, and room for everything.
pub(crate) fn plain() -> Config {
    Config { sealed_compression_level: 0, min_free_disk_bytes: 0, ..Config::default() }
}

pub(crate) fn open(dir: &Path) -> (Journal, Recovery) {
    Journal::open(dir, plain()).unwrap()
}

/// A closed journal with records 1 to `records`, each a group of its own.
pub(crate) fn write_records(dir: &Path, config: Config, records: u64) {
    let (journal, _) = Journal::open(dir, config).unwrap();
    for number in journal.head() + 1..=records {
        assert_eq!(journal.append_blocking(record(number)).unwrap(), number);
    }
}

/// Records 1 to `records` are all that the journal has, read from the start.
pub(crate) fn assert_records(journal: &Journal, records: u64) {
    assert_eq!(journal.head(), records);
    let read: Vec<_> = journal.read_from(0).unwrap().map(Result::unwrap).collect();
    let expected: Vec<_> = (1..=records).map(|number| (number, record(number))).collect();
    assert_eq!(read, expected);
}

/// The segment files, in order.
pub(crate) fn segments(dir: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|extension| extension == "seg")).collect();
    paths.sort();
    paths
}

/// Waits for what another thread does.
pub(crate) fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what} did not happen");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Appends without waiting; the answer is put into the returned slot.
pub(crate) fn append_later(journal: &Journal, record: Record) -> Arc<Mutex<Option<Result<u64, JournalError>>>> {
    let slot = Arc::new(Mutex::new(None));
    let answer_slot = slot.clone();
    journal.append(record, move |answer| *answer_slot.lock().unwrap() = Some(answer)).unwrap();
    slot
}

/// The file system, but each operation can be made to fail, and syncing can be made to wait.
#[derive(Default)]
pub(crate) struct FaultDisk(Arc<Faults>);

#[derive(Default)]
pub(crate) struct Faults {
    /// Segment files synced, successfully or not.
    syncs: AtomicUsize,
    /// Directories synced.
    dir_syncs: AtomicUsize,
    /// Appends write half of their bytes, then fail as on a full disk.
    pub(crate) fail_append: AtomicBool,
    pub(crate) fail_sync: AtomicBool,
    pub(crate) fail_sync_dir: AtomicBool,
    pub(crate) fail_truncate: AtomicBool,
    pub(crate) fail_create: AtomicBool,
    pub(crate) fail_rename: AtomicBool,
    /// The disk says that it has no free space.
    pub(crate) is_full: AtomicBool,
    gate_is_shut: Mutex<bool>,
    gate: Condvar,
}

impl Faults {
    pub(crate) fn set(flag: &AtomicBool, on: bool) {
        flag.store(on, Ordering::SeqCst);
    }

    pub(crate) fn syncs(&self) -> usize {
        self.syncs.load(Ordering::SeqCst)
    }

    pub(crate) fn dir_syncs(&self) -> usize {
        self.dir_syncs.load(Ordering::SeqCst)
    }

    /// Syncs wait, until it is opened again.
    pub(crate) fn shut_gate(&self, shut: bool) {
        *self.gate_is_shut.lock().unwrap() = shut;
        self.gate.notify_all();
    }

    /// Waits until the writer stands at the gate with one more sync than `syncs`.
    pub(crate) fn wait_for_sync_after(&self, syncs: usize) {
        eventually("a sync", || self.syncs() > syncs);
    }
}

/// A journal on a disk with faults.
pub(crate) fn open_faulty(dir: &Path, config: Config) -> (Journal, Arc<Faults>) {
    let disk = FaultDisk::default();
    let faults = disk.0.clone();
    let (journal, _) = Journal::open_on(Arc::new(disk), dir, config).unwrap();
    (journal, faults)
}

impl FaultDisk {
    pub(crate) fn faults(&self) -> Arc<Faults> {
        self.0.clone()
    }

    fn wrap(&self, file: Box<dyn AppendFile>) -> Box<dyn AppendFile> {
        Box::new(FaultFile { file, faults: self.0.clone() })
    }
}

impl Disk for FaultDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        fail_if(&self.0.fail_create, io::ErrorKind::PermissionDenied)?;
        Ok(self.wrap(FileSystem.create(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        Ok(self.wrap(FileSystem.open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fail_if(&self.0.fail_rename, io::ErrorKind::PermissionDenied)?;
        FileSystem.rename(from, to)
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        if self.0.is_full.load(Ordering::SeqCst) { Ok(0) } else { FileSystem.free_bytes(dir) }
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.0.dir_syncs.fetch_add(1, Ordering::SeqCst);
        fail_if(&self.0.fail_sync_dir, io::ErrorKind::Other)?;
        FileSystem.sync_dir(dir)
    }
}

struct FaultFile {
    file: Box<dyn AppendFile>,
    faults: Arc<Faults>,
}

impl AppendFile for FaultFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.faults.fail_append.load(Ordering::SeqCst) {
            self.file.append(&bytes[..bytes.len() / 2])?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.file.append(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.faults.syncs.fetch_add(1, Ordering::SeqCst);
        let shut = self.faults.gate_is_shut.lock().unwrap();
        drop(self.faults.gate.wait_while(shut, |shut| *shut).unwrap());
        fail_if(&self.faults.fail_sync, io::ErrorKind::Other)?;
        self.file.sync()
    }

    fn truncate(&mut self, length_bytes: u64) -> io::Result<()> {
        fail_if(&self.faults.fail_truncate, io::ErrorKind::Other)?;
        self.file.truncate(length_bytes)
    }
}

fn fail_if(flag: &AtomicBool, kind: io::ErrorKind) -> io::Result<()> {
    if flag.load(Ordering::SeqCst) { Err(kind.into()) } else { Ok(()) }
}
