use gleaner_model::{ContentKind, DerivedTrace};
use serde_json::json;

use super::*;
use crate::derive::fixtures::{TestSpan, agent, derive, llm, span};

fn used(trace: &DerivedTrace) -> Vec<(&str, &str, Option<&str>)> {
    let documents = trace.attempts[0].documents.iter();
    documents
        .map(|used| (used.origin.as_str(), used.document.content.as_str(), used.document.name.as_deref()))
        .collect()
}

fn search(id: &str) -> TestSpan {
    span(id, SpanKind::Retriever).under("a").at(1, 2)
}

#[test]
fn documents_given_by_key_come_first() {
    let context = r#"[{"name": "brief.md", "content": "300 lumens"}, "no superlatives"]"#;
    let trace = derive([
        agent("a").at(0, 9).attr("gleaner.attempt.context", context),
        llm("m").under("a").at(3, 4),
        search("r").attr("gen_ai.retrieval.documents", json!([{"id": "KB-1", "content": "14 hours", "score": 0.5}])),
    ]);
    let expected = [
        ("attempt", "300 lumens", Some("brief.md")),
        ("attempt", "no superlatives", None),
        ("retriever", "14 hours", Some("KB-1")),
    ];
    assert_eq!(used(&trace), expected);
    let stored = trace.contents.iter().filter(|content| content.kind == ContentKind::Document);
    assert_eq!(
        stored.map(|content| content.body.as_str()).collect::<Vec<_>>(),
        [r#""300 lumens""#, r#""no superlatives""#, r#""14 hours""#]
    );
}

#[test]
fn each_way_of_telling_what_a_search_found() {
    let found = |search: TestSpan| {
        let trace = derive([agent("a").at(0, 9), llm("m").under("a").at(3, 4), search]);
        used(&trace).iter().map(|(_, content, _)| (*content).to_owned()).collect::<Vec<_>>()
    };
    let flattened = search("r")
        .attr("retrieval.documents.0.document.content", "one")
        .attr("retrieval.documents.0.document.id", "d1")
        .attr("retrieval.documents.1.document.content", "two");
    assert_eq!(found(flattened), ["one", "two"]);
    assert_eq!(found(search("r").attr("gen_ai.retrieval.documents", r#"[{"content": "one"}]"#)), ["one"]);
    assert_eq!(found(search("r").attr("output.value", r#"{"documents": [{"page_content": "one"}]}"#)), ["one"]);
    assert_eq!(found(search("r").mapped(|mapped| mapped.output_text = Some("all in one".into()))), ["all in one"]);
    assert_eq!(found(search("r")), Vec::<String>::new());
}

#[test]
fn a_document_found_twice_is_listed_once() {
    let found = || json!(["one"]);
    let trace = derive([
        agent("a").at(0, 9),
        llm("m").under("a").at(3, 4),
        search("r1").attr("gen_ai.retrieval.documents", found()),
        search("r2").attr("gen_ai.retrieval.documents", found()),
    ]);
    assert_eq!(trace.attempts[0].documents.len(), 1);
    assert_eq!(trace.attempts[0].documents[0].span_id, "r1");
}
