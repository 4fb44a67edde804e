use proptest::prelude::*;
use prost::Message as _;

use super::{scan_logs, scan_traces};
use crate::limits::MAX_DEPTH;
use crate::proto::collector::logs::v1::ExportLogsServiceRequest;
use crate::proto::collector::trace::v1::ExportTraceServiceRequest;
use crate::proto::common::v1::KeyValue;
use crate::proto::trace::v1::span::{Event, Link};
use crate::testing::{logs, nested_in_lists_of_pairs, one_span, traces};
use crate::{Limits, WireError, check_span_ids};

/// One field of wire type 2.
fn field(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag << 3 | 2];
    prost::encoding::encode_varint(body.len() as u64, &mut bytes);
    bytes.extend_from_slice(body);
    bytes
}

/// A request that holds one scope with this body.
fn in_scope(body: &[u8]) -> Vec<u8> {
    field(1, &field(2, body))
}

fn pair(value: crate::proto::common::v1::AnyValue) -> KeyValue {
    KeyValue { key: "key".to_owned(), value: Some(value), key_strindex: 0 }
}

fn refused(bytes: &[u8], limits: &Limits) -> WireError {
    scan_traces(bytes, limits).unwrap_err()
}

proptest! {
    #[test]
    fn counts_are_those_of_the_message(request in traces()) {
        let scan = scan_traces(&request.encode_to_vec(), &Limits::default()).unwrap();
        let spans: Vec<_> =
            request.resource_spans.iter().flat_map(|r| &r.scope_spans).flat_map(|s| &s.spans).collect();
        let bad: Vec<_> =
            spans.iter().enumerate().filter(|(_, s)| check_span_ids(&s.trace_id, &s.span_id).is_err()).collect();
        prop_assert_eq!(scan.items, spans.len());
        prop_assert_eq!(scan.events, spans.iter().map(|s| s.events.len()).sum::<usize>());
        prop_assert_eq!(scan.links, spans.iter().map(|s| s.links.len()).sum::<usize>());
        prop_assert_eq!(scan.rejected, bad.len());
        match (bad.first(), scan.first_rejection) {
            (None, None) => {}
            (Some((index, _)), Some(message)) => {
                let start = format!("span {index}: ");
                prop_assert!(message.starts_with(&start));
            }
            (expected, got) => prop_assert!(false, "{expected:?} {got:?}"),
        }
    }

    #[test]
    fn damaged_traces_agree_with_prost(request in traces(), damage in damage()) {
        let bytes = damaged(request.encode_to_vec(), &damage);
        let decoded = ExportTraceServiceRequest::decode(bytes.as_slice()).is_ok();
        prop_assert_eq!(scan_traces(&bytes, &Limits::default()).is_ok(), decoded);
    }

    #[test]
    fn damaged_logs_agree_with_prost(request in logs(), damage in damage()) {
        let bytes = damaged(request.encode_to_vec(), &damage);
        let decoded = ExportLogsServiceRequest::decode(bytes.as_slice()).is_ok();
        prop_assert_eq!(scan_logs(&bytes, &Limits::default()).is_ok(), decoded);
    }

    /// Whatever stands in a span, known fields with wrong wire types and groups above all.
    #[test]
    fn any_fields_agree_with_prost(fields in prop::collection::vec((1_u32..20, 0_u32..8, prop::collection::vec(any::<u8>(), 0..12)), 0..6)) {
        let mut span = Vec::new();
        for (tag, wire_type, body) in fields {
            prost::encoding::encode_varint(u64::from(tag << 3 | wire_type), &mut span);
            span.extend_from_slice(&body);
        }
        let bytes = in_scope(&field(2, &span));
        let decoded = ExportTraceServiceRequest::decode(bytes.as_slice()).is_ok();
        prop_assert_eq!(scan_traces(&bytes, &Limits::default()).is_ok(), decoded);
    }
}

/// Positions (as fractions), and what is done there: replace by, insert, remove.
fn damage() -> impl Strategy<Value = Vec<(f64, u8, u8)>> {
    prop::collection::vec((0.0..1.0_f64, 0_u8..3, any::<u8>()), 1..4)
}

fn damaged(mut bytes: Vec<u8>, damage: &[(f64, u8, u8)]) -> Vec<u8> {
    for (fraction, kind, byte) in damage {
        let at = (bytes.len() as f64 * fraction) as usize;
        match kind {
            0 if at < bytes.len() => bytes[at] = *byte,
            1 if at < bytes.len() => drop(bytes.remove(at)),
            _ => bytes.insert(at, *byte),
        }
    }
    bytes
}

#[test]
fn an_empty_request_is_accepted() {
    assert_eq!(scan_traces(&[], &Limits::default()).unwrap().items, 0);
    assert_eq!(scan_logs(&[], &Limits::default()).unwrap().items, 0);
}

#[test]
fn a_million_empty_spans_are_refused_by_count() {
    let bytes = in_scope(&[0x12, 0x00].repeat(1_000_000));
    assert!(bytes.len() < 2_100_000);
    let error = refused(&bytes, &Limits::default());
    assert_eq!(error, WireError::TooMany { what: "spans", limit: 100_000 });
    assert!(error.is_too_large());
}

#[test]
fn a_million_empty_envelopes_are_refused_by_count() {
    for bytes in [[0x0a, 0x00].repeat(1_000_000), field(1, &[0x12, 0x00].repeat(1_000_000))] {
        let error = refused(&bytes, &Limits::default());
        assert_eq!(error, WireError::TooMany { what: "resources and scopes", limit: 100_000 });
    }
}

#[test]
fn every_count_has_a_limit() {
    let mut request = one_span(vec![pair(nested_in_lists_of_pairs(3))]);
    let span = &mut request.resource_spans[0].scope_spans[0].spans[0];
    span.events = vec![Event::default(); 3];
    span.links = vec![Link::default(); 3];
    let bytes = request.encode_to_vec();
    let scan = scan_traces(&bytes, &Limits::default()).unwrap();
    assert_eq!((scan.items, scan.groups, scan.attributes, scan.events, scan.links), (1, 2, 3, 3, 3));

    let exact = Limits {
        max_request_bytes: bytes.len(),
        max_spans_per_request: 1,
        max_groups_per_request: 2,
        max_attributes_per_request: 3,
        max_events_per_request: 3,
        max_links_per_request: 3,
        max_depth: 3,
        ..Limits::default()
    };
    scan_traces(&bytes, &exact).unwrap();
    for below in [
        Limits { max_request_bytes: bytes.len() - 1, ..exact.clone() },
        Limits { max_spans_per_request: 0, ..exact.clone() },
        Limits { max_groups_per_request: 1, ..exact.clone() },
        Limits { max_attributes_per_request: 2, ..exact.clone() },
        Limits { max_events_per_request: 2, ..exact.clone() },
        Limits { max_links_per_request: 2, ..exact.clone() },
    ] {
        assert!(refused(&bytes, &below).is_too_large(), "{below:?}");
    }
    let shallower = Limits { max_depth: 2, ..exact };
    assert_eq!(refused(&bytes, &shallower), WireError::TooDeep { what: "attribute values", limit: 2 });
}

#[test]
fn elements_of_a_list_count_as_attributes() {
    // ArrayValue with a thousand empty values.
    let array = field(5, &[0x0a, 0x00].repeat(1000));
    let bytes = in_scope(&field(2, &field(9, &field(2, &array))));
    assert_eq!(scan_traces(&bytes, &Limits::default()).unwrap().attributes, 1001);
}

/// The deepest place there is: a value in lists of key-values in an event.
#[test]
fn the_deepest_value_that_is_accepted_is_decoded() {
    let deep = |levels| {
        let mut request = one_span(Vec::new());
        let attributes = vec![pair(nested_in_lists_of_pairs(levels))];
        request.resource_spans[0].scope_spans[0].spans[0].events = vec![Event { attributes, ..Event::default() }];
        request.encode_to_vec()
    };
    scan_traces(&deep(MAX_DEPTH), &Limits::ACCEPTED).unwrap();
    ExportTraceServiceRequest::decode(deep(MAX_DEPTH).as_slice()).unwrap();

    let generous = Limits { max_depth: 1000, ..Limits::default() };
    for levels in [MAX_DEPTH + 1, 1000] {
        assert!(matches!(refused(&deep(levels), &generous), WireError::TooDeep { .. }));
    }
}

#[test]
fn groups_are_skipped_and_bounded() {
    // Unknown field 20 as a group that holds a varint, around and beside known fields.
    let group = [0xa3, 0x01, 0x08, 0x07, 0xa4, 0x01];
    assert_eq!(scan_traces(&in_scope(&group), &Limits::default()).unwrap().items, 0);

    let nested = [[0xa3, 0x01].repeat(100_000), [0xa4, 0x01].repeat(100_000)].concat();
    assert!(matches!(refused(&nested, &Limits::default()), WireError::TooDeep { what: "groups", .. }));
    assert!(matches!(refused(&group[..4], &Limits::default()), WireError::Malformed { .. }));
}

#[test]
fn invalid_utf8_is_refused_with_the_field() {
    let bytes = in_scope(&field(2, &field(5, b"\xff\xfe")));
    assert_eq!(
        refused(&bytes, &Limits::default()).to_string(),
        "malformed request at spans.name: the string is not valid UTF-8"
    );
    // Bytes are not text.
    let bytes = in_scope(&field(2, &field(9, &field(2, &field(7, b"\xff\xfe")))));
    scan_traces(&bytes, &Limits::default()).unwrap();
}

#[test]
fn a_bad_id_rejects_its_span_alone() {
    let good = [field(1, &[1; 16]), field(2, &[2; 8])].concat();
    let short_trace = [field(1, &[1; 5]), field(2, &[2; 8])].concat();
    let zero_span = [field(1, &[1; 16]), field(2, &[0; 8])].concat();
    let bytes = in_scope(&[&good, &short_trace, &zero_span].map(|span| field(2, span)).concat());
    let scan = scan_traces(&bytes, &Limits::default()).unwrap();
    assert_eq!((scan.items, scan.rejected), (3, 2));
    assert_eq!(scan.first_rejection.as_deref(), Some("span 1: trace_id has 5 bytes, expected 16"));

    let scan = scan_traces(&in_scope(&field(2, &zero_span)), &Limits::default()).unwrap();
    assert_eq!(scan.first_rejection.as_deref(), Some("span 0: span_id is all zero"));
}

/// As protobuf has it: of a field that comes twice, the last counts.
#[test]
fn the_last_id_counts() {
    let mended = [field(1, &[1; 5]), field(2, &[2; 8]), field(1, &[1; 16])].concat();
    assert_eq!(scan_traces(&in_scope(&field(2, &mended)), &Limits::default()).unwrap().rejected, 0);
    let broken = [field(1, &[1; 16]), field(2, &[2; 8]), field(1, &[1; 5])].concat();
    assert_eq!(scan_traces(&in_scope(&field(2, &broken)), &Limits::default()).unwrap().rejected, 1);
}

#[test]
fn a_log_record_is_never_rejected() {
    let records = [vec![], field(9, &[0; 16]), [field(9, &[1; 5]), field(10, &[1; 9])].concat()];
    let bytes = in_scope(&records.map(|record| field(2, &record)).concat());
    let scan = scan_logs(&bytes, &Limits::default()).unwrap();
    assert_eq!((scan.items, scan.rejected, scan.warnings), (3, 0, 2));
    let warning = "log record 2: trace_id has 5 bytes, expected 16, the id is ignored";
    assert_eq!(scan.first_warning.as_deref(), Some(warning));
}
