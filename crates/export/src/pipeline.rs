//! Steps side by side: reading, shaping, and checking with encoding are about as much work each.
//!
//! What is taken comes in the order in which it was made, so that the files are the same as if one thread did it all. The queues between
//! are short: memory does not grow where a step is slower than the one before.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use crate::{ExportError, collect::Collector, dataset::Dataset, example::Candidate};

/// Lists of candidates (those of one attempt or session) that wait at most.
const QUEUED: usize = 32;

type Candidates = (&'static Dataset, Vec<Candidate>);

/// Where one step puts what the next takes.
pub(crate) struct Queue<T> {
    waiting: Mutex<Waiting<T>>,
    changed: Condvar,
    /// What may wait, in whatever items are weighed in; one item always may.
    room: usize,
}

struct Waiting<T> {
    items: VecDeque<(T, usize)>,
    weight: usize,
    /// Nothing more is put, or nobody takes any more.
    is_closed: bool,
}

impl<T> Queue<T> {
    fn new(room: usize) -> Self {
        let waiting = Waiting { items: VecDeque::new(), weight: 0, is_closed: false };
        Self { waiting: Mutex::new(waiting), changed: Condvar::new(), room }
    }

    /// Waits until there is room.
    pub(crate) fn put(&self, item: T, weight: usize) -> Result<(), ExportError> {
        let is_full =
            |waiting: &mut Waiting<T>| !waiting.is_closed && waiting.weight > 0 && waiting.weight + weight > self.room;
        let waiting = self.changed.wait_while(self.waiting(), is_full);
        let mut waiting = waiting.unwrap_or_else(PoisonError::into_inner);
        if waiting.is_closed {
            // Nobody takes any more: the reason is the next step's, which is told in place of this one.
            return Err(ExportError::Cancelled);
        }
        waiting.weight += weight;
        waiting.items.push_back((item, weight));
        self.changed.notify_all();
        Ok(())
    }

    /// Waits until there is an item; none when nothing more will be put.
    fn take(&self) -> Option<T> {
        let is_empty = |waiting: &mut Waiting<T>| !waiting.is_closed && waiting.items.is_empty();
        let waiting = self.changed.wait_while(self.waiting(), is_empty);
        let mut waiting = waiting.unwrap_or_else(PoisonError::into_inner);
        let (item, weight) = waiting.items.pop_front()?;
        waiting.weight -= weight;
        self.changed.notify_all();
        Some(item)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting<T>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes the queue, whichever way its holder ends.
struct Closing<'a, T>(&'a Queue<T>);

impl<T> Drop for Closing<'_, T> {
    fn drop(&mut self) {
        self.0.waiting().is_closed = true;
        self.0.changed.notify_all();
    }
}

/// Runs `make`, and beside it `take` with all that it puts into the queue. Gives the state of `take` back.
pub(crate) fn pipe<S: Send, T: Send>(
    mut state: S,
    room: usize,
    take: impl Fn(&mut S, T) -> Result<(), ExportError> + Send,
    make: impl FnOnce(&Queue<T>) -> Result<(), ExportError>,
) -> Result<S, ExportError> {
    let queue = &Queue::new(room);
    std::thread::scope(|scope| {
        let taking = scope.spawn(move || {
            let _closing = Closing(queue);
            while let Some(item) = queue.take() {
                take(&mut state, item)?;
            }
            Ok(state)
        });
        let closing = Closing(queue);
        let made = make(queue);
        drop(closing);
        let taken: Result<S, ExportError> = taking.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // Where both failed, the later step failed first, and the one before for it.
        let state = taken?;
        made.map(|()| state)
    })
}

/// Where candidates go.
pub(crate) struct Taker<'a>(&'a Queue<Candidates>);

impl Taker<'_> {
    /// Hands over candidates of one dataset. Those of a dataset that is not written go nowhere.
    pub(crate) fn take(
        &self,
        dataset: &'static Dataset,
        candidates: impl IntoIterator<Item = Candidate>,
    ) -> Result<(), ExportError> {
        let candidates: Vec<Candidate> = candidates.into_iter().collect();
        if candidates.is_empty() { Ok(()) } else { self.0.put((dataset, candidates), 1) }
    }
}

/// Runs `make`, and gives the collector back when all that it made is taken.
pub(crate) fn run<'a>(
    collector: Collector<'a>,
    make: impl FnOnce(&Taker<'_>) -> Result<(), ExportError>,
) -> Result<Collector<'a>, ExportError> {
    let take = |collector: &mut Collector<'a>, (dataset, candidates): Candidates| collector.take(dataset, candidates);
    pipe(collector, QUEUED, take, |queue| make(&Taker(queue)))
}

#[cfg(test)]
mod tests;
