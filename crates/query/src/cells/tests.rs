use gleaner_store::Store;
use std::ops::ControlFlow;

use super::*;

/// The cells of the first row of a query, as text.
fn cells(sql: &str, is_json: &[bool]) -> Vec<Option<String>> {
    let reader = Store::open_in_memory().unwrap().reader().unwrap();
    let mut found = Vec::new();
    let visit = &mut |batch: RecordBatch| {
        let cells = Cells::new(batch.schema().fields(), is_json);
        let text = |value: Option<&[u8]>| value.map(|value| String::from_utf8(value.to_vec()).unwrap());
        cells.each(&batch, |_, _, value| found.push(text(value))).unwrap();
        Ok(ControlFlow::Continue(()))
    };
    reader.stream(sql, &gleaner_store::Params::default(), visit).unwrap();
    found
}

fn assert_cells(sql: &str, is_json: &[bool], expected: &[&str]) {
    let expected: Vec<_> = expected.iter().map(|text| (*text != "NULL").then(|| (*text).to_owned())).collect();
    assert_eq!(cells(sql, is_json), expected, "{sql}");
}

/// Guarantees: numbers of every width are JSON numbers; what JSON cannot say is null.
#[test]
fn numbers() {
    assert_cells(
        "SELECT 9223372036854775807, 18446744073709551615::UBIGINT, sum(9223372036854775807), 1.50::DECIMAL(5, 2), 0.1::DOUBLE",
        &[],
        &["9223372036854775807", "18446744073709551615", "9223372036854775807", "1.50", "0.1"],
    );
    assert_cells(
        "SELECT 'nan'::DOUBLE, 'inf'::DOUBLE, NULL, true, 'infinity'::TIMESTAMP",
        &[],
        &["NULL", "NULL", "NULL", "true", "NULL"],
    );
}

/// Guarantees: times are ISO 8601, and in UTC where they have a zone.
#[test]
fn times() {
    assert_cells(
        "SELECT TIMESTAMP '2026-11-22 17:14:59.000001', TIMESTAMPTZ '2026-11-22 17:14:59+02', DATE '2026-11-22', TIME '17:14:59'",
        &[],
        &[r#""2026-11-22T17:14:59.000001Z""#, r#""2026-11-22T15:14:59.000000Z""#, r#""2026-11-22""#, r#""17:14:59""#],
    );
}

/// Guarantees: lists, structs and maps nest, with keys of any type.
#[test]
fn nested_values() {
    assert_cells(
        "SELECT [1, NULL], {'a': [TIMESTAMP '2026-01-01']}, MAP {'k': 1}, MAP {7: [true]}, MAP {'x': NULL}, [MAP {1: 2}]",
        &[],
        &[
            r"[1,null]",
            r#"{"a":["2026-01-01T00:00:00.000000Z"]}"#,
            r#"{"k":1}"#,
            r#"{"7":[true]}"#,
            r#"{"x":null}"#,
            r#"[{"1":2}]"#,
        ],
    );
    assert_cells(
        "SELECT 'a\"b\nü'::VARCHAR, '\\x00\\xFF'::BLOB, 'x'::ENUM('x', 'y'), INTERVAL 1 DAY",
        &[],
        &[r#""a\"b\nü""#, r#""00ff""#, r#""x""#, r#""1 days""#],
    );
    assert_cells("SELECT union_value(n := 1)", &[], &[r#""{n=1}""#]);
}

/// Guarantees: JSON is nested as it is; text that no JSON reader takes stays text.
#[test]
fn json_columns() {
    let sql = "SELECT '{\"a\": [1,\n2]}'::JSON, ['\"x\"'::JSON, NULL], '1e999'::JSON, 'null'::JSON";
    assert_cells(sql, &[true, true, true, true], &[r#"{"a": [1,2]}"#, r#"["x",null]"#, r#""1e999""#, "NULL"]);
    assert_cells("SELECT '{}'::JSON", &[false], &[r#""{}""#]);
}
