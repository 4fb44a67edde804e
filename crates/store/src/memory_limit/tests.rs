use super::*;

const LOW: u64 = 64 << 20;
const FULL: u64 = 256 << 20;

fn limit(connection: &Connection) -> String {
    connection.query_row("SELECT current_setting('memory_limit')", [], |row| row.get(0)).expect("a setting")
}

fn database() -> Connection {
    let connection = Connection::open_in_memory().expect("a database");
    set(&connection, FULL).expect("is set");
    connection
}

/// Guarantees: the limit is low while nobody reads and full while somebody does, and for a while after.
#[test]
fn the_limit_follows_readers() {
    let (connection, mut memory) = (database(), MemoryLimit::new(LOW, FULL));
    let began = Instant::now();
    memory.lower(&connection, false, began);
    assert_eq!(limit(&connection), "64.0 MiB");
    assert!(memory.raise(&connection, began).expect("raises"), "it was low");
    assert!(!memory.raise(&connection, began).expect("raises"), "it was not");
    assert_eq!(limit(&connection), "256.0 MiB");
    let ended = began + 3 * LINGER;
    memory.lower(&connection, true, ended);
    memory.lower(&connection, false, ended + LINGER / 2);
    assert_eq!(limit(&connection), "256.0 MiB", "the next reader may come");
    memory.lower(&connection, false, ended + LINGER);
    assert_eq!(limit(&connection), "64.0 MiB");
    memory.raise_for_now(&connection).expect("raises");
    assert_eq!(limit(&connection), "256.0 MiB");
    memory.lower(&connection, false, ended + LINGER);
    assert_eq!(limit(&connection), "64.0 MiB");
}

/// Guarantees: what is in use stays usable where it is too much to forget, and the limit is lowered once it is not.
#[test]
fn a_limit_that_cannot_be_lowered_stays() {
    let (connection, mut memory) = (database(), MemoryLimit::new(LOW, FULL));
    connection
        .execute_batch("SET temp_directory = ''; CREATE TABLE held AS SELECT hash(i) AS h FROM range(15000000) t(i)")
        .expect("fits");
    memory.lower(&connection, false, Instant::now());
    assert!(!memory.is_low);
    let rows: i64 = connection.query_row("SELECT count(h) FROM held", [], |row| row.get(0)).expect("reads");
    assert_eq!(rows, 15_000_000);
    connection.execute_batch("DROP TABLE held").expect("drops");
    memory.lower(&connection, false, Instant::now());
    assert_eq!(limit(&connection), "64.0 MiB");
}
