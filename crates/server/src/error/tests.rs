use super::*;

/// Guarantees: the table is closed, and what a client reads as "retry" is exactly what a retry can mend.
/// OTLP 1.11: HTTP clients retry 429, 502, 503 and 504; gRPC clients retry UNAVAILABLE and DEADLINE_EXCEEDED among ours,
/// and RESOURCE_EXHAUSTED only with RetryInfo.
#[test]
fn retryable_codes_are_read_as_retryable_on_both_transports() {
    for code in ALL {
        let http_retries = matches!(code.http(), 429 | 502 | 503 | 504);
        let grpc_retries = matches!(code.grpc(), Code::Unavailable | Code::DeadlineExceeded);
        assert_eq!(http_retries, code.retry_after().is_some(), "{code:?} over HTTP");
        assert_eq!(grpc_retries, code.retry_after().is_some(), "{code:?} over gRPC");
        assert_ne!(code.grpc(), Code::Internal, "{code:?}: clients drop data on INTERNAL");
        assert_ne!(code.http(), 500, "{code:?}: clients drop data on 500");
    }
}
