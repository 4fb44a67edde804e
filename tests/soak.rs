//! The server over a long time, at most of what it can do, with clients that do wrong now and then: memory, descriptors and what a
//! crash would have to load again stay bounded.
//!
//! `cargo test --release --test soak -- --ignored --nocapture`; `GLEANER_SOAK_SECONDS` sets the time (3600). What the machine can do is measured first,
//! so that the load is 70 % of it: on a machine that does nothing else meanwhile. Prints a line every ten seconds.

#![allow(clippy::expect_used, reason = "a test that cannot set its scene has failed")]

mod program;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gleaner_wire::proto::common::v1::{AnyValue, KeyValue, any_value};
use program::Server;
use program::ledger::request;
use prost::Message as _;

/// A checkpoint comes often enough to be seen in minutes.
const CONFIG: &str = "[journal]\nmin_free_disk_mib = 64\n[store]\ncheckpoint_mib = 32\n";
/// Those 32 MiB of requests, and the batch of 16 MiB that comes before it is looked at again; the last request of a batch may go beyond it.
const MAX_UNSAVED_BYTES: f64 = (32 + 16 + 1) as f64 * 1_048_576.0;
const CLIENTS: u64 = 2;
const CALIBRATION: Duration = Duration::from_secs(10);
const LOAD_PERCENT: u64 = 70;
/// What was acknowledged while the machine did its utmost is loaded by then.
const LOADED_TIMEOUT: Duration = Duration::from_secs(600);
/// Of a hundred requests, how many are faulty.
const FAULTS_PERCENT: u64 = 1;
/// Growth of the floor of memory over the second half that is taken for noise: caches and DuckDB's buffers fill up to their bounds, and are not given back at once.
const RSS_NOISE_BYTES: f64 = 64e6;

/// A trace of three spans with a text that no other has.
fn body(number: u64) -> Vec<u8> {
    let trace_id = [77u64.to_be_bytes(), number.to_be_bytes()].concat();
    let mut traces = request(&trace_id);
    let mut state = number;
    for span in &mut traces.resource_spans[0].scope_spans[0].spans {
        let words = (0..150).map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            format!("{:x} ", state >> 40)
        });
        let value = AnyValue { value: Some(any_value::Value::StringValue(words.collect())) };
        span.attributes.push(KeyValue { key: "gen_ai.prompt".to_owned(), value: Some(value), ..Default::default() });
    }
    traces.encode_to_vec()
}

/// What clients have done.
#[derive(Default)]
struct Sent {
    next: AtomicU64,
    acknowledged: AtomicU64,
    faulty: AtomicU64,
}

/// Sends until told to stop: as fast as answers come, or one request every `pause`.
async fn client(otlp: String, sent: Arc<Sent>, stop: Arc<AtomicBool>, pause: Option<Duration>, with_faults: bool) {
    let http = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().expect("a client");
    let mut due = Instant::now();
    while !stop.load(Ordering::Acquire) {
        let number = sent.next.fetch_add(1, Ordering::Relaxed);
        let mut bytes = body(number);
        let is_faulty = with_faults && number % 100 < FAULTS_PERCENT;
        if is_faulty {
            sent.faulty.fetch_add(1, Ordering::Relaxed);
            fault(&otlp, number, &mut bytes);
        }
        let url = format!("http://{otlp}/v1/traces");
        let posted = http.post(url).header("content-type", "application/x-protobuf").body(bytes).send().await;
        let status = posted.map(|response| response.status().as_u16());
        if is_faulty {
            assert!(status.as_ref().map_or(true, |status| *status == 400), "{status:?}");
        } else if status.is_ok_and(|status| status == 200) {
            sent.acknowledged.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(pause) = pause {
            due += pause;
            tokio::time::sleep_until(due.into()).await;
        }
    }
}

/// Half a message; and by turns a connection that breaks off in its midst, or that says nothing.
fn fault(otlp: &str, number: u64, bytes: &mut Vec<u8>) {
    use std::io::Write as _;
    bytes.truncate(bytes.len() / 2);
    if let Ok(mut stream) = std::net::TcpStream::connect(otlp)
        && (number / 100).is_multiple_of(2)
    {
        let head = "POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-protobuf\r\ncontent-length: 9999\r\n\r\n";
        // Whatever becomes of it.
        let _ = stream.write_all(head.as_bytes());
        let _ = stream.write_all(bytes);
    }
}

struct Sample {
    at_s: f64,
    rss_bytes: f64,
    descriptors: usize,
    unsaved_bytes: f64,
    lag: f64,
}

fn sample(server: &Server, began: Instant) -> Sample {
    let descriptors =
        std::fs::read_dir(format!("/proc/{}/fd", server.child.id())).expect("the process is there").count();
    Sample {
        at_s: began.elapsed().as_secs_f64(),
        rss_bytes: server.rss_bytes() as f64,
        descriptors,
        unsaved_bytes: server.metric("gleaner_store_unsaved_bytes"),
        lag: server.metric("gleaner_journal_lag_records"),
    }
}

/// Growth per second, by least squares.
fn slope(samples: &[Sample], value: impl Fn(&Sample) -> f64) -> f64 {
    let n = samples.len() as f64;
    let mean = |f: &dyn Fn(&Sample) -> f64| samples.iter().map(f).sum::<f64>() / n;
    let (t, v) = (mean(&|s| s.at_s), mean(&|s| value(s)));
    let covariance: f64 = samples.iter().map(|s| (s.at_s - t) * (value(s) - v)).sum();
    covariance / samples.iter().map(|s| (s.at_s - t).powi(2)).sum::<f64>()
}

/// Scenario: 70 % of what the server was seen to load, with a hundredth of the requests faulty.
/// Guarantees: over the second half of the time memory does not grow beyond noise, descriptors stay, what waits for a checkpoint stays within its bound,
/// loading keeps up; in the end everything that was acknowledged is there.
#[test]
#[ignore = "takes as long as it is told to, an hour by default"]
fn memory_files_and_what_waits_stay_bounded() {
    let seconds: u64 = std::env::var("GLEANER_SOAK_SECONDS").ok().and_then(|n| n.parse().ok()).unwrap_or(3600);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let (dir, sent) = (tempfile::tempdir().expect("a directory"), Arc::new(Sent::default()));
    let server = Server::start_with(dir.path(), CONFIG, &[]);
    let load = |pause: Option<Duration>, with_faults: bool| {
        let stop = Arc::new(AtomicBool::new(false));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| runtime.spawn(client(server.otlp_http.clone(), sent.clone(), stop.clone(), pause, with_faults)))
            .collect();
        (stop, clients)
    };
    let end = |(stop, clients): (Arc<AtomicBool>, Vec<tokio::task::JoinHandle<()>>)| {
        stop.store(true, Ordering::Release);
        clients.into_iter().for_each(|client| runtime.block_on(client).expect("no client fails"));
    };
    let loaded = |server: &Server| {
        let until = Instant::now() + LOADED_TIMEOUT;
        while server.metric("gleaner_journal_lag_records") > 0.0 {
            assert!(Instant::now() < until, "not loaded within {LOADED_TIMEOUT:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };

    let began = Instant::now();
    let calibrating = load(None, false);
    std::thread::sleep(CALIBRATION);
    end(calibrating);
    loaded(&server);
    let capacity = sent.acknowledged.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64();
    let rate = capacity * LOAD_PERCENT as f64 / 100.0;
    println!("capacity {capacity:.0} requests/s loaded, load {rate:.0}/s, for {seconds} s");

    let loading = load(Some(Duration::from_secs_f64(CLIENTS as f64 / rate)), true);
    let began = Instant::now();
    let mut samples = Vec::new();
    while began.elapsed() < Duration::from_secs(seconds) {
        std::thread::sleep(Duration::from_secs(1));
        samples.push(sample(&server, began));
        let last = samples.last().expect("one");
        if samples.len() % 10 == 1 {
            let (rss, unsaved) = (last.rss_bytes / 1e6, last.unsaved_bytes / 1e6);
            println!(
                "{:5.0} s  rss {rss:4.0} MB  unsaved {unsaved:4.0} MB  lag {:5.0}  descriptors {}",
                last.at_s, last.lag, last.descriptors
            );
        }
    }
    end(loading);
    loaded(&server);
    assert!(sent.faulty.load(Ordering::Relaxed) > 0, "too short for a fault");

    let half = &samples[samples.len() / 2..];
    // What stays is the floor: above it memory follows the batches, which are large where loading has fallen behind for a while.
    let floor = |part: &[Sample]| part.iter().map(|s| s.rss_bytes).fold(f64::INFINITY, f64::min);
    let quarter = samples.len() / 4;
    let growth = floor(&samples[3 * quarter..]) - floor(&samples[quarter..2 * quarter]);
    let most = |value: fn(&Sample) -> f64| samples.iter().map(value).fold(0.0, f64::max);
    let (unsaved, rss) = (most(|s| s.unsaved_bytes), most(|s| s.rss_bytes));
    let descriptors = |part: &[Sample]| part.iter().map(|s| s.descriptors).max().unwrap_or(0);
    let (before, after) = (descriptors(&samples[..samples.len() / 2]), descriptors(half));
    println!(
        "rss at most {:.0} MB, its floor grew by {:.1} MB over the second half; unsaved at most {:.0} MB; descriptors {before}, then {after}",
        rss / 1e6,
        growth / 1e6,
        unsaved / 1e6
    );
    assert!(growth < RSS_NOISE_BYTES, "the floor of memory grew by {growth:.0} bytes over the second half");
    assert!(unsaved < MAX_UNSAVED_BYTES, "{unsaved:.0} bytes of requests wait for a checkpoint");
    assert!(after <= before + 8, "descriptors: {before}, then {after}");
    assert!(
        slope(half, |s| s.lag) * half.len() as f64 <= capacity * 5.0,
        "loading does not keep up with 70 % of what it could"
    );
    all_there(&server, sent.acknowledged.load(Ordering::Relaxed), dir.path());
}

fn all_there(server: &Server, acknowledged: u64, data: &Path) {
    let rows = server.sql("SELECT count(DISTINCT trace_id) AS traces, count(*) AS spans FROM execution_spans");
    let rows: serde_json::Value = serde_json::from_slice(&rows).expect("JSON");
    let (traces, spans) = (rows[0]["traces"].as_u64().expect("a count"), rows[0]["spans"].as_u64().expect("a count"));
    assert_eq!(spans, traces * program::ledger::SPANS_PER_TRACE);
    // What was sent when a client ended may be there without its acknowledgement.
    assert!(
        traces >= acknowledged && traces <= acknowledged + CLIENTS,
        "{traces} of {acknowledged} in {}",
        data.display()
    );
}
