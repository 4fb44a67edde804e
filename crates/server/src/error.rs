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
    /// A media type or content encoding that is not served.
    UnsupportedMediaType,
    /// Too much at once: later it works.
    Busy,
    /// The disk, the journal or the store does not answer: later it may work.
    Unavailable,
}

/// All codes, for the test that reads the table.
#[cfg(test)]
pub(crate) const ALL: [ErrorCode; 5] =
    [ErrorCode::Invalid, ErrorCode::TooLarge, ErrorCode::UnsupportedMediaType, ErrorCode::Busy, ErrorCode::Unavailable];

impl ErrorCode {
    /// gRPC status code.
    pub(crate) fn grpc(self) -> Code {
        match self {
            Self::Invalid | Self::UnsupportedMediaType => Code::InvalidArgument,
            // OTLP/gRPC Request: MUST be RESOURCE_EXHAUSTED, without RetryInfo.
            Self::TooLarge => Code::ResourceExhausted,
            Self::Busy | Self::Unavailable => Code::Unavailable,
        }
    }

    /// HTTP status.
    pub(crate) fn http(self) -> u16 {
        match self {
            Self::Invalid => 400,
            Self::TooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::Busy | Self::Unavailable => 503,
        }
    }

    /// How long a client should wait before it tries again; `None`: a retry cannot help.
    pub(crate) fn retry_after(self) -> Option<Duration> {
        match self {
            Self::Busy | Self::Unavailable => Some(Duration::from_secs(1)),
            Self::Invalid | Self::TooLarge | Self::UnsupportedMediaType => None,
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
}

impl Refusal {
    /// A refusal with a message.
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// As a gRPC status. RetryInfo rides along where a retry helps.
    pub(crate) fn to_status(&self) -> tonic::Status {
        match self.code.retry_after() {
            None => tonic::Status::new(self.code.grpc(), &self.message),
            Some(_) => {
                tonic::Status::with_details(self.code.grpc(), &self.message, status_body(Encoding::Protobuf, self))
            }
        }
    }
}

/// `google.rpc.Status` of a refusal: HTTP's body, and gRPC's details.
pub(crate) fn status_body(encoding: Encoding, refusal: &Refusal) -> Bytes {
    let retry = refusal.code.retry_after().map(Detail::RetryInfo);
    answer::status(encoding, refusal.code.grpc() as i32, &refusal.message, retry.as_slice())
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
        Self::new(code, error.to_string())
    }
}

impl From<gleaner_journal::JournalError> for Refusal {
    fn from(error: gleaner_journal::JournalError) -> Self {
        match error {
            gleaner_journal::JournalError::Busy { .. } => Self::new(ErrorCode::Busy, error.to_string()),
            gleaner_journal::JournalError::PayloadTooLarge { .. } => Self::new(ErrorCode::TooLarge, error.to_string()),
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
