//! Recompresses sealed segments in the background, while the writer has nothing to do: all payloads of one as one stream, and harder.
//!
//! The new file is complete and durable before it takes the old one's name, so at every instant one whole segment has
//! that name. Nothing here can fail an append: on an error the segment stays as it is until the next open.

use std::fs;
use std::io;
use std::path::Path;

use crate::disk::Disk;
use crate::error::JournalError;
use crate::segment::{SegmentHeader, SegmentReader, Step, segment_path};
use crate::shared::Shared;
use crate::stream::StreamEncoder;

const WRITE_BYTES: usize = 1024 * 1024;
/// It has all the time in the world, and others wait for the disk.
const NICENESS: i32 = 10;

/// Serves sealed segments until the journal is closed.
pub(crate) fn run(shared: &Shared, disk: &dyn Disk, level: i32) {
    // Linux knows niceness by thread; elsewhere it would be that of the whole process. Without it all works, only less smoothly.
    if cfg!(target_os = "linux") {
        let _ = rustix::process::nice(NICENESS);
    }
    while let Some((first_position, next_first_position)) = shared.take_sealed() {
        let segment = Sealed { dir: &shared.dir, first_position, next_first_position };
        let length = || fs::metadata(segment_path(&shared.dir, first_position)).map_or(0, |found| found.len());
        let before = length();
        match segment.recompress(disk, level, || shared.wait_idle()) {
            Ok(true) => shared.replaced_on_disk(before, length()),
            Ok(false) => {}
            Err(error) => shared.set_recompression_error(error),
        }
    }
}

/// A segment that is no longer appended to.
pub(crate) struct Sealed<'a> {
    pub(crate) dir: &'a Path,
    pub(crate) first_position: u64,
    pub(crate) next_first_position: u64,
}

impl Sealed<'_> {
    /// Replaces the segment by one with the same records, compressed at `level`. `keep_going` is asked before every
    /// frame, and may block; when it says false, the segment stays as it is and the result is false.
    pub(crate) fn recompress(
        &self,
        disk: &dyn Disk,
        level: i32,
        keep_going: impl FnMut() -> bool,
    ) -> Result<bool, JournalError> {
        let source = SegmentReader::open(self.dir, self.first_position)?;
        let path = source.path.clone();
        let tmp_path = path.with_extension("seg.tmp");
        let written = self.write(source, disk, &tmp_path, level, keep_going);
        if !matches!(written, Ok(true)) {
            // If it stays, the next open removes it.
            let _ = fs::remove_file(&tmp_path);
            return written;
        }
        disk.rename(&tmp_path, &path).map_err(JournalError::io("replace", &path))?;
        disk.sync_dir(self.dir).map_err(JournalError::io("sync", self.dir))?;
        Ok(true)
    }

    fn write(
        &self,
        mut source: SegmentReader,
        disk: &dyn Disk,
        tmp_path: &Path,
        level: i32,
        mut keep_going: impl FnMut() -> bool,
    ) -> Result<bool, JournalError> {
        let write_error = |error: io::Error| JournalError::io("write", tmp_path)(error);
        let salt = source.header.salt;
        let mut encoder = StreamEncoder::new(level).map_err(write_error)?;
        let mut file = disk.create(tmp_path).map_err(write_error)?;
        let mut buffer =
            SegmentHeader { sealed_level: level, is_stream: true, ..source.header.clone() }.encode().to_vec();
        loop {
            if !keep_going() {
                return Ok(false);
            }
            let header = match source.next_header()? {
                Step::Frame(header) => header,
                Step::End if source.next_position == self.next_first_position => break,
                Step::End => return Err(source.corrupt("segment ends before its last record")),
                Step::Bad(reason) => return Err(source.corrupt(reason)),
            };
            let record = source.read_record(&header)?;
            let body = encoder.encode(&record).map_err(write_error)?;
            body.write(header.position, header.group_first_position, salt, &mut buffer);
            if buffer.len() >= WRITE_BYTES {
                file.append(&buffer).map_err(write_error)?;
                buffer.clear();
                buffer.shrink_to(2 * WRITE_BYTES);
            }
        }
        file.append(&buffer).and_then(|()| file.sync()).map_err(write_error)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
