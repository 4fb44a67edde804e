//! Shared texts, put together for a handful of rows at a time.
//!
//! Rows name their long texts as lists of ids of pieces. The pieces of some rows are read together, in the order in which the store
//! holds them, and stay until the next rows come; pieces that were there before the rows that name them (what many rows have in
//! common: prompts, tools, earlier turns) are kept for longer.
//!
//! Invariant: memory is bounded by the pieces of one handful and by [`MAX_KEPT_BYTES`], twice.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    ops::Range,
};

use crate::{ExportError, Rows};

/// Bytes of pieces that are kept for later rows, twice at most.
const MAX_KEPT_BYTES: usize = 8 << 20;

#[derive(Default)]
pub(crate) struct Texts {
    /// The pieces that were read for these rows, one after the other.
    read: String,
    places: HashMap<u64, Range<usize>, ById>,
    /// In two halves: when the newer is full, the older is forgotten.
    recent: HashMap<u64, Box<str>, ById>,
    older: HashMap<u64, Box<str>, ById>,
    recent_bytes: usize,
    /// The highest id that was read before these rows: ids grow with the order of first sight.
    highest: u64,
    next_highest: u64,
}

impl Texts {
    /// Makes the texts of these ids ready.
    pub(crate) fn load(&mut self, rows: &dyn Rows, mut wanted: Vec<u64>) -> Result<(), ExportError> {
        self.keep_what_comes_again();
        wanted.sort_unstable();
        wanted.dedup();
        for id in &wanted {
            if let Some(text) = self.older.remove(id) {
                self.keep(*id, text);
            }
        }
        wanted.retain(|id| !self.recent.contains_key(id) && !self.older.contains_key(id));
        self.next_highest = self.highest.max(wanted.last().copied().unwrap_or(0));
        let (read, places) = (&mut self.read, &mut self.places);
        rows.for_each_text(&wanted, &mut |id, text| {
            let from = read.len();
            read.push_str(text);
            places.insert(id, from..read.len());
        })
    }

    /// What was read last goes, apart from what was older than the rows that it was read for.
    fn keep_what_comes_again(&mut self) {
        let places = std::mem::take(&mut self.places);
        let read = std::mem::take(&mut self.read);
        let highest = self.highest;
        for (id, place) in places.iter().filter(|(id, _)| **id <= highest) {
            self.keep(*id, read[place.clone()].into());
        }
        self.highest = self.next_highest;
        (self.places, self.read) = (places, read);
        self.places.clear();
        self.read.clear();
    }

    fn keep(&mut self, id: u64, text: Box<str>) {
        if self.recent_bytes + text.len() > MAX_KEPT_BYTES {
            self.older = std::mem::take(&mut self.recent);
            self.recent_bytes = 0;
        }
        self.recent_bytes += text.len();
        self.recent.insert(id, text);
    }

    pub(crate) fn piece(&self, id: u64) -> Result<&str, ExportError> {
        let read = self.places.get(&id).map(|place| &self.read[place.clone()]);
        let text = read.or_else(|| self.recent.get(&id).or_else(|| self.older.get(&id)).map(AsRef::as_ref));
        text.ok_or(ExportError::SharedText { id })
    }

    /// The text that these pieces make, in place of what `out` held.
    pub(crate) fn join(&self, ids: &[u64], out: &mut String) -> Result<(), ExportError> {
        out.clear();
        ids.iter().try_for_each(|id| {
            out.push_str(self.piece(*id)?);
            Ok(())
        })
    }
}

/// Ids are numbers in a row: multiplied, they are as good as random, in a fraction of the time that the standard hash takes.
#[derive(Default)]
pub(crate) struct IdHasher(u64);

pub(crate) type ById = BuildHasherDefault<IdHasher>;

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for word in bytes.chunks(size_of::<u64>()) {
            let mut padded = [0; size_of::<u64>()];
            padded[..word.len()].copy_from_slice(word);
            self.write_u64(u64::from_le_bytes(padded));
        }
    }

    fn write_u64(&mut self, id: u64) {
        self.0 = (self.0.rotate_left(29) ^ id).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

#[cfg(test)]
mod tests;
