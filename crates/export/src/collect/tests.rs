use serde_json::{Value, json};

use super::*;
use crate::{
    MemoryOutput, Reason,
    conversation::ChatMessage,
    dataset::{SCORES, SFT},
    example::Content,
    stage::{Entry, Split},
};

fn example(question: &str) -> Example {
    let prompt = vec![ChatMessage::text("user", question)];
    let completion = vec![ChatMessage::text("assistant", "a")];
    Example::new(Content::Completion { prompt, completion }, Vec::new(), Provenance::default())
}

/// Leaves one question out, rewrites another, puts a third into a split and drops a fourth beside the others.
struct Picky {
    dropped: Vec<u32>,
    tested: Vec<u32>,
}

impl Stage for Picky {
    fn pass(&mut self, _dataset: &'static Dataset, example: &mut Example) -> Result<(), Reason> {
        for message in example.messages_mut() {
            message.content = message.content.replace("secret", "<SECRET>");
        }
        if example.prompt()[0].content == "unfit" { Err(Reason::Redacted) } else { Ok(()) }
    }

    fn see(&mut self, _dataset: &'static Dataset, number: u32, example: &Example) {
        match example.prompt()[0].content.as_str() {
            "late" => self.dropped.push(number),
            "test" => self.tested.push(number),
            _ => {}
        }
    }

    fn decide(&mut self, _dataset: &'static Dataset, entries: &mut [Entry]) {
        for entry in entries {
            entry.split = Some(if self.tested.contains(&entry.number) { Split::Test } else { Split::Train });
            if self.dropped.contains(&entry.number) {
                entry.verdict = Err(Reason::Duplicate);
            }
        }
    }
}

/// Scenario: a stage that uses all it may do.
/// Guarantees: rewriting comes before ids and rows, splits have files of their own, and every drop is told.
#[test]
fn stages_rewrite_split_and_drop() {
    let options = Options::new(Kind::Sft);
    let stage = Picky { dropped: Vec::new(), tested: Vec::new() };
    let spool = || Spool::new(None);
    let mut collector = Collector::new(&[Kind::Sft], &options, &spool, vec![Box::new(stage)]).expect("opens");
    let questions = ["my secret", "unfit", "late", "test", "plain"];
    collector.take(&SFT, questions.map(|question| Ok(example(question)))).expect("takes");
    let mut out = MemoryOutput::default();
    let made = Made { kinds: &[Kind::Sft], program_version: "1", journal_position: 1 };
    let manifest = collector.finish(Files::new(&mut out), None, made, &mut ()).expect("finishes");
    let rows = |file: &str| -> Vec<String> {
        let text = String::from_utf8(out.files[file].clone()).expect("UTF-8");
        let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let mut questions: Vec<String> = rows.map(|row| row["prompt"][0]["content"].to_string()).collect();
        questions.sort();
        questions
    };
    assert_eq!(rows("sft.train.jsonl"), ["\"my <SECRET>\"", "\"plain\""]);
    assert_eq!(rows("sft.test.jsonl"), ["\"test\""]);
    assert!(!out.files.contains_key("sft.jsonl"));
    let section = &manifest.datasets[0];
    assert_eq!((section.candidates, section.rows), (5, 3));
    assert_eq!(json!(section.rejected), json!({"redacted": 1, "duplicate": 1}));
    assert_eq!(json!(section.splits), json!({"train": 2, "test": 1}));
    let card = String::from_utf8(out.files["README.md"].clone()).expect("UTF-8");
    assert!(card.contains("data_files: [{split: test, path: sft.test.jsonl}, {split: train, path: sft.train.jsonl}]"));
}

#[test]
fn ids_depend_on_content_and_dataset_not_on_what_is_beside() {
    let one = example("q").with("score", 1.0);
    let two = example("q").with("score", 2.0);
    assert_eq!(row_id(&SFT, &one), row_id(&SFT, &two));
    assert_ne!(row_id(&SCORES, &one), row_id(&SCORES, &two), "a score is part of what a scored row is");
    assert_ne!(row_id(&SFT, &one), row_id(&SFT, &example("another")));
}
