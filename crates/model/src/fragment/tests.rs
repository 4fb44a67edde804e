use serde_json::json;

use super::*;

/// It names fields by hand, and looks for a key in text; it must give what serde gives, whatever the texts hold.
#[test]
fn the_json_around_attributes_is_that_of_the_fragment() {
    let hostile = r#"a","attributes":{},"b\"#;
    let object =
        |key: &str| json!({key: hostile, "attributes": {"attributes": {}}}).as_object().cloned().unwrap_or_default();
    let full = SpanFragment {
        trace_id: "0a".into(),
        span_id: hostile.into(),
        parent_span_id: Some(hostile.into()),
        trace_state: hostile.into(),
        flags: 257,
        name: hostile.into(),
        kind: 3,
        start_time_unix_nano: 1,
        end_time_unix_nano: 2,
        status_code: 2,
        status_message: hostile.into(),
        attributes: object(hostile),
        events: vec![SpanEvent { name: hostile.into(), time_unix_nano: 5, attributes: object("e") }],
        links: vec![SpanLink { trace_id: "1".into(), span_id: "2".into(), attributes: object("l") }],
        dropped_counts: [1, 2, 3],
        resource: object("r"),
        resource_schema_url: "u".into(),
        scope: ScopeInfo { name: "s".into(), version: "v".into(), attributes: object("s"), schema_url: "w".into() },
    };
    for span in [full, SpanFragment::default()] {
        let [head, tail] = span.json_around_attributes();
        let attributes = serde_json::to_string(&span.attributes).expect("serializes");
        let whole = serde_json::to_string(&Fragment::Span(Box::new(span))).expect("serializes");
        assert_eq!(head + &attributes + &tail, whole);
    }
}
