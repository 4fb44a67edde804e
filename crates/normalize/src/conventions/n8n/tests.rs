use gleaner_model::SpanKind;
use serde_json::json;

use crate::conventions::map;
use crate::conventions::tests::span;

#[test]
fn an_execution_of_n8n_is_an_attempt() {
    let mapped = map(&span(json!({"n8n.execution.id": "17", "n8n.workflow.id": "w", "n8n.node.name": "Agent"})));
    assert_eq!((mapped.kind, mapped.attempt_key.as_deref()), (Some(SpanKind::Chain), Some("17")));
}
