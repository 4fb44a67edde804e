use clap::Parser;
use gleaner_export::{PairRule, Redact, SplitBy};

use super::*;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    select: SelectArgs,
    #[command(flatten)]
    hygiene: HygieneArgs,
}

fn line(args: &[&str]) -> Line {
    Line::try_parse_from([&["export"], args].concat()).expect("parses")
}

#[test]
fn the_command_line_becomes_options() {
    let args = [
        "--split",
        "train=0.9,test=0.1",
        "--split-seed",
        "7",
        "--split-by",
        "question",
        "--redact",
        "emails,cards",
        "--redact-pattern",
        "ticket=T-[0-9]+",
        "--pairs",
        "best-vs-rest",
        "--version",
        "blue",
        "--agent",
        "a",
        "--agent",
        "b",
    ];
    let line = line(&args);
    let hygiene = line.hygiene.hygiene().expect("valid");
    let split = hygiene.split.expect("split");
    assert_eq!((split.seed, split.by), (7, SplitBy::Question));
    assert_eq!(hygiene.redact, [Redact::Emails, Redact::Cards]);
    assert_eq!(hygiene.pairs, PairRule::BestVsRest);
    let select = line.select.select().expect("valid");
    assert_eq!((select.versions, select.agents), (vec!["blue".to_owned()], vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(Line::try_parse_from(["export", "--split-seed", "7"]).expect_err("refused").exit_code(), 2);
}

/// Guarantees: what goes to a server holds the files' contents, and gives the same options there.
#[test]
fn files_travel_with_the_request() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("bench.jsonl");
    std::fs::write(&path, "{\"q\": \"é\"}\n").expect("written");
    let args = line(&["--decontaminate", path.to_str().expect("UTF-8")]).hygiene.read_files().expect("read");
    let sent: HygieneArgs = serde_json::from_value(serde_json::to_value(&args).expect("JSON")).expect("JSON");
    let hygiene = sent.hygiene().expect("valid");
    assert_eq!(hygiene, args.hygiene().expect("valid"));
    assert_eq!(hygiene.decontaminate[0].name, "bench.jsonl");
    let missing = line(&["--tokenizer", "/nowhere/t.json", "--max-tokens", "5"]).hygiene.read_files();
    assert!(format!("{:#}", missing.expect_err("refused")).starts_with("--tokenizer: cannot read /nowhere/t.json"));
}
