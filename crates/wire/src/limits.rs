//! Every size, count and depth that one request may have, each with its default and the reason for it.
//!
//! Bytes alone bound nothing: a million empty spans are 2 MB on the wire and 264 MB as structs. So all that is built once
//! per element is counted before it is built. With the defaults the structs of the worst request come to less than
//! 350 MB, beside the text that they hold and the slack of growing vectors.

use crate::WireError;

/// Deepest nesting of attribute values that any setting can allow. prost stops at 100 nested messages, and a value in a
/// list of key-values in an event lies at message 3 × 32 + 3 = 99.
pub const MAX_DEPTH: u32 = 32;

/// What one request may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request, as sent and again after decompression. Default 64 MiB: OTLP 1.11 recommends it.
    pub max_request_bytes: usize,
    /// Default 100,000: two hundred times the batch of a stock SDK (512), and 26 MB of structs.
    pub max_spans_per_request: usize,
    /// Default 100,000, as for spans.
    pub max_log_records_per_request: usize,
    /// Resources, scopes and entity references together; OTLP allows empty ones, which cost 2 bytes on the wire and a
    /// hundred or more as structs. Default 100,000: one for every span.
    pub max_groups_per_request: usize,
    /// Attributes at every level, nested values, and keys of entities together. Default 2,000,000: twenty for each of
    /// the most spans, and 130 MB of structs.
    pub max_attributes_per_request: usize,
    /// Bytes of one attribute's name. Default 64 KiB: names are written by people, and every name becomes a key of
    /// stored JSON; the longest that a captured library sends has 86 bytes.
    pub max_key_bytes: usize,
    /// Default 1,000,000: ten for each of the most spans, and 64 MB of structs.
    pub max_events_per_request: usize,
    /// Default 500,000: five for each of the most spans, and 60 MB of structs.
    pub max_links_per_request: usize,
    /// Nesting of attribute values: 1 is a plain value, 2 a list of plain values. Default 32, which is also the most
    /// that is honoured: beyond it the protobuf decoder would refuse what was accepted.
    pub max_depth: u32,
    /// Largest zstd window as a power of two. Default 27 (128 MiB): what zstd itself writes at most and takes by
    /// default. Memory is touched only as far as output is written, which `max_request_bytes` bounds.
    pub max_zstd_window_log: u32,
    /// Bytes after decompression for each byte before it, beyond the first MiB. Default 1000: gzip cannot exceed 1032,
    /// and histories that repeat with every span reach a few hundred under zstd.
    pub max_decompression_ratio: usize,
    /// Values in one feedback request, counting every object, list, string and number of its JSON. Default 200,000:
    /// the most items (1000) with two hundred values each. An empty item is 3 bytes of JSON and hundreds as a struct.
    pub max_feedback_values_per_request: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_request_bytes: 64 * 1024 * 1024,
            max_spans_per_request: 100_000,
            max_log_records_per_request: 100_000,
            max_groups_per_request: 100_000,
            max_attributes_per_request: 2_000_000,
            max_key_bytes: 64 * 1024,
            max_events_per_request: 1_000_000,
            max_links_per_request: 500_000,
            max_depth: MAX_DEPTH,
            max_zstd_window_log: 27,
            max_decompression_ratio: 1000,
            max_feedback_values_per_request: 200_000,
        }
    }
}

impl Limits {
    /// For bytes that were accepted before: they must decode for ever, even when the limits have been lowered since.
    /// Only the depth stays bounded, since it guards the stack.
    pub const ACCEPTED: Self = Self {
        max_request_bytes: usize::MAX,
        max_spans_per_request: usize::MAX,
        max_log_records_per_request: usize::MAX,
        max_groups_per_request: usize::MAX,
        max_attributes_per_request: usize::MAX,
        max_key_bytes: usize::MAX,
        max_events_per_request: usize::MAX,
        max_links_per_request: usize::MAX,
        max_depth: MAX_DEPTH,
        max_zstd_window_log: 27,
        max_decompression_ratio: usize::MAX,
        max_feedback_values_per_request: usize::MAX,
    };

    pub(crate) fn check_request_bytes(&self, bytes: usize) -> Result<(), WireError> {
        if bytes > self.max_request_bytes {
            return Err(WireError::TooLarge { what: "request", limit_bytes: self.max_request_bytes });
        }
        Ok(())
    }

    /// `level` is 1 for a plain value.
    pub(crate) fn check_depth(&self, level: u32) -> Result<(), WireError> {
        let limit = self.max_depth.min(MAX_DEPTH);
        if level > limit {
            return Err(WireError::TooDeep { what: "attribute values", limit });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
