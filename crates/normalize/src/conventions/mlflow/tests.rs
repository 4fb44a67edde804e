use gleaner_model::SpanKind;
use serde_json::{Value, json};

use super::super::map;
use super::super::tests::{input, output, span};
use crate::mapped::{Mapped, MergedSpan};

/// Every value is JSON once more.
fn encoded(attributes: Value) -> MergedSpan {
    let attributes = attributes.as_object().unwrap().iter().map(|(key, value)| (key.clone(), json!(value.to_string())));
    span(Value::Object(attributes.collect()))
}

fn call(format: &str, request: Value, response: Value) -> Mapped {
    map(&encoded(json!({"mlflow.spanType": "CHAT_MODEL", "mlflow.message.format": format,
        "mlflow.spanInputs": request, "mlflow.spanOutputs": response})))
}

#[test]
fn a_chat_call() {
    let mapped = map(&encoded(json!({
        "mlflow.spanType": "CHAT_MODEL", "mlflow.message.format": "openai", "mlflow.llm.model": "gpt-4o-2024",
        "mlflow.llm.cost": {"input_cost": 0.1, "output_cost": 0.2, "total_cost": 0.3},
        "mlflow.spanInputs": {"model": "gpt-4o", "temperature": 0.2, "messages": [
            {"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]},
        "mlflow.spanOutputs": {"id": "r1", "model": "gpt-4o-2024", "choices": [{"index": 0, "finish_reason": "stop",
            "message": {"role": "assistant", "content": "Hello."}}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 2},
                "completion_tokens_details": {"reasoning_tokens": 1}}},
        "mlflow.chat.tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        "mlflow.chat.tokenUsage": {"input_tokens": 9, "output_tokens": 4, "total_tokens": 13},
    })));
    assert_eq!((mapped.kind, mapped.convention), (Some(SpanKind::Llm), Some("mlflow")));
    assert_eq!((mapped.model.as_deref(), mapped.response_model.as_deref()), (Some("gpt-4o"), Some("gpt-4o-2024")));
    assert_eq!((mapped.provider.as_deref(), mapped.response_id.as_deref()), (Some("openai"), Some("r1")));
    assert_eq!(mapped.system_prompt.as_deref(), Some("Be brief."));
    assert_eq!(input(&mapped), json!([{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]));
    assert_eq!(
        output(&mapped),
        json!([{"role": "assistant", "parts": [{"type": "text", "content": "Hello."}], "finish_reason": "stop"}])
    );
    assert_eq!((mapped.input_tokens, mapped.output_tokens), (Some(9), Some(4)));
    assert_eq!((mapped.cached_tokens, mapped.reasoning_tokens, mapped.cost_usd), (Some(2), Some(1), Some(0.3)));
    assert_eq!(mapped.tool_definitions.unwrap()[0]["name"], "f");
    assert_eq!(mapped.parameters.unwrap()["temperature"], 0.2);
}

#[test]
fn bodies_of_other_providers() {
    let question = json!([{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]);
    let answers = [
        call(
            "anthropic",
            json!({"model": "claude", "system": "Be brief.", "messages": [{"role": "user", "content": "hi"}]}),
            json!({"id": "m1", "role": "assistant", "stop_reason": "end_turn", "content": [{"type": "text", "text": "Hello."}],
                "usage": {"input_tokens": 3, "output_tokens": 4, "cache_read_input_tokens": 6, "cache_creation_input_tokens": 0}}),
        ),
        call(
            "gemini",
            json!({"model": "gemini", "contents": "hi", "config": {"system_instruction": "Be brief."}}),
            json!({"candidates": [{"content": {"role": "model", "parts": [{"text": "Hello."}]}, "finish_reason": "STOP"}],
                "usage_metadata": {"prompt_token_count": 9, "candidates_token_count": 4}}),
        ),
        call(
            "bedrock",
            json!({"modelId": "nova", "system": [{"text": "Be brief."}], "messages": [{"role": "user", "content": [{"text": "hi"}]}]}),
            json!({"output": {"message": {"role": "assistant", "content": [{"text": "Hello."}]}}, "stopReason": "end_turn"}),
        ),
        call(
            "langchain",
            json!([[{"type": "system", "content": "Be brief."}, {"type": "human", "content": "hi"}]]),
            json!({"generations": [[{"text": "Hello.", "message": {"type": "ai", "content": "Hello.",
                "response_metadata": {"finish_reason": "stop"}}}]]}),
        ),
    ];
    for mapped in &answers {
        assert_eq!(mapped.system_prompt.as_deref(), Some("Be brief."), "{mapped:?}");
        assert_eq!(input(mapped), question);
        assert_eq!(output(mapped)[0]["parts"], json!([{"type": "text", "content": "Hello."}]), "{mapped:?}");
        assert_eq!(mapped.finish_reason.as_deref(), Some("stop"));
    }
    assert_eq!(answers[0].input_tokens, Some(9), "Anthropic counts what was cached apart");
    let providers: Vec<_> = answers.iter().map(|mapped| mapped.provider.as_deref()).collect();
    assert_eq!(providers, [Some("anthropic"), Some("gcp.gemini"), Some("aws.bedrock"), None]);
}

#[test]
fn usage_from_its_own_key_where_the_response_has_none() {
    let mapped =
        map(&encoded(json!({"mlflow.spanType": "LLM", "mlflow.llm.model": "m", "mlflow.spanOutputs": "Hello.",
        "mlflow.chat.tokenUsage": {"input_tokens": 9, "output_tokens": 4, "cache_read_input_tokens": 2}})));
    assert_eq!((mapped.input_tokens, mapped.output_tokens, mapped.cached_tokens), (Some(9), Some(4), Some(2)));
    assert_eq!((mapped.model.as_deref(), mapped.response_model), (Some("m"), None));
}

#[test]
fn a_continued_response_names_the_earlier_one() {
    let mapped = call(
        "openai",
        json!({"model": "o4", "previous_response_id": "r0", "instructions": "Be brief.", "input": [
            {"type": "function_call_output", "call_id": "c1", "output": "408"}]}),
        json!({"id": "r1", "status": "completed", "output": [
            {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}]}),
    );
    assert_eq!((mapped.previous_response_id.as_deref(), mapped.response_id.as_deref()), (Some("r0"), Some("r1")));
    assert_eq!(mapped.parameters, None);
    assert_eq!(mapped.finish_reason.as_deref(), Some("content_filter"));
}

#[test]
fn kinds_tools_and_agents() {
    for (name, kind) in [
        ("AGENT", SpanKind::Agent),
        ("TOOL", SpanKind::Tool),
        ("RETRIEVER", SpanKind::Retriever),
        ("EMBEDDING", SpanKind::Embedding),
        ("RERANKER", SpanKind::Reranker),
        ("GUARDRAIL", SpanKind::Guardrail),
        ("EVALUATOR", SpanKind::Evaluator),
        ("PARSER", SpanKind::Chain),
        ("UNKNOWN", SpanKind::Chain),
    ] {
        assert_eq!(map(&encoded(json!({"mlflow.spanType": name}))).kind, Some(kind));
        assert_eq!(map(&span(json!({"mlflow.spanType": name}))).kind, Some(kind), "not encoded");
    }
    let tool = map(&encoded(json!({"mlflow.spanType": "TOOL", "mlflow.spanFunctionName": "f",
        "mlflow.spanInputs": {"x": 1}, "mlflow.spanOutputs": "{\"y\": 2}"})));
    assert_eq!((tool.tool_name.as_deref(), tool.tool_arguments), (Some("f"), Some(json!({"x": 1}))));
    assert_eq!(tool.tool_result, Some(json!("{\"y\": 2}")));
    let agent = map(&encoded(json!({"mlflow.spanType": "AGENT", "mlflow.spanInputs": {"prompt": "hi"},
        "mlflow.spanOutputs": "Hello."})));
    assert_eq!((agent.input_text.as_deref(), agent.output_text.as_deref()), (Some("hi"), Some("Hello.")));
}

#[test]
fn who_and_which_version() {
    let mapped = map(&encoded(json!({"mlflow.spanType": "AGENT", "mlflow.trace.session": "s1", "user.id": "u1",
        "mlflow.linkedPrompts": [{"name": "greeting", "version": "3"}]})));
    assert_eq!((mapped.session_key, mapped.user_key.as_deref()), (Some((0, "s1".into())), Some("u1")));
    assert_eq!(mapped.agent_version.as_deref(), Some("greeting@3"));
    let tagged = map(&span(
        json!({"mlflow.spanType": "\"AGENT\"", "mlflow.traceTag.session_id": "s2", "mlflow.modelId": "\"m-7\""}),
    ));
    assert_eq!((tagged.session_key, tagged.agent_version.as_deref()), (Some((0, "s2".into())), Some("m-7")));
}

fn translated(attributes: Value) -> MergedSpan {
    let mut span = span(attributes);
    span.span.scope.name = "mlflow.tracing.provider".into();
    span
}

#[test]
fn the_translation_is_corrected() {
    let item = json!({"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]});
    let answer = json!([
        {"role": "assistant", "parts": [{"type": "text", "content": item.to_string()}], "finish_reason": "completed"},
        {"role": "assistant", "parts": [{"type": "text", "content": "Wait."}], "finish_reason": "completed"},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "f", "arguments": {}}], "finish_reason": "completed"},
    ]);
    let mapped = map(&translated(json!({"model": "\"o4-mini\"", "reasoning": "{\"effort\": \"low\"}",
        "previous_response_id": "\"r0\"", "gen_ai.operation.name": "chat", "gen_ai.request.model": "o4-mini-2025",
        "gen_ai.request.temperature": 0.5, "gen_ai.output.messages": answer.to_string()})));
    assert_eq!((mapped.model.as_deref(), mapped.previous_response_id.as_deref()), (Some("o4-mini"), Some("r0")));
    assert_eq!(
        output(&mapped),
        json!([{"role": "assistant", "finish_reason": "tool_call", "parts": [
            {"type": "reasoning", "content": "Hm.", "kind": "summary"}, {"type": "text", "content": "Wait."},
            {"type": "tool_call", "id": "c1", "name": "f", "arguments": {}}]}])
    );
    let parameters = mapped.parameters.unwrap();
    assert_eq!((&parameters["reasoning"]["effort"], &parameters["temperature"]), (&json!("low"), &json!(0.5)));
    let tool = map(&translated(json!({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "f",
        "gen_ai.tool.call.result": "\"{\\\"y\\\": 2}\""})));
    assert_eq!((tool.kind, tool.tool_result), (Some(SpanKind::Tool), Some(json!("{\"y\": 2}"))));
}

#[test]
fn a_refusal_in_the_translation_is_one() {
    let refusal = json!({"type": "refusal", "refusal": "No."}).to_string();
    let answer =
        json!([{"role": "assistant", "parts": [{"type": "text", "content": refusal}], "finish_reason": "completed"}]);
    let mapped =
        map(&translated(json!({"gen_ai.operation.name": "chat", "gen_ai.output.messages": answer.to_string()})));
    assert_eq!(output(&mapped)[0]["parts"], json!([{"type": "refusal", "content": "No."}]));
}

#[test]
fn langchain_s_parameters_stand_beside_its_inputs() {
    let mapped = map(&encoded(
        json!({"mlflow.spanType": "CHAT_MODEL", "mlflow.spanInputs": [[{"type": "human", "content": "hi"}]],
        "invocation_params": {"model": "gpt-4o", "temperature": 0.5, "tools": [{"type": "function", "function": {"name": "f"}}]}}),
    ));
    assert_eq!(
        (mapped.model.as_deref(), &mapped.parameters.as_ref().unwrap()["temperature"]),
        (Some("gpt-4o"), &json!(0.5))
    );
    assert_eq!(mapped.tool_definitions, Some(json!([{"type": "function", "name": "f"}])));
    assert_eq!(input(&mapped), json!([{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]));
}

#[test]
fn a_tool_is_named_as_its_span_unless_that_names_a_method() {
    let named = |span_name: &str, function: &str| {
        let mut tool = encoded(json!({"mlflow.spanType": "TOOL", "mlflow.spanFunctionName": function}));
        tool.span.name = span_name.to_owned();
        map(&tool).tool_name
    };
    assert_eq!(named("multiply", "mul").as_deref(), Some("multiply"));
    assert_eq!(named("get_weather_2", "get_weather").as_deref(), Some("get_weather"), "numbered");
    assert_eq!(named("Tool.get_weather", "get_weather").as_deref(), Some("get_weather"));
    assert_eq!(named("Tool.get_weather", "").as_deref(), Some("get_weather"), "DSPy");
}

#[test]
fn an_agent_is_called_as_its_field_says() {
    let agent = |fields: Value| map(&span(fields)).agent_name;
    let run = json!({"mlflow.spanType": "\"AGENT\"", "name": "\"skylark\"", "model": "{}"});
    assert_eq!(agent(run).as_deref(), Some("skylark"));
}
