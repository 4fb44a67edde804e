//! Queries by the id of their ticket, for those who want to cancel them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use gleaner_query::Control;
use tonic::Status;

/// Cancelled queries that are remembered in case their rows are still asked for.
const MAX_CANCELLED: usize = 1024;

/// Queries that run, and those that were cancelled before they did. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Running(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    running: HashMap<Bytes, Control>,
    cancelled: VecDeque<Bytes>,
}

impl Running {
    /// The handle of a query that begins now; it is known until [`Ends`] is dropped.
    pub(super) fn begin(&self, id: &Bytes) -> Result<(Control, Ends), Status> {
        let mut known = self.known();
        if known.cancelled.contains(id) {
            return Err(Status::cancelled("query cancelled"));
        }
        // Asked for twice: cancelling ends both.
        let control = known.running.entry(id.clone()).or_default().clone();
        drop(known);
        Ok((control, Ends { running: self.clone(), id: id.clone() }))
    }

    /// Ends a query, or keeps it from beginning.
    pub(super) fn cancel(&self, id: Bytes) {
        let mut known = self.known();
        if let Some(control) = known.running.get(&id) {
            control.cancel();
        }
        known.cancelled.push_back(id);
        if known.cancelled.len() > MAX_CANCELLED {
            known.cancelled.pop_front();
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets a query when it is dropped.
pub(super) struct Ends {
    running: Running,
    id: Bytes,
}

impl Drop for Ends {
    fn drop(&mut self) {
        self.running.known().running.remove(&self.id);
    }
}
