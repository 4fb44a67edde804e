//! `document_rows`: context documents, of attempts and of sessions, by reference to `contents`.
//!
//! A session may be told several contexts; which of them holds is decided when read, by `context_hash`.

use gleaner_model::{AttemptPart, ContentKind, ContextDocument, DerivedTrace, FeedbackItem, SessionFact};

use super::traces::{ContentBody, ContentRef, text_hash};
use super::{json_text, recorded_at};
use crate::columns::{Column, Kind, column};
use crate::texts::Texts;

/// One document as an attempt or a session uses it.
pub(crate) struct DocumentRow<'a> {
    project: &'a str,
    recorded_at_unix_nano: u64,
    /// Absent where feedback brought it.
    trace_id: Option<&'a str>,
    item_id: Option<&'a str>,
    session_id: &'a str,
    /// Absent for a session's documents.
    attempt_id: Option<&'a str>,
    span_id: Option<&'a str>,
    origin: &'static str,
    ordinal: i64,
    /// Of the whole context that a session's document is a part of.
    context_hash: Option<String>,
    content_hash: String,
    document: ContextDocument,
}

impl<'a> DocumentRow<'a> {
    /// The documents that an attempt was given or found. Their bodies are among the trace's contents.
    pub(crate) fn of_attempt(trace: &'a DerivedTrace, part: &'a AttemptPart) -> impl Iterator<Item = Self> {
        (0..).zip(&part.documents).map(move |(ordinal, used)| Self {
            project: &trace.project,
            recorded_at_unix_nano: trace.recorded_at_unix_nano,
            trace_id: Some(&trace.trace_id),
            item_id: None,
            session_id: &part.session_id,
            attempt_id: Some(&part.attempt_id),
            span_id: Some(&used.span_id),
            origin: used.origin.as_str(),
            ordinal,
            context_hash: None,
            content_hash: used.document.content_hash().0,
            document: used.document.clone(),
        })
    }

    /// The documents of a context that a trace tells of its session.
    pub(crate) fn of_session(trace: &'a DerivedTrace, fact: &'a SessionFact) -> Vec<Self> {
        if fact.field != "context" {
            return Vec::new();
        }
        let told = (&*trace.project, trace.recorded_at_unix_nano, Some(&*trace.trace_id), None);
        Self::of_context(told, &fact.session_id, &fact.value)
    }

    /// The documents of a context that feedback tells of a session.
    pub(crate) fn of_item(
        item: &'a FeedbackItem,
        recorded_at_unix_nano: u64,
        session_id: &'a str,
        context: &str,
    ) -> Vec<Self> {
        Self::of_context((&item.project, recorded_at_unix_nano, None, Some(&item.item_id)), session_id, context)
    }

    fn of_context(
        (project, recorded_at_unix_nano, trace_id, item_id): (&'a str, u64, Option<&'a str>, Option<&'a str>),
        session_id: &'a str,
        context: &str,
    ) -> Vec<Self> {
        let context_hash = text_hash(context);
        (0..)
            .zip(ContextDocument::list(context))
            .map(|(ordinal, document)| Self {
                project,
                recorded_at_unix_nano,
                trace_id,
                item_id,
                session_id,
                attempt_id: None,
                span_id: None,
                origin: "session",
                ordinal,
                context_hash: Some(context_hash.clone()),
                content_hash: document.content_hash().0,
                document,
            })
            .collect()
    }

    pub(crate) fn reference(&self) -> ContentRef<'a> {
        ContentRef {
            project: self.project,
            recorded_at_unix_nano: self.recorded_at_unix_nano,
            trace_id: self.trace_id,
            content_hash: self.content_hash.clone(),
            kind: ContentKind::Document.as_str(),
        }
    }

    pub(crate) fn body(&self, texts: &mut Texts) -> ContentBody<'a> {
        ContentBody::new(self.project, self.content_hash.clone(), &json_text(&self.document.content), texts)
    }
}

pub(crate) fn document_rows<'a>() -> Vec<Column<DocumentRow<'a>>> {
    use Kind::{Float, Int, Text, Time};
    vec![
        column("project", Text, |r| r.project.into()),
        column("recorded_at", Time, |r| recorded_at(r.recorded_at_unix_nano)),
        column("trace_id", Text, |r| r.trace_id.into()),
        column("item_id", Text, |r| r.item_id.into()),
        column("session_id", Text, |r| r.session_id.into()),
        column("attempt_id", Text, |r| r.attempt_id.into()),
        column("span_id", Text, |r| r.span_id.into()),
        column("origin", Text, |r| r.origin.into()),
        column("ordinal", Int, |r| r.ordinal.into()),
        column("name", Text, |r| (&r.document.name).into()),
        column("score", Float, |r| r.document.score.into()),
        column("context_hash", Text, |r| (&r.context_hash).into()),
        column("content_hash", Text, |r| (&r.content_hash).into()),
    ]
}
