//! What the journal costs beside the disk: appends from four threads, each waiting for its record, and the same bytes written and synced plainly.
//! `cargo bench -p gleaner-journal`; prints, asserts nothing.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot set its scene has failed")]

use std::io::Write as _;
use std::time::{Duration, Instant};

use gleaner_journal::{Config, Journal, Record};

const THREADS: u64 = 4;
const TIME: Duration = Duration::from_secs(4);
/// A request of 100 spans of an agent.
const PAYLOAD_BYTES: usize = 490_000;

/// Text that compresses about as prose does, with a history that repeats.
fn payload(seed: u64) -> Vec<u8> {
    let mut state = seed * 2 + 1;
    let mut text = Vec::with_capacity(PAYLOAD_BYTES + 64);
    while text.len() < PAYLOAD_BYTES {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.extend_from_slice(
            ["the ", "of ", "an", "der", "ing ", "re", "tion ", "con"][(state >> 61) as usize].as_bytes(),
        );
        // Every fourth time a paragraph comes again.
        if (state >> 33).is_multiple_of(400) && text.len() > 8_000 {
            text.extend_from_within(text.len() - 4_000..);
        }
    }
    text.truncate(PAYLOAD_BYTES);
    text
}

fn tell(what: &str, mut times: Vec<Duration>, elapsed: Duration) {
    times.sort_unstable();
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "{what:28} {:6.0} MB/s, p50 {:6.2} ms, p99 {:6.2} ms, longest {:6.2} ms",
        (times.len() * PAYLOAD_BYTES) as f64 / 1e6 / elapsed.as_secs_f64(),
        millis(times[times.len() / 2]),
        millis(times[times.len() * 99 / 100]),
        millis(times[times.len() - 1]),
    );
}

fn main() {
    let payloads: Vec<_> = (0..THREADS).map(payload).collect();
    for (what, compression_level) in
        [("journal, zstd level 1", 1), ("journal, zstd level -1", -1), ("journal, zstd level -5", -5)]
    {
        let dir = tempfile::tempdir().unwrap();
        let config = Config { compression_level, sealed_compression_level: 0, ..Config::default() };
        let (journal, _) = Journal::open(dir.path(), config).unwrap();
        let began = Instant::now();
        let times: Vec<Duration> = std::thread::scope(|scope| {
            let journal = &journal;
            let append = move |payload: &Vec<u8>| {
                let mut times = Vec::new();
                while began.elapsed() < TIME {
                    let record = Record {
                        kind: 1,
                        encoding: 1,
                        recorded_at_unix_nano: 1,
                        project: "p".into(),
                        payload: payload.clone(),
                    };
                    let started = Instant::now();
                    journal.append_blocking(record).unwrap();
                    times.push(started.elapsed());
                }
                times
            };
            let threads: Vec<_> = payloads.iter().map(|payload| scope.spawn(move || append(payload))).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        let ratio = journal.disk_bytes() as f64 / (times.len() * PAYLOAD_BYTES) as f64;
        tell(what, times, began.elapsed());
        println!("{:28} {ratio:.3} bytes on disk for each byte", "");
    }
    let mut file = tempfile::tempfile().unwrap();
    let (began, mut times) = (Instant::now(), Vec::new());
    while began.elapsed() < TIME {
        let started = Instant::now();
        file.write_all(&payloads[0]).and_then(|()| file.sync_data()).unwrap();
        times.push(started.elapsed());
    }
    tell("plain write and fdatasync", times, began.elapsed());
}
