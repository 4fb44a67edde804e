use gleaner_wire::proto;
use prost::Message as _;

use super::*;

fn record(kind: RecordKind, payload: Vec<u8>) -> Record {
    Record {
        kind: kind as u8,
        encoding: ENCODING_PROTOBUF,
        recorded_at_unix_nano: 5,
        project: "default".into(),
        payload,
    }
}

/// Guarantees: one record that cannot be decoded is an error of that record alone.
#[test]
fn a_bad_record_does_not_stop_the_next() {
    let mut decoded = Decoded::default();
    assert!(decoded.decode(1, &record(RecordKind::Traces, b"\x0a\xff".to_vec())).is_err());
    assert!(decoded.decode(2, &record(RecordKind::Feedback, b"not JSON".to_vec())).is_err());
    let log = proto::collector::logs::v1::ExportLogsServiceRequest {
        resource_logs: vec![proto::logs::v1::ResourceLogs {
            scope_logs: vec![proto::logs::v1::ScopeLogs {
                log_records: vec![proto::logs::v1::LogRecord { event_name: "told".into(), ..Default::default() }],
                ..Default::default()
            }],
            ..Default::default()
        }],
    };
    decoded.decode(3, &record(RecordKind::Logs, log.encode_to_vec())).expect("decodes");
    assert_eq!(decoded.fragments.len(), 1);
}

/// Guarantees: after failures a batch gets down to one record, and with success back to the whole, never beyond.
#[test]
fn batches_shrink_after_a_failure_and_grow_again() {
    let whole = BatchLimits { max_bytes: 8 << 20, max_records: 2_000 };
    let smallest = (0..20).fold(whole, |limits, _| limits.shrunk());
    assert_eq!((smallest.max_bytes, smallest.max_records), (1, 1));
    let grown = (0..40).fold(smallest, |limits, _| limits.grown(whole));
    assert_eq!((grown.max_bytes, grown.max_records), (whole.max_bytes, whole.max_records));
}
