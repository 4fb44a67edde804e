use serde_json::json;

use proptest::prelude::*;

use super::*;
use crate::{conversation::ChatMessage, dataset, provenance::Provenance};

fn turns(texts: &[&str]) -> Vec<ChatMessage> {
    let role = |i: usize| if i.is_multiple_of(2) { "user" } else { "assistant" };
    texts.iter().enumerate().map(|(i, text)| ChatMessage::text(role(i), *text)).collect()
}

fn conversation(texts: &[&str]) -> Example {
    Example::new(Content::Messages(turns(texts)), Vec::new(), Provenance::default())
}

fn stage() -> Prefixes {
    Prefixes::new(Box::new(|| Spool::new(None)))
}

fn decided(examples: &[Example]) -> Vec<Entry> {
    let mut stage = stage();
    let mut entries = Vec::new();
    for (number, example) in examples.iter().enumerate() {
        stage.see(&dataset::TRAJECTORY, number as u32, example);
        entries.push(Entry::new(number as u32, number as u128, (0, 0, number as u64)));
    }
    stage.decide(&dataset::TRAJECTORY, &mut entries);
    assert!(stage.fault().is_none());
    entries
}

fn kept(examples: &[Example]) -> Vec<Option<u128>> {
    decided(examples).iter().map(|entry| entry.kept.as_deref().copied()).collect()
}

#[test]
fn a_growing_history_goes_once_by_its_longest_row() {
    let rows = [
        conversation(&["a", "b"]),
        conversation(&["a", "b", "c", "d"]),
        conversation(&["a", "b", "c", "d", "e", "f"]),
        conversation(&["a", "b", "x", "y"]),
    ];
    assert_eq!(kept(&rows), [Some(2), Some(2), None, None]);
    assert_eq!(decided(&rows)[0].verdict, Err(Reason::PrefixOfAnother));
}

#[test]
fn equal_rows_are_no_beginnings_of_each_other() {
    assert_eq!(kept(&[conversation(&["a", "b"]), conversation(&["a", "b"])]), [None, None]);
}

#[test]
fn other_tools_or_a_thought_that_the_longer_row_lacks_keep_the_shorter() {
    let mut tools = conversation(&["a", "b"]);
    tools.tools = vec![json!({"type": "function"})].into();
    let mut thought = conversation(&["a", "b"]);
    thought.messages_mut()[1].reasoning_content = Some("hm".into());
    assert_eq!(kept(&[tools, thought, conversation(&["a", "b", "c", "d"])]), [None, None, None]);
}

#[test]
fn a_prompt_with_its_completion_is_trained_on_once_and_stays() {
    let row = |n: usize| {
        let mut prompt = turns(&["a", "b", "c", "d", "e"][..n]);
        let completion = vec![prompt.pop().expect("a message")];
        Example::new(Content::Completion { prompt, completion }, Vec::new(), Provenance::default())
    };
    assert_eq!(kept(&[row(2), row(4)]), [None, None]);
}

#[test]
fn a_row_that_is_out_already_replaces_nobody() {
    let mut stage = stage();
    let mut entries = vec![Entry::new(0, 0, (0, 0, 0)), Entry::new(1, 1, (0, 0, 1))];
    stage.see(&dataset::TRAJECTORY, 0, &conversation(&["a", "b"]));
    stage.see(&dataset::TRAJECTORY, 1, &conversation(&["a", "b", "c", "d"]));
    entries[1].verdict = Err(Reason::Duplicate);
    stage.decide(&dataset::TRAJECTORY, &mut entries);
    assert_eq!(entries[0].verdict, Ok(()));
}

proptest! {
    /// A row goes if and only if another one begins with all of it; the one that is named stays.
    #[test]
    fn just_the_beginnings_go(rows in prop::collection::btree_set(prop::collection::vec(0_u8..3, 1..5), 1..10)) {
        let rows: Vec<Vec<u8>> = rows.into_iter().collect();
        let names = ["x", "y", "z"];
        let examples: Vec<Example> = rows
            .iter()
            .map(|row| conversation(&row.iter().map(|n| names[usize::from(*n)]).collect::<Vec<_>>()))
            .collect();
        let kept = kept(&examples);
        for (i, row) in rows.iter().enumerate() {
            let begins = rows.iter().any(|other| other.len() > row.len() && other.starts_with(row));
            prop_assert_eq!(kept[i].is_some(), begins);
            if let Some(id) = kept[i] {
                prop_assert!(kept[id as usize].is_none());
                prop_assert!(rows[id as usize].starts_with(row));
            }
        }
    }
}
