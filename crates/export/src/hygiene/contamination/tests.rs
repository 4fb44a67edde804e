use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::conversation::{FunctionCall, ToolCall};

const QUESTION: &str =
    "A train leaves Bath at noon and travels forty miles an hour; when does it reach London, a hundred miles away?";

fn benchmarks(content: &str) -> Benchmarks {
    let mut out = Benchmarks::new(NGRAM_WORDS);
    out.add("trains.jsonl", content).expect("has items");
    out
}

fn found(benchmarks: &Benchmarks, text: &str) -> Option<String> {
    benchmarks.find(&[ChatMessage::text("user", text)])
}

fn jsonl() -> String {
    let first = json!({"id": "t0", "question": "Is it?", "answer": "42"});
    let second = json!({"id": "t1", "question": QUESTION, "choices": ["half past two", "the capital of France is certainly not Rome today"]});
    format!("{first}\n\n{second}\n")
}

#[test]
fn a_shared_ngram_is_found_inside_longer_text_whatever_its_punctuation() {
    let known = benchmarks(&jsonl());
    let text = format!("Please solve: {} Think first.", QUESTION.to_uppercase().replace(';', " --"));
    assert_eq!(found(&known, &text).as_deref(), Some("trains.jsonl:2"));
}

#[test]
fn twelve_words_of_an_item_are_not_enough_and_thirteen_are() {
    let known = benchmarks(&jsonl());
    let words: Vec<&str> = QUESTION.split(' ').collect();
    assert_eq!(found(&known, &words[..12].join(" ")), None);
    assert!(found(&known, &words[..13].join(" ")).is_some());
}

#[test]
fn a_text_of_eight_words_is_found_inside_and_a_shorter_one_only_alone() {
    let known = benchmarks(&jsonl());
    assert!(found(&known, "I say the capital of France is certainly not Rome today, so there").is_some());
    assert_eq!(found(&known, "It will arrive at half past two"), None);
    let short = benchmarks("Name the four seasons\n");
    assert!(found(&short, "name the four seasons!").is_some());
    assert_eq!(found(&short, "Please name the four seasons"), None);
}

#[test]
fn answers_of_one_word_contaminate_nothing_and_are_counted() {
    let known = benchmarks(&jsonl());
    assert_eq!(found(&known, "42"), None);
    assert_eq!(known.files[0].items, 2);
    assert_eq!(known.files[0].items_too_short, 1);
}

#[test]
fn reasoning_and_arguments_are_looked_at_too() {
    let known = benchmarks(&jsonl());
    let thought = ChatMessage { reasoning_content: Some(QUESTION.into()), ..ChatMessage::text("assistant", "") };
    assert!(known.find(&[thought]).is_some());
    let arguments = json!({"queries": [{"q": QUESTION}]}).as_object().expect("object").clone();
    let call = ToolCall { id: None, r#type: "function", function: FunctionCall { name: "search".into(), arguments } };
    let calls = ChatMessage { tool_calls: vec![call], ..ChatMessage::text("assistant", "") };
    assert!(known.find(&[calls]).is_some());
}

#[test]
fn json_lists_json_lines_and_plain_text_are_read() {
    assert_eq!(benchmarks(&json!([{"q": QUESTION}, {"q": "b"}]).to_string()).files[0].items, 2);
    assert_eq!(benchmarks(QUESTION).files[0].items, 1);
    assert!(found(&benchmarks(&format!("\u{feff}{QUESTION}\r\n[broken\n")), QUESTION).is_some());
    let empty = Benchmarks::new(NGRAM_WORDS).add("none.txt", " \n").expect_err("refused");
    assert_eq!(empty.to_string(), "decontaminate: none.txt holds no items");
}

proptest! {
    /// Whatever stands around it, an item of at least 13 words is found; a text without its words never is.
    #[test]
    fn an_item_is_found_wherever_it_stands(before in "[a-z ]{0,60}", after in "[a-z ]{0,60}") {
        let known = benchmarks(&jsonl());
        let text = format!("{before} . {QUESTION} . {after}");
        prop_assert!(found(&known, &text).is_some());
        let text = format!("{before} . {after}");
        prop_assert_eq!(found(&known, &text), None);
    }
}
