//! Replay: an iterator over durable records, from any position on, across segments.
//!
//! It never looks beyond the head, so it never sees a record whose write may still fail. A segment that is recompressed
//! meanwhile stays readable: the open file is the old one, and holds the same records.

use std::fmt;
use std::sync::Arc;

use crate::error::JournalError;
use crate::frame::Record;
use crate::segment::{SegmentReader, Step};
use crate::shared::Shared;

/// Reads records in order, each with its position. Made by [`Journal::read_from`](crate::Journal::read_from).
///
/// `next` returns `None` at the head, and can return more when called again later. After an error the same record is
/// tried again. A reader outlives the journal's handles, and then ends at the last head.
pub struct Reader {
    shared: Arc<Shared>,
    position: u64,
    segment: Option<SegmentReader>,
}

impl Reader {
    pub(crate) fn new(shared: Arc<Shared>, position: u64) -> Reader {
        Reader { shared, position, segment: None }
    }

    /// The position of the record read last, or that the reader was made with.
    pub fn position(&self) -> u64 {
        self.position
    }

    fn read(&mut self, position: u64, segment_first: u64) -> Result<Record, JournalError> {
        // Kept only after success: after an error its place in the file is unknown.
        let mut segment = match self.segment.take() {
            Some(segment) if segment.header.first_position == segment_first => segment,
            _ => SegmentReader::open(&self.shared.dir, segment_first)?,
        };
        loop {
            let header = match segment.next_header()? {
                Step::Frame(header) => header,
                Step::End => return Err(segment.corrupt("segment ends before its last record")),
                Step::Bad(reason) => return Err(segment.corrupt(reason)),
            };
            if header.position < position {
                segment.skip_record(&header)?;
                continue;
            }
            let record = segment.read_record(&header)?;
            self.segment = Some(segment);
            self.position = position;
            return Ok(record);
        }
    }
}

impl Iterator for Reader {
    type Item = Result<(u64, Record), JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        let position = self.position + 1;
        let segment_first = self.shared.segment_holding(position)?;
        Some(self.read(position, segment_first).map(|record| (position, record)))
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Reader").field("position", &self.position).finish_non_exhaustive()
    }
}
