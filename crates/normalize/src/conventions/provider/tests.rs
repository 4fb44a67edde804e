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
