use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    conversation::{FunctionCall, ToolCall},
    dataset,
    hygiene::examples::pair,
    provenance::Provenance,
};

fn passed(lengths: &mut Lengths, mut example: Example) -> (Result<(), Reason>, Option<String>) {
    let before = example.content.clone();
    let verdict = lengths.pass(&dataset::PREFERENCE, &mut example);
    assert_eq!(example.content, before, "nothing is cut");
    (verdict, example.provenance.detail)
}

#[test]
fn a_row_over_a_limit_goes_with_its_length_and_one_at_the_limit_stays() {
    let mut lengths = Lengths::new(Some(5), Some(3));
    assert_eq!(passed(&mut lengths, pair("12345", "123", "1")), (Ok(()), None));
    let long = (Err(Reason::PromptTooLong), Some("6 bytes, 5 allowed".to_owned()));
    assert_eq!(passed(&mut lengths, pair("123456", "1", "2")), long);
    // Bytes, not characters; the longer side counts.
    let long = (Err(Reason::CompletionTooLong), Some("4 bytes, 3 allowed".to_owned()));
    assert_eq!(passed(&mut lengths, pair("1", "1", "éé")), long);
}

#[test]
fn reasoning_and_arguments_count() {
    let arguments = json!({"q": "x"}).as_object().expect("object").clone();
    let call = ToolCall { id: None, r#type: "function", function: FunctionCall { name: "f".into(), arguments } };
    let said = ChatMessage {
        tool_calls: vec![call],
        reasoning_content: Some("hm".into()),
        ..ChatMessage::text("assistant", "a")
    };
    assert_eq!(bytes(&said), 1 + 2 + 1 + 9);
    let row = Example::new(
        Content::Messages(vec![ChatMessage::text("user", "abc"), said]),
        Vec::new(),
        Provenance::default(),
    );
    assert_eq!(passed(&mut Lengths::new(Some(3), Some(13)), row.clone()).0, Ok(()));
    assert_eq!(passed(&mut Lengths::new(None, Some(12)), row).0, Err(Reason::CompletionTooLong));
}

/// A word-level tokenizer, written as the file that a user gives.
fn tokenizer() -> TokenizerFile {
    let file = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
        "model": {"type": "WordLevel", "vocab": {"one": 0, "two": 1, "[UNK]": 2}, "unk_token": "[UNK]"},
    });
    TokenizerFile::from_bytes(Path::new("tokenizer.json"), file.to_string().as_bytes()).expect("valid")
}

#[test]
fn tokens_are_counted_by_the_file_given() {
    let mut lengths = Lengths::new(None, None).with_tokens(5, Box::new(tokenizer()));
    assert_eq!(passed(&mut lengths, pair("one two one", "two three", "one")).0, Ok(()));
    let long = (Err(Reason::TooManyTokens), Some("6 tokens, 5 allowed".to_owned()));
    assert_eq!(passed(&mut lengths, pair("one two one", "two", "one two two")), long);
}

#[test]
fn a_file_that_is_no_tokenizer_is_refused() {
    let error = TokenizerFile::from_bytes(Path::new("x/t.json"), b"{}").err().expect("refused");
    assert!(error.to_string().starts_with("tokenizer: x/t.json is no tokenizer.json: "), "{error}");
}

proptest! {
    #[test]
    fn what_passes_is_within_the_limits(
        prompt in ".{0,20}", chosen in ".{0,20}", rejected in ".{0,20}", limits in (0_u64..40, 0_u64..40),
    ) {
        let verdict = passed(&mut Lengths::new(Some(limits.0), Some(limits.1)), pair(&prompt, &chosen, &rejected)).0;
        let fits = prompt.len() as u64 <= limits.0 && chosen.len().max(rejected.len()) as u64 <= limits.1;
        prop_assert_eq!(verdict.is_ok(), fits);
    }
}
