//! Context documents of an attempt: those that it was given by key, and those that its searches found.
//!
//! Searches tell their documents one by one in several ways ([`FLATTENED`], [`LISTED`]); where a search tells its result as
//! one text only, that text is one document. A document that was used twice is listed once, as of its first use.

use std::collections::HashSet;

use gleaner_model::{ContextDocument, DocumentOrigin, Span, SpanKind, UsedDocument};
use serde_json::{Map, Value};

use crate::attribution::Attempt;
use crate::attribution::keys::{self, KeyFinder};
use crate::value::{structured, unflatten};

/// Attributes `<prefix>.<n>.document.<field>` (OpenInference).
const FLATTENED: [&str; 2] = ["retrieval.documents", "reranker.output_documents"];
/// Attributes that hold a list of documents, as JSON or as a typed value (OpenTelemetry GenAI, Spring AI, Dify, Weave).
const LISTED: [&str; 4] =
    ["gen_ai.retrieval.documents", "db.vector.query.response.documents", "retrieval.document", "output.value"];

/// In order of first use.
pub(super) fn used_documents(attempt: &Attempt, finder: &mut KeyFinder<'_, '_>, rows: &[Span]) -> Vec<UsedDocument> {
    let mut documents: Vec<UsedDocument> = Vec::new();
    if let Some(found) = finder.of_attempt(attempt.top, &attempt.spans, keys::ATTEMPT_CONTEXT) {
        let span_id = &rows[found.place].span_id;
        documents.extend(ContextDocument::list(&found.value).into_iter().map(|document| UsedDocument {
            span_id: span_id.clone(),
            origin: DocumentOrigin::Attempt,
            document,
        }));
    }
    let searches =
        attempt.spans.iter().map(|place| &rows[*place]).filter(|span| {
            matches!(span.kind, SpanKind::Retriever | SpanKind::Reranker) && span.duplicate_of.is_none()
        });
    for span in searches {
        documents.extend(found_documents(span).into_iter().map(|document| UsedDocument {
            span_id: span.span_id.clone(),
            origin: DocumentOrigin::Retriever,
            document,
        }));
    }
    let mut seen = HashSet::new();
    documents.retain(|used| seen.insert((used.origin, used.document.content_hash())));
    documents
}

fn found_documents(span: &Span) -> Vec<ContextDocument> {
    let attributes = &span.attributes;
    FLATTENED
        .iter()
        .find_map(|prefix| flattened(attributes, prefix))
        .or_else(|| LISTED.iter().find_map(|key| listed(attributes.get(*key)?)))
        .unwrap_or_else(|| span.output_text.iter().flat_map(|text| ContextDocument::list(text)).collect())
}

fn flattened(attributes: &Map<String, Value>, prefix: &str) -> Option<Vec<ContextDocument>> {
    let items = unflatten(attributes, prefix);
    let documents: Vec<ContextDocument> =
        items.iter().filter_map(|item| ContextDocument::of_json(item.get("document").unwrap_or(item))).collect();
    (!documents.is_empty()).then_some(documents)
}

/// A list of documents, be it within an object (`{"documents": […]}`); `None` where that is no list of documents.
fn listed(value: &Value) -> Option<Vec<ContextDocument>> {
    let value = structured(value);
    let items = match &value {
        Value::Array(items) => items,
        Value::Object(fields) => fields.get("documents").or_else(|| fields.get("results"))?.as_array()?,
        _ => return None,
    };
    let documents: Vec<ContextDocument> =
        items.iter().map(|item| ContextDocument::of_json(&structured(item))).collect::<Option<_>>()?;
    (!documents.is_empty()).then_some(documents)
}

#[cfg(test)]
mod tests;
