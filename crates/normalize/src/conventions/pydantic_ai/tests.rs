use gleaner_model::SpanKind;
use serde_json::json;

use super::super::map;
use super::super::tests::{input, output, span};

#[test]
fn a_tool_of_the_second_version() {
    let mapped = map(&span(
        json!({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "f", "gen_ai.tool.call.id": "c1",
        "tool_arguments": "{\"x\":1}", "tool_response": "408"}),
    ));
    assert_eq!((mapped.kind, mapped.convention), (Some(SpanKind::Tool), Some("otel_genai")));
    assert_eq!((mapped.tool_arguments, mapped.tool_result), (Some(json!({"x": 1})), Some(json!("408"))));
}

#[test]
fn a_run_has_its_prompt_and_its_last_answer() {
    let all = json!([
        {"role": "user", "parts": [{"type": "text", "content": "earlier"}]},
        {"role": "assistant", "parts": [{"type": "text", "content": "before"}]},
        {"role": "user", "parts": [{"type": "text", "content": "12 × 34?"}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "f", "arguments": "{\"x\": 1}"}]},
        {"role": "user", "parts": [{"type": "tool_call_response", "id": "c1", "name": "f", "result": "408"}]},
        {"role": "assistant", "parts": [{"type": "text", "content": "408."}]},
    ]);
    let mapped = map(&span(json!({"gen_ai.operation.name": "invoke_agent", "agent_name": "a", "final_result": "408.",
        "pydantic_ai.all_messages": all.to_string(), "pydantic_ai.new_message_index": 2,
        "gen_ai.system_instructions": "[{\"type\":\"text\",\"content\":\"Be brief.\"}]"})));
    assert_eq!((mapped.kind, mapped.agent_name.as_deref()), (Some(SpanKind::Agent), Some("a")));
    assert_eq!(mapped.system_prompt.as_deref(), Some("Be brief."));
    assert_eq!(input(&mapped).as_array().map(Vec::len), Some(3));
    assert_eq!(output(&mapped)[0]["parts"], json!([{"type": "text", "content": "408."}]));
    assert_eq!(mapped.output_text.as_deref(), Some("408."));
}

#[test]
fn the_first_version_lists_events() {
    let events = json!([
        {"event.name": "gen_ai.system.message", "content": "Be brief.", "role": "system", "gen_ai.message.index": 0},
        {"event.name": "gen_ai.user.message", "content": "hi", "role": "user", "gen_ai.message.index": 0},
        {"event.name": "gen_ai.choice", "index": 0, "message": {"role": "assistant", "content": [{"kind": "thinking", "text": "hm"}, {"kind": "text", "text": "hello"}]}},
    ]);
    let mapped = map(&span(
        json!({"gen_ai.operation.name": "chat", "model_request_parameters": "{\"function_tools\":[{\"name\":\"f\",\"parameters_json_schema\":{}}]}",
        "events": events.to_string()}),
    ));
    assert_eq!(mapped.system_prompt.as_deref(), Some("Be brief."));
    assert_eq!(input(&mapped), json!([{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]));
    assert_eq!(
        output(&mapped)[0]["parts"],
        json!([{"type": "reasoning", "content": "hm"}, {"type": "text", "content": "hello"}])
    );
    assert_eq!(mapped.tool_definitions, Some(json!([{"type": "function", "name": "f"}])));
}
