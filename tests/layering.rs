//! The arrows between the crates, read from `cargo metadata`. An arrow that points the wrong way fails here.

#![allow(clippy::expect_used, reason = "a test that cannot set its scene has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Crate, the crates of ours that it may use, and the crates of others that it must not reach, not even through a third.
const LAYERS: &[(&str, &[&str], &[&str])] = &[
    ("model", &[], &["tokio", "prost", "tonic", "duckdb", "axum", "hyper"]),
    ("wire", &[], &["duckdb", "axum", "hyper", "reqwest"]),
    ("normalize", &["model", "wire"], &["duckdb", "axum", "hyper", "reqwest"]),
    ("journal", &[], &["prost", "opentelemetry-proto", "tokio", "duckdb"]),
    ("store", &["model"], &["opentelemetry-proto", "axum", "tonic", "hyper"]),
    ("export", &["model", "store"], &["opentelemetry-proto", "axum", "tonic", "hyper"]),
    ("query", &["model", "store"], &["opentelemetry-proto", "axum"]),
    ("server", &["model", "wire", "normalize", "journal", "store", "export", "query"], &[]),
];

/// Scenario: every crate of the workspace, its dependencies for building and running.
/// Guarantees: each uses only the crates of ours that the table lets it know, pure crates stay free of I/O and DuckDB however
/// deep, there is no crate outside the table, and nothing depends on the server.
#[test]
fn arrows_point_the_right_way() {
    let metadata = metadata();
    let names = package_names(&metadata);
    let graph = graph(&metadata);
    let ours: BTreeSet<&str> =
        array(&metadata, "workspace_members").iter().filter_map(Value::as_str).map(|id| names[id]).collect();
    let table: BTreeSet<String> = LAYERS.iter().map(|(name, ..)| format!("gleaner-{name}")).collect();
    assert_eq!(ours, table.iter().map(String::as_str).collect(), "the table and the workspace list the same crates");

    for (name, may_use, must_not_reach) in LAYERS {
        let name = format!("gleaner-{name}");
        let id = names.iter().find(|(_, n)| **n == name).map(|(id, _)| *id).expect("listed");
        let allowed: BTreeSet<String> = may_use.iter().map(|n| format!("gleaner-{n}")).collect();
        for dependency in &graph[id] {
            let dependency = names[dependency];
            assert!(!ours.contains(dependency) || allowed.contains(dependency), "{name} must not use {dependency}");
        }
        let reached: BTreeSet<&str> = reachable(&graph, id).into_iter().map(|id| names[id]).collect();
        for forbidden in *must_not_reach {
            assert!(!reached.contains(forbidden), "{name} must not reach {forbidden}");
        }
    }
}

type Graph<'a> = BTreeMap<&'a str, Vec<&'a str>>;

fn metadata() -> Value {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
    // Offline, for this platform alone: what was just built is there, and nothing else is asked for.
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version=1",
            "--offline",
            "--filter-platform",
            &host(),
            "--manifest-path",
            manifest,
        ])
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON")
}

/// The platform that tests are built for, as rustc names it.
fn host() -> String {
    let output = Command::new("rustc").arg("-vV").output().expect("rustc runs");
    let told = String::from_utf8_lossy(&output.stdout);
    told.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host").to_owned()
}

fn package_names(metadata: &Value) -> BTreeMap<&str, &str> {
    array(metadata, "packages").iter().map(|p| (text(p, "id"), text(p, "name"))).collect()
}

/// Normal dependencies alone: what a build script or a test uses is not part of a crate.
fn graph(metadata: &Value) -> Graph<'_> {
    array(&metadata["resolve"], "nodes")
        .iter()
        .map(|node| {
            let normal = array(node, "deps")
                .iter()
                .filter(|dep| array(dep, "dep_kinds").iter().any(|kind| kind["kind"].is_null()))
                .map(|dep| text(dep, "pkg"))
                .collect();
            (text(node, "id"), normal)
        })
        .collect()
}

fn reachable<'a>(graph: &Graph<'a>, from: &'a str) -> BTreeSet<&'a str> {
    let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(id) = open.pop() {
        if seen.insert(id) {
            open.extend(&graph[id]);
        }
    }
    seen.remove(from);
    seen
}

fn array<'a>(value: &'a Value, key: &str) -> &'a Vec<Value> {
    value[key].as_array().expect("cargo metadata has the field")
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().expect("cargo metadata has the field")
}
