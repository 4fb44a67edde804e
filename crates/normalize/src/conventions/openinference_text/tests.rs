use gleaner_model::SpanKind;
use serde_json::{Value, json};

use super::super::map;
use super::super::tests::span;
use super::plain;
use crate::mapped::Mapped;

fn read(name: &str, attributes: Value) -> Mapped {
    let mut span = span(attributes);
    span.span.name = name.into();
    map(&span)
}

#[test]
fn searches_have_a_query_and_documents() {
    let found = read(
        "retrieve",
        json!({"openinference.span.kind": "RETRIEVER", "input.value": "ferry?",
        "retrieval.documents.0.document.content": "At nine.", "retrieval.documents.1.document.content": "At ten.",
        "output.value": "[\"<Node>\"]"}),
    );
    assert_eq!(found.kind, Some(SpanKind::Retriever));
    assert_eq!(
        (found.input_text.as_deref(), found.output_text.as_deref()),
        (Some("ferry?"), Some("At nine.\n\nAt ten."))
    );
    let ranked = read(
        "rerank",
        json!({"openinference.span.kind": "RERANKER", "reranker.query": "ferry?",
        "reranker.model_name": "r-1", "reranker.output_documents.0.document.content": "At nine."}),
    );
    assert_eq!(
        (ranked.kind, ranked.response_model.or(ranked.model).as_deref()),
        (Some(SpanKind::Reranker), Some("r-1"))
    );
    assert_eq!((ranked.input_text.as_deref(), ranked.output_text.as_deref()), (Some("ferry?"), Some("At nine.")));
}

#[test]
fn embeddings_have_texts_and_no_messages() {
    let mapped = read(
        "embed",
        json!({"openinference.span.kind": "EMBEDDING", "embedding.model_name": "e-1",
        "input.value": "{\"input\": [\"a\", \"b\"]}", "output.value": "{\"data\": [[0.1]]}",
        "embedding.embeddings.0.embedding.text": "a", "embedding.embeddings.1.embedding.text": "b",
        "embedding.embeddings.0.embedding.vector": [0.1]}),
    );
    assert_eq!((mapped.kind, mapped.input_text.as_deref()), (Some(SpanKind::Embedding), Some("a\n\nb")));
    assert_eq!((mapped.output_text, mapped.input_messages, mapped.output_messages), (None, None, None));
}

#[test]
fn agents_are_named_by_their_method_and_asked_by_its_argument() {
    let mapped = read(
        "sky.run",
        json!({"openinference.span.kind": "AGENT",
        "input.value": "{\"task\": \"12 x 34?\", \"stream\": false}", "output.value": "408"}),
    );
    assert_eq!((mapped.agent_name.as_deref(), mapped.input_text.as_deref()), (Some("sky"), Some("12 x 34?")));
    let own = read("sky", json!({"openinference.span.kind": "AGENT", "input.value": "{\"goal\": \"win\", \"n\": 1}"}));
    assert_eq!(
        (own.agent_name.as_deref(), own.input_text.as_deref()),
        (Some("sky"), Some("{\"goal\": \"win\", \"n\": 1}"))
    );
}

#[test]
fn what_a_framework_dumps_is_nobody_s_question() {
    let mapped = read(
        "FunctionAgent.run",
        json!({"openinference.span.kind": "CHAIN",
        "input.value": "{\"init_state\": {}, \"start_event\": \"AgentWorkflowStartEvent()\"}",
        "output.value": "StopEvent(result=AgentOutput(response=ChatMessage(role=<MessageRole.ASSISTANT: 'assistant'>, te..."}),
    );
    assert_eq!((mapped.input_text, mapped.output_text), (None, None));
    let failed = read(
        "invocation",
        json!({"openinference.span.kind": "CHAIN",
        "output.value": "{\"error_code\": \"E\", \"error_message\": \"boom\", \"author\": \"sky\"}"}),
    );
    assert_eq!(failed.output_text, None);
}

#[test]
fn a_crew_answers_with_its_last_task() {
    let output = json!({"raw": "Sunny.", "tasks_output": [{"raw": "Sunny."}], "token_usage": {}});
    assert_eq!(plain(&output, "assistant").as_deref(), Some("Sunny."));
    assert_eq!(
        plain(&json!({"raw": "data", "more": 1}), "assistant").as_deref(),
        Some("{\"raw\":\"data\",\"more\":1}")
    );
}
