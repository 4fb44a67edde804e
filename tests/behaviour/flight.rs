//! Arrow Flight SQL over the API's port, with the client of arrow-rs. Other clients: `tests/clients/flight_sql.py`.

use std::time::{Duration, Instant};

use arrow::array::{AsArray, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::sql::{CommandGetDbSchemas, CommandGetPrimaryKeys, CommandGetTables, SqlInfo};
use arrow_flight::{CancelFlightInfoRequest, CancelStatus, FlightClient, FlightInfo};
use serde_json::json;
use tokio_stream::StreamExt as _;
use tonic::transport::{Channel, Endpoint};

use crate::harness::{Gleaner, attempt};

type Client = FlightSqlServiceClient<Channel>;

async fn client(gleaner: &Gleaner) -> Client {
    let endpoint = Endpoint::from_shared(format!("http://{}", gleaner.running.api)).expect("an address");
    FlightSqlServiceClient::new(endpoint.connect().await.expect("connects"))
}

async fn batches(client: &mut Client, info: FlightInfo) -> Result<Vec<RecordBatch>, String> {
    let ticket = info.endpoint[0].ticket.clone().expect("a ticket");
    let mut stream = client.do_get(ticket).await.map_err(|e| e.to_string())?;
    let mut batches = Vec::new();
    while let Some(batch) = stream.next().await {
        batches.push(batch.map_err(|e| e.to_string())?);
    }
    Ok(batches)
}

async fn query(client: &mut Client, sql: &str) -> Result<Vec<RecordBatch>, String> {
    let info = client.execute(sql.to_owned(), None).await.map_err(|e| e.to_string())?;
    batches(client, info).await
}

/// Scenario: an attempt is sent, and asked for over Flight SQL at once; then many rows, and none.
/// Guarantees: what was acknowledged is seen, the columns told beforehand are those of the rows, also where there are none.
#[tokio::test(flavor = "multi_thread")]
async fn answers_are_fresh_and_have_their_columns() {
    let gleaner = Gleaner::start().await;
    let mut client = client(&gleaner).await;
    for n in 1..=5 {
        gleaner.send(&attempt(n, "s1", "A", 1, "Paris")).await;
        let rows = query(&mut client, "SELECT count(*) AS n FROM attempts").await.expect("rows");
        assert_eq!(rows[0].column(0).as_primitive::<Int64Type>().value(0), i64::try_from(n).expect("small"));
    }
    for sql in
        ["SELECT range AS n, 'x' AS n FROM range(200000)", "SELECT * FROM evaluations WHERE false", "SHOW TABLES"]
    {
        let info = client.execute(sql.to_owned(), None).await.expect("info");
        let told = info.clone().try_decode_schema().expect("a schema");
        let rows = batches(&mut client, info).await.expect("rows");
        assert!(rows.iter().all(|batch| *batch.schema() == told), "{sql}");
        let count: usize = rows.iter().map(RecordBatch::num_rows).sum();
        assert!(
            count == 200_000 || sql.contains("WHERE false") && count == 0 || sql == "SHOW TABLES",
            "{sql}: {count}"
        );
    }
}

/// Scenario: a prepared statement with parameters, executed with several values, and with values that do not fit.
/// Guarantees: values are bound as such, a new binding does not change what was asked before, mistakes are told.
#[tokio::test(flavor = "multi_thread")]
async fn parameters_are_values() {
    let gleaner = Gleaner::start().await;
    let mut client = client(&gleaner).await;
    let mut statement = client.prepare("SELECT ? AS a, $2 + 1 AS b".to_owned(), None).await.expect("prepared");
    assert_eq!(statement.parameter_schema().expect("a schema").fields().len(), 2);
    assert_eq!(statement.dataset_schema().expect("a schema").field(1).name(), "b");
    let bind = |a: &str, b: i32| {
        let (a, b) = (StringArray::from(vec![a]), Int32Array::from(vec![b]));
        RecordBatch::try_from_iter([("a", std::sync::Arc::new(a) as _), ("b", std::sync::Arc::new(b) as _)])
            .expect("a batch")
    };
    statement.set_parameters(bind("x'; DROP TABLE attempts; --", 1)).expect("set");
    let first = statement.execute().await.expect("info");
    statement.set_parameters(bind("second", 2)).expect("set");
    let second = statement.execute().await.expect("info");
    for (info, a, b) in [(first, "x'; DROP TABLE attempts; --", 2), (second, "second", 3)] {
        let rows = batches(&mut client, info).await.expect("rows");
        assert_eq!(rows[0].column(0).as_string::<i32>().value(0), a);
        assert_eq!(rows[0].column(1).as_primitive::<Int64Type>().value(0), b);
    }
    let many = Int32Array::from(vec![1, 2]);
    let many = RecordBatch::try_from_iter([("a", std::sync::Arc::new(many) as _)]).expect("a batch");
    statement.set_parameters(many).expect("set");
    let error = statement.execute().await.expect_err("two rows").to_string();
    assert!(error.contains("one row of parameters"), "{error}");
    let error = client.prepare("DELETE FROM attempts".to_owned(), None).await.expect_err("refused").to_string();
    assert!(error.contains("DELETE is not allowed"), "{error}");
}

/// Scenario: a statement without parameters is prepared, which begins it, and executed: at once, after something else was acknowledged, and
/// again. Others are prepared beside it and never executed, more of them than queries may run.
/// Guarantees: each answer sees what was acknowledged before it was asked for; what nobody comes for keeps no place.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_prepared_is_fresh_when_it_is_executed() {
    let gleaner = Gleaner::start().await;
    let mut client = client(&gleaner).await;
    gleaner.send(&attempt(1, "s1", "A", 1, "Paris")).await;
    let _ = gleaner.sql("SELECT 1 AS one").await;
    let sql = "SELECT count(*) AS n FROM attempts";
    let mut statement = client.prepare(sql.to_owned(), None).await.expect("prepared");
    let mut others = Vec::new();
    for n in 0..4 {
        others.push(client.prepare(format!("SELECT range + {n} FROM range(10000000)"), None).await.expect("prepared"));
    }
    for n in 1..=3_u64 {
        let info = statement.execute().await.expect("info");
        let rows = batches(&mut client, info).await.expect("rows");
        assert_eq!(rows[0].column(0).as_primitive::<Int64Type>().value(0), i64::try_from(n).expect("small"));
        gleaner.send(&attempt(n + 1, "s1", "A", 1, "Paris")).await;
    }
}

/// Scenario: everything that a tool asks before it shows a query's first row.
/// Guarantees: the public relations with their columns are listed, filters hold, keys are empty, the server says that it only reads.
#[tokio::test(flavor = "multi_thread")]
async fn the_catalog_is_told() {
    let gleaner = Gleaner::start().await;
    let mut client = client(&gleaner).await;
    let info = client.get_catalogs().await.expect("info");
    let rows = batches(&mut client, info).await.expect("rows");
    assert_eq!(rows[0].column(0).as_string::<i32>().value(0), "store");
    let info = client.get_db_schemas(CommandGetDbSchemas::default()).await.expect("info");
    assert_eq!(batches(&mut client, info).await.expect("rows")[0].num_rows(), 1);
    let tables = CommandGetTables {
        table_name_filter_pattern: Some("%spans".into()),
        include_schema: true,
        ..CommandGetTables::default()
    };
    let info = client.get_tables(tables).await.expect("info");
    let rows = batches(&mut client, info).await.expect("rows");
    let names: Vec<_> = rows[0].column(2).as_string::<i32>().iter().flatten().collect();
    assert_eq!(names, ["execution_spans", "unmapped_spans"]);
    let keys = CommandGetPrimaryKeys { table: "attempts".into(), ..CommandGetPrimaryKeys::default() };
    let info = client.get_primary_keys(keys).await.expect("info");
    let rows = batches(&mut client, info).await.expect("rows");
    assert_eq!(rows.iter().map(RecordBatch::num_rows).sum::<usize>(), 0);
    let info = client.get_sql_info(vec![SqlInfo::FlightSqlServerReadOnly]).await.expect("info");
    let rows = batches(&mut client, info).await.expect("rows");
    let read_only = rows[0].column(1).as_union().value(0);
    assert!(read_only.as_boolean().value(0));
    for (sql, reason) in [
        ("SELECT * FROM span_facts", "no relation"),
        ("COPY (SELECT 1) TO 'store.duckdb'", "COPY is not allowed"),
        ("SELECT 1; SELECT 2", "exactly one statement"),
    ] {
        let error = query(&mut client, sql).await.expect_err("refused");
        assert!(error.contains(reason), "{error}");
    }
    assert!(client.execute_update("DROP TABLE attempts".to_owned(), None).await.is_err());
    assert!(client.begin_transaction().await.is_err());
    assert_eq!(gleaner.sql("SELECT count(*) AS n FROM attempts").await, [json!({"n": 0})]);
}

/// Scenario: an endless query is cancelled by its `FlightInfo` from another connection, one before it began, one by hanging up.
/// Guarantees: each ends soon, and gives its place to the next.
#[tokio::test(flavor = "multi_thread")]
async fn queries_can_be_cancelled() {
    const ENDLESS: &str = "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range + b.range = 7";
    let gleaner = Gleaner::start().await;
    let (mut first, mut second) = (client(&gleaner).await, client(&gleaner).await);
    let endpoint = Endpoint::from_shared(format!("http://{}", gleaner.running.api)).expect("an address");
    let mut canceller = FlightClient::new(endpoint.connect().await.expect("connects"));
    let started = Instant::now();
    for is_begun in [true, false] {
        let info = first.execute(ENDLESS.to_owned(), None).await.expect("info");
        let running = tokio::spawn({
            let (mut first, info) = (client(&gleaner).await, info.clone());
            async move {
                tokio::time::sleep(Duration::from_millis(if is_begun { 0 } else { 600 })).await;
                batches(&mut first, info).await
            }
        });
        tokio::time::sleep(Duration::from_millis(300)).await;
        let result = canceller.cancel_flight_info(CancelFlightInfoRequest::new(info)).await.expect("an answer");
        assert_eq!(result.status(), CancelStatus::Cancelled);
        let error = running.await.expect("no panic").expect_err("cancelled");
        assert!(error.contains("cancelled"), "{error}");
    }
    for _ in 0..3 {
        let info = first.execute(ENDLESS.to_owned(), None).await.expect("info");
        let hung_up = tokio::time::timeout(Duration::from_millis(200), batches(&mut first, info)).await;
        assert!(hung_up.is_err());
    }
    query(&mut second, "SELECT 1").await.expect("a place is free");
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

/// Scenario: more rows than a slow client takes, while attempts are sent.
/// Guarantees: the client's slowness costs neither rows nor the acknowledgement of others.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_client_gets_every_row() {
    let gleaner = Gleaner::start().await;
    let mut client = client(&gleaner).await;
    let sql = "SELECT range AS n, repeat('x', 100) AS t FROM range(300000)";
    let info = client.execute(sql.to_owned(), None).await.expect("info");
    let mut stream = client.do_get(info.endpoint[0].ticket.clone().expect("a ticket")).await.expect("a stream");
    let (mut rows, mut sum, mut taken) = (0, 0, 0_u64);
    while let Some(batch) = stream.next().await {
        let batch = batch.expect("a batch");
        rows += batch.num_rows();
        sum += batch.column(0).as_primitive::<Int64Type>().values().iter().sum::<i64>();
        taken += 1;
        if taken % 8 == 0 {
            gleaner.send(&attempt(taken, "s1", "A", 1, "Paris")).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    assert_eq!((rows, sum), (300_000, 300_000 * 299_999 / 2));
}

/// Scenario: clients ask what long queries would answer and never come for the rows, more of them than there are places; one comes late,
/// one twice.
/// Guarantees: the places are free again soon, and a ticket is good for its rows however late, and as often, as it is shown.
#[tokio::test(flavor = "multi_thread")]
async fn queries_that_are_told_of_and_left_give_their_places_back() {
    let gleaner = Gleaner::start().await;
    let mut client = client(&gleaner).await;
    let started = Instant::now();
    let mut told = Vec::new();
    for n in 0..6 {
        let sql = format!("SELECT range + {n} AS n, 'x' || range AS t FROM range(3000000)");
        told.push(client.execute(sql, None).await.expect("info"));
    }
    assert_eq!(gleaner.sql("SELECT 1 AS one").await, [json!({"one": 1})]);
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    for info in [&told[0], &told[0], &told[5]] {
        let rows = batches(&mut client, info.clone()).await.expect("rows");
        assert_eq!(rows.iter().map(RecordBatch::num_rows).sum::<usize>(), 3_000_000);
    }
    let error = query(&mut client, "SELECT CAST('x' || range AS INTEGER) FROM range(1)").await.expect_err("fails");
    assert!(error.contains("Could not convert"), "{error}");
}

/// Scenario: rows of 100 KB, and values of an enumeration.
/// Guarantees: no message is much larger than a MiB, so that what waits for a client is bounded; enumerations are text, as they were told.
#[tokio::test(flavor = "multi_thread")]
async fn messages_are_bounded_by_bytes() {
    let gleaner = Gleaner::start().await;
    let mut client = client(&gleaner).await;
    let sql = "SELECT range AS n, repeat('x', 100000) AS t FROM range(500)";
    let rows = query(&mut client, sql).await.expect("rows");
    assert_eq!(rows.iter().map(RecordBatch::num_rows).sum::<usize>(), 500);
    assert!(rows.iter().all(|batch| batch.num_rows() <= 20), "{:?}", rows.iter().map(RecordBatch::num_rows).max());
    let numbers: Vec<_> = rows.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values()).collect();
    assert!(numbers.into_iter().copied().eq(0..500));

    let sql = "SELECT 'b'::ENUM('a', 'b') AS e, ['a'::ENUM('a', 'b')] AS es, {'e': 'a'::ENUM('a', 'b')} AS s";
    let info = client.execute(sql.to_owned(), None).await.expect("info");
    let told = info.clone().try_decode_schema().expect("a schema");
    let rows = batches(&mut client, info).await.expect("rows");
    assert_eq!(*rows[0].schema(), told);
    assert_eq!(rows[0].column(0).as_string::<i32>().value(0), "b");
    assert_eq!(rows[0].column(1).as_list::<i32>().value(0).as_string::<i32>().value(0), "a");
    assert_eq!(rows[0].column(2).as_struct().column(0).as_string::<i32>().value(0), "a");
}
