//! Content hashes and derived ids. Nothing here is random and nothing reads a clock.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::canonical_json;

/// BLAKE3 (256 bits, 64 lower-case hex digits) of a value's canonical JSON.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ContentHash(pub String);

impl ContentHash {
    /// Hash of a JSON value, by its canonical form: key order and white space do not matter.
    pub fn of_json(value: &Value) -> Self {
        Self::of_canonical(&canonical_json(value))
    }

    /// Hash of a text that is canonical JSON already.
    pub fn of_canonical(text: &str) -> Self {
        Self(blake3::hash(text.as_bytes()).to_hex().to_string())
    }
}

/// An id derived from its natural key: BLAKE3, 128 bits, 32 lower-case hex digits.
///
/// `kind` keeps the id spaces apart (`"attempt"`, `"rollout"` …); `parts` are the project, the parent's id and the natural
/// key. Every part is length-prefixed, so that `["ab", "c"]` and `["a", "bc"]` differ.
pub fn derive_id(kind: &str, parts: &[&str]) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in std::iter::once(&kind).chain(parts) {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hex::encode(&hasher.finalize().as_bytes()[..16])
}

#[cfg(test)]
mod tests;
