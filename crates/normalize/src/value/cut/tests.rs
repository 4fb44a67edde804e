use proptest::prelude::*;
use serde_json::{Value, json};

use super::complete_part;

#[test]
fn what_was_whole_is_kept() {
    let cases: &[(&str, Option<Value>)] = &[
        (r#"[{"role":"user","content":"a"},{"role":"us"#, Some(json!([{"role": "user", "content": "a"}]))),
        (r#"[{"role":"user","content":"a"},"#, Some(json!([{"role": "user", "content": "a"}]))),
        (r#"{"model":"m","messages":[{"a":1},{"b":"#, Some(json!({"model": "m", "messages": [{"a": 1}]}))),
        (r#"{"model":"m","request":{"n":1,"t":0."#, Some(json!({"model": "m", "request": {"n": 1}}))),
        (r#"{"model":"m","mess"#, Some(json!({"model": "m"}))),
        (r#"["a\"b","c\"#, Some(json!(["a\"b"]))),
        ("[1, 2, 3", Some(json!([1, 2]))),
        (r#"{"model":"#, None),
        (r#"[{"role":"user"#, None),
        ("[", None),
        ("{not json", None),
    ];
    for (text, expected) in cases {
        assert_eq!(complete_part(text), *expected, "{text}");
    }
}

proptest! {
    /// Guarantees: a cut anywhere neither panics nor invents: every element that is kept is one that was sent.
    #[test]
    fn a_cut_anywhere_keeps_what_was_sent(texts in prop::collection::vec(".{0,8}", 1..6), cut in 0usize..400) {
        let sent: Vec<Value> = texts.iter().map(|text| json!({"role": "user", "content": text, "n": [1, {"x": null}]})).collect();
        let whole = Value::Array(sent.clone()).to_string();
        let end = (0..=cut.min(whole.len())).rev().find(|end| whole.is_char_boundary(*end)).unwrap_or(0);
        if let Some(Value::Array(kept)) = complete_part(&whole[..end]) {
            prop_assert!(kept.len() <= sent.len() && kept[..] == sent[..kept.len()]);
        }
    }
}
