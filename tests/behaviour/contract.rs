//! The Collector's contract test for receivers (`receivertest.CheckConsumeContract`), against a journal whose disk fails at random.
//!
//! Generators send uniquely numbered spans and do what the specification tells clients: they send again what was answered as
//! retryable, and give up what was answered as permanent. Some of what they send is bad for good: malformed requests, and spans with bad ids
//! among good ones. In the end, of everything that was sent, each span was either accepted or refused for good; the store holds the
//! accepted ones, each once, and none of the others; and the server's own counters say the same.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use gleaner_wire::proto::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message as _;
use tonic::Code;

use crate::faulty_disk::FaultyDisk;
use crate::harness::{Gleaner, export_on, request, span};

const GENERATORS: u64 = 4;
const REQUESTS_PER_GENERATOR: u64 = 60;
const SPANS_PER_REQUEST: u64 = 5;
/// Of 100 writes to the journal's disk.
const FAILING_APPENDS_PERCENT: u32 = 30;
/// Beyond so many attempts a retryable answer does not mean that a retry helps.
const MAX_ATTEMPTS: u32 = 200;

/// What a generator has seen.
#[derive(Default)]
struct Seen {
    sent: BTreeSet<u64>,
    accepted: BTreeSet<u64>,
    refused: BTreeSet<u64>,
    retries: u32,
}

/// A request as a generator sends it.
struct Numbered {
    /// Of the good spans.
    good: BTreeSet<u64>,
    /// Of spans with a bad id.
    bad: BTreeSet<u64>,
    body: Vec<u8>,
    is_malformed: bool,
}

fn numbered(generator: u64, n: u64) -> Numbered {
    let first = (generator * REQUESTS_PER_GENERATOR + n) * SPANS_PER_REQUEST + 1;
    let ids = first..first + SPANS_PER_REQUEST;
    let mut spans: Vec<_> = ids.clone().map(|id| span(generator + 1, id, 0, "numbered", &[])).collect();
    let bad = if n % 7 == 3 {
        spans[1].span_id = vec![0; 8];
        BTreeSet::from([first + 1])
    } else {
        BTreeSet::new()
    };
    let mut body = request(spans).encode_to_vec();
    let is_malformed = n % 11 == 5;
    if is_malformed {
        body.pop();
    }
    Numbered { good: ids.filter(|id| !bad.contains(id)).collect(), bad, body, is_malformed }
}

/// What an answer means to a client of OTLP.
enum Answer {
    /// With the number of rejected spans.
    Success(i64),
    Retry,
    Permanent,
}

fn rejected(body: bytes::Bytes) -> i64 {
    let answer = ExportTraceServiceResponse::decode(body).expect("the response message");
    answer.partial_success.map_or(0, |partial| partial.rejected_spans)
}

async fn over_grpc(channel: &tonic::transport::Channel, body: Vec<u8>) -> Answer {
    match export_on(tonic::client::Grpc::new(channel.clone()), "trace", body).await {
        Ok(body) => Answer::Success(rejected(body)),
        // The table of "Failures", as far as a server of ours can answer it.
        Err(status) => match status.code() {
            Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Aborted | Code::DataLoss => {
                Answer::Retry
            }
            _ => Answer::Permanent,
        },
    }
}

async fn over_http(gleaner: &Gleaner, body: Vec<u8>) -> Answer {
    let response = gleaner.post_otlp("application/x-protobuf", None, body).await;
    match response.status().as_u16() {
        200 => Answer::Success(rejected(response.bytes().await.expect("a body"))),
        429 | 502 | 503 | 504 => Answer::Retry,
        _ => Answer::Permanent,
    }
}

async fn generate(gleaner: Arc<Gleaner>, generator: u64) -> Seen {
    let mut seen = Seen::default();
    let channel = gleaner.channel().await;
    for n in 0..REQUESTS_PER_GENERATOR {
        let numbered = numbered(generator, n);
        seen.sent.extend(numbered.good.iter().chain(&numbered.bad));
        for attempt in 0.. {
            assert!(attempt < MAX_ATTEMPTS, "request {n} of generator {generator} is answered as retryable for ever");
            let answer = match generator % 2 {
                0 => over_grpc(&channel, numbered.body.clone()).await,
                _ => over_http(&gleaner, numbered.body.clone()).await,
            };
            match answer {
                Answer::Success(rejected) => {
                    assert!(!numbered.is_malformed, "half a request was accepted");
                    assert_eq!(rejected, numbered.bad.len() as i64);
                    seen.accepted.extend(&numbered.good);
                    seen.refused.extend(&numbered.bad);
                    break;
                }
                Answer::Permanent => {
                    assert!(numbered.is_malformed, "good spans were refused for good");
                    seen.refused.extend(numbered.good.iter().chain(&numbered.bad));
                    break;
                }
                Answer::Retry => {
                    seen.retries += 1;
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        }
    }
    seen
}

/// Scenario: four generators, two over gRPC and two over HTTP, on a journal that fails 30 of 100 writes.
/// Guarantees: sent = accepted + refused; the store holds what was accepted, nothing of it twice, and nothing else; the counters of
/// `/metrics` close.
#[tokio::test(flavor = "multi_thread")]
async fn sent_is_accepted_plus_refused_on_a_journal_that_fails_at_random() {
    let (disk, faults) = FaultyDisk::with_faults();
    let gleaner = Arc::new(Gleaner::start_on(disk, |_| ()).await);
    faults.failing_appends_percent.store(FAILING_APPENDS_PERCENT, Ordering::SeqCst);
    let generators: Vec<_> =
        (0..GENERATORS).map(|generator| tokio::spawn(generate(gleaner.clone(), generator))).collect();
    let mut all = Seen::default();
    for generator in generators {
        let seen = generator.await.expect("no panic");
        all.sent.extend(seen.sent);
        all.accepted.extend(seen.accepted);
        all.refused.extend(seen.refused);
        all.retries += seen.retries;
    }
    assert!(faults.failed_appends.load(Ordering::SeqCst) > 20 && all.retries > 20, "the disk hardly failed");
    assert_eq!(all.sent.len() as u64, GENERATORS * REQUESTS_PER_GENERATOR * SPANS_PER_REQUEST);
    assert!(all.accepted.is_disjoint(&all.refused));
    assert_eq!(all.accepted.len() + all.refused.len(), all.sent.len());

    let rows = gleaner.sql("SELECT span_id FROM execution_spans ORDER BY span_id").await;
    let stored: Vec<u64> =
        rows.iter().map(|row| u64::from_str_radix(row["span_id"].as_str().expect("an id"), 16).expect("hex")).collect();
    assert_eq!(stored, all.accepted.iter().copied().collect::<Vec<_>>());

    let counted = async |name: &str| {
        let mut sum = 0.0;
        for transport in ["grpc", "http"] {
            sum += gleaner.metric(&format!("{name}{{receiver=\"otlp\",transport=\"{transport}\"}}")).await;
        }
        sum
    };
    assert_eq!(counted("otelcol_receiver_accepted_spans_total").await, all.accepted.len() as f64);
    let refused_alone = (0..GENERATORS).flat_map(|g| (0..REQUESTS_PER_GENERATOR).map(move |n| numbered(g, n)));
    let refused_alone: usize = refused_alone.filter(|r| !r.is_malformed).map(|r| r.bad.len()).sum();
    assert_eq!(counted("gleaner_receiver_rejected_spans_total").await, refused_alone as f64);
    // What was pushed back came again.
    assert!(counted("otelcol_receiver_refused_spans_total").await >= f64::from(all.retries));
}
