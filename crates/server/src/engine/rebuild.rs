//! Making the store anew: how it is asked for, how far it has come, and how the new files take the place of the old ones.
//!
//! Invariants, for a kill at any moment:
//! - A request is on disk before it is answered, and is gone when the new store is in place, or cannot be made: a start in between goes on with it.
//! - The new store is made in a folder of its own, and takes the old one's name when it is whole. The old log steps aside before the old file: a
//!   file without its log is an earlier state, which the journal brings up to date; a log without its file would be replayed into another.
//! - A store that could not be read is put aside, never removed.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::Signals;

/// The file that holds a request.
const REQUESTED: &str = "store.rebuild-requested";
/// The folder that the new store is made in.
const FOLDER: &str = "store.rebuilding";
/// The file in it that says that it is whole.
const WHOLE: &str = "whole";
/// Where a store goes that was sound, until it is removed.
const REPLACED: &str = "store.replaced";
/// The files of a store, in the order in which they step aside.
const FILES: [&str; 4] =
    ["store.duckdb.wal", "store.duckdb.wal.checkpoint", "store.duckdb.wal.recovery", "store.duckdb"];

/// How far a rebuild has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(crate) enum RebuildStatus {
    /// None was asked for since the start.
    Idle,
    /// It begins soon.
    Requested,
    /// Of the journal's records as far as `head`, those up to `position` are loaded.
    Running { position: u64, head: u64 },
    /// The new store is in place. `aside`: the folder, in the data directory, that the old files were put into.
    Done { head: u64, aside: Option<String> },
    /// There is no new store; the old one is where it was.
    Failed { error: String },
}

impl RebuildStatus {
    /// What there is to say while it is under way.
    pub(crate) fn told(&self) -> Option<String> {
        match self {
            Self::Requested => Some("the store is about to be made anew from the journal".to_owned()),
            Self::Running { position, head } => {
                Some(format!("the store is being made anew from the journal: {position} of {head} records"))
            }
            Self::Idle | Self::Done { .. } | Self::Failed { .. } => None,
        }
    }
}

/// Takes requests and tells progress. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Rebuilds {
    data_dir: Arc<Path>,
    status: watch::Sender<RebuildStatus>,
    signals: Arc<Signals>,
}

impl Rebuilds {
    pub(super) fn new(data_dir: &Path, signals: Arc<Signals>) -> Self {
        Self { data_dir: data_dir.into(), status: watch::Sender::new(RebuildStatus::Idle), signals }
    }

    /// Asks for a new store, unless one is being made; gives how far it is.
    ///
    /// # Errors
    /// When the request cannot be written down.
    pub(crate) fn request(&self) -> io::Result<RebuildStatus> {
        if self.status().told().is_none() {
            write_durably(&self.data_dir, REQUESTED)?;
            self.status.send_if_modified(|status| {
                let is_new = status.told().is_none();
                if is_new {
                    *status = RebuildStatus::Requested;
                }
                is_new
            });
            self.signals.leave.store(true, Ordering::Release);
        }
        Ok(self.status())
    }

    /// How far it is.
    pub(crate) fn status(&self) -> RebuildStatus {
        self.status.borrow().clone()
    }

    /// At the start: ends what a kill interrupted, or begins it again.
    pub(super) fn begin(&self) {
        if let Err(error) = finish(&self.data_dir) {
            tracing::error!(error = format!("{error:#}"), "an interrupted rebuild could not be finished");
        }
        if self.data_dir.join(REQUESTED).exists() {
            self.status.send_replace(RebuildStatus::Requested);
        }
    }

    /// Whether one is to be made now.
    pub(super) fn take_request(&self) -> bool {
        if !self.signals.stop.load(Ordering::Acquire) {
            self.signals.leave.store(false, Ordering::Release);
            // A stop that came in between is not lost.
            if self.signals.stop.load(Ordering::Acquire) {
                self.signals.leave.store(true, Ordering::Release);
            }
        }
        *self.status.borrow() == RebuildStatus::Requested
    }

    pub(super) fn reached(&self, position: u64, head: u64) {
        self.status.send_replace(RebuildStatus::Running { position, head });
    }

    pub(super) fn done(&self, head: u64, aside: Option<String>) {
        forget_request(&self.data_dir);
        self.status.send_replace(RebuildStatus::Done { head, aside });
    }

    pub(super) fn failed(&self, error: &str) {
        forget_request(&self.data_dir);
        self.status.send_replace(RebuildStatus::Failed { error: error.to_owned() });
    }
}

/// An empty folder for the new store.
pub(super) fn make_folder(data_dir: &Path) -> anyhow::Result<PathBuf> {
    let dir = data_dir.join(FOLDER);
    remove_folder(&dir)?;
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
    Ok(dir)
}

/// The store in the folder is closed and lacks nothing.
pub(super) fn mark_whole(dir: &Path) -> anyhow::Result<()> {
    write_durably(dir, WHOLE).context("cannot finish the new store")
}

/// Puts the new store into its place. The old files are kept in a folder of their own, which is returned, unless the store was sound.
pub(super) fn put_in_place(data_dir: &Path, is_sound: bool) -> anyhow::Result<Option<String>> {
    let moved = || -> io::Result<Option<String>> {
        let new = data_dir.join(FOLDER);
        let there = FILES.iter().any(|name| data_dir.join(name).exists());
        let aside = if is_sound { REPLACED.to_owned() } else { free_name(data_dir) };
        if there {
            remove_if_there(&data_dir.join(REPLACED))?;
            std::fs::create_dir(data_dir.join(&aside))?;
            for name in FILES.iter().filter(|name| data_dir.join(name).exists()) {
                std::fs::rename(data_dir.join(name), data_dir.join(&aside).join(name))?;
            }
        }
        std::fs::rename(new.join("store.duckdb"), data_dir.join("store.duckdb"))?;
        File::open(data_dir)?.sync_all()?;
        std::fs::remove_dir_all(new)?;
        if is_sound {
            remove_if_there(&data_dir.join(REPLACED))?;
        }
        Ok((there && !is_sound).then_some(aside))
    };
    moved().context("cannot put the new store in place")
}

/// Ends what a kill left: a whole new store takes its place, an unfinished one is removed.
pub(super) fn finish(data_dir: &Path) -> anyhow::Result<()> {
    let new = data_dir.join(FOLDER);
    if new.join(WHOLE).exists() {
        if new.join("store.duckdb").exists() {
            tracing::info!("a new store that was made before the last end takes its place");
            // Nobody knows any more whether the old one was sound.
            put_in_place(data_dir, false)?;
        }
        forget_request(data_dir);
    }
    remove_folder(&new)?;
    remove_folder(&data_dir.join(REPLACED))
}

/// Another process that has the file open would remove the new store's log, by its name, when it ends.
///
/// # Errors
/// When there is one. Only for files that this process does not have open: looking would give up its own lock.
pub(super) fn check_free(data_dir: &Path) -> anyhow::Result<()> {
    let Ok(file) = File::options().read(true).write(true).open(data_dir.join("store.duckdb")) else { return Ok(()) };
    match rustix::fs::fcntl_lock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Err(rustix::io::Errno::AGAIN | rustix::io::Errno::ACCESS) => {
            anyhow::bail!("the store is open in another process: end that, and ask again")
        }
        // Locks that this system does not know keep nobody out either.
        _ => Ok(()),
    }
}

/// What was asked for is there, or cannot be had.
pub(super) fn forget_request(data_dir: &Path) {
    match std::fs::remove_file(data_dir.join(REQUESTED)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%error, "the request to make the store anew stays: it is made once more at the next start");
        }
        _ => {}
    }
}

fn write_durably(dir: &Path, name: &str) -> io::Result<()> {
    File::create(dir.join(name))?.sync_all()?;
    File::open(dir)?.sync_all()
}

/// A name that nothing has, with the time for people.
fn free_name(data_dir: &Path) -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let time = i64::try_from(seconds).ok().and_then(|seconds| chrono::DateTime::from_timestamp(seconds, 0));
    let time = time.map_or_else(|| seconds.to_string(), |time| time.format("%Y%m%dT%H%M%SZ").to_string());
    let name = |n: u32| if n == 0 { format!("store.aside-{time}") } else { format!("store.aside-{time}-{n}") };
    (0..).map(name).find(|name| !data_dir.join(name).exists()).unwrap_or(time)
}

fn remove_folder(dir: &Path) -> anyhow::Result<()> {
    remove_if_there(dir).with_context(|| format!("cannot remove {}", dir.display()))
}

fn remove_if_there(dir: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
