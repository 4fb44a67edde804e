use crate::{Store, StoreConfig, StoreError};

use super::*;

fn plain(dir: &Path) -> Connection {
    Connection::open(dir.join("store.duckdb")).expect("a plain client")
}

/// Guarantees: a plain DuckDB client reads every public relation of a store at rest.
#[test]
fn a_plain_client_reads_all_relations() {
    let dir = tempfile::tempdir().expect("a folder");
    drop(Store::open(&StoreConfig::at(dir.path())).expect("a new store"));
    let client = plain(dir.path());
    for relation in PUBLIC_RELATIONS {
        let rows: u64 = one(&client, &format!("SELECT count(*) FROM {relation}")).expect(relation);
        assert_eq!(rows, 0);
    }
    let version: String =
        one(&client, "SELECT tags['storage_version'] FROM duckdb_databases() WHERE NOT internal").expect("a version");
    assert!(version.starts_with("v1.5"), "{version}");
}

#[test]
fn other_versions_are_refused_with_the_way_out() {
    let dir = tempfile::tempdir().expect("a folder");
    drop(Store::open(&StoreConfig::at(dir.path())).expect("a new store"));
    for (version, hint) in [(SCHEMA_VERSION + 1, "use a newer gleaner"), (SCHEMA_VERSION - 1, "`gleaner rebuild`")] {
        plain(dir.path()).execute("UPDATE schema_info SET version = ?", params![version]).expect("an update");
        let error = Store::open(&StoreConfig::at(dir.path())).expect_err("another version");
        assert!(matches!(&error, StoreError::SchemaVersion { found: Some(v), .. } if *v == version), "{error:?}");
        assert!(error.to_string().contains(hint), "{error}");
    }
}

#[test]
fn a_foreign_database_is_refused() {
    let dir = tempfile::tempdir().expect("a folder");
    plain(dir.path()).execute_batch("CREATE TABLE t (a INTEGER)").expect("a table");
    let error = Store::open(&StoreConfig::at(dir.path())).expect_err("no store");
    assert!(matches!(error, StoreError::SchemaVersion { found: None, .. }), "{error:?}");
}

/// Guarantees: a program with other views replaces them, and keeps the data.
#[test]
fn views_of_an_older_program_are_replaced() {
    let dir = tempfile::tempdir().expect("a folder");
    drop(Store::open(&StoreConfig::at(dir.path())).expect("a new store"));
    plain(dir.path())
        .execute_batch(
            "CREATE OR REPLACE VIEW unmapped_spans AS SELECT 1 AS old; UPDATE schema_info SET views_hash = 'old';
             UPDATE journal_position SET position = 5;",
        )
        .expect("an older view");
    let store = Store::open(&StoreConfig::at(dir.path())).expect("the store again");
    assert_eq!(store.position().expect("a position"), 5);
    store.reader().unwrap().rows("SELECT reason FROM unmapped_spans", &[]).expect("the new view");
}

#[test]
fn a_missing_folder_is_an_open_error() {
    let dir = tempfile::tempdir().expect("a folder");
    let error = Store::open(&StoreConfig::at(&dir.path().join("none"))).expect_err("no folder");
    assert!(matches!(error, StoreError::Open { .. }), "{error:?}");
}
