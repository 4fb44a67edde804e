//! What was seen of late, by its hash: exact, and bounded.
//!
//! Invariant: what it tells was put in; what was put in is forgotten only after `max / 2` others.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, BuildHasherDefault, Hash, Hasher, RandomState};

use xxhash_rust::xxh3::xxh3_128_with_secret;

/// A hash, XXH3: a cryptographic one took a tenth of loading, on texts of some hundred bytes (measured). 128 bits collide by chance in no store
/// that could be; and by design only for who knows the [`Secret`]. In halves, which take less room in a map than a `u128`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key(pub(crate) u64, pub(crate) u64);

/// Drawn anew for every use, and told to nobody: no client can write two texts of one hash.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Secret([u8; 192]);

/// Values by the hashes of what they belong to.
#[derive(Debug)]
pub(crate) struct Recent<V> {
    recent: HashMap<Key, V, BuildHasherDefault<KeyHasher>>,
    /// When `recent` is full it becomes this one, and what this one held is forgotten unless seen again.
    older: HashMap<Key, V, BuildHasherDefault<KeyHasher>>,
    max: usize,
}

impl Secret {
    pub(crate) fn new() -> Self {
        let mut secret = [0; 192];
        // Seeded by the system's random numbers.
        let random = RandomState::new();
        for (n, bytes) in secret.chunks_exact_mut(size_of::<u64>()).enumerate() {
            bytes.copy_from_slice(&random.hash_one(n).to_le_bytes());
        }
        Self(secret)
    }

    #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
    pub(crate) fn key(&self, bytes: &[u8]) -> Key {
        let hash = xxh3_128_with_secret(bytes, &self.0);
        Key((hash >> 64) as u64, hash as u64)
    }
}

impl<V: Copy> Recent<V> {
    /// Remembers at most `max`.
    pub(crate) fn new(max: usize) -> Self {
        Self { recent: HashMap::default(), older: HashMap::default(), max }
    }

    /// The value of a key, which is seen now.
    pub(crate) fn get(&mut self, key: Key) -> Option<V> {
        if let Some(value) = self.recent.get(&key) {
            return Some(*value);
        }
        let value = *self.older.get(&key)?;
        self.insert(key, value);
        Some(value)
    }

    pub(crate) fn insert(&mut self, key: Key, value: V) {
        if self.recent.len() >= self.max / 2 {
            self.older = std::mem::take(&mut self.recent);
        }
        self.recent.insert(key, value);
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.1);
    }
}

/// A [`Key`] is a hash already.
#[derive(Debug, Default)]
pub(crate) struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| (hash << 8) | u64::from(*byte));
    }

    fn write_u64(&mut self, half: u64) {
        self.0 = half;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
