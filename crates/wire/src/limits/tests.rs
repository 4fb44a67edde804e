use std::mem::size_of;

use super::Limits;
use crate::proto::common::v1::KeyValue;
use crate::proto::logs::v1::LogRecord;
use crate::proto::trace::v1::span::{Event, Link};
use crate::proto::trace::v1::{ResourceSpans, ScopeSpans, Span};

/// The number that the module's documentation states.
#[test]
fn the_worst_request_is_bounded_by_default() {
    let limits = Limits::default();
    let items = (limits.max_spans_per_request * size_of::<Span>())
        .max(limits.max_log_records_per_request * size_of::<LogRecord>());
    let groups = limits.max_groups_per_request * size_of::<ResourceSpans>().max(size_of::<ScopeSpans>());
    let bytes = items
        + groups
        + limits.max_attributes_per_request * size_of::<KeyValue>()
        + limits.max_events_per_request * size_of::<Event>()
        + limits.max_links_per_request * size_of::<Link>();
    assert!(bytes < 350_000_000, "{bytes}");
    assert!(limits.max_spans_per_request * size_of::<Span>() < 30_000_000);
}
