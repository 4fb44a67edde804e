use serde_json::{Value, json};

use super::super::map;
use super::super::tests::span;
use super::complete_deltas;
use crate::mapped::{Mapped, MergedSpan};

fn text(role: &str, content: &str) -> Value {
    json!({"role": role, "parts": [{"type": "text", "content": content}]})
}

fn request(id: &str, start: u64, messages: Value, more: Value) -> (MergedSpan, Mapped) {
    let mut attributes = json!({"gen_ai.operation.name": "chat", "gen_ai.input.messages": messages.to_string()});
    for (key, value) in more.as_object().into_iter().flatten() {
        attributes[key] = value.clone();
    }
    let mut merged = span(attributes);
    merged.span.name = "llm_request".into();
    merged.span.span_id = id.into();
    merged.span.start_time_unix_nano = start;
    let mapped = map(&merged);
    (merged, mapped)
}

fn delta(base: &str, dropped: u64) -> Value {
    json!({"lk.input.delta": true, "lk.input.base_span_id": base, "lk.input.dropped_from_base": dropped})
}

#[test]
fn a_prompt_goes_on_from_the_one_before() {
    let first = json!([text("user", "u1"), text("system", "guide")]);
    let instructions = json!({"gen_ai.system_instructions": r#"[{"type":"text","content":"s"}]"#});
    let second = json!([text("assistant", "a1"), text("user", "u2"), text("system", "guide 2")]);
    let mut spans = vec![
        request("3", 30, json!([text("assistant", "a2")]), delta("2", 0)),
        request("2", 20, second, delta("1", 1)),
        request("1", 10, first, instructions),
    ];
    complete_deltas(&mut spans);
    let said = |place: usize| -> Vec<String> {
        let messages = spans[place].1.input_messages.iter().flatten();
        messages.map(|message| json!(message)["parts"][0]["content"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(said(1), ["u1", "a1", "u2", "guide 2"]);
    assert_eq!(said(0), ["u1", "a1", "u2", "guide 2", "a2"]);
    assert!(spans.iter().all(|(_, mapped)| mapped.system_prompt.as_deref() == Some("s")));
    assert_eq!(spans[0].1.source_keys["input_messages"], json!("span:2"));
    // What was sent stays what was sent.
    assert!(!spans[0].0.span.attributes["gen_ai.input.messages"].to_string().contains("u1"));
}

#[test]
fn without_its_base_a_prompt_stays_as_sent() {
    for base in ["9", "2"] {
        let mut spans = vec![request("2", 20, json!([text("user", "u2")]), delta(base, 0))];
        complete_deltas(&mut spans);
        assert_eq!(spans[0].1.input_messages.as_ref().map(Vec::len), Some(1));
    }
}
