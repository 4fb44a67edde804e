use gleaner_model::SpanKind;
use serde_json::{Value, json};

use super::super::map;
use super::super::tests::{input, output, span};

fn call(more: Value) -> Value {
    let mut call = json!({
        "gen_ai.span.kind": "LLM", "gen_ai.provider.name": "openai", "gen_ai.request.model": "m-2026-07-18",
        "gen_ai.request.parameters": "{\"model\": \"m\", \"temperature\": 0.5}",
        "gen_ai.input.messages.0.message.role": "system", "gen_ai.input.messages.0.message.content": "s",
        "gen_ai.input.messages.1.message.role": "user", "gen_ai.input.messages.1.message.content": "q",
        "gen_ai.tool.definitions.0.tool.json_schema": "{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{}}}",
        "gen_ai.usage.input_tokens": 9, "gen_ai.usage.output_tokens": 4, "gen_ai.usage.input_tokens.cache_read": 3,
        "gen_ai.usage.output_tokens.reasoning": 2});
    for (key, value) in more.as_object().into_iter().flatten() {
        call[key] = value.clone();
    }
    call
}

#[test]
fn openinference_by_other_names() {
    let mapped = map(&span(call(json!({
        "gen_ai.output.messages.0.message.role": "assistant",
        "gen_ai.output.messages.0.message.tool_calls.0.tool_call.id": "c",
        "gen_ai.output.messages.0.message.tool_calls.0.tool_call.function.name": "f",
        "gen_ai.output.messages.0.message.tool_calls.0.tool_call.function.arguments": "{\"a\": 1}"}))));
    assert_eq!((mapped.kind, mapped.convention), (Some(SpanKind::Llm), Some("traceai")));
    assert_eq!((mapped.model.as_deref(), mapped.response_model.as_deref()), (Some("m"), Some("m-2026-07-18")));
    assert_eq!((mapped.system_prompt.as_deref(), mapped.provider.as_deref()), (Some("s"), Some("openai")));
    assert_eq!(input(&mapped), json!([{"role": "user", "parts": [{"type": "text", "content": "q"}]}]));
    assert_eq!(
        output(&mapped)[0]["parts"][0],
        json!({"type": "tool_call", "id": "c", "name": "f", "arguments": {"a": 1}})
    );
    assert_eq!((mapped.input_tokens, mapped.output_tokens), (Some(9), Some(4)));
    assert_eq!((mapped.cached_tokens, mapped.reasoning_tokens), (Some(3), Some(2)));
    assert_eq!(mapped.parameters, json!({"temperature": 0.5}).as_object().cloned());
    assert_eq!(mapped.source_keys["input_tokens"], json!("gen_ai.usage.input_tokens"));
    assert_eq!(mapped.source_keys["parameters"], json!("gen_ai.request.parameters"));
}

#[test]
fn of_a_stream_the_text_is_told() {
    let mapped = map(&span(call(json!({"output.value": "a"}))));
    assert_eq!(output(&mapped)[0]["parts"][0]["content"], json!("a"));
}

#[test]
fn one_value_is_opentelemetry() {
    let mapped = map(&span(
        json!({"gen_ai.operation.name": "chat", "gen_ai.input.messages": "[]", "gen_ai.request.model": "m"}),
    ));
    assert_eq!(mapped.convention, Some("otel_genai"));
}

#[test]
fn beside_openinference_s_keys_its_own_count_in_any_order() {
    let own = ("gen_ai.input.messages.0.message.content", json!("own"));
    let others = ("llm.input_messages.0.message.content", json!("other"));
    for keys in [[own.clone(), others.clone()], [others, own]] {
        let attributes = keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        assert_eq!(input(&map(&span(Value::Object(attributes))))[0]["parts"][0]["content"], json!("own"));
    }
}
