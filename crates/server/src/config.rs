//! Configuration: one TOML file, every key with a default. Parsing binds nothing and opens nothing.
//!
//! `config/gleaner.toml` is the documentation; a test holds it equal to the defaults here.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

const MIB: u64 = 1024 * 1024;

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
        max_rows: u64 = 1_000_000,
        max_result_mib: u64 = 64,
        max_concurrent: usize = 2,
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
            shutdown: Shutdown::default(),
        }
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}: {source}")]
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
}

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
        let positive: [(&'static str, u64); 9] = [
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

    /// Settings of the store.
    pub fn store_config(&self) -> gleaner_store::StoreConfig {
        gleaner_store::StoreConfig {
            dir: self.data_dir.clone(),
            memory_limit_bytes: mib(self.store.memory_limit_mib),
            threads: self.store.threads,
            checkpoint_wal_bytes: mib(self.store.checkpoint_wal_mib),
        }
    }
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
