use serde_json::{Value, json};

use super::python_literal;

#[test]
fn what_python_prints() {
    let cases: &[(&str, Option<Value>)] = &[
        ("{'city': 'Paris', 'n': None}", Some(json!({"city": "Paris", "n": null}))),
        ("[{'a': True, 'b': [1, -2.5]}, (1,), ()]", Some(json!([{"a": true, "b": [1, -2.5]}, [1], []]))),
        (r#"{"it's": 'a "b" \n \\ \xe9 \u2603'}"#, Some(json!({"it's": "a \"b\" \n \\ é ☃"}))),
        ("{1: 'x'}", Some(json!({"1": "x"}))),
        ("  {}  ", Some(json!({}))),
        ("Function(name='f')", None),
        ("{'a': Object()}", None),
        ("{'a': 1", None),
        ("{'a' 1}", None),
        ("'é", None),
        ("nan", None),
        ("", None),
    ];
    for (text, expected) in cases {
        assert_eq!(python_literal(text), *expected, "{text}");
    }
}

#[test]
fn deep_nesting_is_no_value() {
    assert_eq!(python_literal(&"[".repeat(100_000)), None);
}
