//! One closed table of error codes, to gRPC, to HTTP, and whether a retry helps. One place turns an error into an answer.
//!
//! OTLP clients drop data on INTERNAL and on 500, so nothing that a retry may mend is ever mapped there: a failed journal
//! write is UNAVAILABLE / 503 (OTLP 1.11, "Failures").

use std::time::Duration;

use bytes::Bytes;
use gleaner_wire::Encoding;
use gleaner_wire::answer::{self, Detail};
use tonic::Code;

/// Every way in which a request can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorCode {
    /// The request is wrong and stays wrong.
    Invalid,
    /// Over a size or count limit.
    TooLarge,
    /// A media type that is not served.
    UnsupportedMediaType,
    /// A path or method that is not served.
    NotFound,
    /// A path that is served, with another HTTP method.
    MethodNotAllowed,
    /// Too much at once: later it works.
    Busy,
    /// The disk, the journal or the store does not answer: later it may work.
    Unavailable,
    /// The disk budget is used up or the disk is almost full: it works again when there is room.
    OutOfSpace,
}

/// All codes, for the tests that read the table and for counters that begin at 0.
pub(crate) const ALL: [ErrorCode; 8] = [
    ErrorCode::Invalid,
    ErrorCode::TooLarge,
    ErrorCode::UnsupportedMediaType,
    ErrorCode::NotFound,
    ErrorCode::MethodNotAllowed,
    ErrorCode::Busy,
    ErrorCode::Unavailable,
    ErrorCode::OutOfSpace,
];

impl ErrorCode {
    /// gRPC status code.
    pub(crate) fn grpc(self) -> Code {
        match self {
            Self::Invalid | Self::UnsupportedMediaType => Code::InvalidArgument,
            // OTLP/gRPC Request: MUST be RESOURCE_EXHAUSTED, without RetryInfo.
            Self::TooLarge => Code::ResourceExhausted,
            Self::NotFound | Self::MethodNotAllowed => Code::Unimplemented,
            Self::Busy | Self::Unavailable | Self::OutOfSpace => Code::Unavailable,
        }
    }

    /// HTTP status.
    pub(crate) fn http(self) -> u16 {
        match self {
            Self::Invalid => 400,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::TooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::Busy | Self::Unavailable | Self::OutOfSpace => 503,
        }
    }

    /// How long a client should wait before it tries again; `None`: a retry cannot help. Overload passes in a second; room on a
    /// disk is made by people, but SDKs give up after some ten seconds to a minute.
    pub(crate) fn retry_after(self) -> Option<Duration> {
        match self {
            Self::Busy | Self::Unavailable => Some(Duration::from_secs(1)),
            Self::OutOfSpace => Some(Duration::from_secs(5)),
            Self::Invalid | Self::TooLarge | Self::UnsupportedMediaType | Self::NotFound | Self::MethodNotAllowed => {
                None
            }
        }
    }

    /// The label of `gleaner_refused_requests`.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::TooLarge => "too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Busy => "busy",
            Self::Unavailable => "unavailable",
            Self::OutOfSpace => "out_of_space",
        }
    }
}

/// An error that can be answered: a code and a message that is safe to show.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Refusal {
    /// The table's row.
    pub code: ErrorCode,
    /// Lower-case, with the field and the limit in it; never payload.
    pub message: String,
    /// Path of the field at fault; empty where there is none.
    pub field: String,
}

impl Refusal {
    /// A refusal with a message.
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), field: String::new() }
    }

    /// As a gRPC status. RetryInfo rides along where a retry helps, BadRequest where a field is at fault.
    pub(crate) fn to_status(&self) -> tonic::Status {
        // The same text twice, and both in headers: shortened, they fit into what clients take.
        let message = answer::shortened(&self.message);
        if self.details().is_empty() {
            return tonic::Status::new(self.code.grpc(), message);
        }
        tonic::Status::with_details(self.code.grpc(), message, status_body(Encoding::Protobuf, self))
    }

    fn details(&self) -> Vec<Detail> {
        let retry = self.code.retry_after().map(Detail::RetryInfo);
        let description = self.message.clone();
        let field = (self.code == ErrorCode::Invalid && !self.field.is_empty())
            .then(|| Detail::BadRequest { field: self.field.clone(), description });
        retry.into_iter().chain(field).collect()
    }
}

/// `google.rpc.Status` of a refusal: HTTP's body, and gRPC's details.
pub(crate) fn status_body(encoding: Encoding, refusal: &Refusal) -> Bytes {
    answer::status(encoding, refusal.code.grpc() as i32, &refusal.message, &refusal.details())
}

impl From<gleaner_wire::WireError> for Refusal {
    fn from(error: gleaner_wire::WireError) -> Self {
        let code = if error.is_too_large() {
            ErrorCode::TooLarge
        } else if error.is_unsupported_media_type() {
            ErrorCode::UnsupportedMediaType
        } else {
            ErrorCode::Invalid
        };
        Self { field: error.field().to_owned(), ..Self::new(code, error.to_string()) }
    }
}

impl From<gleaner_journal::JournalError> for Refusal {
    fn from(error: gleaner_journal::JournalError) -> Self {
        match error {
            gleaner_journal::JournalError::Busy { .. } => Self::new(ErrorCode::Busy, error.to_string()),
            gleaner_journal::JournalError::PayloadTooLarge { .. } => Self::new(ErrorCode::TooLarge, error.to_string()),
            gleaner_journal::JournalError::OutOfSpace { .. } => Self::new(ErrorCode::OutOfSpace, error.to_string()),
            // The path of a file is for the log, not for a client.
            _ => {
                tracing::error!(%error, "the journal refused a record");
                Self::new(ErrorCode::Unavailable, "the journal cannot be written, try again later")
            }
        }
    }
}

#[cfg(test)]
mod tests;
