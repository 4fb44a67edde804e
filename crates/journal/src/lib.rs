//! The append-only journal: segment files of checksummed, compressed frames, one order for every record, kept for ever.
//!
//! It does: compression on the threads of those who append, segments and rotation, group commit (one `fdatasync` for all
//! that waited), recovery of a torn tail, replay from any position, and harder recompression of sealed segments. It does not
//! know what a record means: `kind`, `encoding` and `payload` are opaque. It does no asynchronous I/O and never deletes a record.
//!
//! # Invariants
//!
//! - Positions are 1, 2, 3 …, one per record, without gaps, over all segments; 0 means empty.
//! - A record is *durable* once the `fdatasync` after its write has succeeded. Only then is its callback told `Ok`, and
//!   only then can a [`Reader`] see it.
//! - A group of records is written to one segment, and the next group only after the former is durable. Every frame names
//!   the first position of its group, so that recovery can tell a torn write (a frame is bad, and whatever follows it
//!   belongs to the same unfinished group) from damage (a later group follows, so the bad frame was durable once).
//! - After a failed `fdatasync` nothing more is written: the kernel may have dropped the dirty pages, and a second
//!   `fdatasync` would report success.
//!
//! # Files
//!
//! `00000000000000000001.seg` (named by its first position), `….seg.torn-<offset>` (bytes cut off by recovery, kept for
//! inspection), `….seg.tmp` (an unfinished recompression, deleted on open), `PROBE` (see [`Journal::probe`]), `LOCK`. All numbers are little-endian; the
//! layouts stand in `segment.rs` and `frame.rs`.
//!
//! # What was looked at
//!
//! - `okaywal` 0.3.1: group commit, segments and recovery, but made to be checkpointed and discarded; calls its format
//!   unstable; last release in November 2023.
//! - `commitlog` 0.2.0: segments with an index, but never syncs (`flush_sync` is `File::flush`, which does nothing) and
//!   takes a segment's length for its end without looking for a torn tail.
//! - `walrus-rust` 0.2.0: topics with stored read offsets, fsync by schedule, consumed files are removed; young.
//! - `raft-engine` 0.4.2: sound group commit and recovery, but indexed per Raft group in memory and built to purge.
//!
//! None keeps everything for ever with sealed segments recompressed.
//!
//! # Example
//!
//! ```
//! use gleaner_journal::{Config, Journal, Record};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let dir = tempfile::tempdir()?;
//! let (journal, recovery) = Journal::open(dir.path(), Config::default())?;
//! assert_eq!(recovery.records, 0);
//! let record = Record {
//!     kind: 1,
//!     encoding: 0,
//!     recorded_at_unix_nano: 1_700_000_000_000_000_000,
//!     project: "default".to_owned(),
//!     payload: b"body".to_vec(),
//! };
//! assert_eq!(journal.append_blocking(record.clone())?, 1);
//! let read: Vec<_> = journal.read_from(0)?.collect::<Result<_, _>>()?;
//! assert_eq!(read, [(1, record)]);
//! # Ok(())
//! # }
//! ```

mod config;
mod disk;
mod error;
mod frame;
mod journal;
mod reader;
mod recompress;
mod recover;
mod segment;
mod shared;
mod stream;
mod writer;

#[cfg(test)]
mod testing;

pub use config::Config;
pub use disk::{AppendFile, Disk, FileSystem};
pub use error::JournalError;
pub use frame::{PAYLOAD_BYTES_MAX, PROJECT_BYTES_MAX, Record};
pub use journal::Journal;
pub use reader::Reader;
pub use recover::Recovery;
