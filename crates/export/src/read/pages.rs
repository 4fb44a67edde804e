//! Which attempts an export reads, a page at a time.
//!
//! The rows of an attempt hold whole conversations: all of them in one query would need memory for all. So the attempts are
//! chosen first, as ids, and lie on disk in the order in which the store holds them; pages are runs of them. A page names the
//! time in which the store recorded it, since rows lie in that order: whatever else is there is not read.
//!
//! The spans of an attempt were recorded with it, where it lies in one trace. Attempts of several traces come last, in one page
//! without a time.

use serde::{Deserialize, Serialize};

use crate::{
    ExportError, Options, Rows,
    row::Row,
    spool::{Place, Spool},
    sql,
};

/// Attempts of one record on disk.
const LEAF_ATTEMPTS: usize = 256;
/// What a page should hold: large enough that a query's fixed cost does not count, small enough for any machine. Long texts are not in
/// it, only where they are.
const PAGE_BYTES: usize = 16 << 20;
/// Most records of a page.
const MAX_LEAVES: usize = 64;
/// Records of the first page, when nothing is known of their size.
const FIRST_LEAVES: usize = 4;

/// A run of attempts.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Page {
    pub(crate) attempt_ids: Vec<String>,
    /// Which of them pairs, rankings or directives speak of.
    pub(crate) compared: Vec<bool>,
    /// First and last time of recording, in microseconds since the epoch; absent for attempts of several traces.
    pub(crate) recorded_us: Option<(i64, i64)>,
}

pub(crate) struct Pages {
    spool: Spool,
    leaves: std::collections::VecDeque<Place>,
    scattered: Vec<Place>,
    total: u64,
    page_leaves: usize,
}

impl Pages {
    /// Asks which attempts are within the filters and spoken of by what is wanted.
    pub(crate) fn choose(
        rows: &dyn Rows,
        options: &Options,
        wanted: &sql::Wanted,
        spool: Spool,
    ) -> Result<Self, ExportError> {
        let mut pages =
            Self { spool, leaves: Default::default(), scattered: Vec::new(), total: 0, page_leaves: FIRST_LEAVES };
        let mut leaf = Page::default();
        let (sql, params) = sql::chosen(options, wanted);
        rows.for_each_row(&sql, &params, &mut |row| {
            let mut row = Row::new("attempts", row);
            let attempt_id: String = row.required("attempt_id")?;
            let is_compared = row.typed("is_compared", "a boolean")? == Some(true);
            let recorded_us = row.typed::<i64>("recorded_us", "a whole number")?;
            let follows = recorded_us.is_some() == leaf.recorded_us.is_some();
            if leaf.attempt_ids.len() == LEAF_ATTEMPTS || !follows {
                pages.put(&std::mem::take(&mut leaf))?;
            }
            leaf.recorded_us = recorded_us.map(|at| (leaf.recorded_us.map_or(at, |(first, _)| first), at));
            leaf.attempt_ids.push(attempt_id);
            leaf.compared.push(is_compared);
            Ok(())
        })?;
        pages.put(&leaf)?;
        Ok(pages)
    }

    /// How many attempts were chosen.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The next page, until there is none.
    pub(crate) fn next(&mut self) -> Result<Option<Page>, ExportError> {
        let taken: Vec<Place> = match self.leaves.is_empty() {
            false => self.leaves.drain(..self.page_leaves.min(self.leaves.len())).collect(),
            true => std::mem::take(&mut self.scattered),
        };
        let mut page: Option<Page> = None;
        for place in taken {
            let bytes = self.spool.get(place)?;
            let leaf: Page = serde_json::from_slice(&bytes).map_err(|source| self.spool.unreadable(source))?;
            match &mut page {
                None => page = Some(leaf),
                Some(page) => {
                    page.attempt_ids.extend(leaf.attempt_ids);
                    page.compared.extend(leaf.compared);
                    page.recorded_us = page.recorded_us.zip(leaf.recorded_us).map(|(a, b)| (a.0, b.1));
                }
            }
        }
        Ok(page)
    }

    /// Tells how much the last page held, so that the next is of the right size.
    pub(crate) fn held(&mut self, attempts: usize, bytes: usize) {
        let leaf_bytes = bytes / attempts.max(1) * LEAF_ATTEMPTS;
        self.page_leaves = (PAGE_BYTES / leaf_bytes.max(1)).clamp(1, MAX_LEAVES);
    }

    fn put(&mut self, leaf: &Page) -> Result<(), ExportError> {
        if leaf.attempt_ids.is_empty() {
            return Ok(());
        }
        let bytes = serde_json::to_vec(leaf).map_err(|source| self.spool.unreadable(source))?;
        let place = self.spool.put(&bytes)?;
        self.total += leaf.attempt_ids.len() as u64;
        match leaf.recorded_us {
            Some(_) => self.leaves.push_back(place),
            None => self.scattered.push(place),
        }
        Ok(())
    }
}
