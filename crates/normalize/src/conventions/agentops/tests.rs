use gleaner_model::SpanKind;
use serde_json::json;

use super::super::map;
use super::super::tests::{input, output, span};

#[test]
fn kinds() {
    for (name, kind) in [
        ("session", SpanKind::Chain),
        ("operation", SpanKind::Chain),
        ("workflow", SpanKind::Chain),
        ("task", SpanKind::Chain),
        ("agent", SpanKind::Agent),
        ("tool", SpanKind::Tool),
        ("llm", SpanKind::Llm),
    ] {
        assert_eq!(map(&span(json!({"agentops.span.kind": name}))).kind, Some(kind), "{name}");
    }
}

#[test]
fn a_call() {
    let mapped =
        map(&span(json!({"agentops.span.kind": "llm", "gen_ai.system": "OpenAI", "gen_ai.request.model": "gpt-4o",
        "gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": "hi", "gen_ai.request.temperature": 0.5,
        "gen_ai.request.tools.0.name": "f", "gen_ai.request.tools.0.description": "Multiplies.",
        "gen_ai.completion.0.role": "assistant", "gen_ai.completion.0.finish_reason": "tool_calls",
        "gen_ai.completion.0.tool_calls.0.id": "c1", "gen_ai.completion.0.tool_calls.0.function.name": "f",
        "gen_ai.completion.0.tool_calls.0.function.arguments": "{\"x\": 1}",
        "gen_ai.usage.prompt_tokens": 9, "gen_ai.usage.completion_tokens": 4, "gen_ai.usage.total_cost": 0.01})));
    assert_eq!((mapped.kind, mapped.provider.as_deref()), (Some(SpanKind::Llm), Some("openai")));
    assert_eq!(input(&mapped), json!([{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]));
    assert_eq!(
        output(&mapped)[0]["parts"],
        json!([{"type": "tool_call", "id": "c1", "name": "f", "arguments": {"x": 1}}])
    );
    assert_eq!((mapped.input_tokens, mapped.cost_usd), (Some(9), Some(0.01)));
    assert_eq!(mapped.tool_definitions, Some(json!([{"type": "function", "name": "f", "description": "Multiplies."}])));
    assert_eq!(mapped.parameters, json!({"temperature": 0.5}).as_object().cloned());
}

#[test]
fn decorated_functions() {
    let agent = map(&span(json!({"agentops.span.kind": "agent", "agentops.entity.name": "helper",
        "agentops.entity.input": "{\"args\": [\"hi\"], \"kwargs\": {}}", "agentops.entity.output": "\"Hello.\""})));
    assert_eq!((agent.convention, agent.agent_name.as_deref()), (Some("agentops"), Some("helper")));
    assert_eq!((agent.input_text.as_deref(), agent.output_text.as_deref()), (Some("hi"), Some("Hello.")));
    let tool = map(&span(
        json!({"agentops.span.kind": "tool", "tool.name": "f", "tool.parameters": "{\"x\": 1}", "tool.result": "408"}),
    ));
    assert_eq!((tool.tool_name.as_deref(), tool.tool_arguments), (Some("f"), Some(json!({"x": 1}))));
    assert_eq!(tool.tool_result, Some(json!("408")));
    let workflow =
        map(&span(json!({"agentops.span.kind": "workflow", "workflow.session_id": "s1", "workflow.user_id": "u1",
        "workflow.input": "hi", "workflow.output": "Hello."})));
    assert_eq!((workflow.session_key, workflow.user_key.as_deref()), (Some((0, "s1".into())), Some("u1")));
    assert_eq!((workflow.input_text.as_deref(), workflow.output_text.as_deref()), (Some("hi"), Some("Hello.")));
}

#[test]
fn a_reward_is_no_answer() {
    let mapped = map(&span(
        json!({"agentops.span.kind": "task", "agentops.task.output": "{\"type\": \"reward\", \"value\": 0.5}"}),
    ));
    assert_eq!((mapped.kind, mapped.output_text), (Some(SpanKind::Chain), None));
}

#[test]
fn the_names_of_the_first_versions() {
    let agent = map(&span(json!({"agentops.span.kind": "agent", "operation.name": "helper",
        "agentops.agent.input": "{\"args\": [\"hi\"], \"kwargs\": {}}", "agentops.agent.output": "Hello."})));
    assert_eq!((agent.agent_name.as_deref(), agent.input_text.as_deref()), (Some("helper"), Some("hi")));
    let tool = map(&span(json!({"agentops.span.kind": "tool", "operation.name": "f",
        "agentops.tool.input": "{\"args\": [], \"kwargs\": {\"x\": 1}}", "agentops.tool.output": "408"})));
    assert_eq!((tool.tool_name.as_deref(), tool.tool_arguments), (Some("f"), Some(json!({"x": 1}))));
    let call = map(&span(json!({"gen_ai.request.type": "chat", "gen_ai.request.model": "m",
        "gen_ai.request.functions.0.name": "f", "gen_ai.request.headers": "None"})));
    assert_eq!((call.kind, call.parameters), (Some(SpanKind::Llm), None));
    assert_eq!(call.tool_definitions, Some(json!([{"type": "function", "name": "f"}])));
}

/// Guarantees: a tool that was asked for is no run of it, and the tags of a trace name its session.
#[test]
fn tools_that_a_model_asked_for_and_tags() {
    let mut asked = span(json!({"agentops.span.kind": "AgentOpsSpanKindValues.TOOL", "tool.name": "f",
        "tool.parameters": "{\"x\": 1}", "tool.call.id": "c1", "tool.call.type": "function"}));
    asked.span.name = "tool_call.f".to_owned();
    let asked = map(&asked);
    assert_eq!((asked.kind, asked.repeats_parent, asked.tool_name.as_deref()), (Some(SpanKind::Chain), true, None));
    assert_eq!(
        output(&asked)[0]["parts"],
        json!([{"type": "tool_call", "id": "c1", "name": "f", "arguments": {"x": 1}}])
    );
    let trace = map(&span(json!({"agentops.span.kind": "session", "session_id": "s1", "user_id": "u1"})));
    assert_eq!((trace.session_key, trace.user_key.as_deref()), (Some((0, "s1".to_owned())), Some("u1")));
    assert_eq!(map(&span(json!({"session_id": "s1"}))).session_key, None);
}
