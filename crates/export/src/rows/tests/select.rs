//! Filters by name, scales and first questions against the real store.

use gleaner_store::{Commit, Store};
use serde_json::{Value, json};

use super::{item, store, target, trace};
use crate::{Hygiene, Kind, Manifest, Normalize, Options, Reason, Select, SplitBy, SplitOptions, tests::exported};

fn select(select: Select) -> Options {
    Options { select, ..Options::new(Kind::Sft) }
}

fn rows(store: &Store, kinds: &[Kind], options: &Options) -> Vec<u64> {
    manifest(store, kinds, options).datasets.iter().map(|section| section.rows).collect()
}

fn manifest(store: &Store, kinds: &[Kind], options: &Options) -> Manifest {
    exported(&store.reader().expect("a reader"), kinds, options).0
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn attempts_are_selected_by_agent_version_model_session_and_time() {
    let store = store();
    let trajectories = |filter: Select| rows(&store, &[Kind::Trajectory], &select(filter))[0];
    let default = Select::default;
    assert_eq!(trajectories(Select { agents: texts(&["shop", "other"]), ..default() }), 2);
    assert_eq!(trajectories(Select { agents: texts(&["other"]), ..default() }), 0);
    assert_eq!(trajectories(Select { versions: texts(&["1"]), ..default() }), 1);
    assert_eq!(trajectories(Select { versions: texts(&["blue", "1", "2"]), ..default() }), 2);
    assert_eq!(trajectories(Select { models: texts(&["gpt-5"]), ..default() }), 0);
    assert_eq!(trajectories(Select { sessions: texts(&["s1"]), ..default() }), 2);
    assert_eq!(trajectories(Select { sessions: texts(&["s1'; DROP"]), ..default() }), 0);
    let year = |text: &str| Some(text.to_owned());
    assert_eq!(trajectories(Select { since: year("2027-01-15"), ..default() }), 2);
    assert_eq!(trajectories(Select { until: year("2027-01-15T07:59:00Z"), ..default() }), 0);
    assert_eq!(trajectories(Select { agents: texts(&["shop"]), versions: texts(&["2"]), ..default() }), 1);
}

#[test]
fn feedback_is_selected_by_reviewer_and_criterion() {
    let kinds = [Kind::Sft, Kind::Reward];
    let mut store = store();
    let none = rows(&store, &kinds, &select(Select { reviewers: texts(&["jonas"]), ..Select::default() }));
    assert!(none.iter().all(|rows| *rows == 0), "{none:?}");
    let all = select(Select { reviewers: texts(&["mara", "jonas"]), ..Select::default() });
    assert_eq!(rows(&store, &kinds, &all), rows(&store, &kinds, &Options::new(Kind::Sft)));
    let tone = select(Select { criterion: Some("tone".into()), ..Select::default() });
    assert!(rows(&store, &kinds, &tone).iter().all(|rows| *rows == 0));
    let scored = json!({"kind": "evaluation", "target": target("B"), "score": 9.0, "criterion": "tone"});
    store
        .commit(&Commit { position: 8, feedback: vec![item(8, "tone-b", scored)], ..Commit::default() })
        .expect("a commit");
    let scores = |options: &Options| manifest(&store, &[Kind::Sft, Kind::Reward], options).datasets[2].rows;
    assert_eq!((scores(&tone), scores(&Options::new(Kind::Sft))), (1, 3));
    assert_eq!(manifest(&store, &[Kind::Sft], &tone).datasets[0].rows, 1);
}

/// Guarantees: the queries of the score scale and of first questions are such as the store answers.
#[test]
fn scales_and_first_questions_are_read() {
    let split = SplitOptions { shares: "train=1".parse().expect("valid"), seed: 0, by: SplitBy::Question };
    let options = Options {
        hygiene: Hygiene { split: Some(split), ..Hygiene::default() },
        ..select(Select { normalize_scores: Some(Normalize::ZScore), ..Select::default() })
    };
    // Two scores of one reviewer: they stay as they are.
    let manifest = manifest(&store(), &[Kind::Sft, Kind::Preference], &options);
    assert_eq!(manifest.datasets.iter().map(|section| section.rows).collect::<Vec<_>>(), [2, 2]);
    assert_eq!(manifest.datasets[0].splits, [("train".to_owned(), 2)].into());
}

/// Guarantees: what normalization marks as cut off is in no dataset.
#[test]
fn content_that_was_cut_off_is_rejected() {
    let mut cut: Value = serde_json::to_value(trace("C", "39 pounds.")).expect("JSON");
    for span in cut["spans"].as_array_mut().expect("spans").iter_mut() {
        span["source_keys"] = json!({"input_messages": "gen_ai.input.messages", "truncated": "gen_ai.input.messages"});
    }
    let mut store = Store::open_in_memory().expect("a store");
    let traces = vec![serde_json::from_value(cut).expect("a trace")];
    store.commit(&Commit { position: 1, traces, ..Commit::default() }).expect("a commit");
    let manifest = manifest(&store, &[Kind::Trajectory, Kind::Prompts], &Options::new(Kind::Trajectory));
    for section in &manifest.datasets {
        assert_eq!(section.rejected, [(Reason::Truncated, 1)].into(), "{}", section.file);
    }
}
