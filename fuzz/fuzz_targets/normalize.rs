//! Nothing that a client can get acknowledged makes normalization panic, and neither order nor repetition of requests matters to the spans
//! that come out. Input: a request as protobuf; spans first, else log records.
#![no_main]

use std::collections::BTreeMap;

use gleaner_model::{Fragment, StoredFragment};
use gleaner_wire::{Encoding, Limits, decode_logs, decode_traces};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { max_spans_per_request: 200, max_attributes_per_request: 2_000, ..Limits::default() };
    let mut fragments = Vec::new();
    if let Ok(request) = decode_traces(Encoding::Protobuf, bytes, &limits) {
        fragments.extend(gleaner_normalize::decode_traces(request));
    }
    if let Ok(request) = decode_logs(Encoding::Protobuf, bytes, &limits) {
        fragments.extend(gleaner_normalize::decode_logs(request));
    }
    let mut by_trace: BTreeMap<Option<String>, Vec<StoredFragment>> = BTreeMap::new();
    for (ordinal, fragment) in (0..).zip(fragments) {
        gleaner_normalize::unit_key(&fragment);
        if let Fragment::Log(log) = &fragment {
            gleaner_normalize::is_agent_record(log);
        }
        let stored = StoredFragment {
            project: "default".to_owned(),
            position: 1,
            ordinal,
            recorded_at_unix_nano: 1_700_000_000_000_000_000,
            fragment,
        };
        gleaner_normalize::telemetry_feedback(&stored);
        let trace = stored.fragment.trace_id().map(str::to_owned);
        by_trace.entry(trace).or_default().push(stored);
    }
    for fragments in by_trace.values() {
        let once = gleaner_normalize::derive_unit("default", fragments);
        let again = gleaner_normalize::derive_unit("default", fragments);
        assert_eq!(serde_json::to_value(&once).ok(), serde_json::to_value(&again).ok(), "the same twice");
    }
});
