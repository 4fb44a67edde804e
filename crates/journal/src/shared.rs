//! What the handles, the writer, the recompressor and the readers share: the queue in front of the disk, and how far the
//! disk has come. Two locks, never held together, never held during I/O or a callback.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use crate::error::JournalError;
use crate::frame::FrameBody;

/// A group is closed once its records, compressed, reach this, so that one write and its buffer stay bounded.
pub(crate) const GROUP_BYTES: usize = 16 * 1024 * 1024;
/// What a queued record takes beside its compressed payload and project, roughly.
const RECORD_OVERHEAD_BYTES: usize = 128;

/// Is told how long a group took.
pub(crate) type CommitObserver = Box<dyn Fn(Duration) + Send + Sync>;

pub(crate) type OnDurable = Box<dyn FnOnce(Result<u64, JournalError>) + Send>;

/// The records that are written together, and who waits for them.
#[derive(Default)]
pub(crate) struct Group {
    pub(crate) records: Vec<FrameBody>,
    pub(crate) on_durable: Vec<OnDurable>,
    pub(crate) bytes: usize,
}

pub(crate) struct Shared {
    pub(crate) dir: PathBuf,
    queue: Mutex<Queue>,
    /// Records were queued, or the journal closes.
    queued: Condvar,
    /// The writer has nothing left to do, a segment was sealed, or the journal closes.
    idle: Condvar,
    durable: Mutex<Durable>,
    /// The head moved.
    advanced: Condvar,
    /// Of all files in `dir`.
    disk_bytes: AtomicU64,
    commit_observer: OnceLock<CommitObserver>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<(FrameBody, OnDurable)>,
    /// Of `waiting` and of the group that is being written.
    pending_bytes: usize,
    closing: bool,
    poisoned: Option<JournalError>,
    /// Sealed segments to recompress, by first position, each with the first position of the next segment.
    sealed: VecDeque<(u64, u64)>,
    recompression_error: Option<JournalError>,
    /// Recompression is to wait.
    is_held: bool,
}

impl Queue {
    fn check(&self, bytes: usize, limit_bytes: usize) -> Result<(), JournalError> {
        if let Some(error) = &self.poisoned {
            return Err(error.clone());
        }
        if self.closing {
            return Err(JournalError::Closed);
        }
        let pending_bytes = self.pending_bytes;
        if pending_bytes > 0 && pending_bytes.saturating_add(bytes) > limit_bytes {
            return Err(JournalError::Busy { pending_bytes, limit_bytes });
        }
        Ok(())
    }
}

struct Durable {
    head: u64,
    /// First positions of all segments, ascending.
    segments: Vec<u64>,
}

impl Shared {
    pub(crate) fn new(dir: PathBuf, head: u64, segments: Vec<u64>, to_recompress: Vec<(u64, u64)>) -> Shared {
        Shared {
            dir,
            queue: Mutex::new(Queue { sealed: to_recompress.into(), ..Queue::default() }),
            queued: Condvar::new(),
            idle: Condvar::new(),
            durable: Mutex::new(Durable { head, segments }),
            advanced: Condvar::new(),
            disk_bytes: AtomicU64::new(0),
            commit_observer: OnceLock::new(),
        }
    }

    pub(crate) fn disk_bytes(&self) -> u64 {
        self.disk_bytes.load(Ordering::Acquire)
    }

    pub(crate) fn add_disk_bytes(&self, bytes: u64) {
        self.disk_bytes.fetch_add(bytes, Ordering::AcqRel);
    }

    /// A file of `before` bytes has become one of `after`.
    pub(crate) fn replaced_on_disk(&self, before: u64, after: u64) {
        self.add_disk_bytes(after);
        self.disk_bytes.fetch_sub(before, Ordering::AcqRel);
    }

    pub(crate) fn observe_commits(&self, observer: CommitObserver) {
        // The first one stays.
        let _ = self.commit_observer.set(observer);
    }

    pub(crate) fn committed_in(&self, elapsed: Duration) {
        if let Some(observer) = self.commit_observer.get() {
            observer(elapsed);
        }
    }

    /// Whether anything can be queued now, before work is spent on it.
    pub(crate) fn check(&self, limit_bytes: usize) -> Result<(), JournalError> {
        lock(&self.queue).check(0, limit_bytes)
    }

    pub(crate) fn push(
        &self,
        record: FrameBody,
        on_durable: OnDurable,
        limit_bytes: usize,
    ) -> Result<(), JournalError> {
        let bytes = queued_bytes(&record);
        let mut queue = lock(&self.queue);
        queue.check(bytes, limit_bytes)?;
        queue.pending_bytes += bytes;
        queue.waiting.push_back((record, on_durable));
        drop(queue);
        self.queued.notify_one();
        Ok(())
    }

    /// Waits for records and takes what is there, up to a group. `None` once the journal closes and nothing is left.
    pub(crate) fn take_group(&self) -> Option<Group> {
        let mut queue = lock(&self.queue);
        while queue.waiting.is_empty() && !queue.closing {
            queue = self.queued.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        let mut group = Group::default();
        while group.bytes < GROUP_BYTES {
            let Some((record, on_durable)) = queue.waiting.pop_front() else { break };
            group.bytes += queued_bytes(&record);
            group.records.push(record);
            group.on_durable.push(on_durable);
        }
        (!group.records.is_empty()).then_some(group)
    }

    /// A taken group is no longer in memory.
    pub(crate) fn release(&self, bytes: usize) {
        let mut queue = lock(&self.queue);
        queue.pending_bytes -= bytes;
        if queue.pending_bytes == 0 {
            self.idle.notify_all();
        }
    }

    /// Refuses all further records. Answers who still waits, on the caller's thread.
    pub(crate) fn stop(&self) {
        let left: Vec<_> = {
            let mut queue = lock(&self.queue);
            queue.closing = true;
            queue.pending_bytes = 0;
            queue.waiting.drain(..).collect()
        };
        self.idle.notify_all();
        for (_, on_durable) in left {
            on_durable(Err(JournalError::Closed));
        }
    }

    /// Takes no further records; the writer ends after those that wait.
    pub(crate) fn close(&self) {
        lock(&self.queue).closing = true;
        self.queued.notify_all();
        self.idle.notify_all();
    }

    pub(crate) fn poison(&self, error: JournalError) {
        lock(&self.queue).poisoned.get_or_insert(error);
    }

    pub(crate) fn poisoned(&self) -> Option<JournalError> {
        lock(&self.queue).poisoned.clone()
    }

    pub(crate) fn pending_bytes(&self) -> usize {
        lock(&self.queue).pending_bytes
    }

    pub(crate) fn head(&self) -> u64 {
        lock(&self.durable).head
    }

    pub(crate) fn publish_head(&self, head: u64) {
        lock(&self.durable).head = head;
        self.advanced.notify_all();
    }

    pub(crate) fn wait_for(&self, position: u64, timeout: Duration) -> u64 {
        let durable = lock(&self.durable);
        let waited = self.advanced.wait_timeout_while(durable, timeout, |durable| durable.head < position);
        waited.unwrap_or_else(PoisonError::into_inner).0.head
    }

    /// The first position of the segment that holds `position`; `None` beyond the head.
    pub(crate) fn segment_holding(&self, position: u64) -> Option<u64> {
        let durable = lock(&self.durable);
        if position > durable.head {
            return None;
        }
        let after = durable.segments.partition_point(|first| *first <= position);
        after.checked_sub(1).map(|index| durable.segments[index])
    }

    /// A segment was begun; the one before it, if any, is sealed.
    pub(crate) fn publish_segment(&self, first_position: u64) {
        let sealed = {
            let mut durable = lock(&self.durable);
            let sealed = durable.segments.last().copied();
            durable.segments.push(first_position);
            sealed
        };
        if let Some(sealed) = sealed {
            lock(&self.queue).sealed.push_back((sealed, first_position));
            self.idle.notify_all();
        }
    }

    /// Waits for a sealed segment and for the writer to have nothing to do. `None` once the journal closes.
    pub(crate) fn take_sealed(&self) -> Option<(u64, u64)> {
        self.wait_until_idle(|queue| !queue.sealed.is_empty())?.sealed.pop_front()
    }

    /// Lets recompression wait, or go on.
    pub(crate) fn hold_recompression(&self, hold: bool) {
        lock(&self.queue).is_held = hold;
        self.idle.notify_all();
    }

    /// Waits until the writer has nothing to do and nobody holds recompression up; false once the journal closes.
    pub(crate) fn wait_idle(&self) -> bool {
        self.wait_until_idle(|_| true).is_some()
    }

    pub(crate) fn recompression_error(&self) -> Option<JournalError> {
        lock(&self.queue).recompression_error.clone()
    }

    pub(crate) fn set_recompression_error(&self, error: JournalError) {
        lock(&self.queue).recompression_error = Some(error);
    }

    fn wait_until_idle(&self, ready: impl Fn(&Queue) -> bool) -> Option<MutexGuard<'_, Queue>> {
        let queue = lock(&self.queue);
        let wait = |queue: &mut Queue| !queue.closing && (queue.pending_bytes > 0 || queue.is_held || !ready(queue));
        let queue = self.idle.wait_while(queue, wait).unwrap_or_else(PoisonError::into_inner);
        (!queue.closing).then_some(queue)
    }
}

fn queued_bytes(record: &FrameBody) -> usize {
    record.len() + RECORD_OVERHEAD_BYTES
}

/// No code panics while it holds one of the locks, so a poisoned one is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
