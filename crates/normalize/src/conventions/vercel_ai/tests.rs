use gleaner_model::SpanKind;
use serde_json::{Value, json};

use super::super::map;
use super::super::tests::{input, output, span};
use crate::mapped::Mapped;

/// A span of the operation with further attributes.
fn read(operation: &str, attributes: Value) -> Mapped {
    let mut all = json!({"ai.operationId": operation, "operation.name": format!("{operation} support")});
    all.as_object_mut().unwrap().extend(attributes.as_object().cloned().unwrap_or_default());
    map(&span(all))
}

fn assistant(parts: Value, finish_reason: &str) -> Value {
    json!([{"role": "assistant", "parts": parts, "finish_reason": finish_reason}])
}

#[test]
fn the_operation_tells_the_kind() {
    let named = json!({"ai.telemetry.functionId": "support"});
    for (operation, kind) in [
        ("ai.generateText", SpanKind::Agent),
        ("ai.streamObject", SpanKind::Agent),
        ("ai.generateText.doGenerate", SpanKind::Llm),
        ("ai.streamObject.doStream", SpanKind::Llm),
        ("ai.toolCall", SpanKind::Tool),
        ("ai.embedMany", SpanKind::Chain),
        ("ai.embedMany.doEmbed", SpanKind::Embedding),
        ("ai.rerank", SpanKind::Chain),
        ("ai.rerank.doRerank", SpanKind::Reranker),
    ] {
        assert_eq!(read(operation, named.clone()).kind, Some(kind), "{operation}");
    }
    let anonymous = read("ai.generateText", json!({"ai.model.id": "m", "gen_ai.request.model": "m"}));
    assert_eq!((anonymous.kind, anonymous.agent_name), (Some(SpanKind::Chain), None));
    // The first versions name the operation only together with the function.
    let first = map(&span(json!({"operation.name": "ai.streamText.doStream support", "ai.model.id": "m"})));
    assert_eq!((first.kind, first.operation.as_deref()), (Some(SpanKind::Llm), Some("ai.streamText.doStream")));
}

#[test]
fn a_call_of_every_version_reads_the_same() {
    let third = json!({
        "ai.model.id": "gpt-4o", "ai.model.provider": "openai.chat", "gen_ai.system": "openai.chat",
        "ai.prompt.messages": "[{\"role\":\"system\",\"content\":\"Be brief.\"},{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Oslo?\"}]}]",
        "ai.finishReason": "tool-calls", "gen_ai.usage.prompt_tokens": 47, "gen_ai.usage.completion_tokens": 10,
        "ai.result.text": "Let me see.",
        "ai.result.toolCalls": "[{\"toolCallType\":\"function\",\"toolCallId\":\"c1\",\"toolName\":\"weather\",\"args\":\"{\\\"city\\\":\\\"Oslo\\\"}\"}]",
    });
    let fourth = json!({
        "ai.model.id": "gpt-4o", "ai.model.provider": "openai.chat", "gen_ai.request.model": "gpt-4o",
        "ai.prompt.messages": third["ai.prompt.messages"], "ai.response.finishReason": "tool-calls",
        "ai.usage.promptTokens": 47, "ai.usage.completionTokens": 10, "ai.response.text": "Let me see.",
        "ai.response.toolCalls": third["ai.result.toolCalls"],
    });
    let fifth = json!({
        "ai.model.id": "gpt-4o", "ai.model.provider": "openai.responses", "ai.prompt.messages": third["ai.prompt.messages"],
        "ai.response.finishReason": "tool-calls", "ai.response.text": "Let me see.",
        "ai.usage.inputTokens": 47, "ai.usage.outputTokens": 10, "ai.usage.totalTokens": 57,
        "ai.response.toolCalls": "[{\"toolCallId\":\"c1\",\"toolName\":\"weather\",\"input\":{\"city\":\"Oslo\"}}]",
    });
    for version in [third, fourth, fifth] {
        let mapped = read("ai.generateText.doGenerate", version);
        assert_eq!(mapped.convention, Some("vercel_ai"));
        assert_eq!((mapped.provider.as_deref(), mapped.model.as_deref()), (Some("openai"), Some("gpt-4o")));
        assert_eq!(mapped.system_prompt.as_deref(), Some("Be brief."));
        assert_eq!(input(&mapped), json!([{"role": "user", "parts": [{"type": "text", "content": "Oslo?"}]}]));
        let call = json!({"type": "tool_call", "id": "c1", "name": "weather", "arguments": {"city": "Oslo"}});
        assert_eq!(output(&mapped), assistant(json!([{"type": "text", "content": "Let me see."}, call]), "tool_call"));
        assert_eq!((mapped.input_tokens, mapped.output_tokens), (Some(47), Some(10)));
    }
}

#[test]
fn history_with_tools_files_and_reasoning() {
    let prompt = json!([
        {"role": "user", "content": [{"type": "text", "text": "What is this?"},
            {"type": "file", "mediaType": "image/png", "data": "aGVsbG8="},
            {"type": "file", "mediaType": "image/png", "data": "https://example.org/a.png"},
            {"type": "file", "mediaType": "image/png", "data": {"type": "url", "url": "https://example.org/b.png"}},
            {"type": "image", "mimeType": "image/png", "image": "aGVsbG8="}]},
        {"role": "assistant", "content": [{"type": "reasoning", "text": "Look."},
            {"type": "tool-call", "toolCallId": "c1", "toolName": "now", "input": {}}]},
        {"role": "tool", "content": [{"type": "tool-result", "toolCallId": "c1", "toolName": "now",
            "output": {"type": "json", "value": {"hour": 7}}}]},
    ]);
    let mapped = read("ai.generateText.doGenerate", json!({"ai.prompt.messages": prompt.to_string()}));
    let image = json!({"type": "blob", "mime_type": "image/png", "modality": "image", "content": "aGVsbG8="});
    let linked = |name: &str| json!({"type": "uri", "mime_type": "image/png", "modality": "image", "uri": format!("https://example.org/{name}.png")});
    assert_eq!(
        input(&mapped),
        json!([
            {"role": "user", "parts": [{"type": "text", "content": "What is this?"}, image, linked("a"), linked("b"), image]},
            {"role": "assistant", "parts": [{"type": "reasoning", "content": "Look."},
                {"type": "tool_call", "id": "c1", "name": "now", "arguments": {}}]},
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "name": "now", "response": {"hour": 7}}]},
        ])
    );
}

#[test]
fn settings_and_tools() {
    let mapped = read(
        "ai.streamText.doStream",
        json!({"ai.settings.maxOutputTokens": 300, "ai.settings.topP": 0.5, "ai.settings.context.userId": "u",
            "gen_ai.request.max_tokens": 300, "gen_ai.request.model": "m", "ai.prompt.toolChoice": "{\"type\":\"auto\"}",
            "ai.prompt.tools": ["{\"type\":\"function\",\"name\":\"f\",\"inputSchema\":{\"type\":\"object\"}}"]}),
    );
    assert_eq!(json!(mapped.parameters), json!({"max_tokens": 300, "top_p": 0.5, "tool_choice": {"type": "auto"}}));
    assert_eq!(
        mapped.tool_definitions,
        Some(json!([{"type": "function", "name": "f", "parameters": {"type": "object"}}]))
    );
}

#[test]
fn a_container_repeats_the_last_answer_without_the_calls_before_it() {
    let mapped = read(
        "ai.generateText",
        json!({"ai.prompt": "{\"system\":\"Be brief.\",\"prompt\":\"Oslo?\"}", "ai.response.text": "7°C.",
            "ai.telemetry.functionId": "support",
            "ai.response.toolCalls": "[{\"toolCallId\":\"c1\",\"toolName\":\"weather\",\"input\":{}}]",
            "ai.response.finishReason": "stop"}),
    );
    assert_eq!((mapped.kind, mapped.agent_name.as_deref()), (Some(SpanKind::Agent), Some("support")));
    assert_eq!(mapped.system_prompt.as_deref(), Some("Be brief."));
    assert_eq!(input(&mapped)[0]["parts"][0]["content"], "Oslo?");
    assert_eq!(output(&mapped), assistant(json!([{"type": "text", "content": "7°C."}]), "stop"));
    // One step that only asks for a tool is all that the run answers.
    let asks = read(
        "ai.generateText",
        json!({"ai.response.toolCalls": "[{\"toolCallId\":\"c1\",\"toolName\":\"weather\",\"input\":{}}]"}),
    );
    let call = json!({"type": "tool_call", "id": "c1", "name": "weather", "arguments": {}});
    assert_eq!(output(&asks), assistant(json!([call]), "tool_call"));
}

#[test]
fn objects_reasoning_and_tool_runs() {
    let object = read(
        "ai.generateObject.doGenerate",
        json!({"ai.response.object": "{\"a\": 1}", "ai.response.reasoning": "Hm."}),
    );
    assert_eq!(
        output(&object)[0]["parts"],
        json!([{"type": "reasoning", "content": "Hm."}, {"type": "text", "content": "{\"a\": 1}"}])
    );
    assert_eq!(object.source_keys["output_messages"], "ai.response.object");
    let tool = read(
        "ai.toolCall",
        json!({"ai.toolCall.name": "f", "ai.toolCall.id": "c1", "ai.toolCall.args": "{\"x\":1}",
            "ai.toolCall.result": "{\"y\":2}", "ai.telemetry.metadata.threadId": "t", "ai.telemetry.metadata.userId": "u"}),
    );
    assert_eq!((tool.tool_name.as_deref(), tool.tool_call_id.as_deref()), (Some("f"), Some("c1")));
    assert_eq!((tool.tool_arguments, tool.tool_result), (Some(json!({"x": 1})), Some(json!("{\"y\":2}"))));
    assert_eq!((tool.session_key, tool.user_key.as_deref()), (Some((1, "t".to_owned())), Some("u")));
}

#[test]
fn cached_tokens_count_as_input() {
    let anthropic = |usage: Value, metadata: Value| {
        let mut all = json!({"ai.response.providerMetadata": json!({"anthropic": metadata}).to_string()});
        all.as_object_mut().unwrap().extend(usage.as_object().cloned().unwrap());
        let mapped = read("ai.generateText.doGenerate", all);
        (mapped.input_tokens, mapped.cached_tokens)
    };
    let fourth = anthropic(
        json!({"ai.usage.promptTokens": 103, "ai.usage.completionTokens": 24}),
        json!({"cacheCreationInputTokens": 9, "cacheReadInputTokens": 51}),
    );
    assert_eq!(fourth, (Some(163), Some(51)));
    let usage = json!({"input_tokens": 103, "cache_read_input_tokens": 51, "cache_creation_input_tokens": 9});
    let fifth =
        anthropic(json!({"ai.usage.inputTokens": 103, "ai.usage.cachedInputTokens": 51}), json!({"usage": usage}));
    assert_eq!(fifth, (Some(163), Some(51)));
    let sixth = anthropic(
        json!({"ai.usage.inputTokens": 163, "ai.usage.inputTokenDetails.noCacheTokens": 103,
            "ai.usage.inputTokenDetails.cacheReadTokens": 51, "ai.usage.inputTokenDetails.cacheWriteTokens": 9}),
        json!({"usage": usage}),
    );
    assert_eq!(sixth, (Some(163), Some(51)));
    let openai = read(
        "ai.generateText.doGenerate",
        json!({"ai.usage.promptTokens": 122, "ai.response.providerMetadata": "{\"openai\":{\"cachedPromptTokens\":40,\"reasoningTokens\":3}}"}),
    );
    assert_eq!((openai.input_tokens, openai.cached_tokens, openai.reasoning_tokens), (Some(122), Some(40), Some(3)));
}

#[test]
fn reasoning_beside_the_output_counts_as_output() {
    let beside = read(
        "ai.generateText.doGenerate",
        json!({"ai.usage.inputTokens": 10, "ai.usage.outputTokens": 5, "ai.usage.reasoningTokens": 20, "ai.usage.totalTokens": 35,
            "ai.response.providerMetadata": "{\"gateway\":{\"cost\":\"0.0045\"}}"}),
    );
    assert_eq!((beside.output_tokens, beside.reasoning_tokens, beside.cost_usd), (Some(25), Some(20), Some(0.0045)));
    let within = read(
        "ai.generateText.doGenerate",
        json!({"ai.usage.inputTokens": 10, "ai.usage.outputTokens": 25, "ai.usage.reasoningTokens": 20, "ai.usage.totalTokens": 35}),
    );
    assert_eq!(within.output_tokens, Some(25));
}

#[test]
fn a_stream_without_usage_has_none() {
    let mapped =
        read("ai.streamText.doStream", json!({"ai.usage.promptTokens": null, "gen_ai.usage.input_tokens": null}));
    assert_eq!((mapped.input_tokens, mapped.output_tokens), (None, None));
}

#[test]
fn embeddings_have_plain_text() {
    let mapped =
        read("ai.embedMany.doEmbed", json!({"ai.values": ["\"red car\"", "\"blue bike\""], "ai.usage.tokens": 5}));
    assert_eq!((mapped.input_text.as_deref(), mapped.input_tokens), (Some("red car\nblue bike"), Some(5)));
}

#[test]
fn the_seventh_version_adds_to_opentelemetry() {
    let mapped = map(&span(
        json!({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 9,
        "gen_ai.usage.cache_read.input_tokens": 4, "ai.usage.outputTokenDetails.reasoningTokens": 2,
        "gen_ai.request.temperature": 0.5,
        "ai.settings.context.sessionId": "s", "ai.settings.context.chatId": "c", "ai.settings.context.user_id": "u",
        "gen_ai.output.messages": "[{\"role\":\"assistant\",\"parts\":[{\"type\":\"text\",\"content\":\"hi\"}]}]"}),
    ));
    assert_eq!((mapped.kind, mapped.convention), (Some(SpanKind::Llm), Some("otel_genai")));
    assert_eq!((mapped.session_key, mapped.user_key.as_deref()), (Some((0, "s".to_owned())), Some("u")));
    assert_eq!((mapped.input_tokens, mapped.cached_tokens, mapped.reasoning_tokens), (Some(9), Some(4), Some(2)));
    assert_eq!(json!(mapped.parameters), json!({"temperature": 0.5}));
}

#[test]
fn providers_lose_the_name_of_their_api() {
    for (named, provider) in [
        ("openai.responses", "openai"),
        ("anthropic.messages", "anthropic"),
        ("google.generative-ai", "gcp.gemini"),
        ("google.vertex.chat", "gcp.vertex_ai"),
        ("vertex.anthropic.messages", "gcp.vertex_ai"),
        ("amazon-bedrock", "aws.bedrock"),
        ("azure.chat", "azure.ai.openai"),
        ("mistral.chat", "mistral_ai"),
        ("xai.chat", "x_ai"),
    ] {
        let mapped = read("ai.generateText.doGenerate", json!({"ai.model.provider": named}));
        assert_eq!(mapped.provider.as_deref(), Some(provider));
    }
}

#[test]
fn foreign_operations_are_not_the_sdk_s() {
    let mapped = map(&span(json!({"operation.name": "http.get", "resource.name": "/"})));
    assert_eq!(mapped.convention, None);
}

#[test]
fn an_agent_of_the_seventh_version_has_a_whole_run_in_its_answer() {
    let answer = json!([{"role": "assistant", "finish_reason": "stop", "parts": [{"type": "text", "content": "7°C."},
        {"type": "tool_call", "id": "c1", "name": "weather", "arguments": {}},
        {"type": "tool_call_response", "id": "c1", "response": 7}]}]);
    let mut sent = span(json!({"gen_ai.operation.name": "invoke_agent", "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.response.finish_reasons": ["stop"], "gen_ai.output.messages": answer.to_string()}));
    sent.span.name = "invoke_agent gpt-4o-mini".into();
    let mapped = map(&sent);
    // The calls were answered within the run, which did not stop for them; and a model's name is no agent's.
    assert_eq!((mapped.finish_reason.as_deref(), mapped.agent_name), (Some("stop"), None));
}
