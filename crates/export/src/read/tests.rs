use std::cell::RefCell;

use serde_json::json;

use super::*;
use crate::{
    Kind,
    tests::memory::{MemoryRows, attempt, says, score},
};

#[test]
fn json_columns_may_be_text_or_parsed() {
    let mut parsed = attempt("b", "q", "x");
    parsed["input_messages"] = json!([says("user", "q")]);
    parsed["trace_ids"] = json!(["trace-b"]);
    let rows = MemoryRows { attempts: vec![attempt("a", "q", "x"), parsed], ..MemoryRows::default() };
    let mut seen = Vec::new();
    judged_attempts(&rows, &Options::new(Kind::Sft), &mut |row| {
        seen.push(row);
        Ok(())
    })
    .expect("reads");
    assert_eq!(seen[0].input_messages, Some(vec![Message::text("user", "q")]));
    assert_eq!(seen[1].input_messages, seen[0].input_messages);
    assert_eq!(seen[1].attempt.trace_ids, ["trace-b"]);
}

#[test]
fn an_attempt_that_comes_twice_is_read_once() {
    let rows = MemoryRows { attempts: vec![attempt("a", "q", "x"), attempt("a", "q", "x")], ..MemoryRows::default() };
    let mut count = 0;
    conversations(&rows, &Options::new(Kind::Sft), Which::All, &mut |_| {
        count += 1;
        Ok(())
    })
    .expect("reads");
    assert_eq!(count, 1);
}

#[test]
fn a_column_of_another_type_is_named() {
    let mut odd = score("e", "a", "mara", 1.0);
    odd["score"] = json!("high");
    let rows = MemoryRows { evaluations: vec![odd], ..MemoryRows::default() };
    let error = scores(&rows, &Options::new(Kind::Sft)).expect_err("refused").to_string();
    assert_eq!(error, "evaluations.score is not a number");
}

/// Keeps what was asked.
#[derive(Default)]
struct Asked(RefCell<Vec<(String, Vec<Value>)>>);

impl Rows for Asked {
    fn for_each_row(
        &self,
        sql: &str,
        params: &[Value],
        _visit: &mut dyn FnMut(Map<String, Value>) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        self.0.borrow_mut().push((sql.to_owned(), params.to_vec()));
        Ok(())
    }

    fn position(&self) -> Result<u64, ExportError> {
        Ok(0)
    }
}

#[test]
fn filters_reach_the_query_bound_where_they_are_values() {
    let options = Options {
        project: Some("it's".into()),
        where_sql: Some("llm_calls > 1 -- busy".into()),
        ..Options::new(Kind::Sft)
    };
    let asked = Asked::default();
    judged_attempts(&asked, &options, &mut |_| Ok(())).expect("reads");
    conversations(&asked, &options, Which::Scored, &mut |_| Ok(())).expect("reads");
    pairs(&asked, &options).expect("reads");
    let asked = asked.0.into_inner();
    for (sql, params) in &asked {
        assert_eq!(params, &[json!("it's")]);
        assert!(!sql.contains("it's"), "{sql}");
    }
    for (sql, _) in &asked[..2] {
        assert!(sql.contains("(\nllm_calls > 1 -- busy\n))"), "{sql}");
    }
}
