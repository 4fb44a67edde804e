//! What an operator can set, and the check that the values can work.

use crate::error::JournalError;
use crate::frame::PAYLOAD_BYTES_MAX;

const MIB: usize = 1024 * 1024;

/// Limits and compression of a journal. Changing any of them never makes older records unreadable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// A segment that holds at least this many bytes gets no further group of records. A segment can exceed it by one
    /// group (16 MiB of payload, or one record). Default 64 MiB.
    pub segment_bytes: u64,
    /// The largest payload that can be appended, uncompressed; at most [`PAYLOAD_BYTES_MAX`]. Default 65 MiB: a body of
    /// 64 MiB and what may be put around it.
    pub max_payload_bytes: usize,
    /// Bound of the bytes, compressed, that wait for the writer or are being written. A record is refused as
    /// [`Busy`](JournalError::Busy) if it would exceed it, unless nothing waits. Default 256 MiB.
    pub max_pending_bytes: usize,
    /// Most bytes that the journal's files may have; 0 is no bound. What waits for the disk when it is reached is still
    /// written. Default 0.
    pub max_disk_bytes: u64,
    /// Free bytes of the disk below which nothing more is taken, so that what waits for the disk and whoever shares it still
    /// have room. Default 512 MiB.
    pub min_free_disk_bytes: u64,
    /// zstd level of what is appended. Default 1.
    pub compression_level: i32,
    /// zstd level of the stream that the payloads of a sealed segment are made in the background; 0 leaves them as they are. Default 3: as one
    /// stream, what repeats is found at any level (9 took 0.094 of the bytes where 3 took 0.102, and more than twice the time, measured).
    pub sealed_compression_level: i32,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            segment_bytes: 64 * MIB as u64,
            max_payload_bytes: 65 * MIB,
            max_pending_bytes: 256 * MIB,
            max_disk_bytes: 0,
            min_free_disk_bytes: 512 * MIB as u64,
            compression_level: 1,
            sealed_compression_level: 3,
        }
    }
}

impl Config {
    pub(crate) fn validate(&self) -> Result<(), JournalError> {
        if self.max_payload_bytes > PAYLOAD_BYTES_MAX {
            return Err(JournalError::InvalidConfig {
                field: "max_payload_bytes",
                value: self.max_payload_bytes as i64,
                min: 0,
                max: PAYLOAD_BYTES_MAX as i64,
            });
        }
        let levels = zstd::compression_level_range();
        let checked = [
            ("compression_level", self.compression_level),
            ("sealed_compression_level", self.sealed_compression_level),
        ];
        for (field, level) in checked {
            if !levels.contains(&level) {
                return Err(JournalError::InvalidConfig {
                    field,
                    value: i64::from(level),
                    min: i64::from(*levels.start()),
                    max: i64::from(*levels.end()),
                });
            }
        }
        Ok(())
    }
}
