//! Facts as they arrived: one span or log record of one request, decoded and otherwise untouched.
//!
//! A span may come in several fragments (partial updates, retries, its log records apart). Fragments are appended and never
//! changed; what a span *is* gets derived from all of its fragments, in any order.
//!
//! Attribute values are JSON: string, bool, integer, double (`1.0` stays apart from `1`), array, object (OTLP kvlist),
//! `null` (empty value). What JSON lacks is wrapped: bytes as `{"$bytes": "<base64>"}`, non-finite doubles as
//! `{"$double": "NaN" | "Infinity" | "-Infinity"}`. Nothing is lost (invariant I6).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One fact from telemetry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "signal", rename_all = "snake_case")]
pub enum Fragment {
    /// From `ExportTraceServiceRequest`.
    Span(Box<SpanFragment>),
    /// From `ExportLogsServiceRequest`.
    Log(Box<LogFragment>),
}

/// Instrumentation scope of a span or record.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ScopeInfo {
    /// Tracer or logger name.
    pub name: String,
    /// Its version, empty when not sent.
    pub version: String,
    /// Scope attributes.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
    /// Schema URL of the scope's data, empty when not sent.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub schema_url: String,
}

/// One span as one request told it. Ids are lower-case hex (32 and 16 digits).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SpanFragment {
    /// 32 lower-case hex digits.
    pub trace_id: String,
    /// 16 lower-case hex digits.
    pub span_id: String,
    /// Absent on a root.
    pub parent_span_id: Option<String>,
    /// W3C trace state, verbatim.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub trace_state: String,
    /// Raw 32 bits: bits 0–7 are W3C flags, 8–9 say whether the parent is remote.
    #[serde(default)]
    pub flags: u32,
    /// Span name, may be empty.
    pub name: String,
    /// OTLP `SpanKind` number, kept even when unknown.
    pub kind: i32,
    /// Nanoseconds since the Unix epoch; 0 when not sent.
    pub start_time_unix_nano: u64,
    /// Nanoseconds since the Unix epoch; 0 when not sent.
    pub end_time_unix_nano: u64,
    /// OTLP `StatusCode`: 0 unset, 1 ok, 2 error.
    pub status_code: i32,
    /// Empty when not sent.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub status_message: String,
    /// Span attributes; of repeated keys the last wins.
    pub attributes: Map<String, Value>,
    /// Span events in the order sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<SpanEvent>,
    /// Span links in the order sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<SpanLink>,
    /// What the client's SDK dropped: attributes, events, links.
    #[serde(default)]
    pub dropped_counts: [u32; 3],
    /// Resource attributes.
    pub resource: Map<String, Value>,
    /// Schema URL of the resource, empty when not sent.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub resource_schema_url: String,
    /// The tracer.
    pub scope: ScopeInfo,
}

/// One event of a span.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SpanEvent {
    /// Event name.
    pub name: String,
    /// Nanoseconds since the Unix epoch.
    pub time_unix_nano: u64,
    /// Event attributes.
    pub attributes: Map<String, Value>,
}

/// One link of a span.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SpanLink {
    /// Linked trace, hex.
    pub trace_id: String,
    /// Linked span, hex.
    pub span_id: String,
    /// Link attributes.
    pub attributes: Map<String, Value>,
}

/// One log record. `trace_id` and `span_id` are absent when the record stands outside any trace.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LogFragment {
    /// 32 lower-case hex digits.
    pub trace_id: Option<String>,
    /// 16 lower-case hex digits.
    pub span_id: Option<String>,
    /// `event_name` (LogRecord field 12), else the attribute `event.name`, else empty.
    pub event_name: String,
    /// Nanoseconds since the Unix epoch; 0 when only the observed time was sent.
    pub time_unix_nano: u64,
    /// When the collector or SDK saw it.
    pub observed_time_unix_nano: u64,
    /// OTLP severity number.
    pub severity_number: i32,
    /// Severity text, verbatim.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub severity_text: String,
    /// The record's body.
    pub body: Value,
    /// Record attributes.
    pub attributes: Map<String, Value>,
    /// Resource attributes.
    pub resource: Map<String, Value>,
    /// The logger.
    pub scope: ScopeInfo,
}

impl SpanFragment {
    /// The JSON of this fragment as a [`Fragment`], before and after the value of `attributes`: nearly all of its bytes.
    pub fn json_around_attributes(&self) -> [String; 2] {
        const KEY: &str = "\"attributes\":";
        let bare = Self {
            attributes: Map::new(),
            events: self.events.clone(),
            links: self.links.clone(),
            resource: self.resource.clone(),
            scope: self.scope.clone(),
            trace_id: self.trace_id.clone(),
            span_id: self.span_id.clone(),
            parent_span_id: self.parent_span_id.clone(),
            trace_state: self.trace_state.clone(),
            name: self.name.clone(),
            status_message: self.status_message.clone(),
            resource_schema_url: self.resource_schema_url.clone(),
            ..*self
        };
        let json = serde_json::to_string(&Fragment::Span(Box::new(bare))).unwrap_or_default();
        // No field before it can hold the key: within a JSON string its quotes are escaped.
        let value = json.find(KEY).map_or(json.len(), |at| at + KEY.len());
        let (head, tail) = json.split_at(value);
        [head.to_owned(), tail.strip_prefix("{}").unwrap_or(tail).to_owned()]
    }
}

impl Fragment {
    /// Whether it is a log record.
    pub fn is_log(&self) -> bool {
        matches!(self, Self::Log(_))
    }

    /// The trace that it belongs to, where it says so.
    pub fn trace_id(&self) -> Option<&str> {
        match self {
            Self::Span(span) => Some(&span.trace_id),
            Self::Log(log) => log.trace_id.as_deref(),
        }
    }

    /// The span that it tells of, where it says so.
    pub fn span_id(&self) -> Option<&str> {
        match self {
            Self::Span(span) => Some(&span.span_id),
            Self::Log(log) => log.span_id.as_deref(),
        }
    }
}

/// A fragment with its place in the journal: a row of fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredFragment {
    /// Project of the request that carried it.
    pub project: String,
    /// Journal position of that request.
    pub position: u64,
    /// Place within the request.
    pub ordinal: u32,
    /// When the request reached the journal. Nanoseconds since the Unix epoch.
    pub recorded_at_unix_nano: u64,
    /// The fact itself.
    pub fragment: Fragment,
}

#[cfg(test)]
mod tests;
