//! A deadline for work that can be interrupted from outside: a timer thread that lives no longer than the work.
//!
//! The interrupt is repeated until the work returns, because DuckDB forgets one that comes between planning and running.
//! Time in which the work waits for its reader does not count, where the work says so ([`Control::during`]).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::priority::{Thread, is_receiving};

const REPEAT: Duration = Duration::from_millis(20);
/// A query that has run for so long leaves one processor to receiving while there is any, if it is one that gives way.
const LONG: Duration = Duration::from_millis(500);

/// The handle of a query that runs: what waits for its reader says so here, and whoever wants it to end. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Control(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    is_cancelled: AtomicBool,
    gives_way: AtomicBool,
    waited: Mutex<Waited>,
}

/// Time that a query spent waiting for whoever reads its rows.
#[derive(Debug, Default)]
struct Waited {
    over: Duration,
    since: Option<Instant>,
}

impl Control {
    /// Ends the query, now or as soon as it begins.
    pub fn cancel(&self) {
        self.0.is_cancelled.store(true, Ordering::Release);
    }

    /// Whether [`Control::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled.load(Ordering::Acquire)
    }

    /// Whether both are of one query.
    pub fn is(&self, other: &Control) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Has the query leave one processor to others once it has run for long: its thread does so for good, and should end with the query.
    pub fn give_way(&self) {
        self.0.gives_way.store(true, Ordering::Release);
    }

    /// Runs `wait`, and takes its time out of the query's.
    pub fn during<T>(&self, wait: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        self.waited().since = Some(started);
        let result = wait();
        let mut waited = self.waited();
        waited.since = None;
        waited.over += started.elapsed();
        result
    }

    fn waited_for(&self) -> Duration {
        let waited = self.waited();
        waited.over + waited.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    fn waited(&self) -> MutexGuard<'_, Waited> {
        self.0.waited.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs `work`; after `deadline_ms` of its own time, or when it is cancelled, calls `interrupt` until `work` returns. `work` is given a flag that tells
/// whether its time is over. Returns what `work` returned, and the flag.
pub(crate) fn with_deadline<T>(
    deadline_ms: u64,
    control: &Control,
    interrupt: impl Fn() + Send,
    work: impl FnOnce(&AtomicBool) -> T,
) -> (T, bool) {
    let expired = AtomicBool::new(false);
    let (done, waiting) = channel::<()>();
    let (started, allowed) = (Instant::now(), Duration::from_millis(deadline_ms));
    let mut giving_way = control.0.gives_way.load(Ordering::Acquire).then(Thread::this);
    let result = std::thread::scope(|scope| {
        let expired = &expired;
        scope.spawn(move || {
            while waiting.recv_timeout(REPEAT) == Err(RecvTimeoutError::Timeout) {
                if started.elapsed() > LONG
                    && is_receiving()
                    && let Some(thread) = giving_way.take()
                {
                    // It waits for this one before it ends.
                    thread.leave_one_processor();
                }
                let left = allowed.saturating_sub(started.elapsed().saturating_sub(control.waited_for()));
                if left.is_zero() || control.is_cancelled() || expired.load(Ordering::Relaxed) {
                    expired.store(true, Ordering::Relaxed);
                    interrupt();
                }
            }
        });
        // Moved in, so that it is dropped, and the timer ends, even when `work` panics.
        let _done = done;
        work(expired)
    });
    (result, expired.into_inner())
}
