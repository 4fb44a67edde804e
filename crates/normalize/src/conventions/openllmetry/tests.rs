use gleaner_model::SpanKind;
use serde_json::{Value, json};

use super::super::map;
use super::super::tests::{input, output, span};

#[test]
fn a_call_of_the_first_era() {
    let mapped = map(&span(json!({
        "gen_ai.system": "OpenAI", "llm.request.type": "chat", "gen_ai.request.model": "gpt-4o", "llm.top_k": 4,
        "gen_ai.request.temperature": 0.5, "llm.headers": "None", "llm.is_streaming": true,
        "gen_ai.prompt.0.role": "system", "gen_ai.prompt.0.content": "Be brief.",
        "gen_ai.prompt.1.role": "user", "gen_ai.prompt.1.content": "[{\"type\":\"text\",\"text\":\"12 × 34?\"}]",
        "gen_ai.prompt.2.role": "assistant", "gen_ai.prompt.2.tool_calls.0.id": "c1",
        "gen_ai.prompt.2.tool_calls.0.name": "f", "gen_ai.prompt.2.tool_calls.0.arguments": "{\"x\": 1}",
        "gen_ai.prompt.10.role": "tool", "gen_ai.prompt.10.tool_call_id": "c1", "gen_ai.prompt.10.content": "[408]",
        "gen_ai.completion.0.role": "assistant", "gen_ai.completion.0.content": "408",
        "gen_ai.completion.0.finish_reason": "stop",
        "llm.request.functions.0.name": "f", "llm.request.functions.0.description": "Multiplies.",
        "llm.request.functions.0.parameters": "{\"type\": \"object\"}",
        "gen_ai.usage.prompt_tokens": 20, "gen_ai.usage.completion_tokens": 5,
        "gen_ai.usage.cache_read_input_tokens": 8, "llm.usage.reasoning_tokens": 3,
    })));
    assert_eq!((mapped.kind, mapped.convention), (Some(SpanKind::Llm), Some("openllmetry")));
    assert_eq!(mapped.provider.as_deref(), Some("openai"));
    assert_eq!(mapped.system_prompt.as_deref(), Some("Be brief."));
    assert_eq!(
        input(&mapped),
        json!([
            {"role": "user", "parts": [{"type": "text", "content": "12 × 34?"}]},
            {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "f", "arguments": {"x": 1}}]},
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "[408]"}]},
        ])
    );
    assert_eq!(
        output(&mapped),
        json!([{"role": "assistant", "parts": [{"type": "text", "content": "408"}], "finish_reason": "stop"}])
    );
    assert_eq!(
        mapped.tool_definitions,
        Some(
            json!([{"type": "function", "name": "f", "description": "Multiplies.", "parameters": {"type": "object"}}])
        )
    );
    assert_eq!((mapped.input_tokens, mapped.output_tokens), (Some(20), Some(5)));
    assert_eq!((mapped.cached_tokens, mapped.reasoning_tokens), (Some(8), Some(3)));
    let parameters = mapped.parameters.unwrap();
    assert_eq!(
        (&parameters["temperature"], &parameters["top_k"], &parameters["stream"]),
        (&json!(0.5), &json!(4), &json!(true))
    );
}

#[test]
fn what_the_model_thought_is_part_of_its_answer() {
    let anthropic = map(&span(json!({"llm.request.type": "chat",
        "gen_ai.completion.0.role": "thinking", "gen_ai.completion.0.content": "Hm.",
        "gen_ai.completion.0.finish_reason": "tool_use", "gen_ai.completion.1.role": "assistant",
        "gen_ai.completion.1.finish_reason": "tool_use", "gen_ai.completion.1.tool_calls.0.id": "c1",
        "gen_ai.completion.1.tool_calls.0.name": "f", "gen_ai.completion.1.tool_calls.0.arguments": "{}"})));
    let openai = map(&span(json!({"llm.request.type": "chat", "gen_ai.completion.0.role": "assistant",
        "gen_ai.completion.0.reasoning": "[{\"text\": \"Hm.\", \"type\": \"summary_text\"}]",
        "gen_ai.completion.0.finish_reason": "tool_calls", "gen_ai.completion.0.tool_calls.0.id": "c1",
        "gen_ai.completion.0.tool_calls.0.name": "f", "gen_ai.completion.0.tool_calls.0.arguments": "{}"})));
    // What stands as JSON of summaries is one.
    let raw = json!({"type": "reasoning", "content": "Hm."});
    let summary = json!({"type": "reasoning", "content": "Hm.", "kind": "summary"});
    for (mapped, reasoning) in [(anthropic, raw), (openai, summary)] {
        assert_eq!(
            output(&mapped),
            json!([{"role": "assistant", "finish_reason": "tool_call", "parts": [
                reasoning,
                {"type": "tool_call", "id": "c1", "name": "f", "arguments": {}}]}])
        );
    }
}

#[test]
fn completions_and_langchain_generations() {
    let prompt = map(&span(json!({"llm.request.type": "completion", "gen_ai.request.model": "m",
        "gen_ai.prompt.0.user": "Once", "gen_ai.completion.0.content": " upon a time"})));
    assert_eq!(input(&prompt), json!([{"role": "user", "parts": [{"type": "text", "content": "Once"}]}]));
    assert_eq!(prompt.kind, Some(SpanKind::Llm));
    let generation = map(&span(json!({"llm.request.type": "chat", "gen_ai.request.model": "unknown",
        "traceloop.association.properties.ls_model_name": "gpt-4o",
        "gen_ai.completion.0.role": "unknown", "gen_ai.completion.0.content": "\"\"",
        "gen_ai.completion.0.tool_calls.0.name": "f", "gen_ai.completion.0.tool_calls.0.arguments": "{\"x\":1}"})));
    assert_eq!(generation.model.as_deref(), Some("gpt-4o"));
    assert_eq!(
        output(&generation),
        json!([{"role": "assistant", "finish_reason": "tool_call",
            "parts": [{"type": "tool_call", "name": "f", "arguments": {"x": 1}}]}])
    );
}

#[test]
fn filtered_content_is_no_answer() {
    let mapped = map(&span(json!({"llm.request.type": "chat", "gen_ai.completion.0.content": "FILTERED",
        "gen_ai.completion.0.finish_reason": "content_filter"})));
    assert_eq!(mapped.output_messages, None);
}

#[test]
fn the_first_names_of_all() {
    let mapped = map(&span(json!({"llm.vendor": "OpenAI", "llm.request.type": "chat", "llm.request.model": "gpt-4",
        "llm.response.model": "gpt-4-0613", "llm.prompts.0.role": "user", "llm.prompts.0.content": "hi",
        "llm.completions.0.role": "assistant", "llm.completions.0.content": "Hello.",
        "llm.completions.0.finish_reason": "stop",
        "llm.usage.prompt_tokens": 3, "llm.usage.completion_tokens": 2, "llm.temperature": 0.1})));
    assert_eq!((mapped.model.as_deref(), mapped.response_model.as_deref()), (Some("gpt-4"), Some("gpt-4-0613")));
    assert_eq!(input(&mapped), json!([{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]));
    assert_eq!((mapped.input_tokens, mapped.output_tokens), (Some(3), Some(2)));
    assert_eq!(mapped.finish_reason.as_deref(), Some("stop"));
}

#[test]
fn opentelemetry_s_keys_come_first_and_the_others_complete_them() {
    let mapped = map(&span(json!({"gen_ai.request.model": "m",
        "gen_ai.input.messages": "[{\"role\":\"user\",\"content\":\"hi\",\"type\":\"message\"}]",
        "gen_ai.prompt.0.role": "system", "gen_ai.prompt.0.content": "Be brief.",
        "gen_ai.prompt.1.role": "user", "gen_ai.prompt.1.content": "hi",
        "gen_ai.output.messages": "[{\"type\":\"function_call\",\"call_id\":\"call_1\",\"name\":\"f\",\"arguments\":\"{}\",\"id\":\"fc_1\"}]",
        "gen_ai.completion.0.role": "assistant", "gen_ai.completion.0.tool_calls.0.id": "fc_1",
        "gen_ai.completion.0.tool_calls.0.name": "f", "gen_ai.completion.0.tool_calls.0.arguments": "{}"})));
    assert_eq!((mapped.convention, mapped.system_prompt.as_deref()), (Some("otel_genai"), Some("Be brief.")));
    assert_eq!(
        output(&mapped)[0]["parts"],
        json!([{"type": "tool_call", "id": "call_1", "name": "f", "arguments": {}}])
    );
}

#[test]
fn reasoning_of_the_second_era_is_text() {
    let mapped = map(&span(
        json!({"gen_ai.operation.name": "chat", "gen_ai.output.messages": json!([{"role": "assistant",
        "parts": [{"type": "reasoning", "content": "[{\"text\": \"Hm.\", \"type\": \"summary_text\"}]"}]}]).to_string()}),
    ));
    assert_eq!(output(&mapped)[0]["parts"], json!([{"type": "reasoning", "content": "Hm.", "kind": "summary"}]));
}

#[test]
fn kinds() {
    for (attributes, kind) in [
        (json!({"traceloop.span.kind": "workflow"}), SpanKind::Chain),
        (json!({"traceloop.span.kind": "task"}), SpanKind::Chain),
        (json!({"traceloop.span.kind": "handoff"}), SpanKind::Chain),
        (json!({"traceloop.span.kind": "agent"}), SpanKind::Agent),
        (json!({"traceloop.span.kind": "tool"}), SpanKind::Tool),
        (json!({"traceloop.span.kind": "unknown", "llm.request.type": "rerank"}), SpanKind::Reranker),
        (json!({"llm.request.type": "embedding", "gen_ai.request.model": "m"}), SpanKind::Embedding),
        (json!({"traceloop.span.kind": "task", "gen_ai.operation.name": "execute_tool"}), SpanKind::Tool),
        (json!({"gen_ai.operation.name": "vector_db_retrieve", "traceloop.span.kind": "task"}), SpanKind::Retriever),
        (json!({"db.system": "chroma", "db.vector.query.top_k": 3}), SpanKind::Retriever),
        (json!({"mcp.method.name": "tools/call", "mcp.request.argument": "{}"}), SpanKind::Tool),
    ] {
        assert_eq!(map(&span(attributes.clone())).kind, Some(kind), "{attributes}");
    }
    assert_eq!(
        map(&span(json!({"mcp.method.name": "tools/list", "mcp.response.value": "{}"}))).kind,
        Some(SpanKind::Chain)
    );
}

fn entity(kind: &str, name: &str, given: Value, returned: Value) -> Value {
    json!({"traceloop.span.kind": kind, "traceloop.entity.name": name,
        "traceloop.entity.input": given.to_string(), "traceloop.entity.output": returned.to_string()})
}

#[test]
fn decorated_functions() {
    let tool = map(&span(entity("tool", "f", json!({"args": [], "kwargs": {"x": 1}}), json!("{\"y\": 2}"))));
    assert_eq!((tool.convention, tool.tool_name.as_deref()), (Some("openllmetry"), Some("f")));
    assert_eq!((tool.tool_arguments, tool.tool_result), (Some(json!({"x": 1})), Some(json!("{\"y\": 2}"))));
    let agent = map(&span(entity("agent", "helper", json!({"args": ["hi"], "kwargs": {}}), json!("Hello."))));
    assert_eq!((agent.agent_name.as_deref(), agent.input_text.as_deref()), (Some("helper"), Some("hi")));
    assert_eq!(agent.output_text.as_deref(), Some("Hello."));
}

#[test]
fn langchain_s_tools_are_tasks_in_javascript() {
    let message = json!({"lc": 1, "type": "constructor", "id": ["langchain_core", "messages", "ToolMessage"],
        "kwargs": {"content": "18", "tool_call_id": "c1", "name": "get_weather"}});
    let mut attributes = entity("task", "DynamicStructuredTool", json!({"args": ["{\"city\":\"Paris\"}"]}), message);
    attributes["gen_ai.operation.name"] = json!("execute_tool");
    let tool = map(&span(attributes));
    assert_eq!((tool.kind, tool.tool_name.as_deref()), (Some(SpanKind::Tool), Some("get_weather")));
    assert_eq!((tool.tool_call_id.as_deref(), tool.tool_arguments), (Some("c1"), Some(json!({"city": "Paris"}))));
    assert_eq!(tool.tool_result, Some(json!("18")));
}

#[test]
fn a_step_shows_the_message_that_it_returned() {
    let message = json!({"lc": 1, "type": "constructor", "id": ["langchain_core", "messages", "AIMessage"],
        "kwargs": {"content": "", "tool_calls": [{"id": "c1", "name": "f", "args": {"x": 1}}]}});
    let step = map(&span(entity("task", "agent", json!({"args": []}), message)));
    assert_eq!(step.kind, Some(SpanKind::Chain));
    assert_eq!(
        output(&step)[0]["parts"],
        json!([{"type": "tool_call", "id": "c1", "name": "f", "arguments": {"x": 1}}])
    );
    let state = json!({"messages": [{"role": "user", "content": "hi"}]});
    assert_eq!(map(&span(entity("workflow", "graph", state.clone(), state))).output_messages, None);
}

#[test]
fn tools_over_mcp() {
    let named = map(&span(json!({"mcp.method.name": "tools/call",
        "mcp.request.argument": "{\"method\":\"tools/call\",\"params\":{\"name\":\"f\",\"arguments\":{\"x\":1}}}",
        "mcp.response.value": "\"408\""})));
    let cleaned =
        map(&span(entity("tool", "f", json!({"tool_name": "f", "arguments": {"x": 1}}), json!({"result": "408"}))));
    for tool in [named, cleaned] {
        assert_eq!((tool.tool_name.as_deref(), tool.tool_arguments), (Some("f"), Some(json!({"x": 1}))));
        assert_eq!(tool.tool_result, Some(json!("408")));
    }
}

#[test]
fn versions_of_the_entity_and_of_the_prompt() {
    let version = |attributes| map(&span(attributes)).agent_version;
    assert_eq!(version(json!({"traceloop.span.kind": "workflow", "traceloop.entity.version": 2})), Some("2".into()));
    let prompt = json!({"llm.request.type": "chat", "traceloop.prompt.key": "greeting", "traceloop.prompt.version": 3});
    assert_eq!(version(prompt), Some("greeting@3".into()));
}

#[test]
fn entities_of_a_named_operation() {
    let mut call = entity(
        "task",
        "m",
        json!([{"role": "user", "content": "hi"}]),
        json!({"role": "assistant", "content": "Hello."}),
    );
    call["gen_ai.operation.name"] = json!("chat");
    let call = map(&span(call));
    assert_eq!(call.kind, Some(SpanKind::Llm));
    assert_eq!(input(&call), json!([{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]));
    assert_eq!(output(&call)[0]["parts"], json!([{"type": "text", "content": "Hello."}]));
    let mut agent =
        entity("workflow", "helper", json!({"inputs": "hi", "tags": []}), json!({"outputs": "Hello.", "kwargs": {}}));
    agent["gen_ai.operation.name"] = json!("invoke_agent");
    let agent = map(&span(agent));
    assert_eq!((agent.kind, agent.agent_name.as_deref()), (Some(SpanKind::Agent), Some("helper")));
    assert_eq!((agent.input_text.as_deref(), agent.output_text.as_deref()), (Some("hi"), Some("Hello.")));
}

/// LangChain's callbacks of 2025: tool messages had no role, and what stopped the model stood in the step's message only.
#[test]
fn langchain_tool_messages_without_a_role() {
    let mapped = map(&span(json!({"llm.request.type": "chat", "gen_ai.prompt.0.role": "user",
        "gen_ai.prompt.0.content": "Weather?", "gen_ai.prompt.1.role": "assistant", "gen_ai.prompt.1.content": "Wait.",
        "gen_ai.prompt.2.role": "unknown", "gen_ai.prompt.2.content": "sunny",
        "gen_ai.prompt.3.role": "unknown", "gen_ai.prompt.3.content": "cold"})));
    let roles: Vec<_> = mapped.input_messages.iter().flatten().map(|message| message.role.as_str()).collect();
    assert_eq!(roles, ["user", "assistant", "tool", "tool"]);
    let alone = map(&span(json!({"llm.request.type": "chat", "gen_ai.prompt.0.role": "unknown",
        "gen_ai.prompt.0.content": "Hi"})));
    assert_eq!(alone.input_messages.unwrap()[0].role, "user");
}

#[test]
fn a_step_of_langgraph_returns_the_answer_with_its_reason() {
    let message = json!({"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "AIMessage"],
        "kwargs": {"content": "Done.", "type": "ai", "response_metadata": {"finish_reason": "stop"}}});
    for outputs in [message.clone(), json!({"messages": [message]})] {
        let returned = json!({"outputs": outputs, "kwargs": {"tags": []}}).to_string();
        let mapped = map(&span(json!({"traceloop.span.kind": "task", "traceloop.entity.output": returned})));
        assert_eq!(
            output(&mapped),
            json!([{"role": "assistant", "finish_reason": "stop", "parts": [{"type": "text", "content": "Done."}]}])
        );
    }
}

/// Since 2026 what LangChain's callback was given stands in OpenTelemetry's keys.
#[test]
fn callbacks_of_tools_in_the_keys_of_opentelemetry() {
    let given = json!({"input_str": "{'city': 'Paris'}", "tags": [], "metadata": {}, "inputs": {"city": "Paris"},
        "kwargs": {"color": "green", "tool_call_id": "c1"}});
    let returned = json!({"output": {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "ToolMessage"],
        "kwargs": {"content": "sunny", "type": "tool", "name": "f", "tool_call_id": "c1"}}, "kwargs": {"tags": []}});
    let mapped = map(&span(json!({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "f",
        "gen_ai.tool.call.arguments": given.to_string(), "gen_ai.tool.call.result": returned.to_string()})));
    assert_eq!(mapped.tool_arguments, Some(json!({"city": "Paris"})));
    assert_eq!(mapped.tool_result, Some(json!("sunny")));
    assert_eq!(mapped.tool_call_id.as_deref(), Some("c1"));
}

/// LangGraph's nodes return commands since 1.0.
#[test]
fn a_command_of_a_step_holds_the_answer() {
    let message = json!({"lc": 1, "type": "constructor", "id": ["langchain_core", "messages", "AIMessage"],
        "kwargs": {"content": "Wait.", "tool_calls": [{"id": "c1", "name": "f", "args": {"x": 1}}]}});
    let command = json!({"lg_name": "Command", "update": {"messages": [message]}});
    for returned in [json!({"output": [command]}), json!({"outputs": command, "kwargs": {"tags": []}})] {
        let mapped =
            map(&span(json!({"traceloop.span.kind": "workflow", "traceloop.entity.output": returned.to_string()})));
        let call = json!({"type": "tool_call", "id": "c1", "name": "f", "arguments": {"x": 1}});
        let parts = json!([{"type": "text", "content": "Wait."}, call]);
        assert_eq!(output(&mapped)[0]["parts"], parts);
    }
}

#[test]
fn what_replicate_wrote_in_pieces_is_one_answer() {
    let mut call = span(json!({"gen_ai.system": "Replicate", "llm.request.type": "completion",
        "gen_ai.prompt.0.user": "Oslo?", "gen_ai.completion.0.content": "It is ", "gen_ai.completion.1.content": "cold."}));
    call.span.scope.name = "opentelemetry.instrumentation.replicate".into();
    let parts = json!([{"type": "text", "content": "It is cold."}]);
    assert_eq!(output(&map(&call)), json!([{"role": "assistant", "parts": parts}]));
    call.span.scope.name = "opentelemetry.instrumentation.openai".into();
    assert_eq!(output(&map(&call)).as_array().map(Vec::len), Some(2), "choices");
}
