//! The handle: opens a directory, queues records, tells the head, makes readers, and ends the threads.
//!
//! The directory's lock is held by the two threads, and so until both have ended.

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::disk::{Disk, FileSystem};
use crate::error::JournalError;
use crate::frame::{FrameBody, FrameEncoder, PROJECT_BYTES_MAX, Record};
use crate::reader::Reader;
use crate::recompress;
use crate::recover::{Recovery, recover};
use crate::shared::Shared;
use crate::writer::Writer;

/// The disk is asked for its free space no more often than this: appends come by the thousand, and so much cannot be written
/// meanwhile that the space kept back does not hold it.
const FREE_SPACE_INTERVAL: Duration = Duration::from_millis(50);

/// Probes sync the disk: whoever asks must not slow down appends.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);
/// A block of most file systems.
const PROBE_BYTES: usize = 4096;
/// Compressors that wait for the next record: each has about a MiB, and more than a few threads seldom append at once.
const KEPT_ENCODERS: usize = 8;

/// A journal in one directory. Clones are handles of the same journal; when the last one is dropped, it is closed.
#[derive(Clone)]
pub struct Journal {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    max_payload_bytes: usize,
    max_pending_bytes: usize,
    max_disk_bytes: u64,
    min_free_disk_bytes: u64,
    disk: Arc<dyn Disk>,
    compression_level: i32,
    /// Not in use just now, at most [`KEPT_ENCODERS`].
    encoders: Mutex<Vec<FrameEncoder>>,
    /// When it was last tried, and what came of it.
    probed: Mutex<Option<(Instant, Result<(), JournalError>)>>,
    /// When the disk was last asked, and what it said.
    free_space: Mutex<Option<(Instant, u64)>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Journal {
    /// Opens the journal in `dir`, which is made if it is not there, repairs what a crash left, and starts its threads.
    ///
    /// # Errors
    ///
    /// [`Locked`](JournalError::Locked) if it is open elsewhere; [`Corrupt`](JournalError::Corrupt) if durable records
    /// are damaged (then nothing was changed); [`InvalidConfig`](JournalError::InvalidConfig),
    /// [`UnsupportedVersion`](JournalError::UnsupportedVersion), [`Io`](JournalError::Io).
    pub fn open(dir: &Path, config: Config) -> Result<(Journal, Recovery), JournalError> {
        Journal::open_on(Arc::new(FileSystem), dir, config)
    }

    /// As [`open`](Journal::open), on another disk than the file system: for tests in which it fails.
    ///
    /// # Errors
    ///
    /// As [`open`](Journal::open).
    pub fn open_on(disk: Arc<dyn Disk>, dir: &Path, config: Config) -> Result<(Journal, Recovery), JournalError> {
        config.validate()?;
        create_dir(&*disk, dir)?;
        let lock = Arc::new(lock_dir(dir)?);
        let recovered = recover(dir)?;
        let mut report = recovered.report;
        let previous = recovered.segments.last().copied().unwrap_or(0);
        report.segments += usize::from(recovered.active.is_none());
        let shared = Arc::new(Shared::new(dir.to_owned(), report.records, recovered.segments, recovered.to_recompress));
        shared.add_disk_bytes(files_bytes(dir)?);
        let writer = Writer::open(shared.clone(), disk.clone(), &config, recovered.active, previous)?;

        let inner = Inner {
            shared: shared.clone(),
            max_payload_bytes: config.max_payload_bytes,
            max_pending_bytes: config.max_pending_bytes,
            max_disk_bytes: config.max_disk_bytes,
            min_free_disk_bytes: config.min_free_disk_bytes,
            disk: disk.clone(),
            compression_level: config.compression_level,
            encoders: Mutex::default(),
            probed: Mutex::default(),
            free_space: Mutex::default(),
            threads: Mutex::default(),
        };
        inner.spawn("journal-writer", lock.clone(), move || writer.run())?;
        let level = config.sealed_compression_level;
        if level != 0 {
            inner.spawn("journal-seal", lock, move || recompress::run(&shared, &*disk, level))?;
        }
        Ok((Journal { inner: Arc::new(inner) }, report))
    }

    /// Compresses a record, on the caller's thread, and queues it; never waits for the disk.
    ///
    /// After `Ok`, `on_durable` is called exactly once, on the writer's thread (so it must be quick): with the record's
    /// position once it is durable, or with [`WriteFailed`](JournalError::WriteFailed),
    /// [`Poisoned`](JournalError::Poisoned) or [`Closed`](JournalError::Closed).
    ///
    /// # Errors
    ///
    /// Nothing is queued and `on_durable` is not called: [`Busy`](JournalError::Busy),
    /// [`PayloadTooLarge`](JournalError::PayloadTooLarge), [`ProjectTooLong`](JournalError::ProjectTooLong),
    /// [`OutOfSpace`](JournalError::OutOfSpace), [`Poisoned`](JournalError::Poisoned), [`Closed`](JournalError::Closed).
    pub fn append(
        &self,
        record: Record,
        on_durable: impl FnOnce(Result<u64, JournalError>) + Send + 'static,
    ) -> Result<(), JournalError> {
        let (bytes, limit_bytes) = (record.payload.len(), self.inner.max_payload_bytes);
        if bytes > limit_bytes {
            return Err(JournalError::PayloadTooLarge { bytes, limit_bytes });
        }
        let bytes = record.project.len();
        if bytes > PROJECT_BYTES_MAX {
            return Err(JournalError::ProjectTooLong { bytes, limit_bytes: PROJECT_BYTES_MAX });
        }
        self.inner.check_space()?;
        self.inner.shared.check(self.inner.max_pending_bytes)?;
        let record = self.inner.compress(&record)?;
        self.inner.shared.push(record, Box::new(on_durable), self.inner.max_pending_bytes)
    }

    /// Appends a record and waits until it is durable. Returns its position.
    ///
    /// # Errors
    ///
    /// As [`append`](Journal::append) and its callback. Must not be called from such a callback: it would wait for itself.
    pub fn append_blocking(&self, record: Record) -> Result<u64, JournalError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        // The receiver waits below, so sending cannot fail.
        self.append(record, move |answer| drop(sender.send(answer)))?;
        receiver.recv().unwrap_or(Err(JournalError::Closed))
    }

    /// The position of the last durable record; 0 if there is none.
    pub fn head(&self) -> u64 {
        self.inner.shared.head()
    }

    /// Waits until the head has reached `position`, or until `timeout` is over. Returns the head.
    pub fn wait_for(&self, position: u64, timeout: Duration) -> u64 {
        self.inner.shared.wait_for(position, timeout)
    }

    /// A reader of the records after `position`; 0 reads all.
    ///
    /// # Errors
    ///
    /// [`BeyondHead`](JournalError::BeyondHead) if the journal does not have `position`.
    pub fn read_from(&self, position: u64) -> Result<Reader, JournalError> {
        let head = self.head();
        if position > head {
            return Err(JournalError::BeyondHead { position, head });
        }
        Ok(Reader::new(self.inner.shared.clone(), position))
    }

    /// Bytes that wait for the disk, as [`Config::max_pending_bytes`] counts them.
    pub fn pending_bytes(&self) -> usize {
        self.inner.shared.pending_bytes()
    }

    /// Bytes of the journal's files.
    pub fn disk_bytes(&self) -> u64 {
        self.inner.shared.disk_bytes()
    }

    /// Free bytes of the journal's disk, as of the last 50 ms; `None` if the system does not tell.
    pub fn free_disk_bytes(&self) -> Option<u64> {
        self.inner.free_bytes()
    }

    /// Whether there is room for further records.
    ///
    /// # Errors
    ///
    /// [`OutOfSpace`](JournalError::OutOfSpace), as [`append`](Journal::append) would say.
    pub fn check_space(&self) -> Result<(), JournalError> {
        self.inner.check_space()
    }

    /// Whether a record would become durable now: writes a small file beside the segments and syncs it. Asked more often than once a
    /// second, it gives the last answer.
    ///
    /// # Errors
    ///
    /// [`Poisoned`](JournalError::Poisoned), [`OutOfSpace`](JournalError::OutOfSpace), or [`WriteFailed`](JournalError::WriteFailed).
    pub fn probe(&self) -> Result<(), JournalError> {
        self.inner.probe()
    }

    /// Tells how long each group took to write and sync, on the writer's thread, from now on. The first observer stays.
    pub fn observe_commits(&self, observer: impl Fn(Duration) + Send + Sync + 'static) {
        self.inner.shared.observe_commits(Box::new(observer));
    }

    /// The error that made the journal refuse all appends; `None` while it works.
    pub fn poisoned(&self) -> Option<JournalError> {
        self.inner.shared.poisoned()
    }

    /// Why the last failed recompression of a sealed segment failed. The segment is as it was.
    pub fn recompression_error(&self) -> Option<JournalError> {
        self.inner.shared.recompression_error()
    }

    /// Lets the recompression of sealed segments wait from now on, or go on: for a process that has more urgent work for its processors. What
    /// waits is done when it goes on, or after the next open.
    pub fn hold_recompression(&self, hold: bool) {
        self.inner.shared.hold_recompression(hold);
    }

    /// Makes everything queued durable, answers it, and ends the threads; other handles refuse appends from then on, and
    /// readers go on up to the head. Dropping the last handle does the same.
    pub fn close(self) {
        self.inner.close();
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Journal").field("dir", &self.inner.shared.dir).finish_non_exhaustive()
    }
}

impl Inner {
    fn check_space(&self) -> Result<(), JournalError> {
        let bytes = self.shared.disk_bytes();
        if self.max_disk_bytes > 0 && bytes >= self.max_disk_bytes {
            let (what, limit, limit_bytes) = ("the journal", "max_disk_bytes", self.max_disk_bytes);
            return Err(JournalError::OutOfSpace { what, bytes, limit, limit_bytes });
        }
        match self.free_bytes() {
            Some(bytes) if bytes < self.min_free_disk_bytes => {
                let (what, limit, limit_bytes) =
                    ("the disk's free space", "min_free_disk_bytes", self.min_free_disk_bytes);
                Err(JournalError::OutOfSpace { what, bytes, limit, limit_bytes })
            }
            _ => Ok(()),
        }
    }

    fn probe(&self) -> Result<(), JournalError> {
        if let Some(error) = self.shared.poisoned() {
            return Err(error);
        }
        self.check_space()?;
        let mut probed = self.probed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((tried, result)) = &*probed
            && tried.elapsed() < PROBE_INTERVAL
        {
            return result.clone();
        }
        let path = self.shared.dir.join("PROBE");
        let written = self.disk.create(&path).and_then(|mut file| {
            file.append(&[0; PROBE_BYTES])?;
            file.sync()
        });
        let result = written.map_err(|error| JournalError::write_failed(&path, error));
        *probed = Some((Instant::now(), result.clone()));
        result
    }

    fn compress(&self, record: &Record) -> Result<FrameBody, JournalError> {
        let unused = self.encoders.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut encoder = match unused {
            Some(encoder) => encoder,
            None => {
                FrameEncoder::new(self.compression_level).map_err(JournalError::io("compress for", &self.shared.dir))?
            }
        };
        let body = encoder.encode(record).map_err(JournalError::io("compress for", &self.shared.dir))?;
        let mut encoders = self.encoders.lock().unwrap_or_else(PoisonError::into_inner);
        if encoders.len() < KEPT_ENCODERS {
            encoders.push(encoder);
        }
        Ok(body)
    }

    /// A system that does not tell is no reason to stop.
    fn free_bytes(&self) -> Option<u64> {
        let mut known = self.free_space.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((asked, bytes)) = *known
            && asked.elapsed() < FREE_SPACE_INTERVAL
        {
            return Some(bytes);
        }
        let bytes = self.disk.free_bytes(&self.shared.dir).ok()?;
        *known = Some((Instant::now(), bytes));
        Some(bytes)
    }

    fn spawn(&self, name: &str, lock: Arc<File>, run: impl FnOnce() + Send + 'static) -> Result<(), JournalError> {
        let spawned = thread::Builder::new().name(name.to_owned()).spawn(move || {
            run();
            drop(lock);
        });
        let thread = spawned.map_err(JournalError::io("start a thread for", &self.shared.dir))?;
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }

    fn close(&self) {
        self.shared.close();
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..) {
            // The last handle may be dropped by a callback, on the writer's thread: that one ends by itself.
            if thread.thread().id() != thread::current().id() {
                // A panic of the thread was reported by the panic hook; nobody is left waiting.
                let _ = thread.join();
            }
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

/// Of segments and what recovery set aside.
fn files_bytes(dir: &Path) -> Result<u64, JournalError> {
    let entries = fs::read_dir(dir).map_err(JournalError::io("list", dir))?;
    let bytes = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry?;
        Ok(if entry.file_name() == "PROBE" { 0 } else { entry.metadata()?.len() })
    };
    entries.map(bytes).sum::<std::io::Result<u64>>().map_err(JournalError::io("list", dir))
}

fn create_dir(disk: &dyn Disk, dir: &Path) -> Result<(), JournalError> {
    if dir.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(dir).map_err(JournalError::io("create", dir))?;
    match dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => disk.sync_dir(parent).map_err(JournalError::io("sync", parent)),
        None => Ok(()),
    }
}

fn lock_dir(dir: &Path) -> Result<File, JournalError> {
    let path = dir.join("LOCK");
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(false).open(&path).map_err(JournalError::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(JournalError::Locked { path }),
        Err(TryLockError::Error(error)) => Err(JournalError::io("lock", &path)(error)),
    }
}

#[cfg(test)]
mod tests;
