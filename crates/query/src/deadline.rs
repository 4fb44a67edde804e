//! A deadline for work that can be interrupted from outside: a timer thread that lives no longer than the work.
//!
//! The interrupt is repeated until the work returns, because DuckDB forgets one that comes between planning and running.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

const REPEAT: Duration = Duration::from_millis(20);

/// Runs `work`; after `deadline_ms` calls `interrupt` until `work` returns. `work` is given a flag that tells whether
/// its time is over. Returns what `work` returned, and the flag.
pub(crate) fn with_deadline<T>(
    deadline_ms: u64,
    interrupt: impl Fn() + Send,
    work: impl FnOnce(&AtomicBool) -> T,
) -> (T, bool) {
    let expired = AtomicBool::new(false);
    let (done, waiting) = channel::<()>();
    let result = std::thread::scope(|scope| {
        let expired = &expired;
        scope.spawn(move || {
            let mut wait = Duration::from_millis(deadline_ms);
            while waiting.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                expired.store(true, Ordering::Relaxed);
                interrupt();
                wait = REPEAT;
            }
        });
        // Moved in, so that it is dropped, and the timer ends, even when `work` panics.
        let _done = done;
        work(expired)
    });
    (result, expired.into_inner())
}
