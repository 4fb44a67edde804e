use gleaner_model::SpanKind;
use serde_json::{Value, json};

use crate::conventions::map;
use crate::conventions::tests::{input, log, output, span};
use crate::mapped::{Mapped, MergedSpan};

fn litellm(name: &str, attributes: Value) -> MergedSpan {
    let mut merged = span(attributes);
    merged.span.name = name.into();
    merged.span.scope.name = "litellm".into();
    merged
}

fn call(attributes: Value) -> Mapped {
    map(&litellm("litellm_request", attributes))
}

#[test]
fn tool_calls_stand_beside_messages_without_parts() {
    let mapped = call(json!({
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.output.messages": r#"[{"role": "assistant", "parts": [], "finish_reason": "tool_calls"}]"#,
        "gen_ai.completion.0.function_call.name": "get_weather",
        "gen_ai.completion.0.function_call.arguments": r#"{"city": "Tokyo"}"#,
        "gen_ai.completion.1.function_call.name": "get_weather",
        "gen_ai.completion.1.function_call.arguments": r#"{"city": "Oslo"}"#,
        "llm.request.functions.0.name": "get_weather",
        "llm.request.functions.0.parameters": r#"{"type": "object"}"#,
        "gen_ai.cost.total_cost": 0.5,
        "gen_ai.cost.input_cost": 0.4,
        "llm.user": "ada",
        "metadata.requester_metadata": "{'session_id': 's-1', 'n': None}",
    }));
    assert_eq!(mapped.kind, Some(SpanKind::Llm));
    assert_eq!(
        output(&mapped),
        json!([{"role": "assistant", "finish_reason": "tool_call", "parts": [
            {"type": "tool_call", "name": "get_weather", "arguments": {"city": "Tokyo"}},
            {"type": "tool_call", "name": "get_weather", "arguments": {"city": "Oslo"}},
        ]}])
    );
    assert_eq!(
        mapped.tool_definitions,
        Some(json!([{"type": "function", "name": "get_weather", "parameters": {"type": "object"}}]))
    );
    assert_eq!(mapped.cost_usd, Some(0.5));
    assert_eq!(mapped.user_key.as_deref(), Some("ada"));
    assert_eq!(mapped.session_key, Some((0, "s-1".into())));
    assert_eq!(mapped.source_keys["session_key"], "metadata.requester_metadata");
}

#[test]
fn the_first_generation_flattened_its_messages() {
    let mapped = call(json!({
        "gen_ai.request.model": "m",
        "gen_ai.prompt.0.role": "system",
        "gen_ai.prompt.0.content": "Be brief.",
        "gen_ai.prompt.1.role": "user",
        "gen_ai.prompt.1.content": "Hi",
        "gen_ai.completion.0.role": "assistant",
        "gen_ai.completion.0.content": "Hello",
        "gen_ai.completion.0.finish_reason": "stop",
        "metadata.user_api_key_end_user_id": "bob",
        "metadata.session_id": "s-2",
    }));
    assert_eq!(mapped.system_prompt.as_deref(), Some("Be brief."));
    assert_eq!(input(&mapped), json!([{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]));
    assert_eq!(
        output(&mapped),
        json!([{"role": "assistant", "parts": [{"type": "text", "content": "Hello"}], "finish_reason": "stop"}])
    );
    assert_eq!((mapped.user_key.as_deref(), mapped.session_key), (Some("bob"), Some((0, "s-2".into()))));
}

#[test]
fn the_newest_generation_has_keys_of_its_own() {
    let mut merged = litellm(
        "chat m",
        json!({
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "m",
            "gen_ai.conversation.id": "c-1",
            "litellm.call_id": "x",
            "litellm.cost.total": 0.25,
            "litellm.end_user.id": "eve",
        }),
    );
    merged.span.scope.name = "my-proxy".into();
    let mapped = map(&merged);
    assert_eq!(mapped.kind, Some(SpanKind::Llm));
    assert_eq!((mapped.cost_usd, mapped.user_key.as_deref()), (Some(0.25), Some("eve")));
    assert_eq!(mapped.session_key, Some((1, "c-1".into())));
}

#[test]
fn the_raw_request_repeats_its_parent() {
    let mapped = map(&litellm(
        "raw_gen_ai_request",
        json!({
            "llm.anthropic.messages": "[{'role': 'user', 'content': 'Hi'}]",
            "llm.anthropic.id": "msg_1",
            "llm.anthropic.model": "claude",
            "llm.anthropic.role": "assistant",
            "llm.anthropic.content": "[{'type': 'thinking', 'thinking': 'Hm'}, \
                {'type': 'tool_use', 'id': 't1', 'name': 'f', 'input': {'ok': True}}]",
            "llm.anthropic.stop_reason": "tool_use",
            "llm.anthropic.usage": "{'input_tokens': 9, 'cache_read_input_tokens': 3, 'output_tokens': 2}",
        }),
    ));
    assert!(mapped.repeats_parent);
    assert_eq!((mapped.kind, mapped.response_id.as_deref()), (Some(SpanKind::Llm), Some("msg_1")));
    assert_eq!(
        json!(mapped.output_messages.as_deref().map(|output| &output[0].parts)),
        json!([
            {"type": "reasoning", "content": "Hm"},
            {"type": "tool_call", "id": "t1", "name": "f", "arguments": {"ok": true}},
        ])
    );
    // Said by the parent.
    assert_eq!((mapped.input_messages, mapped.input_tokens, mapped.cached_tokens), (None, None, Some(3)));
}

#[test]
fn spans_around_the_call_are_steps() {
    for (name, kind) in [
        ("Received Proxy Server Request", SpanKind::Chain),
        ("guardrail", SpanKind::Guardrail),
        ("redis", SpanKind::Chain),
        ("raw_gen_ai_request", SpanKind::Chain),
    ] {
        assert_eq!(map(&litellm(name, json!({}))).kind, Some(kind), "{name}");
    }
}

#[test]
fn events_hold_the_message_as_body() {
    let mut merged = litellm("litellm_request", json!({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}));
    let named = json!({"event_name": "gen_ai.content.prompt", "gen_ai.prompt": "x"});
    merged.logs = vec![
        log("gen_ai.content.prompt", 1, json!({"role": "system", "content": "Be brief."}), named.clone()),
        log("gen_ai.content.prompt", 2, json!({"role": "tool", "tool_call_id": "c1", "content": "18"}), named),
        log(
            "gen_ai.content.completion",
            3,
            json!({"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello"}}),
            json!({}),
        ),
    ];
    let mapped = map(&merged);
    assert_eq!(mapped.system_prompt.as_deref(), Some("Be brief."));
    let result = json!({"type": "tool_call_response", "id": "c1", "response": "18"});
    assert_eq!(input(&mapped), json!([{"role": "tool", "parts": [result]}]));
    assert_eq!(
        output(&mapped),
        json!([{"role": "assistant", "parts": [{"type": "text", "content": "Hello"}], "finish_reason": "stop"}])
    );
}

#[test]
fn keys_that_are_printed_as_the_names_of_constants() {
    let mut call = span(json!({"gen_ai.request.model": "m", "llm.request.type": "completion", "hidden_params": "{}",
        "SpanAttributes.LLM_PROMPTS.0.role": "system", "SpanAttributes.LLM_PROMPTS.0.content": "Be brief.",
        "SpanAttributes.LLM_PROMPTS.1.role": "user", "SpanAttributes.LLM_PROMPTS.1.content": "Weather?",
        "SpanAttributes.LLM_REQUEST_FUNCTIONS.0.name": "f",
        "SpanAttributes.LLM_COMPLETIONS.0.finish_reason": "tool_calls", "SpanAttributes.LLM_COMPLETIONS.0.role": "assistant",
        "SpanAttributes.LLM_COMPLETIONS.0.function_call.name": "f",
        "SpanAttributes.LLM_COMPLETIONS.0.function_call.arguments": "{\"x\": 1}"}));
    call.span.name = "litellm_request".to_owned();
    let mapped = map(&call);
    assert_eq!(mapped.system_prompt.as_deref(), Some("Be brief."));
    assert_eq!(input(&mapped)[0]["parts"][0]["content"], "Weather?");
    let asked = json!([{"type": "tool_call", "name": "f", "arguments": {"x": 1}}]);
    assert_eq!(output(&mapped)[0]["parts"], asked, "and nothing else");
    assert_eq!(mapped.finish_reason.as_deref(), Some("tool_call"));
    assert_eq!(mapped.tool_definitions.as_ref().and_then(|tools| tools[0]["name"].as_str()), Some("f"));
    assert_eq!(mapped.source_keys["output_messages"], "SpanAttributes.LLM_COMPLETIONS.*");
}
