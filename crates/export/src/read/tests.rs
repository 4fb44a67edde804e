use std::cell::RefCell;

use arrow::{datatypes::SchemaRef, record_batch::RecordBatch};
use serde_json::{Map, Value, json};

use super::*;
use crate::{
    Kind,
    sql::Wanted,
    tests::memory::{MemoryRows, attempt, score},
};

fn read(rows: &dyn Rows, options: &Options) -> Result<Vec<Attempt>, ExportError> {
    let mut seen = Vec::new();
    let spool = || crate::spool::Spool::new(None);
    let wanted = Wanted::of(&[options.kind], options);
    let mut pages = Pages::choose(rows, options, &wanted, spool()?)?;
    let mut beside = Beside::read(rows, options, &wanted, &ScoreScale::default(), &spool)?;
    let mut assembler = Assembler::default();
    attempts(rows, options, &wanted, &mut pages, &mut |handful| {
        assembler.attempts(handful, &mut beside, &mut |attempt| {
            seen.push(attempt);
            Ok(())
        })
    })?;
    Ok(seen)
}

#[test]
fn a_column_of_another_type_is_named() {
    let mut odd = score("e", "a", "mara", 1.0);
    odd["score"] = json!("high");
    let rows = MemoryRows { attempts: vec![attempt("a", "q", "x")], evaluations: vec![odd], ..MemoryRows::default() };
    let error = read(&rows, &Options::new(Kind::Sft)).expect_err("refused").to_string();
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

    fn for_each_page(
        &self,
        sql: &str,
        _params: &[Value],
        _visit: &mut dyn FnMut(&RecordBatch) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        panic!("unexpected query: {sql}")
    }

    fn for_each_text(&self, ids: &[u64], _visit: &mut dyn FnMut(u64, &str)) -> Result<(), ExportError> {
        panic!("unexpected texts: {ids:?}")
    }

    fn for_each_batch(
        &self,
        sql: &str,
        _visit: &mut dyn FnMut(RecordBatch) -> Result<(), ExportError>,
    ) -> Result<SchemaRef, ExportError> {
        panic!("unexpected query: {sql}")
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
        sources: vec![Source::Human, Source::Code],
        ..Options::new(Kind::Sft)
    };
    let asked = Asked::default();
    read(&asked, &options).expect("reads");
    let nothing = &mut |_| Ok(());
    pairs(&asked, &options, &ScoreScale::default(), nothing).expect("reads");
    rankings(&asked, &options, &mut |_| Ok(())).expect("reads");
    revisions(&asked, &options, &mut |_| Ok(())).expect("reads");
    let asked = asked.0.into_inner();
    for (sql, params) in &asked {
        let mut params: Vec<&str> = params.iter().filter_map(Value::as_str).collect();
        params.sort_unstable();
        // Attempts and definitions have no source.
        let of_feedback = !["FROM attempts a", "FROM agent_definitions d"].iter().any(|from| sql.contains(from));
        assert_eq!(params, if of_feedback { vec!["code", "human", "it's"] } else { vec!["it's"] }, "{sql}");
        assert_eq!(sql.matches('?').count(), params.len(), "{sql}");
        assert!(!sql.contains("it's"), "{sql}");
    }
    assert!(asked[0].0.contains("(\nllm_calls > 1 -- busy\n))"), "{}", asked[0].0);
}
