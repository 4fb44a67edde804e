//! The decompressor never gives more than the limits allow and never panics. The first byte chooses the encoding.
#![no_main]

use gleaner_wire::{ContentEncoding, Limits, decompress};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((first, body)) = bytes.split_first() else { return };
    let encoding = if first & 1 == 0 { ContentEncoding::Gzip } else { ContentEncoding::Zstd };
    let limits = Limits { max_request_bytes: 1 << 20, max_zstd_window_log: 20, ..Limits::default() };
    if let Ok(output) = decompress(encoding, body.to_vec().into(), &limits) {
        assert!(output.len() <= limits.max_request_bytes);
    }
});
