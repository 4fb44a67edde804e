use std::fs;

use super::*;
use crate::frame::FrameEncoder;
use crate::testing::record;

#[test]
fn only_exact_names_are_segments() {
    assert_eq!(parse_segment_name("00000000000000000001.seg"), Some(1));
    assert_eq!(parse_segment_name("18446744073709551615.seg"), Some(u64::MAX));
    let others = [
        "00000000000000000000.seg",
        "1.seg",
        "+0000000000000000001.seg",
        "99999999999999999999.seg",
        "00000000000000000001.seg.tmp",
        "00000000000000000001.seg.torn-40",
        "LOCK",
    ];
    for name in others {
        assert_eq!(parse_segment_name(name), None, "{name}");
    }
    let path = segment_path(Path::new("d"), 42);
    assert_eq!(path, Path::new("d/00000000000000000042.seg"));
}

#[test]
fn a_header_is_read_back_and_every_flipped_byte_is_an_error() {
    let header = SegmentHeader {
        salt: 0xabcd,
        first_position: 9,
        previous_first_position: 4,
        sealed_level: -3,
        is_stream: true,
    };
    let bytes = header.encode();
    let path = Path::new("s");
    assert_eq!(SegmentHeader::decode(&bytes, path).unwrap(), header);
    for at in 0..bytes.len() {
        let mut damaged = bytes;
        damaged[at] ^= 1;
        assert!(matches!(SegmentHeader::decode(&damaged, path), Err(JournalError::Corrupt { offset: 0, .. })), "{at}");
    }
}

#[test]
fn another_format_version_is_named() {
    let mut bytes = SegmentHeader::new(1, 0).encode();
    bytes[8] = 3;
    let crc = crc32c::crc32c(&bytes[..36]);
    bytes[36..].copy_from_slice(&crc.to_le_bytes());
    let error = SegmentHeader::decode(&bytes, Path::new("s")).unwrap_err();
    assert_eq!(error.to_string(), "s has journal format 3, this program reads 2");
}

#[test]
fn salts_differ() {
    let salts: std::collections::HashSet<_> = (0..8).map(|_| SegmentHeader::new(1, 0).salt).collect();
    assert!(salts.len() > 1);
}

/// A segment with one frame whose header claims `compressed_bytes`, with a right checksum.
fn segment_with_claim(dir: &Path, compressed_bytes: u32) -> SegmentReader {
    let header = SegmentHeader::new(1, 0);
    let frame = FrameHeader {
        position: 1,
        group_first_position: 1,
        recorded_at_unix_nano: 0,
        payload_bytes: u32::MAX,
        compressed_bytes,
        body_crc: 0,
        project_bytes: 0,
        kind: 0,
        encoding: 0,
    };
    let bytes = [header.encode().as_slice(), &frame.encode(header.salt), b"body"].concat();
    fs::write(segment_path(dir, 1), bytes).unwrap();
    SegmentReader::open(dir, 1).unwrap()
}

#[test]
fn a_length_beyond_the_file_is_refused_before_memory_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let mut reader = segment_with_claim(dir.path(), u32::MAX);
    assert!(matches!(reader.next_header().unwrap(), Step::Bad("frame is cut off")));
    let mut reader = segment_with_claim(dir.path(), 5);
    assert!(matches!(reader.next_header().unwrap(), Step::Bad("frame is cut off")));
    let mut reader = segment_with_claim(dir.path(), 4);
    assert!(matches!(reader.next_header().unwrap(), Step::Frame(_)));
}

#[test]
fn later_groups_are_found_across_windows_and_only_with_the_salt() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tail");
    let mut frame = Vec::new();
    FrameEncoder::new(1).unwrap().encode(&record(1)).unwrap().write(8, 7, 55, &mut frame);
    // Around the border of the first window of 1 MiB, and beyond it.
    for before in [0, 1, 1024 * 1024 - 49, 1024 * 1024 - 48, 1024 * 1024 - 20, 1024 * 1024, 3_000_000] {
        let mut bytes = vec![b'G'; before];
        bytes.extend_from_slice(&frame);
        fs::write(&path, bytes).unwrap();
        let offset = before as u64;
        assert_eq!(find_later_group(&path, 55, 0, 6).unwrap(), Some(offset), "{before}");
        assert_eq!(find_later_group(&path, 55, offset, 6).unwrap(), Some(offset), "{before}");
        assert_eq!(find_later_group(&path, 55, offset + 1, 6).unwrap(), None, "{before}");
        assert_eq!(find_later_group(&path, 55, 0, 7).unwrap(), None, "same group, {before}");
        assert_eq!(find_later_group(&path, 56, 0, 6).unwrap(), None, "other salt, {before}");
    }
}
