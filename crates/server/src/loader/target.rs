//! What loading needs of a store.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use gleaner_model::{StoredFragment, ToldCall};
use gleaner_store::{Commit, Store, StoreError, UnitLink};

/// What loading needs of a store: a trait, so that the way from the journal to the store can be checked against thousands of faults in memory.
pub(crate) trait Target {
    /// As [`Store::position`].
    fn position(&self) -> Result<u64, StoreError>;
    /// As [`Store::commit`].
    fn commit(&mut self, commit: &Commit) -> Result<(), StoreError>;
    /// As [`Store::checkpoint_if_due`].
    fn checkpoint_if_due(&mut self) -> Result<Option<Duration>, StoreError>;
    /// As [`Store::unsaved_bytes`].
    fn unsaved_bytes(&self) -> u64;
    /// As [`Store::rest`].
    fn rest(&self);
    /// As [`Store::fragments`].
    fn fragments(&self, traces: &[(String, String)]) -> Result<Vec<StoredFragment>, StoreError>;
    /// As [`Store::unit_links`].
    fn unit_links(
        &self,
        traces: &[(String, String)],
        unit_keys: &[(String, String)],
    ) -> Result<Vec<UnitLink>, StoreError>;
    /// As [`Store::told_calls`].
    fn told_calls(
        &self,
        responses: &BTreeSet<(String, String)>,
        answer_keys: &BTreeSet<u64>,
        time_unix_nano: RangeInclusive<u64>,
    ) -> Result<Vec<ToldCall>, StoreError>;
    /// As [`Store::fragments_outside_traces`].
    fn fragments_outside_traces(&self, project: &str, unit_keys: &[String]) -> Result<Vec<StoredFragment>, StoreError>;
}

impl Target for Store {
    fn position(&self) -> Result<u64, StoreError> {
        Store::position(self)
    }

    fn commit(&mut self, commit: &Commit) -> Result<(), StoreError> {
        Store::commit(self, commit)
    }

    fn checkpoint_if_due(&mut self) -> Result<Option<Duration>, StoreError> {
        Store::checkpoint_if_due(self)
    }

    fn unsaved_bytes(&self) -> u64 {
        Store::unsaved_bytes(self)
    }

    fn rest(&self) {
        Store::rest(self);
    }

    fn fragments(&self, traces: &[(String, String)]) -> Result<Vec<StoredFragment>, StoreError> {
        Store::fragments(self, traces)
    }

    fn unit_links(
        &self,
        traces: &[(String, String)],
        unit_keys: &[(String, String)],
    ) -> Result<Vec<UnitLink>, StoreError> {
        Store::unit_links(self, traces, unit_keys)
    }

    fn told_calls(
        &self,
        responses: &BTreeSet<(String, String)>,
        answer_keys: &BTreeSet<u64>,
        time_unix_nano: RangeInclusive<u64>,
    ) -> Result<Vec<ToldCall>, StoreError> {
        Store::told_calls(self, responses, answer_keys, time_unix_nano)
    }

    fn fragments_outside_traces(&self, project: &str, unit_keys: &[String]) -> Result<Vec<StoredFragment>, StoreError> {
        Store::fragments_outside_traces(self, project, unit_keys)
    }
}
