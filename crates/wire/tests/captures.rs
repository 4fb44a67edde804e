//! Requests as agent libraries sent them: accepted whole, and cut at every byte. `GLEANER_CORPUS` names a folder with
//! more of them (`*/*.traces.binpb`, `*/*.logs.binpb`).

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::{Path, PathBuf};

use gleaner_wire::proto::Message;
use gleaner_wire::proto::collector::logs::v1::ExportLogsServiceRequest;
use gleaner_wire::proto::collector::trace::v1::ExportTraceServiceRequest;
use gleaner_wire::{Encoding, Limits, Scan, WireError, decode_logs, decode_traces, scan_logs, scan_traces};

fn requests_in(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let ends_with = |path: &Path, end| path.to_str().is_some_and(|path| path.ends_with(end));
    paths.retain(|path| ends_with(path, ".traces.binpb") || ends_with(path, ".logs.binpb"));
    paths
}

fn is_traces(path: &Path) -> bool {
    path.to_string_lossy().ends_with(".traces.binpb")
}

fn scan(path: &Path, bytes: &[u8]) -> Result<Scan, WireError> {
    let scan = if is_traces(path) { scan_traces } else { scan_logs };
    scan(Encoding::Protobuf, bytes, &Limits::default())
}

/// Decodes with prost alone, without the scan.
fn prost_decodes(path: &Path, bytes: &[u8]) -> bool {
    if is_traces(path) {
        ExportTraceServiceRequest::decode(bytes).is_ok()
    } else {
        ExportLogsServiceRequest::decode(bytes).is_ok()
    }
}

/// Items of the decoded message, counted apart from the scan.
fn items(path: &Path, bytes: &[u8]) -> usize {
    let limits = Limits::default();
    if is_traces(path) {
        let request = decode_traces(Encoding::Protobuf, bytes, &limits).unwrap();
        request.resource_spans.iter().flat_map(|r| &r.scope_spans).map(|s| s.spans.len()).sum()
    } else {
        let request = decode_logs(Encoding::Protobuf, bytes, &limits).unwrap();
        request.resource_logs.iter().flat_map(|r| &r.scope_logs).map(|s| s.log_records.len()).sum()
    }
}

fn assert_accepted_whole(path: &Path) {
    let bytes = fs::read(path).unwrap();
    let scan = scan(path, &bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(scan.rejected, 0, "{}: {:?}", path.display(), scan.first_rejection);
    assert_eq!(scan.warnings, 0, "{}: {:?}", path.display(), scan.first_warning);
    assert_eq!(scan.items, items(path, &bytes), "{}", path.display());
    assert!(scan.items > 0, "{}", path.display());
}

#[test]
fn real_requests_are_accepted_whole() {
    let paths = requests_in(Path::new("tests/captures"));
    assert_eq!(paths.len(), 3);
    paths.iter().for_each(|path| assert_accepted_whole(path));
}

#[test]
fn real_requests_cut_at_every_byte_agree_with_prost() {
    for path in requests_in(Path::new("tests/captures")) {
        let bytes = fs::read(&path).unwrap();
        let mut accepted = 0;
        for end in 0..bytes.len() {
            let scanned = scan(&path, &bytes[..end]);
            assert_eq!(scanned.is_ok(), prost_decodes(&path, &bytes[..end]), "{} cut at {end}", path.display());
            accepted += usize::from(scanned.is_ok());
        }
        // Cut between two resources, or to nothing: both are requests of their own.
        assert!(accepted < 10, "{}: {accepted} cuts were accepted", path.display());
    }
}

#[test]
fn a_corpus_is_accepted_whole() {
    let Some(corpus) = std::env::var_os("GLEANER_CORPUS") else {
        println!("skipped: GLEANER_CORPUS is not set");
        return;
    };
    let mut files = 0;
    for folder in fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        let paths = requests_in(&folder);
        paths.iter().for_each(|path| assert_accepted_whole(path));
        files += paths.len();
    }
    println!("{files} requests accepted");
    assert!(files > 0, "GLEANER_CORPUS holds no requests");
}
