//! Values on disk that are found again by a text key: in memory are 40 bytes each.

use std::collections::HashMap;

use serde::{Serialize, de::DeserializeOwned};
use xxhash_rust::xxh3::xxh3_128;

use crate::{
    ExportError,
    spool::{Place, Spool},
};

pub(crate) struct Shelf {
    spool: Spool,
    places: HashMap<u128, Place>,
}

impl Shelf {
    pub(crate) fn new(spool: Spool) -> Self {
        Self { spool, places: HashMap::new() }
    }

    /// Of two values of one key the later is kept.
    pub(crate) fn put(&mut self, id: &str, value: &impl Serialize) -> Result<(), ExportError> {
        let bytes = serde_json::to_vec(value).map_err(|source| self.spool.unreadable(source))?;
        let place = self.spool.put(&bytes)?;
        self.places.insert(xxh3_128(id.as_bytes()), place);
        Ok(())
    }

    pub(crate) fn has(&self, id: &str) -> bool {
        self.places.contains_key(&xxh3_128(id.as_bytes()))
    }

    pub(crate) fn get<T: DeserializeOwned>(&mut self, id: &str) -> Result<Option<T>, ExportError> {
        let Some(place) = self.places.get(&xxh3_128(id.as_bytes())) else { return Ok(None) };
        let bytes = self.spool.get(*place)?;
        serde_json::from_slice(&bytes).map(Some).map_err(|source| self.spool.unreadable(source))
    }
}
