use serde_json::json;

use super::*;
use crate::{DirOutput, Kind, Options, export_all, tests::session};

fn exported(kinds: &[Kind]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let mut out = DirOutput::new(dir.path()).expect("opens");
    export_all(&session(), kinds, &Options::new(Kind::Sft), "1", &mut out, &mut ()).expect("exports");
    dir
}

fn first_row(dir: &Path, file: &str) -> Map<String, Value> {
    let text = std::fs::read_to_string(dir.join(file)).expect("read");
    serde_json::from_str(text.lines().next().expect("a row")).expect("JSON")
}

#[test]
fn a_row_is_found_by_its_id_with_what_made_it() {
    let dir = exported(&[Kind::Sft, Kind::Trajectory]);
    let row = first_row(dir.path(), "sft.jsonl");
    let answer = lookup(dir.path(), Sought::Row(row["id"].as_str().expect("id"))).expect("reads");
    assert_eq!((answer.found.len(), answer.changed.len()), (1, 0));
    let found = &answer.found[0];
    assert_eq!((found.file.as_str(), &found.rejected), ("sft.jsonl", &None));
    assert_eq!(found.row.as_ref().expect("row")["prompt"], row["prompt"]);
    assert!(!found.ids("attempt_ids").is_empty() && !found.ids("feedback_ids").is_empty());
    assert!(lookup(dir.path(), Sought::Row("no-such-id")).expect("reads").found.is_empty());
}

#[test]
fn rows_and_rejections_of_an_attempt_are_found_in_all_files() {
    let dir = exported(&[Kind::Sft, Kind::Trajectory]);
    let answer = lookup(dir.path(), Sought::From("e")).expect("reads");
    let files: Vec<(&str, Option<&str>)> =
        answer.found.iter().map(|one| (one.file.as_str(), one.rejected.as_deref())).collect();
    assert_eq!(files, [("sft.jsonl", Some("failed_attempt")), ("trajectory.jsonl", Some("failed_attempt"))]);
    // The id of an attempt inside of another word is none.
    assert!(lookup(dir.path(), Sought::From("ession")).expect("reads").found.is_empty());
}

#[test]
fn changed_and_missing_files_are_named() {
    let dir = exported(&[Kind::Sft, Kind::Trajectory]);
    let path = dir.path().join("sft.jsonl");
    let text = std::fs::read_to_string(&path).expect("read");
    std::fs::write(&path, text.replacen("39", "93", 1)).expect("written");
    std::fs::remove_file(dir.path().join("trajectory.jsonl")).expect("removed");
    let answer = lookup(dir.path(), Sought::From("a")).expect("reads");
    assert_eq!(answer.changed, ["sft.jsonl", "trajectory.jsonl"]);
    let empty = tempfile::tempdir().expect("a directory");
    let error = lookup(empty.path(), Sought::From("a")).expect_err("no manifest");
    assert_eq!(error.to_string(), "cannot read manifest.json");
}

#[test]
fn a_row_that_cannot_tell_is_told_of_by_the_provenance_file() {
    let line = json!({"file": "sft.jsonl", "id": "x", "trace_ids": ["t"]}).as_object().expect("object").clone();
    let found = super::line(PROVENANCE_FILE, line).expect("tells");
    assert!(found.is(Sought::From("t")) && found.is(Sought::Row("x")) && !found.is(Sought::From("x")));
    assert_eq!(super::line("sql.jsonl", Map::new()), None);
}
