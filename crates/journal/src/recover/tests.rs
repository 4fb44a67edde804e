use super::*;
use crate::testing::{assert_records, open, open_faulty, plain, record, segments, write_records};
use crate::{Config, Journal, Record};

const RECORDS: u64 = 4;

/// A journal of four groups in one segment: its bytes, and where each frame starts.
fn written() -> (Vec<u8>, Vec<usize>) {
    let dir = tempfile::tempdir().unwrap();
    let mut starts = Vec::new();
    for records in 1..=RECORDS {
        write_records(dir.path(), plain(), records - 1);
        starts.push(fs::metadata(&segments(dir.path())[0]).unwrap().len() as usize);
    }
    write_records(dir.path(), plain(), RECORDS);
    (fs::read(&segments(dir.path())[0]).unwrap(), starts)
}

/// Opens a journal whose only segment has these bytes.
fn open_bytes(bytes: &[u8]) -> (tempfile::TempDir, Result<(Journal, Recovery), JournalError>) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(segment_path(dir.path(), 1), bytes).unwrap();
    let opened = Journal::open(dir.path(), plain());
    (dir, opened)
}

/// The journal has lost its last record, kept the bytes, and goes on.
fn assert_last_cut(bytes: &[u8], start: usize) {
    let (dir, opened) = open_bytes(bytes);
    let (journal, recovery) = opened.unwrap();
    assert_eq!(recovery.records, RECORDS - 1);
    assert_eq!(recovery.truncated_bytes, (bytes.len() - start) as u64);
    if bytes.len() > start {
        let side_path = dir.path().join(format!("00000000000000000001.seg.torn-{start}"));
        assert_eq!(recovery.quarantined.as_deref(), Some(side_path.as_path()));
        assert_eq!(fs::read(side_path).unwrap(), &bytes[start..]);
    } else {
        assert_eq!(recovery.quarantined, None);
    }
    assert_records(&journal, RECORDS - 1);
    assert_eq!(journal.append_blocking(record(RECORDS)).unwrap(), RECORDS);
    assert_records(&journal, RECORDS);
    drop(journal);
    let (journal, recovery) = open(dir.path());
    assert_eq!((recovery.records, recovery.truncated_bytes), (RECORDS, 0));
    assert_records(&journal, RECORDS);
}

#[test]
fn a_tail_torn_at_any_byte_is_cut() {
    let (bytes, starts) = written();
    let start = starts[RECORDS as usize - 1];
    for length in start..bytes.len() {
        assert_last_cut(&bytes[..length], start);
    }
}

#[test]
fn a_flipped_byte_anywhere_in_the_last_frame_cuts_it() {
    let (bytes, starts) = written();
    let start = starts[RECORDS as usize - 1];
    for at in start..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        assert_last_cut(&damaged, start);
    }
}

#[test]
fn a_flipped_byte_before_a_later_group_is_an_error_that_changes_nothing() {
    let (bytes, starts) = written();
    for (frame, window) in starts.windows(2).enumerate() {
        for at in window[0]..window[1] {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            let (dir, opened) = open_bytes(&damaged);
            let error = opened.unwrap_err();
            let JournalError::Corrupt { path, offset, .. } = &error else { panic!("{error}") };
            assert_eq!((path, *offset), (&segment_path(dir.path(), 1), window[0] as u64), "frame {frame}, byte {at}");
            assert!(error.to_string().contains(&format!("at byte {}", window[0])), "{error}");
            assert_eq!(fs::read(path).unwrap(), damaged);
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "the segment and LOCK");
        }
    }
}

#[test]
fn a_missing_frame_before_a_later_group_is_an_error() {
    let (mut bytes, starts) = written();
    bytes.drain(starts[1]..starts[2]);
    let error = open_bytes(&bytes).1.unwrap_err();
    assert!(matches!(error, JournalError::Corrupt { offset, .. } if offset == starts[1] as u64), "{error}");
}

#[test]
fn a_group_torn_in_its_middle_is_cut_from_there() {
    // Power loss can keep a later page of one write and lose an earlier one.
    let dir = tempfile::tempdir().unwrap();
    let (journal, faults) = open_faulty(dir.path(), plain());
    journal.append_blocking(record(1)).unwrap();
    let syncs = faults.syncs();
    faults.shut_gate(true);
    journal.append(record(2), |_| {}).unwrap();
    faults.wait_for_sync_after(syncs);
    for number in 3..=6 {
        journal.append(record(number), |_| {}).unwrap();
    }
    let group_start = fs::metadata(&segments(dir.path())[0]).unwrap().len() as usize;
    faults.shut_gate(false);
    journal.close();
    let mut bytes = fs::read(&segments(dir.path())[0]).unwrap();

    let mut reader = SegmentReader::open(dir.path(), 1).unwrap();
    while reader.next_position < 4 {
        let Step::Frame(header) = reader.next_header().unwrap() else { panic!("a frame was expected") };
        reader.skip_record(&header).unwrap();
    }
    let fourth = reader.offset as usize;
    assert!(fourth > group_start, "records 3 to 6 are one group");
    bytes[fourth..fourth + 20].fill(0);

    let (_dir, opened) = open_bytes(&bytes);
    let (journal, recovery) = opened.unwrap();
    assert_eq!((recovery.records, recovery.truncated_bytes), (3, (bytes.len() - fourth) as u64));
    assert_records(&journal, 3);
}

#[test]
fn bytes_that_look_like_a_frame_in_a_torn_payload_are_not_one() {
    // A client sends the bytes of a real journal, they are stored as they are, and the frame around them is torn.
    let (bytes, starts) = written();
    let frames = &bytes[starts[1]..];
    let dir = tempfile::tempdir().unwrap();
    let hardly_compressed = Config { compression_level: -131_072, ..plain() };
    let (journal, _) = Journal::open(dir.path(), hardly_compressed).unwrap();
    journal.append_blocking(Record { payload: frames.to_vec(), ..record(1) }).unwrap();
    journal.close();
    let path = &segments(dir.path())[0];
    let stored = fs::read(path).unwrap();
    assert!(stored.windows(frames.len()).any(|window| window == frames), "the frames are in the payload verbatim");
    fs::write(path, &stored[..stored.len() - 1]).unwrap();
    let (_, recovery) = open(dir.path());
    assert_eq!(recovery.records, 0);
    assert!(recovery.truncated_bytes > frames.len() as u64);
}

#[test]
fn an_unfinished_last_segment_is_begun_anew() {
    let small = Config { segment_bytes: 1, ..plain() };
    for length in 0..=SEGMENT_HEADER_BYTES {
        let dir = tempfile::tempdir().unwrap();
        write_records(dir.path(), small.clone(), 2);
        let mut header = SegmentHeader::new(3, 2).encode();
        header[20] ^= u8::from(length == SEGMENT_HEADER_BYTES);
        fs::write(segment_path(dir.path(), 3), &header[..length]).unwrap();
        let (journal, recovery) = Journal::open(dir.path(), small.clone()).unwrap();
        assert_eq!((recovery.records, recovery.segments), (2, 3));
        assert_eq!((recovery.truncated_bytes, recovery.quarantined.is_some()), (length as u64, length > 0));
        assert_eq!(journal.append_blocking(record(3)).unwrap(), 3);
        assert_records(&journal, 3);
        drop(journal);
        assert_eq!(Journal::open(dir.path(), small.clone()).unwrap().1.truncated_bytes, 0);
    }
}

#[test]
fn an_empty_last_segment_is_continued() {
    let small = Config { segment_bytes: 1, ..plain() };
    let dir = tempfile::tempdir().unwrap();
    write_records(dir.path(), small.clone(), 2);
    fs::write(segment_path(dir.path(), 3), SegmentHeader::new(3, 2).encode()).unwrap();
    let (journal, recovery) = Journal::open(dir.path(), small).unwrap();
    assert_eq!((recovery.records, recovery.segments, recovery.truncated_bytes), (2, 3, 0));
    journal.append_blocking(record(3)).unwrap();
    assert_records(&journal, 3);
    assert_eq!(segments(dir.path()).len(), 3);
}

#[test]
fn a_damaged_header_of_a_segment_with_frames_is_an_error() {
    let (mut bytes, _) = written();
    bytes[12] ^= 1;
    let error = open_bytes(&bytes).1.unwrap_err();
    assert!(matches!(error, JournalError::Corrupt { offset: 0, .. }), "{error}");
}

#[test]
fn a_missing_segment_is_an_error() {
    let small = Config { segment_bytes: 1, ..plain() };
    for (missing, unfinished_last) in [(1, false), (2, false), (3, false), (3, true)] {
        let dir = tempfile::tempdir().unwrap();
        write_records(dir.path(), small.clone(), 4);
        if unfinished_last {
            fs::write(segment_path(dir.path(), 4), []).unwrap();
        }
        fs::remove_file(segment_path(dir.path(), missing)).unwrap();
        let error = Journal::open(dir.path(), small.clone()).unwrap_err();
        let JournalError::Corrupt { path, .. } = &error else { panic!("{error}") };
        assert_eq!(path, &segment_path(dir.path(), missing + 1));
    }
}

#[test]
fn a_second_cut_at_the_same_place_keeps_both_side_files() {
    let (bytes, starts) = written();
    let dir = tempfile::tempdir().unwrap();
    for cut in 1..=2 {
        fs::write(segment_path(dir.path(), 1), &bytes[..bytes.len() - cut]).unwrap();
        let (_, recovery) = open(dir.path());
        let side = fs::read(recovery.quarantined.unwrap()).unwrap();
        assert_eq!(side, &bytes[starts[3]..bytes.len() - cut]);
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4, "the segment, LOCK and two side files");
}

#[test]
fn an_unfinished_recompression_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    write_records(dir.path(), plain(), 2);
    let tmp_path = dir.path().join("00000000000000000001.seg.tmp");
    fs::write(&tmp_path, "half").unwrap();
    let (journal, _) = open(dir.path());
    assert!(!tmp_path.exists());
    assert_records(&journal, 2);
}
