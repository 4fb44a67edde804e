//! The two encodings of OTLP behind one set of functions: scan before the acknowledgement, decode when loading.

use prost::Message;

use crate::proto::collector::logs::v1::ExportLogsServiceRequest;
use crate::proto::collector::trace::v1::ExportTraceServiceRequest;
use crate::{Limits, Scan, WireError, json, scan};

/// How a request is encoded, and so its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// `application/x-protobuf`, and all of gRPC.
    Protobuf,
    /// `application/json`: OTLP/JSON.
    Json,
}

impl Encoding {
    /// Reads the value of a `Content-Type` header; parameters such as `charset` are ignored.
    ///
    /// # Errors
    /// [`WireError::UnsupportedMediaType`] for every other media type.
    pub fn from_content_type(header: &str) -> Result<Self, WireError> {
        match header.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "application/x-protobuf" => Ok(Self::Protobuf),
            "application/json" => Ok(Self::Json),
            _ => Err(WireError::UnsupportedMediaType),
        }
    }

    /// The media type that an answer carries: always that of the request.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }
}

/// Checks an `ExportTraceServiceRequest` against the limits and counts what is in it. Protobuf is read in place and no
/// message is built; of JSON one span is built at a time.
///
/// # Errors
/// Any [`WireError`] but those of the headers. A span with a bad id is no error: it is in [`Scan::rejected`].
pub fn scan_traces(encoding: Encoding, bytes: &[u8], limits: &Limits) -> Result<Scan, WireError> {
    match encoding {
        Encoding::Protobuf => scan::scan_traces(bytes, limits),
        Encoding::Json => json::scan_traces(bytes, limits),
    }
}

/// Checks an `ExportLogsServiceRequest` as [`scan_traces`] does.
///
/// # Errors
/// As [`scan_traces`].
pub fn scan_logs(encoding: Encoding, bytes: &[u8], limits: &Limits) -> Result<Scan, WireError> {
    match encoding {
        Encoding::Protobuf => scan::scan_logs(bytes, limits),
        Encoding::Json => json::scan_logs(bytes, limits),
    }
}

/// Builds the message. It holds the spans with bad ids too: [`crate::check_span_ids`] tells which. Use
/// [`Limits::ACCEPTED`] for bytes that were accepted before.
///
/// # Errors
/// As [`scan_traces`]; nothing is built when the counts are over the limits.
pub fn decode_traces(
    encoding: Encoding,
    bytes: &[u8],
    limits: &Limits,
) -> Result<ExportTraceServiceRequest, WireError> {
    match encoding {
        Encoding::Protobuf => {
            scan::scan_traces(bytes, limits)?;
            decode_scanned(bytes)
        }
        Encoding::Json => json::decode_traces(bytes, limits).map(|(request, _)| request),
    }
}

/// Builds the message, as [`decode_traces`] does. Ids of log records are as they came, whatever their length.
///
/// # Errors
/// As [`decode_traces`].
pub fn decode_logs(encoding: Encoding, bytes: &[u8], limits: &Limits) -> Result<ExportLogsServiceRequest, WireError> {
    match encoding {
        Encoding::Protobuf => {
            scan::scan_logs(bytes, limits)?;
            decode_scanned(bytes)
        }
        Encoding::Json => json::decode_logs(bytes, limits).map(|(request, _)| request),
    }
}

fn decode_scanned<M: Message + Default>(bytes: &[u8]) -> Result<M, WireError> {
    M::decode(bytes).map_err(|error| WireError::malformed("", error.to_string()))
}

#[cfg(test)]
mod tests;
