//! The whole export over rows in memory: completeness, columns, provenance, repeatability.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;

mod honesty;
mod hygiene;
pub(crate) mod memory;
mod reasons;

use memory::{MemoryRows, answers, attempt, correction, pair, ranked, score, searching_attempt};

/// All kinds that are made from attempts.
pub(crate) const ATTEMPT_KINDS: [Kind; 7] =
    [Kind::Sft, Kind::Preference, Kind::Reward, Kind::Trajectory, Kind::Kto, Kind::Prompts, Kind::Revisions];

const QUESTION: &str = "What does the lantern cost?";

/// One session: `a` and `b` searched, `c` and `d` answered at once, `e` failed, `f` was not captured.
pub(crate) fn session() -> MemoryRows {
    let mut failed = attempt("e", QUESTION, "It broke.");
    failed["status"] = json!("error");
    let mut hidden = attempt("f", QUESTION, "Nobody knows.");
    for column in ["question_messages", "input_messages", "input_text", "output_messages"] {
        hidden[column] = Value::Null;
    }
    let mut searching = searching_attempt("a", QUESTION, "39 pounds.");
    searching["definition_tools"] = searching["tool_definitions"].clone();
    MemoryRows {
        attempts: vec![
            searching,
            searching_attempt("b", QUESTION, "It costs £39, with a two-year guarantee."),
            attempt("c", QUESTION, "About forty."),
            attempt("d", QUESTION, "No idea."),
            failed,
            hidden,
        ],
        evaluations: vec![
            score("e1", "a", "mara", 9.0),
            score("e2", "a", "jonas", 8.0),
            score("e3", "b", "mara", 9.5),
            score("e4", "c", "mara", 4.0),
            score("e5", "e", "mara", 9.0),
            score("e6", "f", "mara", 10.0),
            correction("e7", "d", "jonas", "The lantern costs 39 pounds."),
        ],
        pairs: vec![
            pair("c", "d", "ranking", Some(2.0), "mara"),
            pair("c", "d", "score", Some(3.0), "mara"),
            pair("d", "c", "score", Some(2.0), "jonas"),
            pair("c", "d", "pairwise", None, "tomas"),
            {
                let mut row = pair("", "d", "correction", None, "jonas");
                row["chosen_attempt_id"] = Value::Null;
                row["evidence"] = json!("[\"e7\"]");
                row
            },
        ],
        rankings: vec![ranked("r1", Some("c"), 1), ranked("r1", Some("d"), 2), ranked("r1", Some("e"), 3)],
        directives: vec![
            json!({"directive_id": "d1", "text": "Say the exact price.", "reviewer": "mara", "source": "human",
            "attempt_id": "c", "next_attempt_id": "a"}),
        ],
        position: 42.into(),
        ..MemoryRows::default()
    }
}

pub(crate) fn exported(rows: &dyn Rows, kinds: &[Kind], options: &Options) -> (Manifest, BTreeMap<String, Vec<u8>>) {
    let mut out = MemoryOutput::default();
    let manifest = export_all(rows, kinds, options, "1.2.3", &mut out, &mut ()).expect("exports");
    assert!(out.finished);
    (manifest, out.files)
}

pub(crate) fn lines(files: &BTreeMap<String, Vec<u8>>, file: &str) -> Vec<Value> {
    let text = std::str::from_utf8(&files[file]).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn datasets() -> Vec<&'static Dataset> {
    ATTEMPT_KINDS.iter().flat_map(|kind| Dataset::of(*kind, Shape::Attempt)).collect()
}

fn file(dataset: &Dataset) -> String {
    format!("{}.jsonl", dataset.name)
}

fn all(rows: &MemoryRows) -> (Manifest, BTreeMap<String, Vec<u8>>) {
    exported(rows, &ATTEMPT_KINDS, &Options::new(Kind::Sft))
}

#[test]
fn every_candidate_is_a_row_or_a_rejection() {
    let (manifest, files) = all(&session());
    let counts: Vec<(&str, u64, u64)> =
        manifest.datasets.iter().map(|s| (s.file.as_str(), s.candidates, s.rows)).collect();
    assert_eq!(
        counts,
        [
            ("sft.jsonl", 5, 3),
            ("preference.jsonl", 2, 2),
            ("reward.jsonl", 2, 2),
            ("scores.jsonl", 6, 4),
            ("rankings.jsonl", 1, 1),
            ("trajectory.jsonl", 6, 4),
            ("kto.jsonl", 7, 5),
            ("prompts.jsonl", 6, 2),
            ("revisions.jsonl", 2, 1),
        ]
    );
    for section in &manifest.datasets {
        assert_eq!(section.candidates, section.rows + section.rejected.values().sum::<u64>(), "{}", section.file);
        assert_eq!(lines(&files, &section.file).len() as u64, section.rows);
        let rejected = lines(&files, "rejected.jsonl").iter().filter(|line| line["file"] == *section.file).count();
        assert_eq!(rejected as u64, section.candidates - section.rows, "{}", section.file);
    }
    let sft = &manifest.datasets[0].rejected;
    assert_eq!(sft[&Reason::FailedAttempt], 1);
    assert_eq!(sft[&Reason::PromptNotCaptured], 1);
}

/// Guarantees: a conversation without its beginning is in no dataset, be it the prompt or a side of a pair.
#[test]
fn a_conversation_whose_history_is_not_known_is_rejected_everywhere() {
    let mut short = session();
    for attempt in
        short.attempts.iter_mut().filter(|attempt| ["a", "c"].contains(&attempt["attempt_id"].as_str().expect("id")))
    {
        attempt["question_complete"] = json!(false);
        attempt["history_complete"] = json!(false);
    }
    short.attempts.iter_mut().filter(|attempt| attempt["attempt_id"] == "b").for_each(|attempt| {
        attempt["history_complete"] = json!(true);
    });
    let (manifest, files) = all(&short);
    let without = |file: &str| {
        let section = manifest.datasets.iter().find(|section| section.file == file).expect("a section");
        section.rejected.get(&Reason::HistoryNotCaptured).copied()
    };
    assert_eq!(without("sft.jsonl"), Some(1));
    assert_eq!(without("preference.jsonl"), Some(1));
    assert_eq!(without("scores.jsonl"), Some(3));
    assert_eq!(without("trajectory.jsonl"), Some(2));
    assert!(lines(&files, "sft.jsonl").iter().any(|row| row["attempt_id"] == "b"));
    assert!(lines(&files, "rejected.jsonl").iter().any(|row| row["reason"] == "history_not_captured"));
}

#[test]
fn rows_have_exactly_the_declared_columns_in_order() {
    let (_, files) = all(&session());
    for dataset in datasets() {
        let declared: Vec<&str> = dataset.columns.iter().map(|(name, _)| *name).collect();
        let rows = lines(&files, &file(dataset));
        assert!(!rows.is_empty(), "{} has no rows to check", dataset.name);
        for row in rows {
            let keys: Vec<&str> = row.as_object().expect("object").keys().map(String::as_str).collect();
            assert_eq!(keys, declared, "{}", dataset.name);
        }
    }
}

#[test]
fn every_row_names_what_made_it() {
    let (_, files) = all(&session());
    for dataset in datasets() {
        for row in lines(&files, &file(dataset)) {
            let metadata: Value = serde_json::from_str(row["metadata"].as_str().expect("text")).expect("JSON");
            for list in ["attempt_ids", "trace_ids", "span_ids"] {
                assert_ne!(metadata[list], json!([]), "{} {list}", dataset.name);
            }
            assert_eq!(row["session_id"], "s1");
            assert!(dataset.kind == Kind::Trajectory || metadata["feedback_ids"] != json!([]), "{}", dataset.name);
            assert_eq!(row["id"].as_str().map(str::len), Some(32));
        }
    }
}

#[test]
fn the_same_inputs_give_the_same_bytes_whatever_the_order_of_the_rows() {
    let (_, first) = all(&session());
    let mut turned = session();
    turned.attempts.reverse();
    turned.pairs.reverse();
    assert_eq!(all(&turned).1, first);
}

#[test]
fn the_manifest_s_hashes_are_those_of_the_files() {
    let (manifest, files) = all(&session());
    assert_eq!(manifest.journal_position, 42);
    assert_eq!(manifest.files.len(), files.len() - 1);
    for entry in &manifest.files {
        let bytes = &files[&entry.path];
        assert_eq!(entry.blake3, blake3::hash(bytes).to_hex().to_string(), "{}", entry.path);
        assert_eq!(entry.bytes, bytes.len() as u64);
    }
    let written: Value = serde_json::from_slice(&files["manifest.json"]).expect("JSON");
    assert_eq!(written, json!(manifest));
    assert_eq!(written["options"]["where"], Value::Null);
}

#[test]
fn failed_attempts_are_exported_when_asked_for() {
    let options = Options { include_failed: true, ..Options::new(Kind::Sft) };
    let (manifest, _) = exported(&session(), &[Kind::Sft], &options);
    assert_eq!(manifest.datasets[0].rows, 4);
    assert_eq!(manifest.datasets[0].rejected.get(&Reason::FailedAttempt), None);
}

#[test]
fn sources_filter_feedback() {
    let mut rows = session();
    rows.evaluations[2]["source"] = json!("model");
    let options = Options { sources: vec![gleaner_model::Source::Model], ..Options::new(Kind::Sft) };
    let (_, files) = exported(&rows, &[Kind::Sft], &options);
    let attempts: Vec<Value> = lines(&files, "sft.jsonl").iter().map(|row| row["attempt_id"].clone()).collect();
    assert_eq!(attempts, [json!("b")]);
}

#[test]
fn a_kind_named_twice_is_written_once_and_reward_has_three_files() {
    let (manifest, files) = exported(&session(), &[Kind::Reward, Kind::Reward], &Options::new(Kind::Reward));
    assert_eq!(manifest.kinds, [Kind::Reward]);
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ["README.md", "manifest.json", "rankings.jsonl", "rejected.jsonl", "reward.jsonl", "scores.jsonl"]
    );
}

#[test]
fn a_threshold_outside_the_scale_is_refused() {
    let options = Options { score_threshold: f64::NAN, ..Options::new(Kind::Sft) };
    let error = export(&session(), &options, "1", &mut MemoryOutput::default(), &mut ()).expect_err("refused");
    assert_eq!(error.to_string(), "score-threshold: NaN is not a number from 1 to 10");
}

#[test]
fn rows_of_different_positions_do_not_mix() {
    let rows = MemoryRows { moves: 1, ..session() };
    let mut out = MemoryOutput::default();
    let error = export(&rows, &Options::new(Kind::Sft), "1", &mut out, &mut ()).expect_err("refused");
    assert!(matches!(error, ExportError::Moved { began: 42, ended: 43 }), "{error}");
    assert!(!out.finished);
}

#[test]
fn progress_counts_candidates() {
    let mut told = Told::default();
    export(&session(), &Options::new(Kind::Trajectory), "1", &mut MemoryOutput::default(), &mut told).expect("exports");
    assert_eq!(told.parts, [("counting attempts", 0, 0), ("reading attempts", 6, 6), ("writing rows", 4, 4)]);
    let mut told = Told::default();
    let options = Options::new(Kind::Preference);
    export(&session(), &options, "1", &mut MemoryOutput::default(), &mut told).expect("exports");
    assert_eq!(told.parts[2], ("reading pairs", 0, 5), "how many there are is not known before");
}

/// What an export tells of its progress: parts with how many pieces they have, and how many are done.
#[derive(Default)]
struct Told {
    parts: Vec<(&'static str, u64, u64)>,
    is_cancelled: bool,
}

impl Progress for Told {
    fn begin(&mut self, what: &'static str, total: u64) {
        self.parts.push((what, total, 0));
    }

    fn advance(&mut self, done: u64) {
        self.parts.last_mut().expect("begun").2 = done;
    }

    fn is_cancelled(&self) -> bool {
        self.is_cancelled
    }
}

/// Guarantees: an export that nobody wants any more ends, and lets no file appear.
#[test]
fn a_cancelled_export_ends_without_files() {
    let mut out = MemoryOutput::default();
    let mut told = Told { is_cancelled: true, ..Told::default() };
    let error = export(&session(), &Options::new(Kind::Sft), "1", &mut out, &mut told).expect_err("refused");
    assert!(matches!(error, ExportError::Cancelled), "{error}");
    assert!(!out.finished);
}

#[test]
fn unlinked_tool_results_reject_the_attempt() {
    let mut rows = session();
    rows.attempts[2]["input_messages"] = json!(json!([answers("gone", json!("x"))]).to_string());
    let (_, files) = exported(&rows, &[Kind::Trajectory], &Options::new(Kind::Trajectory));
    let rejected = lines(&files, "rejected.jsonl");
    let line = rejected.iter().find(|line| line["attempt_ids"] == json!(["c"])).expect("rejected");
    assert_eq!(line["reason"], "tool_result_without_call");
    assert_eq!(line["kind"], "trajectory");
}
