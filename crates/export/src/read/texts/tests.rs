use std::cell::RefCell;

use arrow::{datatypes::SchemaRef, record_batch::RecordBatch};
use serde_json::{Map, Value};

use super::*;

/// Texts of 1 KB that say their id, and which of them were asked for.
#[derive(Default)]
struct Store(RefCell<Vec<u64>>);

fn text(id: u64) -> String {
    format!("{id:1024}")
}

impl Rows for Store {
    fn for_each_row(
        &self,
        sql: &str,
        _params: &[Value],
        _visit: &mut dyn FnMut(Map<String, Value>) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        panic!("unexpected query: {sql}")
    }

    fn for_each_page(
        &self,
        sql: &str,
        _params: &[Value],
        _visit: &mut dyn FnMut(&RecordBatch) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        panic!("unexpected query: {sql}")
    }

    fn for_each_text(&self, ids: &[u64], visit: &mut dyn FnMut(u64, &str)) -> Result<(), ExportError> {
        self.0.borrow_mut().extend(ids);
        ids.iter().filter(|id| **id != 13).for_each(|id| visit(*id, &text(*id)));
        Ok(())
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
fn pieces_are_joined_in_the_order_asked_for_whatever_was_loaded_before() {
    let (store, mut texts, mut out) = (Store::default(), Texts::default(), String::new());
    // Every handful goes back to some old ones, over far more bytes than are kept.
    for first in (0..40_000).step_by(1_000) {
        let mut wanted: Vec<u64> = (first..first + 1_000).chain([0, 7, first / 2, 0]).collect();
        wanted.retain(|id| *id != 13);
        let pieces = texts.load(&store, wanted.clone()).expect("loads");
        let ids = [wanted[999 - 13], 7, first / 2, 0, 7];
        pieces.join(&ids, &mut out).expect("there");
        assert_eq!(out, ids.map(text).concat());
        let kept = texts.recent.values().chain(texts.older.values()).map(|text| text.len()).sum::<usize>();
        assert!(kept <= 2 * MAX_KEPT_BYTES, "{kept}");
    }
}

#[test]
fn what_many_rows_share_is_read_a_few_times_and_not_with_each() {
    let (store, mut texts) = (Store::default(), Texts::default());
    for first in (100..30_100).step_by(100) {
        let pieces = texts.load(&store, (first..first + 100).chain([7]).collect()).expect("loads");
        assert_eq!(pieces.piece(7).expect("there"), text(7));
    }
    let read = store.0.borrow().iter().filter(|id| **id == 7).count();
    assert!(read <= 2, "{read}");
}

#[test]
fn a_piece_that_is_missing_is_an_error() {
    let (store, mut texts) = (Store::default(), Texts::default());
    let pieces = texts.load(&store, vec![12, 13]).expect("loads");
    let error = pieces.join(&[12, 13], &mut String::new()).expect_err("13 is not there").to_string();
    assert_eq!(error, "shared text 13 is missing: run `gleaner rebuild`");
}
