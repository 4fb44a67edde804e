use gleaner_model::SpanKind;
use serde_json::{Value, json};

use super::super::map;
use super::super::tests::span;
use crate::mapped::Mapped;

fn read(name: &str, attributes: Value) -> Mapped {
    let mut merged = span(attributes);
    merged.span.name = name.into();
    merged.span.scope.name = "mistralai_sdk_tracer".into();
    map(&merged)
}

#[test]
fn a_streamed_request_is_no_call() {
    let request = json!({"gen_ai.request.model": "mistral-small-latest", "http.request.method": "POST"});
    assert_eq!(read("stream_chat", request.clone()).kind, Some(SpanKind::Chain));
    assert_eq!(read("chat_completion_v1_chat_completions_post", request).kind, Some(SpanKind::Llm));
    let counted = json!({"gen_ai.request.model": "mistral-small-latest", "gen_ai.usage.prompt_tokens": 9,
        "gen_ai.usage.output_tokens": 2});
    let call = read("stream_chat", counted);
    assert_eq!((call.kind, call.input_tokens, call.output_tokens), (Some(SpanKind::Llm), Some(9), Some(2)));
}
