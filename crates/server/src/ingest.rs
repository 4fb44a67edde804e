//! The one way in for telemetry: check, journal, acknowledge. Both transports call [`Ingest::accept`].
//!
//! Data in: the bytes of one request, decompressed, with the room that they hold. Data out: what to answer. Nothing here builds the message from
//! protobuf, and nothing depends on DuckDB. When `accept` returns `Ok`, the request is on disk.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use gleaner_journal::{Journal, JournalError, Record};
use gleaner_wire::{Encoding, Limits, Scan};
use opentelemetry::trace::SpanKind;
use tokio::sync::{Semaphore, oneshot};

use crate::budget::{Held, Pool};
use crate::error::{ErrorCode, Refusal};
use crate::metrics::{Metrics, Transport};
use crate::own_traces::{OwnSpan, OwnTraces};
use crate::receive::{Peer, Received};

/// Project of requests that name none.
pub(crate) const DEFAULT_PROJECT: &str = "default";
/// Request metadata that names the project; never what a payload claims.
pub(crate) const PROJECT_HEADER: &str = "x-gleaner-project";
/// Longest project name: it is part of every row.
pub(crate) const MAX_PROJECT_BYTES: usize = 128;
/// Bodies above this are scanned and compressed off the async threads: it takes about 3 ms a MiB, nearly all of it compression.
const CHECK_INLINE_BYTES: usize = 64 * 1024;

/// What a journalled payload is. The numbers are the journal's format: never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum RecordKind {
    Traces = 1,
    Logs = 2,
    /// A JSON array of validated feedback items.
    Feedback = 3,
}

/// How a journalled payload is encoded. The numbers are the journal's format: never reused.
pub(crate) const ENCODING_PROTOBUF: u8 = 1;
/// See [`ENCODING_PROTOBUF`].
pub(crate) const ENCODING_JSON: u8 = 2;

/// OTLP signals that are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    Traces,
    Logs,
}

impl Signal {
    fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Logs => "logs",
        }
    }
}

impl From<Signal> for gleaner_wire::answer::Signal {
    fn from(signal: Signal) -> Self {
        match signal {
            Signal::Traces => Self::Traces,
            Signal::Logs => Self::Logs,
        }
    }
}

/// What happened to a request that was not refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Accepted {
    /// Spans or records that were refused for good; the others are on disk.
    pub rejected: usize,
    /// Why, for the first of them; or, with none rejected, what to mind. Empty on full success.
    pub message: String,
}

/// A request that has arrived whole.
#[derive(Debug)]
pub(crate) struct Arrived {
    /// How it came.
    pub transport: Transport,
    /// What it carries.
    pub signal: Signal,
    /// How it is encoded.
    pub encoding: Encoding,
    /// Where it belongs, by [`project_of`].
    pub project: String,
    /// Its bytes and the room that they take.
    pub received: Received,
}

/// How much may be in flight, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InFlight {
    /// Bytes of the requests of all clients together.
    pub max_bytes: u64,
    /// Bytes of the requests of one connection.
    pub max_bytes_per_connection: u64,
    /// Time to arrive, and again to reach the disk.
    pub timeout: Duration,
}

/// Checks requests and puts them on disk. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Ingest {
    journal: Journal,
    limits: Arc<Limits>,
    in_flight: InFlight,
    budget: Pool,
    /// To check large requests.
    turns: Arc<Semaphore>,
    metrics: Metrics,
    own_traces: OwnTraces,
}

impl Ingest {
    pub(crate) fn new(
        journal: Journal,
        limits: Limits,
        in_flight: InFlight,
        metrics: Metrics,
        own_traces: OwnTraces,
    ) -> Self {
        let budget = Pool::of_all(in_flight.max_bytes);
        let turns = std::thread::available_parallelism().map_or(1, usize::from);
        let (limits, turns) = (Arc::new(limits), Arc::new(Semaphore::new(turns)));
        Self { journal, limits, in_flight, budget, turns, metrics, own_traces }
    }

    /// How long a request may take to arrive, and again to reach the disk.
    pub(crate) fn timeout(&self) -> Duration {
        self.in_flight.timeout
    }

    /// Limits that every request is held to.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What counts.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Bytes that requests hold now.
    pub(crate) fn in_flight_bytes(&self) -> u64 {
        self.budget.used_bytes()
    }

    /// What a listener puts into every request of a new connection.
    pub(crate) fn new_peer(&self) -> Peer {
        Peer { budget: Pool::of_connection(self.in_flight.max_bytes_per_connection) }
    }

    /// The room that a request takes, nothing yet. Asks first whether anything can be taken at all: a body that
    /// would be refused anyway need not be read.
    ///
    /// # Errors
    /// OUT_OF_SPACE and UNAVAILABLE when the journal takes nothing.
    pub(crate) fn admit(&self, peer: Option<&Peer>) -> Result<Held, Refusal> {
        gleaner_query::note_receiving();
        if let Some(error) = self.journal.poisoned() {
            return Err(error.into());
        }
        self.journal.check_space()?;
        let connection = peer.map_or_else(|| self.new_peer().budget, |peer| peer.budget.clone());
        Ok(Held::nothing(&self.budget, &connection))
    }

    /// Scans one request, journals it, and returns when it is on disk.
    ///
    /// # Errors
    /// A [`Refusal`] with the table's code; nothing was stored, or (on UNAVAILABLE) it is not known whether it was.
    pub(crate) async fn accept(&self, arrived: Arrived) -> Result<Accepted, Refusal> {
        let mut span = self.own_traces.begin("receive", SpanKind::Server);
        span.set("gleaner.transport", arrived.transport.name());
        span.set("gleaner.signal", arrived.signal.name());
        span.set("gleaner.bytes", arrived.received.body.len());
        let accepted = self.check_and_journal(arrived, &mut span).await;
        if let Err(refusal) = &accepted {
            span.fail(refusal.code.reason());
        }
        accepted
    }

    async fn check_and_journal(&self, arrived: Arrived, span: &mut OwnSpan) -> Result<Accepted, Refusal> {
        let (transport, signal, started) = (arrived.transport, arrived.signal, Instant::now());
        let Checked { scan, durable } = self.check(arrived).await?;
        span.set("gleaner.items", scan.items);
        span.set("gleaner.rejected", scan.rejected);
        if let Some(durable) = durable {
            let mut appending = span.child("journal.append");
            match durable_in(durable, self.in_flight.timeout).await {
                Ok(position) => appending.set("gleaner.journal.position", position),
                Err(refusal) => {
                    appending.fail(refusal.code.reason());
                    self.metrics.pushed_back(transport, signal, scan.items);
                    return Err(refusal);
                }
            }
        }
        self.metrics.acknowledged_after(started.elapsed());
        self.metrics.accepted(transport, signal, scan.items - scan.rejected, scan.rejected);
        Ok(Accepted { rejected: scan.rejected, message: message(&scan) })
    }

    /// Small requests where they are; others off the async threads, and no more at once than there are cores: each takes a
    /// compressor's memory, and more would only take turns.
    async fn check(&self, arrived: Arrived) -> Result<Checked, Refusal> {
        if arrived.received.body.len() <= CHECK_INLINE_BYTES {
            return self.check_now(arrived);
        }
        let given_up = |_| Refusal::new(ErrorCode::Unavailable, "the request could not be checked, try again later");
        let turn = self.turns.clone().acquire_owned().await.map_err(|_| given_up(()))?;
        let ingest = self.clone();
        let checking = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            ingest.check_now(arrived)
        });
        checking.await.map_err(|_| given_up(()))?
    }

    fn check_now(&self, arrived: Arrived) -> Result<Checked, Refusal> {
        let Arrived { transport, signal, encoding, project, received: Received { body, held } } = arrived;
        let scan = scan(signal, encoding, &body, &self.limits)?;
        // OTLP: an empty request is a success, and there is nothing to keep.
        if scan.items == scan.rejected {
            return Ok(Checked { scan, durable: None });
        }
        let record = telemetry_record(signal, encoding, project, body.into());
        match append(&self.journal, record, held) {
            Ok(durable) => Ok(Checked { scan, durable: Some(durable) }),
            Err(refusal) => {
                self.metrics.pushed_back(transport, signal, scan.items);
                Err(refusal)
            }
        }
    }
}

/// A request that was scanned and queued for the disk.
struct Checked {
    scan: Scan,
    /// `None`: there was nothing to keep.
    durable: Option<Durable>,
}

/// Is told the position of a record once it is on disk.
type Durable = oneshot::Receiver<Result<u64, JournalError>>;

/// Compresses and queues a record. `held` is let go when the journal has written it, or has given it up, even if nobody waits any longer.
fn append<H: Send + 'static>(journal: &Journal, record: Record, held: H) -> Result<Durable, Refusal> {
    let (done, durable) = oneshot::channel();
    journal.append(record, move |result| {
        drop(held);
        // A client that went away no longer listens; its record is kept all the same.
        let _ = done.send(result);
    })?;
    Ok(durable)
}

async fn durable_in(durable: Durable, timeout: Duration) -> Result<u64, Refusal> {
    match tokio::time::timeout(timeout, durable).await {
        Ok(Ok(result)) => Ok(result?),
        Ok(Err(_)) => Err(Refusal::new(ErrorCode::Unavailable, "the journal is closing, try again later")),
        Err(_) => Err(Refusal::new(ErrorCode::Unavailable, "the disk did not answer in time, try again later")),
    }
}

/// Appends a record and waits until it is on disk; gives its position.
///
/// # Errors
/// UNAVAILABLE when the disk fails or does not answer in time, BUSY when too much waits for it, OUT_OF_SPACE.
pub(crate) async fn journal_durably(journal: &Journal, record: Record, timeout: Duration) -> Result<u64, Refusal> {
    durable_in(append(journal, record, ())?, timeout).await
}

/// The record of one OTLP request.
pub(crate) fn telemetry_record(signal: Signal, encoding: Encoding, project: String, body: Vec<u8>) -> Record {
    let kind = match signal {
        Signal::Traces => RecordKind::Traces,
        Signal::Logs => RecordKind::Logs,
    };
    let encoding = match encoding {
        Encoding::Protobuf => ENCODING_PROTOBUF,
        Encoding::Json => ENCODING_JSON,
    };
    record(kind, encoding, project, body)
}

/// A record stamped with the present time.
pub(crate) fn record(kind: RecordKind, encoding: u8, project: String, payload: Vec<u8>) -> Record {
    Record { kind: kind as u8, encoding, recorded_at_unix_nano: now_unix_nano(), project, payload }
}

/// Nanoseconds since the Unix epoch, by this machine's clock.
pub(crate) fn now_unix_nano() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// The project that request metadata names, or the default.
///
/// # Errors
/// When the name is too long or has characters that do not belong into a name.
pub(crate) fn project_of(header: Option<&[u8]>) -> Result<String, Refusal> {
    let Some(raw) = header.filter(|h| !h.is_empty()) else { return Ok(DEFAULT_PROJECT.to_owned()) };
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"._-/".contains(b);
    if raw.len() > MAX_PROJECT_BYTES || !raw.iter().all(plain) {
        return Err(Refusal::new(
            ErrorCode::Invalid,
            format!(
                "{PROJECT_HEADER} must be 1 to {MAX_PROJECT_BYTES} characters of a-z, A-Z, 0-9, '.', '_', '-', '/'"
            ),
        ));
    }
    Ok(String::from_utf8_lossy(raw).into_owned())
}

/// Checks a request without building it from protobuf.
pub(crate) fn scan(
    signal: Signal,
    encoding: Encoding,
    body: &[u8],
    limits: &Limits,
) -> Result<Scan, gleaner_wire::WireError> {
    match signal {
        Signal::Traces => gleaner_wire::scan_traces(encoding, body, limits),
        Signal::Logs => gleaner_wire::scan_logs(encoding, body, limits),
    }
}

/// Why items were rejected, else what to mind, else nothing.
fn message(scan: &Scan) -> String {
    match (&scan.first_rejection, &scan.first_warning) {
        (Some(first), _) if scan.rejected == 1 => first.clone(),
        (Some(first), _) => format!("{} rejected, first: {first}", scan.rejected),
        (None, Some(first)) => first.clone(),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests;
