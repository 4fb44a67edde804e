//! What ingestion costs, as ratios of one run: the server beside the machine's own limits (a sink that decodes and drops, plain write and sync, prost) and
//! beside 75 lines of Python over SQLite, with the same load on the same cores.
//!
//! `cargo bench -p gleaner-server --bench ingest -- [--seconds 20] [--profile agent|large|deep] [--python PYTHON] [--only NAME,…]`
//!
//! Load: requests of about 100 spans as agents send them (`load.rs`), four connections, one request under way on each. PYTHON must have `grpcio` and
//! `opentelemetry-proto`; without it that row is left out. It prints and asserts nothing: times are no tests.
//!
//! November 2026, two shared cores, ten seconds of the agent profile, ratios of one run: 0.27 of the sink acknowledged (454 MB/s), 0.29 of Python and
//! SQLite loaded, 160 times prost's processor time in all (31 ms a MB), an ack's p99 of 19 syncs and its longest of 21 ms, 0.15 bytes on disk a byte,
//! 438 MiB resident. The load's texts repeat from round to round, which flatters what is on disk: of traces that repeat nothing (720 MB, whole
//! traces in a request) journal and store take 0.37. Of a million spans the first hundred thousand and the last cost the same. Bounds now: thinly spread
//! over allocation and copies of messages and attributes, JSON on its way in and out, DuckDB's compression at checkpoints.

#![allow(clippy::expect_used, reason = "a benchmark that cannot set its scene has failed")]

mod load;
mod peers;

use std::io::Write as _;
use std::time::{Duration, Instant};

use gleaner_wire::proto::Message as _;
use gleaner_wire::proto::collector::trace::v1::ExportTraceServiceRequest;

use load::{Outcome, Pool, Profile, drive};
use peers::{Peer, cpu_seconds};

/// Writes that are timed against the ack.
const SYNCED_WRITES: usize = 200;

struct Args {
    seconds: u64,
    profile: Profile,
    python: Option<String>,
    only: Option<String>,
}

fn args() -> Args {
    let mut args = Args { seconds: 20, profile: Profile::Agent, python: None, only: None };
    let mut given = std::env::args().skip(1);
    while let Some(name) = given.next() {
        let mut value = || given.next().unwrap_or_else(|| panic!("{name} wants a value"));
        match name.as_str() {
            "--seconds" => args.seconds = value().parse().expect("--seconds is a number"),
            "--profile" => args.profile = Profile::named(&value()),
            "--python" => args.python = Some(value()),
            "--only" => args.only = Some(value()),
            // Cargo's own.
            "--bench" => {}
            other => panic!("unknown argument {other}"),
        }
    }
    args
}

fn main() {
    let mut argv = std::env::args().skip(1);
    if let (Some("sink"), Some(port)) = (argv.next().as_deref(), argv.next()) {
        return peers::serve_sink(port.parse().expect("a port"));
    }
    let args = args();
    let wanted = |name: &str| args.only.as_ref().is_none_or(|only| only.split(',').any(|one| one == name));
    let pool = Pool::new(args.profile);
    let request_bytes = pool.bytes() / pool.len();
    println!(
        "load: {:?}, {} spans of {} bytes a request, {} s each, 4 connections; load average {}",
        args.profile,
        pool.spans() / pool.len(),
        pool.bytes() / pool.spans(),
        args.seconds,
        std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim(),
    );
    let synced = synced_writes(request_bytes);
    println!(
        "write + fdatasync of {request_bytes} bytes: median {:.1} ms, p99 {:.1} ms",
        millis(synced[synced.len() / 2]),
        millis(synced[synced.len() * 99 / 100])
    );
    let (decode_ms_per_mb, decode_spans) = prost_decode(&pool);
    println!("prost decode: {decode_ms_per_mb:.3} CPU-ms a MB, {decode_spans:.0} spans/s on one core\n");

    println!(
        "| peer | acked spans/s | MB/s | ack p50 ms | p99 ms | max ms | loaded spans/s | CPU ms a MB | RSS MiB | disk / OTLP bytes | ready ms |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    let mut rows = Vec::new();
    if wanted("sink") {
        rows.push(measure(Peer::sink(), &pool, args.seconds));
    }
    if let Some(python) = args.python.as_ref().filter(|_| wanted("sqlite")) {
        rows.push(measure(Peer::sqlite(python), &pool, args.seconds));
    }
    if wanted("gleaner") {
        rows.push(measure(Peer::gleaner(), &pool, args.seconds));
    }
    ratios(&rows, synced[synced.len() / 2], decode_ms_per_mb);
}

struct Row {
    name: &'static str,
    outcome: Outcome,
    loaded_spans_per_s: f64,
    cpu_ms_per_mb: f64,
    disk_ratio: f64,
}

fn measure(mut peer: Peer, pool: &Pool, seconds: u64) -> Row {
    let began = Instant::now();
    peer.start();
    let ready = began.elapsed();
    let warm_up = drive(&peer.endpoint(), pool, Duration::from_millis(500));
    peer.drained();
    let (cpu_before, disk_before, began) = (cpu_seconds(peer.pid()), peer.disk_bytes(), Instant::now());
    let outcome = drive(&peer.endpoint(), pool, Duration::from_secs(seconds));
    let rss = peer.rss_bytes();
    peer.drained();
    let loaded_spans_per_s = outcome.spans as f64 / began.elapsed().as_secs_f64();
    let megabytes = outcome.bytes as f64 / 1e6;
    let cpu_ms_per_mb = (cpu_seconds(peer.pid()) - cpu_before) * 1e3 / megabytes;
    // An orderly end: the last checkpoint is no part of what was timed, and is part of what lies on disk.
    peer.stop();
    let disk_ratio = peer.disk_bytes().saturating_sub(disk_before) as f64 / outcome.bytes as f64;
    let row = Row { name: peer.name, outcome, loaded_spans_per_s, cpu_ms_per_mb, disk_ratio };
    assert!(warm_up.spans > 0 && row.outcome.spans > 0, "{} acknowledged nothing", peer.name);
    let elapsed = row.outcome.elapsed.as_secs_f64();
    println!(
        "| {} | {:.0} | {:.0} | {:.1} | {:.1} | {:.1} | {:.0} | {:.2} | {} | {:.3} | {:.0} |",
        row.name,
        row.outcome.spans as f64 / elapsed,
        megabytes / elapsed,
        millis(row.outcome.percentile(50)),
        millis(row.outcome.percentile(99)),
        millis(row.outcome.percentile(100)),
        row.loaded_spans_per_s,
        row.cpu_ms_per_mb,
        rss >> 20,
        row.disk_ratio,
        millis(ready),
    );
    row
}

fn ratios(rows: &[Row], median_sync: Duration, decode_ms_per_mb: f64) {
    let row = |name: &str| rows.iter().find(|row| row.name == name);
    let Some(gleaner) = row("gleaner") else { return };
    let acked = |row: &Row| row.outcome.spans as f64 / row.outcome.elapsed.as_secs_f64();
    println!("\n| ratio | measured | to reach |\n|---|---|---|");
    if let Some(sink) = row("sink") {
        println!("| acked / no-op sink | {:.2} | at least 0.4 in bursts |", acked(gleaner) / acked(sink));
    }
    if let Some(sqlite) = row("sqlite") {
        let ratio = gleaner.loaded_spans_per_s / sqlite.loaded_spans_per_s;
        println!("| acked and loaded / Python and SQLite | {ratio:.2} | at least 3, sustained |");
    }
    let p99 = gleaner.outcome.percentile(99).as_secs_f64() / median_sync.as_secs_f64();
    println!("| ack p99 / median sync of a request | {p99:.1} | at most 5 |");
    println!("| longest ack, ms | {:.0} | under 250 |", millis(gleaner.outcome.percentile(100)));
    println!(
        "| all CPU of the server / prost decode, per MB | {:.0} | at most 20 |",
        gleaner.cpu_ms_per_mb / decode_ms_per_mb
    );
    println!("| bytes on disk / OTLP bytes | {:.3} | at most 0.1 |", gleaner.disk_ratio);
}

/// Sorted times of a write and `fdatasync` of so many bytes, in the folder where the peers' data lies.
fn synced_writes(bytes: usize) -> Vec<Duration> {
    let mut file = tempfile::tempfile().expect("a file");
    let content = vec![7; bytes];
    let mut times: Vec<_> = (0..SYNCED_WRITES)
        .map(|_| {
            let began = Instant::now();
            file.write_all(&content).and_then(|()| file.sync_data()).expect("writes");
            began.elapsed()
        })
        .collect();
    times.sort_unstable();
    times
}

/// CPU-ms a MB, and spans a second.
fn prost_decode(pool: &Pool) -> (f64, f64) {
    let began = Instant::now();
    let mut rounds = 0;
    while began.elapsed() < Duration::from_secs(1) {
        for body in pool.bodies() {
            std::hint::black_box(ExportTraceServiceRequest::decode(body).expect("decodes"));
        }
        rounds += 1;
    }
    let seconds = began.elapsed().as_secs_f64();
    let megabytes = (rounds * pool.bytes()) as f64 / 1e6;
    (seconds * 1e3 / megabytes, (rounds * pool.spans()) as f64 / seconds)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
