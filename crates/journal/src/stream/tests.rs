use proptest::prelude::*;

use super::*;
use crate::frame::FRAME_HEADER_BYTES;

fn record(payload: Vec<u8>) -> Record {
    Record { kind: 1, encoding: 2, recorded_at_unix_nano: 3, project: "project".to_owned(), payload }
}

/// Header and body of each record's frame.
fn encoded(records: &[Record]) -> Vec<(FrameHeader, Vec<u8>)> {
    let mut encoder = StreamEncoder::new(3).unwrap();
    let frame = |record| {
        let mut bytes = Vec::new();
        encoder.encode(record).unwrap().write(1, 1, 0, &mut bytes);
        let body = bytes.split_off(FRAME_HEADER_BYTES);
        (FrameHeader::decode(&bytes.try_into().unwrap(), 0).unwrap(), body)
    };
    records.iter().map(frame).collect()
}

/// Bytes without a repetition.
fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..bytes).map(|_| next()).collect()
}

#[test]
fn what_repeats_in_another_record_costs_next_to_nothing() {
    let (said, other) = (noise(1, 300_000), noise(2, 10_000_000));
    let records = [&said, &other, &said].map(|payload| record(payload.clone()));
    let frames = encoded(&records);
    assert!(frames[0].1.len() > 299_000);
    assert!(frames[2].1.len() < 3_000, "{} bytes", frames[2].1.len());
}

#[test]
fn a_part_without_those_before_it_is_an_error() {
    let frames = encoded(&[record(noise(1, 5000)), record(noise(1, 5000)), record(vec![7; 10])]);
    for (header, body) in &frames[1..] {
        assert!(StreamDecoder::new().unwrap().decode_body(header, body).is_err());
    }
    // Nor is one read twice, or cut off, or longer than it says.
    let mut decoder = StreamDecoder::new().unwrap();
    let (first, body) = &frames[0];
    let longer = FrameHeader { payload_bytes: first.payload_bytes + 1, ..first.clone() };
    let shorter = FrameHeader { payload_bytes: first.payload_bytes - 1, ..first.clone() };
    for wrong in [&longer, &shorter] {
        let error = StreamDecoder::new().unwrap().decode_body(wrong, body).unwrap_err();
        assert_eq!(error, "payload has another length than its frame says");
    }
    assert!(StreamDecoder::new().unwrap().decode_body(first, &body[..body.len() - 9]).is_err());
    decoder.decode_body(first, body).unwrap();
    assert!(decoder.decode_body(first, body).is_err());
}

proptest! {
    #[test]
    fn records_are_read_back(sizes in prop::collection::vec((0_u64..4, prop_oneof![Just(0_usize), 1..300_usize, 1..400_000_usize]), 1..40)) {
        let records: Vec<Record> = sizes.into_iter().map(|(seed, bytes)| record(noise(seed, bytes))).collect();
        let mut decoder = StreamDecoder::new().unwrap();
        for ((header, body), record) in encoded(&records).iter().zip(&records) {
            prop_assert!(header.body_is_intact(body));
            prop_assert_eq!(&decoder.decode_body(header, body).unwrap(), record);
        }
    }
}
