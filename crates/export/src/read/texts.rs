//! Shared texts, put together for a handful of rows at a time.
//!
//! Rows name their long texts as lists of ids of pieces. The pieces of some rows are read together, in the order in which the store
//! holds them, and go with those rows; pieces that were there before the rows that name them (what many rows have in common: prompts,
//! tools, earlier turns) are kept for others.
//!
//! Invariant: memory is bounded by the pieces of a handful, and by [`MAX_KEPT_BYTES`], twice.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    ops::Range,
    sync::Arc,
};

use crate::{ExportError, Rows};

/// Bytes of pieces that are kept for later rows, twice at most.
const MAX_KEPT_BYTES: usize = 8 << 20;

#[derive(Default)]
pub(crate) struct Texts {
    /// In two halves: when the newer is full, the older is forgotten.
    recent: HashMap<u64, Arc<str>, ById>,
    older: HashMap<u64, Arc<str>, ById>,
    recent_bytes: usize,
    /// The highest id that was read: ids grow with the order of first sight.
    highest: u64,
}

/// The pieces of a handful of rows.
#[derive(Default)]
pub(crate) struct Pieces {
    /// Those that were read for these rows, one after the other.
    read: String,
    places: HashMap<u64, Range<usize>, ById>,
    /// Those that other rows name as well.
    shared: HashMap<u64, Arc<str>, ById>,
}

impl Texts {
    /// The pieces of these ids.
    pub(crate) fn load(&mut self, rows: &dyn Rows, mut wanted: Vec<u64>) -> Result<Pieces, ExportError> {
        wanted.sort_unstable();
        wanted.dedup();
        let mut pieces = Pieces::default();
        wanted.retain(|id| match self.known(*id) {
            Some(text) => {
                pieces.shared.insert(*id, text);
                false
            }
            None => true,
        });
        let before = self.highest;
        self.highest = before.max(wanted.last().copied().unwrap_or(0));
        rows.for_each_text(&wanted, &mut |id, text| {
            if id <= before {
                let text: Arc<str> = text.into();
                self.keep(id, text.clone());
                pieces.shared.insert(id, text);
            } else {
                let from = pieces.read.len();
                pieces.read.push_str(text);
                pieces.places.insert(id, from..pieces.read.len());
            }
        })?;
        Ok(pieces)
    }

    fn known(&mut self, id: u64) -> Option<Arc<str>> {
        if let Some(text) = self.recent.get(&id) {
            return Some(text.clone());
        }
        let text = self.older.remove(&id)?;
        self.keep(id, text.clone());
        Some(text)
    }

    fn keep(&mut self, id: u64, text: Arc<str>) {
        if self.recent_bytes + text.len() > MAX_KEPT_BYTES {
            self.older = std::mem::take(&mut self.recent);
            self.recent_bytes = 0;
        }
        self.recent_bytes += text.len();
        self.recent.insert(id, text);
    }
}

impl Pieces {
    /// Memory that goes with them.
    pub(crate) fn bytes(&self) -> usize {
        self.read.capacity() + self.places.capacity() * size_of::<(u64, Range<usize>)>()
    }

    pub(crate) fn piece(&self, id: u64) -> Result<&str, ExportError> {
        let read = self.places.get(&id).map(|place| &self.read[place.clone()]);
        let text = read.or_else(|| self.shared.get(&id).map(AsRef::as_ref));
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
