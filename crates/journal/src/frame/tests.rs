use proptest::prelude::*;

use super::*;

fn encode(record: &Record, position: u64, group_first_position: u64, salt: u32) -> Vec<u8> {
    let mut out = Vec::new();
    FrameEncoder::new(1).unwrap().encode(record).unwrap().write(position, group_first_position, salt, &mut out);
    out
}

fn header_of(frame: &[u8], salt: u32) -> Option<FrameHeader> {
    FrameHeader::decode(frame[..FRAME_HEADER_BYTES].try_into().unwrap(), salt)
}

/// The record of a frame that is intact in every way.
fn decode(frame: &[u8], salt: u32) -> Option<Record> {
    let header = header_of(frame, salt)?;
    let body = &frame[FRAME_HEADER_BYTES..];
    header.body_is_intact(body).then(|| header.decode_body(body).unwrap())
}

prop_compose! {
    fn any_record()(
        kind: u8,
        encoding: u8,
        recorded_at_unix_nano: u64,
        project in ".{0,40}",
        payload in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..2000),
            (any::<u8>(), 0..200_000_usize).prop_map(|(byte, length)| vec![byte; length]),
        ],
    ) -> Record {
        Record { kind, encoding, recorded_at_unix_nano, project, payload }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_frame_decodes_to_its_record(record in any_record(), position: u64, group: u64, salt: u32) {
        let frame = encode(&record, position, group, salt);
        let header = header_of(&frame, salt).unwrap();
        prop_assert_eq!(header.position, position);
        prop_assert_eq!(header.group_first_position, group);
        prop_assert_eq!(header.body_bytes(), frame.len() - FRAME_HEADER_BYTES);
        prop_assert_eq!(decode(&frame, salt), Some(record));
    }

    #[test]
    fn frames_follow_each_other_in_one_buffer(records in prop::collection::vec(any_record(), 1..5), salt: u32) {
        let mut encoder = FrameEncoder::new(1).unwrap();
        let mut out = Vec::new();
        for (position, record) in (1..).zip(&records) {
            encoder.encode(record).unwrap().write(position, 1, salt, &mut out);
        }
        let mut rest = out.as_slice();
        for record in &records {
            let frame_bytes = FRAME_HEADER_BYTES + header_of(rest, salt).unwrap().body_bytes();
            let (frame, after) = rest.split_at(frame_bytes);
            prop_assert_eq!(decode(frame, salt), Some(record.clone()));
            rest = after;
        }
        prop_assert!(rest.is_empty());
    }

    #[test]
    fn any_changed_byte_is_noticed(record in any_record(), at: prop::sample::Index, change in 1..=u8::MAX) {
        let mut frame = encode(&record, 7, 5, 99);
        let at = at.index(frame.len());
        frame[at] ^= change;
        prop_assert_eq!(decode(&frame, 99), None);
    }

    #[test]
    fn arbitrary_bytes_are_no_header(bytes: [u8; FRAME_HEADER_BYTES], salt: u32) {
        let mut bytes = bytes;
        bytes[..4].copy_from_slice(&FRAME_MAGIC);
        prop_assert_eq!(FrameHeader::decode(&bytes, salt), None);
    }
}

#[test]
fn a_header_of_another_salt_is_none() {
    let frame = encode(&crate::testing::record(1), 1, 1, 1);
    assert!(header_of(&frame, 1).is_some());
    assert_eq!(header_of(&frame, 2), None);
}

#[test]
fn a_payload_longer_than_its_frame_says_is_refused() {
    let record = crate::testing::record(4);
    let frame = encode(&record, 1, 1, 0);
    let mut header = header_of(&frame, 0).unwrap();
    header.payload_bytes -= 1;
    assert_eq!(header.decode_body(&frame[FRAME_HEADER_BYTES..]), Err("payload cannot be decompressed"));
    header.payload_bytes += 2;
    assert_eq!(header.decode_body(&frame[FRAME_HEADER_BYTES..]), Err("payload has another length than its frame says"));
    header.payload_bytes = u32::MAX;
    assert_eq!(header.decode_body(&frame[FRAME_HEADER_BYTES..]), Err("payload length exceeds the format's limit"));
}
