//! The one way in for telemetry: check, journal, acknowledge. Both transports call [`Ingest::accept`].
//!
//! Data in: the bytes of one request, decompressed. Data out: what to answer. Nothing here builds the message from
//! protobuf, and nothing depends on DuckDB. When `accept` returns `Ok`, the request is on disk.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use gleaner_journal::{Journal, Record};
use gleaner_wire::{Encoding, Limits, Scan};
use tokio::sync::{Semaphore, oneshot};

use crate::error::{ErrorCode, Refusal};

/// Project of requests that name none.
pub(crate) const DEFAULT_PROJECT: &str = "default";
/// Request metadata that names the project; never what a payload claims.
pub(crate) const PROJECT_HEADER: &str = "x-gleaner-project";
/// Longest project name: it is part of every row.
pub(crate) const MAX_PROJECT_BYTES: usize = 128;
/// Bodies above this are scanned off the async threads; scanning runs at gigabytes per second.
const SCAN_INLINE_BYTES: usize = 256 * 1024;

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

/// Checks requests and puts them on disk. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Ingest {
    journal: Journal,
    limits: Arc<Limits>,
    in_flight_kib: Arc<Semaphore>,
    timeout: Duration,
}

impl Ingest {
    /// `max_in_flight_bytes` bounds what all requests together may hold.
    pub(crate) fn new(journal: Journal, limits: Limits, max_in_flight_bytes: u64, timeout: Duration) -> Self {
        let permits = usize::try_from(max_in_flight_bytes / 1024).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self { journal, limits: Arc::new(limits), in_flight_kib: Arc::new(Semaphore::new(permits)), timeout }
    }

    /// How long a request may take to arrive, and again to reach the disk.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Limits that every request is held to.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Scans one request, journals it, and returns when it is on disk.
    ///
    /// # Errors
    /// A [`Refusal`] with the table's code; nothing was stored, or (on UNAVAILABLE) it is not known whether it was.
    pub(crate) async fn accept(
        &self,
        signal: Signal,
        encoding: Encoding,
        project: String,
        body: Bytes,
    ) -> Result<Accepted, Refusal> {
        let kib = u32::try_from(body.len() / 1024 + 1).unwrap_or(u32::MAX);
        let Ok(_permit) = self.in_flight_kib.clone().try_acquire_many_owned(kib) else {
            return Err(Refusal::new(ErrorCode::Busy, "too many bytes in flight, try again later"));
        };
        let scan = self.scan(signal, encoding, &body).await?;
        let accepted = Accepted { rejected: scan.rejected, message: message(&scan) };
        // OTLP: an empty request is a success, and there is nothing to keep.
        if scan.items == scan.rejected {
            return Ok(accepted);
        }
        let record = telemetry_record(signal, encoding, project, body.into());
        journal_durably(&self.journal, record, self.timeout).await?;
        Ok(accepted)
    }

    async fn scan(&self, signal: Signal, encoding: Encoding, body: &Bytes) -> Result<Scan, Refusal> {
        if encoding == Encoding::Protobuf && body.len() <= SCAN_INLINE_BYTES {
            return Ok(scan(signal, encoding, body, &self.limits)?);
        }
        let (body, limits) = (body.clone(), self.limits.clone());
        tokio::task::spawn_blocking(move || scan(signal, encoding, &body, &limits))
            .await
            .map_err(|_| Refusal::new(ErrorCode::Unavailable, "the request could not be checked, try again later"))?
            .map_err(Refusal::from)
    }
}

/// Appends a record and waits until it is on disk; gives its position.
///
/// # Errors
/// UNAVAILABLE when the disk fails or does not answer in time, BUSY when too much waits for it.
pub(crate) async fn journal_durably(journal: &Journal, record: Record, timeout: Duration) -> Result<u64, Refusal> {
    let (done, durable) = oneshot::channel();
    journal.append(record, move |result| {
        // A client that went away no longer listens; its record is kept all the same.
        let _ = done.send(result);
    })?;
    match tokio::time::timeout(timeout, durable).await {
        Ok(Ok(result)) => Ok(result?),
        Ok(Err(_)) => Err(Refusal::new(ErrorCode::Unavailable, "the journal is closing, try again later")),
        Err(_) => Err(Refusal::new(ErrorCode::Unavailable, "the disk did not answer in time, try again later")),
    }
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
