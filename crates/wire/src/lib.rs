//! Bytes to OTLP and feedback messages, and answers back to bytes.
//!
//! The way of a request: [`ContentEncoding::parse`], [`decompress`], [`scan_traces`] or [`scan_logs`] before it is
//! acknowledged; [`decode_traces`] or [`decode_logs`] when it is loaded; [`answer`] for what the client is told.
//! Feedback has [`feedback`].
//!
//! This crate knows no model, no socket, no runtime and no database. Invariants:
//!
//! - Whatever a scan accepts, the decoder of the same encoding and limits decodes.
//! - No input makes it panic or recurse without bound, and memory is bounded by [`Limits`].
//! - Errors name the field and the limit, never the payload.

pub mod answer;
mod decompress;
mod error;
pub mod feedback;
mod json;
mod limits;
mod otlp;
mod scan;
mod tally;
#[cfg(test)]
mod testing;

pub use decompress::{ContentEncoding, decompress, decompress_with, gzip};
pub use error::WireError;
pub use limits::{Limits, MAX_DEPTH};
pub use otlp::{Encoding, decode_logs, decode_traces, scan_logs, scan_traces};
pub use tally::{IdFault, Scan, check_span_ids};

/// The OTLP messages, so that no other crate depends on where they come from.
pub mod proto {
    pub use opentelemetry_proto::tonic::{collector, common, logs, resource, trace};
    /// Encoding and decoding of the messages above.
    pub use prost::Message;
}
