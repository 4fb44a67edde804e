use gleaner_model::SpanKind;
use serde_json::{Value, json};

use super::super::map;
use super::super::tests::{input, output, span};
use super::told;
use crate::mapped::MergedSpan;

fn named(name: &str, attributes: Value) -> MergedSpan {
    let mut span = span(attributes);
    span.span.name = name.into();
    span
}

/// `to_dict()` since 2.9.
fn conversation() -> Value {
    json!([
        {"role": "system", "content": [{"text": "Be brief."}], "name": null, "meta": {}},
        {"role": "user", "content": [{"text": "12 x 34?"}], "name": null, "meta": {}},
        {"role": "assistant", "content": [{"reasoning": {"reasoning_text": "Multiply.", "extra": {}}},
            {"tool_call": {"tool_name": "multiply", "arguments": {"a": 12, "b": 34}, "id": "c1"}}], "name": null,
            "meta": {"model": "m-1", "finish_reason": "tool_calls",
                "usage": {"prompt_tokens": 20, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 3}}}},
        {"role": "tool", "content": [{"tool_call_result": {"result": "boom",
            "origin": {"tool_name": "multiply", "arguments": {"a": 12, "b": 34}, "id": "c1"}, "error": true}}],
            "name": null, "meta": {}},
    ])
}

#[test]
fn a_step_of_an_agent_is_a_call() {
    let history = &conversation().as_array().cloned().unwrap_or_default();
    let given = json!({"messages": history[..2], "generation_kwargs": {"temperature": 0.2},
        "tools": [{"type": "haystack.tools.tool.Tool",
            "data": {"name": "multiply", "description": "d", "parameters": {"type": "object"}, "function": "x"}}]});
    let mapped = map(&named(
        "haystack.agent.step.llm",
        json!({"haystack.agent.step.llm.input": given.to_string(),
            "haystack.agent.step.llm.output": json!({"replies": [history[2]]}).to_string()}),
    ));
    assert_eq!((mapped.kind, mapped.convention), (Some(SpanKind::Llm), Some("haystack")));
    assert_eq!(mapped.system_prompt.as_deref(), Some("Be brief."));
    assert_eq!(input(&mapped), json!([{"role": "user", "parts": [{"type": "text", "content": "12 x 34?"}]}]));
    assert_eq!(output(&mapped)[0]["parts"][0], json!({"type": "reasoning", "content": "Multiply."}));
    assert_eq!(output(&mapped)[0]["parts"][1]["arguments"], json!({"a": 12, "b": 34}));
    assert_eq!((mapped.response_model.as_deref(), mapped.finish_reason.as_deref()), (Some("m-1"), Some("tool_call")));
    assert_eq!((mapped.input_tokens, mapped.output_tokens, mapped.reasoning_tokens), (Some(20), Some(5), Some(3)));
    assert_eq!(mapped.parameters.map(Value::Object), Some(json!({"temperature": 0.2})));
    let tool = json!([{"type": "function", "name": "multiply", "description": "d", "parameters": {"type": "object"}}]);
    assert_eq!(mapped.tool_definitions, Some(tool));
    assert_eq!(mapped.source_keys["input_messages"], json!("haystack.agent.step.llm.input"));
}

#[test]
fn a_tool_has_arguments_and_a_result() {
    let mapped = map(&named(
        "haystack.agent.step.tool",
        json!({"haystack.tool.name": "multiply", "haystack.tool.call.id": "c1",
            "haystack.agent.step.tool.input": "{\"a\": 12, \"b\": 34}", "haystack.agent.step.tool.output": "408"}),
    ));
    assert_eq!((mapped.kind, mapped.tool_name.as_deref()), (Some(SpanKind::Tool), Some("multiply")));
    assert_eq!(mapped.tool_call_id.as_deref(), Some("c1"));
    assert_eq!((mapped.tool_arguments, mapped.tool_result), (Some(json!({"a": 12, "b": 34})), Some(json!("408"))));
}

#[test]
fn components_are_told_by_their_class() {
    let kind = |class: &str| map(&named("haystack.component.run", json!({"haystack.component.type": class}))).kind;
    assert_eq!(kind("OpenAIChatGenerator"), Some(SpanKind::Llm));
    assert_eq!(kind("InMemoryBM25Retriever"), Some(SpanKind::Retriever));
    assert_eq!(kind("SentenceTransformersTextEmbedder"), Some(SpanKind::Embedding));
    assert_eq!(kind("TransformersSimilarityRanker"), Some(SpanKind::Reranker));
    assert_eq!(kind("PromptBuilder"), Some(SpanKind::Chain));
}

#[test]
fn a_generator_without_a_chat_is_given_a_prompt() {
    let mapped = map(&named(
        "haystack.component.run",
        json!({"haystack.component.type": "OpenAIGenerator", "haystack.component.name": "llm",
            "haystack.component.input": "{\"prompt\": \"Say hi.\"}",
            "haystack.component.output": "{\"replies\": [\"hi\"], \"meta\": [{\"model\": \"m-1\", \"usage\": {\"prompt_tokens\": 3}}]}"}),
    ));
    assert_eq!(input(&mapped)[0]["parts"][0]["content"], json!("Say hi."));
    assert_eq!(output(&mapped)[0]["parts"][0]["content"], json!("hi"));
    assert_eq!((mapped.response_model.as_deref(), mapped.input_tokens), (Some("m-1"), Some(3)));
}

#[test]
fn a_pipeline_has_a_question_and_an_answer() {
    let mapped = map(&named(
        "Pipeline.run",
        json!({"openinference.span.kind": "CHAIN",
            "input.value": json!({"data": {"agent": {"messages": [
                "ChatMessage(_role=<ChatRole.USER: 'user'>, _content=[TextContent(text='hi')], _name=None, _meta={})"]}}}).to_string(),
            "output.value": json!({"agent": {"messages": [
                "ChatMessage(_role=<ChatRole.USER: 'user'>, _content=[TextContent(text='hi')], _name=None, _meta={})",
                "ChatMessage(_role=<ChatRole.ASSISTANT: 'assistant'>, _content=[TextContent(text='Hello.')], _name=None, _meta={})"]}})
                .to_string()}),
    ));
    assert_eq!(mapped.kind, Some(SpanKind::Chain));
    assert_eq!((mapped.input_text.as_deref(), mapped.output_text.as_deref()), (Some("hi"), Some("Hello.")));
}

#[test]
fn a_run_tells_of_what_came_after_its_input() {
    let history = conversation();
    let run = named(
        "haystack.agent.run",
        json!({"haystack.agent.input": json!({"messages": [history[1]]}).to_string(),
            "haystack.agent.output": json!({"messages": history}).to_string()}),
    );
    let told = told(&run);
    assert_eq!(told.iter().map(|call| call.kind).collect::<Vec<_>>(), [Some(SpanKind::Llm), Some(SpanKind::Tool)]);
    assert_eq!(told[0].system_prompt.as_deref(), Some("Be brief."));
    assert_eq!(input(&told[0])[0]["parts"][0]["content"], json!("12 x 34?"));
    assert_eq!((told[0].input_tokens, told[0].output_tokens), (Some(20), Some(5)));
    assert_eq!((told[1].tool_call_id.as_deref(), told[1].error.as_deref()), (Some("c1"), Some("boom")));
}

#[test]
fn a_step_tells_only_of_the_new_messages() {
    let history = conversation();
    let step = named(
        "haystack.agent.step",
        json!({"haystack.agent.step": 0, "haystack.agent.step.input": json!([history[0], history[1]]).to_string(),
            "haystack.agent.step.llm_output": json!([history[2]]).to_string()}),
    );
    let told = told(&step);
    assert_eq!(told.len(), 1);
    assert_eq!(input(&told[0])[0]["parts"][0]["content"], json!("12 x 34?"));
    assert_eq!(output(&told[0])[0]["parts"][1]["name"], json!("multiply"));
}

#[test]
fn messages_of_other_libraries_are_left_to_their_conventions() {
    let mapped = map(&span(json!({"openinference.span.kind": "CHAIN",
        "input.value": "{\"messages\": [{\"role\": \"user\", \"content\": \"hi\"}], \"meta\": {}}"})));
    assert_eq!((mapped.kind, mapped.convention), (Some(SpanKind::Chain), Some("openinference")));
    assert_eq!(mapped.input_text.as_deref(), Some("hi"));
}

#[test]
fn only_the_last_calls_of_a_long_run_repeat_its_history() {
    let user = json!({"role": "user", "content": [{"text": "go"}], "meta": {}});
    let mut history = vec![user.clone()];
    history.extend(
        (0..40).map(|step| json!({"role": "assistant", "content": [{"text": format!("step {step}")}], "meta": {}})),
    );
    let run = named(
        "haystack.agent.run",
        json!({"haystack.agent.input": json!({"messages": [user]}).to_string(),
            "haystack.agent.output": json!({"messages": history}).to_string()}),
    );
    let told = told(&run);
    assert_eq!(told.len(), 40);
    assert_eq!(told.iter().position(|call| call.input_messages.is_some()), Some(8));
    assert!(told[8..].iter().all(|call| call.input_messages.is_some()));
}

#[test]
fn an_invoker_of_one_tool_is_that_tool() {
    let result = conversation()[3].clone();
    let invoker = |results: Value| {
        map(&named(
            "haystack.component.run",
            json!({"haystack.component.type": "ToolInvoker",
                "haystack.component.output": json!({"tool_messages": results}).to_string()}),
        ))
    };
    let one = invoker(json!([result]));
    assert_eq!((one.kind, one.tool_name.as_deref()), (Some(SpanKind::Tool), Some("multiply")));
    assert_eq!((one.tool_arguments, one.tool_result), (Some(json!({"a": 12, "b": 34})), Some(json!("boom"))));
    assert_eq!(one.error.as_deref(), Some("boom"));
    assert_eq!(invoker(json!([result, result])).kind, Some(SpanKind::Chain));
}

#[test]
fn a_component_that_returns_no_conversation_is_no_agent() {
    let user = "ChatMessage(_role=<ChatRole.USER: 'user'>, _content=[TextContent(text='hi')], _name=None, _meta={})";
    let of = |name: &str, output: Option<Value>| {
        let mut attributes =
            json!({"openinference.span.kind": "CHAIN", "input.value": json!({"messages": [user]}).to_string()});
        if let Some(output) = output {
            attributes["output.value"] = json!(output.to_string());
        }
        map(&named(name, attributes)).kind
    };
    assert_eq!(of("ToolInvoker.run", Some(json!({"tool_messages": []}))), Some(SpanKind::Chain));
    assert_eq!(of("Agent.run", Some(json!({"messages": [user]}))), Some(SpanKind::Agent));
    assert_eq!(of("Agent.run", None), Some(SpanKind::Agent));
    assert_eq!(of("Router.run", None), Some(SpanKind::Chain));
}

#[test]
fn a_call_that_openinference_recorded_is_read_from_what_python_printed() {
    let call = "ToolCall(tool_name='f', arguments={'x': 1}, id='c1', extra=None)";
    let messages = [
        "ChatMessage(_role=<ChatRole.USER: 'user'>, _content=[TextContent(text='12 x 34?')], _name=None, _meta={})"
            .to_owned(),
        format!("ChatMessage(_role=<ChatRole.ASSISTANT: 'assistant'>, _content=[{call}], _name=None, _meta={{}})"),
        format!(
            "ChatMessage(_role=<ChatRole.TOOL: 'tool'>, _content=[ToolCallResult(result='408', origin={call}, \
                 error=False)], _name=None, _meta={{}})"
        ),
    ];
    let tool =
        "Tool(name='f', description='d', parameters={'type': 'object'}, function=<function f at 0x7f5ad1f744a0>)";
    let answer = "ChatMessage(_role=<ChatRole.ASSISTANT: 'assistant'>, _content=[TextContent(text='408.')], _name=None, \
                  _meta={'model': 'm-1', 'finish_reason': 'stop'})";
    let mapped = map(&span(json!({"openinference.span.kind": "LLM", "llm.model_name": "m-1",
        "llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": "12 x 34?",
        "llm.input_messages.1.message.role": "assistant", "llm.input_messages.2.message.role": "tool",
        "input.value": json!({"messages": messages, "tools": [tool]}).to_string(),
        "output.value": json!({"replies": [answer]}).to_string()})));
    assert_eq!(mapped.kind, Some(SpanKind::Llm));
    let given = input(&mapped);
    assert_eq!(given[1]["parts"][0], json!({"type": "tool_call", "id": "c1", "name": "f", "arguments": {"x": 1}}));
    assert_eq!((&given[2]["parts"][0]["id"], &given[2]["parts"][0]["response"]), (&json!("c1"), &json!("408")));
    assert_eq!(mapped.finish_reason.as_deref(), Some("stop"));
    let offered = json!([{"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}}]);
    assert_eq!(mapped.tool_definitions, Some(offered));
}
