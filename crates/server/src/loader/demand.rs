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
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn whoever_asks_ends_the_wait() {
        let demand = Arc::new(Demand::default());
        let began = Instant::now();
        // Nobody wants more than what is there already.
        demand.ask(7);
        demand.wait_past(7, began + Duration::from_millis(20));
        assert!(began.elapsed() >= Duration::from_millis(20));
        // It was asked before the wait, and is asked during one.
        demand.wait_past(6, began + LONG);
        let asking = demand.clone();
        let asker = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            asking.ask(8);
        });
        demand.wait_past(7, began + LONG);
        asker.join().expect("it asks");
        assert!(began.elapsed() < LONG);
    }
}
