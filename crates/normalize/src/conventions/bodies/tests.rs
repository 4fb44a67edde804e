use serde_json::json;

use super::{request, response};

#[test]
fn requests_of_every_provider() {
    let shapes = [
        json!({"model": "m", "temperature": 0, "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]}),
        json!({"model": "m", "temperature": 0, "instructions": "Be brief.", "input": "hi"}),
        json!({"model": "m", "temperature": 0, "system": [{"type": "text", "text": "Be brief."}], "messages": [{"role": "user", "content": "hi"}]}),
        json!({"model": "m", "temperature": 0, "config": {"system_instruction": "Be brief."}, "contents": [{"role": "user", "parts": [{"text": "hi"}]}]}),
    ];
    for shape in shapes {
        let mapped = request(&json!(shape.to_string()));
        assert_eq!(mapped.model.as_deref(), Some("m"), "{shape}");
        assert_eq!(mapped.system_prompt.as_deref(), Some("Be brief."), "{shape}");
        assert_eq!(
            json!(mapped.input_messages),
            json!([{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]),
            "{shape}"
        );
        assert_eq!(json!(mapped.parameters), json!({"temperature": 0}), "{shape}");
    }
}

#[test]
fn responses_of_every_provider() {
    let shapes = [
        json!({"id": "r", "model": "m", "choices": [{"message": {"role": "assistant", "content": "hello"}, "finish_reason": "length"}],
            "usage": {"prompt_tokens": 12, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 2}}}),
        json!({"id": "r", "model": "m", "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"},
            "output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hello"}]}],
            "usage": {"input_tokens": 12, "output_tokens": 5, "input_tokens_details": {"cached_tokens": 2}}}),
        json!({"id": "r", "model": "m", "role": "assistant", "type": "message", "content": [{"type": "text", "text": "hello"}], "stop_reason": "max_tokens",
            "usage": {"input_tokens": 7, "output_tokens": 5, "cache_read_input_tokens": 2, "cache_creation_input_tokens": 3}}),
        json!({"responseId": "r", "modelVersion": "m", "candidates": [{"content": {"role": "model", "parts": [{"text": "hello"}]}, "finishReason": "MAX_TOKENS"}],
            "usageMetadata": {"promptTokenCount": 12, "candidatesTokenCount": 4, "thoughtsTokenCount": 1, "cachedContentTokenCount": 2}}),
    ];
    for shape in shapes {
        let mapped = response(&shape);
        assert_eq!(
            (mapped.response_id.as_deref(), mapped.response_model.as_deref()),
            (Some("r"), Some("m")),
            "{shape}"
        );
        let output = mapped.output_messages.unwrap_or_default();
        assert_eq!(gleaner_model::output_text(&output).as_deref(), Some("hello"), "{shape}");
        assert_eq!(output[0].role, "assistant", "{shape}");
        assert_eq!(mapped.finish_reason.as_deref(), Some("length"), "{shape}");
        assert_eq!(
            (mapped.input_tokens, mapped.output_tokens, mapped.cached_tokens),
            (Some(12), Some(5), Some(2)),
            "{shape}"
        );
    }
}

#[test]
fn plain_text_is_a_message() {
    assert_eq!(
        json!(request(&json!("hi")).input_messages),
        json!([{"role": "user", "parts": [{"type": "text", "content": "hi"}]}])
    );
    assert_eq!(
        json!(response(&json!("hello")).output_messages),
        json!([{"role": "assistant", "parts": [{"type": "text", "content": "hello"}]}])
    );
    assert_eq!(response(&json!("")).output_messages, None);
}

#[test]
fn a_list_of_one_response_is_that_response() {
    let items =
        json!([{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hello"}]}]);
    let whole = json!([{"id": "r", "object": "response", "model": "m", "output": items, "usage": null}]);
    let mapped = response(&whole);
    assert_eq!((mapped.response_id.as_deref(), mapped.response_model.as_deref()), (Some("r"), Some("m")));
    let output = mapped.output_messages.unwrap_or_default();
    assert_eq!(gleaner_model::output_text(&output).as_deref(), Some("hello"));
}

#[test]
fn a_langchain_answer_may_have_the_providers_id() {
    let body = |id: &str| {
        let message = json!({"lc": 1, "type": "constructor", "id": ["langchain_core", "messages", "AIMessage"],
            "kwargs": {"id": id, "content": "hi"}});
        response(&json!({"generations": [[{"text": "hi", "message": message}]]}))
    };
    assert_eq!(body("chatcmpl-7").response_id.as_deref(), Some("chatcmpl-7"));
    assert_eq!(body("run-7").response_id, None);
}

#[test]
fn a_cut_request_tells_its_whole_fields() {
    let cut = r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"system":"Be brief.","tools":[{"na"#;
    let mapped = request(&json!(cut));
    assert_eq!((mapped.model.as_deref(), mapped.system_prompt.as_deref()), (Some("m"), Some("Be brief.")));
    assert_eq!(mapped.input_messages.map(|messages| messages.len()), Some(1));
    assert_eq!(mapped.tool_definitions, None);
}

/// Guarantees: a response as pydantic-ai writes it.
#[test]
fn pydantic_ais_response() {
    let mapped = response(
        &json!({"kind": "response", "model_name": "m-1", "provider_response_id": "r1", "finish_reason": "stop",
        "usage": {"input_tokens": 9, "cache_read_tokens": 4, "output_tokens": 2},
        "parts": [{"part_kind": "text", "content": "Yes."}]}),
    );
    assert_eq!((mapped.response_model.as_deref(), mapped.response_id.as_deref()), (Some("m-1"), Some("r1")));
    assert_eq!((mapped.input_tokens, mapped.cached_tokens, mapped.output_tokens), (Some(9), Some(4), Some(2)));
    assert_eq!(mapped.finish_reason.as_deref(), Some("stop"));
    let text = json!([{"type": "text", "content": "Yes."}]);
    assert_eq!(json!(mapped.output_messages)[0]["parts"], text);
}
