//! The one thread that appends: takes a group from the queue, writes it, syncs once, answers everyone.
//!
//! A failed write is undone, and the next group may succeed. A failed sync, or a write that cannot be undone, poisons the
//! journal: what the kernel then holds need not be what the disk holds. The answers are given after the head has moved,
//! so that whoever is told a position can read it.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Instant;

use crate::config::Config;
use crate::disk::{AppendFile, Disk};
use crate::error::JournalError;
use crate::frame::FrameBody;
use crate::segment::{SEGMENT_HEADER_BYTES, SegmentHeader, segment_path};
use crate::shared::{GROUP_BYTES, Group, Shared};

pub(crate) struct Writer {
    shared: Arc<Shared>,
    disk: Arc<dyn Disk>,
    segment_bytes: u64,
    buffer: Vec<u8>,
    active: Active,
    head: u64,
}

/// The segment that is appended to; `length` is durable.
struct Active {
    header: SegmentHeader,
    file: Box<dyn AppendFile>,
    length: u64,
}

impl Writer {
    /// Continues the recovered segment, or begins one, and makes sure that all that was recovered is durable.
    pub(crate) fn open(
        shared: Arc<Shared>,
        disk: Arc<dyn Disk>,
        config: &Config,
        recovered: Option<(SegmentHeader, u64)>,
        previous_first_position: u64,
    ) -> Result<Writer, JournalError> {
        let head = shared.head();
        let active = match recovered {
            Some((header, length)) => {
                let path = segment_path(&shared.dir, header.first_position);
                let mut file = disk.open(&path).map_err(JournalError::io("open", &path))?;
                // A process that was killed may have written, but not synced, what recovery has just read.
                file.sync().map_err(JournalError::io("sync", &path))?;
                disk.sync_dir(&shared.dir).map_err(JournalError::io("sync", &shared.dir))?;
                Active { header, file, length }
            }
            None => {
                let active = create_segment(&shared, &*disk, SegmentHeader::new(head + 1, previous_first_position))?;
                shared.publish_segment(head + 1);
                active
            }
        };
        Ok(Writer { shared, disk, segment_bytes: config.segment_bytes, buffer: Vec::new(), active, head })
    }

    /// Serves the queue until the journal is closed and the queue is empty.
    pub(crate) fn run(mut self) {
        let _stop = StopOnDrop(self.shared.clone());
        while let Some(group) = self.shared.take_group() {
            self.write(group);
        }
    }

    fn write(&mut self, group: Group) {
        let first_position = self.head + 1;
        let started = Instant::now();
        let committed = self.commit(&group.records);
        drop(group.records);
        if committed.is_ok() {
            self.shared.committed_in(started.elapsed());
            self.head += group.on_durable.len() as u64;
            self.shared.publish_head(self.head);
        }
        self.shared.release(group.bytes);
        for (position, on_durable) in (first_position..).zip(group.on_durable) {
            let answer = committed.clone().map(|()| position);
            // A caller's panic must not take the journal from all others; the panic hook has reported it.
            let _ = panic::catch_unwind(AssertUnwindSafe(|| on_durable(answer)));
        }
    }

    /// Makes the records durable, all or none.
    fn commit(&mut self, records: &[FrameBody]) -> Result<(), JournalError> {
        if let Some(error) = self.shared.poisoned() {
            return Err(error);
        }
        // An empty segment is never sealed: the next one would have its name.
        if self.active.length >= self.segment_bytes && self.active.header.first_position <= self.head {
            self.rotate()?;
        }
        let path = segment_path(&self.shared.dir, self.active.header.first_position);
        self.fill_buffer(records);
        if let Err(error) = self.active.file.append(&self.buffer) {
            return Err(match self.active.file.truncate(self.active.length).and_then(|()| self.active.file.sync()) {
                Ok(()) => JournalError::write_failed(&path, error),
                Err(error) => self.poison(JournalError::poisoned(&path, error)),
            });
        }
        if let Err(error) = self.active.file.sync() {
            // Takes the group's pages out of the kernel's cache too: the next open must not find records that are
            // perhaps only there. If this fails as well, recovery still finds whole frames or a torn tail.
            let _ = self.active.file.truncate(self.active.length);
            return Err(self.poison(JournalError::poisoned(&path, error)));
        }
        self.active.length += self.buffer.len() as u64;
        self.shared.add_disk_bytes(self.buffer.len() as u64);
        Ok(())
    }

    fn fill_buffer(&mut self, records: &[FrameBody]) {
        self.buffer.clear();
        self.buffer.shrink_to(GROUP_BYTES);
        let first_position = self.head + 1;
        for (position, record) in (first_position..).zip(records) {
            record.write(position, first_position, self.active.header.salt, &mut self.buffer);
        }
    }

    fn rotate(&mut self) -> Result<(), JournalError> {
        let header = SegmentHeader::new(self.head + 1, self.active.header.first_position);
        self.active = create_segment(&self.shared, &*self.disk, header).map_err(|error| match error {
            JournalError::Poisoned { .. } => self.poison(error),
            other => other,
        })?;
        self.shared.publish_segment(self.head + 1);
        Ok(())
    }

    fn poison(&self, error: JournalError) -> JournalError {
        self.shared.poison(error.clone());
        error
    }
}

/// A segment with a durable header and name, and no frames. What a failed attempt leaves is overwritten by the next, or
/// removed by recovery.
fn create_segment(shared: &Shared, disk: &dyn Disk, header: SegmentHeader) -> Result<Active, JournalError> {
    let path = segment_path(&shared.dir, header.first_position);
    let created = disk.create(&path).and_then(|mut file| {
        file.append(&header.encode())?;
        Ok(file)
    });
    let mut file = created.map_err(|error| JournalError::write_failed(&path, error))?;
    file.sync().map_err(|error| JournalError::poisoned(&path, error))?;
    disk.sync_dir(&shared.dir).map_err(|error| JournalError::poisoned(&shared.dir, error))?;
    shared.add_disk_bytes(SEGMENT_HEADER_BYTES as u64);
    Ok(Active { header, file, length: SEGMENT_HEADER_BYTES as u64 })
}

/// Leaves nobody waiting for an answer, however the thread ends.
struct StopOnDrop(Arc<Shared>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}
