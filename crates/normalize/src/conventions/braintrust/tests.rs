use gleaner_model::SpanKind;
use serde_json::json;

use super::super::map;
use super::super::tests::{input, output, span};

#[test]
fn a_call_in_json_objects() {
    let mapped = map(&span(json!({
        "braintrust.parent": "project_name:p", "braintrust.span_attributes": "{\"type\":\"llm\"}",
        "braintrust.input_json": "[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"q\"}]",
        "braintrust.output_json": "[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"a\"},\"finish_reason\":\"stop\"}]",
        "braintrust.metadata": "{\"provider\":\"openai\",\"model\":\"m\",\"temperature\":0.1,\"session_id\":\"s-1\",\"plan\":\"pro\"}",
        "braintrust.metrics": "{\"prompt_tokens\":7,\"completion_tokens\":2,\"tokens\":9,\"prompt_cached_tokens\":3}"})));
    assert_eq!((mapped.kind, mapped.convention), (Some(SpanKind::Llm), Some("braintrust")));
    assert_eq!(
        (mapped.system_prompt.as_deref(), input(&mapped)[0]["parts"][0]["content"].clone()),
        (Some("s"), json!("q"))
    );
    assert_eq!(
        (output(&mapped)[0]["parts"][0]["content"].clone(), mapped.finish_reason.as_deref()),
        (json!("a"), Some("stop"))
    );
    assert_eq!((mapped.provider.as_deref(), mapped.model.as_deref()), (Some("openai"), Some("m")));
    assert_eq!(mapped.parameters, json!({"temperature": 0.1}).as_object().cloned());
    assert_eq!((mapped.input_tokens, mapped.output_tokens, mapped.cached_tokens), (Some(7), Some(2), Some(3)));
    assert_eq!(mapped.session_key, Some((0, "s-1".into())));
}

#[test]
fn kinds_and_keys_per_field() {
    for (declared, kind) in [("task", SpanKind::Chain), ("score", SpanKind::Evaluator), ("tool", SpanKind::Tool)] {
        let mapped = map(&span(json!({"braintrust.span_attributes.type": declared, "braintrust.input": "{\"x\":1}"})));
        assert_eq!(mapped.kind, Some(kind), "{declared}");
    }
    let metrics = json!({"braintrust.span_attributes.type": "llm", "braintrust.metrics.prompt_tokens": 4,
        "braintrust.metadata.model": "m"});
    let mapped = map(&span(metrics));
    assert_eq!((mapped.input_tokens, mapped.model.as_deref()), (Some(4), Some("m")));
    assert_eq!(map(&span(json!({"braintrust.parent": "p"}))).convention, None);
}
