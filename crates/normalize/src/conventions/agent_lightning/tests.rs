use gleaner_model::SpanKind;
use serde_json::{Value, json};

use super::super::map;
use super::super::tests::{input, output, span};
use crate::mapped::MergedSpan;

fn named(name: &str, attributes: Value) -> MergedSpan {
    let mut span = span(attributes);
    span.span.name = name.into();
    span
}

#[test]
fn an_operation_with_messages_is_a_call() {
    let mapped = map(&named(
        "agentlightning.operation",
        json!({"agentlightning.operation.name": "openai.chat.completion", "model": "m-1",
            "agentlightning.operation.input.temperature": 0.2,
            "agentlightning.operation.input.messages.0.role": "system",
            "agentlightning.operation.input.messages.0.content": "Be brief.",
            "agentlightning.operation.input.messages.1.role": "user",
            "agentlightning.operation.input.messages.1.content": "12 x 34?",
            "agentlightning.operation.input.messages.2.role": "assistant",
            "agentlightning.operation.input.messages.2.content": "null",
            "agentlightning.operation.input.messages.2.tool_calls.0.id": "c1",
            "agentlightning.operation.input.messages.2.tool_calls.0.type": "function",
            "agentlightning.operation.input.messages.2.tool_calls.0.function.name": "f",
            "agentlightning.operation.input.messages.2.tool_calls.0.function.arguments": "{\"x\": 1}",
            "agentlightning.operation.input.messages.3.role": "tool",
            "agentlightning.operation.input.messages.3.tool_call_id": "c1",
            "agentlightning.operation.input.messages.3.content": "408",
            "agentlightning.operation.output": "{\"answer\": 408}"}),
    ));
    assert_eq!((mapped.kind, mapped.convention), (Some(SpanKind::Llm), Some("agent_lightning")));
    assert_eq!((mapped.model.as_deref(), mapped.system_prompt.as_deref()), (Some("m-1"), Some("Be brief.")));
    assert_eq!(
        input(&mapped),
        json!([
            {"role": "user", "parts": [{"type": "text", "content": "12 x 34?"}]},
            {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "f", "arguments": {"x": 1}}]},
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "408"}]},
        ])
    );
    assert_eq!(output(&mapped)[0]["parts"], json!([{"type": "text", "content": "{\"answer\": 408}"}]));
    assert_eq!(mapped.parameters.map(Value::Object), Some(json!({"temperature": 0.2})));
}

#[test]
fn a_flattened_response_tells_its_usage() {
    let mapped = map(&named(
        "agentlightning.operation",
        json!({"agentlightning.operation.name": "call", "kind": "llm",
            "agentlightning.operation.input.prompt": "Say hi.",
            "agentlightning.operation.output.id": "r-1",
            "agentlightning.operation.output.model": "m-2",
            "agentlightning.operation.output.choices.0.finish_reason": "stop",
            "agentlightning.operation.output.choices.0.message.role": "assistant",
            "agentlightning.operation.output.choices.0.message.content": "hi",
            "agentlightning.operation.output.usage.prompt_tokens": 3,
            "agentlightning.operation.output.usage.completion_tokens": 1}),
    ));
    assert_eq!(input(&mapped)[0]["parts"][0]["content"], json!("Say hi."));
    assert_eq!(output(&mapped)[0]["parts"][0]["content"], json!("hi"));
    assert_eq!((mapped.response_id.as_deref(), mapped.response_model.as_deref()), (Some("r-1"), Some("m-2")));
    assert_eq!((mapped.input_tokens, mapped.output_tokens), (Some(3), Some(1)));
}

#[test]
fn other_operations_are_what_their_caller_says() {
    let tool = map(&named(
        "agentlightning.operation",
        json!({"agentlightning.operation.name": "f", "kind": "tool", "agentlightning.operation.input.city": "Oslo",
            "agentlightning.operation.output": 408}),
    ));
    assert_eq!((tool.kind, tool.tool_name.as_deref()), (Some(SpanKind::Tool), Some("f")));
    assert_eq!((tool.tool_arguments, tool.tool_result), (Some(json!({"city": "Oslo"})), Some(json!(408))));
    let step = map(&named(
        "agentlightning.operation",
        json!({"agentlightning.operation.name": "plan",
        "agentlightning.operation.input.goal": "win", "agentlightning.operation.output": "done"}),
    ));
    assert_eq!((step.kind, step.tool_name), (Some(SpanKind::Chain), None));
    assert_eq!((step.input_text.as_deref(), step.output_text.as_deref()), (Some("{\"goal\":\"win\"}"), Some("done")));
}

#[test]
fn emitted_messages_objects_exceptions_and_rewards() {
    let message = map(&named("agentlightning.message", json!({"agentlightning.message.body": "hi", "role": "user"})));
    assert_eq!((message.kind, message.input_text.as_deref()), (Some(SpanKind::Chain), Some("hi")));
    let object = map(&named(
        "agentlightning.object",
        json!({"agentlightning.object.type": "dict",
        "agentlightning.object.json": "{\"n\": 1}"}),
    ));
    assert_eq!(object.output_text.as_deref(), Some("{\"n\": 1}"));
    let thrown = map(&named("agentlightning.exception", json!({"exception.type": "E", "exception.message": "boom"})));
    assert_eq!(thrown.error.as_deref(), Some("E: boom"));
    for name in ["agentlightning.annotation", "agentlightning.reward"] {
        assert_eq!(map(&named(name, json!({"reward": 0.5}))).kind, Some(SpanKind::Evaluator));
    }
}

#[test]
fn rollout_and_attempt_stand_in_the_resource() {
    let mut turn = named("turn", json!({}));
    turn.span.resource.insert("agentlightning.rollout_id".into(), json!("ro-1"));
    turn.span.resource.insert("agentlightning.attempt_id".into(), json!("at-1"));
    let mapped = map(&turn);
    assert_eq!((mapped.rollout_key.as_deref(), mapped.attempt_key.as_deref()), (Some("ro-1"), Some("at-1")));
    assert_eq!(mapped.session_key, Some((2, "ro-1".into())));
    assert_eq!(mapped.source_keys["rollout_key"], json!("resource/agentlightning.rollout_id"));
    turn.span.attributes.insert("session.id".into(), json!("s-1"));
    assert_eq!(map(&turn).session_key, Some((0, "s-1".into())));
}
