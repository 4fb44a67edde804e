use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StringArray};

use super::*;

fn batch(text: Vec<Option<&str>>, numbers: Vec<f64>) -> RecordBatch {
    let text: ArrayRef = Arc::new(StringArray::from(text));
    let numbers: ArrayRef = Arc::new(Float64Array::from(numbers));
    RecordBatch::try_from_iter([("text", text), ("n", numbers)]).unwrap()
}

fn written(format: Format, limits: QueryLimits, batches: &[RecordBatch]) -> (String, Summary) {
    let mut out = Vec::new();
    let mut writer = ResultWriter::new(format, limits, &mut out);
    for batch in batches {
        writer.push(batch).unwrap();
    }
    let summary = writer.finish(&batches[0].schema()).unwrap();
    assert_eq!(summary.bytes, out.len() as u64, "the summary counts what was written");
    (String::from_utf8(out).unwrap(), summary)
}

fn two_batches() -> [RecordBatch; 2] {
    [batch(vec![Some("a"), None], vec![1.0, 2.5]), batch(vec![Some("say \"hi\",\nü"), Some("")], vec![3.0, f64::NAN])]
}

/// Guarantees: JSON is one array over batches, a row per line.
#[test]
fn json() {
    let (text, summary) = written(Format::Json, QueryLimits::default(), &two_batches());
    let expected = "[\n{\"text\": \"a\", \"n\": 1.0},\n{\"text\": null, \"n\": 2.5},\n\
                    {\"text\": \"say \\\"hi\\\",\\nü\", \"n\": 3.0},\n{\"text\": \"\", \"n\": null}\n]\n";
    assert_eq!(text, expected);
    assert_eq!((summary.rows, summary.truncated), (4, false));
}

/// Guarantees: CSV quotes what needs it, and NULL differs from empty text.
#[test]
fn csv() {
    let (text, _) = written(Format::Csv, QueryLimits::default(), &two_batches());
    assert_eq!(text, "text,n\na,1.0\n,2.5\n\"say \"\"hi\"\",\nü\",3.0\n\"\",\n");
}

/// Guarantees: a table is aligned, numbers to the right, and no cell can write control characters to a terminal.
#[test]
fn table() {
    let long = "x".repeat(100);
    let batch = batch(vec![Some("\u{1b}[31mred\n"), Some(&long), None], vec![1.0, 22.0, 3.0]);
    let (text, _) = written(Format::Table, QueryLimits::default(), &[batch]);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0].trim_end(), format!("{:<60}     n", "text"));
    assert!(lines[2].starts_with("\\u{1b}[31mred\\n ") && lines[2].ends_with("   1.0"), "{text}");
    assert_eq!(lines[3], format!("{}…  22.0", "x".repeat(59)));
    assert!(lines[4].starts_with("NULL"));
    assert_eq!(lines[5], "(3 rows)");
}

/// Guarantees: an answer without rows still has its columns, and is complete.
#[test]
fn no_rows() {
    let empty = [batch(vec![], vec![])];
    assert_eq!(written(Format::Json, QueryLimits::default(), &empty).0, "[]\n");
    assert_eq!(written(Format::Csv, QueryLimits::default(), &empty).0, "text,n\n");
    assert_eq!(written(Format::Table, QueryLimits::default(), &empty).0, "text  n\n────  ─\n(0 rows)\n");
}

/// Guarantees: the row limit cuts exactly, and an answer that just fits is not called cut.
#[test]
fn row_limit() {
    for (max_rows, rows, truncated) in [(3, 3, true), (2, 2, true), (4, 4, false), (0, 0, true)] {
        for format in [Format::Json, Format::Csv, Format::Table] {
            let limits = QueryLimits { max_rows, ..QueryLimits::default() };
            let (_, summary) = written(format, limits, &two_batches());
            assert_eq!((summary.rows, summary.truncated), (rows, truncated), "{format:?} {max_rows}");
        }
    }
}

/// Guarantees: the byte limit cuts at a whole row and leaves well-formed JSON, whatever the limit.
#[test]
fn byte_limit() {
    let (whole, _) = written(Format::Json, QueryLimits::default(), &two_batches());
    let mut last_rows = 0;
    for max_result_bytes in 0..whole.len() as u64 + 2 {
        let limits = QueryLimits { max_result_bytes, ..QueryLimits::default() };
        let (text, summary) = written(Format::Json, limits, &two_batches());
        let rows: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        assert_eq!(rows.len() as u64, summary.rows);
        assert_eq!(summary.truncated, summary.rows < 4, "{max_result_bytes}");
        assert!(summary.rows >= last_rows, "more room never gives less");
        last_rows = summary.rows;
    }
    assert_eq!(last_rows, 4);
}

/// Guarantees: columns of one name do not hide each other in JSON.
#[test]
fn equal_names() {
    let column: ArrayRef = Arc::new(Float64Array::from(vec![1.0]));
    let fields = ["a", "a", "a_1", "a"].map(|name| arrow::datatypes::Field::new(name, DataType::Float64, true));
    let schema = Arc::new(arrow::datatypes::Schema::new(fields.to_vec()));
    let batch = RecordBatch::try_new(schema, vec![column; 4]).unwrap();
    let (text, _) = written(Format::Json, QueryLimits::default(), &[batch]);
    assert_eq!(text, "[\n{\"a\": 1.0, \"a_1\": 1.0, \"a_1_1\": 1.0, \"a_2\": 1.0}\n]\n");
}
