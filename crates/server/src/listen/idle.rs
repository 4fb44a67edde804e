//! The idle connections of a listener, longest idle first, so that one can be asked to make room.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// Cheap to clone; clones share the queue.
#[derive(Clone, Default)]
pub(super) struct IdleConnections(Arc<Mutex<Queue>>);

#[derive(Default)]
struct Queue {
    next: u64,
    waiting: BTreeMap<u64, Arc<Notify>>,
}

impl IdleConnections {
    /// A connection has become idle; `evicted` is told when its place is needed. It leaves the queue when the place is dropped.
    pub(super) fn enter(&self, evicted: Arc<Notify>) -> Place {
        let mut queue = self.lock();
        let number = queue.next;
        queue.next += 1;
        queue.waiting.insert(number, evicted);
        Place { queue: self.clone(), number }
    }

    /// Asks the connection that has been idle longest to end; false when none is idle.
    pub(super) fn evict_longest(&self) -> bool {
        let longest = self.lock().waiting.pop_first();
        // `notify_one` keeps the word for a task that is not waiting just now.
        longest.map(|(_, evicted)| evicted.notify_one()).is_some()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the queue.
pub(super) struct Place {
    queue: IdleConnections,
    number: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.queue.lock().waiting.remove(&self.number);
    }
}
