use gleaner_model::{SpanEvent, SpanKind};
use serde_json::json;

use super::super::map;
use super::super::tests::{input, log, output, span};
use super::provider;

fn call() -> serde_json::Value {
    json!({
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "OpenAI",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.request.temperature": 0.2,
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.cache_read.input_tokens": 40,
        "gen_ai.usage.reasoning.output_tokens": 8,
    })
}

fn messages() -> (serde_json::Value, serde_json::Value) {
    (
        json!([{"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
            {"role": "user", "parts": [{"type": "text", "content": "hi"}]}]),
        json!([{"role": "assistant", "parts": [{"type": "text", "content": "hello"}], "finish_reason": "stop"}]),
    )
}

#[test]
fn a_call_in_attributes_as_text_or_as_structure() {
    for as_text in [true, false] {
        let (given, written) = messages();
        let mut attributes = call();
        attributes["gen_ai.input.messages"] = if as_text { json!(given.to_string()) } else { given };
        attributes["gen_ai.output.messages"] = if as_text { json!(written.to_string()) } else { written };
        let mapped = map(&span(attributes));
        assert_eq!(mapped.convention, Some("otel_genai"));
        assert_eq!(mapped.kind, Some(SpanKind::Llm));
        assert_eq!(mapped.provider.as_deref(), Some("openai"));
        assert_eq!(
            (mapped.model.as_deref(), mapped.response_model.as_deref()),
            (Some("gpt-4o"), Some("gpt-4o-2024-08-06"))
        );
        assert_eq!(mapped.system_prompt.as_deref(), Some("Be brief."));
        assert_eq!(input(&mapped), json!([{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]));
        assert_eq!(output(&mapped)[0]["parts"][0]["content"], "hello");
        assert_eq!(mapped.finish_reason.as_deref(), Some("stop"));
        assert_eq!((mapped.input_tokens, mapped.output_tokens), (Some(100), Some(20)));
        assert_eq!((mapped.cached_tokens, mapped.reasoning_tokens), (Some(40), Some(8)));
        assert_eq!(json!(mapped.parameters), json!({"temperature": 0.2}));
    }
}

#[test]
fn instructions_in_their_own_key_are_the_system_prompt() {
    let mut attributes = call();
    attributes["gen_ai.system_instructions"] = json!("[{\"type\":\"text\",\"content\":\"Be brief.\"}]");
    attributes["gen_ai.input.messages"] = messages().0;
    let mapped = map(&span(attributes));
    assert_eq!(mapped.system_prompt.as_deref(), Some("Be brief."));
    assert_eq!(input(&mapped)[0]["role"], "user");
}

#[test]
fn the_details_event_as_log_record_or_span_event() {
    let (given, written) = messages();
    let details = json!({"gen_ai.input.messages": given, "gen_ai.output.messages": written});
    let mut by_log = span(call());
    by_log.logs = vec![log("gen_ai.client.inference.operation.details", 1, json!(null), details.clone())];
    let mut by_event = span(call());
    let attributes = details.as_object().cloned().unwrap_or_default();
    by_event.span.events = vec![SpanEvent {
        name: "gen_ai.client.inference.operation.details".into(),
        attributes,
        ..SpanEvent::default()
    }];
    for merged in [by_log, by_event] {
        let mapped = map(&merged);
        assert_eq!(mapped.system_prompt.as_deref(), Some("Be brief."));
        assert_eq!(output(&mapped)[0]["parts"][0]["content"], "hello");
        assert_eq!(
            mapped.source_keys["input_messages"],
            "gen_ai.client.inference.operation.details/gen_ai.input.messages"
        );
    }
}

#[test]
fn a_record_alone_is_enough() {
    let mut merged = span(json!({}));
    let attributes = json!({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"});
    merged.logs = vec![log("gen_ai.client.inference.operation.details", 1, json!(null), attributes)];
    assert_eq!(map(&merged).model.as_deref(), Some("m"));
}

#[test]
fn a_tool_with_arguments_and_result() {
    let mapped = map(&span(json!({
        "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "get_weather", "gen_ai.tool.call.id": "c1",
        "gen_ai.tool.call.arguments": "{\"city\":\"Paris\"}", "gen_ai.tool.call.result": "{\"temp\": 18}",
    })));
    assert_eq!(mapped.kind, Some(SpanKind::Tool));
    assert_eq!(mapped.tool_name.as_deref(), Some("get_weather"));
    assert_eq!(mapped.tool_arguments, Some(json!({"city": "Paris"})));
    assert_eq!(mapped.tool_result, Some(json!("{\"temp\": 18}")));
}

#[test]
fn kinds_by_what_is_there_when_no_operation_is_named() {
    let cases = [
        (json!({"gen_ai.tool.call.id": "c"}), SpanKind::Tool),
        (json!({"gen_ai.retrieval.query.text": "q"}), SpanKind::Retriever),
        (json!({"gen_ai.embeddings.dimension.count": 16, "gen_ai.request.model": "e"}), SpanKind::Embedding),
        (json!({"gen_ai.request.model": "m"}), SpanKind::Llm),
        (json!({"gen_ai.operation.name": "their_own", "gen_ai.request.model": "m"}), SpanKind::Llm),
        (json!({"gen_ai.operation.name": "their_own"}), SpanKind::Chain),
    ];
    for (attributes, kind) in cases {
        assert_eq!(map(&span(attributes.clone())).kind, Some(kind), "{attributes}");
    }
}

#[test]
fn usage_that_leaves_out_a_small_cache_is_completed_where_that_is_known() {
    let usage = json!({"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 7,
        "gen_ai.usage.cache_read.input_tokens": 40});
    assert_eq!(map(&span(usage.clone())).input_tokens, Some(100));
    let mut of_bedrock = span(usage.clone());
    for scope in ["botocore.bedrock-runtime", "genai.bedrock"] {
        of_bedrock.span.scope.name = format!("opentelemetry.instrumentation.{scope}");
        assert_eq!(map(&of_bedrock).input_tokens, Some(140));
    }
    for (total, input) in [(147, 140), (107, 100)] {
        let mut summed = usage.clone();
        summed["gen_ai.usage.total_tokens"] = json!(total);
        assert_eq!(map(&span(summed)).input_tokens, Some(input));
    }
}

#[test]
fn usage_that_leaves_out_the_cache_is_completed() {
    let usage = |input: i64| {
        json!({"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": input,
            "gen_ai.usage.cache_read.input_tokens": 700, "gen_ai.usage.cache_creation.input_tokens": 300})
    };
    assert_eq!(map(&span(usage(12))).input_tokens, Some(1012));
    assert_eq!(map(&span(usage(1012))).input_tokens, Some(1012));
}

#[test]
fn frameworks_are_no_providers() {
    assert_eq!(provider("strands-agents"), None);
    assert_eq!(provider("vertex_ai").as_deref(), Some("gcp.vertex_ai"));
    let mapped = map(&span(
        json!({"gen_ai.operation.name": "chat", "gen_ai.provider.name": "langchain", "gen_ai.system": "xai"}),
    ));
    assert_eq!(mapped.provider.as_deref(), Some("x_ai"));
}

#[test]
fn what_was_searched_and_found() {
    let mapped = map(&span(json!({
        "gen_ai.operation.name": "search_memory",
        "gen_ai.memory.query.text": "likes",
        "gen_ai.memory.records": [{"content": "tea"}],
    })));
    assert_eq!((mapped.kind, mapped.input_text.as_deref()), (Some(SpanKind::Retriever), Some("likes")));
    assert_eq!(mapped.output_text.as_deref(), Some(r#"[{"content":"tea"}]"#));
    let mapped = map(&span(json!({"gen_ai.retrieval.query.text": "q", "gen_ai.retrieval.documents": [{"id": "d"}]})));
    assert_eq!(mapped.output_text.as_deref(), Some(r#"[{"id":"d"}]"#));
}

#[test]
fn frameworks_have_operations_and_keys_of_their_own() {
    let cases = [
        (json!({"gen_ai.evaluation.name": "quality", "gen_ai.evaluation.score.value": 1}), SpanKind::Evaluator),
        (json!({"gen_ai.operation.name": "chat.completions", "gen_ai.request.model": "m"}), SpanKind::Llm),
        (json!({"gen_ai.operation.name": "create_message", "gen_ai.thread.id": "t"}), SpanKind::Chain),
        (json!({"gen_ai.operation.name": "start_thread_run", "gen_ai.request.model": "m"}), SpanKind::Chain),
        (json!({"gen_ai.operation.name": "framework", "gen_ai.system": "spring_ai"}), SpanKind::Chain),
    ];
    for (attributes, kind) in cases {
        assert_eq!(map(&span(attributes.clone())).kind, Some(kind), "{attributes}");
    }
    let mapped = map(&span(json!({
        "gen_ai.operation.name": "chat", "gen_ai.thread.id": "t", "sk.available_functions": "a-f, a-g",
        "gen_ai.system": "az.ai.agents", "gen_ai.response.finish_reason": "Stop",
    })));
    assert_eq!((mapped.session_key, mapped.provider), (Some((1, "t".into())), None));
    assert_eq!(
        mapped.tool_definitions,
        Some(json!([{"type": "function", "name": "a-f"}, {"type": "function", "name": "a-g"}]))
    );
    assert_eq!(mapped.finish_reason.as_deref(), Some("stop"));
}

#[test]
fn raw_details_count_only_without_totals() {
    let usage = |total: serde_json::Value| {
        let mapped = map(&span(json!({
            "gen_ai.operation.name": "chat", "gen_ai.usage.output_tokens": total,
            "gen_ai.usage.details.input_tokens": 160, "gen_ai.usage.details.output_tokens": 12,
            "gen_ai.usage.details.cache_creation_input_tokens": 17,
        })));
        (mapped.input_tokens, mapped.output_tokens)
    };
    assert_eq!(usage(json!(null)), (Some(177), Some(12)));
    assert_eq!(usage(json!(9)), (None, Some(9)));
}

#[test]
fn uploaded_content_is_not_read() {
    let attributes = json!({"gen_ai.operation.name": "chat", "gen_ai.input.messages_ref": "s3://b/in.jsonl"});
    let mapped = map(&span(attributes));
    assert_eq!((mapped.kind, mapped.input_messages), (Some(SpanKind::Llm), None));
}

#[test]
fn other_spellings_of_a_tools_input_and_of_the_cost() {
    let tool = map(&span(json!({
        "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "f",
        "gen_ai.tool.args": "{\"a\": 1}", "gen_ai.output": "18",
    })));
    assert_eq!((tool.kind, tool.tool_arguments), (Some(SpanKind::Tool), Some(json!({"a": 1}))));
    assert_eq!(tool.output_messages, None);
    assert_eq!(
        (tool.tool_result, tool.source_keys["tool_result"].as_str()),
        (Some(json!("18")), Some("gen_ai.output"))
    );
    let model = map(&span(json!({
        "gen_ai.operation.name": "call_llm", "gen_ai.request.model": "m", "gen_ai.output": "Hello",
        "gen_ai.usage.input_cost": 0.25, "gen_ai.usage.output_cost": 0.5,
    })));
    assert_eq!((model.kind, model.cost_usd), (Some(SpanKind::Llm), Some(0.75)));
    assert_eq!(output(&model), json!([{"role": "assistant", "parts": [{"type": "text", "content": "Hello"}]}]));
}

/// A conversation that is named by the response before is none: it has another name with every call.
#[test]
fn a_response_is_no_conversation() {
    let mapped = map(&span(json!({"gen_ai.operation.name": "chat", "gen_ai.conversation.id": "resp_1",
        "gen_ai.agent.name": "OpenAI Agent"})));
    assert_eq!((mapped.session_key, mapped.previous_response_id.as_deref()), (None, Some("resp_1")));
    assert_eq!(mapped.agent_name, None);
    let named = map(&span(json!({"gen_ai.operation.name": "chat", "gen_ai.conversation.id": "conv_1"})));
    assert_eq!((named.session_key, named.previous_response_id), (Some((1, "conv_1".to_owned())), None));
}

#[test]
fn the_anthropic_sdk_has_a_key_of_its_own_for_why_it_stopped() {
    let mapped = map(&span(json!({"gen_ai.operation.name": "chat", "gen_ai.request.model": "claude-sonnet-4-5",
        "anthropic.message.stop_reason": "tool_use"})));
    assert_eq!(mapped.finish_reason.as_deref(), Some("tool_call"));
}

#[test]
fn the_anthropic_sdk_knows_what_the_provider_counted() {
    let mut call = span(json!({"gen_ai.operation.name": "chat", "gen_ai.request.model": "claude-sonnet-4-5"}));
    assert!(!map(&call).knows_usage);
    call.span.scope.name = "com.anthropic.sdk.python".into();
    assert!(map(&call).knows_usage);
}

#[test]
fn a_method_is_no_agent_s_name() {
    let mut run = span(json!({"gen_ai.operation.name": "invoke_agent", "gen_ai.provider.name": "anthropic"}));
    run.span.name = "anthropic.messages.tool_runner".into();
    assert_eq!((map(&run).kind, map(&run).agent_name), (Some(SpanKind::Agent), None));
    run.span.name = "invoke_agent skylark".into();
    assert_eq!(map(&run).agent_name.as_deref(), Some("skylark"));
}
