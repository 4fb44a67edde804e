use super::*;

fn failure(message: &str) -> duckdb::Error {
    duckdb::Error::DuckDBFailure(duckdb::ffi::Error::new(1), Some(message.to_owned()))
}

/// Guarantees: both errors after which DuckDB refuses all work ask for reopening; others leave the store usable.
#[test]
fn fatal_errors_ask_for_reopening() {
    for message in [
        "FATAL Error: Failed to create checkpoint because of error: the transaction succeeded",
        "TransactionContext Error: Failed: database has been invalidated because of a previous fatal error",
    ] {
        assert!(matches!(StoreError::sql("committing", failure(message)), StoreError::Invalidated { .. }), "{message}");
    }
    let error = StoreError::sql("committing", failure("Out of Memory Error: failed to allocate"));
    assert!(matches!(error, StoreError::Sql { .. }));
    assert_eq!(error.to_string(), "committing failed: Out of Memory Error: failed to allocate");
}
