use rustix::process::getpriority_process;
use rustix::thread::sched_getaffinity;

use super::*;

/// Guarantees: whoever leaves one processor, where there are two, keeps the others; threads started from there do as well; threads that
/// are told to do, and nobody else.
#[test]
fn one_processor_is_left() {
    let all = sched_getaffinity(None).unwrap().count();
    let given = std::thread::spawn(|| {
        give_way();
        leave_one_processor();
        let here = sched_getaffinity(None).unwrap().count();
        assert_eq!(std::thread::spawn(|| sched_getaffinity(None).unwrap().count()).join().unwrap(), here);
        leave_one_processor();
        assert!(sched_getaffinity(None).unwrap().count() >= 1);
        here
    });
    assert_eq!(given.join().unwrap(), if all > 1 { all - 1 } else { 1 });
    assert_eq!(sched_getaffinity(None).unwrap().count(), all);
    let (told, wait) = std::sync::mpsc::channel::<()>();
    let (tell, thread) = std::sync::mpsc::channel();
    let other = std::thread::spawn(move || {
        tell.send(Thread::this()).unwrap();
        wait.recv().unwrap();
        sched_getaffinity(None).unwrap().count()
    });
    thread.recv().unwrap().leave_one_processor();
    told.send(()).unwrap();
    assert_eq!(other.join().unwrap(), if all > 1 { all - 1 } else { 1 });
    assert_eq!(sched_getaffinity(None).unwrap().count(), all);
}

/// Guarantees: a query's thread stands where it is said to, whichever thread started it, and never nearer than before.
#[test]
fn a_query_stands_behind_whoever_sends_answers() {
    let priority = || getpriority_process(None).unwrap();
    let started = std::thread::spawn(move || {
        give_way_a_little();
        let answering = priority();
        let query = std::thread::spawn(move || {
            give_way();
            let query = priority();
            give_way_a_little();
            (query, priority())
        });
        (answering, query.join().unwrap())
    });
    let before = priority();
    let (answering, query) = started.join().unwrap();
    assert_eq!(answering, before.max(ANSWER_NICENESS));
    assert_eq!(query, (before.max(QUERY_NICENESS), before.max(QUERY_NICENESS)));
}
