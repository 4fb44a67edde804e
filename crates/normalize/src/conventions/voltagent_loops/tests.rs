use serde_json::{Value, json};

use super::super::map;
use super::super::tests::span;
use super::complete_loops;
use crate::mapped::{Mapped, MergedSpan};

fn spanned(id: &str, start: u64, attributes: Value) -> (MergedSpan, Mapped) {
    let mut merged = span(attributes);
    merged.span.span_id = id.into();
    merged.span.parent_span_id = Some("agent".into());
    merged.span.start_time_unix_nano = start;
    let mapped = map(&merged);
    (merged, mapped)
}

fn call() -> (MergedSpan, Mapped) {
    let messages = r#"[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"q"}]}]"#;
    spanned(
        "call",
        100,
        json!({"span.type": "llm", "entity.type": "agent", "entity.id": "a", "operation.id": "o", "llm.model": "m",
        "llm.messages": messages, "llm.finish_reason": "stop", "llm.usage.prompt_tokens": 9, "llm.usage.completion_tokens": 2}),
    )
}

fn write(id: &str, start: u64, role: &str, parts: &Value) -> (MergedSpan, Mapped) {
    let saved = json!({"userId": "u", "message": {"role": role, "parts": parts}});
    spanned(
        id,
        start,
        json!({"span.type": "memory", "memory.operation": "write", "entity.type": "agent", "entity.id": "a",
        "input": saved.to_string()}),
    )
}

fn parts() -> Value {
    json!([
        {"type": "reasoning", "text": "hm"},
        {"type": "tool-f", "toolCallId": "c", "state": "output-available", "input": {"a": 1}, "output": {"type": "json", "value": {"r": 2}}},
        {"type": "step-start"},
        {"type": "data-note", "text": "shown only"},
        {"type": "text", "text": "done"},
    ])
}

#[test]
fn each_step_is_a_call() {
    let mut spans = vec![
        write("w3", 130, "assistant", &parts()),
        call(),
        write("w1", 110, "user", &json!([{"type": "text", "text": "q"}])),
        write("w2", 120, "assistant", &json!([{"type": "tool-f", "toolCallId": "c", "input": {"a": 1}}])),
    ];
    complete_loops(&mut spans);
    assert_eq!(spans.len(), 5);
    let (last, first) = (&spans[1], &spans[4]);
    let asked = json!({"role": "assistant", "finish_reason": "tool_call", "parts": [
        {"type": "reasoning", "content": "hm"}, {"type": "tool_call", "id": "c", "name": "f", "arguments": {"a": 1}}]});
    assert_eq!(json!(first.1.output_messages), json!([asked]));
    assert_eq!(json!(first.1.input_messages), json!([{"role": "user", "parts": [{"type": "text", "content": "q"}]}]));
    assert_eq!((first.1.model.as_deref(), first.1.input_tokens), (Some("m"), None));
    assert!(first.0.span.start_time_unix_nano < 100 && first.0.span.parent_span_id.as_deref() == Some("agent"));
    assert_eq!(json!(last.1.output_messages)[0]["parts"], json!([{"type": "text", "content": "done"}]));
    assert_eq!(json!(last.1.input_messages)[2]["parts"][0]["response"], json!({"r": 2}));
    assert_eq!((last.1.input_tokens, last.1.system_prompt.as_deref()), (Some(9), Some("s")));
}

#[test]
fn without_memory_a_loop_stays_one_call() {
    let mut spans = vec![call(), write("w", 50, "assistant", &parts())];
    complete_loops(&mut spans);
    assert_eq!((spans.len(), spans[0].1.output_messages.is_none()), (2, true));
}
