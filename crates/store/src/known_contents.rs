//! Which contents the store has, as far as memory tells: a content is stored once, and to look for each in the table takes the longer the more
//! there are (46 ms a commit at a million spans, measured; everything else of it took 170).
//!
//! Those seen of late are known exactly. Of all others a Bloom filter (Bloom, CACM 1970) tells whether the store may have them: what it denies is
//! new. Only what it admits has to be looked for.
//!
//! Invariants: what it says to be there or new is so, as long as every content of the store was added; it takes 3 bytes a content, up to
//! [`MAX_FILTER_BYTES`].

use crate::recent::{Key, Recent, Secret};

/// Hashes of contents seen last, some 20 bytes each. What agents repeat with every trace (system prompts, tools) is among them.
const MAX_RECENT: usize = 100_000;
/// Of the filter for each content that it has room for, and hash functions: one in 70,000 that are new is admitted when it is full.
const BITS_A_CONTENT: usize = 24;
const HASHES: u64 = 12;
/// Room of the smallest filter: 768 KiB.
const MIN_CONTENTS: usize = 1 << 18;
/// Enough for eleven million contents, as of some ten million spans. With more it admits more, and the table is looked into more often.
const MAX_FILTER_BYTES: usize = 32 << 20;

/// What memory tells of a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    There,
    New,
    /// The table has to be asked.
    Unsure,
}

/// The contents of a store.
#[derive(Debug)]
pub(crate) struct KnownContents {
    secret: Secret,
    recent: Recent<()>,
    bits: Vec<u64>,
    /// Contents that were added.
    added: usize,
}

impl KnownContents {
    /// With room for those that there are and as many more; none is added yet.
    pub(crate) fn for_contents(contents: usize) -> Self {
        let room = contents.saturating_mul(2).clamp(MIN_CONTENTS, MAX_FILTER_BYTES * 8 / BITS_A_CONTENT);
        let words = (room * BITS_A_CONTENT).div_ceil(64);
        Self { secret: Secret::new(), recent: Recent::new(MAX_RECENT), bits: vec![0; words], added: 0 }
    }

    /// Whether it should be made anew, larger.
    pub(crate) fn is_full(&self) -> bool {
        let bytes = self.bits.len() * size_of::<u64>();
        self.added * BITS_A_CONTENT > bytes * 8 && bytes + size_of::<u64>() < MAX_FILTER_BYTES
    }

    /// The key of a content, by its project and hash.
    pub(crate) fn key(&self, project: &str, content_hash: &str) -> Key {
        // A hash has one length.
        self.secret.key([content_hash, project].concat().as_bytes())
    }

    pub(crate) fn look(&mut self, key: Key) -> Known {
        if self.recent.get(key).is_some() {
            return Known::There;
        }
        let is_there = |bit: usize| self.bits[bit / 64] >> (bit % 64) & 1 == 1;
        if places(key, self.bits.len() * 64).all(is_there) { Known::Unsure } else { Known::New }
    }

    /// It is in the store, or will be with the commit.
    pub(crate) fn add(&mut self, key: Key) {
        self.add_stored(key);
        self.recent.insert(key, ());
    }

    /// One that is in the store was seen now.
    pub(crate) fn see(&mut self, key: Key) {
        self.recent.insert(key, ());
    }

    /// As [`Self::add`], of one that nobody saw of late.
    pub(crate) fn add_stored(&mut self, key: Key) {
        for bit in places(key, self.bits.len() * 64) {
            self.bits[bit / 64] |= 1 << (bit % 64);
        }
        self.added += 1;
    }
}

/// The bits of a key, by two hashes (Kirsch and Mitzenmacher, ESA 2006).
#[expect(clippy::cast_possible_truncation, reason = "the remainder is below a length")]
fn places(Key(a, b): Key, bits: usize) -> impl Iterator<Item = usize> {
    (0..HASHES).map(move |n| (a.wrapping_add(n.wrapping_mul(b | 1)) % bits as u64) as usize)
}

#[cfg(test)]
mod tests;
