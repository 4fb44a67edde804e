//! Who goes first on the processors: receiving does, queries come after it.
//!
//! A lower claim alone is not enough: a thread that computes keeps its processor for some milliseconds all the same, and an acknowledgement
//! passes four threads (measured on two processors: its p99 was three times its value beside two endless queries). So DuckDB's own threads,
//! queries that take long, and those that run apart leave one processor to receiving, where there are two or more. Short queries use all,
//! and so do long ones while nothing is received.
//!
//! A query's own thread waits for DuckDB's threads by asking again and again (34 % of all time of a wide answer, measured), so that sharing a
//! processor with them costs it more than its share.
//!
//! Where the system refuses, or counts for whole processes, nothing happens.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What is received within so long counts as going on.
const RECEIVING: Duration = Duration::from_secs(1);

/// When something was received last, in milliseconds after [`START`], and one more; 0: never.
static LAST_RECEIVED: AtomicU64 = AtomicU64::new(0);
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Tells that something is received now.
pub fn note_receiving() {
    LAST_RECEIVED.store(now_ms() + 1, Ordering::Relaxed);
}

/// Whether something was received of late.
pub(crate) fn is_receiving() -> bool {
    let last = LAST_RECEIVED.load(Ordering::Relaxed);
    last > 0 && u128::from(now_ms().saturating_sub(last - 1)) < RECEIVING.as_millis()
}

fn now_ms() -> u64 {
    u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX - 1)
}

/// Where queries stand behind receiving, as `nice` counts (0): they take what is left, and all of it when nothing else wants it.
#[cfg(target_os = "linux")]
const QUERY_NICENESS: i32 = 10;
/// The same for those who send answers: between queries and receiving.
#[cfg(target_os = "linux")]
const ANSWER_NICENESS: i32 = 5;

/// Lowers the claim of the calling thread, and of the threads that it starts from now on, for good.
pub fn give_way() {
    #[cfg(target_os = "linux")]
    stand_at(QUERY_NICENESS);
}

/// Whatever the thread has from the one that started it, which may be one that gives way a little: with that added, an answer that takes 0.6 s of a
/// processor had waited 31 s for one beside compilers on both when its deadline came, and as it is came after 9 (measured, once each).
#[cfg(target_os = "linux")]
fn stand_at(niceness: i32) {
    use rustix::process::{getpriority_process, setpriority_process};
    // On Linux this counts for a thread; elsewhere it would count for the server.
    if getpriority_process(None).is_ok_and(|now| now < niceness) {
        let _ = setpriority_process(None, niceness);
    }
}

/// Has the calling thread, and the threads that it starts from now on, leave one processor of those that they may use, for good.
pub fn leave_one_processor() {
    #[cfg(target_os = "linux")]
    leave_one(None);
}

/// A thread that may be told to leave one processor from another one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Thread(#[cfg(target_os = "linux")] rustix::process::Pid);

impl Thread {
    /// The calling one.
    pub(crate) fn this() -> Self {
        Self(
            #[cfg(target_os = "linux")]
            rustix::thread::gettid(),
        )
    }

    /// As [`leave_one_processor`]. The thread must still be there.
    pub(crate) fn leave_one_processor(self) {
        #[cfg(target_os = "linux")]
        leave_one(Some(self.0));
    }
}

/// As [`give_way`], for a thread that sends answers, or takes feedback between them.
pub fn give_way_a_little() {
    #[cfg(target_os = "linux")]
    stand_at(ANSWER_NICENESS);
}

/// It keeps one in any case.
#[cfg(target_os = "linux")]
fn leave_one(thread: Option<rustix::process::Pid>) {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    let Ok(mut processors) = sched_getaffinity(None) else { return };
    let last = (0..CpuSet::MAX_CPU).rev().find(|processor| processors.is_set(*processor));
    if let Some(last) = last.filter(|_| processors.count() > 1) {
        processors.unset(last);
        let _ = sched_setaffinity(thread, &processors);
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
