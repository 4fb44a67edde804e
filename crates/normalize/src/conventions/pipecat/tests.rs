use gleaner_model::SpanKind;
use serde_json::{Value, json};

use crate::conventions::map;
use crate::conventions::tests::{input, output, span};
use crate::mapped::Mapped;

fn named(name: &str, attributes: Value) -> Mapped {
    let mut merged = span(attributes);
    merged.span.name = name.into();
    map(&merged)
}

#[test]
fn pipecat_writes_bare_keys() {
    let model = named(
        "llm",
        json!({
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "m",
            "metrics.ttfb": 0.1,
            "input": r#"[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]"#,
            "output": "Hello",
            "tools": r#"[{"name": "f"}]"#,
        }),
    );
    assert_eq!((model.kind, model.system_prompt.as_deref()), (Some(SpanKind::Llm), Some("Be brief.")));
    assert_eq!(input(&model), json!([{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]));
    assert_eq!(output(&model), json!([{"role": "assistant", "parts": [{"type": "text", "content": "Hello"}]}]));
    assert_eq!(model.tool_definitions, Some(json!([{"type": "function", "name": "f"}])));

    let turn = named("turn", json!({"turn.number": 1, "conversation.id": "talk"}));
    assert_eq!((turn.kind, turn.session_key), (Some(SpanKind::Agent), Some((1, "talk".into()))));
    let speech = named(
        "tts",
        json!({"gen_ai.operation.name": "tts", "gen_ai.request.model": "v", "metrics.ttfb": 0.1, "text": "Hello"}),
    );
    assert_eq!((speech.kind, speech.input_text.as_deref()), (Some(SpanKind::Chain), Some("Hello")));
}

#[test]
fn the_model_that_was_asked_for_stands_in_the_settings() {
    let asked = json!({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m-2026-07-18", "param.model": "m", "metrics.ttfb": 0.1});
    assert_eq!(named("llm", asked).model.as_deref(), Some("m"));
    let mut merged = span(
        json!({"openinference.span.kind": "LLM", "gen_ai.request.model": "m-2026-07-18", "gen_ai.operation.name": "chat",
        "llm.model_name": "m-2026-07-18", "metadata": "{\"model\": \"m\"}", "llm.input_messages.0.message.content": "q"}),
    );
    merged.span.scope.name = "openinference.instrumentation.pipecat".into();
    let mapped = map(&merged);
    assert_eq!((mapped.model.as_deref(), mapped.convention), (Some("m"), Some("openinference")));
}
