//! Opening a damaged journal never panics. It opens with a prefix of what was written, or refuses and changes nothing; once open it takes records, and
//! they are there after the next opening. Input: edits of a journal of six records in two segments (which byte, what with), the first of which may have been
//! made one stream; or a whole segment.
#![no_main]

use std::fs;
use std::path::{Path, PathBuf};

use gleaner_journal::{Config, Journal, Record};
use libfuzzer_sys::fuzz_target;

const RECORDS: u64 = 6;

fn record(number: u64) -> Record {
    Record {
        kind: 1,
        encoding: 2,
        recorded_at_unix_nano: number,
        project: "p".to_owned(),
        payload: vec![number as u8; 40 * number as usize],
    }
}

fn config(sealed_compression_level: i32) -> Config {
    Config { segment_bytes: 300, sealed_compression_level, min_free_disk_bytes: 0, ..Config::default() }
}

/// The version of a segment's format, once its payloads are one stream.
const STREAM: u8 = 2;

fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(dir).expect("lists").map(|entry| entry.expect("lists").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "seg"));
    paths.sort();
    paths
}

fuzz_target!(|bytes: &[u8]| {
    let Some((mode, input)) = bytes.split_first() else { return };
    // In memory where there is such a place: syncs cost nothing there.
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a directory");
    let is_edited = mode % 4 != 0;
    if is_edited {
        let level = if *mode >= 128 { 3 } else { 0 };
        let (journal, _) = Journal::open(dir.path(), config(level)).expect("opens");
        for number in 1..=RECORDS {
            journal.append_blocking(record(number)).expect("appends");
        }
        while level > 0 && fs::read(&segments(dir.path())[0]).expect("reads")[8] != STREAM {
            std::thread::sleep(std::time::Duration::from_micros(200));
        }
        drop(journal);
        let last = segments(dir.path()).pop().expect("a segment");
        let target = if mode % 4 == 1 { segments(dir.path()).remove(0) } else { last };
        let mut content = fs::read(&target).expect("reads");
        for edit in input.chunks_exact(3) {
            let at = usize::from(u16::from_le_bytes([edit[0], edit[1]]));
            match content.get_mut(at) {
                Some(byte) => *byte = edit[2],
                // Beyond the end: cut it there, counted from the end.
                None => content.truncate(content.len().saturating_sub(at - content.len())),
            }
        }
        fs::write(&target, content).expect("writes");
    } else {
        fs::write(dir.path().join("00000000000000000001.seg"), input).expect("writes");
    }
    let before: Vec<_> = segments(dir.path()).iter().map(|path| fs::read(path).expect("reads")).collect();
    let Ok((journal, recovery)) = Journal::open(dir.path(), config(0)) else {
        let after: Vec<_> = segments(dir.path()).iter().map(|path| fs::read(path).expect("reads")).collect();
        assert_eq!(before, after, "a refusal changes nothing");
        return;
    };
    assert_eq!(journal.head(), recovery.records);
    if is_edited {
        assert!(recovery.records <= RECORDS);
        for read in journal.read_from(0).expect("reads") {
            // Damage in a sealed segment shows when it is read, and is never taken for a record.
            let Ok((position, found)) = read else { break };
            assert_eq!(found, record(position));
        }
    }
    let position = journal.append_blocking(record(1)).expect("appends");
    assert_eq!(position, recovery.records + 1);
    drop(journal);
    let (journal, _) = Journal::open(dir.path(), config(0)).expect("what was opened once opens again");
    assert_eq!(journal.head(), position);
});
