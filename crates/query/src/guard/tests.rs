use gleaner_store::{Reader, Store};

use super::*;
use crate::functions::scalars;

const LIMIT: usize = 64 << 10;

fn reader() -> Reader {
    Store::open_in_memory().unwrap().reader().unwrap()
}

/// Guarantees: every statement of the corpus is refused, for the reason that stands beside it.
#[test]
fn the_corpus_of_escapes_is_refused() {
    let corpus = include_str!("../../tests/refused.sql");
    let (mut entries, mut wrong) = (0, Vec::new());
    for entry in corpus.split("\n\n").filter(|entry| entry.starts_with("#! ")) {
        let reason = entry.lines().find_map(|line| line.strip_prefix("#! ")).unwrap();
        let sql: Vec<_> = entry.lines().filter(|line| !line.starts_with('#')).collect();
        let sql = sql.join("\n");
        let error = match check(&sql, LIMIT) {
            Ok(_) => {
                wrong.push(format!("{sql}\n  passed"));
                continue;
            }
            Err(error) => error,
        };
        assert!(error.is_refusal(), "{sql}: {error:?}");
        if !error.to_string().contains(reason) {
            wrong.push(format!("{sql}\n  said: {error}\n  not:  {reason}"));
        }
        entries += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(entries > 100, "the corpus was read");
}

/// Guarantees: nothing that the guard only looks at is run.
#[test]
fn a_refused_statement_is_not_run() {
    let reader = reader();
    assert!(check("CREATE TEMP TABLE trace_left AS SELECT 1; SELECT 1", LIMIT).is_err());
    let left = "SELECT count(*) AS n FROM duckdb_tables() WHERE table_name = 'trace_left'";
    assert_eq!(reader.rows(left, &[]).unwrap()[0]["n"], 0);
}

/// Guarantees: the text has a limit, and may hold nothing at which checker and runner could part ways.
#[test]
fn texts_that_cannot_be_checked_are_refused() {
    assert!(matches!(check("SELECT 1", 7), Err(QueryError::TextTooLong { bytes: 8, limit: 7 })));
    assert!(matches!(check("SELECT 1\0", LIMIT), Err(QueryError::NulInText)));
    let deep = [
        ["SELECT ", &"(".repeat(20_000), "1", &")".repeat(20_000)].concat(),
        ["SELECT 1", &"+1".repeat(20_000)].concat(),
        ["SELECT ", &"abs(".repeat(900), "1", &")".repeat(900)].concat(),
        ["SELECT * FROM ", &"(FROM ".repeat(300), "attempts", &")".repeat(300)].concat(),
    ];
    for sql in deep {
        assert!(matches!(check(&sql, LIMIT), Err(QueryError::TooDeep)), "{}…", &sql[..40]);
    }
}

/// Guarantees: an upgrade of DuckDB that adds a function fails here until someone has decided about it.
#[test]
fn every_function_of_duckdb_is_decided() {
    let names = |column: &str| -> std::collections::BTreeSet<String> {
        let sql = "SELECT DISTINCT function_name AS name FROM duckdb_functions()
                   WHERE function_type IN ('scalar', 'aggregate', 'macro')";
        reader().rows(sql, &[]).unwrap().iter().map(|row| row[column].as_str().unwrap().to_lowercase()).collect()
    };
    let refused = include_str!("../../tests/refused_functions.txt");
    let refused: Vec<&str> =
        refused.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace).collect();
    let is_refused = |name: &str| {
        refused.iter().any(|entry| entry.strip_suffix('*').map_or(*entry == name, |prefix| name.starts_with(prefix)))
    };
    for name in names("name") {
        assert!(is_scalar_allowed(&name) != is_refused(&name), "{name}: decide whether a query may call it");
    }
    for name in scalars() {
        assert!(!is_refused(name), "{name} is both allowed and refused");
        assert_eq!(name, name.to_lowercase(), "names are compared in lower case");
    }
}
