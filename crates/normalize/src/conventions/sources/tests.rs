use serde_json::json;

use super::super::tests::span;
use super::complete;
use crate::mapped::Mapped;

#[test]
fn what_follows_and_what_stands_there_is_noted() {
    let mut merged = span(json!({"llm.vendor": "acme", "body": "{\"tool\": \"lookup\"}"}));
    merged.span.name = "run planner".into();
    merged.span.resource.insert("service.name".into(), json!("desk"));
    let mut mapped = Mapped {
        provider: Some("acme".into()),
        agent_name: Some("planner".into()),
        operation: Some("desk".into()),
        tool_name: Some("lookup".into()),
        model: Some("nowhere".into()),
        input_tokens: Some(1),
        cached_tokens: Some(1),
        ..Mapped::default()
    };
    mapped.source_keys.insert("input_tokens".into(), json!("usage"));
    complete(&mut mapped, &merged);
    let noted = json!({"input_tokens": "usage", "cached_tokens": "usage", "provider": "llm.vendor", "agent_name": "name",
        "operation": "resource/service.name", "tool_name": "body"});
    assert_eq!(json!(mapped.source_keys), noted);
}
