use serde_json::json;

use super::super::map;
use super::super::tests::span;

#[test]
fn a_session_beats_a_thread() {
    for (key, rank) in [("session_id", 0), ("sessionId", 0), ("thread_id", 1), ("chat_id", 1)] {
        for prefix in ["traceloop", "lmnr"] {
            let key = format!("{prefix}.association.properties.{key}");
            assert_eq!(map(&span(json!({key: "s1"}))).session_key, Some((rank, "s1".to_owned())));
        }
    }
    let both = map(&span(json!({"gen_ai.conversation.id": "run-7", "gen_ai.request.model": "m",
        "traceloop.association.properties.session_id": "s1", "traceloop.association.properties.thread_id": "t1"})));
    assert_eq!(both.session_key, Some((0, "s1".to_owned())), "a conversation id may be one of a run");
    assert_eq!(both.source_keys["session_key"], "traceloop.association.properties.session_id");
}

#[test]
fn platforms_write_their_own_keys_on_every_span() {
    for (key, rank) in [
        ("respan.sessions.session_identifier", 0),
        ("$session_id", 0),
        ("respan.threads.thread_identifier", 1),
        ("keywordsai.threads.thread_identifier", 1),
        ("honeyhive.session_id", 1),
    ] {
        let mapped = map(&span(json!({key: "s1", "respan.customer_params.customer_identifier": "u1"})));
        assert_eq!(mapped.session_key, Some((rank, "s1".to_owned())), "{key}");
        assert_eq!((mapped.user_key.as_deref(), mapped.convention), (Some("u1"), None));
    }
}

#[test]
fn users_by_property_and_by_parameter() {
    let user = |attributes| map(&span(attributes)).user_key;
    assert_eq!(user(json!({"traceloop.association.properties.user_id": "u1", "llm.user": "u2"})), Some("u1".into()));
    assert_eq!(user(json!({"gen_ai.user": "u2"})), Some("u2".into()));
    assert_eq!(user(json!({"user.id": "u3", "lmnr.association.properties.user_id": "u1"})), Some("u3".into()));
}

#[test]
fn a_copied_key_explains_no_span() {
    let mapped = map(&span(json!({"http.request.method": "GET", "traceloop.association.properties.user_id": "u1"})));
    assert_eq!((mapped.convention, mapped.unmapped_reason), (None, Some("transport")));
}

#[test]
fn langchain_names_the_provider_beside_the_framework() {
    let mapped = map(&span(json!({"gen_ai.system": "Langchain", "gen_ai.request.model": "m",
        "traceloop.association.properties.ls_provider": "anthropic"})));
    assert_eq!(mapped.provider.as_deref(), Some("anthropic"));
}

#[test]
fn the_path_of_ids_tells_the_ancestors() {
    let mapped = map(&span(json!({"lmnr.span.ids_path": ["00000000-0000-0000-D8A1-0cea38a44c56",
        "00000000-0000-0000-8b6f-8c9975fc2c09", "00000000-0000-0000-35b8-0d03a7a2830a"]})));
    assert_eq!(mapped.ancestors, Some(vec!["d8a10cea38a44c56".to_owned(), "8b6f8c9975fc2c09".to_owned()]));
    assert_eq!(map(&span(json!({"lmnr.span.ids_path": ["é0000000-0000-0000-d8a1-0cea38a44c5"]}))).ancestors, None);
}
