use std::sync::Arc;

use arrow::array::Int64Array;
use arrow::datatypes::{DataType, Field};
use arrow::ipc::writer::StreamWriter;
use arrow::record_batch::RecordBatch;
use gleaner_store::Store;

use super::*;

/// Counts rows.
struct Count(usize);

impl Sink for Count {
    fn batch(&mut self, batch: RecordBatch) -> Result<ControlFlow<()>, QueryError> {
        self.0 += batch.num_rows();
        Ok(ControlFlow::Continue(()))
    }
}

/// What becomes of an answer of three rows that ends between two batches, and then the process as `end` says.
fn answer(end: &str, deadline_ms: u64) -> (Result<SchemaRef, QueryError>, usize) {
    let folder = tempfile::tempdir().unwrap();
    let rows = folder.path().join("rows");
    let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)]));
    let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(Int64Array::from(vec![1, 2, 3]))]).unwrap();
    let mut writer = StreamWriter::try_new(std::fs::File::create(&rows).unwrap(), &schema).unwrap();
    writer.write(&batch).unwrap();
    // Without the mark of its end.
    writer.flush().unwrap();
    let script = format!("cat > /dev/null; cat '{}'; {end}", rows.display());
    let isolation = Isolation {
        program: "/bin/sh".into(),
        arguments: vec!["-c".to_owned(), script],
        scratch: folder.path().join("scratch"),
        memory_bytes: 1 << 30,
    };
    let reader = Store::open_in_memory().unwrap().reader().unwrap();
    let limits = QueryLimits { deadline_ms, ..QueryLimits::default() };
    let question = ("SELECT 1", &Params::default(), &limits);
    let mut count = Count(0);
    let result = execute(&reader, &isolation, &Value::Null, question, true, &Control::default(), &mut count);
    (result, count.0)
}

/// Guarantees: the rows of a process that is killed, or fails, between two batches are never taken for the whole answer.
#[test]
fn a_process_that_ends_early_has_not_answered() {
    let (result, rows) = answer("kill -9 $$", 30_000);
    assert!(matches!(result, Err(QueryError::OutOfMemory)), "{result:?}");
    assert_eq!(rows, 3);
    let (result, _) = answer("exit 1", 30_000);
    assert!(result.is_err(), "{result:?}");
    let (result, _) = answer("exec sleep 60", 200);
    assert!(matches!(result, Err(QueryError::Deadline { deadline_ms: 200 })), "{result:?}");
}
