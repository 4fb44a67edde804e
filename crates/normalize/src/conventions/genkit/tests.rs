use gleaner_model::SpanKind;
use serde_json::{Value, json};

use super::super::map;
use super::super::tests::{input, output, span};
use crate::mapped::Mapped;

fn read(subtype: &str, attributes: Value) -> Mapped {
    let mut all = json!({"genkit:type": "action", "genkit:metadata:subtype": subtype});
    all.as_object_mut().unwrap().extend(attributes.as_object().cloned().unwrap_or_default());
    map(&span(all))
}

fn model(request: Value, response: Value) -> Mapped {
    read(
        "model",
        json!({"genkit:name": "googleai/gemini-2.5-flash", "genkit:input": request.to_string(), "genkit:output": response.to_string()}),
    )
}

#[test]
fn the_subtype_tells_the_kind() {
    for (subtype, kind) in [
        ("model", SpanKind::Llm),
        ("background-model", SpanKind::Llm),
        ("embedder", SpanKind::Embedding),
        ("tool.v2", SpanKind::Tool),
        ("retriever", SpanKind::Retriever),
        ("evaluator", SpanKind::Evaluator),
        ("agent", SpanKind::Agent),
        ("flow", SpanKind::Chain),
    ] {
        assert_eq!(read(subtype, json!({})).kind, Some(kind), "{subtype}");
    }
    let util = map(&span(json!({"genkit:type": "util", "genkit:name": "generate"})));
    assert_eq!((util.kind, util.convention), (Some(SpanKind::Chain), Some("genkit")));
}

#[test]
fn a_model_call_with_tools_reasoning_and_media() {
    let mapped = model(
        json!({"messages": [
                {"role": "system", "content": [{"text": "Be brief."}]},
                {"role": "user", "content": [{"text": "Oslo?"}, {"media": {"contentType": "image/png", "url": "data:image/png;base64,aGVsbG8="}}]},
                {"role": "model", "content": [{"reasoning": "Hm."}, {"toolRequest": {"ref": "c1", "name": "now", "input": {}}}]},
                {"role": "tool", "content": [{"toolResponse": {"ref": "c1", "name": "now", "output": {"hour": 7}}}]}],
            "config": {"temperature": 0.2, "topK": null}, "output": {},
            "tools": [{"name": "now", "description": "d", "inputSchema": {"type": "object"}, "outputSchema": {}}]}),
        json!({"message": {"role": "model", "content": [{"text": "7 "}, {"text": "am."}]}, "finishReason": "stop",
            "usage": {"inputTokens": 10, "outputTokens": 5, "thoughtsTokens": 20, "totalTokens": 35, "cachedContentTokens": 4}}),
    );
    assert_eq!((mapped.provider.as_deref(), mapped.model.as_deref()), (Some("gcp.gemini"), Some("gemini-2.5-flash")));
    assert_eq!(mapped.system_prompt.as_deref(), Some("Be brief."));
    assert_eq!(
        input(&mapped),
        json!([
            {"role": "user", "parts": [{"type": "text", "content": "Oslo?"},
                {"type": "blob", "mime_type": "image/png", "modality": "image", "content": "aGVsbG8="}]},
            {"role": "assistant", "parts": [{"type": "reasoning", "content": "Hm."},
                {"type": "tool_call", "id": "c1", "name": "now", "arguments": {}}]},
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "name": "now", "response": {"hour": 7}}]},
        ])
    );
    assert_eq!(output(&mapped)[0]["role"], "assistant");
    assert_eq!(json!(mapped.parameters), json!({"temperature": 0.2}));
    assert_eq!(
        mapped.tool_definitions,
        Some(json!([{"type": "function", "name": "now", "description": "d", "parameters": {"type": "object"}}]))
    );
    // Thoughts are counted beside the output.
    assert_eq!((mapped.input_tokens, mapped.output_tokens), (Some(10), Some(25)));
    assert_eq!((mapped.cached_tokens, mapped.reasoning_tokens), (Some(4), Some(20)));
}

#[test]
fn a_structured_answer_is_the_text_that_the_model_wrote() {
    let raw = json!({"id": "r1", "model": "m-1", "choices": [{"message": {"role": "assistant", "content": "{\"a\":  1}"},
        "finish_reason": "stop"}], "usage": {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 3}}});
    let message = json!({"role": "model", "content": [{"data": {"a": 1}}]});
    let mapped = model(
        json!({"messages": [{"role": "user", "content": [{"text": "?"}]}]}),
        json!({"message": message, "usage": {"inputTokens": 9, "outputTokens": 2}, "raw": raw}),
    );
    assert_eq!(output(&mapped)[0]["parts"], json!([{"type": "text", "content": "{\"a\":  1}"}]));
    assert_eq!((mapped.response_id.as_deref(), mapped.response_model.as_deref()), (Some("r1"), Some("m-1")));
    assert_eq!((mapped.cached_tokens, mapped.finish_reason.as_deref()), (Some(3), Some("stop")));
    let without =
        model(json!({"messages": []}), json!({"candidates": [{"message": message, "finishReason": "length"}]}));
    assert_eq!(output(&without)[0]["parts"], json!([{"type": "text", "content": "{\"a\":1}"}]));
    assert_eq!(without.finish_reason.as_deref(), Some("length"));
}

#[test]
fn tools_and_flows() {
    let tool =
        read("tool", json!({"genkit:name": "now", "genkit:input": "{\"zone\":1}", "genkit:output": "{\"hour\":7}"}));
    assert_eq!((tool.tool_name.as_deref(), tool.tool_arguments), (Some("now"), Some(json!({"zone": 1}))));
    assert_eq!(tool.tool_result, Some(json!("{\"hour\":7}")));
    let flow = read(
        "flow",
        json!({"genkit:name": "supportFlow", "genkit:input": "{\"q\":\"Oslo?\"}", "genkit:output": "\"7 am.\"",
            "genkit:sessionId": "s", "genkit:threadName": "t", "genkit:metadata:context": "{\"auth\":{\"uid\":\"u\"}}"}),
    );
    assert_eq!((flow.input_text.as_deref(), flow.output_text.as_deref()), (Some("{\"q\":\"Oslo?\"}"), Some("7 am.")));
    assert_eq!((flow.session_key, flow.user_key.as_deref()), (Some((0, "s".to_owned())), Some("u")));
    assert_eq!(flow.agent_name.as_deref(), Some("supportFlow"));
    assert_eq!(read("agent", json!({"genkit:init": "{\"sessionId\":\"s\"}"})).session_key, Some((0, "s".to_owned())));
    assert_eq!(read("flow", json!({"genkit:threadName": "t"})).session_key, Some((1, "t".to_owned())));
}

#[test]
fn the_span_around_a_call_has_its_messages_and_no_usage() {
    let mapped = map(&span(json!({"genkit:type": "util", "genkit:name": "generate",
        "genkit:input": "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"Oslo?\"}]}],\"tools\":[\"/tool/now\"]}",
        "genkit:output": "{\"message\":{\"role\":\"model\",\"content\":[{\"text\":\"7 am.\"}]},\"usage\":{\"inputTokens\":9}}"})));
    assert_eq!(input(&mapped)[0]["parts"][0]["content"], "Oslo?");
    assert_eq!((output(&mapped)[0]["parts"][0]["content"].as_str(), mapped.input_tokens), (Some("7 am."), None));
}

#[test]
fn the_provider_s_own_finish_reason_is_believed() {
    let raw = json!({"id": "chatcmpl-1", "choices": [{"message": {"role": "assistant", "tool_calls": [
        {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}, "finish_reason": "tool_calls"}]});
    let message = json!({"role": "model", "content": [{"toolRequest": {"name": "f", "ref": "c", "input": {}}}]});
    let mapped = model(json!({"messages": []}), json!({"message": message, "finishReason": "stop", "raw": raw}));
    assert_eq!(mapped.finish_reason.as_deref(), Some("tool_call"));
}

/// Genkit's plugin for OpenAI makes a message of the calls alone.
#[test]
fn what_was_said_before_calls_stands_in_the_provider_s_answer() {
    let answer = |content: &str| {
        let raw = json!({"id": "chatcmpl-1", "choices": [{"message": {"role": "assistant", "content": content, "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}, "finish_reason": "tool_calls"}]});
        let message = json!({"role": "model", "content": [{"toolRequest": {"name": "f", "ref": "c", "input": {}}}]});
        output(&model(json!({"messages": []}), json!({"message": message, "finishReason": "stop", "raw": raw})))
    };
    let call = json!({"type": "tool_call", "id": "c", "name": "f", "arguments": {}});
    assert_eq!(answer("Wait.")[0]["parts"], json!([{"type": "text", "content": "Wait."}, call]));
    assert_eq!(answer("")[0]["parts"], json!([call]));
}
