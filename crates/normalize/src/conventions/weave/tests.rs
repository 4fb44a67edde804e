use gleaner_model::SpanKind;
use serde_json::json;

use super::super::map;
use super::super::tests::span;

#[test]
fn kind_and_thread() {
    let mapped = map(&span(json!({"weave.span.kind": "agent", "wandb.thread_id": "t"})));
    assert_eq!((mapped.kind, mapped.convention), (Some(SpanKind::Agent), Some("weave")));
    assert_eq!(mapped.session_key, Some((1, "t".into())));
    let both = map(&span(json!({"weave.span.kind": "task", "gen_ai.operation.name": "chat", "session.id": "s"})));
    assert_eq!((both.kind, both.session_key), (Some(SpanKind::Llm), Some((0, "s".into()))));
}
