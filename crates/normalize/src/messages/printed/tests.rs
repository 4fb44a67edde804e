use serde_json::json;

use super::super::messages;

#[test]
fn printed_messages_have_roles_and_parts() {
    let printed = json!([
        "ChatMessage(role=<MessageRole.SYSTEM: 'system'>, content=[{'type': 'text', 'text': 'Be brief.'}], tool_calls=None)",
        "ChatMessage(role=<MessageRole.USER: 'user'>, additional_kwargs={}, blocks=[TextBlock(block_type='text', text=\"What's up?\")])",
        "HumanMessage(content='Oslo?', additional_kwargs={}, response_metadata={})",
        "AIMessage(content='', tool_calls=[{'name': 'f', 'args': {'x': 1}, 'id': 'c1', 'type': 'tool_call'}])",
        "ToolMessage(content='408', name='f', tool_call_id='c1')",
    ]);
    let read = json!(messages(&printed, "user"));
    let expected = json!([
        {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
        {"role": "user", "parts": [{"type": "text", "content": "What's up?"}]},
        {"role": "user", "parts": [{"type": "text", "content": "Oslo?"}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "f", "arguments": {"x": 1}}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "name": "f", "response": "408"}]},
    ]);
    assert_eq!(read, expected);
}

#[test]
fn other_text_stays_text() {
    for text in ["Message me (please)", "f(x)", "A Message('hi') and more", "ChatMessage(role='user'"] {
        let read = json!(messages(&json!([text]), "user"));
        assert_eq!(read, json!([{"role": "user", "parts": [{"type": "text", "content": text}]}]));
    }
}

/// Guarantees: what OpenAI's agents were told to have answered, printed by Python, is what it was; a user's text stays.
#[test]
fn printed_items_of_the_responses_api() {
    let call =
        "ResponseFunctionToolCall(arguments='{\"x\": 1}', call_id='c1', name='f', type='function_call', id='fc_1')";
    let texts = [
        "{'annotations': [], 'text': 'Hi \u{2014} there', 'type': 'output_text', 'logprobs': []}",
        call,
        "ResponseOutputMessage(id='m', content=[ResponseOutputText(annotations=[], text='Bye', type='output_text')], role='assistant', type='message')",
        "{'type': 'json'}",
    ];
    let parts: Vec<_> = texts.iter().map(|text| json!({"type": "text", "content": text})).collect();
    let read = json!(messages(&json!([{"role": "assistant", "parts": parts}]), "assistant"));
    assert_eq!(
        read[0]["parts"],
        json!([
            {"type": "text", "content": "Hi \u{2014} there"},
            {"type": "tool_call", "id": "c1", "name": "f", "arguments": {"x": 1}},
            {"type": "text", "content": "Bye"},
            {"type": "text", "content": "{'type': 'json'}"},
        ])
    );
    let asked = json!(messages(&json!([{"role": "user", "content": call}]), "user"));
    assert_eq!(asked[0]["parts"], json!([{"type": "text", "content": call}]));
}

#[test]
fn printed_parts_of_google() {
    let call = "video_metadata=None thought=None function_call=FunctionCall(\n  args={\n    'city': 'Paris (France)'\n  },\n  name='f'\n) function_response=None text=None";
    let answer = "video_metadata=None function_call=None function_response=FunctionResponse(\n  name='f',\n  response={\n    'result': 'sunny'\n  }\n) text=None";
    let history = json!([
        {"role": "model", "content": [{"type": "text", "text": "Wait."}, {"type": "text", "text": call}]},
        {"role": "user", "content": [{"type": "text", "text": answer}]},
        {"role": "user", "content": "a=None function_call=FunctionCall("},
    ]);
    let expected = json!([
        {"role": "assistant", "parts": [{"type": "text", "content": "Wait."},
            {"type": "tool_call", "name": "f", "arguments": {"city": "Paris (France)"}}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "name": "f", "response": {"result": "sunny"}}]},
        {"role": "user", "parts": [{"type": "text", "content": "a=None function_call=FunctionCall("}]},
    ]);
    assert_eq!(json!(messages(&history, "user")), expected);
}

#[test]
fn blocks_of_bedrock_written_as_json() {
    let thought = json!({"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "s"}}}).to_string();
    let read = json!(messages(
        &json!([{"role": "assistant", "content": [{"type": "text", "text": thought},
        {"type": "text", "text": "{\"reasoningContent\": 1, \"x\": 2}"}]}]),
        "assistant"
    ));
    assert_eq!(read[0]["parts"][0]["type"], "reasoning");
    assert_eq!(read[0]["parts"][0]["content"], "Hm.");
    assert_eq!(read[0]["parts"][1], json!({"type": "text", "content": "{\"reasoningContent\": 1, \"x\": 2}"}));
}

/// Guarantees: the blocks that LangChain keeps of an answer are read where an instrumentation printed the list of them, and a
/// call in it that the message tells of itself is told once.
#[test]
fn printed_lists_of_blocks() {
    let items = "[{'id': 'rs_1', 'summary': [{'text': \"It's late.\", 'type': 'summary_text'}], 'type': 'reasoning'}, \
        {'arguments': '{\"x\": 1}', 'call_id': 'c1', 'name': 'f', 'type': 'function_call', 'id': 'fc_1'}]";
    let reasoning = json!({"type": "reasoning", "content": "It's late.", "kind": "summary"});
    let call = json!({"type": "tool_call", "id": "c1", "name": "f", "arguments": {"x": 1}});
    let text = json!({"type": "text", "content": items});
    for parts in [json!([text]), json!([text, call])] {
        let read = json!(messages(&json!([{"role": "assistant", "parts": parts}]), "user"));
        assert_eq!(read[0]["parts"], json!([reasoning, call]));
    }
    let item = |kind: &str, printed: &str| json!({"type": kind, "content": printed});
    let split = json!([{"role": "assistant", "parts": [
        item("reasoning", "{'id': 'rs_1', 'summary': [{'text': \"It's late.\", 'type': 'summary_text'}], 'type': 'reasoning'}"),
        item("function_call", "{'arguments': '{\"x\": 1}', 'call_id': 'c1', 'name': 'f', 'type': 'function_call'}"),
    ]}]);
    assert_eq!(json!(messages(&split, "user"))[0]["parts"], json!([reasoning, call]));
    for other in ["[{'city': 'Oslo'}]", "[{'type': 'text'}] is a list", "{'type': 'reasoning'"] {
        let read =
            json!(messages(&json!([{"role": "assistant", "parts": [{"type": "text", "content": other}]}]), "user"));
        assert_eq!(read[0]["parts"], json!([{"type": "text", "content": other}]));
    }
}

#[test]
fn messages_without_a_class_name_their_role() {
    let printed = json!([
        "role='assistant' content=None tool_calls=[ToolCall(function=FunctionCall(name='f', arguments='{\"x\": 1}'), id='c1', \
         type='function', index=0)] prefix=False",
        "role='assistant' content='Hi.' tool_calls=None",
    ]);
    let expected = json!([
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "f", "arguments": {"x": 1}}]},
        {"role": "assistant", "parts": [{"type": "text", "content": "Hi."}]},
    ]);
    assert_eq!(json!(messages(&printed, "user")), expected);
    for text in ["role='x'", "content='hi'", "role = 'user' content = 'x'", "Roles: role='user' content='hi'"] {
        let read = json!(messages(&json!([text]), "user"));
        assert_eq!(read, json!([{"role": "user", "parts": [{"type": "text", "content": text}]}]));
    }
}

#[test]
fn printed_blocks_are_parts() {
    let content = json!([{"role": "assistant", "content": ["type='text' text='Hi.'", "type='x' is no block"]}]);
    let expected = json!([{"role": "assistant", "parts": [
        {"type": "text", "content": "Hi."}, {"type": "text", "content": "type='x' is no block"}]}]);
    assert_eq!(json!(messages(&content, "user")), expected);
}

#[test]
fn a_printed_response_is_its_items() {
    let text = "{'id': 'x', 'object': 'response', 'output': [{'id': 'm', 'type': 'message', 'role': 'assistant', 'content': \
        [{'type': 'output_text', 'text': 'Wait.'}]}, {'type': 'function_call', 'call_id': 'c1', 'name': 'f', 'arguments': \
        '{\"x\": 1}', 'status': None}], 'usage': None}";
    let read = messages(&json!([{"role": "assistant", "parts": [{"type": "text", "content": text}]}]), "assistant");
    let expected = json!([{"role": "assistant", "parts": [{"type": "text", "content": "Wait."},
        {"type": "tool_call", "id": "c1", "name": "f", "arguments": {"x": 1}}]}]);
    assert_eq!(json!(read), expected);
}

/// OpenLLMetry's instrumentation of LangChain writes down Anthropic's blocks so, and the calls in them once more.
#[test]
fn json_of_a_block_is_the_block() {
    let thinking = json!({"type": "thinking", "thinking": "Hm.", "signature": "s"}).to_string();
    let call = json!({"type": "tool_use", "id": "c1", "name": "f", "input": {"x": 1}}).to_string();
    let text = |content: &str| json!({"type": "text", "content": content});
    let parts =
        [text(&thinking), text(&call), json!({"type": "tool_call", "id": "c1", "name": "f", "arguments": {"x": 1}})];
    let read = messages(&json!([{"role": "assistant", "parts": parts}]), "assistant");
    let expected = json!([{"role": "assistant", "parts": [{"type": "reasoning", "content": "Hm."},
        {"type": "tool_call", "id": "c1", "name": "f", "arguments": {"x": 1}}]}]);
    assert_eq!(json!(read), expected);
    for answer in
        [r#"{"type":"thinking"}"#, r#"{"thinking":"x"}"#, r#"{"type":"tool_use","name":"f"}"#, "{\"thinking\""]
    {
        let read = messages(&json!([{"role": "assistant", "parts": [text(answer)]}]), "assistant");
        assert_eq!(json!(read), json!([{"role": "assistant", "parts": [text(answer)]}]));
    }
}

#[test]
fn json_of_a_prompt_s_text_blocks_is_their_text() {
    let blocks = json!([{"type": "text", "text": "Be brief."}, {"type": "text", "text": "Be kind."}]).to_string();
    let read = |role: &str| {
        let messages = messages(&json!([{"role": role, "parts": [{"type": "text", "content": blocks}]}]), role);
        gleaner_model::output_text(&messages)
    };
    assert!(read("system").is_some_and(|prompt| prompt.contains("Be brief.") && !prompt.contains('{')));
    assert_eq!(read("user").as_deref(), Some(blocks.as_str()), "what a user wrote stays");
}
