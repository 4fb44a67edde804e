use gleaner_model::Part;
use serde_json::{Value, json};

use super::KnownCalls;

fn call(id: Option<&str>, name: &str, arguments: Value) -> Part {
    Part::ToolCall { id: id.map(str::to_owned), name: name.to_owned(), arguments }
}

#[test]
fn two_ids_tell_two_equal_calls_apart() {
    let known = KnownCalls::among(&[call(Some("a"), "f", json!({}))]);
    assert!(known.has(&call(Some("a"), "other", json!({"x": 1}))), "the id decides");
    assert!(!known.has(&call(Some("b"), "f", json!({}))));
}

#[test]
fn without_an_id_name_and_arguments_decide() {
    let known = KnownCalls::among(&[call(Some("a"), "f", json!({"x": 1, "y": 2})), call(None, "g", json!({}))]);
    assert!(known.has(&call(None, "f", json!({"y": 2, "x": 1.0}))), "in whatever form the arguments are written");
    assert!(known.has(&call(Some("b"), "g", json!({}))), "the known one has no id to differ in");
    assert!(!known.has(&call(None, "f", json!({"x": 2, "y": 2}))));
    assert!(!known.has(&call(None, "g", json!({"x": 1}))));
}

#[test]
fn what_is_no_call_is_never_known() {
    let text = Part::Text { content: "f".to_owned() };
    assert!(!KnownCalls::among(std::slice::from_ref(&text)).has(&text));
}
