use std::collections::BTreeMap;

use super::*;
use crate::{Store, StoreConfig};

/// A store with texts 1 to `count`, by a connection that commits them.
fn filled(store: &Store, count: u64) -> Connection {
    let connection = store.readers().connection();
    let made = "INSERT INTO texts SELECT i::UBIGINT, 'text ' || i FROM range(1, ?::BIGINT + 1) t(i)";
    connection.execute(made, params![count]).unwrap();
    connection
}

fn shared_text(connection: &Connection, ids: &str) -> Option<String> {
    let sql = format!("SELECT shared_text(ids) FROM (SELECT {ids}::UBIGINT[] AS ids)");
    connection.query_row(&sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn the_function_gives_what_the_macro_in_the_file_gives() {
    let store = Store::open_in_memory().unwrap();
    let plain = filled(&store, 40_000);
    let quick = plain.try_clone().unwrap();
    use_store(&quick).unwrap();
    prepare(&quick).unwrap();
    let far_apart = format!("[{}]", (1..200).map(|n| (n * 200).to_string()).collect::<Vec<_>>().join(","));
    for ids in ["[1]", "[3, 1, 3, 39999]", "NULL", &far_apart] {
        assert_eq!(shared_text(&quick, ids), shared_text(&plain, ids), "{ids}");
    }
    assert_eq!(shared_text(&quick, "[2, 1]").as_deref(), Some("text 2text 1"));
}

/// Guarantees: JSON comes as it was written and typed as JSON, by the function as by the macro; the function does not read it once more.
#[test]
fn json_is_typed_and_as_it_was_written() {
    let store = Store::open_in_memory().unwrap();
    let plain = filled(&store, 1);
    plain.execute("INSERT INTO texts VALUES (2, '{\"a\":  [1,'), (3, '2]}')", []).unwrap();
    let quick = plain.try_clone().unwrap();
    use_store(&quick).unwrap();
    prepare(&quick).unwrap();
    let sql = "SELECT typeof(json) || ' ' || json::VARCHAR || (json ->> '$.a[1]') FROM (SELECT shared_json([2, 3]::UBIGINT[]) AS json)";
    for connection in [&quick, &plain] {
        let read: String = connection.query_row(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(read, "JSON {\"a\":  [1,2]}2");
    }
    let null = "SELECT shared_json(NULL::UBIGINT[]) IS NULL AND typeof(shared_json(NULL::UBIGINT[])) = 'JSON'";
    assert!(quick.query_row(null, [], |row| row.get::<_, bool>(0)).unwrap());
    let not_json = "SELECT shared_json([1]::UBIGINT[])::VARCHAR";
    assert_eq!(quick.query_row(not_json, [], |row| row.get::<_, String>(0)).unwrap(), "text 1");
    assert!(plain.query_row(not_json, [], |row| row.get::<_, String>(0)).is_err());
}

#[test]
fn rows_of_many_vectors_get_their_own_texts() {
    let store = Store::open_in_memory().unwrap();
    let connection = filled(&store, 10_000);
    prepare(&connection).unwrap();
    let wrong: u64 = connection
        .query_row(
            "SELECT count(*) FROM range(1, 10001) t(i)
             WHERE shared_text([i, 10001 - i]::UBIGINT[]) <> 'text ' || i || 'text ' || (10001 - i)",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(wrong, 0);
}

#[test]
fn a_text_that_is_missing_is_an_error_not_a_gap() {
    let store = Store::open_in_memory().unwrap();
    let connection = filled(&store, 3);
    prepare(&connection).unwrap();
    let failed = connection.query_row("SELECT shared_text([2, 4]::UBIGINT[])", [], |row| row.get::<_, String>(0));
    assert!(failed.unwrap_err().to_string().contains("shared text 4 is missing"));
}

#[test]
fn the_function_does_not_keep_the_store_open() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&StoreConfig::at(dir.path())).unwrap();
    let reader = store.reader().unwrap();
    filled(&store, 1);
    assert_eq!(reader.rows("SELECT shared_text([1]::UBIGINT[]) AS text", &[]).unwrap()[0]["text"], "text 1");
    let bytes = || dir.path().join("store.duckdb").metadata().unwrap().len();
    let before = bytes();
    drop(store);
    assert_eq!(reader.rows("SELECT shared_text([1]::UBIGINT[]) AS text", &[]).unwrap()[0]["text"], "text 1");
    assert_eq!(bytes(), before);
    drop(reader);
    assert!(bytes() > before, "DuckDB writes what is committed into the file when it closes");
}

#[test]
fn what_is_written_later_is_found_in_a_block_that_was_read_before() {
    let store = Store::open_in_memory().unwrap();
    let connection = filled(&store, 3);
    prepare(&connection).unwrap();
    assert_eq!(shared_text(&connection, "[2]").as_deref(), Some("text 2"));
    connection.execute("INSERT INTO texts VALUES (4, 'later')", []).unwrap();
    assert_eq!(shared_text(&connection, "[2, 4, 3]").as_deref(), Some("text 2latertext 3"));
}

#[test]
fn kept_blocks_stay_within_their_bound() {
    let mut kept = Kept::default();
    let text = "x".repeat(1 << 20);
    let block = Arc::new(Block::new(&[(0, &text)]));
    for number in 0..100 {
        kept.add(number, &block);
    }
    let bytes: BTreeMap<u64, usize> =
        kept.recent.iter().chain(&kept.older).map(|(number, block)| (*number, block.text.len())).collect();
    assert!(bytes.values().sum::<usize>() <= 2 * MAX_KEPT_BYTES);
    assert!(kept.get(99).is_some() && kept.get(0).is_none());
}
