use gleaner_model::SpanKind;
use serde_json::{Value, json};

use super::super::map;
use super::super::tests::{output, span};
use super::told;
use crate::mapped::MergedSpan;

fn delivered(recipient: &str, message: &Value) -> MergedSpan {
    let mut span = span(json!({"messaging.operation": "process", "messaging.destination": "x",
        "recipient_agent_class": recipient, "message": message.to_string()}));
    span.span.name = "autogen process x".into();
    span.span.scope.name = "autogen SingleThreadedAgentRuntime".into();
    span
}

fn answer() -> Value {
    let usage = |input: i64, output: i64| json!({"prompt_tokens": input, "completion_tokens": output});
    json!({"response": {
        "inner_messages": [
            {"source": "sky", "models_usage": null, "content": "Let me check.", "type": "ThoughtEvent"},
            {"source": "sky", "models_usage": usage(20, 5), "type": "ToolCallRequestEvent",
                "content": [{"id": "c1", "name": "f", "arguments": "{\"x\": 1}"}]},
            {"source": "sky", "models_usage": null, "type": "ToolCallExecutionEvent",
                "content": [{"content": "408", "name": "f", "call_id": "c1", "is_error": false}]}],
        "chat_message": {"source": "sky", "models_usage": usage(30, 3), "content": "408.", "type": "TextMessage"}},
        "name": "sky"})
}

#[test]
fn what_a_manager_is_told_tells_of_calls() {
    let span = delivered("RoundRobinGroupChatManager", &answer());
    let calls = told(&span);
    assert_eq!(calls.len(), 2);
    assert_eq!(
        output(&calls[0])[0]["parts"],
        json!([{"type": "text", "content": "Let me check."},
            {"type": "tool_call", "id": "c1", "name": "f", "arguments": {"x": 1}}])
    );
    assert_eq!((calls[0].input_tokens, calls[0].output_tokens), (Some(20), Some(5)));
    assert_eq!((calls[0].finish_reason.as_deref(), calls[0].agent_name.as_deref()), (Some("tool_call"), Some("sky")));
    assert_eq!(output(&calls[1])[0]["parts"], json!([{"type": "text", "content": "408."}]));
    let mapped = map(&span);
    assert_eq!((mapped.kind, mapped.output_text.as_deref()), (Some(SpanKind::Chain), Some("408.")));
}

#[test]
fn the_older_name_of_the_answer() {
    let mut message = answer();
    message["agent_response"] = message["response"].take();
    message.as_object_mut().and_then(|map| map.shift_remove("response"));
    assert_eq!(told(&delivered("SelectorGroupChatManager", &message)).len(), 2);
}

#[test]
fn copies_and_answers_without_a_model_tell_nothing() {
    assert_eq!(told(&delivered("ChatAgentContainer", &answer())), []);
    let summary = json!({"response": {"inner_messages": [],
        "chat_message": {"source": "sky", "models_usage": null, "content": "408", "type": "ToolCallSummaryMessage"}}});
    assert_eq!(told(&delivered("RoundRobinGroupChatManager", &summary)), []);
    assert_eq!(told(&delivered("RoundRobinGroupChatManager", &json!("No Message"))), []);
}

#[test]
fn the_start_of_a_team_is_its_task() {
    let start = json!({"messages": [{"source": "user", "content": "12 x 34?", "type": "TextMessage"}]});
    let mapped = map(&delivered("RoundRobinGroupChatManager", &start));
    assert_eq!((mapped.kind, mapped.convention), (Some(SpanKind::Chain), Some("autogen")));
    assert_eq!(mapped.input_text.as_deref(), Some("12 x 34?"));
}

#[test]
fn agents_and_tools_are_opentelemetry_s() {
    let mut agent =
        span(json!({"gen_ai.operation.name": "invoke_agent", "gen_ai.system": "autogen", "gen_ai.agent.name": "sky"}));
    agent.span.scope.name = "autogen-core".into();
    let mapped = map(&agent);
    assert_eq!((mapped.kind, mapped.convention), (Some(SpanKind::Agent), Some("otel_genai")));
    assert_eq!((mapped.agent_name.as_deref(), mapped.provider), (Some("sky"), None));
}
