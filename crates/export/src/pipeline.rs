//! Making candidates and taking them, side by side: reading and shaping are about as much work as checking, hashing and encoding.
//!
//! What is taken comes in the order in which it was made, so that the files are the same as if one thread did both. The queue between
//! them is short: memory does not grow where one of them is slower.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::{ExportError, collect::Collector, dataset::Dataset, example::Candidate};

/// Handfuls of candidates (those of one attempt or session) that wait at most.
const QUEUED: usize = 32;

type Handful = (&'static Dataset, Vec<Candidate>);

/// Where candidates go.
pub(crate) struct Taker(SyncSender<Handful>);

impl Taker {
    /// Hands over candidates of one dataset. Those of a dataset that is not written go nowhere.
    pub(crate) fn take(
        &self,
        dataset: &'static Dataset,
        candidates: impl IntoIterator<Item = Candidate>,
    ) -> Result<(), ExportError> {
        let candidates: Vec<Candidate> = candidates.into_iter().collect();
        if candidates.is_empty() {
            return Ok(());
        }
        // Nobody takes any more: the reason is the collector's, which is told in place of this one.
        self.0.send((dataset, candidates)).map_err(|_| ExportError::Cancelled)
    }
}

/// Runs `make`, and gives the collector back when all that it made is taken.
pub(crate) fn run<'a>(
    collector: Collector<'a>,
    make: impl FnOnce(&Taker) -> Result<(), ExportError>,
) -> Result<Collector<'a>, ExportError> {
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(QUEUED);
        let taking = scope.spawn(move || take_all(collector, &receiver));
        let made = make(&Taker(sender));
        let taken = taking.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // Where both failed, the collector failed first, and `make` for it.
        let collector = taken?;
        made.map(|()| collector)
    })
}

fn take_all<'a>(mut collector: Collector<'a>, receiver: &Receiver<Handful>) -> Result<Collector<'a>, ExportError> {
    while let Ok((dataset, candidates)) = receiver.recv() {
        collector.take(dataset, candidates)?;
    }
    Ok(collector)
}
