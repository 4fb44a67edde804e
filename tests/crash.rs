//! The built server is killed, starved and damaged, and started again: invariants I1 to I4 hold (`program/ledger.rs` checks them). Real
//! sockets, real signals, real files. What it does not prove: power loss, for which see `crates/journal/tests/power_loss.rs`.
//!
//! `cargo test --test crash` runs what takes seconds. What takes long, or needs root for a file system of its own, runs with
//! `cargo test --test crash -- --ignored --test-threads 1`; `GLEANER_CRASH_ROUNDS` sets the rounds of the kill loop there (200).

#![allow(clippy::expect_used, reason = "a test that cannot set its scene has failed")]

mod program;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use program::ledger::Ledger;
use program::{Server, gleaner, rebuild};

/// Clients sending at the same time.
const CLIENTS: u64 = 4;
/// Small segments and an early checkpoint: kills hit rotations, recompressions and checkpoints too.
const SMALL: &str = "[journal]\nsegment_size_mib = 1\nmin_free_disk_mib = 1\n[store]\ncheckpoint_mib = 1\n";

/// Scenario: four clients send traces of three spans; the server is killed at another moment in each round and started again
/// on the same directory; clients send some acknowledged requests a second time, as exporters do.
/// Guarantees: I1 to I4.
#[test]
fn killed_under_load_every_acknowledged_trace_is_there_once() {
    kill_loop(4, |round| Duration::from_millis(250 + 170 * round));
}

/// As above, 200 rounds, at any moment from 50 ms to 1.5 s.
#[test]
#[ignore = "takes ten minutes"]
fn killed_under_load_two_hundred_times() {
    let rounds = std::env::var("GLEANER_CRASH_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(200);
    kill_loop(rounds, |round| Duration::from_millis(50 + (round * 7_919) % 1_450));
}

fn kill_loop(rounds: u64, after: impl Fn(u64) -> Duration) {
    let dir = tempfile::tempdir().expect("a directory");
    let ledger = Ledger::default();
    for round in 0..rounds {
        let server = Server::start_with(dir.path(), SMALL, &[]);
        if round % 10 == 9 {
            ledger.check(&server);
        }
        let load = ledger.load(&server, CLIENTS);
        std::thread::sleep(after(round));
        server.kill();
        load.stop();
    }
    assert!(
        ledger.acknowledged() > 5 * rounds as usize,
        "{}: too little load to prove anything",
        ledger.acknowledged()
    );
    let server = Server::start_with(dir.path(), SMALL, &[]);
    ledger.check(&server);
    assert!(server.terminate(Duration::from_secs(30)));
    ledger.check_rebuilt(dir.path());
}

/// Scenario: SIGTERM under load.
/// Guarantees: the server ends well and in time; what was acknowledged is there.
#[test]
fn asked_to_end_under_load_it_drains() {
    let dir = tempfile::tempdir().expect("a directory");
    let ledger = Ledger::default();
    let server = Server::start(dir.path());
    let load = ledger.load(&server, CLIENTS);
    std::thread::sleep(Duration::from_millis(500));
    assert!(server.terminate(Duration::from_secs(30)), "it did not end well within 30 s");
    load.stop();
    assert!(ledger.acknowledged() > 10);
    ledger.check_rebuilt(dir.path());
}

/// Scenario: a server is killed under load, then its store's file is damaged: filled with zeros, flipped, or replaced by another kind of file.
/// Guarantees: telemetry is taken; `/readyz` says that the store cannot be opened and what to do, or the store opened; after `gleaner rebuild`
/// everything is there (I1 to I4).
#[test]
fn a_damaged_store_costs_nothing_that_was_acknowledged() {
    let dir = tempfile::tempdir().expect("a directory");
    let ledger = Ledger::default();
    let server = Server::start_with(dir.path(), SMALL, &[]);
    let load = ledger.load(&server, CLIENTS);
    std::thread::sleep(Duration::from_millis(700));
    server.kill();
    load.stop();
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 3] = [
        ("store.duckdb", |path| overwrite(path, 0, &[0; 8192])),
        ("store.duckdb", |path| std::fs::write(path, "not a database").expect("writes")),
        ("store.duckdb", |path| flip(path, 12_288 + 20)),
    ];
    for (name, damage) in damages {
        damage(&dir.path().join(name));
        let server = Server::spawn(dir.path(), SMALL, &[]);
        server.until("telemetry is taken", |_| ledger.send_one(&server));
        server.until("readiness is settled", |server| {
            server.get("/readyz").is_some_and(|(_, text)| !text.contains("before the start"))
        });
        let (status, text) = server.get("/readyz").expect("answered");
        if status != 200 {
            assert!(text.contains("gleaner rebuild"), "{name}: {text}");
            assert_eq!(server.get("/livez").expect("answered").0, 200, "it lives");
            assert_eq!(server.metric("gleaner_loading"), 0.0);
        }
        server.kill();
        rebuild(dir.path());
        let server = Server::start_with(dir.path(), SMALL, &[]);
        ledger.check(&server);
        server.kill();
    }
}

/// Scenario: `gleaner rebuild` is killed at several moments.
/// Guarantees: after each kill the server starts, loads what is missing, and I1 to I4 hold; a rebuild that is left alone makes the same.
#[test]
fn a_rebuild_that_is_killed_leaves_a_directory_that_works() {
    let dir = tempfile::tempdir().expect("a directory");
    let ledger = Ledger::default();
    let server = Server::start_with(dir.path(), SMALL, &[]);
    let load = ledger.load(&server, CLIENTS);
    std::thread::sleep(Duration::from_millis(400));
    server.kill();
    load.stop();
    for after_ms in [5, 60, 150, 300, 500] {
        let mut rebuilding = gleaner().args(["rebuild", "--data"]).arg(dir.path()).spawn().expect("starts");
        std::thread::sleep(Duration::from_millis(after_ms));
        rebuilding.kill().expect("SIGKILL");
        rebuilding.wait().expect("reaped");
        let server = Server::start_with(dir.path(), SMALL, &[]);
        ledger.check(&server);
        server.kill();
    }
    ledger.check_rebuilt(dir.path());
}

/// Scenario: the store is damaged while the server is down; the running server is asked to make it anew, under load, and killed at several
/// moments; in the end it is left alone.
/// Guarantees: telemetry is acknowledged all the while; a server that is started again goes on with it by itself; I1 to I4; the damaged file is
/// kept, byte for byte, and nothing unfinished is left.
#[test]
fn a_rebuild_on_request_that_is_killed_is_made_after_the_next_start() {
    let dir = tempfile::tempdir().expect("a directory");
    let ledger = Ledger::default();
    let server = Server::start_with(dir.path(), SMALL, &[]);
    let load = ledger.load(&server, CLIENTS);
    std::thread::sleep(Duration::from_millis(500));
    server.kill();
    load.stop();
    let damaged = b"not a database".as_slice();
    std::fs::write(dir.path().join("store.duckdb"), damaged).expect("writes");

    let mut server = Server::spawn(dir.path(), SMALL, &[]);
    server.until("it says that the store is damaged", |server| {
        server.get("/readyz").is_some_and(|(status, text)| status == 503 && text.contains("gleaner rebuild"))
    });
    let before = ledger.acknowledged();
    let (status, text) = server.post_api("/v1/store/rebuild", "{}").expect("answered");
    assert_eq!(status, 202, "{text}");
    for after_ms in [1, 40, 100, 200, 350, 600] {
        let load = ledger.load(&server, CLIENTS);
        std::thread::sleep(Duration::from_millis(after_ms));
        server.kill();
        load.stop();
        server = Server::spawn(dir.path(), SMALL, &[]);
        server.until("telemetry is taken", |_| ledger.send_one(&server));
    }
    server.until("it is ready", |server| server.get("/readyz").is_some_and(|(status, _)| status == 200));
    assert!(ledger.acknowledged() > before + 6);
    ledger.check(&server);
    let names: Vec<String> = std::fs::read_dir(dir.path())
        .expect("a directory")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    let aside: Vec<_> = names.iter().filter(|name| name.starts_with("store.aside-")).collect();
    let kept = aside.iter().filter_map(|name| std::fs::read(dir.path().join(name).join("store.duckdb")).ok());
    assert!(kept.into_iter().any(|kept| kept == damaged), "{names:?}");
    assert!(!names.iter().any(|name| name.starts_with("store.rebuil")), "{names:?}");
    assert!(server.terminate(Duration::from_secs(30)));
    ledger.check_rebuilt(dir.path());
}

/// Scenario: a server under load is asked over and over to make its sound store anew, by the program's own command too, and is killed in between.
/// Guarantees: I1 to I4; whichever store is there at the next start is the right one.
#[test]
fn a_sound_store_that_is_made_anew_under_load_loses_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let ledger = Ledger::default();
    for after_ms in [30, 150, 400, 800] {
        let server = Server::start_with(dir.path(), SMALL, &[]);
        ledger.check(&server);
        let load = ledger.load(&server, CLIENTS);
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(server.post_api("/v1/store/rebuild", "{}").expect("answered").0, 202);
        std::thread::sleep(Duration::from_millis(after_ms));
        server.kill();
        load.stop();
    }
    let server = Server::start_with(dir.path(), SMALL, &[]);
    let load = ledger.load(&server, CLIENTS);
    let mut rebuilding = gleaner();
    rebuilding.args(["rebuild", "--api", &server.api]).stdout(std::process::Stdio::piped());
    let rebuilding = rebuilding.stderr(std::process::Stdio::piped()).spawn().expect("starts");
    std::thread::sleep(Duration::from_millis(500));
    load.stop();
    let output = rebuilding.wait_with_output().expect("ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("rebuilt the store of "), "{output:?}");
    ledger.check(&server);
    server.kill();
    ledger.check_rebuilt(dir.path());
}

/// Scenario: a checkpoint before every commit, so that most kills hit one.
/// Guarantees: I1 to I4.
#[test]
fn killed_during_checkpoints_nothing_is_lost() {
    let config = "[journal]\nmin_free_disk_mib = 1\n[store]\ncheckpoint_mib = 0\n";
    let (dir, ledger) = (tempfile::tempdir().expect("a directory"), Ledger::default());
    for round in 0..4u64 {
        let server = Server::start_with(dir.path(), config, &[]);
        let load = ledger.load(&server, CLIENTS);
        server.until("it checkpoints", |server| server.metric("gleaner_store_checkpoint_duration_seconds_count") > 2.0);
        std::thread::sleep(Duration::from_millis(37 * round));
        server.kill();
        load.stop();
    }
    let server = Server::start_with(dir.path(), config, &[]);
    ledger.check(&server);
    server.kill();
    ledger.check_rebuilt(dir.path());
}

/// Scenario: a store that was never checkpointed, so that each start loads everything from the journal again; each is killed at another moment.
/// Guarantees: I1 to I4.
#[test]
fn killed_while_what_was_lost_is_loaded_again_nothing_is_lost() {
    let config = "[journal]\nmin_free_disk_mib = 1\n[store]\ncheckpoint_mib = 4096\n";
    let (dir, ledger) = (tempfile::tempdir().expect("a directory"), Ledger::default());
    let server = Server::start_with(dir.path(), config, &[]);
    let load = ledger.load(&server, CLIENTS);
    std::thread::sleep(Duration::from_millis(1500));
    load.stop();
    ledger.check(&server);
    server.kill();
    for after_ms in [5, 20, 40, 70, 110, 160, 220, 300, 400] {
        let server = Server::spawn(dir.path(), config, &[]);
        std::thread::sleep(Duration::from_millis(after_ms));
        server.kill();
    }
    let server = Server::start_with(dir.path(), config, &[]);
    ledger.check(&server);
    server.kill();
    ledger.check_rebuilt(dir.path());
}

/// Scenario: exports and long queries over a server under load that is killed, several times.
/// Guarantees: clients are told that their answers broke off; an export that did not end leaves nothing under its name; I1 to I4.
#[test]
fn killed_during_exports_and_long_queries_nothing_is_half_done() {
    let (dir, out, ledger) =
        (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"), Ledger::default());
    for round in 0..3u64 {
        let server = Server::start_with(dir.path(), SMALL, &[]);
        let load = ledger.load(&server, CLIENTS);
        let api = server.api.clone();
        // Over a store without spans both would be answered at once.
        server.until("spans are loaded", |server| server.sql("SELECT span_id FROM execution_spans LIMIT 2") != b"[]\n");
        let long = "SELECT count(*) FROM execution_spans a, execution_spans b, range(1000000) c WHERE a.span_id <> b.span_id || c.range";
        let querying =
            gleaner().args(["sql", long, "--api", &api]).stderr(std::process::Stdio::piped()).spawn().expect("starts");
        let target = out.path().join(format!("export-{round}"));
        let query = "SELECT a.*, b.range FROM execution_spans a, range(10000) b";
        let exporting = gleaner()
            .args(["export", "sql", "--query", query, "--api", &api, "--out"])
            .arg(&target)
            .stderr(std::process::Stdio::piped())
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("starts");
        std::thread::sleep(Duration::from_millis(400 + 250 * round));
        server.kill();
        load.stop();
        for child in [querying, exporting] {
            let ended = child.wait_with_output().expect("ends");
            assert!(!ended.status.success(), "an answer that broke off was taken for a whole one");
            assert!(!ended.stderr.is_empty());
        }
        assert!(
            !target.join("sql.jsonl").exists() && !target.join("manifest.json").exists(),
            "half an export has its name"
        );
    }
    let server = Server::start_with(dir.path(), SMALL, &[]);
    ledger.check(&server);
    server.kill();
    ledger.check_rebuilt(dir.path());
}

fn overwrite(path: &Path, offset: usize, bytes: &[u8]) {
    let mut content = std::fs::read(path).expect("reads");
    let end = (offset + bytes.len()).min(content.len());
    content[offset..end].copy_from_slice(&bytes[..end - offset]);
    std::fs::write(path, content).expect("writes");
}

fn flip(path: &Path, offset: usize) {
    let mut content = std::fs::read(path).expect("reads");
    let at = offset.min(content.len() - 1);
    content[at] ^= 0xff;
    std::fs::write(path, content).expect("writes");
}

/// Scenario: another process has the store open (it serves a directory whose store is the same file), then ends.
/// Guarantees: telemetry is taken meanwhile, reads are told why they fail, and when the other process ends everything loads by itself.
#[test]
fn a_store_that_another_process_holds_is_waited_for() {
    let (dir, other_dir) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    let ledger = Ledger::default();
    let server = Server::start(dir.path());
    assert!(ledger.send_one(&server));
    assert!(server.terminate(Duration::from_secs(30)));
    std::fs::hard_link(dir.path().join("store.duckdb"), other_dir.path().join("store.duckdb")).expect("links");
    // Its journal is empty, which its store is ahead of: it reports that, and holds the file while it tries.
    let holder = Command::new("python3")
        .args(["-c", HOLD, &other_dir.path().join("store.duckdb").display().to_string()])
        .stdout(std::process::Stdio::piped())
        .spawn();
    let mut holder = holder.expect("python3 runs");
    let mut line = String::new();
    let stdout = holder.stdout.take().expect("piped");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).expect("a line");
    assert_eq!(line, "held\n");

    let server = Server::spawn(dir.path(), "", &[]);
    server.until("telemetry is taken", |_| ledger.send_one(&server));
    server
        .until("it says why", |server| server.get("/readyz").is_some_and(|(_, text)| text.contains("another process")));
    let refused = gleaner().args(["sql", "SELECT 1", "--api", &server.api]).output().expect("runs");
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("telemetry is taken"), "{refused:?}");
    holder.kill().expect("ends");
    holder.wait().expect("reaped");
    server
        .until("it opens the store by itself", |server| server.get("/readyz").is_some_and(|(status, _)| status == 200));
    ledger.check(&server);
}

/// Holds the lock that DuckDB takes (fcntl, exclusive, the whole file).
const HOLD: &str = "import fcntl, sys, time\nf = open(sys.argv[1], 'r+b')\nfcntl.lockf(f, fcntl.LOCK_EX)\nprint('held', flush=True)\ntime.sleep(600)";

/// Scenario: 64 descriptors, of which hundreds of connections want one.
/// Guarantees: the server serves on, and when the connections are gone as before; I1 to I4.
#[test]
fn few_descriptors_are_survived() {
    let dir = tempfile::tempdir().expect("a directory");
    let ledger = Ledger::default();
    let server = Server::start_with(dir.path(), SMALL, &["sh", "-c", "ulimit -Hn 64; exec \"$@\"", "sh"]);
    let idle: Vec<_> = (0..200).filter_map(|_| std::net::TcpStream::connect(&server.otlp_http).ok()).collect();
    assert!(idle.len() > 60, "{}", idle.len());
    std::thread::sleep(Duration::from_millis(300));
    server.until("telemetry is taken beside idle connections", |_| ledger.send_one(&server));
    drop(idle);
    let load = ledger.load(&server, CLIENTS);
    std::thread::sleep(Duration::from_millis(300));
    load.stop();
    server.until("telemetry is taken", |_| ledger.send_one(&server));
    server.until("the store is read", |server| server.get("/readyz").is_some_and(|(status, _)| status == 200));
    ledger.check(&server);
    server.kill();
    ledger.check_rebuilt(dir.path());
}

/// Scenario: little address space, under load with requests of some MiB.
/// Guarantees: whether the process serves or dies, what it acknowledged is there afterwards (I1 to I4).
#[test]
fn little_memory_loses_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let ledger = Ledger::default();
    let server = Server::start(dir.path());
    assert!(ledger.send_one(&server));
    server.kill();
    let server = Server::spawn(dir.path(), SMALL, &["sh", "-c", "ulimit -v 1500000; exec \"$@\"", "sh"]);
    for _ in 0..100 {
        if ledger.send_one(&server) {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let load = ledger.load(&server, CLIENTS);
    for _ in 0..10 {
        // Malformed, so that it is refused after it has been held.
        let _ = server.post(vec![0; 30_000_000]);
    }
    load.stop();
    server.kill();
    let server = Server::start_with(dir.path(), SMALL, &[]);
    ledger.check(&server);
    server.kill();
    ledger.check_rebuilt(dir.path());
}

/// Scenario: directories that cannot be used: a file in the way, a journal that another server holds, a damaged journal.
/// Guarantees: the program ends with a message that names the place and changes nothing.
#[test]
fn directories_that_cannot_be_used_are_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let fails = |data: &Path| {
        let output = gleaner()
            .args([
                "serve",
                "--otlp-grpc",
                "127.0.0.1:0",
                "--otlp-http",
                "127.0.0.1:0",
                "--api",
                "127.0.0.1:0",
                "--data",
            ])
            .arg(data)
            .output()
            .expect("runs");
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let file = dir.path().join("file");
    std::fs::write(&file, "in the way").expect("writes");
    assert!(fails(&file).contains("cannot create"), "{}", fails(&file));

    let data = dir.path().join("data");
    let (ledger, server) = (Ledger::default(), Server::start(&data));
    for _ in 0..3 {
        assert!(ledger.send_one(&server));
    }
    assert!(fails(&data).contains("is in use"), "{}", fails(&data));
    server.kill();
    // The first of three durable groups: damage, not a torn tail.
    let segment = data.join("journal/00000000000000000001.seg");
    let whole = std::fs::read(&segment).expect("reads");
    flip(&segment, 40 + 60);
    let damaged = std::fs::read(&segment).expect("reads");
    assert!(fails(&data).contains("corrupt journal"), "{}", fails(&data));
    assert_eq!(std::fs::read(&segment).expect("reads"), damaged, "nothing was changed");
    std::fs::write(&segment, whole).expect("writes");
    ledger.check_rebuilt(&data);
}

/// Scenario: a file system of 24 MiB, which others fill up under load and then make room on.
/// Guarantees: 503 while it is full, telemetry again when there is room, without a restart; I1 to I4.
#[test]
#[ignore = "mounts a file system, which needs root"]
fn a_full_disk_refuses_and_recovers() {
    let mount = Mounted::new("24m");
    let config = "[journal]\nsegment_size_mib = 1\nmin_free_disk_mib = 8\n[store]\ncheckpoint_mib = 1\n";
    let (ledger, data) = (Ledger::default(), mount.dir.path().join("data"));
    let server = Server::start_with(&data, config, &[]);
    for _ in 0..2 {
        let load = ledger.load(&server, CLIENTS);
        std::thread::sleep(Duration::from_millis(400));
        let ballast = mount.dir.path().join("ballast");
        let fill = Command::new("sh").args(["-c", "head -c 24m /dev/zero > \"$1\"", "sh"]).arg(&ballast).status();
        assert!(!fill.expect("runs").success(), "the disk has more room than was meant");
        server.until("it refuses", |_| !ledger.send_one(&server));
        load.stop();
        server.until("readiness says why", |server| {
            server.get("/readyz").is_some_and(|(status, text)| status == 503 && text.contains("min_free_disk_bytes"))
        });
        std::fs::remove_file(&ballast).expect("removes");
        server.until("it takes telemetry again", |_| ledger.send_one(&server));
    }
    server.kill();
    let server = Server::start_with(&data, config, &[]);
    ledger.check(&server);
    server.kill();
    ledger.check_rebuilt(&data);
}

/// Scenario: the store lies on a file system of its own, which is full; the journal has room.
/// Guarantees: telemetry is taken all the while; with room everything is there (I1 to I4), without a restart, even where DuckDB has given up its database.
#[test]
#[ignore = "mounts a file system, which needs root"]
fn a_full_disk_under_the_store_costs_reads_alone() {
    full_under_the_store(SMALL);
    // A checkpoint that finds the disk full ends the whole database, which is closed and opened again.
    let reopened = full_under_the_store("[journal]\nmin_free_disk_mib = 1\n[store]\ncheckpoint_mib = 0\n");
    assert!(reopened > 0.0, "DuckDB did not give up its database");
}

/// Gives how often the store was opened again.
fn full_under_the_store(config: &str) -> f64 {
    let (mount, journal) = (Mounted::new("16m"), tempfile::tempdir().expect("a directory"));
    let data = mount.dir.path().join("data");
    std::fs::create_dir_all(&data).expect("a directory");
    std::os::unix::fs::symlink(journal.path(), data.join("journal")).expect("links");
    let (ledger, server) = (Ledger::default(), Server::start_with(&data, config, &[]));
    assert!(ledger.send_one(&server));
    let ballast = data.join("ballast");
    let fill = Command::new("sh").args(["-c", "head -c 16m /dev/zero > \"$1\"", "sh"]).arg(&ballast).status();
    assert!(!fill.expect("runs").success());
    let load = ledger.load(&server, CLIENTS);
    server.until("loading fails", |server| server.metric("gleaner_loading") == 0.0);
    let before = ledger.acknowledged();
    std::thread::sleep(Duration::from_millis(500));
    load.stop();
    assert!(ledger.acknowledged() > before, "the journal takes what the store cannot");
    std::fs::remove_file(&ballast).expect("removes");
    server.until("it goes on by itself", |server| server.get("/readyz").is_some_and(|(status, _)| status == 200));
    ledger.check(&server);
    let reopened = server.metric("gleaner_store_reopened_total");
    server.kill();
    let server = Server::start_with(&data, config, &[]);
    ledger.check(&server);
    reopened
}

/// A tmpfs, unmounted when dropped.
struct Mounted {
    dir: tempfile::TempDir,
}

impl Mounted {
    fn new(size: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(dir.path())
            .status();
        assert!(status.expect("runs").success(), "mount needs root");
        Self { dir }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let began = Instant::now();
        while !Command::new("umount").arg(self.dir.path()).status().is_ok_and(|status| status.success()) {
            assert!(began.elapsed() < Duration::from_secs(10), "cannot unmount");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}
