//! The crate's one error. Messages name the field and the limit and are safe to show: no payload is in them.

/// Why bytes are refused. All of them are permanent: sending the same bytes again will not help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The bytes are not what they claim to be.
    #[error("malformed request{}{at}: {reason}", if at.is_empty() { "" } else { " at " })]
    Malformed {
        /// Path of the field, e.g. `resourceSpans[0].scopeSpans[2].spans[1].kind`; empty for the request as a whole.
        at: String,
        /// What is wrong there.
        reason: String,
    },
    /// More bytes than the limit, as sent or after decompression.
    #[error("{what} is over the limit of {limit_bytes} bytes")]
    TooLarge {
        /// What was measured, e.g. `request after decompression`.
        what: &'static str,
        /// The limit in bytes.
        limit_bytes: usize,
    },
    /// More items than the limit. Counting stops at the limit, so the true number is not known.
    #[error("request has more than {limit} {what}, send it in smaller batches")]
    TooMany {
        /// What was counted, in the plural.
        what: &'static str,
        /// The most that one request may hold.
        limit: usize,
    },
    /// Nested deeper than the limit.
    #[error("{what} are nested more than {limit} deep")]
    TooDeep {
        /// What is nested, in the plural.
        what: &'static str,
        /// The deepest level that is taken.
        limit: u32,
    },
    /// A `Content-Encoding` that is not served.
    #[error("content encoding is not supported, expected gzip, zstd or identity")]
    UnsupportedEncoding,
    /// A `Content-Type` that is not served.
    #[error("content type is not supported, expected application/x-protobuf or application/json")]
    UnsupportedMediaType,
}

impl WireError {
    /// Over a limit of bytes or counts: RESOURCE_EXHAUSTED without RetryInfo, or 413.
    pub fn is_too_large(&self) -> bool {
        matches!(self, Self::TooLarge { .. } | Self::TooMany { .. })
    }

    /// A media type that is not served: 415. An unknown content encoding is not meant, it is answered with 400.
    pub fn is_unsupported_media_type(&self) -> bool {
        matches!(self, Self::UnsupportedMediaType)
    }

    /// Path of the field at fault; empty for the request as a whole.
    pub fn field(&self) -> &str {
        match self {
            Self::Malformed { at, .. } => at,
            _ => "",
        }
    }

    pub(crate) fn malformed(at: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Malformed { at: at.into(), reason: reason.into() }
    }

    /// Puts the name of the enclosing field, or `[index]`, in front of the path.
    pub(crate) fn within(self, segment: &str) -> Self {
        match self {
            Self::Malformed { at, reason } => {
                let dot = if at.is_empty() || at.starts_with('[') { "" } else { "." };
                Self::Malformed { at: format!("{segment}{dot}{at}"), reason }
            }
            other => other,
        }
    }
}
