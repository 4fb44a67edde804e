use gleaner_model::SpanKind;
use serde_json::{Value, json};

use super::super::map;
use super::super::tests::{input, log, output, span};
use super::told;
use crate::mapped::MergedSpan;

fn named(name: &str, attributes: Value) -> MergedSpan {
    let mut span = span(attributes);
    span.span.name = name.into();
    span.span.scope.name = "gcp.vertex.agent".into();
    span
}

fn request() -> String {
    json!({"model": "gemini-2.5-flash",
        "config": {"system_instruction": "Be brief.", "temperature": 0.2, "http_options": {"headers": {}},
            "tools": [{"function_declarations": [{"name": "f", "description": "d", "parameters": {"type": "OBJECT"}}]}]},
        "contents": [{"role": "user", "parts": [{"text": "12 x 34?"}]},
            {"role": "model", "parts": [{"function_call": {"id": "adk-1", "name": "f", "args": {"x": 1}}}]},
            {"role": "user", "parts": [{"function_response": {"id": "adk-1", "name": "f", "response": {"result": 408}}}]}]})
    .to_string()
}

#[test]
fn a_call_is_read_from_its_bodies() {
    let response = json!({"content": {"role": "model", "parts": [{"text": "thinking", "thought": true}, {"text": "408."}]},
        "finish_reason": "STOP", "usage_metadata": {"prompt_token_count": 30, "candidates_token_count": 4,
            "thoughts_token_count": 6, "cached_content_token_count": 10}});
    let mapped = map(&named(
        "call_llm",
        json!({"gen_ai.system": "gcp.vertex.agent", "gen_ai.request.model": "gemini-2.5-flash",
            "gcp.vertex.agent.session_id": "s-1", "gcp.vertex.agent.llm_request": request(),
            "gcp.vertex.agent.llm_response": response.to_string()}),
    ));
    assert_eq!((mapped.kind, mapped.provider.as_deref()), (Some(SpanKind::Llm), Some("gcp.gemini")));
    assert_eq!(mapped.system_prompt.as_deref(), Some("Be brief."));
    assert_eq!(input(&mapped)[1]["parts"][0]["id"], json!("adk-1"));
    assert_eq!(input(&mapped)[2]["role"], json!("tool"));
    assert_eq!(output(&mapped)[0]["parts"][0], json!({"type": "reasoning", "content": "thinking", "kind": "summary"}));
    assert_eq!(mapped.parameters.map(Value::Object), Some(json!({"temperature": 0.2})));
    assert_eq!(mapped.tool_definitions.as_ref().and_then(|tools| tools[0]["name"].as_str()), Some("f"));
    assert_eq!((mapped.input_tokens, mapped.output_tokens), (Some(30), Some(10)));
    assert_eq!((mapped.cached_tokens, mapped.reasoning_tokens), (Some(10), Some(6)));
    assert_eq!(mapped.session_key, Some((1, "s-1".into())));
}

#[test]
fn content_that_was_left_out_is_no_content() {
    let mapped = map(&named(
        "call_llm",
        json!({"gen_ai.request.model": "gemini-2.5-flash", "gcp.vertex.agent.llm_request": "{}",
            "gcp.vertex.agent.llm_response": "{}"}),
    ));
    assert_eq!((mapped.kind, mapped.input_messages, mapped.output_messages), (Some(SpanKind::Llm), None, None));
    let tool = map(&named(
        "execute_tool f",
        json!({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "f", "gen_ai.tool.call.id": "<not specified>",
            "gcp.vertex.agent.tool_call_args": "{}", "gcp.vertex.agent.tool_response": "<not specified>",
            "gcp.vertex.agent.llm_request": "{}"}),
    ));
    assert_eq!((tool.kind, tool.tool_call_id), (Some(SpanKind::Tool), None));
    assert_eq!((tool.tool_arguments, tool.tool_result, tool.input_messages), (None, None, None));
}

#[test]
fn tools_of_all_versions() {
    let args =
        json!({"gcp.vertex.agent.tool_call_args": "{\"x\": 1}", "gcp.vertex.agent.tool_response": "{\"result\": 408}"});
    let first = map(&named("tool_call [f]", args.clone()));
    assert_eq!((first.kind, first.tool_name.as_deref()), (Some(SpanKind::Tool), Some("f")));
    assert_eq!((first.tool_arguments, first.tool_result), (Some(json!({"x": 1})), Some(json!("{\"result\": 408}"))));
    assert_eq!(map(&named("execute_tool f", args)).tool_name.as_deref(), Some("f"));
    let merged = json!({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "(merged tools)",
        "gcp.vertex.agent.tool_call_args": "N/A"});
    assert_eq!(map(&named("execute_tool (merged)", merged)).kind, Some(SpanKind::Chain));
}

#[test]
fn outer_spans_have_kinds_without_attributes() {
    let kind = |name: &str| map(&named(name, json!({}))).kind;
    assert_eq!((kind("invocation"), kind("agent_run [sky]")), (Some(SpanKind::Chain), Some(SpanKind::Agent)));
    assert_eq!(map(&named("agent_run [sky]", json!({}))).agent_name.as_deref(), Some("sky"));
}

#[test]
fn the_user_is_named_on_log_records() {
    let mut call = named("generate_content gemini-2.5-flash", json!({"gen_ai.operation.name": "generate_content"}));
    call.logs.push(log(
        "gen_ai.user.message",
        1,
        json!({"content": {"role": "user", "parts": [{"text": "hi"}]}}),
        json!({"user.id": "u-1"}),
    ));
    call.logs.push(log(
        "gen_ai.choice",
        2,
        json!({"content": {"role": "model", "parts": [{"text": "yes"}]}, "index": 0,
        "finish_reason": "STOP"}),
        json!({}),
    ));
    let mapped = map(&call);
    assert_eq!(mapped.user_key.as_deref(), Some("u-1"));
    assert_eq!(input(&mapped)[0]["parts"], json!([{"type": "text", "content": "hi"}]));
    assert_eq!(output(&mapped)[0]["parts"], json!([{"type": "text", "content": "yes"}]));
    assert_eq!(mapped.finish_reason.as_deref(), Some("stop"));
}

#[test]
fn an_agent_that_its_calls_wrote_over_tells_of_them() {
    let response = json!({"content": {"role": "model", "parts": [{"text": "408."}]}, "finish_reason": "STOP"});
    let agent = named(
        "invoke_agent sky",
        json!({"gen_ai.operation.name": "generate_content", "gen_ai.agent.name": "sky",
            "gen_ai.request.model": "gemini-2.5-flash", "gen_ai.usage.input_tokens": 30, "gen_ai.usage.output_tokens": 4,
            "openinference.span.kind": "LLM", "input.value": request(), "output.value": response.to_string(),
            "llm.output_messages.0.message.role": "model",
            "llm.output_messages.0.message.content": "408.",
            // Left over from the first call.
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "f",
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": "{\"x\": 1}"}),
    );
    let mapped = map(&agent);
    assert_eq!((mapped.kind, mapped.agent_name.as_deref()), (Some(SpanKind::Agent), Some("sky")));
    let calls = told(&agent);
    assert_eq!(calls.len(), 2);
    assert!(calls.iter().all(|call| call.kind == Some(SpanKind::Llm)));
    assert_eq!((calls[0].finish_reason.as_deref(), calls[0].input_tokens), (Some("tool_call"), None));
    assert_eq!(output(&calls[0])[0]["parts"][0]["name"], json!("f"));
    assert_eq!(output(&calls[1])[0]["parts"], json!([{"type": "text", "content": "408."}]));
    assert_eq!((calls[1].finish_reason.as_deref(), calls[1].input_tokens), (Some("stop"), Some(30)));
}

#[test]
fn of_a_stream_the_whole_answer_counts() {
    let message = |text: &str, reason: &str| json!({"role": "assistant", "parts": [{"type": "text", "content": text}], "finish_reason": reason});
    let texts = |messages: Value, scope: &str| {
        let mut call = span(json!({"gen_ai.operation.name": "generate_content", "gen_ai.output.messages": messages}));
        call.span.scope.name = scope.into();
        output(&map(&call)).as_array().map(Vec::len)
    };
    let streamed = json!([message("It is", ""), message(" cold.", ""), message("It is cold.", "stop")]);
    assert_eq!(texts(streamed.clone(), "gcp.vertex.agent"), Some(1));
    assert_eq!(texts(streamed, "app"), Some(3), "choices");
    assert_eq!(texts(json!([message("a", "stop"), message("b", "stop")]), "gcp.vertex.agent"), Some(2), "choices");
}

#[test]
fn pieces_without_a_whole_are_put_together() {
    let piece = |part: Value, reason: &str| json!({"role": "assistant", "finish_reason": reason, "parts": [part]});
    let text = |content: &str| json!({"type": "text", "content": content});
    let call = json!({"type": "tool_call", "id": "c1", "name": "f", "arguments": {"x": 1}});
    let read = |pieces: Value| {
        output(&map(&named(
            "generate_content m",
            json!({"gen_ai.operation.name": "generate_content",
            "gen_ai.output.messages": pieces}),
        )))
    };
    let whole = read(json!([piece(text("It is"), ""), piece(text(" co"), ""), piece(text("ld."), "stop")]));
    assert_eq!(whole, json!([{"role": "assistant", "parts": [text("It is cold.")], "finish_reason": "stop"}]));
    let asks = read(json!([piece(text("Let me "), ""), piece(text("look."), ""), piece(call.clone(), "stop")]));
    assert_eq!(asks[0]["parts"], json!([text("Let me look."), call]));
}
