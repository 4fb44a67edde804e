use serde_json::json;

use super::super::map;
use super::super::tests::span;

#[test]
fn a_thread_is_believed_on_spans_of_opik_only() {
    let tied = map(&span(json!({"opik.trace_id": "1", "gen_ai.operation.name": "chat", "thread_id": "t"})));
    assert_eq!(tied.session_key, Some((1, "t".into())));
    assert_eq!(map(&span(json!({"gen_ai.operation.name": "chat", "thread_id": "t"}))).session_key, None);
}
