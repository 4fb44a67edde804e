use gleaner_model::SpanKind;
use serde_json::{Value, json};

use super::super::map;
use super::super::tests::{input, output, span};
use crate::mapped::Mapped;

fn read(span_type: &str, attributes: Value) -> Mapped {
    let mut all = json!({"mastra.span.type": span_type});
    all.as_object_mut().unwrap().extend(attributes.as_object().cloned().unwrap_or_default());
    map(&span(all))
}

#[test]
fn the_span_type_tells_the_kind_before_the_operation() {
    for (span_type, operation, kind) in [
        ("agent_run", "invoke_agent", SpanKind::Agent),
        ("agent_run", "agent", SpanKind::Agent),
        ("model_generation", "model_generation", SpanKind::Llm),
        ("model_step", "agent_step", SpanKind::Llm),
        ("model_inference", "chat", SpanKind::Llm),
        ("llm_generation", "tool_selection", SpanKind::Llm),
        ("model_chunk", "model_chunk", SpanKind::Other),
        ("mcp_tool_call", "execute_tool", SpanKind::Tool),
        ("rag_embedding", "embeddings", SpanKind::Embedding),
        ("scorer_run", "scorer_run", SpanKind::Evaluator),
        ("workflow_step", "workflow_step", SpanKind::Chain),
        ("processor_run", "processor_run", SpanKind::Chain),
    ] {
        assert_eq!(read(span_type, json!({"gen_ai.operation.name": operation})).kind, Some(kind), "{span_type}");
    }
}

#[test]
fn a_generation_has_the_prompt_and_the_last_answer() {
    let asked = json!({"messages": [{"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Oslo?", "providerOptions": {}}]}]});
    let calls = json!([{"toolCallId": "c1", "toolName": "weather", "args": {"city": "Oslo"}}]);
    let told = |text: &str| json!({"text": text, "toolCalls": calls, "reasoning": [], "files": [], "sources": [], "warnings": []});
    let mapped = read(
        "model_generation",
        json!({"mastra.model_generation.input": asked.to_string(), "mastra.model_generation.output": told("7°C.").to_string()}),
    );
    assert_eq!(mapped.system_prompt.as_deref(), Some("Be brief."));
    assert_eq!(input(&mapped), json!([{"role": "user", "parts": [{"type": "text", "content": "Oslo?"}]}]));
    assert_eq!(output(&mapped)[0]["parts"], json!([{"type": "text", "content": "7°C."}]));
    assert_eq!(mapped.source_keys["system_prompt"], "mastra.model_generation.input");
    // Earlier releases.
    let first = read(
        "llm_generation",
        json!({"gen_ai.prompt": asked.to_string(), "gen_ai.completion": told("").to_string(), "input": "x", "output": "y",
            "gen_ai.system": "openai", "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 9,
            "gen_ai.usage.cached_input_tokens": 4, "gen_ai.request.stop_sequences": "[\"END\"]"}),
    );
    assert_eq!(input(&first), input(&mapped));
    let call = json!({"type": "tool_call", "id": "c1", "name": "weather", "arguments": {"city": "Oslo"}});
    assert_eq!(output(&first)[0]["parts"], json!([call]));
    assert_eq!((first.input_tokens, first.cached_tokens), (Some(9), Some(4)));
    assert_eq!(json!(first.parameters), json!({"stop_sequences": ["END"]}));
}

#[test]
fn a_step_has_the_provider_s_response_and_no_abridged_input() {
    let body = json!({"id": "resp_1", "model": "m-1", "status": "completed", "tools": [{"type": "function", "name": "weather"}],
        "output": [{"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{\"city\":\"Oslo\"}"}],
        "usage": {"input_tokens": 58, "output_tokens": 10}});
    let mapped = read(
        "model_step",
        json!({"mastra.model_step.input": "[{\"role\":\"assistant\",\"content\":\"[tool: weather]\"}]",
            "mastra.model_step.output": "{\"text\":\"\",\"toolCalls\":[]}", "mastra.metadata.body": body.to_string(),
            "mastra.metadata.modelMetadata": "{\"modelId\":\"m\",\"modelProvider\":\"openai.responses\"}"}),
    );
    assert_eq!(mapped.input_messages, None);
    let call = json!({"type": "tool_call", "id": "c1", "name": "weather", "arguments": {"city": "Oslo"}});
    assert_eq!(output(&mapped)[0]["parts"], json!([call]));
    assert_eq!((mapped.provider.as_deref(), mapped.model.as_deref()), (Some("openai"), Some("m")));
    assert_eq!((mapped.response_id.as_deref(), mapped.response_model.as_deref()), (Some("resp_1"), Some("m-1")));
    assert_eq!((mapped.input_tokens, mapped.output_tokens), (Some(58), Some(10)));
    assert_eq!(mapped.tool_definitions, Some(json!([{"type": "function", "name": "weather"}])));
}

#[test]
fn a_failed_call_tells_so_only_by_its_finish_reason() {
    let failed =
        read("model_inference", json!({"gen_ai.request.model": "m", "gen_ai.response.finish_reasons": "[\"error\"]"}));
    assert_eq!((failed.error.as_deref(), failed.finish_reason.as_deref()), (Some("error"), Some("error")));
    assert_eq!(read("model_inference", json!({"gen_ai.response.finish_reasons": "[\"stop\"]"})).error, None);
}

#[test]
fn agents_tools_and_workflows() {
    let agent = read(
        "agent_run",
        json!({"mastra.agent_run.input": "Oslo?", "mastra.agent_run.output": "{\"text\":\"7°C.\",\"files\":[]}",
            "mastra.metadata.threadId": "t", "mastra.metadata.sessionId": "s", "mastra.metadata.resourceId": "u"}),
    );
    assert_eq!(input(&agent)[0]["parts"], json!([{"type": "text", "content": "Oslo?"}]));
    assert_eq!(output(&agent)[0]["parts"], json!([{"type": "text", "content": "7°C."}]));
    assert_eq!((agent.session_key.clone(), agent.user_key.as_deref()), (Some((0, "s".to_owned())), Some("u")));
    let bridge = read(
        "agent_run",
        json!({"mastra.agent.id": "support", "mastra.agent.instructions": "Be brief.",
        "mastra.agent.available_tools": "[\"weather\"]", "input": "[{\"role\":\"user\",\"content\":\"Oslo?\"}]", "output": "7°C."}),
    );
    assert_eq!((bridge.agent_name.as_deref(), bridge.system_prompt.as_deref()), (Some("support"), Some("Be brief.")));
    assert_eq!(bridge.tool_definitions, Some(json!([{"type": "function", "name": "weather"}])));
    assert_eq!((input(&bridge), output(&bridge)), (input(&agent), output(&agent)));
    let tool = read("tool_call", json!({"mastra.tool.id": "weather", "input": "{\"city\":\"Oslo\"}", "output": "7"}));
    assert_eq!((tool.tool_name.as_deref(), tool.tool_arguments), (Some("weather"), Some(json!({"city": "Oslo"}))));
    assert_eq!(tool.tool_result, Some(json!("7")));
    let workflow =
        read("workflow_run", json!({"mastra.workflow_run.input": "{\"q\":1}", "mastra.metadata.threadId": "t"}));
    assert_eq!((workflow.input_text.as_deref(), workflow.session_key), (Some("{\"q\":1}"), Some((1, "t".to_owned()))));
}

#[test]
fn the_first_exporter_wrote_metadata_in_bare_keys() {
    let body = json!({"id": "chatcmpl-1", "model": "m-2026", "choices": [{"index": 0, "message": {"role": "assistant", "content": null,
        "tool_calls": [{"id": "[MaxDepth]", "function": "[MaxDepth]"}]}, "finish_reason": "tool_calls"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 2}});
    let told =
        json!({"text": "", "toolCalls": [{"toolCallId": "c1", "toolName": "weather", "args": {"city": "Oslo"}}]});
    let metadata = json!({"modelId": "m", "modelProvider": "openai.chat"}).to_string();
    let step = |more: Value| {
        let mut all = json!({"output": told.to_string(), "modelMetadata": metadata, "threadId": "t", "resourceId": "u",
            "id": "chatcmpl-1", "modelId": "m-2026"});
        all.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        read("model_step", all)
    };
    let mapped = step(json!({"body": body.to_string()}));
    let call = json!({"type": "tool_call", "id": "c1", "name": "weather", "arguments": {"city": "Oslo"}});
    assert_eq!(output(&mapped)[0]["parts"], json!([call]));
    assert_eq!((mapped.model.as_deref(), mapped.provider.as_deref()), (Some("m"), Some("openai")));
    assert_eq!(
        (mapped.input_tokens, mapped.output_tokens, mapped.finish_reason.as_deref()),
        (Some(9), Some(2), Some("tool_call"))
    );
    assert_eq!((mapped.session_key.clone(), mapped.user_key.as_deref()), (Some((1, "t".into())), Some("u")));
    // Of a stream there is no body.
    for mapped in [mapped, step(json!({}))] {
        assert_eq!(
            (mapped.response_id.as_deref(), mapped.response_model.as_deref()),
            (Some("chatcmpl-1"), Some("m-2026"))
        );
    }
}
