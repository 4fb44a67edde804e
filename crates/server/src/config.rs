//! Configuration: one TOML file, every key with a default. Parsing binds nothing and opens nothing.
//!
//! `config/gleaner.toml` is the documentation; a test holds it equal to the defaults here.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use gleaner_normalize::SettingsError;
use gleaner_normalize::settings::LiftPattern;
use serde::Deserialize;

mod parts;

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
    pub connections: Connections,
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
    pub own_traces: OwnTraces,
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
    /// `[connections]`
    Connections {
        max_connections: usize = 1024,
        first_request_timeout_ms: u64 = 10_000,
        idle_timeout_ms: u64 = 300_000,
        ping_interval_ms: u64 = 30_000,
        ping_timeout_ms: u64 = 20_000,
        stream_window_kib: u32 = 4 * 1024,
        connection_window_kib: u32 = 16 * 1024,
        max_header_kib: u32 = 16,
        allowed_hosts: Vec<String> = Vec::new(),
    }
);
section!(
    /// `[ingest]`
    Ingest {
        max_request_body_size_mib: u64 = 64,
        max_items_per_request: usize = 100_000,
        max_groups_per_request: usize = 100_000,
        max_attributes_per_request: usize = 2_000_000,
        max_events_per_request: usize = 1_000_000,
        max_links_per_request: usize = 500_000,
        max_attribute_depth: u32 = gleaner_wire::MAX_DEPTH,
        max_key_kib: usize = 64,
        max_decompression_ratio: usize = 1_000,
        max_zstd_window_log: u32 = 27,
        max_in_flight_mib: u64 = 256,
        max_in_flight_per_connection_mib: u64 = 128,
        request_timeout_ms: u64 = 30_000,
    }
);
section!(
    /// `[journal]`
    Journal {
        segment_size_mib: u64 = 64,
        max_disk_mib: u64 = 0,
        min_free_disk_mib: u64 = 512,
        compression_level: i32 = 1,
        sealed_compression_level: i32 = 3,
    }
);
section!(
    /// `[loader]`
    Loader {
        max_batch_mib: u64 = 8,
        max_batch_requests: usize = 2_000,
        commit_interval_ms: u64 = 500,
        niceness: i32 = 5,
    }
);
section!(
    /// `[store]`
    Store {
        memory_limit_mib: u64 = 1024,
        loading_memory_limit_mib: u64 = 192,
        threads: usize = 0,
        max_temp_mib: u64 = 16_384,
        checkpoint_mib: u64 = 256,
        max_known_texts: usize = gleaner_store::DEFAULT_MAX_KNOWN_TEXTS,
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
section!(
    /// `[own_traces]`
    OwnTraces {
        endpoint: String = String::new(),
        sampling_ratio: f64 = 0.01,
        max_queue_spans: usize = 2_048,
        max_batch_spans: usize = 512,
        interval_ms: u64 = 1_000,
        timeout_ms: u64 = 10_000,
    }
);

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("gleaner-data"),
            otlp: Otlp::default(),
            api: Listener { endpoint: loopback(4319) },
            connections: Connections::default(),
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
            own_traces: OwnTraces::default(),
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
        let positive: [(&'static str, u64); 22] = [
            ("own_traces.max_queue_spans", self.own_traces.max_queue_spans as u64),
            ("own_traces.max_batch_spans", self.own_traces.max_batch_spans as u64),
            ("own_traces.timeout_ms", self.own_traces.timeout_ms),
            ("sql.stall_ms", self.sql.stall_ms),
            ("connections.max_connections", self.connections.max_connections as u64),
            ("connections.first_request_timeout_ms", self.connections.first_request_timeout_ms),
            ("connections.idle_timeout_ms", self.connections.idle_timeout_ms),
            ("connections.ping_interval_ms", self.connections.ping_interval_ms),
            ("connections.ping_timeout_ms", self.connections.ping_timeout_ms),
            ("connections.max_header_kib", u64::from(self.connections.max_header_kib)),
            ("ingest.request_timeout_ms", self.ingest.request_timeout_ms),
            ("ingest.max_decompression_ratio", self.ingest.max_decompression_ratio as u64),
            ("ingest.max_key_kib", self.ingest.max_key_kib as u64),
            ("ingest.max_request_body_size_mib", self.ingest.max_request_body_size_mib),
            ("ingest.max_in_flight_mib", self.ingest.max_in_flight_mib),
            ("journal.segment_size_mib", self.journal.segment_size_mib),
            ("loader.max_batch_mib", self.loader.max_batch_mib),
            ("loader.max_batch_requests", self.loader.max_batch_requests as u64),
            ("store.memory_limit_mib", self.store.memory_limit_mib),
            ("store.loading_memory_limit_mib", self.store.loading_memory_limit_mib),
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
        if !(0.0..=1.0).contains(&self.own_traces.sampling_ratio) {
            let got = self.own_traces.sampling_ratio.to_string();
            return Err(ConfigError::Range { key: "own_traces.sampling_ratio", got, want: "0 to 1" });
        }
        self.check_ingest()
    }

    fn check_ingest(&self) -> Result<(), ConfigError> {
        let within = |key, value: u64, (min, max): (u64, u64), want| {
            if (min..=max).contains(&value) {
                Ok(())
            } else {
                Err(ConfigError::Range { key, got: value.to_string(), want })
            }
        };
        // HTTP/2 begins with windows of 64 KiB, and they may be 2 GiB at most.
        let window = (64, 2 * 1024 * 1024 - 1);
        let stream = u64::from(self.connections.stream_window_kib);
        within("connections.stream_window_kib", stream, window, "64 to 2097151")?;
        let connection = u64::from(self.connections.connection_window_kib);
        within("connections.connection_window_kib", connection, window, "64 to 2097151")?;
        let depth = u64::from(self.ingest.max_attribute_depth);
        within("ingest.max_attribute_depth", depth, (1, u64::from(gleaner_wire::MAX_DEPTH)), "1 to 32")?;
        let window_log = u64::from(self.ingest.max_zstd_window_log);
        within("ingest.max_zstd_window_log", window_log, (10, 31), "10 to 31")?;
        let niceness = u64::try_from(self.loader.niceness).unwrap_or(u64::MAX);
        within("loader.niceness", niceness, (0, 19), "0 to 19")?;
        if self.ingest.max_in_flight_per_connection_mib < self.ingest.max_request_body_size_mib {
            return Err(ConfigError::Range {
                key: "ingest.max_in_flight_per_connection_mib",
                got: self.ingest.max_in_flight_per_connection_mib.to_string(),
                want: "at least ingest.max_request_body_size_mib",
            });
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
