use std::time::{Duration, Instant};

use gleaner_store::Store;

use serde_json::json;

use super::*;

fn reader() -> Reader {
    Store::open_in_memory().unwrap().reader().unwrap()
}

fn run_json(sql: &str, params: &[Value], limits: &QueryLimits) -> Result<(Vec<Value>, Summary), QueryError> {
    let mut out = Vec::new();
    let summary =
        run(&reader(), None, sql, &Params::from_json(params), Format::Json, limits, &Control::default(), &mut out)?;
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
        for format in [Format::Json, Format::Jsonl, Format::Csv, Format::Table, Format::Arrow] {
            let mut out = Vec::new();
            if let Err(error) = run(
                &reader,
                None,
                sql,
                &Params::default(),
                format,
                &QueryLimits::default(),
                &Control::default(),
                &mut out,
            ) {
                panic!("{sql}\n  {error:?}");
            }
            assert!(format == Format::Jsonl || !out.is_empty(), "{sql}");
        }
    }
}

/// Guarantees: what the guard refuses writes nothing, and the reader answers the next query.
#[test]
fn a_refused_query_writes_nothing() {
    let reader = reader();
    let mut out = Vec::new();
    let limits = QueryLimits::default();
    assert!(
        run(
            &reader,
            None,
            "SELECT * FROM read_text('x')",
            &Params::default(),
            Format::Json,
            &limits,
            &Control::default(),
            &mut out
        )
        .is_err()
    );
    assert!(out.is_empty());
    run(&reader, None, "SELECT 1 AS one", &Params::default(), Format::Csv, &limits, &Control::default(), &mut out)
        .unwrap();
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
        let error = run(&reader, None, sql, &Params::default(), Format::Json, &limits, &Control::default(), &mut out)
            .unwrap_err();
        assert!(matches!(error, QueryError::Deadline { deadline_ms: 300 }), "{sql}: {error:?}");
        assert!(started.elapsed() < Duration::from_secs(20), "{sql}: {:?}", started.elapsed());
    }
    let mut out = Vec::new();
    run(
        &reader,
        None,
        "SELECT 1 AS one",
        &Params::default(),
        Format::Csv,
        &QueryLimits::default(),
        &Control::default(),
        &mut out,
    )
    .unwrap();
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
    let error = run(
        &reader(),
        None,
        "SELECT * FROM range(10000000)",
        &Params::default(),
        Format::Csv,
        &limits,
        &Control::default(),
        &mut Slow,
    )
    .unwrap_err();
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
    let error =
        run(&reader(), None, "SELECT 1", &Params::default(), Format::Csv, &limits, &Control::default(), &mut Gone)
            .unwrap_err();
    assert!(matches!(error, QueryError::Output(_)), "{error:?}");
}

/// Guarantees: what may name files stays out of the message.
#[test]
fn no_path_is_told() {
    let source = gleaner_store::StoreError::Invalidated { message: "IO Error: /srv/secret.duckdb".to_owned() };
    assert_eq!(from_store(source).to_string(), "the store cannot answer");
}

/// Guarantees: the columns are known without running the query, are those that running it gives, and equal names are told apart.
#[test]
fn columns_are_known_before_rows() {
    let reader = reader();
    let limits = QueryLimits::default();
    let corpus = include_str!("../../tests/allowed.sql");
    for sql in corpus.split("\n\n").filter(|query| !query.starts_with('#')) {
        let described =
            describe(&reader, None, sql, &Params::default(), &limits).unwrap_or_else(|e| panic!("{sql}\n  {e}"));
        let mut out = Vec::new();
        let names = Params::default();
        run(&reader, None, sql, &names, Format::Arrow, &limits, &Control::default(), &mut out).unwrap();
        let stream = arrow::ipc::reader::StreamReader::try_new(out.as_slice(), None).unwrap();
        assert_eq!(described.schema, stream.schema(), "{sql}");
    }
    let endless =
        "SELECT count(*) AS n, ? + 1 AS n FROM range(10000000) a, range(10000000) b WHERE a.range + b.range = 7;";
    let started = Instant::now();
    let described = describe(&reader, None, endless, &Params::default(), &limits).unwrap();
    let names: Vec<_> = described.schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["n", "n_1"]);
    assert!(started.elapsed() < Duration::from_secs(5), "it was not run");
    assert!(describe(&reader, None, "SELECT * FROM span_facts", &Params::default(), &limits).is_err());
}

/// Guarantees: values are bound by place or by name, of the type they have, and what does not fit is told.
#[test]
fn parameters() {
    let one = |sql: &str, params: Params| {
        let mut out = Vec::new();
        let limits = QueryLimits::default();
        run(&reader(), None, sql, &params, Format::Csv, &limits, &Control::default(), &mut out)?;
        Ok::<_, QueryError>(String::from_utf8(out).unwrap())
    };
    let named = |name: &str, value: Param| (name.to_owned(), value);
    let both = Params::Named(vec![named("b", Param::Int(2)), named("a", Param::Text("x".into()))]);
    assert_eq!(one("SELECT $a AS a, $b AS b", both.clone()).unwrap(), "a,b\nx,2\n");
    let positional = Params::Positional(vec![Param::Timestamp(0), Param::Date(1)]);
    assert_eq!(
        one("SELECT ? + INTERVAL 1 DAY AS t, typeof(?) AS d", positional).unwrap(),
        "t,d\n1970-01-02T00:00:00.000000Z,DATE\n"
    );
    for (sql, params, expected) in [
        ("SELECT ?", Params::default(), "the query has 1 parameters, 0 values were given"),
        ("SELECT $a", both.clone(), "the query has no parameter $b"),
        ("SELECT $c", both, "no value was given for the parameter $c"),
    ] {
        let error = one(sql, params).unwrap_err();
        assert!(matches!(&error, QueryError::Failed { message } if message == expected), "{error:?}");
    }
}

/// Guarantees: waiting for a slow reader is not time of the query, if the sink says that it waits.
#[test]
fn waits_do_not_count() {
    struct Slow(Control);
    impl Sink for Slow {
        fn batch(&mut self, _: RecordBatch) -> Result<ControlFlow<()>, QueryError> {
            self.0.during(|| std::thread::sleep(Duration::from_millis(400)));
            Ok(ControlFlow::Continue(()))
        }
    }
    let limits = QueryLimits { deadline_ms: 300, ..QueryLimits::default() };
    let control = Control::default();
    let sql = "SELECT * FROM range(4000)";
    execute(&reader(), None, sql, &Params::default(), &limits, &control, &mut Slow(control.clone())).unwrap();
    let error = execute(&reader(), None, sql, &Params::default(), &limits, &Control::default(), &mut Slow(control))
        .unwrap_err();
    assert!(matches!(error, QueryError::Deadline { .. }), "{error:?}");
}

/// Guarantees: a query that is cancelled from outside ends, says so, and one cancelled before it begins does not run.
#[test]
fn a_query_can_be_cancelled() {
    let (reader, control) = (reader(), Control::default());
    let endless = "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range + b.range = 7";
    let execute = |control: &Control| {
        let mut out = Vec::new();
        run(&reader, None, endless, &Params::default(), Format::Csv, &QueryLimits::default(), control, &mut out)
    };
    let other = control.clone();
    let canceller = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        other.cancel();
    });
    let started = Instant::now();
    assert!(matches!(execute(&control), Err(QueryError::Cancelled)));
    assert!(matches!(execute(&control), Err(QueryError::Cancelled)));
    assert!(started.elapsed() < Duration::from_secs(10));
    canceller.join().unwrap();
}

/// Guarantees: Parquet comes whole, in several row groups, and an answer that has no form in it is told so.
#[test]
fn parquet_is_written() {
    let write = |sql: &str| {
        let mut out = Vec::new();
        let limits = QueryLimits { max_rows: u64::MAX, ..QueryLimits::default() };
        run(&reader(), None, sql, &Params::default(), Format::Parquet, &limits, &Control::default(), &mut out)?;
        Ok::<_, QueryError>(out)
    };
    let out = write("SELECT range AS n, 'x' || range AS t FROM range(300000)").unwrap();
    assert_eq!((&out[..4], &out[out.len() - 4..]), (b"PAR1".as_slice(), b"PAR1".as_slice()));
    let none = write("SELECT 1 AS n WHERE false").unwrap();
    assert_eq!(&none[none.len() - 4..], b"PAR1");
    assert!(matches!(write("SELECT INTERVAL 1 DAY AS i"), Ok(_) | Err(QueryError::Encode(_))));
}
