use gleaner_model::SpanKind;
use serde_json::json;

use super::super::map;
use super::super::tests::span;

#[test]
fn a_record_of_usage_is_no_call() {
    let usage = |spent_on: &str| {
        map(&span(json!({"ag2.span.type": "usage", "ag2.usage.kind": spent_on, "gen_ai.response.model": "m",
            "gen_ai.usage.input_tokens": 7, "gen_ai.usage.output_tokens": 2})))
    };
    assert_eq!((usage("model_call").kind, usage("model_call").input_tokens), (Some(SpanKind::Chain), Some(7)));
    assert_eq!(usage("subtask").kind, Some(SpanKind::Chain));
    assert_eq!(usage("compaction").kind, Some(SpanKind::Llm));
    let call =
        map(&span(json!({"ag2.span.type": "llm", "gen_ai.operation.name": "chat", "gen_ai.request.model": "m"})));
    assert_eq!((call.kind, call.model.as_deref()), (Some(SpanKind::Llm), Some("m")));
    assert_eq!(map(&span(json!({"ag2.span.type": "human_input"}))).kind, Some(SpanKind::Chain));
}
