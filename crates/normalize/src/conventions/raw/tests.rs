use serde_json::json;

use super::super::map;
use super::super::tests::span;

#[test]
fn why_a_span_is_not_explained() {
    let cases = [
        (json!({"http.request.method": "GET", "session.id": "s"}), "transport"),
        (json!({"http.request.method": "GET", "gen_ai.conversation.id": "c"}), "transport"),
        (json!({"ai.unheard": "of"}), "unknown_convention"),
        (json!({"gen_ai.agent.description": "d"}), "unknown_convention"),
        (json!({"my.own": 1}), "no_known_attributes"),
        (json!({}), "no_known_attributes"),
    ];
    for (attributes, reason) in cases {
        let mapped = map(&span(attributes.clone()));
        assert_eq!((mapped.convention, mapped.unmapped_reason), (None, Some(reason)), "{attributes}");
        assert_eq!(mapped.kind, None);
    }
}
