use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use super::*;
use crate::Config;
use crate::testing::{
    Faults, append_later, assert_records, eventually, noise, open, open_faulty, plain, record, segments, write_records,
};

#[test]
fn records_are_read_back_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, recovery) = open(&dir.path().join("made/if/missing"));
    assert_eq!(recovery, Recovery { segments: 1, ..Recovery::default() });
    assert_eq!(journal.head(), 0);
    assert!(journal.read_from(0).unwrap().next().is_none());
    let extremes = [
        Record { kind: 255, encoding: 255, recorded_at_unix_nano: u64::MAX, project: String::new(), payload: vec![] },
        Record {
            kind: 0,
            encoding: 0,
            recorded_at_unix_nano: 0,
            project: "ü".repeat(PROJECT_BYTES_MAX / 2),
            payload: vec![7; 3_000_000],
        },
    ];
    for (position, record) in (1..).zip(&extremes) {
        assert_eq!(journal.append_blocking(record.clone()).unwrap(), position);
        assert_eq!(journal.head(), position);
    }
    let read: Vec<_> = journal.read_from(0).unwrap().map(|read| read.unwrap().1).collect();
    assert_eq!(read, extremes);
}

#[test]
fn positions_go_on_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    for records in [3, 3, 8] {
        write_records(dir.path(), plain(), records);
    }
    let (journal, recovery) = open(dir.path());
    assert_eq!((recovery.records, recovery.segments, recovery.truncated_bytes), (8, 1, 0));
    assert_records(&journal, 8);
}

#[test]
fn what_waits_together_is_synced_together() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, faults) = open_faulty(dir.path(), plain());
    let before = faults.syncs();
    faults.shut_gate(true);
    let (sender, answers) = mpsc::channel();
    for number in 1..=100 {
        let sender = sender.clone();
        journal.append(record(number), move |answer| sender.send((number, answer.unwrap())).unwrap()).unwrap();
        if number == 1 {
            faults.wait_for_sync_after(before);
        }
    }
    assert_eq!(journal.head(), 0, "nothing is durable before the sync");
    assert!(answers.try_recv().is_err());
    faults.shut_gate(false);
    for number in 1..=100 {
        assert_eq!(answers.recv().unwrap(), (number, number));
    }
    assert_eq!(faults.syncs() - before, 2, "one for the first, one for all that waited meanwhile");
    assert_records(&journal, 100);
}

#[test]
fn many_threads_share_syncs_and_get_distinct_positions() {
    const THREADS: u64 = 16;
    const EACH: u64 = 25;
    let dir = tempfile::tempdir().unwrap();
    let (journal, faults) = open_faulty(dir.path(), plain());
    let before = faults.syncs();
    faults.shut_gate(true);
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let journal = journal.clone();
            thread::spawn(move || {
                let append = |number| {
                    let record = Record { recorded_at_unix_nano: thread * EACH + number, ..record(number) };
                    (journal.append_blocking(record.clone()).unwrap(), record)
                };
                (0..EACH).map(append).collect::<Vec<_>>()
            })
        })
        .collect();
    faults.wait_for_sync_after(before);
    faults.shut_gate(false);
    let mut appended: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    appended.sort_by_key(|(position, _)| *position);
    let read: Vec<_> = journal.read_from(0).unwrap().map(Result::unwrap).collect();
    assert_eq!(read, appended);
    assert_eq!(journal.head(), THREADS * EACH);
    assert!(faults.syncs() - before < (THREADS * EACH) as usize);
}

#[test]
fn segments_rotate_and_are_read_as_one() {
    let dir = tempfile::tempdir().unwrap();
    let small = Config { segment_bytes: 400, ..plain() };
    write_records(dir.path(), small.clone(), 50);
    assert!(segments(dir.path()).len() > 5);
    let (journal, recovery) = Journal::open(dir.path(), small).unwrap();
    assert_eq!((recovery.records, recovery.segments), (50, segments(dir.path()).len()));
    assert_records(&journal, 50);
    for from in 0..=50 {
        let read: Vec<_> = journal.read_from(from).unwrap().map(|read| read.unwrap().0).collect();
        assert_eq!(read, (from + 1..=50).collect::<Vec<_>>());
    }
}

#[test]
fn a_reader_goes_on_with_new_records_and_over_new_segments() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), Config { segment_bytes: 200, ..plain() }).unwrap();
    let mut reader = journal.read_from(0).unwrap();
    for number in 1..=20 {
        assert!(reader.next().is_none());
        journal.append_blocking(record(number)).unwrap();
        assert_eq!(reader.next().unwrap().unwrap(), (number, record(number)));
        assert_eq!(reader.position(), number);
    }
    assert!(segments(dir.path()).len() > 3);
    journal.append_blocking(record(21)).unwrap();
    journal.close();
    assert_eq!(reader.next().unwrap().unwrap().0, 21);
    assert!(reader.next().is_none());
}

#[test]
fn a_reader_names_damage_in_a_sealed_segment_and_tries_again() {
    let dir = tempfile::tempdir().unwrap();
    write_records(dir.path(), Config { segment_bytes: 1, ..plain() }, 3);
    let path = &segments(dir.path())[1];
    let whole = fs::read(path).unwrap();
    let mut damaged = whole.clone();
    damaged[whole.len() - 1] ^= 1;
    fs::write(path, damaged).unwrap();
    let (journal, _) = open(dir.path());
    let mut reader = journal.read_from(0).unwrap();
    assert_eq!(reader.next().unwrap().unwrap().0, 1);
    for _ in 0..2 {
        let error = reader.next().unwrap().unwrap_err();
        assert!(matches!(&error, JournalError::Corrupt { path: named, offset: 40, .. } if named == path), "{error}");
    }
    fs::write(path, whole).unwrap();
    assert_eq!(reader.next().unwrap().unwrap(), (2, record(2)));
    assert_eq!(reader.next().unwrap().unwrap(), (3, record(3)));
}

#[test]
fn a_failed_write_is_undone_and_later_appends_succeed() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, faults) = open_faulty(dir.path(), plain());
    journal.append_blocking(record(1)).unwrap();
    let length = fs::metadata(&segments(dir.path())[0]).unwrap().len();
    let mut reader = journal.read_from(1).unwrap();

    Faults::set(&faults.fail_append, true);
    for _ in 0..2 {
        let error = journal.append_blocking(record(2)).unwrap_err();
        assert!(matches!(error, JournalError::WriteFailed { .. }), "{error}");
        assert_eq!(fs::metadata(&segments(dir.path())[0]).unwrap().len(), length);
        assert_eq!(journal.head(), 1);
        assert!(reader.next().is_none());
    }
    Faults::set(&faults.fail_append, false);

    assert_eq!(journal.append_blocking(record(2)).unwrap(), 2);
    assert_eq!(reader.next().unwrap().unwrap(), (2, record(2)));
    assert!(journal.poisoned().is_none());
    journal.close();
    assert_records(&open(dir.path()).0, 2);
}

#[test]
fn a_failed_write_answers_the_whole_group() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, faults) = open_faulty(dir.path(), plain());
    let before = faults.syncs();
    faults.shut_gate(true);
    let first = append_later(&journal, record(1));
    faults.wait_for_sync_after(before);
    let others = [2, 3, 4].map(|number| append_later(&journal, record(number)));
    Faults::set(&faults.fail_append, true);
    faults.shut_gate(false);
    for other in &others {
        eventually("an answer", || other.lock().unwrap().is_some());
        assert!(matches!(*other.lock().unwrap(), Some(Err(JournalError::WriteFailed { .. }))));
    }
    assert!(matches!(*first.lock().unwrap(), Some(Ok(1))));
    assert_eq!(journal.pending_bytes(), 0);
}

#[test]
fn a_failed_rotation_is_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, faults) = open_faulty(dir.path(), Config { segment_bytes: 1, ..plain() });
    journal.append_blocking(record(1)).unwrap();
    for flag in [&faults.fail_create, &faults.fail_append] {
        Faults::set(flag, true);
        let error = journal.append_blocking(record(2)).unwrap_err();
        assert!(matches!(error, JournalError::WriteFailed { .. }), "{error}");
        Faults::set(flag, false);
    }
    journal.append_blocking(record(2)).unwrap();
    journal.append_blocking(record(3)).unwrap();
    assert_records(&journal, 3);
    journal.close();
    assert_records(&open(dir.path()).0, 3);
}

#[test]
fn a_failed_sync_poisons_for_good() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, faults) = open_faulty(dir.path(), plain());
    journal.append_blocking(record(1)).unwrap();
    let before = faults.syncs();
    faults.shut_gate(true);
    let waiting = [2, 3, 4].map(|number| {
        let slot = append_later(&journal, record(number));
        faults.wait_for_sync_after(before);
        slot
    });
    Faults::set(&faults.fail_sync, true);
    faults.shut_gate(false);
    for slot in &waiting {
        eventually("an answer", || slot.lock().unwrap().is_some());
        assert!(matches!(*slot.lock().unwrap(), Some(Err(JournalError::Poisoned { .. }))));
    }
    Faults::set(&faults.fail_sync, false);
    let after = faults.syncs();
    let refused = journal.append(record(2), |_| panic!("must not be called"));
    assert!(matches!(refused, Err(JournalError::Poisoned { .. })));
    assert!(matches!(journal.poisoned(), Some(JournalError::Poisoned { .. })));
    assert_records(&journal, 1);
    journal.close();
    assert_eq!(faults.syncs(), after, "nothing is synced a second time");

    let (journal, recovery) = open(dir.path());
    assert_eq!((recovery.records, recovery.truncated_bytes), (1, 0));
    assert_eq!(journal.append_blocking(record(2)).unwrap(), 2);
}

#[test]
fn a_new_segment_and_its_name_are_durable_before_an_answer() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, faults) = open_faulty(dir.path(), Config { segment_bytes: 1, ..plain() });
    assert_eq!((faults.syncs(), faults.dir_syncs()), (1, 1), "the first segment");
    journal.append_blocking(record(1)).unwrap();
    assert_eq!((faults.syncs(), faults.dir_syncs()), (2, 1));
    journal.append_blocking(record(2)).unwrap();
    assert_eq!((faults.syncs(), faults.dir_syncs()), (4, 2), "header, name, group");
}

#[test]
fn what_a_killed_process_left_unsynced_is_synced_on_open() {
    let dir = tempfile::tempdir().unwrap();
    write_records(dir.path(), plain(), 2);
    let (_journal, faults) = open_faulty(dir.path(), plain());
    assert_eq!((faults.syncs(), faults.dir_syncs()), (1, 1));
}

#[test]
fn a_failed_sync_of_a_new_segment_poisons() {
    let flags: [fn(&Faults) -> &std::sync::atomic::AtomicBool; 2] =
        [|faults| &faults.fail_sync, |faults| &faults.fail_sync_dir];
    for flag in flags {
        let dir = tempfile::tempdir().unwrap();
        let (journal, faults) = open_faulty(dir.path(), Config { segment_bytes: 1, ..plain() });
        journal.append_blocking(record(1)).unwrap();
        Faults::set(flag(&faults), true);
        assert!(matches!(journal.append_blocking(record(2)), Err(JournalError::Poisoned { .. })));
        Faults::set(flag(&faults), false);
        assert!(matches!(journal.append_blocking(record(2)), Err(JournalError::Poisoned { .. })));
        assert_records(&journal, 1);
        journal.close();
        let (journal, _) = open(dir.path());
        assert_eq!(journal.append_blocking(record(2)).unwrap(), 2);
        assert_records(&journal, 2);
    }
}

#[test]
fn a_write_that_cannot_be_undone_poisons_and_is_cut_on_open() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, faults) = open_faulty(dir.path(), plain());
    journal.append_blocking(record(1)).unwrap();
    Faults::set(&faults.fail_append, true);
    Faults::set(&faults.fail_truncate, true);
    assert!(matches!(journal.append_blocking(record(2)), Err(JournalError::Poisoned { .. })));
    assert_records(&journal, 1);
    journal.close();
    let (journal, recovery) = open(dir.path());
    assert!(recovery.truncated_bytes > 0);
    assert_records(&journal, 1);
}

#[test]
fn more_than_max_pending_bytes_is_refused_until_the_disk_has_caught_up() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { max_pending_bytes: 10_000, ..plain() };
    let (journal, faults) = open_faulty(dir.path(), config);
    let big = Record { payload: noise(20_000, 1), ..record(1) };
    let small = Record { payload: noise(4_000, 1), ..record(1) };
    journal.append_blocking(big).expect("a record above the bound passes when nothing waits");
    let before = faults.syncs();
    faults.shut_gate(true);
    journal.append(small.clone(), |_| {}).unwrap();
    faults.wait_for_sync_after(before);
    journal.append(small.clone(), |_| {}).unwrap();
    let pending_bytes = journal.pending_bytes();
    assert!((8_000..10_000).contains(&pending_bytes), "{pending_bytes}");
    let error = journal.append(small.clone(), |_| panic!("must not be called")).unwrap_err();
    let JournalError::Busy { pending_bytes: told, limit_bytes: 10_000 } = error else { panic!("{error}") };
    assert_eq!(told, pending_bytes);
    faults.shut_gate(false);
    assert_eq!(journal.wait_for(3, Duration::from_secs(20)), 3);
    eventually("release", || journal.pending_bytes() == 0);
    assert_eq!(journal.append_blocking(small).unwrap(), 4);
}

#[test]
fn oversize_is_refused_with_its_limit() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), Config { max_payload_bytes: 100, ..plain() }).unwrap();
    let sized = |bytes| Record { payload: vec![0; bytes], ..record(1) };
    assert_eq!(journal.append_blocking(sized(100)).unwrap(), 1);
    let error = journal.append_blocking(sized(101)).unwrap_err();
    assert_eq!(error.to_string(), "payload is 101 bytes, the limit max_payload_bytes is 100");
    let long = Record { project: "x".repeat(65_536), ..record(1) };
    assert_eq!(journal.append_blocking(long).unwrap_err().to_string(), "project is 65536 bytes, the limit is 65535");
    journal.close();
    let (journal, _) = Journal::open(dir.path(), Config { max_payload_bytes: 10, ..plain() }).unwrap();
    let read = journal.read_from(0).unwrap().next().unwrap().unwrap();
    assert_eq!(read, (1, sized(100)), "a lower limit does not make older records unreadable");
}

#[test]
fn values_outside_their_limits_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let error = |config| Journal::open(dir.path(), config).unwrap_err().to_string();
    let level = error(Config { compression_level: 23, ..plain() });
    assert_eq!(level, "compression_level is 23, must be from -131072 to 22");
    let payload = error(Config { max_payload_bytes: (1 << 30) + 1, ..plain() });
    assert_eq!(payload, "max_payload_bytes is 1073741825, must be from 0 to 1073741824");
}

#[test]
fn a_second_open_is_refused_until_the_first_has_ended() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(dir.path());
    let error = Journal::open(dir.path(), plain()).unwrap_err();
    assert!(matches!(&error, JournalError::Locked { path } if path == &dir.path().join("LOCK")), "{error}");
    let other_handle = journal.clone();
    journal.close();
    let (reopened, _) = open(dir.path());
    assert!(matches!(other_handle.append_blocking(record(1)), Err(JournalError::Closed)));
    drop(other_handle);
    assert_eq!(reopened.append_blocking(record(1)).unwrap(), 1);
}

#[test]
fn dropping_the_last_handle_makes_everything_durable() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, faults) = open_faulty(dir.path(), plain());
    let before = faults.syncs();
    faults.shut_gate(true);
    let slots: Vec<_> = (1..=10).map(|number| append_later(&journal, record(number))).collect();
    faults.wait_for_sync_after(before);
    let opener = thread::spawn(move || {
        thread::sleep(Duration::from_millis(10));
        faults.shut_gate(false);
    });
    drop(journal);
    for (position, slot) in (1..).zip(slots) {
        assert!(matches!(*slot.lock().unwrap(), Some(Ok(told)) if told == position));
    }
    opener.join().unwrap();
    assert_records(&open(dir.path()).0, 10);
}

#[test]
fn the_last_handle_may_be_dropped_by_a_callback() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(dir.path());
    let (sender, receiver) = mpsc::channel();
    let (go, wait) = mpsc::channel::<()>();
    let last = journal.clone();
    journal
        .append(record(1), move |answer| {
            wait.recv().unwrap();
            drop(last);
            sender.send(answer).unwrap();
        })
        .unwrap();
    drop(journal);
    go.send(()).unwrap();
    assert_eq!(receiver.recv().unwrap().unwrap(), 1);
    eventually("release of the lock", || Journal::open(dir.path(), plain()).is_ok());
}

#[test]
fn a_panicking_callback_does_not_stop_the_journal() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(dir.path());
    journal.append(record(1), |_| panic!("a caller's bug, expected in this test")).unwrap();
    assert_eq!(journal.append_blocking(record(2)).unwrap(), 2);
    assert_records(&journal, 2);
}

#[test]
fn wait_for_returns_at_the_position_or_the_timeout() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(dir.path());
    assert_eq!(journal.wait_for(0, Duration::ZERO), 0);
    assert_eq!(journal.wait_for(1, Duration::from_millis(5)), 0);
    let waiter = {
        let journal = journal.clone();
        thread::spawn(move || journal.wait_for(2, Duration::from_secs(20)))
    };
    journal.append_blocking(record(1)).unwrap();
    journal.append_blocking(record(2)).unwrap();
    assert_eq!(waiter.join().unwrap(), 2);
}

#[test]
fn reading_from_beyond_the_head_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    write_records(dir.path(), plain(), 2);
    let (journal, _) = open(dir.path());
    assert!(journal.read_from(2).unwrap().next().is_none());
    let error = journal.read_from(3).unwrap_err();
    assert_eq!(error.to_string(), "position 3 is beyond the journal's head 2");
}

#[test]
fn a_group_is_bounded_and_order_is_kept_across_groups() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, faults) = open_faulty(dir.path(), plain());
    let before = faults.syncs();
    faults.shut_gate(true);
    journal.append(record(1), |_| {}).unwrap();
    faults.wait_for_sync_after(before);
    let big = |number: u8| Record { payload: noise(6 * 1024 * 1024, number), ..record(1) };
    for number in 2..=8 {
        journal.append(big(number), |_| {}).unwrap();
    }
    faults.shut_gate(false);
    assert_eq!(journal.wait_for(8, Duration::from_secs(20)), 8);
    // 6 MiB each, 16 MiB a group: three groups for seven records.
    assert_eq!(faults.syncs() - before, 1 + 3);
    for (position, read) in journal.read_from(1).unwrap().map(Result::unwrap) {
        assert_eq!(read, big(position as u8));
    }
}

#[test]
fn a_disk_without_room_refuses_until_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { min_free_disk_bytes: 1, ..plain() };
    let (journal, faults) = open_faulty(dir.path(), config);
    journal.append_blocking(record(1)).unwrap();
    Faults::set(&faults.is_full, true);
    eventually("the disk is asked again", || journal.check_space().is_err());
    let refused = journal.append_blocking(record(2)).unwrap_err();
    assert!(matches!(refused, JournalError::OutOfSpace { limit: "min_free_disk_bytes", .. }), "{refused}");
    assert!(journal.poisoned().is_none());
    Faults::set(&faults.is_full, false);
    eventually("the disk is asked again", || journal.check_space().is_ok());
    journal.append_blocking(record(2)).unwrap();
    assert_records(&journal, 2);
}

#[test]
fn the_disk_budget_counts_all_files_and_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { max_disk_bytes: 2_000, segment_bytes: 500, ..plain() };
    let (journal, _) = Journal::open(dir.path(), config.clone()).unwrap();
    let mut taken = 0;
    let refused = loop {
        match journal.append_blocking(record(taken + 1)) {
            Ok(_) => taken += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, JournalError::OutOfSpace { limit: "max_disk_bytes", .. }), "{refused}");
    let on_disk = |path: &Path| std::fs::read_dir(path).unwrap().map(|e| e.unwrap().metadata().unwrap().len()).sum();
    assert_eq!(journal.disk_bytes(), on_disk(dir.path()));
    assert!(journal.disk_bytes() >= 2_000 && journal.disk_bytes() < 2_500, "{}", journal.disk_bytes());
    assert_records(&journal, taken);
    drop(journal);
    let (journal, _) = Journal::open(dir.path(), config.clone()).unwrap();
    assert!(journal.append_blocking(record(taken + 1)).is_err());
    drop(journal);
    let (journal, _) = Journal::open(dir.path(), Config { max_disk_bytes: 0, ..config }).unwrap();
    journal.append_blocking(record(taken + 1)).unwrap();
    assert_eq!(journal.disk_bytes(), on_disk(dir.path()));
}

#[test]
fn commits_are_observed() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(dir.path());
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = seen.clone();
    journal.observe_commits(move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
    });
    journal.append_blocking(record(1)).unwrap();
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

#[test]
fn a_probe_writes_and_syncs() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, faults) = open_faulty(dir.path(), plain());
    let before = faults.syncs();
    journal.probe().unwrap();
    journal.probe().unwrap();
    assert_eq!(faults.syncs(), before + 1, "the second had the first one's answer");
    drop(journal);
    let (journal, faults) = open_faulty(dir.path(), plain());
    Faults::set(&faults.fail_append, true);
    assert!(matches!(journal.probe().unwrap_err(), JournalError::WriteFailed { .. }));
    Faults::set(&faults.fail_append, false);
    eventually("it is tried again", || journal.probe().is_ok());
    journal.append_blocking(record(1)).unwrap();
    assert_records(&journal, 1);
}
