//! Brings a directory back to its last whole state on open: removes leftovers, checks every segment's header, and cuts a
//! torn tail off the last segment.
//!
//! A tail is torn, and cut, if the last segment has a bad frame and no later group after it: such a group was still being
//! written, or its only copy is damaged beyond telling. The cut bytes are kept in a side file. A bad frame that a later
//! group follows was durable once; that is damage, an error, and nothing is changed. Sealed segments are whole by
//! construction; their frames are checked when they are read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::error::JournalError;
use crate::segment::{
    SEGMENT_HEADER_BYTES, SegmentHeader, SegmentReader, Step, find_later_group, parse_segment_name, segment_path,
};

/// What was found, and repaired, when the journal was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovery {
    /// How many durable records there are; also the position of the last one.
    pub records: u64,
    /// How many segment files there are.
    pub segments: usize,
    /// How many bytes were cut off the end of the last segment; 0 after a clean shutdown.
    pub truncated_bytes: u64,
    /// Where the cut bytes were kept.
    pub quarantined: Option<PathBuf>,
}

/// A recovered directory, as the writer needs it.
pub(crate) struct Recovered {
    pub(crate) report: Recovery,
    /// The first positions of all segments, ascending.
    pub(crate) segments: Vec<u64>,
    /// The sealed ones that were not recompressed yet, each with the first position of the next segment.
    pub(crate) to_recompress: Vec<(u64, u64)>,
    /// The last segment and its length, if it is one to append to.
    pub(crate) active: Option<(SegmentHeader, u64)>,
}

/// Recovers `dir`, which must exist and be locked by the caller.
pub(crate) fn recover(dir: &Path) -> Result<Recovered, JournalError> {
    let mut segments = list_segments(dir)?;
    let mut recovered =
        Recovered { report: Recovery::default(), segments: Vec::new(), to_recompress: Vec::new(), active: None };
    let last = segments.pop();
    let mut previous = 0;
    let mut as_written = Vec::new();
    for first_position in segments {
        let reader = open_linked(dir, first_position, previous)?;
        if reader.header.sealed_level == 0 {
            as_written.push(first_position);
        }
        recovered.segments.push(first_position);
        previous = first_position;
    }
    if let Some(first_position) = last {
        recover_last(dir, first_position, previous, &mut recovered)?;
    }
    let following = recovered.segments.iter().copied().skip(1).chain([recovered.report.records + 1]);
    let with_next = recovered.segments.iter().copied().zip(following);
    recovered.to_recompress = with_next.filter(|(first, _)| as_written.binary_search(first).is_ok()).collect();
    recovered.report.segments = recovered.segments.len();
    Ok(recovered)
}

/// The first positions of the segments in `dir`, ascending. Unfinished recompressions are removed.
fn list_segments(dir: &Path) -> Result<Vec<u64>, JournalError> {
    let mut segments = Vec::new();
    for entry in fs::read_dir(dir).map_err(JournalError::io("list", dir))? {
        let name = entry.map_err(JournalError::io("list", dir))?.file_name();
        let Some(name) = name.to_str() else { continue };
        if name.strip_suffix(".tmp").and_then(parse_segment_name).is_some() {
            let path = dir.join(name);
            fs::remove_file(&path).map_err(JournalError::io("remove", &path))?;
        }
        segments.extend(parse_segment_name(name));
    }
    segments.sort_unstable();
    Ok(segments)
}

fn open_linked(dir: &Path, first_position: u64, previous: u64) -> Result<SegmentReader, JournalError> {
    let reader = SegmentReader::open(dir, first_position)?;
    if reader.header.previous_first_position != previous {
        return Err(missing_before(reader.path));
    }
    Ok(reader)
}

fn recover_last(dir: &Path, first_position: u64, previous: u64, recovered: &mut Recovered) -> Result<(), JournalError> {
    let path = segment_path(dir, first_position);
    let length = fs::metadata(&path).map_err(JournalError::io("read", &path))?.len();
    // The header is synced before the first frame is written: without a frame, a bad header was never finished.
    if length <= SEGMENT_HEADER_BYTES as u64 && header_is_torn(&path)? {
        check_end(dir, previous, first_position)?;
        cut(dir, &path, 0, length, &mut recovered.report)?;
        fs::remove_file(&path).map_err(JournalError::io("remove", &path))?;
        recovered.report.records = first_position - 1;
        return Ok(());
    }
    let mut reader = open_linked(dir, first_position, previous)?;
    if let Some(reason) = read_to_end(&mut reader)? {
        let later = find_later_group(&path, reader.header.salt, reader.offset, reader.next_position);
        if later.map_err(JournalError::io("read", &path))?.is_some() {
            return Err(reader.corrupt(reason));
        }
        cut(dir, &path, reader.offset, length, &mut recovered.report)?;
    }
    recovered.report.records = reader.next_position - 1;
    recovered.segments.push(first_position);
    // It is the last one only if a later one is gone. What is appended is compressed alone, and would end its stream.
    recovered.active = (!reader.header.is_stream).then_some((reader.header, reader.offset));
    Ok(())
}

fn header_is_torn(path: &Path) -> Result<bool, JournalError> {
    let bytes = fs::read(path).map_err(JournalError::io("read", path))?;
    Ok(match bytes.as_slice().try_into() {
        Ok(bytes) => matches!(SegmentHeader::decode(bytes, path), Err(JournalError::Corrupt { .. })),
        Err(_) => true,
    })
}

/// Stands in for the lost link of a torn header: the previous segment must be whole and end just before `position`.
fn check_end(dir: &Path, previous: u64, position: u64) -> Result<(), JournalError> {
    let mut next_position = 1;
    if previous != 0 {
        let mut reader = SegmentReader::open(dir, previous)?;
        if let Some(reason) = read_to_end(&mut reader)? {
            return Err(reader.corrupt(reason));
        }
        next_position = reader.next_position;
    }
    if next_position != position {
        return Err(missing_before(segment_path(dir, position)));
    }
    Ok(())
}

fn missing_before(path: PathBuf) -> JournalError {
    JournalError::Corrupt { path, offset: 0, reason: "the segment before this one is missing or another one" }
}

/// Checks frames until the end, or until a bad one, whose reason is returned.
fn read_to_end(reader: &mut SegmentReader) -> Result<Option<&'static str>, JournalError> {
    loop {
        match reader.next_header()? {
            Step::Frame(header) => {
                if let Err(reason) = reader.check_body(&header)? {
                    return Ok(Some(reason));
                }
            }
            Step::End => return Ok(None),
            Step::Bad(reason) => return Ok(Some(reason)),
        }
    }
}

/// Cuts `path` at `offset`, after the bytes from there on are safe in a side file.
fn cut(dir: &Path, path: &Path, offset: u64, length: u64, report: &mut Recovery) -> Result<(), JournalError> {
    if offset == length {
        return Ok(());
    }
    let side_path = free_side_path(path, offset);
    copy_tail(path, offset, &side_path).map_err(JournalError::io("write", &side_path))?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(JournalError::io("sync", dir))?;
    let file = OpenOptions::new().write(true).open(path).map_err(JournalError::io("open", path))?;
    file.set_len(offset).and_then(|()| file.sync_all()).map_err(JournalError::io("truncate", path))?;
    report.truncated_bytes = length - offset;
    report.quarantined = Some(side_path);
    Ok(())
}

fn copy_tail(path: &Path, offset: u64, side_path: &Path) -> io::Result<()> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut side = OpenOptions::new().write(true).create_new(true).open(side_path)?;
    io::copy(&mut file, &mut side)?;
    side.sync_all()
}

/// `<segment>.torn-<offset>`, numbered if an earlier recovery cut the same segment at the same place.
fn free_side_path(path: &Path, offset: u64) -> PathBuf {
    let side_path = |suffix: String| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let mut free = side_path(format!(".torn-{offset}"));
    let mut number = 2;
    while free.exists() {
        free = side_path(format!(".torn-{offset}-{number}"));
        number += 1;
    }
    free
}

#[cfg(test)]
mod tests;
