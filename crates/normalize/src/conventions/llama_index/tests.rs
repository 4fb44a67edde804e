use gleaner_model::{SpanEvent, SpanKind};
use serde_json::{Value, json};

use super::super::map;
use super::super::tests::{input, output, span};
use crate::mapped::{Mapped, MergedSpan};

fn step(name: &str, attributes: Value, events: Vec<(&str, Value)>) -> MergedSpan {
    let mut merged = span(attributes);
    merged.span.name = name.into();
    merged.span.scope.name = "llamaindex.opentelemetry.tracer".into();
    merged.span.events = events
        .into_iter()
        .map(|(name, attributes)| SpanEvent {
            name: name.into(),
            attributes: attributes.as_object().cloned().unwrap_or_default(),
            ..SpanEvent::default()
        })
        .collect();
    merged
}

fn chat(end: Value) -> Mapped {
    let start = json!({"class_name": "LLMChatStartEvent", "model_dict.model_name": "gpt-4o-mini", "model_dict.class_name": "openai_llm",
        "model_dict.temperature": 0.1, "additional_kwargs.tool_choice": "auto",
        "additional_kwargs.tools": "[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{}}}]",
        "messages": r#"[{"role":"system","additional_kwargs":{},"blocks":[{"block_type":"text","text":"s"}]},
            {"role":"user","additional_kwargs":{},"blocks":[{"block_type":"text","text":"q"}]},
            {"role":"assistant","additional_kwargs":{"tool_calls":[{"id":"c","function":{"arguments":"{\"a\": 1}","name":"f"},"type":"function"}]},
             "blocks":[{"block_type":"tool_call","tool_call_id":"c","tool_name":"f","tool_kwargs":"{\"a\": 1}"}]},
            {"role":"tool","additional_kwargs":{"tool_call_id":"c"},"blocks":[{"block_type":"text","text":"r"}]}]"#});
    map(&step("OpenAI.achat", json!({}), vec![("LLMChatStartEvent", start), ("LLMChatEndEvent", end)]))
}

#[test]
fn a_call_stands_in_two_events() {
    let mapped = chat(json!({"class_name": "LLMChatEndEvent", "response.message.role": "assistant",
        "response.message.blocks": r#"[{"block_type":"thinking","content":"t"},{"block_type":"text","text":"a"}]"#,
        "response.raw.id": "chatcmpl-1", "response.raw.model": "gpt-4o-mini-2024", "response.raw.service_tier": "null",
        "response.raw.choices": r#"[{"finish_reason":"stop","index":0,"message":{"content":"a","role":"assistant"}}]"#,
        "response.raw.usage.prompt_tokens": 7, "response.raw.usage.completion_tokens": 3,
        "response.raw.usage.prompt_tokens_details.cached_tokens": 2}));
    assert_eq!((mapped.kind, mapped.convention), (Some(SpanKind::Llm), Some("llama_index")));
    assert_eq!((mapped.provider.as_deref(), mapped.model.as_deref()), (Some("openai"), Some("gpt-4o-mini")));
    assert_eq!(
        (mapped.response_model.as_deref(), mapped.response_id.as_deref()),
        (Some("gpt-4o-mini-2024"), Some("chatcmpl-1"))
    );
    assert_eq!((mapped.input_tokens, mapped.output_tokens, mapped.cached_tokens), (Some(7), Some(3), Some(2)));
    assert_eq!((mapped.finish_reason.as_deref(), mapped.system_prompt.as_deref()), (Some("stop"), Some("s")));
    assert_eq!(mapped.parameters, json!({"temperature": 0.1, "tool_choice": "auto"}).as_object().cloned());
    assert_eq!(mapped.tool_definitions.map(|tools| tools[0]["name"].clone()), Some(json!("f")));
    assert_eq!(
        input(&chat(json!({}))),
        json!([
        {"role": "user", "parts": [{"type": "text", "content": "q"}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "c", "name": "f", "arguments": {"a": 1}}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c", "response": "r"}]}])
    );
    assert_eq!(
        json!(mapped.output_messages),
        json!([{"role": "assistant", "finish_reason": "stop",
        "parts": [{"type": "reasoning", "content": "t"}, {"type": "text", "content": "a"}]}])
    );
}

#[test]
fn calls_in_an_answer_and_usage_beside_it() {
    let mapped = chat(json!({"class_name": "LLMChatEndEvent", "response.message.role": "assistant",
        "response.message.blocks": r#"[{"block_type":"tool_call","tool_call_id":"d","tool_name":"f","tool_kwargs":{"a":2}}]"#,
        "response.additional_kwargs.prompt_tokens": 7, "response.additional_kwargs.completion_tokens": 3}));
    assert_eq!(
        output(&mapped)[0]["parts"][0],
        json!({"type": "tool_call", "id": "d", "name": "f", "arguments": {"a": 2}})
    );
    assert_eq!((mapped.input_tokens, mapped.output_tokens), (Some(7), Some(3)));
    assert_eq!(mapped.finish_reason.as_deref(), Some("tool_call"));
}

#[test]
fn completions_embeddings_and_searches() {
    let mapped = map(&step(
        "OpenAI.complete",
        json!({}),
        vec![
            (
                "LLMCompletionStartEvent",
                json!({"class_name": "LLMCompletionStartEvent", "prompt": "q", "model_dict.model": "m"}),
            ),
            (
                "LLMCompletionEndEvent",
                json!({"class_name": "LLMCompletionEndEvent", "prompt": "q", "response.text": "a"}),
            ),
        ],
    ));
    assert_eq!(
        (input(&mapped)[0]["parts"][0]["content"].clone(), output(&mapped)[0]["parts"][0]["content"].clone()),
        (json!("q"), json!("a"))
    );
    let mapped = map(&step(
        "E.embed",
        json!({}),
        vec![
            ("EmbeddingStartEvent", json!({"model_dict.model_name": "e"})),
            ("EmbeddingEndEvent", json!({"chunks": ["x"]})),
        ],
    ));
    assert_eq!((mapped.kind, mapped.model.as_deref()), (Some(SpanKind::Embedding), Some("e")));
    let mapped = map(&step(
        "R.retrieve",
        json!({}),
        vec![
            ("RetrievalStartEvent", json!({"str_or_query_bundle": "q"})),
            ("RetrievalEndEvent", json!({"nodes": "[{}]"})),
        ],
    ));
    assert_eq!((mapped.kind, mapped.input_text.as_deref()), (Some(SpanKind::Retriever), Some("q")));
}

#[test]
fn steps_are_tools_agents_and_chains() {
    let call = "ToolCall(tool_name='f', tool_kwargs={'a': 1}, tool_id='c')";
    let tags = |summary: &str| json!({"llamaindex.step.input_event": "ToolCall", "llamaindex.step.input_summary": summary, "llamaindex.session_id": "s"});
    let mapped = map(&step("BaseWorkflowAgent.call_tool", tags(call), vec![]));
    assert_eq!(
        (mapped.kind, mapped.tool_name.as_deref(), mapped.tool_call_id.as_deref()),
        (Some(SpanKind::Tool), Some("f"), Some("c"))
    );
    assert_eq!((mapped.tool_arguments, mapped.session_key), (Some(json!({"a": 1})), Some((0, "s".into()))));
    let cut =
        map(&step("BaseWorkflowAgent.call_tool", tags("ToolCall(tool_name='f', tool_kwargs={'a': 'xxx..."), vec![]));
    assert_eq!((cut.tool_name.as_deref(), cut.tool_arguments), (Some("f"), None));
    let told = map(&step(
        "FunctionAgent.run",
        json!({}),
        vec![("workflow.output", json!({"tags.session_id": "s", "tags.user_id": "u"}))],
    ));
    assert_eq!((told.session_key, told.user_key.as_deref()), (Some((0, "s".into())), Some("u")));
    // The function inside has the same tags.
    assert_eq!(map(&step("FunctionTool.acall", tags(call), vec![])).kind, Some(SpanKind::Chain));
    assert_eq!(map(&step("FunctionAgent.run", json!({}), vec![])).kind, Some(SpanKind::Agent));
}

#[test]
fn what_streamed_is_told_by_the_step() {
    let told = |printed: &str| {
        let mapped = map(&step(
            "BaseWorkflowAgent.run_agent_step",
            json!({}),
            vec![("step.output", json!({"output": printed}))],
        ));
        mapped.output_messages.and_then(|messages| gleaner_model::output_text(&messages))
    };
    let before = "AgentOutput(response=ChatMessage(role=<MessageRole.ASSISTANT: 'assistant'>, additional_kwargs={}, blocks=[TextBlock(block_type='text', text=";
    assert_eq!(told(&format!("{before}'It\\'s \"a\"')])...")).as_deref(), Some("It's \"a\""));
    assert_eq!(told(&format!("{before}'It was cu...")), None);
    assert_eq!(told(&format!("{before}'one'), TextBlock(block_ty...")), None);
}
