use clap::Parser;
use gleaner_wire::feedback::{DefinitionRef, Ranking, Target};

use super::*;

fn labels(ranking: &Ranking) -> Vec<Vec<&str>> {
    ranking.groups.iter().map(|g| g.targets.iter().map(|t| t.lineage.as_str()).collect()).collect()
}

#[test]
fn a_ranking_reads_as_people_write_it() {
    let ranking = parse_ranking("A > D > B = C").expect("parses");
    assert_eq!(labels(&ranking), [vec!["A"], vec!["D"], vec!["B", "C"]]);
}

#[test]
fn an_empty_place_in_a_ranking_is_an_error() {
    assert!(parse_ranking("A >> B").is_err());
}

#[derive(Parser)]
struct Line {
    #[command(subcommand)]
    kind: Kind,
}

fn item(line: &[&str]) -> item::Kind {
    let line = Line::try_parse_from([&["feedback"], line].concat()).expect("a command line");
    line.kind.into_item().expect("an item")
}

/// Guarantees: what each kind of item can say, the shell can say.
#[test]
fn every_kind_has_a_command() {
    let of_a = ["--session", "s", "--lineage", "A", "--cycle", "2"];
    let target = Some(Target { session: "s".into(), lineage: "A".into(), cycle: 2, ..Target::default() });
    let evaluate = [&["evaluate"], &of_a[..], &["--criterion", "tone", "--value", "-0.5"]].concat();
    assert_eq!(
        item(&evaluate),
        item::Kind::Evaluation(Evaluation {
            target: target.clone(),
            criterion: "tone".into(),
            value: Some(evaluation::Value::Number(-0.5)),
            ..Evaluation::default()
        })
    );
    assert!(Line::try_parse_from([&["feedback", "evaluate"], &of_a[..]].concat()).is_err(), "it says nothing");

    let compare = ["compare", "--session", "s", "B > A", "--shown", "A,B"];
    let item::Kind::Comparison(comparison) = item(&compare) else { panic!("a comparison") };
    let Some(comparison::Form::Ranking(ranking)) = comparison.form else { panic!("a ranking") };
    assert_eq!(ranking.shown_order, [lineage("A"), lineage("B")]);

    let item::Kind::Comparison(comparison) = item(&["prefer", "attempt:x", "response:y", "--tie"]) else {
        panic!("a comparison")
    };
    assert_eq!((comparison.session.as_str(), comparison.cycle), ("", 0));
    let Some(comparison::Form::Pairwise(pairwise)) = comparison.form else { panic!("a pair") };
    let sides = (pairwise.preferred.expect("a side").attempt_id, pairwise.rejected.expect("a side").response_id);
    assert_eq!((sides, pairwise.tie), (("x".into(), "y".into()), true));

    let evolve =
        ["evolve", "--session", "s", "--lineage", "A", "--from", "cycle:1", "--to", "w@v2", "--hypothesis", "h"];
    let item::Kind::Evolution(evolution) = item(&evolve) else { panic!("an evolution") };
    assert_eq!(evolution.from, Some(DefinitionRef { cycle: 1, ..DefinitionRef::default() }));
    let by_label = DefinitionRef { agent: "w".into(), version: "v2".into(), ..DefinitionRef::default() };
    assert_eq!(evolution.to, Some(by_label));

    let item::Kind::EvolutionOutcome(outcome) = item(&["outcome", "k", "--validated", "false", "--after", "7.5"])
    else {
        panic!("an outcome")
    };
    assert_eq!((outcome.hypothesis_validated, outcome.score_after), (Some(false), Some(7.5)));

    let item::Kind::Insight(insight) = item(&["insight", "t", "--evidence", "a,b", "--confidence", "0.5"]) else {
        panic!("an insight")
    };
    assert_eq!((insight.evidence, insight.confidence), (vec!["a".to_owned(), "b".to_owned()], Some(0.5)));
}

#[test]
fn a_file_becomes_an_artifact_of_its_name() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("answer.sql");
    std::fs::write(&file, "SELECT 1").expect("a file");
    let path = file.to_str().expect("a path");
    let item::Kind::Artifact(artifact) = item(&["artifact", "--attempt", "x", path]) else { panic!("an artifact") };
    assert_eq!((artifact.name.as_str(), artifact.content.as_str()), ("answer.sql", "SELECT 1"));
    let gone =
        Line::try_parse_from(["feedback", "artifact", "--attempt", "x", "/nonexistent"]).expect("a command line");
    assert!(gone.kind.into_item().expect_err("no file").to_string().contains("cannot read /nonexistent"));
}
