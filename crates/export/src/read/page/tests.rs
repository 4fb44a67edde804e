use serde_json::json;

use super::*;
use crate::{
    read::texts::Texts,
    tests::memory::{MemoryRows, says},
};

/// The ids of a list of messages, in the store's form: brackets and commas are pieces of their own, and so are parts of messages.
fn listed(rows: &MemoryRows, texts: &[&str]) -> Vec<u64> {
    let mut known = rows.texts.borrow_mut();
    let mut id = |text: &str| match known.iter().position(|one| one == text) {
        Some(at) => at as u64,
        None => {
            known.push(text.to_owned());
            known.len() as u64 - 1
        }
    };
    let mut ids = Vec::new();
    for (n, text) in texts.iter().enumerate() {
        ids.push(id(if n == 0 { "[" } else { "," }));
        let message = says("user", text).to_string();
        let (head, tail) = message.split_at(message.len() / 2);
        ids.extend([id(head), id(tail)]);
    }
    ids.push(id(if ids.is_empty() { "[]" } else { "]" }));
    ids
}

fn beginning(list: &[&str], of: &[&str]) -> Option<usize> {
    let rows = MemoryRows::default();
    let (list, of) = (listed(&rows, list), listed(&rows, of));
    let pieces = Texts::default().load(&rows, list.iter().chain(&of).copied().collect()).expect("loads");
    let assembler = Assembler { pieces, ..Assembler::default() };
    assembler.beginning(&list, &of).expect("reads")
}

#[test]
fn a_list_that_another_begins_with_is_known_with_its_length() {
    assert_eq!(beginning(&["a"], &["a", "b"]), Some(1));
    assert_eq!(beginning(&["a, b", "b"], &["a, b", "b", "c", "d"]), Some(2));
    assert_eq!(beginning(&["a", "b"], &["a", "b"]), Some(2));
}

#[test]
fn a_list_that_another_does_not_begin_with_is_read_by_itself() {
    for (list, of) in
        [(&["a"][..], &["b", "a"][..]), (&["a", "b"], &["a"]), (&["a", "x"], &["a", "b"]), (&[], &["a"]), (&["a"], &[])]
    {
        assert_eq!(beginning(list, of), None, "{list:?} {of:?}");
    }
    // Nothing is the beginning of nothing, but how many messages a list without one has is not counted in commas.
    assert_eq!(beginning(&[], &[]), None);
}

#[test]
fn a_message_has_the_column_of_its_list_in_an_error() {
    let error = parse("{}", "input_messages").expect_err("no list").to_string();
    assert_eq!(error, "attempts.input_messages is not a list of messages");
    assert_eq!(
        parse(&json!([says("user", "q")]).to_string(), "input_messages").expect("a list").map(|m| m.len()),
        Some(1)
    );
}
