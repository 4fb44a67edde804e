//! Hygiene within the whole export: files, reasons, counts, repeatability.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    ATTEMPT_KINDS, exported, lines,
    memory::{MemoryRows, answers, attempt, pair, says, score},
    session,
};
use crate::{GivenFile, Hygiene, Kind, Normalize, Options, PairRule, Redact, Select, SplitBy, SplitOptions};

fn with(hygiene: Hygiene) -> Options {
    Options { hygiene, ..Options::new(Kind::Sft) }
}

/// 40 sessions of two attempts each that scored well; a question is shared by two sessions.
fn sessions() -> MemoryRows {
    let mut rows = MemoryRows::default();
    for session in 0..40 {
        for side in ["a", "b"] {
            let id = format!("{side}{session}");
            let question = format!("Question number {}?", session / 2);
            let mut row = attempt(&id, &question, &format!("Answer {id}, mail mara{session}@example.org."));
            row["session_id"] = json!(format!("session-{session}"));
            rows.attempts.push(row);
            rows.evaluations.push(score(&format!("e{id}"), &id, "mara", 9.0));
        }
    }
    rows
}

fn metadata(row: &Value) -> Value {
    serde_json::from_str(row["metadata"].as_str().expect("text")).expect("JSON")
}

/// Guarantees: a session is on one side in every kind, the sides hold all rows, the card declares each file, and the manifest
/// counts what is shared in spite of it.
#[test]
fn splits_keep_sessions_together_in_every_kind() {
    let split = SplitOptions {
        shares: "train=0.6,validation=0.2,test=0.2".parse().expect("valid"),
        seed: 3,
        by: SplitBy::Session,
    };
    let options = with(Hygiene { split: Some(split), ..Hygiene::default() });
    let (manifest, files) = exported(&sessions(), &[Kind::Sft, Kind::Trajectory], &options);
    let mut sides: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let mut rows = 0;
    for kind in ["sft", "trajectory"] {
        for side in ["train", "validation", "test"] {
            for row in lines(&files, &format!("{kind}.{side}.jsonl")) {
                sides.entry(row["session_id"].as_str().expect("id").to_owned()).or_default().insert(side);
                rows += 1;
            }
        }
    }
    assert_eq!((sides.len(), rows), (40, 160));
    assert!(sides.values().all(|sides| sides.len() == 1));
    let section = &manifest.datasets[0];
    assert_eq!(section.splits.values().sum::<u64>(), section.rows);
    assert!(section.hygiene["prompts_in_several_splits"].as_u64() > Some(0));
    let card = String::from_utf8_lossy(&files["README.md"]);
    assert!(card.contains("{split: validation, path: sft.validation.jsonl}"), "{card}");
}

#[test]
fn redaction_reaches_rows_provenance_and_rejections_and_is_counted() {
    let mut rows = sessions();
    rows.attempts.truncate(2);
    rows.evaluations.truncate(2);
    rows.attempts[1]["status"] = json!("error");
    rows.evaluations[0]["reviewer"] = json!("mara@example.org");
    let redact = Hygiene { redact: vec![Redact::Emails], redact_salt: "salt".into(), ..Hygiene::default() };
    let (manifest, files) = exported(&rows, &[Kind::Sft, Kind::Reward], &with(redact));
    for (name, bytes) in &files {
        assert!(!String::from_utf8_lossy(bytes).contains("@example.org"), "{name}");
    }
    assert_eq!(manifest.datasets[0].hygiene["redacted"], json!({"email": 1}));
    let row = &lines(&files, "sft.jsonl")[0];
    assert_eq!(metadata(row)["redactions"], json!({"email": 1}));
    assert!(!String::from_utf8_lossy(&files["manifest.json"]).contains("\"salt\""));
}

#[test]
fn contaminated_rows_go_with_file_and_item() {
    let bench = "Something else entirely that nobody asks.\nquestion number 7\n".to_owned();
    let text = format!("{bench}{{\"q\": \"Answer a3, mail mara3@example.org.\"}}\n");
    let file = GivenFile { name: "bench.txt".into(), bytes: text.into_bytes() };
    let options = with(Hygiene { decontaminate: vec![file], ..Hygiene::default() });
    let (manifest, files) = exported(&sessions(), &[Kind::Sft], &options);
    let rejected = lines(&files, "rejected.jsonl");
    let told: Vec<(&Value, &Value)> = rejected.iter().map(|line| (&line["reason"], &line["detail"])).collect();
    assert_eq!(told, [(&json!("contaminated"), &json!("bench.txt:3"))]);
    assert_eq!(manifest.datasets[0].hygiene["benchmarks"][0]["items"], 3);
    assert_eq!(manifest.datasets[0].hygiene["benchmarks"][0]["items_too_short"], 1);
}

/// A chat of three turns, each of them an attempt whose call was given all before it.
#[test]
fn a_growing_chat_is_exported_once() {
    let turn = |n: usize| {
        let mut messages = Vec::new();
        for i in 0..n {
            messages.push(says("user", &format!("Question {i}?")));
            messages.push(says("assistant", &format!("Answer {i}.")));
        }
        messages.push(says("user", &format!("Question {n}?")));
        let mut row = attempt(&format!("t{n}"), "unused", &format!("Answer {n}."));
        row["input_messages"] = json!(Value::Array(messages).to_string());
        row
    };
    let rows = MemoryRows { attempts: vec![turn(0), turn(1), turn(2)], ..MemoryRows::default() };
    let (manifest, files) = exported(&rows, &[Kind::Trajectory], &with(Hygiene::default()));
    let written = lines(&files, "trajectory.jsonl");
    assert_eq!((written.len(), written[0]["attempt_id"].as_str()), (1, Some("t2")));
    for line in lines(&files, "rejected.jsonl") {
        assert_eq!((&line["reason"], &line["kept_id"]), (&json!("prefix_of_another"), &written[0]["id"]));
    }
    assert_eq!(manifest.datasets[0].rejected.values().sum::<u64>(), 2);
    let keep = Hygiene { keep_prefixes: true, ..Hygiene::default() };
    assert_eq!(exported(&rows, &[Kind::Trajectory], &with(keep)).0.datasets[0].rows, 3);
}

/// Guarantees: with every stage at work the bytes are the same, in whatever order the store gives its rows.
#[test]
fn all_stages_together_give_the_same_bytes() {
    let split = SplitOptions { shares: "train=0.5,test=0.5".parse().expect("valid"), seed: 1, by: SplitBy::Session };
    let options = with(Hygiene {
        split: Some(split),
        near_duplicates: Some(0.7),
        redact: vec![Redact::Emails, Redact::Cards],
        max_prompt_bytes: Some(10_000),
        pairs: PairRule::Adjacent,
        max_pairs_per_session: Some(1),
        ..Hygiene::default()
    });
    for rows in [session(), sessions()] {
        let first = exported(&rows, &ATTEMPT_KINDS, &options).1;
        let mut turned = rows;
        turned.attempts.reverse();
        assert!(exported(&turned, &ATTEMPT_KINDS, &options).1 == first);
    }
}

#[test]
fn pair_rules_and_limits_have_their_reasons() {
    let mut rows = MemoryRows {
        attempts: ["a", "b", "c"].map(|id| attempt(id, "Which?", &format!("Answer {id}."))).to_vec(),
        pairs: vec![
            pair("a", "b", "ranking", Some(1.0), "mara"),
            pair("a", "c", "ranking", Some(2.0), "mara"),
            pair("b", "c", "ranking", Some(1.0), "mara"),
        ],
        ..MemoryRows::default()
    };
    let counts = |rows: &MemoryRows, hygiene: Hygiene| {
        let section = exported(rows, &[Kind::Preference], &with(hygiene)).0.datasets.remove(0);
        (section.rows, json!(section.rejected))
    };
    let adjacent = Hygiene { pairs: PairRule::Adjacent, ..Hygiene::default() };
    assert_eq!(counts(&rows, adjacent), (2, json!({"pair_rule": 1})));
    let margin = Hygiene { min_margin: Some(2.0), ..Hygiene::default() };
    assert_eq!(counts(&rows, margin), (1, json!({"margin_too_small": 2})));
    let limit = Hygiene { max_pairs_per_session: Some(2), ..Hygiene::default() };
    assert_eq!(counts(&rows, limit), (2, json!({"session_limit": 1})));
    rows.attempts[0]["output_text"] = json!("x".repeat(100));
    let long = Hygiene { max_completion_bytes: Some(50), ..Hygiene::default() };
    assert_eq!(counts(&rows, long), (1, json!({"completion_too_long": 2})));
}

/// Guarantees: one answer is written once for each score of it, however alike the rows are.
#[test]
fn scores_of_one_answer_are_no_near_duplicates() {
    let mut rows = sessions();
    rows.attempts.truncate(1);
    rows.evaluations = vec![score("e1", "a0", "mara", 9.0), score("e2", "a0", "jonas", 4.0)];
    let options = with(Hygiene { near_duplicates: Some(0.9), ..Hygiene::default() });
    assert_eq!(exported(&rows, &[Kind::Reward], &options).0.datasets[1].rows, 2);
}

/// A strict reviewer's 4 is the best that she gives: put onto one scale it reaches the threshold. What she gave stays told.
#[test]
fn normalized_scores_decide_and_given_ones_are_told() {
    let mut rows = sessions();
    rows.attempts.truncate(6);
    rows.evaluations = (["a0", "b0", "a1"].iter().zip([2.0, 3.0, 4.0]))
        .map(|(id, value)| score(&format!("s{id}"), id, "strict", value))
        .chain(["b1", "a2", "b2"].iter().zip([8.0, 9.0, 10.0]).map(|(id, v)| score(&format!("m{id}"), id, "mild", v)))
        .collect();
    let select = Select { normalize_scores: Some(Normalize::MinMax), ..Select::default() };
    let options = Options { select, ..Options::new(Kind::Sft) };
    let (_, files) = exported(&rows, &[Kind::Sft], &options);
    let written = lines(&files, "sft.jsonl");
    let mut told: Vec<(&str, f64, Value)> = written
        .iter()
        .map(|row| {
            let id = row["attempt_id"].as_str().expect("id");
            (id, row["score"].as_f64().expect("score"), metadata(row)["scores"].clone())
        })
        .collect();
    told.sort_by_key(|(id, ..)| *id);
    assert_eq!(told, [("a1", 10.0, json!([4.0])), ("b2", 10.0, json!([10.0]))]);
}

/// Answers of tools are texts of a row as well.
#[test]
fn results_of_tools_are_redacted() {
    let mut rows = session();
    rows.attempts[0]["input_messages"] = json!(
        json!([
            says("user", "Who?"),
            super::memory::calls("Look.", "c1", json!({"to": "x@example.org"})),
            answers("c1", json!({"mail": "x@example.org"})),
        ])
        .to_string()
    );
    let options = with(Hygiene { redact: vec![Redact::Emails], ..Hygiene::default() });
    let (_, files) = exported(&rows, &[Kind::Trajectory], &options);
    let row = lines(&files, "trajectory.jsonl").into_iter().find(|row| row["attempt_id"] == "a").expect("row");
    let argument = row["messages"][2]["tool_calls"][0]["function"]["arguments"]["to"].as_str().expect("text");
    assert!(argument.starts_with("<email_"), "{argument}");
    assert_eq!(row["messages"][3]["content"], json!(json!({"mail": argument}).to_string()));
}
