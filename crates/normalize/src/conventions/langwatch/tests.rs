use gleaner_model::SpanKind;
use serde_json::json;

use super::super::map;
use super::super::tests::{input, output, span};

#[test]
fn a_call_with_typed_values() {
    let mapped = map(&span(json!({
        "langwatch.span.type": "llm", "gen_ai.request.model": "m",
        "langwatch.input": "{\"type\":\"chat_messages\",\"value\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"q\"}]}",
        "langwatch.output": "{\"type\":\"chat_messages\",\"value\":[{\"role\":\"assistant\",\"content\":\"a\"}]}",
        "langwatch.metrics": "{\"type\":\"json\",\"value\":{\"promptTokens\":7,\"completionTokens\":2,\"cost\":0.5}}",
        "langwatch.params": "{\"temperature\":0.1,\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]}",
        "langwatch.thread.id": "t", "langwatch.user.id": "u"})));
    assert_eq!((mapped.kind, mapped.convention), (Some(SpanKind::Llm), Some("langwatch")));
    assert_eq!(
        (mapped.system_prompt.as_deref(), input(&mapped)[0]["parts"][0]["content"].clone()),
        (Some("s"), json!("q"))
    );
    assert_eq!(output(&mapped)[0]["parts"][0]["content"], "a");
    assert_eq!((mapped.input_tokens, mapped.output_tokens, mapped.cost_usd), (Some(7), Some(2), Some(0.5)));
    assert_eq!(mapped.parameters, json!({"temperature": 0.1}).as_object().cloned());
    assert_eq!(mapped.tool_definitions, Some(json!([{"type": "function", "name": "f"}])));
    assert_eq!((mapped.session_key, mapped.user_key.as_deref()), (Some((1, "t".into())), Some("u")));
}

#[test]
fn text_and_lists_and_tools() {
    let call = map(&span(
        json!({"langwatch.span.type": "llm", "langwatch.input": "{\"type\":\"text\",\"value\":\"q\"}",
        "langwatch.output": "{\"type\":\"list\",\"value\":[{\"type\":\"chat_messages\",\"value\":[{\"role\":\"assistant\",\"content\":\"a\"}]}]}"}),
    ));
    assert_eq!(input(&call)[0]["parts"][0]["content"], "q");
    let tool =
        map(&span(json!({"langwatch.span.type": "tool", "langwatch.input": "{\"type\":\"json\",\"value\":{\"x\":1}}",
        "langwatch.output": "{\"type\":\"text\",\"value\":\"7\"}"})));
    assert_eq!((tool.tool_arguments, tool.tool_result), (Some(json!({"x": 1})), Some(json!("7"))));
    let chain =
        map(&span(json!({"langwatch.span.type": "workflow", "langwatch.input": "plain", "langwatch.span.cost": 2})));
    assert_eq!(
        (chain.kind, chain.input_text.as_deref(), chain.cost_usd),
        (Some(SpanKind::Chain), Some("plain"), Some(2.0))
    );
}

#[test]
fn first_releases_wrote_bare_keys() {
    let bare = map(&span(json!({"langwatch.span.type": "span", "thread_id": "t", "user_id": "u"})));
    assert_eq!((bare.session_key, bare.user_key.as_deref()), (Some((1, "t".into())), Some("u")));
    let listed = json!({"langwatch.span.type": "span", "metadata": "{\"thread_id\": \"t\", \"customer_id\": \"c\"}"});
    let listed = map(&span(listed));
    assert_eq!((listed.session_key, listed.user_key.as_deref()), (Some((1, "t".into())), Some("c")));
    assert_eq!(map(&span(json!({"thread_id": "t"}))).session_key, None);
}

#[test]
fn the_handler_for_langchain() {
    let chat = |messages: serde_json::Value| json!({"type": "chat_messages", "value": messages}).to_string();
    let result = json!({"role": "unknown", "content": "{\"celsius\": 15}"});
    let call = map(&span(json!({"langwatch.span.type": "llm", "gen_ai.request.model": "openai/gpt-4o-mini",
        "langwatch.input": chat(json!([{"role": "user", "content": "q"}, {"role": "assistant", "content": ""}, result]))})));
    assert_eq!((call.model.as_deref(), call.provider.as_deref()), (Some("gpt-4o-mini"), Some("openai")));
    assert_eq!(call.source_keys["provider"], "gen_ai.request.model");
    assert_eq!(input(&call)[2]["role"], "tool");
    let tool = map(&span(json!({"langwatch.span.type": "tool", "langwatch.output": chat(json!([result]))})));
    assert_eq!(tool.tool_result, Some(json!("{\"celsius\": 15}")));
}
