//! Who waits for rows. A commit costs the same however little is in it, so the loader lets requests gather between two of them; not while
//! somebody waits to read what was acknowledged.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

/// The furthest journal position that somebody waits for.
#[derive(Debug, Default)]
pub(crate) struct Demand {
    wanted: Mutex<u64>,
    asked: Condvar,
}

impl Demand {
    /// From now on rows up to `position` are loaded without delay.
    pub(crate) fn ask(&self, position: u64) {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        *wanted = (*wanted).max(position);
        self.asked.notify_all();
    }

    /// Waits until somebody wants more than what lies before `position`, or until it is time.
    pub(super) fn wait_past(&self, position: u64, until: Instant) {
        let wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        let left = until.saturating_duration_since(Instant::now());
        let waited = self.asked.wait_timeout_while(wanted, left, |wanted| *wanted <= position);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

#[cfg(test)]
mod tests;
