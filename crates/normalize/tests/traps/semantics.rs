//! What a name or a kind does not mean.

use gleaner_model::SpanKind;
use serde_json::json;

use crate::rig::{alone, calls, chat, derive, row, span, trace};

/// A framework is no provider.
#[test]
fn the_provider_is_named_after_a_framework() {
    for framework in ["Langchain", "langgraph", "autogen", "crewai"] {
        let call = alone(
            json!({"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.system": framework}),
        );
        assert_ne!(call.provider.as_deref(), Some(framework), "{framework}");
    }
    let other = alone(chat(json!({"gen_ai.system": "az.ai.openai"})));
    assert!(other.provider.is_some());
}

/// A span around calls has their model and usage, and is none.
#[test]
fn a_wrapper_looks_like_a_call() {
    let wrapper = json!({"ai.operationId": "ai.generateText", "operation.name": "ai.generateText", "ai.model.id": "m",
        "ai.usage.promptTokens": 5, "ai.usage.completionTokens": 1, "ai.response.text": "a"});
    let inner = json!({"ai.operationId": "ai.generateText.doGenerate", "operation.name": "ai.generateText.doGenerate",
        "ai.model.id": "m", "ai.usage.promptTokens": 5, "ai.usage.completionTokens": 1, "ai.response.text": "a"});
    let trace = trace([
        span("outer", None, (1, 5), wrapper).name("ai.generateText").scope("ai"),
        span("inner", Some("outer"), (2, 4), inner).name("ai.generateText.doGenerate").scope("ai"),
    ]);
    assert_eq!(calls(&trace), ["inner"]);
    assert_eq!(trace.attempts[0].input_tokens, Some(5));
}

/// HTTP and databases are structure: they hold a trace together, and are no work of an agent.
#[test]
fn requests_between_agent_and_model_are_structure() {
    let trace = trace([
        span("agent", None, (1, 9), json!({"gen_ai.operation.name": "invoke_agent"})),
        span("http", Some("agent"), (2, 5), json!({"http.request.method": "POST", "url.full": "http://localhost/v1"})),
        span("call", Some("http"), (3, 4), chat(json!({}))),
    ]);
    assert!(!matches!(row(&trace, "http").kind, SpanKind::Llm | SpanKind::Tool));
    assert_eq!(calls(&trace), ["call"]);
    assert_eq!(row(&trace, "call").attempt_id, row(&trace, "agent").attempt_id);
}

/// The version of an agent is that of the service, where no convention names it.
#[test]
fn the_version_is_the_services() {
    let call = chat(json!({"gen_ai.system_instructions": "Be brief."}));
    let trace = trace([
        span("call", None, (1, 2), call).resource(json!({"service.name": "skylark", "service.version": "1.4.2"}))
    ]);
    let definition = trace.attempts[0].definition.as_ref().expect("a definition");
    assert!(definition.version_labels.iter().any(|label| label == "1.4.2"), "{definition:?}");
}

/// What judges is no attempt, and its calls are not the agent's.
#[test]
fn judgements_are_not_the_agents_work() {
    let judged = derive(vec![
        span("judge", None, (1, 5), json!({"openinference.span.kind": "EVALUATOR"})).link("agent").into(),
        span("call", Some("judge"), (2, 3), chat(json!({"gen_ai.usage.input_tokens": 9}))).into(),
    ]);
    assert!(judged[0].attempts.is_empty(), "{:?}", judged[0].attempts);
}

/// `input`, `model`, `events`: anybody's words.
#[test]
fn bare_keys_prove_nothing() {
    let span = alone(json!({"model": "T", "input": "x", "output": "y", "prompt": "z", "tools": "t", "thread_id": "1"}));
    assert_eq!((span.kind, span.convention, span.model), (SpanKind::Other, None, None));
}

/// Baggage copies session and agent onto every span: good for grouping, and for nothing else.
#[test]
fn baggage_on_unrelated_spans() {
    let request = span(
        "http",
        None,
        (1, 2),
        json!({"http.request.method": "GET", "session.id": "s",
        "gen_ai.agent.name": "skylark", "gen_ai.conversation.id": "c"}),
    );
    let trace = trace([request]);
    assert!(!matches!(row(&trace, "http").kind, SpanKind::Agent | SpanKind::Llm | SpanKind::Tool));
}
