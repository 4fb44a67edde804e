//! One segment file: its name, its header, and reading its frames in order.
//!
//! ```text
//!  0 magic "GLNRJNL\0"            24 previous segment's first position u64, 0 for the first segment
//!  8 format version u32           32 zstd level of its recompression i32, 0 before
//! 12 salt u32                     36 crc32c of bytes 0 to 36 u32
//! 16 first position u64           40 frames
//! ```
//!
//! Version 1: each payload is compressed alone, as it is written. Version 2: all are one stream ([`crate::stream`]), as recompression leaves
//! them.
//!
//! The header is synced before the first frame is written. The link to the previous segment shows a missing file on
//! open, without reading any frame.

use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::error::JournalError;
use crate::frame::{FRAME_HEADER_BYTES, FrameHeader, Record, le_u32, le_u64};
use crate::stream::StreamDecoder;

pub(crate) const SEGMENT_HEADER_BYTES: usize = 40;
const SEGMENT_MAGIC: [u8; 8] = *b"GLNRJNL\0";
const VERSION_ALONE: u32 = 1;
const VERSION_STREAM: u32 = 2;

pub(crate) fn segment_path(dir: &Path, first_position: u64) -> PathBuf {
    dir.join(format!("{first_position:020}.seg"))
}

/// The first position that a file name tells; `None` for a file that is no segment.
pub(crate) fn parse_segment_name(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".seg")?;
    if digits.len() != 20 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().filter(|position| *position > 0)
}

const DAMAGED_BODY: &str = "frame body checksum does not match";

/// What a segment says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) salt: u32,
    pub(crate) first_position: u64,
    pub(crate) previous_first_position: u64,
    /// The level of its recompression, which made one stream of its payloads; 0 before. Segments that version 1 of the format recompressed have
    /// a level, too, and each payload alone.
    pub(crate) sealed_level: i32,
    pub(crate) is_stream: bool,
}

impl SegmentHeader {
    pub(crate) fn new(first_position: u64, previous_first_position: u64) -> SegmentHeader {
        // The hasher's keys are random per process and differ per instance; std has no other source of randomness.
        let salt = RandomState::new().build_hasher().finish() as u32;
        SegmentHeader { salt, first_position, previous_first_position, sealed_level: 0, is_stream: false }
    }

    pub(crate) fn encode(&self) -> [u8; SEGMENT_HEADER_BYTES] {
        let mut bytes = [0; SEGMENT_HEADER_BYTES];
        bytes[0..8].copy_from_slice(&SEGMENT_MAGIC);
        let version = if self.is_stream { VERSION_STREAM } else { VERSION_ALONE };
        bytes[8..12].copy_from_slice(&version.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.salt.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.first_position.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.previous_first_position.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.sealed_level.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..36]);
        bytes[36..40].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8; SEGMENT_HEADER_BYTES], path: &Path) -> Result<SegmentHeader, JournalError> {
        let corrupt = |reason| JournalError::Corrupt { path: path.to_owned(), offset: 0, reason };
        if bytes[0..8] != SEGMENT_MAGIC {
            return Err(corrupt("not a journal segment"));
        }
        if le_u32(bytes, 36) != crc32c::crc32c(&bytes[..36]) {
            return Err(corrupt("segment header checksum does not match"));
        }
        let version = le_u32(bytes, 8);
        if ![VERSION_ALONE, VERSION_STREAM].contains(&version) {
            let path = path.to_owned();
            return Err(JournalError::UnsupportedVersion { path, version, supported: VERSION_STREAM });
        }
        Ok(SegmentHeader {
            salt: le_u32(bytes, 12),
            first_position: le_u64(bytes, 16),
            previous_first_position: le_u64(bytes, 24),
            sealed_level: le_u32(bytes, 32) as i32,
            is_stream: version == VERSION_STREAM,
        })
    }
}

/// What stands at a reader's place in a segment.
pub(crate) enum Step {
    /// A frame whose header is intact; its body comes next and is within the file.
    Frame(FrameHeader),
    /// The file ends here, after a whole frame.
    End,
    /// Something else, and why it is no frame.
    Bad(&'static str),
}

/// Reads a segment's frames in order. It buffers nothing, so that it never holds bytes which the writer takes back.
pub(crate) struct SegmentReader {
    pub(crate) path: PathBuf,
    pub(crate) header: SegmentHeader,
    /// Where the frame starts that was read last, or is to be read next.
    pub(crate) offset: u64,
    /// The position that the next frame must have.
    pub(crate) next_position: u64,
    file: File,
    /// The file's length when it was last asked for; it may have grown since.
    length: u64,
    /// Has read every part so far, where the payloads are one stream.
    decoder: Option<StreamDecoder>,
}

impl SegmentReader {
    pub(crate) fn open(dir: &Path, first_position: u64) -> Result<SegmentReader, JournalError> {
        let path = segment_path(dir, first_position);
        let mut file = File::open(&path).map_err(JournalError::io("open", &path))?;
        let length = file.metadata().map_err(JournalError::io("read", &path))?.len();
        let corrupt = |reason| JournalError::Corrupt { path: path.clone(), offset: 0, reason };
        if length < SEGMENT_HEADER_BYTES as u64 {
            return Err(corrupt("segment header is cut off"));
        }
        let mut bytes = [0; SEGMENT_HEADER_BYTES];
        file.read_exact(&mut bytes).map_err(JournalError::io("read", &path))?;
        let header = SegmentHeader::decode(&bytes, &path)?;
        if header.first_position != first_position {
            return Err(corrupt("segment header and file name tell different first positions"));
        }
        let offset = SEGMENT_HEADER_BYTES as u64;
        let decoder = header.is_stream.then(StreamDecoder::new).transpose().map_err(JournalError::io("read", &path))?;
        Ok(SegmentReader { path, header, offset, next_position: first_position, file, length, decoder })
    }

    /// Reads the next frame's header. After `Frame`, call [`read_record`](Self::read_record), [`skip_record`](Self::skip_record) or
    /// [`check_body`](Self::check_body); after anything else the reader is at its end.
    pub(crate) fn next_header(&mut self) -> Result<Step, JournalError> {
        let left = self.bytes_left(FRAME_HEADER_BYTES as u64)?;
        if left == 0 {
            return Ok(Step::End);
        }
        if left < FRAME_HEADER_BYTES as u64 {
            return Ok(Step::Bad("frame header is cut off"));
        }
        let mut bytes = [0; FRAME_HEADER_BYTES];
        self.file.read_exact(&mut bytes).map_err(JournalError::io("read", &self.path))?;
        let Some(header) = FrameHeader::decode(&bytes, self.header.salt) else {
            return Ok(Step::Bad("frame header checksum does not match"));
        };
        if header.position != self.next_position {
            return Ok(Step::Bad("frame position is out of order"));
        }
        let frame_bytes = frame_bytes(&header);
        if self.bytes_left(frame_bytes)? < frame_bytes {
            return Ok(Step::Bad("frame is cut off"));
        }
        Ok(Step::Frame(header))
    }

    /// Reads the record of the frame whose header was just read.
    pub(crate) fn read_record(&mut self, header: &FrameHeader) -> Result<Record, JournalError> {
        let body = self.read_body(header)?.ok_or_else(|| self.corrupt(DAMAGED_BODY))?;
        let record = match &mut self.decoder {
            Some(decoder) => decoder.decode_body(header, &body),
            None => header.decode_body(&body),
        };
        let record = record.map_err(|reason| self.corrupt(reason))?;
        self.advance(header);
        Ok(record)
    }

    /// Goes past the frame whose header was just read. Of a stream every part has to be read all the same.
    pub(crate) fn skip_record(&mut self, header: &FrameHeader) -> Result<(), JournalError> {
        if self.decoder.is_some() {
            return self.read_record(header).map(drop);
        }
        let body_bytes = header.body_bytes() as i64;
        self.file.seek(SeekFrom::Current(body_bytes)).map_err(JournalError::io("read", &self.path))?;
        self.advance(header);
        Ok(())
    }

    /// Goes past the frame whose header was just read, if its body is as it was written. No record is read after it.
    pub(crate) fn check_body(&mut self, header: &FrameHeader) -> Result<Result<(), &'static str>, JournalError> {
        let is_intact = self.read_body(header)?.is_some();
        if is_intact {
            self.advance(header);
        }
        Ok(is_intact.then_some(()).ok_or(DAMAGED_BODY))
    }

    fn read_body(&mut self, header: &FrameHeader) -> Result<Option<Vec<u8>>, JournalError> {
        // No more than what is left in the file, see `next_header`.
        let mut body = Vec::with_capacity(header.body_bytes());
        let mut limited = (&mut self.file).take(header.body_bytes() as u64);
        limited.read_to_end(&mut body).map_err(JournalError::io("read", &self.path))?;
        Ok(Some(body).filter(|body| header.body_is_intact(body)))
    }

    /// The error for what stands at [`offset`](Self::offset).
    pub(crate) fn corrupt(&self, reason: &'static str) -> JournalError {
        JournalError::Corrupt { path: self.path.clone(), offset: self.offset, reason }
    }

    fn advance(&mut self, header: &FrameHeader) {
        self.offset += frame_bytes(header);
        self.next_position += 1;
    }

    /// How many bytes the file has from `offset` on; asks the system only if fewer than `wanted` are known of.
    fn bytes_left(&mut self, wanted: u64) -> Result<u64, JournalError> {
        if self.length < self.offset + wanted {
            self.length = self.file.metadata().map_err(JournalError::io("read", &self.path))?.len();
        }
        Ok(self.length.saturating_sub(self.offset))
    }
}

fn frame_bytes(header: &FrameHeader) -> u64 {
    (FRAME_HEADER_BYTES + header.body_bytes()) as u64
}

/// Where, at or after `offset`, the first frame header stands whose group began after `position`: proof that `position`
/// was durable once. Reads in windows that overlap, so that every header is whole in one of them.
pub(crate) fn find_later_group(path: &Path, salt: u32, offset: u64, position: u64) -> io::Result<Option<u64>> {
    const WINDOW_BYTES: usize = 1024 * 1024;
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut window = Vec::with_capacity(WINDOW_BYTES);
    let mut window_offset = offset;
    loop {
        let wanted = WINDOW_BYTES - window.len();
        let read = (&mut file).take(wanted as u64).read_to_end(&mut window)?;
        for (at, bytes) in window.windows(FRAME_HEADER_BYTES).enumerate() {
            let header = <&[u8; FRAME_HEADER_BYTES]>::try_from(bytes).ok();
            let header = header.and_then(|bytes| FrameHeader::decode(bytes, salt));
            if header.is_some_and(|header| header.group_first_position > position) {
                return Ok(Some(window_offset + at as u64));
            }
        }
        if read == 0 {
            return Ok(None);
        }
        // What is shorter than a header is looked at again, with what follows it.
        let kept = window.len().min(FRAME_HEADER_BYTES - 1);
        window_offset += (window.len() - kept) as u64;
        window.drain(..window.len() - kept);
    }
}

#[cfg(test)]
mod tests;
