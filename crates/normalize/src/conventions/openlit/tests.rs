use gleaner_model::SpanKind;
use serde_json::{Value, json};

use crate::conventions::map;
use crate::conventions::tests::{input, output, span};
use crate::mapped::MergedSpan;

fn openlit(name: &str, attributes: Value) -> MergedSpan {
    let mut merged = span(attributes);
    merged.span.name = name.into();
    merged.span.scope.name = "openlit.instrumentation.anthropic".into();
    merged
}

#[test]
fn anthropic_counts_cached_tokens_apart() {
    let usage = |provider: &str| {
        let mapped = map(&openlit(
            "chat m",
            json!({
                "gen_ai.operation.name": "chat",
                "gen_ai.request.model": "m",
                "gen_ai.provider.name": provider,
                "gen_ai.usage.input_tokens": 80,
                "gen_ai.usage.output_tokens": 28,
                "gen_ai.usage.cost": 0,
                "gen_ai.usage.cache_read.input_tokens": 79,
                "gen_ai.usage.cache_creation.input_tokens": 1,
            }),
        ));
        assert_eq!(mapped.cost_usd, None);
        (mapped.input_tokens, mapped.output_tokens, mapped.cached_tokens)
    };
    assert_eq!(usage("anthropic"), (Some(160), Some(28), Some(79)));
    assert_eq!(usage("openai"), (Some(80), Some(28), Some(79)));
}

#[test]
fn asked_tools_are_told_without_messages() {
    let asked = |attributes: Value| {
        let mut all = json!({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"});
        all.as_object_mut().unwrap().extend(attributes.as_object().cloned().unwrap());
        output(&map(&openlit("chat m", all)))
    };
    assert_eq!(
        asked(json!({
            "gen_ai.tool.name": "f, g",
            "gen_ai.tool.call.id": "c1, c2",
            "gen_ai.tool.args": r#"{"a": 1}, {"b": [2, 3]}"#,
        })),
        json!([{"role": "assistant", "finish_reason": "tool_call", "parts": [
            {"type": "tool_call", "id": "c1", "name": "f", "arguments": {"a": 1}},
            {"type": "tool_call", "id": "c2", "name": "g", "arguments": {"b": [2, 3]}},
        ]}])
    );
    // The tools that were offered.
    assert_eq!(asked(json!({"gen_ai.tool.name": "f"})), Value::Null);
    assert_eq!(
        asked(json!({
            "gen_ai.tool.name": "f",
            "gen_ai.tool.call.id": "c1",
            "gen_ai.tool.args": "{}",
            "gen_ai.output.messages": [{"role": "assistant", "parts": [
                {"type": "text", "content": "Wait."}, {"type": "tool_call", "id": "c1", "name": "f", "arguments": {}},
            ]}],
        }))[0]["parts"],
        json!([
            {"type": "text", "content": "Wait."},
            {"type": "tool_call", "id": "c1", "name": "f", "arguments": {}},
        ])
    );
}

#[test]
fn a_traced_function_is_no_model_call() {
    let mapped = map(&openlit(
        "get_weather",
        json!({
            "gen_ai.output.messages": r#"{"temp": 18}"#,
            "function.args": "()",
            "function.kwargs": "{'city': 'Paris'}",
        }),
    ));
    assert_eq!((mapped.kind, mapped.convention), (Some(SpanKind::Chain), Some("openlit")));
    assert_eq!(mapped.tool_name.as_deref(), Some("get_weather"));
    assert_eq!(mapped.tool_arguments, Some(json!({"city": "Paris"})));
    assert_eq!(mapped.tool_result, Some(json!(r#"{"temp": 18}"#)));
    assert_eq!(mapped.output_messages, None);

    let manual = map(&openlit("turn", json!({"gen_ai.output.messages": "Hello", "session.id": "s"})));
    assert_eq!((manual.kind, manual.output_text.as_deref()), (Some(SpanKind::Chain), Some("Hello")));
    assert_eq!(manual.tool_name, None);
}

#[test]
fn older_versions_write_lines() {
    let mapped = map(&openlit(
        "openai.chat.completions",
        json!({
            "gen_ai.system": "openai",
            "gen_ai.request.model": "m",
            "gen_ai.content.prompt": "system: Be brief.\nuser: What is\nnew?",
            "gen_ai.content.completion": "Nothing.",
            "gen_ai.content.reasoning": "Hm",
            "gen_ai.usage.cost": 0.1,
            "gen_ai.agent.session_id": "s",
            "gen_ai.request.user": "ada",
        }),
    ));
    assert_eq!(mapped.kind, Some(SpanKind::Llm));
    assert_eq!(mapped.system_prompt.as_deref(), Some("Be brief."));
    assert_eq!(input(&mapped), json!([{"role": "user", "parts": [{"type": "text", "content": "What is\nnew?"}]}]));
    assert_eq!(
        output(&mapped),
        json!([{"role": "assistant", "parts": [
            {"type": "reasoning", "content": "Hm"}, {"type": "text", "content": "Nothing."},
        ]}])
    );
    assert_eq!((mapped.cost_usd, mapped.session_key), (Some(0.1), Some((0, "s".into()))));
    assert_eq!(mapped.user_key.as_deref(), Some("ada"));
    assert_eq!(mapped.source_keys["input_messages"], "gen_ai.content.prompt");
}

#[test]
fn nothing_that_python_printed_is_no_text() {
    let told = |parts: &str| {
        let messages = format!("[{{\"role\": \"assistant\", \"parts\": [{parts}]}}]");
        output(&map(&openlit("chat m", json!({"gen_ai.operation.name": "chat", "gen_ai.output.messages": messages}))))
    };
    let (none, call) =
        (r#"{"type": "text", "content": "None"}"#, r#"{"type": "tool_call", "id": "", "name": "f", "arguments": {}}"#);
    let parts = json!([{"type": "tool_call", "name": "f", "arguments": {}}]);
    assert_eq!(told(&format!("{none}, {call}"))[0]["parts"], parts);
    // A model may answer with that word.
    assert_eq!(told(none)[0]["parts"][0]["content"], json!("None"));
}
