use gleaner_model::SpanKind;
use serde_json::{Value, json};

use super::super::map;
use super::super::tests::{input, output, span};

fn call() -> Value {
    json!({
        "openinference.span.kind": "LLM",
        "llm.system": "openai",
        "llm.model_name": "gpt-4o-2024-08-06",
        "llm.invocation_parameters": "{\"model\": \"gpt-4o\", \"temperature\": 0.7}",
        "llm.input_messages.0.message.role": "system",
        "llm.input_messages.0.message.content": "Be brief.",
        "llm.input_messages.1.message.role": "user",
        "llm.input_messages.1.message.content": "12 × 34?",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.tool_calls.0.tool_call.id": "c1",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "f",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": "{\"x\": 1}",
        "llm.tools.0.tool.json_schema": "{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"type\":\"object\"}}}",
        "llm.token_count.prompt": 276,
        "llm.token_count.completion": 120,
        "llm.token_count.prompt_details.cache_read": 100,
        "llm.token_count.completion_details.reasoning": 0,
        "llm.finish_reason": "tool_calls",
        "output.value": "{\"id\":\"chatcmpl-1\",\"model\":\"gpt-4o-2024-08-06\",\"choices\":[]}",
    })
}

#[test]
fn a_call_is_read_whole() {
    let mapped = map(&span(call()));
    assert_eq!((mapped.convention, mapped.kind), (Some("openinference"), Some(SpanKind::Llm)));
    assert_eq!(mapped.system_prompt.as_deref(), Some("Be brief."));
    assert_eq!(input(&mapped), json!([{"role": "user", "parts": [{"type": "text", "content": "12 × 34?"}]}]));
    let call = json!({"type": "tool_call", "id": "c1", "name": "f", "arguments": {"x": 1}});
    assert_eq!(output(&mapped), json!([{"role": "assistant", "parts": [call], "finish_reason": "tool_call"}]));
    // What was asked for, and what answered.
    assert_eq!(
        (mapped.model.as_deref(), mapped.response_model.as_deref()),
        (Some("gpt-4o"), Some("gpt-4o-2024-08-06"))
    );
    assert_eq!(mapped.response_id.as_deref(), Some("chatcmpl-1"));
    assert_eq!(
        mapped.tool_definitions,
        Some(json!([{"type": "function", "name": "f", "parameters": {"type": "object"}}]))
    );
    assert_eq!(json!(mapped.parameters), json!({"temperature": 0.7}));
    assert_eq!((mapped.input_tokens, mapped.output_tokens), (Some(276), Some(120)));
    assert_eq!((mapped.cached_tokens, mapped.reasoning_tokens), (Some(100), Some(0)));
    assert_eq!(mapped.source_keys["response_id"], "output.value");
}

#[test]
fn a_block_and_a_call_of_the_same_id_are_one() {
    let mut attributes = call();
    let block = "llm.output_messages.0.message.contents";
    for (key, value) in [
        (format!("{block}.0.message_content.type"), "text"),
        (format!("{block}.0.message_content.text"), "Let me check."),
        (format!("{block}.1.message_content.type"), "tool_use"),
        (format!("{block}.1.tool_call.id"), "c1"),
        (format!("{block}.1.tool_call.function.name"), "f"),
        (format!("{block}.1.tool_call.function.arguments"), "{\"x\": 1}"),
    ] {
        attributes[key] = json!(value);
    }
    let parts = json!([
        {"type": "text", "content": "Let me check."},
        {"type": "tool_call", "id": "c1", "name": "f", "arguments": {"x": 1}},
    ]);
    assert_eq!(output(&map(&span(attributes)))[0]["parts"], parts);
}

#[test]
fn the_items_of_one_answer_become_one_message() {
    let mut attributes = json!({"openinference.span.kind": "LLM"});
    for (key, value) in [
        ("0.message.contents.0.message_content.type", "reasoning"),
        ("0.message.contents.0.message_content.text", "hm"),
        ("1.message.contents.0.message_content.type", "text"),
        ("1.message.contents.0.message_content.text", "Let me check."),
        ("2.message.tool_calls.0.tool_call.function.name", "f"),
        ("2.message.tool_calls.0.tool_call.function.arguments", "{}"),
    ] {
        attributes[format!("llm.output_messages.{key}")] = json!(value);
        attributes[format!("llm.output_messages.{}.message.role", &key[..1])] = json!("assistant");
    }
    let kinds: Vec<Value> = output(&map(&span(attributes)))[0]["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| part["type"].clone())
        .collect();
    assert_eq!(kinds, ["reasoning", "text", "tool_call"]);
}

#[test]
fn bodies_tell_what_the_keys_do_not() {
    let request = json!({"model": "o4-mini", "instructions": "Be brief.", "input": [{"role": "user", "content": "hi"}],
        "tools": [{"type": "function", "name": "f"}]});
    let response = json!({"id": "resp_1", "model": "o4-mini-2025", "status": "completed",
        "output": [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hello"}]}],
        "usage": {"input_tokens": 9, "output_tokens": 5, "output_tokens_details": {"reasoning_tokens": 3}}});
    let mapped = map(&span(
        json!({"openinference.span.kind": "LLM", "input.value": request.to_string(), "output.value": response.to_string()}),
    ));
    assert_eq!(mapped.system_prompt.as_deref(), Some("Be brief."));
    assert_eq!(input(&mapped), json!([{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]));
    assert_eq!(
        output(&mapped)[0]["parts"],
        json!([{"type": "reasoning", "content": "hm", "kind": "summary"}, {"type": "text", "content": "hello"}])
    );
    assert_eq!((mapped.model.as_deref(), mapped.response_model.as_deref()), (Some("o4-mini"), Some("o4-mini-2025")));
    assert_eq!(
        (mapped.input_tokens, mapped.reasoning_tokens, mapped.finish_reason.as_deref()),
        (Some(9), Some(3), Some("stop"))
    );
}

#[test]
fn hidden_content_is_not_captured() {
    let hidden = json!({"openinference.span.kind": "LLM", "llm.model_name": "m", "llm.token_count.prompt": 1,
        "input.value": "__REDACTED__", "output.value": "__REDACTED__",
        "llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": "__REDACTED__"});
    let mapped = map(&span(hidden));
    assert_eq!((mapped.input_messages, mapped.output_messages), (None, None));
    let tool = map(&span(json!({"openinference.span.kind": "TOOL", "tool.name": "f", "tool.parameters": "{\"x\": 1}",
        "input.value": "__REDACTED__", "output.value": "__REDACTED__"})));
    assert_eq!((tool.tool_arguments, tool.tool_result), (Some(json!({"x": 1})), None));
}

#[test]
fn the_arguments_of_a_tool() {
    let arguments = |input: Value, parameters: Value| {
        map(&span(json!({"openinference.span.kind": "TOOL", "tool.name": "f", "input.value": input, "tool.parameters": parameters}))).tool_arguments
    };
    let schema = json!("{\"city\": {\"type\": \"string\", \"description\": \"d\"}}");
    assert_eq!(arguments(json!("{\"city\": \"Oslo\"}"), schema.clone()), Some(json!({"city": "Oslo"})));
    assert_eq!(
        arguments(json!("{\"args\": [], \"kwargs\": {\"city\": \"Oslo\"}}"), schema.clone()),
        Some(json!({"city": "Oslo"}))
    );
    assert_eq!(arguments(json!("Oslo"), json!(null)), Some(json!("Oslo")));
    assert_eq!(arguments(json!(null), json!("{\"city\": \"Oslo\"}")), Some(json!({"city": "Oslo"})));
    assert_eq!(arguments(json!(null), schema), None);
}

#[test]
fn the_result_of_a_tool_stands_alone() {
    let message = json!({"type": "tool", "data": {"content": "{\"t\": 18}", "tool_call_id": "c1"}});
    for sent in [message.to_string(), json!({"output": message}).to_string()] {
        let mapped = map(&span(json!({"openinference.span.kind": "TOOL", "tool.name": "f", "output.value": sent})));
        assert_eq!((mapped.tool_result, mapped.tool_call_id.as_deref()), (Some(json!("{\"t\": 18}")), Some("c1")));
    }
    let plain = map(&span(json!({"openinference.span.kind": "TOOL", "tool.name": "f", "output.value": "{\"t\": 18}"})));
    assert_eq!(plain.tool_result, Some(json!("{\"t\": 18}")));
}

#[test]
fn agents_and_chains_have_text() {
    let agent = |input: &str, output: &str| {
        let mapped = map(&span(
            json!({"openinference.span.kind": "AGENT", "agent.name": "a", "input.value": input, "output.value": output}),
        ));
        (mapped.input_text.unwrap(), mapped.output_text.unwrap(), mapped.agent_name.unwrap())
    };
    assert_eq!(agent("hi", "hello"), ("hi".into(), "hello".into(), "a".into()));
    let given = json!({"messages": [{"role": "user", "content": "hi"}]}).to_string();
    let written =
        json!({"messages": [{"role": "user", "content": "hi"}, {"type": "ai", "data": {"content": "hello"}}]})
            .to_string();
    assert_eq!(agent(&given, &written), ("hi".into(), "hello".into(), "a".into()));
    // An agent's own data stays whole.
    let data = json!({"content": "hello", "score": 3}).to_string();
    assert_eq!(agent("hi", &data).1, data);
}

#[test]
fn a_step_around_a_call_is_no_call() {
    let step = |output: &str| {
        let attributes = json!({"openinference.span.kind": "LLM", "llm.model_name": "m", "output.value": output});
        map(&span(attributes)).kind
    };
    assert_eq!(step("{\"messages\": [\"ChatMessage(role='user')\"], \"tools\": []}"), Some(SpanKind::Chain));
    assert_eq!(step("an answer"), Some(SpanKind::Llm));
}

#[test]
fn a_function_call_from_before_there_were_tools() {
    let mapped = map(&span(json!({"openinference.span.kind": "LLM",
        "llm.function_call": "{\"name\": \"f\", \"arguments\": \"{\\\"x\\\": 1}\"}"})));
    let call = json!([{"type": "tool_call", "name": "f", "arguments": {"x": 1}}]);
    assert_eq!(output(&mapped)[0]["parts"], call);
    assert_eq!(mapped.source_keys["output_messages"], json!("llm.function_call"));
}

#[test]
fn results_that_stand_beside_the_message() {
    let mapped = map(&span(json!({"openinference.span.kind": "LLM",
        "llm.input_messages.0.message.role": "function",
        "llm.input_messages.0.function.0": "{\"name\": \"f\", \"content\": \"1\", \"call_id\": \"c1\", \"is_error\": false}",
        "llm.input_messages.0.function.1": "{\"name\": \"g\", \"content\": \"2\", \"call_id\": \"c2\", \"is_error\": false}"})));
    assert_eq!(
        input(&mapped),
        json!([{"role": "tool", "parts": [
            {"type": "tool_call_response", "id": "c1", "name": "f", "response": "1"},
            {"type": "tool_call_response", "id": "c2", "name": "g", "response": "2"}]}])
    );
}

#[test]
fn costs_add_up_where_no_total_is_sent() {
    let cost = |attributes| map(&span(attributes)).cost_usd;
    let shares = json!({"openinference.span.kind": "LLM", "llm.cost.prompt": 0.25, "llm.cost.completion": 0.5});
    assert_eq!(cost(shares), Some(0.75));
    let total = json!({"openinference.span.kind": "LLM", "llm.cost.prompt": 0.25, "llm.cost.total": 1.0});
    assert_eq!(cost(total), Some(1.0));
}

#[test]
fn the_version_of_a_prompt_is_a_parameter() {
    let mapped = map(&span(json!({"openinference.span.kind": "LLM", "llm.invocation_parameters": "{\"top_p\": 1}",
        "llm.prompt_template.version": "v2", "llm.prompt_template.template": "Hi {name}", "prompt.id": "p-1"})));
    let parameters = mapped.parameters.map(serde_json::Value::Object);
    assert_eq!(parameters, Some(json!({"top_p": 1, "prompt_template.version": "v2", "prompt.id": "p-1"})));
}

#[test]
fn metadata_names_what_no_key_names() {
    let metadata = "{\"thread_id\": \"t-1\", \"user_id\": \"u-1\", \"ls_provider\": \"openai\"}";
    let mapped = map(&span(json!({"openinference.span.kind": "LLM", "metadata": metadata})));
    assert_eq!((mapped.session_key, mapped.user_key.as_deref()), (Some((1, "t-1".into())), Some("u-1")));
    assert_eq!((mapped.provider.as_deref(), &mapped.source_keys["provider"]), (Some("openai"), &json!("metadata")));
    let keyed = map(&span(json!({"openinference.span.kind": "LLM", "metadata": metadata, "session.id": "s-1",
        "user.id": "u-2", "llm.provider": "anthropic"})));
    assert_eq!((keyed.session_key, keyed.user_key.as_deref()), (Some((0, "s-1".into())), Some("u-2")));
    assert_eq!(keyed.provider.as_deref(), Some("anthropic"));
}

#[test]
fn a_printed_answer_is_its_text() {
    let answer = |text: &str| {
        map(&span(json!({"openinference.span.kind": "LLM", "llm.token_count.prompt": 3, "output.value": text})))
    };
    assert_eq!(output(&answer("assistant: Hello."))[0]["parts"][0]["content"], json!("Hello."));
    assert_eq!(answer("assistant: None").output_messages, None);
}

#[test]
fn a_span_around_a_run_is_no_agent_where_it_says_nothing_of_one() {
    let mut bare = span(json!({"openinference.span.kind": "AGENT", "session.id": "s-1", "user.id": "u-1"}));
    bare.span.name = "Agent workflow".into();
    let mapped = map(&bare);
    assert_eq!((mapped.kind, mapped.agent_name), (Some(SpanKind::Chain), None));
    bare.span.attributes.insert("graph.node.id".into(), json!("Weatherman"));
    let mapped = map(&bare);
    assert_eq!((mapped.kind, mapped.agent_name.as_deref()), (Some(SpanKind::Agent), Some("Weatherman")));
}

#[test]
fn a_tool_named_by_its_method_is_the_tool() {
    let mut tool = span(json!({"openinference.span.kind": "TOOL", "input.value": "{\"city\": \"Paris\"}"}));
    tool.span.name = "get_weather.__call__".into();
    assert_eq!(map(&tool).tool_name.as_deref(), Some("get_weather"));
}

#[test]
fn a_response_that_the_client_put_together_has_no_id() {
    let body = json!({"id": "__fake_id__", "object": "response", "model": "m", "output": []}).to_string();
    let mapped = map(&span(json!({"openinference.span.kind": "LLM", "output.value": body})));
    assert_eq!((mapped.response_id, mapped.source_keys.get("response_id")), (None, None));
}

#[test]
fn events_that_became_spans_are_steps() {
    let event = json!({"openinference.span.kind": "LLM", "input.value": "{\"error\": \"e\", \"input\": {}}",
        "metadata.path": "backend.openai.chat.error", "metadata.trace.run_id": "r-1"});
    assert_eq!(map(&span(event)).kind, Some(SpanKind::Chain));
    let call =
        json!({"openinference.span.kind": "LLM", "llm.model_name": "m", "metadata.class_name": "OpenAIChatModel"});
    assert_eq!(map(&span(call)).kind, Some(SpanKind::Llm));
}

#[test]
fn a_step_that_asks_a_model_has_its_answer() {
    let mapped = map(&span(json!({"openinference.span.kind": "CHAIN", "llm.model_name": "gpt-4o-mini",
        "instructor.response_model": "City", "output.value": "{\"city\": \"Paris\"}",
        "llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": "Paris has 7 people"})));
    assert_eq!(mapped.kind, Some(SpanKind::Chain));
    let call = json!({"type": "tool_call", "name": "City", "arguments": {"city": "Paris"}});
    assert_eq!(output(&mapped)[0]["parts"], json!([call]));
}

#[test]
fn prompts_may_be_a_list() {
    let mapped = map(&span(json!({"openinference.span.kind": "LLM", "llm.prompts": ["complete me"],
        "input.value": "{\"args\": [\"complete me\"]}"})));
    assert_eq!(input(&mapped), json!([{"role": "user", "parts": [{"type": "text", "content": "complete me"}]}]));
}

#[test]
fn what_was_thrown_is_no_answer() {
    let mut failed = span(json!({"openinference.span.kind": "LLM", "llm.model_name": "m",
        "output.value": "ChatModelError(backend): Chat Model Error"}));
    failed.span.status_code = 2;
    failed.span.events.push(gleaner_model::SpanEvent {
        name: "exception".into(),
        attributes: json!({"exception.message": "Chat Model Error"}).as_object().cloned().unwrap_or_default(),
        ..gleaner_model::SpanEvent::default()
    });
    let mapped = map(&failed);
    assert_eq!((mapped.kind, mapped.output_messages), (Some(SpanKind::Llm), None));
}

#[test]
fn a_result_in_a_users_message_is_a_tools() {
    let mapped = map(&span(json!({
        "openinference.span.kind": "LLM",
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.tool_call_id": "t1",
        "llm.input_messages.0.message.content": "Sunny"
    })));
    let expected =
        json!([{"role": "tool", "parts": [{"type": "tool_call_response", "id": "t1", "response": "Sunny"}]}]);
    assert_eq!(input(&mapped), expected);
}

#[test]
fn a_run_of_openai_s_agents_is_no_agent() {
    let kind = |more: Value, scope: &str| {
        let mut attributes = json!({"openinference.span.kind": "AGENT", "input.value": "hi", "output.value": "ho"});
        if let (Value::Object(all), Value::Object(more)) = (&mut attributes, more) {
            all.extend(more);
        }
        let mut span = span(attributes);
        span.span.scope.name = scope.into();
        map(&span).kind
    };
    let sdk = "@arizeai/openinference-instrumentation-openai-agents";
    assert_eq!(kind(json!({}), sdk), Some(SpanKind::Chain));
    assert_eq!(kind(json!({"graph.node.id": "skylark"}), sdk), Some(SpanKind::Agent));
    assert_eq!(kind(json!({}), "app"), Some(SpanKind::Agent));
}

/// Guarantees: what Instructor made of an answer is the call of the function that it is an object of; what is of no class is text.
#[test]
fn an_object_is_what_a_function_was_called_with() {
    let step = |class: &str, made: &str| {
        map(&span(
            json!({"openinference.span.kind": "CHAIN", "llm.model_name": "m-1", "instructor.response_model": class,
            "llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": "q", "output.value": made}),
        ))
    };
    let call = json!({"type": "tool_call", "name": "Trip", "arguments": {"days": 2}});
    assert_eq!(output(&step("Trip", "{\"days\": 2}"))[0]["parts"], json!([call]));
    let text = json!([{"type": "text", "content": "{\"days\": 2}"}]);
    assert_eq!(output(&step("dict", "{\"days\": 2}"))[0]["parts"], text);
}

#[test]
fn the_run_of_langchains_agent_is_an_agent() {
    let read = |name: &str| {
        let mut run = span(json!({"openinference.span.kind": "CHAIN", "metadata": "{\"lc_agent_name\": \"skylark\"}"}));
        run.span.name = name.into();
        let mapped = map(&run);
        (mapped.kind, mapped.agent_name)
    };
    assert_eq!(read("skylark"), (Some(SpanKind::Agent), Some("skylark".to_owned())));
    assert_eq!(read("tools"), (Some(SpanKind::Chain), None));
}
