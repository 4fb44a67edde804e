use serde_json::json;

use super::*;

fn attributes(value: Value) -> Map<String, Value> {
    json!({"k": value}).as_object().cloned().unwrap_or_default()
}

#[test]
fn numbers_and_strings_read_alike() {
    let read = |value| text(&attributes(value), "k");
    assert_eq!(
        (read(json!(1)), read(json!("1")), read(json!(1.0))),
        (Some("1".into()), Some("1".into()), Some("1".into()))
    );
    assert_eq!((read(json!("")), read(Value::Null), text(&Map::new(), "k")), (None, None, None));
    assert_eq!(read(json!({"b": 1, "a": [true]})), Some(r#"{"a":[true],"b":1}"#.into()));
}

#[test]
fn ordinals_are_whole_and_one_or_more() {
    let read = |value| ordinal(&attributes(value), "k");
    for good in [json!(3), json!("3"), json!(" 3 "), json!(3.0)] {
        assert_eq!(read(good), Ok(Some(3)));
    }
    for bad in [json!(0), json!("-1"), json!(1.5), json!("two"), json!(true), json!("9223372036854775808")] {
        assert!(read(bad.clone()).is_err(), "{bad}");
    }
    assert_eq!(read(Value::Null), Ok(None));
}
