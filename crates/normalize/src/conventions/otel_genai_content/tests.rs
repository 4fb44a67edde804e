use gleaner_model::SpanEvent;
use serde_json::{Value, json};

use super::role_lines;
use crate::conventions::map;
use crate::conventions::tests::{input, output, span};

fn texts(prompt: Value, completion: Value) -> (Option<String>, Value, Value) {
    let mapped = map(&span(json!({
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m",
        "gen_ai.prompt": prompt,
        "gen_ai.completion": completion,
    })));
    (mapped.system_prompt.clone(), input(&mapped), output(&mapped))
}

fn said(role: &str, text: &str) -> Value {
    json!([{"role": role, "parts": [{"type": "text", "content": text}]}])
}

#[test]
fn every_form_of_one_attribute() {
    let hello = said("assistant", "Hello");
    let cases = [
        (json!(r#"{"messages": [{"role": "user", "content": "Hi"}]}"#), json!(r#"{"completion": "Hello"}"#)),
        (json!(r#"[{"role": "user", "content": "Hi"}]"#), json!(r#"[{"role": "assistant", "content": "Hello"}]"#)),
        (json!(["Hi"]), json!(["Hello"])),
        (json!("Hi"), json!("Hello")),
        (json!("user: Hi"), json!(r#"{"choices": [{"message": {"role": "assistant", "content": "Hello"}}]}"#)),
    ];
    for (prompt, completion) in cases {
        let context = format!("{prompt} {completion}");
        assert_eq!(texts(prompt, completion), (None, said("user", "Hi"), hello.clone()), "{context}");
    }
}

#[test]
fn reasoning_beside_a_completion() {
    let (_, _, output) = texts(json!("Hi"), json!(r#"{"completion": "Hello", "reasoning": "Hm"}"#));
    assert_eq!(output[0]["parts"][0], json!({"type": "reasoning", "content": "Hm"}));
}

#[test]
fn messages_come_before() {
    let mapped = map(&span(json!({
        "gen_ai.operation.name": "chat",
        "gen_ai.prompt": "old",
        "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": "new"}]}],
    })));
    assert_eq!(input(&mapped), said("user", "new"));
    assert_eq!(mapped.source_keys["input_messages"], "gen_ai.input.messages");
}

#[test]
fn lines_in_an_event() {
    let mut merged = span(json!({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}));
    let attributes = json!({"gen_ai.prompt": "system: Be brief.\nuser: Hi"}).as_object().cloned().unwrap();
    merged.span.events.push(SpanEvent { name: "gen_ai.content.prompt".into(), time_unix_nano: 1, attributes });
    let mapped = map(&merged);
    assert_eq!(mapped.system_prompt.as_deref(), Some("Be brief."));
    assert_eq!(input(&mapped), said("user", "Hi"));
}

#[test]
fn only_known_roles_begin_a_line() {
    assert_eq!(role_lines("Note: this is text"), None);
    assert_eq!(role_lines(""), None);
    let read = json!(role_lines("developer: a\nuser: b\nNote: c\ntool: d"));
    assert_eq!(
        read,
        json!([
            {"role": "system", "parts": [{"type": "text", "content": "a"}]},
            {"role": "user", "parts": [{"type": "text", "content": "b\nNote: c"}]},
            {"role": "tool", "parts": [{"type": "tool_call_response", "response": "d"}]},
        ])
    );
}

#[test]
fn a_placeholder_of_openlit_is_no_answer() {
    let mapped = map(&span(json!({"telemetry.sdk.name": "openlit", "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m", "gen_ai.request.max_tokens": -1, "gen_ai.request.top_p": 1.0,
        "gen_ai.content.completion": "Function called with tools"})));
    assert_eq!(mapped.output_messages, None);
    assert_eq!(json!(mapped.parameters), json!({"top_p": 1.0}));
}
