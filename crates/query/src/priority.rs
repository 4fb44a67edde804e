//! Who goes first on the processors: receiving does, queries come after it.

/// How much later queries are served than receiving, as `nice` counts: they take what is left, and all of it when nothing else wants it.
#[cfg(target_os = "linux")]
const QUERY_NICENESS: i32 = 10;

/// Lowers the claim of the calling thread, and of the threads that it starts from now on, for good.
///
/// Where the system refuses, or counts for whole processes, nothing happens.
pub fn give_way() {
    // On Linux this counts for a thread; elsewhere it would count for the server.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(QUERY_NICENESS);
}
