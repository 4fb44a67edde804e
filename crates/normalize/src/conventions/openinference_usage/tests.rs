use serde_json::{Value, json};

use super::super::map;
use super::super::tests::span;

fn tokens(more: Value) -> (Option<i64>, Option<i64>, Option<i64>) {
    let mut attributes = json!({"openinference.span.kind": "LLM", "llm.token_count.prompt": 700,
        "llm.token_count.completion": 200});
    if let (Value::Object(all), Value::Object(more)) = (&mut attributes, more) {
        all.extend(more);
    }
    let mapped = map(&span(attributes));
    (mapped.input_tokens, mapped.output_tokens, mapped.cached_tokens)
}

#[test]
fn a_total_tells_whether_the_prompt_includes_what_a_cache_read() {
    let cached =
        |total: i64| tokens(json!({"llm.token_count.prompt_details.cache_read": 300, "llm.token_count.total": total}));
    assert_eq!(cached(1200), (Some(1000), Some(200), Some(300)), "it does not");
    assert_eq!(cached(900), (Some(700), Some(200), Some(300)), "it does");
}

/// OpenInference's instrumentation of Bedrock for JavaScript knows no cache; the response that it records does.
#[test]
fn a_body_is_believed_where_the_total_is_its_own() {
    let body = |cache_read: i64| {
        let usage = json!({"inputTokens": 700, "outputTokens": 200, "cacheReadInputTokens": cache_read,
            "cacheWriteInputTokens": 0});
        let message = json!({"role": "assistant", "content": [{"text": "hi"}]});
        let body = json!({"output": {"message": message}, "stopReason": "end_turn", "usage": usage});
        tokens(json!({"llm.token_count.total": 1200, "output.value": body.to_string()}))
    };
    assert_eq!(body(300), (Some(1000), Some(200), Some(300)));
    assert_eq!(body(100), (Some(700), Some(200), Some(100)), "nothing makes the total");
}
