use serde_json::json;

use super::{python, python_fields};

#[test]
fn containers_and_constants() {
    let text =
        r#"{'city': "Tromsø's", 'ok': True, 'no': False, 'none': None, 'n': [1, -2.5, (3,)], 1: {4, 5}, 'e': {}}"#;
    let expected = json!({"city": "Tromsø's", "ok": true, "no": false, "none": null, "n": [1, -2.5, [3]], "1": [4, 5],
        "e": {}});
    assert_eq!(python(text), Some(expected));
}

#[test]
fn objects_and_enum_members() {
    let text = "Message(_role=<Role.USER: 'user'>, _content=[Text(text='hi')], _meta={'when': datetime.date(2026, 1, 2)}, \
                finish=FinishReason.STOP, fn=<function f at 0x7f>)";
    let expected = json!({"__class__": "Message", "_role": "user",
        "_content": [{"__class__": "Text", "text": "hi"}],
        "_meta": {"when": {"__class__": "datetime.date", "__args__": [2026, 1, 2]}},
        "finish": "FinishReason.STOP", "fn": "<function f at 0x7f>"});
    assert_eq!(python(text), Some(expected));
}

#[test]
fn escapes() {
    let text = r"['a\'b\n\\', 'caf\xe9 \u6771 \U0001f338 \ud83d', b'\x00x', r'\d', '\d']";
    let expected = json!(["a'b\n\\", "café 東 🌸 \u{fffd}", "\0x", "\\d", "\\d"]);
    assert_eq!(python(text), Some(expected));
}

#[test]
fn what_is_not_printed_to_the_end_is_no_structure() {
    let texts = [
        "",
        "hello",
        "12",
        "'text'",
        "None",
        "{'a': 1} and more",
        "[link](url)",
        "(see above)!",
        "{'a': 1",
        "{'a', 'b': 1}",
        "[1 2]",
        "f(x=)",
        "<a",
        "{a b}",
        "{a: 1}",
        "[a, b]",
        "Dear all (both of you)",
    ];
    for text in texts {
        assert_eq!(python(text), None, "{text}");
    }
}

#[test]
fn depth_and_length_cost_no_more_than_the_text() {
    assert_eq!(python(&("[".repeat(100_000) + &"]".repeat(100_000))), None);
    assert_eq!(python(&("<".repeat(100_000) + &"]".repeat(100_000))), None);
    let long = format!("[{}]", "'x', ".repeat(100_000));
    assert_eq!(python(&long).and_then(|value| value.as_array().map(Vec::len)), Some(100_000));
}

#[test]
fn fields_without_a_class() {
    let text = "role='assistant' content=None tool_calls=[Call(name='f')] prefix=False id=Unset()";
    let fields = python_fields(text).expect("fields");
    let expected = json!({"role": "assistant", "content": null, "tool_calls": [{"__class__": "Call", "name": "f"}],
        "prefix": false});
    assert_eq!(serde_json::Value::Object(fields), expected);
    for other in ["", "a = 1", "role='x' and more", "role='x", "=1", "x=y", "f(x=1)"] {
        assert_eq!(python_fields(other), None, "{other}");
    }
}
