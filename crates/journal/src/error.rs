//! The crate's one error. It can be cloned, since everyone who waited for one write gets the same answer.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why the journal could not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// Another process, or another handle of this one, has the directory.
    #[error("the journal is in use by another process: {} is locked", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// A setting is outside its limits.
    #[error("{field} is {value}, must be from {min} to {max}")]
    InvalidConfig {
        /// The field of [`Config`](crate::Config).
        field: &'static str,
        /// What it was set to.
        value: i64,
        /// The smallest allowed value.
        min: i64,
        /// The largest allowed value.
        max: i64,
    },
    /// Bytes that were durable once are damaged or missing. Nothing is repaired or dropped.
    #[error("corrupt journal: {} at byte {offset}: {reason}", path.display())]
    Corrupt {
        /// The segment file.
        path: PathBuf,
        /// Where in the file the damaged frame or header starts, in bytes.
        offset: u64,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A segment was written by another version of this program.
    #[error("{} has journal format {version}, this program reads {supported}", path.display())]
    UnsupportedVersion {
        /// The segment file.
        path: PathBuf,
        /// The format version found.
        version: u32,
        /// The one format version that can be read.
        supported: u32,
    },
    /// The payload is larger than a record may be. Nothing was queued.
    #[error("payload is {bytes} bytes, the limit max_payload_bytes is {limit_bytes}")]
    PayloadTooLarge {
        /// Its size.
        bytes: usize,
        /// The largest allowed size.
        limit_bytes: usize,
    },
    /// The project's name is longer than a frame can hold. Nothing was queued.
    #[error("project is {bytes} bytes, the limit is {limit_bytes}")]
    ProjectTooLong {
        /// Its size in UTF-8.
        bytes: usize,
        /// The largest allowed size.
        limit_bytes: usize,
    },
    /// Too much waits for the disk. Nothing was queued; trying again later can succeed.
    #[error(
        "the journal is busy: {pending_bytes} bytes wait for the disk, the limit max_pending_bytes is {limit_bytes}"
    )]
    Busy {
        /// What waits, without the refused record.
        pending_bytes: usize,
        /// The bound.
        limit_bytes: usize,
    },
    /// The disk budget is used up, or the disk has less free space than is kept back. Nothing was queued; when there is room
    /// again, trying again succeeds.
    #[error("{what} is {bytes} bytes, the limit {limit} is {limit_bytes}; nothing is taken until there is room")]
    OutOfSpace {
        /// What was measured.
        what: &'static str,
        /// How much it is.
        bytes: u64,
        /// The field of [`Config`](crate::Config) that bounds it.
        limit: &'static str,
        /// The bound.
        limit_bytes: u64,
    },
    /// The write failed (a full disk, for example) and was undone; nothing of it will be read. Trying again can succeed.
    #[error("cannot write {}: {source}", path.display())]
    WriteFailed {
        /// The segment file.
        path: PathBuf,
        /// The system's error.
        source: Arc<io::Error>,
    },
    /// A sync to disk failed, or a failed write could not be undone. Whether the record survives is unknown, and nothing
    /// more is written until the journal is opened anew. Records that were durable before can still be read.
    #[error("the journal takes no more records since syncing {} failed: {source}", path.display())]
    Poisoned {
        /// The file that could not be synced.
        path: PathBuf,
        /// The system's first error.
        source: Arc<io::Error>,
    },
    /// The journal was closed.
    #[error("the journal is closed")]
    Closed,
    /// A reader was asked to start after a position that the journal does not have: it is not the journal that the caller
    /// read before, or it has lost its end.
    #[error("position {position} is beyond the journal's head {head}")]
    BeyondHead {
        /// The position asked for.
        position: u64,
        /// The position of the last durable record.
        head: u64,
    },
    /// Any other file operation that failed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's error.
        source: Arc<io::Error>,
    },
}

impl JournalError {
    /// For `map_err`: the failed action and its file.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> JournalError {
        move |source| JournalError::Io { action, path: path.to_owned(), source: Arc::new(source) }
    }

    pub(crate) fn write_failed(path: &Path, source: io::Error) -> JournalError {
        JournalError::WriteFailed { path: path.to_owned(), source: Arc::new(source) }
    }

    pub(crate) fn poisoned(path: &Path, source: io::Error) -> JournalError {
        JournalError::Poisoned { path: path.to_owned(), source: Arc::new(source) }
    }
}
