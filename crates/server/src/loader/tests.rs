use gleaner_model::SpanFragment;
use gleaner_wire::proto;
use prost::Message as _;

use super::*;

fn fragment(position: u64, span_id: &str, name: &str) -> StoredFragment {
    StoredFragment {
        project: "default".into(),
        position,
        ordinal: 0,
        recorded_at_unix_nano: position,
        fragment: Fragment::Span(Box::new(SpanFragment {
            trace_id: "0".repeat(31) + "1",
            span_id: span_id.into(),
            name: name.into(),
            ..SpanFragment::default()
        })),
    }
}

/// Scenario: a batch repeats a span that is stored, and one of its own, and adds a child.
/// Guarantees: repeats make no new fact, and the trace is derived from old and new together.
#[test]
fn repeats_are_no_new_facts() {
    let known = vec![fragment(1, "0000000000000001", "root")];
    let child = fragment(2, "0000000000000002", "child");
    let new =
        vec![fragment(2, "0000000000000001", "root"), child.clone(), StoredFragment { ordinal: 1, ..child.clone() }];
    let (facts, derived) = derive_traces(new, known);
    assert_eq!(facts, [child]);
    assert_eq!(derived.len(), 1);
    assert_eq!((derived[0].spans.len(), derived[0].recorded_at_unix_nano), (2, 2));
}

/// Guarantees: a batch that says nothing new derives nothing again.
#[test]
fn a_batch_of_repeats_touches_no_trace() {
    let known = vec![fragment(1, "0000000000000001", "root")];
    let (facts, derived) = derive_traces(vec![fragment(2, "0000000000000001", "root")], known);
    assert_eq!((facts.len(), derived.len()), (0, 0));
}

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
    let mut facts = Facts::default();
    assert!(facts.decode(1, &record(RecordKind::Traces, b"\x0a\xff".to_vec())).is_err());
    assert!(facts.decode(2, &record(RecordKind::Feedback, b"not JSON".to_vec())).is_err());
    let log = proto::collector::logs::v1::ExportLogsServiceRequest {
        resource_logs: vec![proto::logs::v1::ResourceLogs {
            scope_logs: vec![proto::logs::v1::ScopeLogs {
                log_records: vec![proto::logs::v1::LogRecord { event_name: "told".into(), ..Default::default() }],
                ..Default::default()
            }],
            ..Default::default()
        }],
    };
    facts.decode(3, &record(RecordKind::Logs, log.encode_to_vec())).expect("decodes");
    assert_eq!(facts.fragments.len(), 1);
    assert_eq!(facts.unmapped_logs[0].1.name, "told");
    assert!(facts.touched_traces().is_empty());
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
