use std::time::Duration;

use prost::Message;
use serde_json::{Value, json};

use super::{BadRequest, Detail, MAX_MESSAGE_BYTES, RetryInfo, Signal, Status, status, success};
use crate::Encoding::{Json, Protobuf};
use crate::proto::collector::logs::v1::ExportLogsServiceResponse;
use crate::proto::collector::trace::v1::ExportTraceServiceResponse;

fn parsed(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap()
}

#[test]
fn full_success_leaves_partial_success_unset() {
    for signal in [Signal::Traces, Signal::Logs, Signal::Metrics] {
        assert_eq!(success(signal, Protobuf, 0, ""), "");
        assert_eq!(success(signal, Json, 0, ""), "{}");
    }
}

#[test]
fn partial_success_has_count_and_message() {
    let body = success(Signal::Traces, Protobuf, 3, "why");
    let partial = ExportTraceServiceResponse::decode(body).unwrap().partial_success.unwrap();
    assert_eq!((partial.rejected_spans, partial.error_message.as_str()), (3, "why"));

    let body = success(Signal::Logs, Protobuf, 0, "mind");
    let partial = ExportLogsServiceResponse::decode(body).unwrap().partial_success.unwrap();
    assert_eq!((partial.rejected_log_records, partial.error_message.as_str()), (0, "mind"));

    for (signal, count) in [
        (Signal::Traces, "rejectedSpans"),
        (Signal::Logs, "rejectedLogRecords"),
        (Signal::Metrics, "rejectedDataPoints"),
    ] {
        let expected = json!({ "partialSuccess": { count: "3", "errorMessage": "why" } });
        assert_eq!(parsed(&success(signal, Json, 3, "why")), expected);
    }
}

#[test]
fn a_status_is_the_same_in_both_encodings() {
    let details = [
        Detail::RetryInfo(Duration::from_millis(1500)),
        Detail::BadRequest { field: "spans[1].kind".to_owned(), description: "expected an integer".to_owned() },
    ];
    let decoded = Status::decode(status(Protobuf, 14, "busy", &details)).unwrap();
    assert_eq!((decoded.code, decoded.message.as_str(), decoded.details.len()), (14, "busy", 2));
    assert_eq!(decoded.details[0].type_url, "type.googleapis.com/google.rpc.RetryInfo");
    let retry = RetryInfo::decode(decoded.details[0].value.as_slice()).unwrap().retry_delay.unwrap();
    assert_eq!((retry.seconds, retry.nanos), (1, 500_000_000));
    let violations = BadRequest::decode(decoded.details[1].value.as_slice()).unwrap().field_violations;
    assert_eq!(violations[0].field, "spans[1].kind");

    let expected = json!({
        "code": 14,
        "message": "busy",
        "details": [
            { "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.500000000s" },
            {
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": [{ "field": "spans[1].kind", "description": "expected an integer" }],
            },
        ],
    });
    assert_eq!(parsed(&status(Json, 14, "busy", &details)), expected);
    assert_eq!(parsed(&status(Json, 3, "bad", &[])), json!({ "code": 3, "message": "bad" }));
}

#[test]
fn long_messages_are_cut_between_characters() {
    let long = format!("a{}", "é".repeat(10_000));
    let decoded = Status::decode(status(Protobuf, 3, &long, &[])).unwrap();
    assert_eq!(decoded.message.len(), MAX_MESSAGE_BYTES - 1);
    assert!(long.starts_with(&decoded.message));
    assert!(success(Signal::Traces, Json, 1, &long).len() < 2 * MAX_MESSAGE_BYTES);
}

/// G4, H7: however long the message is, in whatever characters, an answer is far below 4 MiB, and a status fits into
/// the 8 KiB that some gRPC clients take for headers.
#[test]
fn g4_h7_answers_stay_small() {
    for character in ["a", "\u{0}", "é", "\u{1f600}"] {
        let long = character.repeat(3_000_000);
        let details = [Detail::BadRequest { field: long.clone(), description: long.clone() }];
        for encoding in [Protobuf, Json] {
            assert!(success(Signal::Traces, encoding, 7, &long).len() < 8 * 1024);
            assert!(status(encoding, 3, &long, &details).len() < 10 * 1024);
        }
        assert!(status(Protobuf, 3, &long, &details).len() < 2 * 1024);
    }
}
