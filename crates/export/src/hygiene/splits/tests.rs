use proptest::prelude::*;

use super::*;
use crate::{dataset, hygiene::examples::answered, provenance::Provenance};

const SHARES: Shares = Shares { train: 0.8, validation: 0.1, test: 0.1 };

fn example(session: &str, prompt: &str) -> Example {
    let mut example = answered(prompt, "x");
    example.provenance = Provenance { project: "p".into(), session_id: session.into(), ..Provenance::default() };
    example
}

fn sides(stage: &mut Splits, examples: &[Example]) -> Vec<Option<Split>> {
    let mut entries = Vec::new();
    for (number, example) in examples.iter().enumerate() {
        stage.see(&dataset::SFT, number as u32, example);
        entries.push(Entry::new(number as u32, number as u128, (0, 0, number as u64)));
    }
    stage.decide(&dataset::SFT, &mut entries);
    entries.iter().map(|entry| entry.split).collect()
}

fn shared_prompts(stage: &mut Splits, entries: usize) -> Value {
    let entries: Vec<Entry> = (0..entries).map(|n| Entry::new(n as u32, n as u128, (0, 0, n as u64))).collect();
    stage.report(&dataset::SFT, &entries).expect("reports").1
}

#[test]
fn shares_are_read() {
    let shares: Shares = "train=0.9, validation=0.05,test=0.05".parse().expect("valid");
    assert_eq!(shares, Shares { train: 0.9, validation: 0.05, test: 0.05 });
    let two: Shares = "train=0.75,test=0.25".parse().expect("valid");
    assert_eq!(two.validation, 0.0);
}

#[test]
fn unfit_shares_are_refused() {
    let refused = |text: &str| text.parse::<Shares>().expect_err("refused").to_string();
    assert_eq!(refused("train=0.9,test=0.2"), "split: the shares sum up to 1.1, not to 1");
    assert_eq!(refused("train=0.9,dev=0.1"), "split: `dev` is unknown; supported: train, validation, test");
    assert_eq!(refused("train=2"), "split: train is `2`, not a number from 0 to 1");
    assert_eq!(refused("train=NaN"), "split: train is `NaN`, not a number from 0 to 1");
    assert_eq!(refused("train=0.5,train=0.5"), "split: train is given twice");
}

#[test]
fn parts_have_about_their_shares_and_a_seed_moves_them() {
    let count = |seed: u64, part: Split| {
        (0..10_000).filter(|i| SHARES.side(seed, &format!("session-{i}")) == part).count() as i64
    };
    assert!((count(1, Split::Train) - 8_000).abs() < 200);
    assert!((count(1, Split::Validation) - 1_000).abs() < 150);
    let moved = (0..1_000).filter(|i| SHARES.side(1, &i.to_string()) != SHARES.side(2, &i.to_string())).count();
    assert!(moved > 100);
}

/// Guarantees: sides never change from version to version, or a model would be tested on what it was trained on.
#[test]
fn sides_are_fixed() {
    let sides: Vec<Split> = (0..30).map(|i| SHARES.side(7, &format!("s{i}"))).collect();
    let of = |part: Split| (0..30).filter(|i| sides[*i] == part).collect::<Vec<usize>>();
    assert_eq!((of(Split::Validation), of(Split::Test)), (vec![1, 5, 12, 21, 28], vec![0, 2, 15]));
}

#[test]
fn a_pseudonym_in_the_session_s_id_does_not_move_it() {
    let stage = Splits::new(SHARES, 1, SplitBy::Session, HashMap::new());
    for i in 0..50 {
        let mut redacted = example("<email_1a2b3c4d>", "q");
        redacted.provenance.original_session_id = Some(format!("s{i}"));
        assert_eq!(stage.side(&redacted), stage.side(&example(&format!("s{i}"), "q")));
    }
}

#[test]
fn sessions_that_begin_alike_are_together_when_split_by_question() {
    let sessions: Vec<String> = (0..40).map(|i| format!("s{i}")).collect();
    let examples: Vec<Example> = sessions.iter().map(|session| example(session, "What does it cost?")).collect();
    let questions = sessions.iter().map(|session| (("p".to_owned(), session.clone()), "hash".to_owned())).collect();
    let mut by_question = Splits::new(SHARES, 1, SplitBy::Question, questions);
    let together = sides(&mut by_question, &examples);
    assert!(together.iter().all(|side| *side == together[0] && side.is_some()));
    assert_eq!(shared_prompts(&mut by_question, 40), 0);
    let mut by_session = Splits::new(SHARES, 1, SplitBy::Session, HashMap::new());
    let apart = sides(&mut by_session, &examples);
    assert!(apart.iter().any(|side| *side != apart[0]));
    assert_eq!(shared_prompts(&mut by_session, 40), 1);
}

proptest! {
    /// A session's rows are on one side, and stay there whatever else the store holds.
    #[test]
    fn a_side_depends_on_seed_and_session_alone(
        seed in any::<u64>(),
        sessions in prop::collection::vec("[a-z]{1,3}", 1..20),
        more in prop::collection::vec("[a-z]{1,3}", 0..20),
    ) {
        let before: Vec<Example> = sessions.iter().map(|s| example(s, "q")).collect();
        let grown: Vec<Example> = more.iter().chain(&sessions).map(|s| example(s, "r")).collect();
        let first = sides(&mut Splits::new(SHARES, seed, SplitBy::Session, HashMap::new()), &before);
        let second = sides(&mut Splits::new(SHARES, seed, SplitBy::Session, HashMap::new()), &grown);
        prop_assert_eq!(&first[..], &second[more.len()..]);
        for (i, a) in sessions.iter().enumerate() {
            for (j, b) in sessions.iter().enumerate() {
                prop_assert!(a != b || first[i] == first[j]);
            }
        }
    }

    /// Whole training share: nothing is put anywhere else.
    #[test]
    fn a_share_of_nothing_gets_nothing(seed in any::<u64>(), key in ".{0,20}") {
        prop_assert_eq!(Shares { train: 1.0, validation: 0.0, test: 0.0 }.side(seed, &key), Split::Train);
        prop_assert_eq!(Shares { train: 0.0, validation: 0.0, test: 1.0 }.side(seed, &key), Split::Test);
    }
}
