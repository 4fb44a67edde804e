//! Whatever the scan accepts, the decoder decodes to the same count; neither panics.
#![no_main]

use gleaner_wire::{Encoding, Limits, decode_logs, decode_traces, scan_logs, scan_traces};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { max_spans_per_request: 1000, max_attributes_per_request: 10_000, ..Limits::default() };
    if let Ok(scan) = scan_traces(Encoding::Protobuf, bytes, &limits) {
        let request = decode_traces(Encoding::Protobuf, bytes, &limits).expect("what was scanned decodes");
        let spans: usize =
            request.resource_spans.iter().flat_map(|r| &r.scope_spans).map(|scope| scope.spans.len()).sum();
        assert_eq!(spans, scan.items);
        decode_traces(Encoding::Protobuf, bytes, &Limits::ACCEPTED).expect("and for ever");
    }
    if let Ok(scan) = scan_logs(Encoding::Protobuf, bytes, &limits) {
        let request = decode_logs(Encoding::Protobuf, bytes, &limits).expect("what was scanned decodes");
        let records: usize =
            request.resource_logs.iter().flat_map(|r| &r.scope_logs).map(|scope| scope.log_records.len()).sum();
        assert_eq!(records, scan.items);
    }
});
