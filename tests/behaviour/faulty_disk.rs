//! The journal's disk, failing when told to.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use gleaner_journal::{AppendFile, Disk, FileSystem};

/// What fails. All off at first.
#[derive(Default)]
pub(crate) struct Faults {
    /// Of 100 writes, how many find the disk full after half of their bytes.
    pub(crate) failing_appends_percent: AtomicU32,
    /// `fdatasync` fails.
    pub(crate) failing_syncs: AtomicBool,
    /// The disk says that it has no space.
    pub(crate) is_full: AtomicBool,
    /// Writes that failed.
    pub(crate) failed_appends: AtomicU32,
    seed: AtomicU64,
    gate_is_shut: Mutex<bool>,
    gate: Condvar,
}

impl Faults {
    /// Syncs wait until the gate is opened again.
    pub(crate) fn shut_gate(&self, shut: bool) {
        *self.gate_is_shut.lock().expect("nobody panicked") = shut;
        self.gate.notify_all();
    }

    fn append_fails(&self) -> bool {
        // An LCG (Knuth's MMIX): the same faults in every run.
        let next =
            |seed: u64| Some(seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407));
        let seed = self.seed.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next).expect("always some");
        (seed >> 33) % 100 < u64::from(self.failing_appends_percent.load(Ordering::SeqCst))
    }
}

/// The file system, with faults.
pub(crate) struct FaultyDisk(pub(crate) Arc<Faults>);

impl FaultyDisk {
    pub(crate) fn with_faults() -> (Arc<dyn Disk>, Arc<Faults>) {
        let faults = Arc::new(Faults::default());
        (Arc::new(Self(faults.clone())), faults)
    }
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        Ok(Box::new(FaultyFile { file: FileSystem.create(path)?, faults: self.0.clone() }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        Ok(Box::new(FaultyFile { file: FileSystem.open(path)?, faults: self.0.clone() }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        FileSystem.rename(from, to)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        FileSystem.sync_dir(dir)
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        if self.0.is_full.load(Ordering::SeqCst) { Ok(0) } else { FileSystem.free_bytes(dir) }
    }
}

struct FaultyFile {
    file: Box<dyn AppendFile>,
    faults: Arc<Faults>,
}

impl AppendFile for FaultyFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.faults.append_fails() {
            self.faults.failed_appends.fetch_add(1, Ordering::SeqCst);
            self.file.append(&bytes[..bytes.len() / 2])?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.file.append(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        let shut = self.faults.gate_is_shut.lock().expect("nobody panicked");
        drop(self.faults.gate.wait_while(shut, |shut| *shut).expect("nobody panicked"));
        if self.faults.failing_syncs.load(Ordering::SeqCst) {
            return Err(io::Error::other("the disk does not answer"));
        }
        self.file.sync()
    }

    fn truncate(&mut self, length_bytes: u64) -> io::Result<()> {
        self.file.truncate(length_bytes)
    }
}
