use super::{Findings, Library, Unbound, Unexplained, Unpriced, Versions, report};

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
    let told = report(&Findings { libraries: vec![library], unexplained: vec![unexplained], ..Findings::default() });
    assert!(told.contains("found    model 3/3, tokens 2/2, finish reason 2/2, session 5/5"), "{told}");
    assert!(told.contains("missing  input messages 0/3, output 0/2, user 0/5"), "{told}");
    assert!(told.contains("switch on  OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"), "{told}");
    assert!(told.contains("7  unknown_convention  mine  step"), "{told}");
    assert!(!told.contains("tool arguments"), "there are no tools: {told}");
}

#[test]
fn an_empty_store_says_what_to_do() {
    assert!(report(&Findings::default()).contains("OTEL_EXPORTER_OTLP_ENDPOINT"));
}

#[test]
fn exploding_versions_missing_prices_and_lost_feedback_are_told() {
    let versions = |words: &[&str], is_changed_otherwise| Versions {
        agent: "writer".into(),
        versions: 9,
        attempts: 10,
        changed_words: words.iter().map(|word| (*word).to_owned()).collect(),
        is_changed_otherwise,
    };
    let told = report(&Findings {
        libraries: vec![Library { scope: "mine".into(), ..Library::default() }],
        versions: vec![versions(&["Priya."], false), versions(&[], true)],
        unpriced: vec![Unpriced { model: "fox-1".into(), provider: "den".into(), calls: 3 }],
        unbound: vec![Unbound { kind: "evaluation".into(), reason: "not_seen".into(), count: 2 }],
        ..Findings::default()
    });
    assert!(told.contains("9  writer: versions of 10 attempts; new in the last prompt: Priya.\n"), "{told}");
    assert!(told.contains("9  writer: versions of 10 attempts; tools, parameters, model or flow differ\n"), "{told}");
    assert!(told.contains("3  fox-1  den") && told.contains("prices.file"), "{told}");
    assert!(told.contains("2  evaluation  not_seen"), "{told}");
}
