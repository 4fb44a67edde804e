use gleaner_model::SpanKind;
use serde_json::json;

use crate::conventions::map;
use crate::conventions::tests::span;

#[test]
fn steps_of_agent_framework_need_its_keys() {
    let mut merged = span(json!({"executor.id": "writer"}));
    merged.span.name = "executor.process writer".into();
    assert_eq!(map(&merged).kind, Some(SpanKind::Chain));
    merged.span.attributes.clear();
    assert_eq!(map(&merged).kind, None);
}
