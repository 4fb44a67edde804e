//! What a client is told: bodies of OTLP answers and of `google.rpc.Status`, in both encodings.
//!
//! OTLP's rules kept here: `partial_success` is unset on full success, a warning has a count of 0, a 64-bit integer in
//! JSON is a string, and an answer stays small however long its message is.

use std::time::Duration;

use bytes::Bytes;
use prost::Message;
use serde_json::{Value, json};

use crate::Encoding;
use crate::proto::collector::logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse};
use crate::proto::collector::trace::v1::{ExportTracePartialSuccess, ExportTraceServiceResponse};

/// Longest message in an answer. Beyond it the message is cut: OTLP asks servers to shorten rather than to fail.
pub const MAX_MESSAGE_BYTES: usize = 1024;

/// Longest text within a detail. A status over gRPC travels in headers, of which some clients take 8 KiB in all: message
/// and details together stay below 6.
pub const MAX_DETAIL_BYTES: usize = 256;

/// What a request carried; it decides the name of the count in the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Log records.
    Logs,
    /// Metrics: not kept, but answered.
    Metrics,
}

/// More about a failure, for `google.rpc.Status.details`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Detail {
    /// Trying again after this time may help.
    RetryInfo(Duration),
    /// The request is bad, and this field of it is why.
    BadRequest {
        /// Path of the field.
        field: String,
        /// What is wrong with it.
        description: String,
    },
}

/// An `Export…ServiceResponse`. `rejected` items were refused for good, `message` says why or, with 0 rejected, what to
/// mind. With neither it is a full success: zero bytes, or `{}`.
pub fn success(signal: Signal, encoding: Encoding, rejected: usize, message: &str) -> Bytes {
    let rejected = i64::try_from(rejected).unwrap_or(i64::MAX);
    let partial = rejected != 0 || !message.is_empty();
    let error_message = shortened(message);
    match encoding {
        Encoding::Json if !partial => Bytes::from_static(b"{}"),
        Encoding::Json => {
            let count = match signal {
                Signal::Traces => "rejectedSpans",
                Signal::Logs => "rejectedLogRecords",
                Signal::Metrics => "rejectedDataPoints",
            };
            text(json!({ "partialSuccess": { count: rejected.to_string(), "errorMessage": error_message } }))
        }
        Encoding::Protobuf => {
            let error_message = error_message.to_owned();
            let body = match signal {
                Signal::Logs => {
                    let partial_success =
                        partial.then_some(ExportLogsPartialSuccess { rejected_log_records: rejected, error_message });
                    ExportLogsServiceResponse { partial_success }.encode_to_vec()
                }
                // The response to metrics has the same field numbers.
                Signal::Traces | Signal::Metrics => {
                    let partial_success =
                        partial.then_some(ExportTracePartialSuccess { rejected_spans: rejected, error_message });
                    ExportTraceServiceResponse { partial_success }.encode_to_vec()
                }
            };
            body.into()
        }
    }
}

/// A `google.rpc.Status`: the body of every failure over HTTP, and `grpc-status-details-bin` over gRPC. `code` is the
/// number of a gRPC status code.
pub fn status(encoding: Encoding, code: i32, message: &str, details: &[Detail]) -> Bytes {
    let message = shortened(message);
    match encoding {
        Encoding::Protobuf => {
            let details = details.iter().map(Detail::to_any).collect();
            Status { code, message: message.to_owned(), details }.encode_to_vec().into()
        }
        Encoding::Json => {
            let mut status = json!({ "code": code, "message": message });
            if !details.is_empty() {
                status["details"] = details.iter().map(Detail::to_json).collect();
            }
            text(status)
        }
    }
}

const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";
const BAD_REQUEST: &str = "type.googleapis.com/google.rpc.BadRequest";

impl Detail {
    fn to_any(&self) -> prost_types::Any {
        let (type_url, value) = match self {
            Self::RetryInfo(delay) => {
                // Only a delay of more than 292 billion years does not fit.
                let retry_delay = prost_types::Duration::try_from(*delay).ok();
                (RETRY_INFO, RetryInfo { retry_delay }.encode_to_vec())
            }
            Self::BadRequest { field, description } => {
                let violation = FieldViolation { field: detail(field).into(), description: detail(description).into() };
                (BAD_REQUEST, BadRequest { field_violations: vec![violation] }.encode_to_vec())
            }
        };
        prost_types::Any { type_url: type_url.to_owned(), value }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::RetryInfo(delay) => {
                let seconds = format!("{}.{:09}s", delay.as_secs(), delay.subsec_nanos());
                json!({ "@type": RETRY_INFO, "retryDelay": seconds })
            }
            Self::BadRequest { field, description } => json!({
                "@type": BAD_REQUEST,
                "fieldViolations": [{ "field": detail(field), "description": detail(description) }],
            }),
        }
    }
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<prost_types::Any>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<prost_types::Duration>,
}

/// `google.rpc.BadRequest`.
#[derive(Clone, PartialEq, Message)]
struct BadRequest {
    #[prost(message, repeated, tag = "1")]
    field_violations: Vec<FieldViolation>,
}

/// `google.rpc.BadRequest.FieldViolation`.
#[derive(Clone, PartialEq, Message)]
struct FieldViolation {
    #[prost(string, tag = "1")]
    field: String,
    #[prost(string, tag = "2")]
    description: String,
}

/// A message as it goes into an answer: at most [`MAX_MESSAGE_BYTES`].
pub fn shortened(message: &str) -> &str {
    cut(message, MAX_MESSAGE_BYTES)
}

fn detail(text: &str) -> &str {
    cut(text, MAX_DETAIL_BYTES)
}

fn cut(text: &str, max_bytes: usize) -> &str {
    let mut end = text.len().min(max_bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn text(json: Value) -> Bytes {
    json.to_string().into()
}

#[cfg(test)]
mod tests;
