use serde_json::{Value, json};

use super::super::messages;
use super::pair_results;

/// Ids of calls and of results, after pairing.
fn paired(history: Value) -> Vec<Value> {
    let mut read = messages(&history, "user");
    pair_results(&mut read);
    let parts = serde_json::to_value(read).unwrap();
    parts
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|message| message["parts"].as_array().unwrap().clone())
        .map(|part| part["id"].clone())
        .collect()
}

fn call(id: Option<&str>) -> Value {
    json!({"type": "tool_call", "id": id, "name": "f", "arguments": {}})
}

fn result(id: Option<&str>) -> Value {
    json!({"role": "tool", "parts": [{"type": "tool_call_response", "id": id, "response": "408"}]})
}

fn asks(calls: &[Value]) -> Value {
    json!({"role": "assistant", "parts": calls})
}

#[test]
fn the_id_that_the_result_names_is_the_call_s() {
    let history =
        json!([asks(&[call(Some("fc_1")), call(Some("fc_2"))]), result(Some("call_1")), result(Some("call_2"))]);
    assert_eq!(paired(history), ["call_1", "call_2", "call_1", "call_2"]);
}

#[test]
fn a_result_without_id_answers_the_call_before_it() {
    let history = json!([asks(&[call(Some("c1"))]), result(None), asks(&[call(Some("c2"))]), result(None)]);
    assert_eq!(paired(history), ["c1", "c1", "c2", "c2"]);
}

#[test]
fn what_fits_and_what_does_not_add_up_stays() {
    let fits = json!([asks(&[call(Some("c1")), call(Some("c2"))]), result(Some("c2")), result(Some("c1"))]);
    assert_eq!(paired(fits), ["c1", "c2", "c2", "c1"]);
    let unanswered = json!([asks(&[call(Some("fc_1")), call(Some("fc_2"))]), result(Some("call_2"))]);
    assert_eq!(paired(unanswered), ["fc_1", "fc_2", "call_2"]);
    let other = json!([asks(&[call(Some("c1"))]), result(Some("c9"))]);
    assert_eq!(paired(other), ["c1", "c9"]);
}
