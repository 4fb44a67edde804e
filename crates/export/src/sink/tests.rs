use arrow::array::{Array, AsArray};
use parquet::{arrow::arrow_reader::ParquetRecordBatchReaderBuilder, basic::LogicalType};
use serde_json::json;

use super::*;
use crate::{MemoryOutput, dataset::JSON_LIST};

const COLUMNS: Columns = &[
    ("messages", JSON_LIST),
    ("extra", Column::Json),
    ("label", Column::Bool),
    ("ranks", Column::List(&Column::Integer)),
    ("part", Column::Struct(&[("name", Column::Text), ("score", Column::Float)])),
];

fn written(rows: &[Value]) -> Vec<u8> {
    let mut out = MemoryOutput::default();
    let mut files = Files::new(&mut out);
    let mut sink = Sink::new("x.parquet", COLUMNS, FileFormat::Parquet, &mut files).expect("opens");
    for row in rows {
        sink.row(row.to_string().as_bytes(), &mut files).expect("writes");
    }
    sink.finish(&mut files).expect("finishes");
    assert_eq!(files.entries().expect("written")[0].rows, Some(rows.len() as u64));
    files.finish().expect("finishes");
    out.files.remove("x.parquet").expect("a file")
}

#[test]
fn free_json_is_text_of_the_json_type_and_nothing_is_added_to_it() {
    let one = json!({"messages": [{"arguments": {"path": "x"}}], "extra": {"a": 1}, "label": true, "ranks": [1, 2],
        "part": {"name": "n", "score": 0.5}});
    let other = json!({"messages": [{"arguments": {"cmd": "ls"}}, "text"], "extra": null, "label": null, "ranks": [],
        "part": {"name": null, "score": null}});
    let bytes = written(&[one, other]);
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes)).expect("reads");
    let column = builder.parquet_schema().column(0);
    assert!(matches!(column.logical_type_ref(), Some(LogicalType::Json)), "{column:?}");
    let batch = builder.build().expect("reads").next().expect("a batch").expect("reads");
    let messages = batch.column(0).as_list::<i32>();
    assert_eq!(messages.value(0).as_string::<i32>().value(0), r#"{"arguments":{"path":"x"}}"#);
    assert_eq!(messages.value(1).as_string::<i32>().value(0), r#"{"arguments":{"cmd":"ls"}}"#);
    assert_eq!(messages.value(1).as_string::<i32>().value(1), r#""text""#);
    assert_eq!(batch.column(1).as_string::<i32>().value(0), r#"{"a":1}"#);
    assert!(batch.column(1).is_null(1) && batch.column(2).is_null(1));
    assert_eq!(batch.column(3).as_list::<i32>().value(0).len(), 2);
}

#[test]
fn a_file_without_rows_is_whole_and_the_same_rows_give_the_same_bytes() {
    let empty = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(written(&[]))).expect("reads");
    assert_eq!(empty.metadata().file_metadata().num_rows(), 0);
    let rows: Vec<Value> = (0..2500).map(|n| json!({"messages": [n], "extra": n, "ranks": [n]})).collect();
    assert_eq!(written(&rows), written(&rows));
    let whole = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(written(&rows))).expect("reads");
    assert_eq!(whole.metadata().file_metadata().num_rows(), 2500);
}
