//! The store as it was at an earlier journal position: made from the journal as far as that, and kept for the next question.
//!
//! Because the journal is the truth and derivation a pure function of it, every relation is exactly what a reader would have seen
//! when that record had just been loaded: later retries, scores and retractions are not there yet. It costs what loading the
//! journal up to there costs, once. Invariants: the running store is not touched; a folder under `as-of/` is whole, or has a name
//! that nobody looks for; at most [`MAX_KEPT`] are kept.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use anyhow::Context as _;
use chrono::{DateTime, NaiveDate, NaiveDateTime};
use gleaner_journal::Journal;
use gleaner_model::derive_id;
use gleaner_normalize::Settings;
use gleaner_store::{Reader, SCHEMA_VERSION, Store};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::config::Config;
use crate::engine::{loader_into, open_journal};

/// Earlier states kept at once: each takes the disk of a store, and memory while it is open.
const MAX_KEPT: usize = 2;
/// An earlier state is read beside the running store: it gets this part of the configured memory.
const MEMORY_SHARE: u64 = 4;

/// Which state is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AsOf {
    /// After the record at this position; 0 is before all.
    Position(u64),
    /// Before the first record that arrived later. Nanoseconds since the Unix epoch.
    Time(u64),
}

impl FromStr for AsOf {
    type Err = String;

    /// A whole number is a position; otherwise RFC 3339, or a date, with or without a time, in UTC.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Ok(position) = text.parse() {
            return Ok(Self::Position(position));
        }
        let in_utc = || {
            let date_time = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M"]
                .iter()
                .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
            let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().and_then(|date| date.and_hms_opt(0, 0, 0));
            date_time.or(date).map(|time| time.and_utc())
        };
        let time = DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc()).or_else(in_utc);
        let nanos = time.and_then(|time| time.timestamp_nanos_opt()).and_then(|nanos| u64::try_from(nanos).ok());
        nanos.map(Self::Time).ok_or_else(|| {
            format!("as_of is {text:?}, must be a journal position or a time in UTC like 2026-02-16T08:30:00Z")
        })
    }
}

impl fmt::Display for AsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Position(position) => write!(f, "{position}"),
            Self::Time(nanos) => {
                f.write_str(&DateTime::from_timestamp_nanos(i64::try_from(*nanos).unwrap_or(i64::MAX)).to_rfc3339())
            }
        }
    }
}

impl Serialize for AsOf {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AsOf {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Sent {
            Position(u64),
            Text(String),
        }
        match Sent::deserialize(deserializer)? {
            Sent::Position(position) => Ok(Self::Position(position)),
            Sent::Text(text) => text.parse().map_err(serde::de::Error::custom),
        }
    }
}

/// Earlier states of one data directory. Cheap to clone.
#[derive(Clone)]
pub(crate) struct EarlierStates {
    config: Arc<Config>,
    /// As they were when the running store was opened.
    settings: Arc<Settings>,
    journal: Journal,
    /// Folder and store, the one used last at the end. Held while one is made: two at once would make it twice.
    open: Arc<Mutex<Vec<(PathBuf, Store)>>>,
}

impl EarlierStates {
    /// States of the directory that this journal belongs to.
    ///
    /// # Errors
    /// When the price table or a pattern cannot be used.
    pub(crate) fn new(config: &Config, journal: Journal) -> anyhow::Result<Self> {
        let mut config = config.clone();
        config.store.memory_limit_mib = (config.store.memory_limit_mib / MEMORY_SHARE).max(64);
        let settings = Arc::new(config.derive_settings()?);
        Ok(Self { config: Arc::new(config), settings, journal, open: Arc::default() })
    }

    /// Of a directory at rest.
    ///
    /// # Errors
    /// When a running server holds it, or its journal is damaged.
    pub(crate) fn at_rest(config: &Config) -> anyhow::Result<Self> {
        Self::new(config, open_journal(config)?)
    }

    /// A reader of that state, which is made if it is not there. Blocks; `progress` is told (position, last position).
    ///
    /// # Errors
    /// When the position lies ahead of the journal, or the state cannot be made.
    pub(crate) fn reader(&self, at: AsOf, progress: &mut dyn FnMut(u64, u64)) -> anyhow::Result<Reader> {
        let position = self.position(at)?;
        let mut open = self.open.blocking_lock();
        let dir = self.dir(position);
        let at = match open.iter().position(|(known, _)| *known == dir) {
            Some(at) => at,
            None => {
                while open.len() >= MAX_KEPT {
                    // Whoever still reads it goes on: the file lives until it is closed.
                    drop(open.remove(0));
                }
                open.push((dir.clone(), self.open_or_make(&dir, position, progress)?));
                self.remove_others(&open);
                open.len() - 1
            }
        };
        let used = open.remove(at);
        let reader = used.1.reader();
        open.push(used);
        Ok(reader?)
    }

    fn position(&self, at: AsOf) -> anyhow::Result<u64> {
        let head = self.journal.head();
        match at {
            AsOf::Position(position) => {
                anyhow::ensure!(position <= head, "as_of is {position}, the journal ends at {head}");
                Ok(position)
            }
            AsOf::Time(unix_nano) => {
                let mut last = 0;
                for record in self.journal.read_from(0)? {
                    let (position, record) = record?;
                    if record.recorded_at_unix_nano > unix_nano {
                        break;
                    }
                    last = position;
                }
                Ok(last)
            }
        }
    }

    /// Named by all that decides what is in it.
    fn dir(&self, position: u64) -> PathBuf {
        let settings = self.settings.fingerprint();
        let gap = self.config.pairs.min_score_gap.to_string();
        let made_by = derive_id("as-of", &[env!("CARGO_PKG_VERSION"), &SCHEMA_VERSION.to_string(), &settings, &gap]);
        self.root().join(format!("{position}-{}", &made_by[..8]))
    }

    fn root(&self) -> PathBuf {
        self.config.data_dir.join("as-of")
    }

    fn open_or_make(&self, dir: &Path, position: u64, progress: &mut dyn FnMut(u64, u64)) -> anyhow::Result<Store> {
        if !dir.exists() {
            self.make(dir, position, progress).with_context(|| format!("cannot make the state as of {position}"))?;
        }
        let settings = self.settings.fingerprint();
        let store_config = gleaner_store::StoreConfig { dir: dir.to_owned(), ..self.config.store_config(settings) };
        Ok(Store::open(&store_config)?)
    }

    fn make(&self, dir: &Path, position: u64, progress: &mut dyn FnMut(u64, u64)) -> anyhow::Result<()> {
        let unfinished = self.root().join(".unfinished");
        if unfinished.exists() {
            std::fs::remove_dir_all(&unfinished)?;
        }
        std::fs::create_dir_all(&unfinished)?;
        let mut loader = loader_into(&self.config, (*self.settings).clone(), &self.journal, &unfinished)?;
        loader.catch_up_to(position, progress)?;
        let mut store = loader.into_store();
        store.checkpoint()?;
        drop(store);
        Ok(std::fs::rename(unfinished, dir)?)
    }

    /// States that are not open, this program's or an earlier one's: the oldest go.
    fn remove_others(&self, open: &[(PathBuf, Store)]) {
        let Ok(entries) = std::fs::read_dir(self.root()) else { return };
        let mut others: Vec<(std::time::SystemTime, PathBuf)> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| !open.iter().any(|(known, _)| known == path))
            .filter_map(|path| Some((path.metadata().ok()?.modified().ok()?, path)))
            .collect();
        others.sort();
        let surplus = (others.len() + open.len()).saturating_sub(MAX_KEPT);
        for (_, path) in others.into_iter().take(surplus) {
            if let Err(error) = std::fs::remove_dir_all(&path) {
                tracing::warn!(%error, path = %path.display(), "an earlier state could not be removed");
            }
        }
    }
}

#[cfg(test)]
mod tests;
