//! Configuration: one TOML file, every key with a default. Parsing binds nothing and opens nothing.
//!
//! `config/gleaner.toml` is the documentation; a test holds it equal to the defaults here.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use gleaner_normalize::settings::{LiftPattern, PriceTable, PromptPatterns};
use gleaner_normalize::{Settings, SettingsError};
use serde::Deserialize;

const MIB: u64 = 1024 * 1024;
/// The program's own mappings take half a GiB of address space.
const MIN_WORKER_MIB: u64 = 768;

/// The whole configuration. See `config/gleaner.toml` for what each key means and why its default is what it is.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "config/gleaner.toml documents every key")]
pub struct Config {
    pub data_dir: PathBuf,
    pub otlp: Otlp,
    pub api: Listener,
    pub ingest: Ingest,
    pub journal: Journal,
    pub loader: Loader,
    pub store: Store,
    pub read: Read,
    pub sql: Sql,
    pub feedback: Feedback,
    pub prices: Prices,
    pub definitions: Definitions,
    pub pairs: Pairs,
    pub shutdown: Shutdown,
}

/// `[otlp]`
#[derive(Debug, Clone, PartialEq, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "config/gleaner.toml documents every key")]
pub struct Otlp {
    pub grpc: OtlpGrpc,
    pub http: OtlpHttp,
}

/// A listener without settings of its own.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config/gleaner.toml documents every key")]
pub struct Listener {
    pub endpoint: SocketAddr,
}

macro_rules! section {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty = $default:expr,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        #[expect(missing_docs, reason = "config/gleaner.toml documents every key")]
        pub struct $name {
            $(pub $field: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }
    };
}

section!(
    /// `[otlp.grpc]`
    OtlpGrpc {
        endpoint: SocketAddr = loopback(4317),
        max_concurrent_streams: u32 = 128,
    }
);
section!(
    /// `[otlp.http]`
    OtlpHttp {
        endpoint: SocketAddr = loopback(4318),
    }
);
section!(
    /// `[ingest]`
    Ingest {
        max_request_body_size_mib: u64 = 64,
        max_items_per_request: usize = 100_000,
        max_in_flight_mib: u64 = 256,
        request_timeout_ms: u64 = 30_000,
    }
);
section!(
    /// `[journal]`
    Journal {
        segment_size_mib: u64 = 64,
        compression_level: i32 = 1,
        sealed_compression_level: i32 = 9,
    }
);
section!(
    /// `[loader]`
    Loader {
        max_batch_mib: u64 = 8,
        max_batch_requests: usize = 2_000,
    }
);
section!(
    /// `[store]`
    Store {
        memory_limit_mib: u64 = 1024,
        threads: usize = 2,
        max_temp_mib: u64 = 16_384,
        checkpoint_wal_mib: u64 = 64,
    }
);
section!(
    /// `[read]`
    Read {
        fresh_timeout_ms: u64 = 5_000,
    }
);
section!(
    /// `[sql]`
    Sql {
        max_sql_kib: usize = 64,
        deadline_ms: u64 = 30_000,
        max_rows: u64 = 100_000_000,
        max_result_mib: u64 = 16_384,
        max_concurrent: usize = 2,
        stall_ms: u64 = 60_000,
        worker_memory_mib: u64 = 2048,
    }
);
section!(
    /// `[feedback]`
    Feedback {
        max_items_per_request: usize = 1_000,
        max_text_kib: usize = 1024,
        max_entries: usize = 1_000,
    }
);
section!(
    /// `[prices]`
    Prices {
        file: PathBuf = PathBuf::new(),
    }
);
section!(
    /// `[definitions]`
    Definitions {
        lift: Vec<LiftPattern> = default_lift_patterns(),
    }
);
section!(
    /// `[pairs]`
    Pairs {
        min_score_gap: f64 = gleaner_store::DEFAULT_MIN_SCORE_GAP,
    }
);
section!(
    /// `[shutdown]`
    Shutdown {
        drain_timeout_ms: u64 = 20_000,
    }
);

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("gleaner-data"),
            otlp: Otlp::default(),
            api: Listener { endpoint: loopback(4319) },
            ingest: Ingest::default(),
            journal: Journal::default(),
            loader: Loader::default(),
            store: Store::default(),
            read: Read::default(),
            sql: Sql::default(),
            feedback: Feedback::default(),
            prices: Prices::default(),
            definitions: Definitions::default(),
            pairs: Pairs::default(),
            shutdown: Shutdown::default(),
        }
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not TOML, or has a key that does not exist, or a value of the wrong type.
    #[error("{path}: {message}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// The parser's words, with line and column.
        message: String,
    },
    /// A value is out of range.
    #[error("{key} is {got}, must be {want}")]
    Range {
        /// The key, dotted.
        key: &'static str,
        /// What was given.
        got: String,
        /// What is allowed.
        want: &'static str,
    },
    /// The price table or a pattern cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

/// The price table that is built in.
const BUILT_IN_PRICES: &str = include_str!("../../../config/prices.toml");

impl Config {
    /// The file's configuration, or the defaults when no file is named.
    ///
    /// # Errors
    /// When the file cannot be read, does not parse, or holds a value out of range.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text =
            std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let config: Self =
            toml::from_str(&text).map_err(|e| ConfigError::Parse { path: path.to_owned(), message: e.to_string() })?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let positive: [(&'static str, u64); 10] = [
            ("sql.stall_ms", self.sql.stall_ms),
            ("ingest.max_request_body_size_mib", self.ingest.max_request_body_size_mib),
            ("ingest.max_in_flight_mib", self.ingest.max_in_flight_mib),
            ("journal.segment_size_mib", self.journal.segment_size_mib),
            ("loader.max_batch_mib", self.loader.max_batch_mib),
            ("loader.max_batch_requests", self.loader.max_batch_requests as u64),
            ("store.memory_limit_mib", self.store.memory_limit_mib),
            ("store.threads", self.store.threads as u64),
            ("sql.max_concurrent", self.sql.max_concurrent as u64),
            ("feedback.max_items_per_request", self.feedback.max_items_per_request as u64),
        ];
        for (key, value) in positive {
            if value == 0 {
                return Err(ConfigError::Range { key, got: "0".into(), want: "at least 1" });
            }
        }
        if self.sql.worker_memory_mib < MIN_WORKER_MIB {
            let got = self.sql.worker_memory_mib.to_string();
            return Err(ConfigError::Range { key: "sql.worker_memory_mib", got, want: "at least 768" });
        }
        if !(0.0..=9.0).contains(&self.pairs.min_score_gap) || self.pairs.min_score_gap == 0.0 {
            let got = self.pairs.min_score_gap.to_string();
            return Err(ConfigError::Range { key: "pairs.min_score_gap", got, want: "above 0, at most 9" });
        }
        if self.ingest.max_in_flight_mib < self.ingest.max_request_body_size_mib {
            return Err(ConfigError::Range {
                key: "ingest.max_in_flight_mib",
                got: self.ingest.max_in_flight_mib.to_string(),
                want: "at least ingest.max_request_body_size_mib",
            });
        }
        Ok(())
    }

    /// Limits that the wire layer applies before anything is built.
    pub fn wire_limits(&self) -> gleaner_wire::Limits {
        gleaner_wire::Limits {
            max_request_bytes: mib(self.ingest.max_request_body_size_mib) as usize,
            max_spans_per_request: self.ingest.max_items_per_request,
            max_log_records_per_request: self.ingest.max_items_per_request,
            ..gleaner_wire::Limits::default()
        }
    }

    /// Limits of a query, for strangers over the API.
    pub fn query_limits(&self) -> gleaner_query::QueryLimits {
        gleaner_query::QueryLimits {
            max_sql_bytes: self.sql.max_sql_kib * 1024,
            deadline_ms: self.sql.deadline_ms,
            max_rows: self.sql.max_rows,
            max_result_bytes: mib(self.sql.max_result_mib),
        }
    }

    /// Settings of the journal.
    pub fn journal_config(&self) -> gleaner_journal::Config {
        gleaner_journal::Config {
            segment_bytes: mib(self.journal.segment_size_mib),
            // A feedback batch is written back as JSON, which can be longer than it came.
            max_payload_bytes: mib(self.ingest.max_request_body_size_mib.max(64) * 2) as usize,
            max_pending_bytes: mib(self.ingest.max_in_flight_mib) as usize,
            compression_level: self.journal.compression_level,
            sealed_compression_level: self.journal.sealed_compression_level,
        }
    }

    /// Prices and prompt patterns that traces are derived under. Reads the price table.
    ///
    /// # Errors
    /// When the table cannot be read, or it or a pattern cannot be used.
    pub fn derive_settings(&self) -> Result<Settings, ConfigError> {
        let path = &self.prices.file;
        let prices = if path.as_os_str().is_empty() {
            PriceTable::parse(BUILT_IN_PRICES)?
        } else {
            let read = std::fs::read_to_string(path);
            PriceTable::parse(&read.map_err(|source| ConfigError::Read { path: path.clone(), source })?)?
        };
        Ok(Settings { prices, prompt_patterns: PromptPatterns::new(&self.definitions.lift)? })
    }

    /// Settings of the store. `derived_under`: the fingerprint of the settings that its rows are derived under.
    pub fn store_config(&self, derived_under: String) -> gleaner_store::StoreConfig {
        gleaner_store::StoreConfig {
            dir: self.data_dir.clone(),
            memory_limit_bytes: mib(self.store.memory_limit_mib),
            threads: self.store.threads,
            max_temp_bytes: mib(self.store.max_temp_mib),
            checkpoint_wal_bytes: mib(self.store.checkpoint_wal_mib),
            derived_under,
            min_score_gap: self.pairs.min_score_gap,
        }
    }
}

/// Dates, times to the second and random ids: what templates of prompts are filled with most often.
fn default_lift_patterns() -> Vec<LiftPattern> {
    let patterns = [
        (
            "date",
            r"(?i)\b\d{4}-\d{2}-\d{2}(?:[t ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?(?:z|utc|[+-]\d{2}:?\d{2}))?)?\b",
        ),
        (
            "date",
            r"(?i)\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day,? )?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.? \d{1,2}(?:st|nd|rd|th)?,? \d{4}\b",
        ),
        (
            "date",
            r"(?i)\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day,? )?\d{1,2}(?:st|nd|rd|th)?\.? (?:of )?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?,? \d{4}\b",
        ),
        ("time", r"(?i)\b\d{1,2}:\d{2}:\d{2}(?: ?[ap]m)?\b"),
        ("id", r"(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"),
    ];
    let owned = |(name, pattern): (&str, &str)| LiftPattern { name: name.to_owned(), pattern: pattern.to_owned() };
    patterns.map(owned).to_vec()
}

/// MiB to bytes.
pub fn mib(value: u64) -> u64 {
    value.saturating_mul(MIB)
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

#[cfg(test)]
mod tests;
