use serde_json::{Value, json};

use super::super::map;
use super::super::tests::span;

fn call(more: Value) -> Value {
    let mut attributes = json!({"openinference.span.kind": "LLM", "llm.token_count.prompt": 1});
    if let (Value::Object(all), Value::Object(more)) = (&mut attributes, more) {
        all.extend(more);
    }
    attributes
}

#[test]
fn a_router_s_prefix_is_cut_only_where_it_names_the_provider() {
    let models = |name: &str, provider: &str| {
        let parameters = json!({"model": name, "temperature": 0.5}).to_string();
        let attributes = call(json!({"llm.model_name": name, "llm.provider": provider,
            "llm.invocation_parameters": parameters}));
        let mapped = map(&span(attributes));
        (mapped.model, mapped.response_model)
    };
    assert_eq!(models("openai/gpt-4o-mini", "openai"), (Some("gpt-4o-mini".into()), None));
    let routed = "openrouter/anthropic/claude-sonnet-4-5";
    assert_eq!(models(routed, "openrouter"), (Some("anthropic/claude-sonnet-4-5".into()), None));
    assert_eq!(models("openai/gpt-oss-20b", "groq"), (Some("openai/gpt-oss-20b".into()), None));
}

#[test]
fn what_is_new_in_every_response_is_no_parameter() {
    let written = json!({"id": "resp_1", "created_at": 1.0, "metadata": {}, "model": "gpt-4.1", "instructions": "Be brief.",
        "temperature": 0.2, "store": true, "status": "completed"});
    let mapped = map(&span(call(json!({"llm.invocation_parameters": written.to_string()}))));
    assert_eq!(json!(mapped.parameters), json!({"temperature": 0.2, "store": true}));
}

#[test]
fn litellm_s_older_instrumentation_names_the_provider_in_the_model() {
    let mut asked = span(call(json!({"llm.model_name": "anthropic/claude-sonnet-4-5"})));
    assert_eq!(map(&asked).model.as_deref(), Some("anthropic/claude-sonnet-4-5"));
    asked.span.scope.name = "openinference.instrumentation.litellm".into();
    let mapped = map(&asked);
    assert_eq!((mapped.model.as_deref(), mapped.provider.as_deref()), (Some("claude-sonnet-4-5"), Some("anthropic")));
}

#[test]
fn a_request_of_bedrock_names_the_model_whole() {
    let body = json!({"modelId": "anthropic.claude-3-5-sonnet-20241022-v2:0", "messages": []}).to_string();
    let mapped = map(&span(call(json!({"llm.model_name": "claude-3-5-sonnet-20241022", "input.value": body}))));
    assert_eq!(mapped.model.as_deref(), Some("anthropic.claude-3-5-sonnet-20241022-v2:0"));
    assert_eq!(mapped.response_model.as_deref(), Some("claude-3-5-sonnet-20241022"));
}

#[test]
fn parameters_that_python_printed() {
    let printed = "{'temperature': 0, 'messages': [{'role': 'user', 'content': 'hi'}], 'model': 'm'}";
    let mapped = map(&span(call(json!({"llm.invocation_parameters": printed}))));
    assert_eq!((mapped.model.as_deref(), json!(mapped.parameters)), (Some("m"), json!({"temperature": 0})));
}
