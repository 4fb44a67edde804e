//! What clients were told, and the one check of the invariants against what is left after a crash.
//!
//! - I1: each acknowledged trace is there, with each of its spans once.
//! - I2: a trace that is there without an acknowledgement is there whole.
//! - I3: a store rebuilt from the journal holds the same rows.
//! - I4: what was there at an earlier check is there still, and the journal never goes back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use gleaner_wire::proto;
use prost::Message as _;
use serde_json::Value;

use super::{Server, block_on, rebuild, sql_at_rest};

/// Spans of each trace, all in one request: a trace is there whole or not at all.
pub(crate) const SPANS_PER_TRACE: u64 = 3;
const COUNTS: &str = "SELECT trace_id, count(*) AS spans, count(DISTINCT span_id) AS ids FROM execution_spans \
    GROUP BY trace_id ORDER BY trace_id";

/// Clones share the ledger.
#[derive(Clone, Default)]
pub(crate) struct Ledger(Arc<Mutex<Entries>>);

#[derive(Default)]
struct Entries {
    acknowledged: BTreeSet<String>,
    seen: BTreeSet<String>,
    head: u64,
    next_client: u64,
}

/// Clients that send until they are stopped or get no answer.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    pub(crate) fn stop(self) {
        self.stop.store(true, Ordering::Release);
        self.clients.into_iter().for_each(|client| client.join().expect("a client ends"));
    }
}

impl Ledger {
    /// Starts clients; each sends traces of its own, and every fifth a second time, as exporters do.
    pub(crate) fn load(&self, server: &Server, clients: u64) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let clients = (0..clients)
            .map(|_| {
                let client = {
                    let mut entries = self.0.lock().expect("no client panicked");
                    entries.next_client += 1;
                    entries.next_client
                };
                let (stop, ledger, otlp) = (stop.clone(), self.clone(), server.otlp_http.clone());
                std::thread::spawn(move || block_on(ledger.send_until(&stop, &otlp, client)))
            })
            .collect();
        Load { stop, clients }
    }

    async fn send_until(&self, stop: &AtomicBool, otlp: &str, client: u64) {
        let http = reqwest::Client::new();
        let mut n = 0u64;
        while !stop.load(Ordering::Acquire) {
            n += 1;
            let trace_id = trace_id(client, n);
            let body = request(&trace_id).encode_to_vec();
            let send = || {
                let request =
                    http.post(format!("http://{otlp}/v1/traces")).header("content-type", "application/x-protobuf");
                request.body(body.clone()).send()
            };
            let Ok(response) = send().await else { return };
            if response.status().is_success() {
                self.0.lock().expect("no client panicked").acknowledged.insert(hex(&trace_id));
                if n.is_multiple_of(5) {
                    let _ = send().await;
                }
            }
        }
    }

    /// Sends one trace and says whether it was acknowledged.
    pub(crate) fn send_one(&self, server: &Server) -> bool {
        let client = {
            let mut entries = self.0.lock().expect("no client panicked");
            entries.next_client += 1;
            entries.next_client
        };
        let trace_id = trace_id(client, 0);
        let acknowledged = server.post(request(&trace_id).encode_to_vec()) == Some(200);
        if acknowledged {
            self.0.lock().expect("no client panicked").acknowledged.insert(hex(&trace_id));
        }
        acknowledged
    }

    pub(crate) fn acknowledged(&self) -> usize {
        self.0.lock().expect("no client panicked").acknowledged.len()
    }

    /// I1, I2 and I4 on a running server.
    pub(crate) fn check(&self, server: &Server) {
        let head = server.metric("gleaner_journal_records_total") as u64;
        self.check_counts(&counts(&server.sql(COUNTS)), Some(head));
    }

    /// I1 to I4 on a directory at rest, which has a rebuilt store afterwards.
    pub(crate) fn check_rebuilt(&self, data: &Path) {
        let before = counts(&sql_at_rest(data, COUNTS));
        self.check_counts(&before, None);
        rebuild(data);
        assert_eq!(counts(&sql_at_rest(data, COUNTS)), before, "I3: a rebuilt store holds the same");
    }

    fn check_counts(&self, found: &BTreeMap<String, (u64, u64)>, head: Option<u64>) {
        let mut entries = self.0.lock().expect("no client panicked");
        let lost: Vec<_> = entries.acknowledged.iter().filter(|trace| !found.contains_key(*trace)).collect();
        assert!(lost.is_empty(), "I1: {} acknowledged traces are lost, e.g. {:?}", lost.len(), lost.first());
        let partial: Vec<_> = found.iter().filter(|(_, n)| **n != (SPANS_PER_TRACE, SPANS_PER_TRACE)).collect();
        assert!(partial.is_empty(), "I1, I2: traces with other spans than were sent: {partial:?}");
        let gone: Vec<_> = entries.seen.iter().filter(|trace| !found.contains_key(*trace)).collect();
        assert!(gone.is_empty(), "I4: {} traces were there and are gone, e.g. {:?}", gone.len(), gone.first());
        entries.seen.extend(found.keys().cloned());
        if let Some(head) = head {
            assert!(head >= entries.head, "I4: the journal went back from {} to {head}", entries.head);
            entries.head = head;
        }
    }
}

fn counts(json: &[u8]) -> BTreeMap<String, (u64, u64)> {
    let rows: Vec<Value> = serde_json::from_slice(json).expect("an array of rows");
    let number = |value: &Value| value.as_u64().expect("a count");
    rows.iter()
        .map(|row| (row["trace_id"].as_str().expect("an id").to_owned(), (number(&row["spans"]), number(&row["ids"]))))
        .collect()
}

fn trace_id(client: u64, n: u64) -> Vec<u8> {
    [client.to_be_bytes(), n.to_be_bytes()].concat()
}

/// One trace of three spans.
pub(crate) fn request(trace_id: &[u8]) -> proto::collector::trace::v1::ExportTraceServiceRequest {
    let spans = (1..=SPANS_PER_TRACE)
        .map(|n| proto::trace::v1::Span {
            trace_id: trace_id.to_vec(),
            span_id: n.to_be_bytes().to_vec(),
            parent_span_id: if n == 1 { Vec::new() } else { 1u64.to_be_bytes().to_vec() },
            name: format!("span {n}"),
            start_time_unix_nano: 1_700_000_000_000_000_000 + n,
            end_time_unix_nano: 1_700_000_000_000_001_000 + n,
            ..Default::default()
        })
        .collect();
    proto::collector::trace::v1::ExportTraceServiceRequest {
        resource_spans: vec![proto::trace::v1::ResourceSpans {
            scope_spans: vec![proto::trace::v1::ScopeSpans { spans, ..Default::default() }],
            ..Default::default()
        }],
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
