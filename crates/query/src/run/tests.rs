use std::time::{Duration, Instant};

use gleaner_store::Store;

use super::*;

fn reader() -> Reader {
    Store::open_in_memory().unwrap().reader().unwrap()
}

fn run_json(sql: &str, params: &[Value], limits: &QueryLimits) -> Result<(Vec<Value>, Summary), QueryError> {
    let mut out = Vec::new();
    let summary = run(&reader(), sql, params, Format::Json, limits, &mut out)?;
    Ok((serde_json::from_slice(&out).unwrap(), summary))
}

/// Guarantees: ordinary queries pass the guard and run against the public relations, in every format.
#[test]
fn the_corpus_of_ordinary_queries_runs() {
    let corpus = include_str!("../../tests/allowed.sql");
    let reader = reader();
    let queries: Vec<&str> = corpus.split("\n\n").filter(|query| !query.starts_with('#')).collect();
    assert!(queries.len() > 50, "the corpus was read");
    for sql in queries {
        for format in [Format::Json, Format::Csv, Format::Table] {
            let mut out = Vec::new();
            if let Err(error) = run(&reader, sql, &[], format, &QueryLimits::default(), &mut out) {
                panic!("{sql}\n  {error:?}");
            }
            assert!(!out.is_empty(), "{sql}");
        }
    }
}

/// Guarantees: what the guard refuses writes nothing, and the reader answers the next query.
#[test]
fn a_refused_query_writes_nothing() {
    let reader = reader();
    let mut out = Vec::new();
    let limits = QueryLimits::default();
    assert!(run(&reader, "SELECT * FROM read_text('x')", &[], Format::Json, &limits, &mut out).is_err());
    assert!(out.is_empty());
    run(&reader, "SELECT 1 AS one", &[], Format::Csv, &limits, &mut out).unwrap();
    assert_eq!(out, b"one\n1\n");
}

/// Guarantees: parameters are bound, JSON columns are nested, `SHOW TABLES` tells the public relations and nothing else.
#[test]
fn answers() {
    let limits = QueryLimits::default();
    let (rows, _) = run_json("SELECT ? AS a, ? + 1 AS b", &[json!("x'; --"), json!(7)], &limits).unwrap();
    assert_eq!(rows, [json!({"a": "x'; --", "b": 8})]);
    let sql = "SELECT '{\"a\": [1]}'::JSON AS j, [j] AS l, j->>'a' AS t; -- the end";
    let (rows, _) = run_json(sql, &[], &limits).unwrap();
    assert_eq!(rows, [json!({"j": {"a": [1]}, "l": [{"a": [1]}], "t": "[1]"})]);
    let (rows, _) = run_json("show tables", &[], &limits).unwrap();
    let names: Vec<_> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, PUBLIC_RELATIONS);
}

/// Guarantees: the widest query that the text limit lets through neither fails nor exhausts the stack of a thread.
#[test]
fn wide_queries_run() {
    let limits = QueryLimits::default();
    let wide = [
        ["SELECT 1", &" UNION ALL SELECT 1".repeat(3_000)].concat(),
        ["SELECT true", &" AND true".repeat(7_000)].concat(),
        ["VALUES (1)", &", (1)".repeat(12_000)].concat(),
    ];
    for sql in wide {
        assert!(run_json(&sql, &[], &limits).is_ok(), "{}…", &sql[..40]);
    }
}

/// Guarantees: no more rows than allowed are written, of many batches, and the summary tells.
#[test]
fn the_row_limit_holds() {
    let limits = QueryLimits { max_rows: 5_000, ..QueryLimits::default() };
    let (rows, summary) = run_json("SELECT * FROM range(100000000000)", &[], &limits).unwrap();
    assert_eq!((rows.len(), summary.rows, summary.truncated), (5_000, 5_000, true));
}

/// Guarantees: a query that would run for hours ends soon after its deadline, is said to, and the reader goes on.
#[test]
fn the_deadline_holds() {
    let reader = reader();
    let limits = QueryLimits { deadline_ms: 300, ..QueryLimits::default() };
    let endless = [
        "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range + b.range = 7",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r",
        "SELECT * FROM range(100000000) ORDER BY hash(range) LIMIT 1 OFFSET 90000000",
    ];
    for sql in endless {
        let started = Instant::now();
        let mut out = Vec::new();
        let error = run(&reader, sql, &[], Format::Json, &limits, &mut out).unwrap_err();
        assert!(matches!(error, QueryError::Deadline { deadline_ms: 300 }), "{sql}: {error:?}");
        assert!(started.elapsed() < Duration::from_secs(20), "{sql}: {:?}", started.elapsed());
    }
    let mut out = Vec::new();
    run(&reader, "SELECT 1 AS one", &[], Format::Csv, &QueryLimits::default(), &mut out).unwrap();
    assert_eq!(out, b"one\n1\n");
}

/// Guarantees: the deadline also ends a query whose answer is taken too slowly.
#[test]
fn a_slow_consumer_is_cut_off() {
    struct Slow;
    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            std::thread::sleep(Duration::from_millis(40));
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let limits = QueryLimits { deadline_ms: 200, max_rows: u64::MAX, ..QueryLimits::default() };
    let error = run(&reader(), "SELECT * FROM range(10000000)", &[], Format::Csv, &limits, &mut Slow).unwrap_err();
    assert!(matches!(error, QueryError::Deadline { .. }), "{error:?}");
}

/// Guarantees: an error of the query is told in DuckDB's words, an error of the output as such.
#[test]
fn failures() {
    let limits = QueryLimits::default();
    let error = run_json("SELECT nothing FROM attempts", &[], &limits).unwrap_err();
    assert!(matches!(&error, QueryError::Failed { message } if message.contains("nothing")), "{error:?}");
    let error = run_json("SELECT CAST('x' AS INTEGER)", &[], &limits).unwrap_err();
    assert!(matches!(&error, QueryError::Failed { message } if message.contains("Could not convert")), "{error:?}");

    struct Gone;
    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let error = run(&reader(), "SELECT 1", &[], Format::Csv, &limits, &mut Gone).unwrap_err();
    assert!(matches!(error, QueryError::Output(_)), "{error:?}");
}

/// Guarantees: what may name files stays out of the message.
#[test]
fn no_path_is_told() {
    let source = gleaner_store::StoreError::Invalidated { message: "IO Error: /srv/secret.duckdb".to_owned() };
    assert_eq!(from_store(source).to_string(), "the store cannot answer");
}
