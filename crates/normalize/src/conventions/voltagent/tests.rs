use gleaner_model::SpanKind;
use serde_json::json;

use super::super::map;
use super::super::tests::{input, output, span};

#[test]
fn a_child_says_its_own_type_and_its_agent_s() {
    let of = |own: &str| {
        map(&span(
            json!({"entity.type": "agent", "entity.id": "a", "entity.name": "support", "operation.id": "o", "span.type": own}),
        ))
    };
    for (own, kind) in [
        ("llm", SpanKind::Llm),
        ("\"tool\"", SpanKind::Tool),
        ("retriever", SpanKind::Retriever),
        ("guardrail", SpanKind::Guardrail),
        ("memory", SpanKind::Chain),
    ] {
        assert_eq!((of(own).kind, of(own).agent_name.as_deref()), (Some(kind), Some("support")), "{own}");
    }
    let elsewhere = map(&span(json!({"span.type": "llm", "input": "x"})));
    assert_eq!(elsewhere.convention, None);
}

#[test]
fn an_agent_has_the_question_and_the_answer() {
    let mapped = map(&span(
        json!({"entity.type": "agent", "entity.id": "a", "entity.name": "parent", "subagent.name": "support",
        "voltagent.operation_id": "o", "conversation.id": "c", "user.id": "u", "input": "Oslo?", "output": "7°C.",
        "agent.instructions": "Be brief.", "ai.model.name": "gpt-4o-mini", "ai.model.temperature": 0.2,
        "usage.prompt_tokens": 9, "usage.completion_tokens": 3, "usage.cached_tokens": 4, "usage.reasoning_tokens": 1,
        "ai.response.finish_reason": "stop"}),
    ));
    assert_eq!((mapped.kind, mapped.convention), (Some(SpanKind::Agent), Some("voltagent")));
    assert_eq!((mapped.agent_name.as_deref(), mapped.system_prompt.as_deref()), (Some("support"), Some("Be brief.")));
    assert_eq!(input(&mapped)[0]["parts"], json!([{"type": "text", "content": "Oslo?"}]));
    assert_eq!(output(&mapped)[0]["parts"], json!([{"type": "text", "content": "7°C."}]));
    assert_eq!((mapped.session_key, mapped.user_key.as_deref()), (Some((1, "c".to_owned())), Some("u")));
    assert_eq!((mapped.model.as_deref(), mapped.finish_reason.as_deref()), (Some("gpt-4o-mini"), Some("stop")));
    assert_eq!((mapped.input_tokens, mapped.output_tokens), (Some(9), Some(3)));
    assert_eq!((mapped.cached_tokens, mapped.reasoning_tokens), (Some(4), Some(1)));
    assert_eq!(json!(mapped.parameters), json!({"temperature": 0.2}));
}

#[test]
fn a_call_has_the_prompt_and_names_of_tools() {
    let mapped = map(&span(
        json!({"span.type": "llm", "entity.type": "agent", "entity.id": "a", "llm.operation": "streamText",
        "llm.model": "openai/gpt-4o-mini", "llm.provider": "openai", "llm.max_output_tokens": 50, "llm.tools": "weather,now",
        "llm.messages": "[{\"role\":\"system\",\"content\":\"Be brief.\"},{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Oslo?\"}]}]",
        "llm.usage.prompt_tokens": 9, "llm.usage.completion_tokens": 3, "llm.finish_reason": "tool-calls"}),
    ));
    assert_eq!((mapped.provider.as_deref(), mapped.model.as_deref()), (Some("openai"), Some("gpt-4o-mini")));
    assert_eq!(mapped.system_prompt.as_deref(), Some("Be brief."));
    assert_eq!(input(&mapped), json!([{"role": "user", "parts": [{"type": "text", "content": "Oslo?"}]}]));
    let names = json!([{"type": "function", "name": "weather"}, {"type": "function", "name": "now"}]);
    assert_eq!((mapped.tool_definitions, mapped.finish_reason.as_deref()), (Some(names), Some("tool_call")));
    assert_eq!((mapped.input_tokens, json!(mapped.parameters)), (Some(9), json!({"max_tokens": 50})));
}

#[test]
fn tools_of_all_versions() {
    let now = map(&span(json!({"span.type": "tool", "entity.type": "agent", "entity.id": "a", "tool.name": "now",
        "tool.call.id": "c1", "tool.parameters": "{\"type\":\"object\"}", "input": "{\"zone\":1}", "output": "{\"hour\":7}"})));
    let mut first = span(json!({"tool.name": "now", "tool.call.id": "c1", "tool.arguments": "{\"zone\":1}",
        "tool.result": "{\"hour\":7}", "agent.id": "a"}));
    first.span.name = "tool.execution:now".into();
    for mapped in [now, map(&first)] {
        assert_eq!((mapped.kind, mapped.tool_call_id.as_deref()), (Some(SpanKind::Tool), Some("c1")));
        assert_eq!((mapped.tool_name.as_deref(), mapped.tool_arguments), (Some("now"), Some(json!({"zone": 1}))));
        assert_eq!(mapped.tool_result, Some(json!("{\"hour\":7}")));
    }
}
