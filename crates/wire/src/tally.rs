//! What a pass over a request counts and judges, whatever the encoding: both scans call the same functions.
//!
//! A span with a bad id is rejected alone (OTLP partial success). A log record is never rejected: an id of a wrong length
//! means that it belongs to no trace, which is worth a warning. Nothing here reads bytes.

use std::fmt;

use crate::{Limits, WireError};

/// What a request holds, found without building its messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scan {
    /// Spans or log records, the rejected ones too.
    pub items: usize,
    /// Spans that are refused for good, each alone.
    pub rejected: usize,
    /// Why the first of them is, e.g. `span 17: trace_id has 5 bytes, expected 16`. Spans count from 0.
    pub first_rejection: Option<String>,
    /// Oddities in what is accepted all the same.
    pub warnings: usize,
    /// The first of them, in a sentence for the client.
    pub first_warning: Option<String>,
    /// Resources, scopes and entity references.
    pub groups: usize,
    /// Attributes at every level, nested values, and keys of entities.
    pub attributes: usize,
    /// Span events.
    pub events: usize,
    /// Span links.
    pub links: usize,
}

/// What is wrong with an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdFault {
    field: &'static str,
    expected_bytes: usize,
    /// `None`: the right length, but all zero.
    got_bytes: Option<usize>,
}

impl fmt::Display for IdFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, expected_bytes, got_bytes } = self;
        match got_bytes {
            Some(got) => write!(f, "{field} has {got} bytes, expected {expected_bytes}"),
            None => write!(f, "{field} is all zero"),
        }
    }
}

/// Tells whether a span with these ids is kept: 16 and 8 bytes, neither all zero. The loader must skip what the scan
/// rejected, so both ask here.
///
/// # Errors
/// What is wrong with the first bad id.
pub fn check_span_ids(trace_id: &[u8], span_id: &[u8]) -> Result<(), IdFault> {
    check_id("trace_id", trace_id, 16)?;
    check_id("span_id", span_id, 8)
}

fn check_id(field: &'static str, id: &[u8], expected_bytes: usize) -> Result<(), IdFault> {
    if id.len() != expected_bytes {
        return Err(IdFault { field, expected_bytes, got_bytes: Some(id.len()) });
    }
    if id.iter().all(|byte| *byte == 0) {
        return Err(IdFault { field, expected_bytes, got_bytes: None });
    }
    Ok(())
}

/// Counts against the limits, and stops at the first that is passed.
pub(crate) struct Tally<'a> {
    pub(crate) limits: &'a Limits,
    /// False: elements of lists are dropped as soon as they are judged, so that a pass holds one of them and not all.
    pub(crate) keeps_elements: bool,
    scan: Scan,
}

impl<'a> Tally<'a> {
    pub(crate) fn new(limits: &'a Limits) -> Self {
        Self { limits, keeps_elements: true, scan: Scan::default() }
    }

    /// For a pass that only counts and judges.
    pub(crate) fn scanning(limits: &'a Limits) -> Self {
        Self { keeps_elements: false, ..Self::new(limits) }
    }

    pub(crate) fn finish(self) -> Scan {
        self.scan
    }

    pub(crate) fn span(&mut self) -> Result<(), WireError> {
        add(&mut self.scan.items, self.limits.max_spans_per_request, "spans")
    }

    pub(crate) fn log_record(&mut self) -> Result<(), WireError> {
        add(&mut self.scan.items, self.limits.max_log_records_per_request, "log records")
    }

    pub(crate) fn group(&mut self) -> Result<(), WireError> {
        add(&mut self.scan.groups, self.limits.max_groups_per_request, "resources and scopes")
    }

    pub(crate) fn attribute(&mut self) -> Result<(), WireError> {
        add(&mut self.scan.attributes, self.limits.max_attributes_per_request, "attributes and nested values")
    }

    /// The name of an attribute or of a field of an entity; not its value.
    pub(crate) fn key(&self, key_bytes: usize) -> Result<(), WireError> {
        let limit_bytes = self.limits.max_key_bytes;
        if key_bytes > limit_bytes {
            return Err(WireError::TooLarge { what: "an attribute key", limit_bytes });
        }
        Ok(())
    }

    pub(crate) fn event(&mut self) -> Result<(), WireError> {
        add(&mut self.scan.events, self.limits.max_events_per_request, "span events")
    }

    pub(crate) fn link(&mut self) -> Result<(), WireError> {
        add(&mut self.scan.links, self.limits.max_links_per_request, "span links")
    }

    /// Judges the span counted last.
    pub(crate) fn span_ids(&mut self, trace_id: &[u8], span_id: &[u8]) {
        if let Err(fault) = check_span_ids(trace_id, span_id) {
            self.scan.rejected += 1;
            let index = self.scan.items.saturating_sub(1);
            self.scan.first_rejection.get_or_insert_with(|| format!("span {index}: {fault}"));
        }
    }

    /// Judges the log record counted last. Absent and all-zero ids are the usual way to say "no trace".
    pub(crate) fn log_record_ids(&mut self, trace_id: &[u8], span_id: &[u8]) {
        for (field, id, expected_bytes) in [("trace_id", trace_id, 16), ("span_id", span_id, 8)] {
            if id.is_empty() {
                continue;
            }
            if let Err(fault @ IdFault { got_bytes: Some(_), .. }) = check_id(field, id, expected_bytes) {
                let index = self.scan.items.saturating_sub(1);
                self.warn(|| format!("log record {index}: {fault}, the id is ignored"));
            }
        }
    }

    pub(crate) fn warn(&mut self, message: impl FnOnce() -> String) {
        self.scan.warnings += 1;
        self.scan.first_warning.get_or_insert_with(message);
    }
}

fn add(count: &mut usize, limit: usize, what: &'static str) -> Result<(), WireError> {
    if *count >= limit {
        return Err(WireError::TooMany { what, limit });
    }
    *count += 1;
    Ok(())
}
