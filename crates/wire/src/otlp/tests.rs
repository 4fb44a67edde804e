use proptest::prelude::*;
use prost::Message as _;

use super::{Encoding, decode_logs, decode_traces, scan_logs, scan_traces};
use crate::testing::{logs, logs_json, one_span, traces, traces_json};
use crate::{Limits, WireError};

#[test]
fn content_types_are_read() {
    for (header, encoding) in [
        ("application/x-protobuf", Encoding::Protobuf),
        ("application/json; charset=utf-8", Encoding::Json),
        (" Application/JSON ;a=b", Encoding::Json),
    ] {
        assert_eq!(Encoding::from_content_type(header).unwrap(), encoding);
        assert!(header.to_ascii_lowercase().contains(encoding.content_type()));
    }
    for header in ["", "text/plain", "application/jsonx", "application/grpc", ";application/json"] {
        let error = Encoding::from_content_type(header).unwrap_err();
        assert!(error.is_unsupported_media_type(), "{header}");
        assert!(!error.is_too_large());
    }
}

proptest! {
    #[test]
    fn both_encodings_give_the_same_traces(request in traces()) {
        let limits = Limits::default();
        let (binary, text) = (request.encode_to_vec(), traces_json(&request).to_string());
        prop_assert_eq!(&decode_traces(Encoding::Protobuf, &binary, &limits).unwrap(), &request);
        prop_assert_eq!(&decode_traces(Encoding::Json, text.as_bytes(), &limits).unwrap(), &request);
        let scan = scan_traces(Encoding::Protobuf, &binary, &limits).unwrap();
        prop_assert_eq!(scan, scan_traces(Encoding::Json, text.as_bytes(), &limits).unwrap());
    }

    #[test]
    fn both_encodings_give_the_same_logs(request in logs()) {
        let limits = Limits::default();
        let (binary, text) = (request.encode_to_vec(), logs_json(&request).to_string());
        prop_assert_eq!(&decode_logs(Encoding::Protobuf, &binary, &limits).unwrap(), &request);
        prop_assert_eq!(&decode_logs(Encoding::Json, text.as_bytes(), &limits).unwrap(), &request);
        let scan = scan_logs(Encoding::Protobuf, &binary, &limits).unwrap();
        prop_assert_eq!(scan, scan_logs(Encoding::Json, text.as_bytes(), &limits).unwrap());
    }
}

#[test]
fn what_was_accepted_decodes_when_limits_are_lowered() {
    let request = one_span(Vec::new());
    let bytes = request.encode_to_vec();
    let lowered = Limits { max_spans_per_request: 0, ..Limits::default() };
    let error = decode_traces(Encoding::Protobuf, &bytes, &lowered).unwrap_err();
    assert_eq!(error, WireError::TooMany { what: "spans", limit: 0 });
    assert_eq!(decode_traces(Encoding::Protobuf, &bytes, &Limits::ACCEPTED).unwrap(), request);
}
