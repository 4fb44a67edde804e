//! Texts as sequences of words, hashed: what near duplicates and benchmark items are compared by.
//!
//! A word is one of Unicode's (UAX #29), so that scripts without spaces have words too; case and punctuation do not count.
//! The hashes are the same on every machine and in every version of this program.

use unicode_segmentation::UnicodeSegmentation;
use xxhash_rust::xxh3::xxh3_64;

/// Appends the hash of each word of `text`.
pub(crate) fn push_words(text: &str, out: &mut Vec<u64>) {
    for word in text.unicode_words() {
        let is_lower = word.bytes().all(|b| b.is_ascii() && !b.is_ascii_uppercase());
        out.push(if is_lower { xxh3_64(word.as_bytes()) } else { xxh3_64(word.to_lowercase().as_bytes()) });
    }
}

/// One hash of several.
pub(crate) fn combined(hashes: &[u64]) -> u64 {
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    for hash in hashes {
        hasher.update(&hash.to_le_bytes());
    }
    hasher.digest()
}

/// A well mixed number from any number (the finalizer of SplitMix64).
pub(crate) fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests;
