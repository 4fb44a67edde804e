use gleaner_model::SpanKind;
use serde_json::json;

use super::super::map;
use super::super::tests::span;

#[test]
fn responses_have_instructions_in_a_bare_key() {
    let mapped = map(&span(
        json!({"langtrace.sdk.name": "langtrace-python-sdk", "gen_ai.operation.name": "openai.responses.create",
        "gen_ai.request.model": "m", "instructions": "Be brief.", "gen_ai.response_id": "resp_1"}),
    ));
    assert_eq!((mapped.kind, mapped.model.as_deref()), (Some(SpanKind::Llm), Some("m")));
    assert_eq!((mapped.system_prompt.as_deref(), mapped.response_id.as_deref()), (Some("Be brief."), Some("resp_1")));
    // The bare key is the application's own elsewhere.
    assert_eq!(map(&span(json!({"gen_ai.operation.name": "chat", "instructions": "x"}))).system_prompt, None);
}
