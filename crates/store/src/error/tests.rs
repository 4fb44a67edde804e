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

/// Guarantees: what the memory limit ended is known by its message, in a COMMIT too, and no other failed COMMIT is taken for it.
#[test]
fn want_of_memory_is_known() {
    let is_known = |message: &str| StoreError::sql("committing", failure(message)).is_out_of_memory();
    assert!(is_known("Out of Memory Error: failed to offload data block of size 256.0 KiB (1.0 GiB/1.0 GiB used)."));
    assert!(is_known(
        "TransactionContext Error: Failed to commit: failed to pin block of size 256.0 KiB (5.9 MiB/6.0 MiB used)"
    ));
    assert!(!is_known(
        "TransactionContext Error: Failed to commit: write-write conflict on key: failed to pin block of size"
    ));
    assert!(!is_known("IO Error: failed to pin block of size 256.0 KiB"));
}
