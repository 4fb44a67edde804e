//! What each part of the program is given of the configuration, in the part's own terms and units.

use std::net::SocketAddr;
use std::time::Duration;

use gleaner_normalize::Settings;
use gleaner_normalize::settings::{PriceTable, PromptPatterns};

use super::{BUILT_IN_PRICES, Config, ConfigError, mib};
use crate::ingest::InFlight;
use crate::listen::{AllowedHosts, ConnectionLimits};

impl Config {
    /// Limits that the wire layer applies before anything is built.
    pub fn wire_limits(&self) -> gleaner_wire::Limits {
        gleaner_wire::Limits {
            max_request_bytes: mib(self.ingest.max_request_body_size_mib) as usize,
            max_spans_per_request: self.ingest.max_items_per_request,
            max_log_records_per_request: self.ingest.max_items_per_request,
            max_groups_per_request: self.ingest.max_groups_per_request,
            max_attributes_per_request: self.ingest.max_attributes_per_request,
            max_key_bytes: self.ingest.max_key_kib * 1024,
            max_events_per_request: self.ingest.max_events_per_request,
            max_links_per_request: self.ingest.max_links_per_request,
            max_depth: self.ingest.max_attribute_depth,
            max_zstd_window_log: self.ingest.max_zstd_window_log,
            max_decompression_ratio: self.ingest.max_decompression_ratio,
            ..gleaner_wire::Limits::default()
        }
    }

    /// How much may be in flight, and for how long.
    pub(crate) fn in_flight(&self) -> InFlight {
        InFlight {
            max_bytes: mib(self.ingest.max_in_flight_mib),
            max_bytes_per_connection: mib(self.ingest.max_in_flight_per_connection_mib),
            timeout: Duration::from_millis(self.ingest.request_timeout_ms),
        }
    }

    /// Limits of a listener's connections.
    pub(crate) fn connection_limits(
        &self,
        listener: &'static str,
        address: SocketAddr,
        max_concurrent_streams: u32,
        max_request_age: Option<Duration>,
    ) -> ConnectionLimits {
        let connections = &self.connections;
        ConnectionLimits {
            listener,
            max_connections: connections.max_connections,
            first_request_timeout: Duration::from_millis(connections.first_request_timeout_ms),
            idle_timeout: Duration::from_millis(connections.idle_timeout_ms),
            max_request_age,
            ping_interval: Duration::from_millis(connections.ping_interval_ms),
            ping_timeout: Duration::from_millis(connections.ping_timeout_ms),
            max_concurrent_streams,
            stream_window_bytes: connections.stream_window_kib.saturating_mul(1024),
            connection_window_bytes: connections.connection_window_kib.saturating_mul(1024),
            max_header_bytes: connections.max_header_kib.saturating_mul(1024),
            allowed_hosts: AllowedHosts::new(&connections.allowed_hosts, address.ip().is_loopback()),
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
            max_disk_bytes: mib(self.journal.max_disk_mib),
            min_free_disk_bytes: mib(self.journal.min_free_disk_mib),
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
            loading_memory_limit_bytes: mib(self.store.loading_memory_limit_mib),
            threads: store_threads(self.store.threads),
            max_temp_bytes: mib(self.store.max_temp_mib),
            checkpoint_bytes: mib(self.store.checkpoint_mib),
            derived_under,
            min_score_gap: self.pairs.min_score_gap,
            max_known_texts: self.store.max_known_texts,
            at_rest: false,
        }
    }
}

/// One processor is left to receiving (`gleaner_query::leave_one_processor`): DuckDB's threads would only wait for one another.
fn store_threads(configured: usize) -> usize {
    match configured {
        0 => std::thread::available_parallelism().map_or(1, |processors| processors.get() - 1).max(1),
        threads => threads,
    }
}
