use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::{Commit, Store, StoreConfig};

use super::*;

fn store_at(position: u64) -> Store {
    let mut store = Store::open_in_memory().expect("a store");
    store.commit(&Commit { position, ..Commit::default() }).expect("a commit");
    store
}

#[test]
fn values_are_typed() {
    let reader = store_at(1).reader().expect("a reader");
    let rows = reader
        .rows(
            "SELECT 1::TINYINT AS small, 18446744073709551615::UBIGINT AS large, sum(2) AS total, 170141183460469231731::HUGEINT
                 AS huge, 1.5::DECIMAL(4, 2) AS exact, 'nan'::DOUBLE AS nan, true AS yes, NULL AS nothing,
                 '{\"a\": [1, 2.0]}'::JSON AS json, '[1' AS text, TIMESTAMP '2026-11-22 17:14:59.000001' AS at,
                 DATE '2026-11-22' AS day, [1, NULL] AS list, {'x': ['y']} AS struct, MAP {'k': 1} AS map, '\\xAB'::BLOB AS blob",
            &[],
        )
        .expect("rows");
    let expected = json!({
        "small": 1, "large": 18_446_744_073_709_551_615_u64, "total": 2, "huge": "170141183460469231731", "exact": 1.5,
        "nan": "NaN", "yes": true, "nothing": null, "json": {"a": [1, 2.0]}, "text": "[1",
        "at": "2026-11-22T17:14:59.000001Z", "day": "2026-11-22", "list": [1, null], "struct": {"x": ["y"]},
        "map": {"k": 1}, "blob": "ab"
    });
    assert_eq!(Value::Object(rows[0].clone()), expected);
}

#[test]
fn parameters_are_bound_by_type() {
    let reader = store_at(1).reader().expect("a reader");
    let params = [json!("a' OR true --"), json!(-1), json!(u64::MAX), json!(0.5), json!(null), json!([1])];
    let rows = reader.rows("SELECT ? AS s, ? AS i, ? AS u, ? AS f, ? AS n, ?::JSON AS j", &params).expect("rows");
    assert_eq!(rows[0].values().cloned().collect::<Vec<_>>(), params);
}

#[test]
fn rows_come_until_the_visitor_breaks() {
    let reader = store_at(1).reader().expect("a reader");
    let mut seen = 0;
    let sql = "SELECT range AS n FROM range(100000000)";
    reader
        .for_each_row(sql, &[], &mut |row| {
            assert_eq!(row["n"], seen);
            seen += 1;
            if seen == 5000 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .expect("rows");
    assert_eq!(seen, 5000);
    assert_eq!(reader.position().expect("the reader goes on"), 1);
}

#[test]
fn an_empty_result_has_a_schema() {
    let reader = store_at(1).reader().expect("a reader");
    let mut batches = 0;
    let schema = reader
        .stream("SELECT attempt_id, llm_calls FROM attempts", &Params::default(), &mut |_| {
            batches += 1;
            Ok(ControlFlow::Continue(()))
        })
        .expect("a stream");
    assert_eq!(batches, 0);
    assert_eq!(schema.fields().iter().map(|f| f.name().as_str()).collect::<Vec<_>>(), ["attempt_id", "llm_calls"]);
}

/// Guarantees: an error in the middle of a stream is an error, not a panic.
#[test]
fn a_late_error_is_an_error() {
    let reader = store_at(1).reader().expect("a reader");
    let sql = "SELECT CASE WHEN range = 50000 THEN error('late')::BIGINT ELSE range END AS n FROM range(100000)";
    let error = reader.for_each_row(sql, &[], &mut |_| ControlFlow::Continue(())).expect_err("late");
    assert!(matches!(&error, StoreError::Sql { .. }), "{error:?}");
    assert_eq!(reader.rows("SELECT 1 AS one", &[]).expect("still usable")[0]["one"], 1);
}

#[test]
fn a_snapshot_stays_while_commits_go_on() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(&StoreConfig::at(dir.path())).expect("a store");
    store.commit(&Commit { position: 1, ..Commit::default() }).expect("a commit");
    let reader = store.reader().expect("a reader");
    reader.begin_snapshot().expect("a snapshot");
    store.commit(&Commit { position: 2, ..Commit::default() }).expect("a commit");
    store.checkpoint().expect("a checkpoint beside a reader");
    assert_eq!(reader.position().expect("a position"), 1);
    assert!(reader.rows("DELETE FROM journal_position", &[]).is_err(), "a snapshot is read-only");
    reader.end_snapshot().expect("its end");
    assert_eq!(reader.position().expect("a position"), 2);
}

#[test]
fn an_interrupt_stops_a_query_on_another_thread() {
    let reader = store_at(1).readers().reader().expect("a reader");
    let handle = reader.interrupt_handle();
    let query = std::thread::spawn(move || {
        let sql = "SELECT count(*) AS n FROM range(1000000) a, range(1000000) b WHERE a.range + b.range = 7";
        (reader.rows(sql, &[]).is_err(), reader.rows("SELECT 1 AS one", &[]).is_ok())
    });
    while !query.is_finished() {
        std::thread::sleep(std::time::Duration::from_millis(20));
        handle.interrupt();
    }
    assert!(query.join().expect("no panic").0);
}

/// Scenario: interrupts without a pause from another thread, while readers are opened, used and dropped.
/// Guarantees: an interrupt that comes as the connection closes, or later, touches nothing (it crashed the process).
#[test]
fn an_interrupt_may_come_while_its_reader_closes() {
    let readers = store_at(1).readers();
    for _ in 0..200 {
        let reader = readers.reader().expect("a reader");
        let interrupt = reader.interrupt_handle();
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    interrupt.interrupt();
                }
            });
            // Interrupted or not.
            let _ = reader.rows("SELECT 1 AS one", &[]);
            drop(reader);
            is_over.store(true, Ordering::Relaxed);
        });
        interrupt.interrupt();
    }
}

/// Scenario: a store is closed while a query runs on one of its readers and others are kept idle, and its file is moved away; then a new
/// store of the same name is made, and the old writer's log would be in its way.
/// Guarantees: readers are counted until their connections are closed; a closed store gives none; after that the name is free: what is
/// written to the new store stays, and the moved file is whole.
#[test]
fn a_store_can_be_closed_under_its_readers() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(&StoreConfig::at(dir.path())).expect("a store");
    store.commit(&Commit { position: 7, ..Commit::default() }).expect("a commit");
    store.checkpoint().expect("a checkpoint");
    let readers = store.readers();
    let (idle, busy) = (readers.reader().expect("a reader"), readers.reader().expect("a reader"));
    assert_eq!(readers.live(), 2);
    readers.refuse(true);
    assert!(matches!(readers.reader(), Err(StoreError::Closed)));
    let query = std::thread::spawn(move || {
        let sql = "SELECT count(*) AS n FROM range(1000000) a, range(1000000) b WHERE a.range + b.range = 7";
        busy.rows(sql, &[]).is_err()
    });
    while !query.is_finished() {
        readers.interrupt_all();
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert!(query.join().expect("no panic"), "it was interrupted");
    assert_eq!(readers.live(), 1);
    drop(idle);
    assert_eq!(readers.live(), 0);
    readers.close();
    drop(store);
    assert!(matches!(readers.reader(), Err(StoreError::Closed)), "a handle that is left opens nothing");

    let moved = dir.path().join("moved");
    std::fs::create_dir(&moved).expect("a folder");
    for name in ["store.duckdb.wal", "store.duckdb"] {
        if dir.path().join(name).exists() {
            std::fs::rename(dir.path().join(name), moved.join(name)).expect("renames");
        }
    }
    let mut new = Store::open(&StoreConfig::at(dir.path())).expect("a store");
    new.commit(&Commit { position: 3, ..Commit::default() }).expect("a commit");
    new.checkpoint().expect("a checkpoint");
    drop((readers, new));
    let position =
        |dir: &std::path::Path| Store::open(&StoreConfig::at(dir)).expect("a store").position().expect("told");
    assert_eq!((position(dir.path()), position(&moved)), (3, 7));
}

/// Scenario: a reader that has the store for itself; the second query needs more than the low limit and cannot use the disk for it.
/// Guarantees: queries begin under the low limit, and one for which it is too little is done under the usual one.
#[test]
fn a_reader_alone_keeps_little_and_takes_what_it_needs() {
    let dir = tempfile::tempdir().expect("a folder");
    let config = StoreConfig { memory_limit_bytes: 1 << 30, at_rest: true, ..StoreConfig::at(dir.path()) };
    let store = Store::open(&config).expect("opens");
    let reader = store.reader_once().expect("reads");
    reader.begin_snapshot().expect("begins");
    let limit = |reader: &Reader| reader.rows("SELECT current_setting('memory_limit') AS set", &[]).expect("tells");
    assert_eq!(limit(&reader)[0]["set"], "128.0 MiB");
    let large = "SELECT len(list(i)) AS long FROM range(30000000) t(i)";
    let mut long = Vec::new();
    reader
        .for_each_batch_at_once(large, &[], &mut |batch| {
            long.push(batch.num_rows());
            ControlFlow::Continue(())
        })
        .expect("is done under the usual limit");
    assert_eq!(long, [1]);
    assert_eq!(reader.rows(large, &[]).expect("is done under the usual limit")[0]["long"], 30_000_000);
    assert_eq!(limit(&reader)[0]["set"], "128.0 MiB");
    reader.end_snapshot().expect("ends");
}
