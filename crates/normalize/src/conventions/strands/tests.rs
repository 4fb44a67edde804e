use gleaner_model::{SpanEvent, SpanKind};
use serde_json::{Value, json};

use super::super::map;
use super::super::tests::{input, output, span};
use crate::mapped::MergedSpan;

fn with_events(attributes: Value, events: &[(&str, Value)]) -> MergedSpan {
    let mut span = span(attributes);
    for (time, (name, attributes)) in events.iter().enumerate() {
        span.span.events.push(SpanEvent {
            name: (*name).into(),
            time_unix_nano: time as u64,
            attributes: attributes.as_object().cloned().unwrap_or_default(),
        });
    }
    span
}

const DETAILS: &str = "gen_ai.client.inference.operation.details";

#[test]
fn a_call_by_events_per_message() {
    let mapped = map(&with_events(
        json!({"gen_ai.operation.name": "chat", "gen_ai.system": "strands-agents",
            "gen_ai.request.model": "us.anthropic.claude-sonnet-4-v1:0", "gen_ai.usage.prompt_tokens": 30,
            "gen_ai.usage.input_tokens": 30, "gen_ai.usage.output_tokens": 4, "gen_ai.usage.cache_read_input_tokens": 10}),
        &[
            ("gen_ai.system.message", json!({"content": "[{\"text\": \"Be brief.\"}]"})),
            ("gen_ai.user.message", json!({"content": "[{\"text\": \"12 x 34?\"}]"})),
            (
                "gen_ai.assistant.message",
                json!({"content":
                "[{\"reasoningContent\": {\"reasoningText\": {\"text\": \"Multiply.\"}}}, {\"toolUse\": {\"toolUseId\": \"c1\", \"name\": \"f\", \"input\": {\"x\": 1}}}]"}),
            ),
            (
                "gen_ai.tool.message",
                json!({"content":
                "[{\"toolResult\": {\"toolUseId\": \"c1\", \"status\": \"success\", \"content\": [{\"text\": \"408\"}]}}]"}),
            ),
            ("gen_ai.choice", json!({"finish_reason": "end_turn", "message": "[{\"text\": \"408.\"}]"})),
        ],
    ));
    assert_eq!((mapped.kind, mapped.provider.as_deref()), (Some(SpanKind::Llm), Some("aws.bedrock")));
    assert_eq!(mapped.system_prompt.as_deref(), Some("Be brief."));
    assert_eq!(
        input(&mapped),
        json!([
            {"role": "user", "parts": [{"type": "text", "content": "12 x 34?"}]},
            {"role": "assistant", "parts": [{"type": "reasoning", "content": "Multiply."},
                {"type": "tool_call", "id": "c1", "name": "f", "arguments": {"x": 1}}]},
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "408"}]},
        ])
    );
    assert_eq!(output(&mapped)[0]["parts"], json!([{"type": "text", "content": "408."}]));
    assert_eq!((mapped.finish_reason.as_deref(), mapped.cached_tokens), (Some("stop"), Some(10)));
}

#[test]
fn a_call_by_several_details() {
    let mapped = map(&with_events(
        json!({"gen_ai.operation.name": "chat", "gen_ai.provider.name": "strands-agents", "gen_ai.request.model": "gpt-4o"}),
        &[
            (DETAILS, json!({"gen_ai.system_instructions": "[{\"type\": \"text\", \"content\": \"Be brief.\"}]"})),
            (
                DETAILS,
                json!({"gen_ai.input.messages": "[{\"role\": \"user\", \"parts\": [{\"type\": \"text\", \"content\": \"hi\"}]}]"}),
            ),
            (
                DETAILS,
                json!({"gen_ai.output.messages":
                "[{\"role\": \"assistant\", \"parts\": [{\"type\": \"text\", \"content\": \"Hello.\"}], \"finish_reason\": \"end_turn\"}]"}),
            ),
        ],
    ));
    assert_eq!((mapped.system_prompt.as_deref(), mapped.provider.as_deref()), (Some("Be brief."), Some("openai")));
    assert_eq!(input(&mapped)[0]["parts"][0]["content"], json!("hi"));
    assert_eq!(output(&mapped)[0]["parts"][0]["content"], json!("Hello."));
    assert_eq!(mapped.finish_reason.as_deref(), Some("stop"));
}

#[test]
fn a_tool_in_both_modes() {
    let attributes = json!({"gen_ai.operation.name": "execute_tool", "gen_ai.system": "strands-agents",
        "gen_ai.tool.name": "f", "gen_ai.tool.call.id": "c1"});
    let default = map(&with_events(
        attributes.clone(),
        &[
            ("gen_ai.tool.message", json!({"role": "tool", "content": "{\"x\": 1}", "id": "c1"})),
            ("gen_ai.choice", json!({"message": "[{\"text\": \"408\"}]", "id": "c1"})),
        ],
    ));
    let latest = map(&with_events(
        attributes,
        &[
            (
                DETAILS,
                json!({"gen_ai.input.messages":
                "[{\"role\": \"tool\", \"parts\": [{\"type\": \"tool_call\", \"id\": \"c1\", \"name\": \"f\", \"arguments\": {\"x\": 1}}]}]"}),
            ),
            (
                DETAILS,
                json!({"gen_ai.output.messages":
                "[{\"role\": \"tool\", \"parts\": [{\"type\": \"tool_call_response\", \"id\": \"c1\", \"response\": [{\"text\": \"408\"}]}]}]"}),
            ),
        ],
    ));
    for mapped in [default, latest] {
        assert_eq!(mapped.kind, Some(SpanKind::Tool));
        assert_eq!((mapped.tool_arguments, mapped.tool_result), (Some(json!({"x": 1})), Some(json!("408"))));
        assert_eq!((mapped.input_messages, mapped.output_messages), (None, None));
    }
}

#[test]
fn cycles_and_teams_are_chains_and_failed_tools_fail() {
    let kind = |operation: &str| {
        map(&span(json!({"gen_ai.operation.name": operation, "gen_ai.system": "strands-agents",
            "event_loop.cycle_id": "1", "gen_ai.request.model": "m"})))
        .kind
    };
    assert_eq!(kind("execute_event_loop_cycle"), Some(SpanKind::Chain));
    assert_eq!(kind("invoke_swarm"), Some(SpanKind::Chain));
    assert_eq!((kind("invoke_agent"), kind("chat")), (Some(SpanKind::Agent), Some(SpanKind::Llm)));
    let failed = map(&span(json!({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "f",
        "gen_ai.system": "strands-agents", "gen_ai.tool.status": "error"})));
    assert_eq!(failed.error.as_deref(), Some("error"));
}

#[test]
fn an_agent_lists_its_tools_by_name() {
    let mapped = map(&span(json!({"gen_ai.operation.name": "invoke_agent", "gen_ai.system": "strands-agents",
        "gen_ai.agent.tools": "[\"f\", \"g\"]", "system_prompt": "Be brief."})));
    let tools = json!([{"type": "function", "name": "f"}, {"type": "function", "name": "g"}]);
    assert_eq!((mapped.tool_definitions, mapped.system_prompt.as_deref()), (Some(tools), Some("Be brief.")));
}

/// The model is called without a span of its own, and made to answer with an object.
#[test]
fn structured_output_is_a_call() {
    let mapped = map(&with_events(
        json!({"gen_ai.operation.name": "execute_structured_output", "gen_ai.system": "strands-agents"}),
        &[
            ("gen_ai.user.message", json!({"role": "user", "content": "[{\"text\": \"Facts?\"}]"})),
            ("gen_ai.choice", json!({"message": "{\"city\": \"Paris\", \"n\": 7}"})),
        ],
    ));
    assert_eq!(mapped.kind, Some(SpanKind::Llm));
    assert_eq!(
        output(&mapped),
        json!([{"role": "assistant", "parts": [{"type": "text", "content": "{\"city\": \"Paris\", \"n\": 7}"}]}])
    );
}
