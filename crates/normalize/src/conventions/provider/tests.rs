use super::provider_of_model;

#[test]
fn names_that_tell_and_names_that_do_not() {
    let cases = [
        ("gemini-2.5-flash", Some("gcp.gemini")),
        ("models/gemini-2.5-pro", Some("gcp.gemini")),
        ("projects/p/locations/l/publishers/google/models/gemini-2.5-pro", Some("gcp.vertex_ai")),
        ("openai/gpt-4o", Some("openai")),
        ("vertex_ai/claude-sonnet-4", Some("gcp.vertex_ai")),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", Some("aws.bedrock")),
        ("amazon.nova-pro-v1:0", Some("aws.bedrock")),
        ("claude-sonnet-4-5", Some("anthropic")),
        ("gpt-4o-mini", Some("openai")),
        ("llama3.1", None),
        ("my-model", None),
    ];
    for (model, provider) in cases {
        assert_eq!(provider_of_model(model).as_deref(), provider, "{model}");
    }
}

#[test]
fn routers_name_the_provider_before_the_model() {
    let read = |scope: &str, model: &str, system: &str| {
        let mut call = crate::mapped::MergedSpan::default();
        call.span.scope.name = scope.to_owned();
        call.span.attributes =
            serde_json::json!({"gen_ai.operation.name": "chat", "gen_ai.request.model": model, "gen_ai.system": system})
                .as_object()
                .cloned()
                .unwrap_or_default();
        super::super::map(&call).model
    };
    let litellm = "openinference.instrumentation.litellm";
    assert_eq!(read(litellm, "openai/gpt-4o-mini", "openai").as_deref(), Some("gpt-4o-mini"));
    assert_eq!(read(litellm, "openrouter/openai/gpt-4o", "openrouter").as_deref(), Some("openai/gpt-4o"));
    assert_eq!(read(litellm, "meta-llama/Llama-3", "together_ai").as_deref(), Some("meta-llama/Llama-3"));
    assert_eq!(read("openlit.instrumentation.litellm", "openai/gpt-4o", "litellm").as_deref(), Some("gpt-4o"));
    assert_eq!(
        read("gcp.vertex.agent", "openai/gpt-4o-mini", "gcp.vertex.agent").as_deref(),
        Some("gpt-4o-mini"),
        "ADK's"
    );
    let googles = "projects/p/locations/l/publishers/google/models/gemini-2.5-pro";
    assert_eq!(read("gcp.vertex.agent", googles, "gcp.vertex.agent").as_deref(), Some(googles));
    let openai = "opentelemetry.instrumentation.openai";
    assert_eq!(read(openai, "openai/gpt-4o-mini", "openai").as_deref(), Some("openai/gpt-4o-mini"), "of another host");
}
