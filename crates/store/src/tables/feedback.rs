//! `feedback_facts` (items as accepted) and `feedback_targets` (what they speak of, one row per target).

use gleaner_model::{ContentKind, FeedbackBody, FeedbackItem, Target};

use super::documents::DocumentRow;
use super::traces::{ContentBody, ContentRef, text_hash};
use super::{json_text, recorded_at};
use crate::columns::{Cell, Column, Kind, column};
use crate::texts::Texts;

/// An item with its place in the journal.
pub(crate) struct FeedbackFact<'a> {
    /// Journal position of the frame that carried it.
    pub(crate) position: u64,
    /// Place within that frame.
    pub(crate) ordinal: u64,
    pub(crate) recorded_at_unix_nano: u64,
    pub(crate) item: &'a FeedbackItem,
}

impl<'a> FeedbackFact<'a> {
    /// The text that the item brings: a correction, an artifact, or a session's context.
    fn text(&self) -> Option<&'a str> {
        match &self.item.body {
            FeedbackBody::Evaluation(e) => e.correction.as_deref(),
            FeedbackBody::Artifact(a) => Some(&a.content),
            FeedbackBody::Session(s) => s.context.as_deref(),
            _ => None,
        }
    }

    /// That text as a content; a session's context stands as its documents.
    pub(crate) fn content(&self, texts: &mut Texts) -> Option<(ContentRef<'a>, ContentBody<'a>)> {
        let kind = match &self.item.body {
            FeedbackBody::Evaluation(_) => "correction",
            FeedbackBody::Artifact(_) => ContentKind::Artifact.as_str(),
            _ => return None,
        };
        let (project, content_hash) = (self.item.project.as_str(), text_hash(self.text()?));
        let reference = ContentRef {
            project,
            recorded_at_unix_nano: self.recorded_at_unix_nano,
            trace_id: None,
            content_hash: content_hash.clone(),
            kind,
        };
        Some((reference, ContentBody::new(project, content_hash, &json_text(self.text()?), texts)))
    }

    /// The documents of a session's context.
    pub(crate) fn documents(&self) -> Vec<DocumentRow<'a>> {
        match &self.item.body {
            FeedbackBody::Session(s) => {
                let context = s.context.as_deref().unwrap_or_default();
                DocumentRow::of_item(self.item, self.recorded_at_unix_nano, &s.session, context)
            }
            _ => Vec::new(),
        }
    }

    fn session_id(&self) -> Option<&'a str> {
        match &self.item.body {
            FeedbackBody::Evaluation(e) => e.target.session.as_deref(),
            FeedbackBody::Directive(d) => d.target.session.as_deref(),
            FeedbackBody::Artifact(a) => a.target.session.as_deref(),
            FeedbackBody::Comparison(c) => c.session.as_deref(),
            FeedbackBody::Evolution(e) => Some(&e.session),
            FeedbackBody::Session(s) => Some(&s.session),
            FeedbackBody::EvolutionOutcome(_) | FeedbackBody::Insight(_) | FeedbackBody::Retraction(_) => None,
        }
    }

    /// The item that this one speaks of, by id or idempotency key.
    fn of_item(&self) -> Option<&'a str> {
        match &self.item.body {
            FeedbackBody::EvolutionOutcome(o) => Some(&o.of),
            FeedbackBody::Retraction(r) => Some(&r.of),
            _ => None,
        }
    }

    fn comment(&self) -> Option<&'a str> {
        match &self.item.body {
            FeedbackBody::Evaluation(e) => e.comment.as_deref(),
            FeedbackBody::Comparison(c) => c.comment.as_deref(),
            FeedbackBody::EvolutionOutcome(o) => o.comment.as_deref(),
            FeedbackBody::Retraction(r) => r.reason.as_deref(),
            _ => None,
        }
    }

    fn criterion(&self) -> Option<&'a str> {
        match &self.item.body {
            FeedbackBody::Evaluation(e) => e.criterion.as_deref(),
            FeedbackBody::Comparison(c) => c.criterion.as_deref(),
            _ => None,
        }
    }

    fn evaluation(&self) -> Option<&'a gleaner_model::Evaluation> {
        match &self.item.body {
            FeedbackBody::Evaluation(e) => Some(e),
            _ => None,
        }
    }

    fn comparison(&self) -> Option<&'a gleaner_model::Comparison> {
        match &self.item.body {
            FeedbackBody::Comparison(c) => Some(c),
            _ => None,
        }
    }
}

/// Items, in journal order. What one kind alone has is read from `body`.
pub(crate) fn feedback_facts<'a>() -> Vec<Column<FeedbackFact<'a>>> {
    use Kind::{Bool, Float, Int, Json, LongText, Text, Time, UInt};
    vec![
        column("project", Text, |r| (&r.item.project).into()),
        column("item_id", Text, |r| (&r.item.item_id).into()),
        column("position", UInt, |r| r.position.into()),
        column("ordinal", UInt, |r| r.ordinal.into()),
        column("recorded_at", Time, |r| recorded_at(r.recorded_at_unix_nano)),
        column("kind", Text, |r| r.item.body.kind().into()),
        column("idempotency_key", Text, |r| (&r.item.idempotency_key).into()),
        column("content_hash", Text, |r| (&r.item.content_hash).into()),
        column("reviewer", Text, |r| (&r.item.reviewer).into()),
        column("source", Text, |r| r.item.source.as_str().into()),
        column("created_at", Time, |r| Cell::Time(r.item.created_at_unix_nano)),
        column("session_id", Text, |r| r.session_id().into()),
        column("of_item", Text, |r| r.of_item().into()),
        column("criterion", Text, |r| r.criterion().into()),
        column("score", Float, |r| r.evaluation().and_then(|e| e.score).into()),
        column("value", Json, |r| r.evaluation().and_then(|e| e.value.as_ref()).map(json_text).into()),
        column("label", Text, |r| r.evaluation().and_then(|e| e.label.as_deref()).into()),
        column("comment", LongText, |r| r.comment().into()),
        column("correction", LongText, |r| r.evaluation().and_then(|e| e.correction.as_deref()).into()),
        // Hash of the text that the item brings: its correction, its artifact, or the session's context.
        column("text_hash", Text, |r| r.text().map(text_hash).into()),
        column("form", Text, |r| r.comparison().map(|c| c.form.as_str()).into()),
        column("cycle", Int, |r| r.comparison().and_then(|c| c.cycle).into()),
        column("over_all_others", Bool, |r| r.comparison().map(|c| c.over_all_others).into()),
        column("body", Json, |r| json_text(&r.item.body).into()),
    ]
}

/// One target of an item: evaluations, directives and artifacts have entry 0 alone, comparisons one for each side.
pub(crate) struct TargetRow<'a> {
    item: &'a FeedbackItem,
    entry: i64,
    rank: Option<u32>,
    locked: Option<bool>,
    shown_position: Option<u32>,
    target: &'a Target,
}

pub(crate) fn target_rows(item: &FeedbackItem) -> Vec<TargetRow<'_>> {
    let alone = |target| TargetRow { item, entry: 0, rank: None, locked: None, shown_position: None, target };
    match &item.body {
        FeedbackBody::Evaluation(e) => vec![alone(&e.target)],
        FeedbackBody::Directive(d) => vec![alone(&d.target)],
        FeedbackBody::Artifact(a) => vec![alone(&a.target)],
        FeedbackBody::Comparison(c) => (0..)
            .zip(&c.entries)
            .map(|(entry, side)| TargetRow {
                item,
                entry,
                rank: Some(side.rank),
                locked: Some(side.locked),
                shown_position: side.shown_position,
                target: &side.target,
            })
            .collect(),
        _ => Vec::new(),
    }
}

pub(crate) fn feedback_targets<'a>() -> Vec<Column<TargetRow<'a>>> {
    use Kind::{Bool, Int, Text};
    vec![
        column("project", Text, |r| (&r.item.project).into()),
        column("item_id", Text, |r| (&r.item.item_id).into()),
        column("entry", Int, |r| r.entry.into()),
        column("kind", Text, |r| r.item.body.kind().into()),
        column("rank", Int, |r| r.rank.into()),
        column("locked", Bool, |r| r.locked.into()),
        column("shown_position", Int, |r| r.shown_position.into()),
        column("artifact_id", Text, |r| (&r.target.artifact_id).into()),
        column("attempt_id", Text, |r| (&r.target.attempt_id).into()),
        column("trace_id", Text, |r| (&r.target.trace_id).into()),
        column("span_id", Text, |r| (&r.target.span_id).into()),
        column("response_id", Text, |r| (&r.target.response_id).into()),
        column("session_id", Text, |r| (&r.target.session).into()),
        column("lineage", Text, |r| (&r.target.lineage).into()),
        column("cycle", Int, |r| r.target.cycle.into()),
        column("attempt_number", Int, |r| r.target.attempt_number.into()),
    ]
}
