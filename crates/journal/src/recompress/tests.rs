use std::fs;

use super::*;
use crate::disk::FileSystem;
use crate::recover::recover;
use crate::segment::segment_path;
use crate::testing::{
    FaultDisk, Faults, assert_records, eventually, open, open_faulty, plain, record, segments, write_records,
};
use crate::{Config, Journal};

fn sealed_level(dir: &Path, first_position: u64) -> i32 {
    SegmentReader::open(dir, first_position).unwrap().header.sealed_level
}

/// Three segments, of positions 1 to 4, 5 and 6. Records are compressed badly, so that there is something to gain.
fn three_segments(dir: &Path) {
    let fast = Config { compression_level: -50, ..plain() };
    write_records(dir, fast.clone(), 4);
    write_records(dir, Config { segment_bytes: 1, ..fast }, 6);
    assert_eq!(segments(dir).len(), 3);
}

fn first_segment(dir: &Path) -> Sealed<'_> {
    Sealed { dir, first_position: 1, next_first_position: 5 }
}

#[test]
fn a_recompressed_segment_is_smaller_and_reads_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let fast = Config { compression_level: -50, ..plain() };
    let (journal, _) = Journal::open(dir.path(), fast.clone()).unwrap();
    let mut large = record(1);
    large.payload = (0..20_000_u32).flat_map(|number| (number % 999).to_le_bytes()).collect();
    journal.append_blocking(large.clone()).unwrap();
    journal.close();
    write_records_after(dir.path(), Config { segment_bytes: 1, ..fast });
    let path = segment_path(dir.path(), 1);
    let before = fs::metadata(&path).unwrap().len();

    let sealed = Sealed { dir: dir.path(), first_position: 1, next_first_position: 2 };
    assert!(sealed.recompress(&FileSystem, 9, || true).unwrap());

    assert!(fs::metadata(&path).unwrap().len() < before);
    assert_eq!(sealed_level(dir.path(), 1), 9);
    let (journal, recovery) = open(dir.path());
    assert_eq!((recovery.records, recovery.truncated_bytes), (2, 0));
    assert_eq!(journal.read_from(0).unwrap().next().unwrap().unwrap(), (1, large));
}

fn write_records_after(dir: &Path, config: Config) {
    let (journal, _) = Journal::open(dir, config).unwrap();
    journal.append_blocking(record(2)).unwrap();
}

#[test]
fn a_reader_of_the_old_file_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    three_segments(dir.path());
    let (journal, _) = open(dir.path());
    let mut reader = journal.read_from(0).unwrap();
    assert_eq!(reader.next().unwrap().unwrap(), (1, record(1)));
    assert!(first_segment(dir.path()).recompress(&FileSystem, 19, || true).unwrap());
    for number in 2..=6 {
        assert_eq!(reader.next().unwrap().unwrap(), (number, record(number)));
    }
    assert!(reader.next().is_none());
    assert_records(&journal, 6);
}

/// Records that lie in the middle of a stream can be asked for without those before them.
#[test]
fn a_recompressed_segment_is_read_from_any_position() {
    let dir = tempfile::tempdir().unwrap();
    three_segments(dir.path());
    assert!(first_segment(dir.path()).recompress(&FileSystem, 3, || true).unwrap());
    let (journal, _) = open(dir.path());
    for first in 0..6 {
        let mut reader = journal.read_from(first).unwrap();
        for number in first + 1..=6 {
            assert_eq!(reader.next().unwrap().unwrap(), (number, record(number)));
        }
        assert!(reader.next().is_none());
    }
}

/// A journal whose last segment is gone ends with one that was recompressed: it goes on in a new one.
#[test]
fn nothing_is_appended_to_a_recompressed_segment() {
    let dir = tempfile::tempdir().unwrap();
    three_segments(dir.path());
    assert!(first_segment(dir.path()).recompress(&FileSystem, 3, || true).unwrap());
    for lost in [5, 6] {
        fs::remove_file(segment_path(dir.path(), lost)).unwrap();
    }
    write_records(dir.path(), plain(), 6);
    assert_eq!(segments(dir.path()).len(), 2);
    assert_records(&open(dir.path()).0, 6);
}

/// As program versions before streams left them.
#[test]
fn a_segment_whose_payloads_were_recompressed_alone_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let header = SegmentHeader { sealed_level: 9, ..SegmentHeader::new(1, 0) };
    let mut bytes = header.encode().to_vec();
    let mut encoder = crate::frame::FrameEncoder::new(9).unwrap();
    for number in 1..=3 {
        encoder.encode(&record(number)).unwrap().write(number, number, header.salt, &mut bytes);
    }
    fs::write(segment_path(dir.path(), 1), bytes).unwrap();
    write_records(dir.path(), plain(), 6);
    assert_records(&open(dir.path()).0, 6);
}

#[test]
fn an_interrupted_recompression_leaves_the_segment() {
    let dir = tempfile::tempdir().unwrap();
    three_segments(dir.path());
    let before = fs::read(segment_path(dir.path(), 1)).unwrap();
    let mut frames = 0;
    let finished = first_segment(dir.path()).recompress(&FileSystem, 9, || {
        frames += 1;
        frames < 3
    });
    assert!(!finished.unwrap());
    assert_eq!(fs::read(segment_path(dir.path(), 1)).unwrap(), before);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4, "three segments and LOCK");
}

#[test]
fn any_failed_operation_leaves_the_segment() {
    let dir = tempfile::tempdir().unwrap();
    three_segments(dir.path());
    let before = fs::read(segment_path(dir.path(), 1)).unwrap();
    let disk = FaultDisk::default();
    let faults = disk.faults();
    for flag in [&faults.fail_create, &faults.fail_append, &faults.fail_sync, &faults.fail_rename] {
        Faults::set(flag, true);
        let error = first_segment(dir.path()).recompress(&disk, 9, || true).unwrap_err();
        assert!(matches!(error, JournalError::Io { .. }), "{error}");
        Faults::set(flag, false);
        assert_eq!(fs::read(segment_path(dir.path(), 1)).unwrap(), before);
        assert_records(&open(dir.path()).0, 6);
    }
    assert!(first_segment(dir.path()).recompress(&disk, 9, || true).unwrap());
    assert_records(&open(dir.path()).0, 6);
}

#[test]
fn a_damaged_segment_is_reported_and_left() {
    let dir = tempfile::tempdir().unwrap();
    three_segments(dir.path());
    let path = segment_path(dir.path(), 1);
    let whole = fs::read(&path).unwrap();
    let mut damaged = whole.clone();
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    for bytes in [damaged.as_slice(), &whole[..crate::segment::SEGMENT_HEADER_BYTES]] {
        fs::write(&path, bytes).unwrap();
        let error = first_segment(dir.path()).recompress(&FileSystem, 9, || true).unwrap_err();
        assert!(matches!(error, JournalError::Corrupt { .. }), "{error}");
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
}

#[test]
fn only_sealed_segments_that_were_not_recompressed_are_taken() {
    let dir = tempfile::tempdir().unwrap();
    three_segments(dir.path());
    assert_eq!(recover(dir.path()).unwrap().to_recompress, [(1, 5), (5, 6)]);
    assert!(first_segment(dir.path()).recompress(&FileSystem, 9, || true).unwrap());
    assert_eq!(recover(dir.path()).unwrap().to_recompress, [(5, 6)]);
    // The last segment is sealed too when a later one was begun and not finished.
    fs::write(segment_path(dir.path(), 7), []).unwrap();
    assert_eq!(recover(dir.path()).unwrap().to_recompress, [(5, 6), (6, 7)]);
}

#[test]
fn sealed_segments_are_recompressed_in_the_background() {
    let dir = tempfile::tempdir().unwrap();
    three_segments(dir.path());
    // Those that were sealed earlier, and those sealed now; not the last one.
    let (journal, _) = Journal::open(dir.path(), Config { segment_bytes: 1, ..Config::default() }).unwrap();
    journal.append_blocking(record(7)).unwrap();
    for first_position in [1, 5, 6] {
        eventually("recompression", || sealed_level(dir.path(), first_position) == 3);
    }
    assert_eq!(sealed_level(dir.path(), 7), 0);
    assert_eq!(journal.recompression_error().map(|error| error.to_string()), None);
    assert_records(&journal, 7);
    journal.close();
    assert_records(&open(dir.path()).0, 7);
}

#[test]
fn a_failed_recompression_is_told_and_appends_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, faults) = open_faulty(dir.path(), Config { segment_bytes: 1, ..Config::default() });
    Faults::set(&faults.fail_rename, true);
    journal.append_blocking(record(1)).unwrap();
    journal.append_blocking(record(2)).unwrap();
    eventually("an error", || journal.recompression_error().is_some());
    journal.append_blocking(record(3)).unwrap();
    assert_records(&journal, 3);
}

/// Scenario: a segment is sealed while recompression is held up. Guarantees that it stays as it is, and is recompressed once that ends.
#[test]
fn recompression_waits_while_it_is_held_up() {
    let dir = tempfile::tempdir().unwrap();
    let config = crate::Config { segment_bytes: 1, min_free_disk_bytes: 0, ..crate::Config::default() };
    let (journal, _) = crate::Journal::open(dir.path(), config).unwrap();
    journal.hold_recompression(true);
    let record = crate::Record {
        kind: 1,
        encoding: 0,
        recorded_at_unix_nano: 1,
        project: "p".into(),
        payload: (0..20_000_u32).flat_map(|n| (n * n % 977).to_string().into_bytes()).collect(),
    };
    for _ in 0..2 {
        journal.append_blocking(record.clone()).unwrap();
    }
    let level = || SegmentReader::open(dir.path(), 1).unwrap().header.sealed_level;
    std::thread::sleep(std::time::Duration::from_millis(100));
    assert_eq!(level(), 0);
    journal.hold_recompression(false);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while level() == 0 {
        assert!(std::time::Instant::now() < deadline, "never recompressed");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
