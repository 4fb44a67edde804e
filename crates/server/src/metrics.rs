//! Counters and times of the server, in the text form of OpenMetrics.
//!
//! Names are the Collector's where the meaning is the same (`otelcol_receiver_*`, `otelcol_process_*`), and `gleaner_*` otherwise.
//! What came in is what was accepted, rejected for good, or refused: `sent = accepted + rejected + refused`, for all requests whose
//! items could be counted. A request that was refused before it was read is counted by reason alone.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::error::{self, ErrorCode};
use crate::ingest::Signal;

/// Content type of [`Metrics::render`].
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The way by which a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the labels")]
pub(crate) enum Transport {
    grpc,
    http,
}

impl Transport {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::grpc => "grpc",
            Self::http => "http",
        }
    }
}

/// Why a connection ended before its client ended it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the labels")]
pub(crate) enum Closed {
    /// Nothing was asked for too long.
    idle,
    /// Its place was needed for a new one.
    evicted,
    /// A request was neither sent nor its answer read in time.
    stalled,
}

/// What became of spans of this program's own work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the labels")]
pub(crate) enum OwnSpans {
    /// The receiver took them.
    exported,
    /// There was no room to wait in.
    dropped,
    /// The receiver did not take them.
    failed,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOutcome {
    outcome: OwnSpans,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByReceiver {
    receiver: &'static str,
    transport: Transport,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByReason {
    transport: Transport,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByListener {
    listener: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByClosed {
    listener: &'static str,
    reason: Closed,
}

/// What happens to the items of one signal.
#[derive(Debug, Clone, Default)]
struct Items {
    accepted: Family<ByReceiver, Counter>,
    refused: Family<ByReceiver, Counter>,
    rejected: Family<ByReceiver, Counter>,
}

/// Numbers that are asked for when they are read.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Readings {
    /// Position of the last record on disk.
    pub journal_head: u64,
    /// Records on disk that the store does not hold yet.
    pub journal_lag: u64,
    /// Bytes of the journal's files.
    pub journal_bytes: u64,
    /// Bytes that wait for the disk.
    pub journal_pending_bytes: u64,
    /// Free bytes on the journal's disk; `None`: not known.
    pub disk_free_bytes: Option<u64>,
    /// Bytes of the store's file.
    pub store_bytes: u64,
    /// Bytes that requests hold.
    pub in_flight_bytes: u64,
    /// Whether loading works.
    pub loading: bool,
    /// Whether the store is being made anew.
    pub rebuilding: bool,
}

#[derive(Debug, Default)]
struct Gauges {
    head: Counter<u64, AtomicU64>,
    lag: Gauge<u64, AtomicU64>,
    journal_bytes: Gauge<u64, AtomicU64>,
    pending_bytes: Gauge<u64, AtomicU64>,
    disk_free_bytes: Gauge<u64, AtomicU64>,
    store_bytes: Gauge<u64, AtomicU64>,
    store_unsaved_bytes: Gauge<u64, AtomicU64>,
    in_flight_bytes: Gauge<u64, AtomicU64>,
    loading: Gauge<u64, AtomicU64>,
    rebuilding: Gauge<u64, AtomicU64>,
    uptime_seconds: Gauge<f64, AtomicU64>,
    cpu_seconds: Counter<f64, AtomicU64>,
    memory_rss_bytes: Gauge<u64, AtomicU64>,
}

/// All numbers of one server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Metrics {
    registry: Arc<Registry>,
    started: Instant,
    spans: Items,
    log_records: Items,
    refused_requests: Family<ByReason, Counter>,
    request_seconds: Histogram,
    journal_commit_seconds: Histogram,
    store_commit_seconds: Histogram,
    store_checkpoint_seconds: Histogram,
    store_reopened: Counter,
    own_spans: Family<ByOutcome, Counter>,
    connections: Family<ByListener, Gauge>,
    connections_closed: Family<ByClosed, Counter>,
    gauges: Arc<Gauges>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::default();
        let (spans, log_records) = (Items::default(), Items::default());
        for (items, what) in [(&spans, "spans"), (&log_records, "log_records")] {
            let mut register = |name: &str, help: &str, family: &Family<ByReceiver, Counter>| {
                registry.register(format!("{name}_{what}"), help, family.clone());
            };
            register("otelcol_receiver_accepted", "On disk and acknowledged", &items.accepted);
            register("otelcol_receiver_refused", "Pushed back: clients send them again", &items.refused);
            register("gleaner_receiver_rejected", "Refused for good, alone or with their request", &items.rejected);
        }
        let refused_requests = Family::default();
        registry.register(
            "gleaner_refused_requests",
            "Requests that were refused as a whole",
            refused_requests.clone(),
        );
        let mut seconds = |name: &str, help: &str| {
            // 0.1 ms to 52 s, each bucket twice the one before.
            let histogram = Histogram::new(exponential_buckets(0.0001, 2.0, 20));
            registry.register_with_unit(name, help, Unit::Seconds, histogram.clone());
            histogram
        };
        let request_seconds = seconds("gleaner_request_duration", "From a whole request to its acknowledgement");
        let journal_commit_seconds =
            seconds("gleaner_journal_commit_duration", "Write and sync of one group of records");
        let store_commit_seconds = seconds("gleaner_store_commit_duration", "One transaction of the loader");
        let store_checkpoint_seconds = seconds(
            "gleaner_store_checkpoint_duration",
            "One checkpoint: what was loaded since the last goes into the store's file",
        );
        let store_reopened = Counter::default();
        registry.register(
            "gleaner_store_reopened",
            "Times that the store had failed and was opened anew",
            store_reopened.clone(),
        );
        let own_spans = Family::default();
        registry.register("gleaner_own_spans", "Spans of Gleaner's own work that were recorded", own_spans.clone());
        let (connections, connections_closed) = (Family::default(), Family::default());
        registry.register("gleaner_connections", "Open connections", connections.clone());
        registry.register("gleaner_connections_closed", "Connections ended by the server", connections_closed.clone());
        let gauges = Arc::new(Gauges::default());
        let mut gauge =
            |name: &str, help: &str, gauge: &Gauge<u64, AtomicU64>| registry.register(name, help, gauge.clone());
        gauge("gleaner_journal_lag_records", "Acknowledged and not yet loaded", &gauges.lag);
        gauge("gleaner_journal_bytes", "Size of the journal's segments", &gauges.journal_bytes);
        gauge("gleaner_journal_pending_bytes", "Waiting for the disk", &gauges.pending_bytes);
        gauge("gleaner_disk_free_bytes", "Free on the journal's disk", &gauges.disk_free_bytes);
        gauge("gleaner_store_bytes", "Size of the store's file", &gauges.store_bytes);
        gauge(
            "gleaner_store_unsaved_bytes",
            "Requests loaded since the last checkpoint: a crash loads them again",
            &gauges.store_unsaved_bytes,
        );
        gauge("gleaner_in_flight_bytes", "Held by requests that are not answered yet", &gauges.in_flight_bytes);
        gauge("gleaner_loading", "1 while the store takes what is journalled", &gauges.loading);
        gauge("gleaner_store_rebuilding", "1 while the store is made anew from the journal", &gauges.rebuilding);
        gauge("otelcol_process_memory_rss", "Resident memory in bytes", &gauges.memory_rss_bytes);
        registry.register("gleaner_journal_records", "Position of the last record on disk", gauges.head.clone());
        registry.register(
            "otelcol_process_cpu_seconds",
            "Processor time of this process, in seconds",
            gauges.cpu_seconds.clone(),
        );
        registry.register("otelcol_process_uptime", "Seconds since the start", gauges.uptime_seconds.clone());
        let metrics = Self {
            registry: Arc::new(registry),
            started: Instant::now(),
            spans,
            log_records,
            refused_requests,
            request_seconds,
            journal_commit_seconds,
            store_commit_seconds,
            store_checkpoint_seconds,
            store_reopened,
            own_spans,
            connections,
            connections_closed,
            gauges,
        };
        metrics.begin_at_zero();
        metrics
    }

    /// A counter that appears with its first event hides that event from whoever looks at its growth.
    fn begin_at_zero(&self) {
        for outcome in [OwnSpans::exported, OwnSpans::dropped, OwnSpans::failed] {
            self.own_spans(outcome, 0);
        }
        for transport in [Transport::grpc, Transport::http] {
            for items in [&self.spans, &self.log_records] {
                for family in [&items.accepted, &items.refused, &items.rejected] {
                    family.get_or_create(&by_receiver(transport)).inc_by(0);
                }
            }
            for code in error::ALL {
                self.refused_requests.get_or_create(&ByReason { transport, reason: code.reason() }).inc_by(0);
            }
        }
    }

    fn items(&self, signal: Signal) -> &Items {
        match signal {
            Signal::Traces => &self.spans,
            Signal::Logs => &self.log_records,
        }
    }

    /// A request was answered with success, `rejected` of its items refused for good.
    pub(crate) fn accepted(&self, transport: Transport, signal: Signal, accepted: usize, rejected: usize) {
        let (items, receiver) = (self.items(signal), by_receiver(transport));
        items.accepted.get_or_create(&receiver).inc_by(accepted as u64);
        items.rejected.get_or_create(&receiver).inc_by(rejected as u64);
    }

    /// A request whose items were counted could not be put on disk: clients send it again.
    pub(crate) fn pushed_back(&self, transport: Transport, signal: Signal, items: usize) {
        self.items(signal).refused.get_or_create(&by_receiver(transport)).inc_by(items as u64);
    }

    /// A request was refused as a whole.
    pub(crate) fn refused(&self, transport: Transport, code: ErrorCode) {
        self.refused_requests.get_or_create(&ByReason { transport, reason: code.reason() }).inc();
    }

    /// From a whole request to its acknowledgement.
    pub(crate) fn acknowledged_after(&self, elapsed: Duration) {
        self.request_seconds.observe(elapsed.as_secs_f64());
    }

    /// Write and sync of one group of records.
    pub(crate) fn journal_committed_in(&self, elapsed: Duration) {
        self.journal_commit_seconds.observe(elapsed.as_secs_f64());
    }

    /// One transaction of the loader.
    pub(crate) fn store_committed_in(&self, elapsed: Duration) {
        self.store_commit_seconds.observe(elapsed.as_secs_f64());
    }

    /// Bytes of requests that the store would lose in a crash, and load again from the journal.
    pub(crate) fn store_unsaved(&self, bytes: u64) {
        self.gauges.store_unsaved_bytes.set(bytes);
    }

    /// One checkpoint of the store.
    pub(crate) fn store_checkpointed_in(&self, elapsed: Duration) {
        self.store_checkpoint_seconds.observe(elapsed.as_secs_f64());
    }

    /// The store took nothing more, and is opened anew.
    pub(crate) fn store_reopened(&self) {
        self.store_reopened.inc();
    }

    /// So many spans of this program's own work went this way.
    pub(crate) fn own_spans(&self, outcome: OwnSpans, spans: u64) {
        self.own_spans.get_or_create(&ByOutcome { outcome }).inc_by(spans);
    }

    /// The number of open connections of a listener, to be counted up and down.
    pub(crate) fn connections(&self, listener: &'static str) -> Gauge {
        self.connections.get_or_create_owned(&ByListener { listener })
    }

    /// The server ended a connection.
    pub(crate) fn closed(&self, listener: &'static str, reason: Closed) {
        self.connections_closed.get_or_create(&ByClosed { listener, reason }).inc();
    }

    /// All numbers as text.
    pub(crate) fn render(&self, readings: Readings) -> String {
        let gauges = &*self.gauges;
        gauges.head.inner().store(readings.journal_head, Ordering::Relaxed);
        gauges.lag.set(readings.journal_lag);
        gauges.journal_bytes.set(readings.journal_bytes);
        gauges.pending_bytes.set(readings.journal_pending_bytes);
        gauges.disk_free_bytes.set(readings.disk_free_bytes.unwrap_or(0));
        gauges.store_bytes.set(readings.store_bytes);
        gauges.in_flight_bytes.set(readings.in_flight_bytes);
        gauges.loading.set(u64::from(readings.loading));
        gauges.rebuilding.set(u64::from(readings.rebuilding));
        gauges.uptime_seconds.set(self.started.elapsed().as_secs_f64());
        gauges.memory_rss_bytes.set(resident_bytes().unwrap_or(0));
        gauges.cpu_seconds.inner().store(cpu_seconds().unwrap_or(0.0).to_bits(), Ordering::Relaxed);
        let mut text = String::new();
        if let Err(error) = encode(&mut text, &self.registry) {
            // Writing to a string cannot fail; a line that says so beats silence if a metric's own encoding does.
            let _ = write!(text, "# {error}");
        }
        text
    }
}

fn by_receiver(transport: Transport) -> ByReceiver {
    ByReceiver { receiver: "otlp", transport }
}

/// Resident memory of this process; `None` where the system does not tell it as Linux does.
fn resident_bytes() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// Processor time of this process, its own and the system's for it; `None` where the system does not tell it as Linux does.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The program's name is in brackets, and may hold spaces: the first field after it is the third, user and system time are the 14th and 15th.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let ticks: u64 = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

#[cfg(test)]
mod tests;
