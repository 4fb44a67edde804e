use proptest::prelude::*;
use serde_json::{Value, json};

use super::{integer, is_empty, json as parse, structured, unflatten, whole_fields};

#[test]
fn what_says_nothing() {
    for nothing in [
        json!(null),
        json!(""),
        json!("N/A"),
        json!([]),
        json!({}),
        json!("__REDACTED__"),
        json!("<groq.Stream object at 0x7fc6aa36c110>"),
    ] {
        assert!(is_empty(&nothing), "{nothing}");
    }
    for something in
        [json!(0), json!(false), json!(" "), json!("we said __REDACTED__"), json!("<b>an object at 0x1</b>")]
    {
        assert!(!is_empty(&something), "{something}");
    }
}

#[test]
fn json_text_is_parsed_and_once_more() {
    assert_eq!(structured(&json!(r#"{"a":1}"#)), json!({"a": 1}));
    assert_eq!(structured(&json!(r#""[{\"a\":1}]""#)), json!([{"a": 1}]));
    assert_eq!(structured(&json!("408")), json!("408"));
    assert_eq!(structured(&json!("[1] is a footnote")), json!("[1] is a footnote"));
}

#[test]
fn a_cut_list_keeps_its_complete_elements() {
    assert_eq!(parse(r#"[{"role":"user"},{"role":"assi"#), Some(json!([{"role": "user"}])));
    assert_eq!(parse("[1, 23"), Some(json!([1])));
    assert_eq!(parse(r#"{"role":"us"#), None);
}

#[test]
fn a_cut_object_keeps_its_whole_fields() {
    let whole = |text: &str| whole_fields(text).map(Value::Object);
    let expected = Some(json!({"model": "m", "n": 1}));
    assert_eq!(whole(r#"{"model":"m", "n": 1, "tools": [{"name":"a"},{"na"#), expected);
    assert_eq!(whole("{\"model\":\"m\",\"n\":1,\"x\":\"half\n\n[TRUNCATED]"), expected);
    assert_eq!(whole(r#"{"model":"m","n":1,"digits":23"#), expected);
    assert_eq!(whole("{name}, hello"), None);
}

#[test]
fn whole_numbers_in_every_dress() {
    assert_eq!(integer(&json!(7)), Some(7));
    assert_eq!(integer(&json!(7.0)), Some(7));
    assert_eq!(integer(&json!("7")), Some(7));
    assert_eq!(integer(&json!(7.5)), None);
    assert_eq!(integer(&json!(1e300)), None);
    assert_eq!(integer(&json!("seven")), None);
}

#[test]
fn flattened_keys_become_a_list() {
    let attributes = json!({
        "m.10.message.role": "assistant",
        "m.2.message.role": "user",
        "m.2.message.tool_calls.0.tool_call.id": "c1",
        "m.18446744073709551615.message.role": "tool",
        "mm.0.message.role": "other",
    });
    let list = unflatten(attributes.as_object().unwrap(), "m");
    let expected = json!([
        {"message": {"role": "user", "tool_calls": [{"tool_call": {"id": "c1"}}]}},
        {"message": {"role": "assistant"}},
        {"message": {"role": "tool"}},
    ]);
    assert_eq!(Value::Array(list), expected);
}

proptest! {
    #[test]
    fn reading_never_panics(text in "[\\[{\"a1,:é\\\\ \\]}]{0,24}") {
        structured(&Value::String(text));
    }

    #[test]
    fn a_cut_never_invents(cut in 0_usize..40) {
        let whole = r#"[{"a":"é"},[1,2],"x",true]"#;
        let Some(start) = whole.get(..cut.min(whole.len())) else { return Ok(()) };
        if let Some(Value::Array(kept)) = parse(start) {
            let all = json!([{"a": "é"}, [1, 2], "x", true]);
            prop_assert_eq!(kept.as_slice(), &all.as_array().unwrap()[..kept.len()]);
        }
    }
}

#[test]
fn an_object_that_python_printed_by_its_address_says_nothing() {
    for text in [
        "<groq.Stream object at 0x7fc6aa36c110>",
        "<async_generator object Base.stream at 0x7fc1dcc82bd0>",
        "<generator object f.<locals>.g at 0x7fc1dcc82bd0>",
        "\"<coroutine object f at 0x7fc1dcc82bd0>\"",
    ] {
        assert!(is_empty(&json!(text)), "{text}");
    }
    for text in ["<b>object at 0x1</b>", "< object at 0x12>", "<an object I saw at 0x12>", "object f at 0x12"] {
        assert!(!is_empty(&json!(text)), "{text}");
    }
}
