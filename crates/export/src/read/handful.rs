//! The rows of a page in handfuls, each with what its attempts are put together from: they go to another thread.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    sync::Arc,
};

use arrow::{
    array::{Array, StringArray},
    record_batch::RecordBatch,
};

use super::{
    columns::{Columns, column, optional, pieces},
    texts::{Pieces, Texts},
};
use crate::{ExportError, Rows};

/// Ids of pieces that are looked up together, some 300 bytes each and 4 KB at most.
const MAX_IDS: usize = 16_384;

/// Some rows of a page, with the pieces of their texts.
pub(crate) struct Handful {
    pub(super) batch: RecordBatch,
    pub(super) rows: Range<usize>,
    pub(super) pieces: Pieces,
    pub(super) page: Arc<Known>,
}

/// What is known of the attempts of a page apart from their rows.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Those that pairs, rankings or directives speak of.
    pub(super) compared: HashSet<String>,
    /// Of those that recorded no messages.
    pub(super) plain: HashMap<String, Plain>,
}

/// Plain texts of an attempt.
#[derive(Debug, Default)]
pub(super) struct Plain {
    pub(super) input_text: Option<String>,
    pub(super) call_output_text: Option<String>,
}

impl Plain {
    pub(super) fn bytes(&self) -> usize {
        [&self.input_text, &self.call_output_text].into_iter().flatten().map(String::len).sum()
    }
}

/// The attempts of a batch whose question, or whose last answer, is not known from messages.
pub(super) fn without_messages(batch: &RecordBatch) -> Result<Vec<&str>, ExportError> {
    let columns = Columns::of(batch)?;
    let is_without = |at: &usize| {
        let is_asked = columns.question.is_valid(*at) || columns.question_history.is_valid(*at);
        // An empty list is one piece.
        !is_asked || pieces(columns.output, *at).is_none_or(|ids| ids.len() < 2)
    };
    Ok((0..batch.num_rows()).filter(is_without).map(|at| columns.attempt_id.value(at)).collect())
}

/// Reads the rows of `sql::plain_texts`.
pub(super) fn plain_texts(batch: &RecordBatch, out: &mut HashMap<String, Plain>) -> Result<(), ExportError> {
    let text = |name| column::<StringArray>(batch, name, "text");
    let (ids, inputs, outputs) = (text("attempt_id")?, text("input_text")?, text("call_output_text")?);
    out.extend((0..batch.num_rows()).map(|at| {
        let plain = Plain { input_text: optional(inputs, at), call_output_text: optional(outputs, at) };
        (ids.value(at).to_owned(), plain)
    }));
    Ok(())
}

impl Handful {
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Of the pieces, which are the most of it.
    pub(crate) fn bytes(&self) -> usize {
        self.pieces.bytes()
    }
}

/// Visits the rows of a batch in handfuls.
pub(super) fn handfuls(
    rows: &dyn Rows,
    texts: &mut Texts,
    batch: &RecordBatch,
    page: &Arc<Known>,
    visit: &mut dyn FnMut(Handful) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let columns = Columns::of(batch)?;
    let mut first = 0;
    while first < batch.num_rows() {
        let mut ids = Vec::new();
        let mut end = first;
        while end < batch.num_rows() && (end == first || ids.len() < MAX_IDS) {
            columns.add_ids(end, &mut ids);
            end += 1;
        }
        let pieces = texts.load(rows, ids)?;
        visit(Handful { batch: batch.clone(), rows: first..end, pieces, page: page.clone() })?;
        first = end;
    }
    Ok(())
}
