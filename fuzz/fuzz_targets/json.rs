//! The scan of OTLP/JSON judges as its decoder does; what was read from JSON is the same after protobuf; neither panics.
#![no_main]

use gleaner_wire::proto::Message as _;
use gleaner_wire::{Encoding, Limits, decode_logs, decode_traces, scan_logs, scan_traces};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { max_spans_per_request: 1000, max_attributes_per_request: 10_000, ..Limits::default() };
    let scan = scan_traces(Encoding::Json, bytes, &limits);
    let request = decode_traces(Encoding::Json, bytes, &limits);
    assert_eq!(scan.as_ref().err(), request.as_ref().err());
    if let (Ok(scan), Ok(request)) = (scan, request) {
        let bytes = request.encode_to_vec();
        let again = scan_traces(Encoding::Protobuf, &bytes, &limits).expect("what JSON says, protobuf can say");
        assert_eq!((again.items, again.rejected, again.attributes), (scan.items, scan.rejected, scan.attributes));
        // Encoded, since NaN does not equal itself.
        let decoded = decode_traces(Encoding::Protobuf, &bytes, &limits).expect("decodes");
        assert_eq!(decoded.encode_to_vec(), bytes);
    }
    let scan = scan_logs(Encoding::Json, bytes, &limits);
    assert_eq!(scan.err(), decode_logs(Encoding::Json, bytes, &limits).err());
});
