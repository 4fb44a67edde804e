use super::{Library, Unexplained, report};

#[test]
fn what_is_missing_is_told_with_what_to_switch_on() {
    let library = Library {
        scope: "opentelemetry.instrumentation.openai_v2".into(),
        convention: Some("otel_genai".into()),
        origin: "span".into(),
        spans: 5,
        calls: 3,
        answered_calls: 2,
        in_attempts: 5,
        model: 3,
        tokens: 2,
        finish_reason: 2,
        session: 5,
        ..Library::default()
    };
    let unexplained =
        Unexplained { scope: "mine".into(), name: "step".into(), reason: "unknown_convention".into(), count: 7 };
    let told = report(&[library], &[unexplained]);
    assert!(told.contains("found    model 3/3, tokens 2/2, finish reason 2/2, session 5/5"), "{told}");
    assert!(told.contains("missing  input messages 0/3, output 0/2, user 0/5"), "{told}");
    assert!(told.contains("switch on  OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"), "{told}");
    assert!(told.contains("7  unknown_convention  mine  step"), "{told}");
    assert!(!told.contains("tool arguments"), "there are no tools: {told}");
}

#[test]
fn an_empty_store_says_what_to_do() {
    assert!(report(&[], &[]).contains("OTEL_EXPORTER_OTLP_ENDPOINT"));
}
