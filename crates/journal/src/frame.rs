//! One record as bytes: a fixed header, the project's name, the payload compressed by zstd.
//!
//! ```text
//!  0 magic "GJF1"                 24 recorded_at_unix_nano u64
//!  4 header crc32c u32            32 payload bytes u32
//!  8 position u64                 36 compressed payload bytes u32
//! 16 group first position u64     40 body crc32c u32
//!                                 44 project bytes u16
//!                                 46 kind u8, 47 encoding u8
//! 48 body: project, compressed payload
//! ```
//!
//! The header's checksum covers bytes 8 to 48, so a length is believed, and memory taken for it, only if it was written.
//! It starts from the segment's salt: a payload that holds the bytes of a frame, sent by someone who guesses at the
//! format, is not taken for one when recovery searches a damaged tail.

use std::io::{self, Cursor};

use zstd::bulk::Compressor;

/// The largest payload that the format carries, uncompressed: 1 GiB.
pub const PAYLOAD_BYTES_MAX: usize = 1 << 30;
/// The longest project name that the format carries, in bytes of UTF-8.
pub const PROJECT_BYTES_MAX: usize = u16::MAX as usize;

pub(crate) const FRAME_HEADER_BYTES: usize = 48;
pub(crate) const FRAME_MAGIC: [u8; 4] = *b"GJF1";

/// What is appended and read back, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What the payload is; opaque to the journal.
    pub kind: u8,
    /// How the payload is encoded; opaque to the journal.
    pub encoding: u8,
    /// When the record was taken in, in nanoseconds since 1970 UTC; given by the caller.
    pub recorded_at_unix_nano: u64,
    /// The project it belongs to; at most [`PROJECT_BYTES_MAX`] bytes.
    pub project: String,
    /// The content; at most [`Config::max_payload_bytes`](crate::Config::max_payload_bytes).
    pub payload: Vec<u8>,
}

/// All of a frame but its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) position: u64,
    /// Everything before this position was durable when the frame was written.
    pub(crate) group_first_position: u64,
    pub(crate) recorded_at_unix_nano: u64,
    pub(crate) payload_bytes: u32,
    pub(crate) compressed_bytes: u32,
    pub(crate) body_crc: u32,
    pub(crate) project_bytes: u16,
    pub(crate) kind: u8,
    pub(crate) encoding: u8,
}

impl FrameHeader {
    pub(crate) fn body_bytes(&self) -> usize {
        self.project_bytes as usize + self.compressed_bytes as usize
    }

    pub(crate) fn encode(&self, salt: u32) -> [u8; FRAME_HEADER_BYTES] {
        let mut bytes = [0; FRAME_HEADER_BYTES];
        bytes[0..4].copy_from_slice(&FRAME_MAGIC);
        bytes[8..16].copy_from_slice(&self.position.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.group_first_position.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.recorded_at_unix_nano.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.payload_bytes.to_le_bytes());
        bytes[36..40].copy_from_slice(&self.compressed_bytes.to_le_bytes());
        bytes[40..44].copy_from_slice(&self.body_crc.to_le_bytes());
        bytes[44..46].copy_from_slice(&self.project_bytes.to_le_bytes());
        bytes[46] = self.kind;
        bytes[47] = self.encoding;
        let crc = crc32c::crc32c_append(salt, &bytes[8..]);
        bytes[4..8].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// `None` if the bytes are not a header that was written with this salt.
    pub(crate) fn decode(bytes: &[u8; FRAME_HEADER_BYTES], salt: u32) -> Option<FrameHeader> {
        if bytes[0..4] != FRAME_MAGIC || le_u32(bytes, 4) != crc32c::crc32c_append(salt, &bytes[8..]) {
            return None;
        }
        Some(FrameHeader {
            position: le_u64(bytes, 8),
            group_first_position: le_u64(bytes, 16),
            recorded_at_unix_nano: le_u64(bytes, 24),
            payload_bytes: le_u32(bytes, 32),
            compressed_bytes: le_u32(bytes, 36),
            body_crc: le_u32(bytes, 40),
            project_bytes: u16::from_le_bytes([bytes[44], bytes[45]]),
            kind: bytes[46],
            encoding: bytes[47],
        })
    }

    pub(crate) fn body_is_intact(&self, body: &[u8]) -> bool {
        body.len() == self.body_bytes() && crc32c::crc32c(body) == self.body_crc
    }

    /// The record, from a body that is intact and was compressed alone. The reason why not, should the writer have written nonsense.
    pub(crate) fn decode_body(&self, body: &[u8]) -> Result<Record, &'static str> {
        self.record(body, |compressed, payload_bytes| {
            zstd::bulk::decompress(compressed, payload_bytes).map_err(|_| "payload cannot be decompressed")
        })
    }

    /// As [`decode_body`](Self::decode_body), with another way to get the payload from its compressed bytes and its length.
    pub(crate) fn record(
        &self,
        body: &[u8],
        decompress: impl FnOnce(&[u8], usize) -> Result<Vec<u8>, &'static str>,
    ) -> Result<Record, &'static str> {
        let payload_bytes = self.payload_bytes as usize;
        if payload_bytes > PAYLOAD_BYTES_MAX {
            return Err("payload length exceeds the format's limit");
        }
        let Some((project, compressed)) = body.split_at_checked(self.project_bytes as usize) else {
            return Err("frame body is shorter than its project name");
        };
        let project = str::from_utf8(project).map_err(|_| "project name is not UTF-8")?;
        let payload = decompress(compressed, payload_bytes)?;
        if payload.len() != payload_bytes {
            return Err("payload has another length than its frame says");
        }
        Ok(Record {
            kind: self.kind,
            encoding: self.encoding,
            recorded_at_unix_nano: self.recorded_at_unix_nano,
            project: project.to_owned(),
            payload,
        })
    }
}

/// A record compressed and checksummed: all of its frame but its place in the journal. Made on any thread; what is left to the writer is
/// copying.
#[derive(Debug, Clone)]
pub(crate) struct FrameBody {
    /// Project and compressed payload.
    bytes: Vec<u8>,
    crc: u32,
    recorded_at_unix_nano: u64,
    payload_bytes: u32,
    compressed_bytes: u32,
    project_bytes: u16,
    kind: u8,
    encoding: u8,
}

impl FrameBody {
    /// The record must be within the limits above. `compress` puts the compressed payload behind what is there.
    pub(crate) fn new(record: &Record, compress: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> io::Result<FrameBody> {
        let project = record.project.as_bytes();
        let mut bytes = project.to_vec();
        compress(&mut bytes)?;
        // It waits for the disk with others: what was reserved for the worst case goes back.
        bytes.shrink_to_fit();
        Ok(FrameBody {
            crc: crc32c::crc32c(&bytes),
            recorded_at_unix_nano: record.recorded_at_unix_nano,
            payload_bytes: narrow(record.payload.len())?,
            compressed_bytes: narrow(bytes.len() - project.len())?,
            project_bytes: narrow(project.len())?,
            kind: record.kind,
            encoding: record.encoding,
            bytes,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Appends the frame to `out`.
    pub(crate) fn write(&self, position: u64, group_first_position: u64, salt: u32, out: &mut Vec<u8>) {
        let header = FrameHeader {
            position,
            group_first_position,
            recorded_at_unix_nano: self.recorded_at_unix_nano,
            payload_bytes: self.payload_bytes,
            compressed_bytes: self.compressed_bytes,
            body_crc: self.crc,
            project_bytes: self.project_bytes,
            kind: self.kind,
            encoding: self.encoding,
        };
        out.extend_from_slice(&header.encode(salt));
        out.extend_from_slice(&self.bytes);
    }
}

/// Makes bodies of frames, each compressed alone; keeps the compressor's memory between them.
pub(crate) struct FrameEncoder {
    compressor: Compressor<'static>,
}

impl FrameEncoder {
    pub(crate) fn new(compression_level: i32) -> io::Result<FrameEncoder> {
        Ok(FrameEncoder { compressor: Compressor::new(compression_level)? })
    }

    /// The record must be within the limits above.
    pub(crate) fn encode(&mut self, record: &Record) -> io::Result<FrameBody> {
        FrameBody::new(record, |bytes| {
            let start = bytes.len();
            bytes.reserve(zstd::zstd_safe::compress_bound(record.payload.len()));
            let mut cursor = Cursor::new(bytes);
            cursor.set_position(start as u64);
            self.compressor.compress_to_buffer(&record.payload, &mut cursor).map(drop)
        })
    }
}

pub(crate) fn le_u32(bytes: &[u8], at: usize) -> u32 {
    let mut value = [0; 4];
    value.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(value)
}

pub(crate) fn le_u64(bytes: &[u8], at: usize) -> u64 {
    let mut value = [0; 8];
    value.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(value)
}

fn narrow<T: TryFrom<usize>>(length: usize) -> io::Result<T> {
    T::try_from(length).map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "length exceeds the frame format"))
}

#[cfg(test)]
mod tests;
