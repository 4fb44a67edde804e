//! OpenInference: `annotations.<i>.annotation.*` and `evaluations.<i>.evaluation.*` on a span (spec/annotations.md), with the
//! prefixes `trace.` and `session.` for the span's whole trace or session.
//!
//! An annotation is about the span that carries it; what an `EVALUATOR` span, or an evaluation, says is about the one span that
//! it links to. Parentage never tells the target. Without a link, or with several, the span itself is the target.

use gleaner_model::Target;
use serde_json::{Map, Value};

use super::{Carrier, Draft, Signal, first, first_str, first_text, source};
use crate::value::{structured, unflatten};

/// List, and the name of its elements.
const LISTS: [(&str, &str); 2] = [("annotations", "annotation"), ("evaluations", "evaluation")];
const SCOPES: [(&str, Scope); 3] = [("", Scope::Span), ("trace.", Scope::Trace), ("session.", Scope::Session)];

/// Keys of the lists begin so.
pub(super) const MARKS: &[&str] = &[
    "annotations.",
    "evaluations.",
    "trace.annotations.",
    "trace.evaluations.",
    "session.annotations.",
    "session.evaluations.",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Span,
    Trace,
    Session,
}

pub(super) fn read(carrier: &Carrier<'_>) -> Vec<Draft> {
    if carrier.signal != Signal::Span {
        return Vec::new();
    }
    let mut drafts = Vec::new();
    for (list, element) in LISTS {
        for (prefix, scope) in SCOPES {
            for item in unflatten(carrier.attributes, &format!("{prefix}{list}")) {
                if let Some(fields) = item.get(element).and_then(Value::as_object) {
                    drafts.push(draft(carrier, fields, list, scope));
                }
            }
        }
    }
    drafts
}

fn draft(carrier: &Carrier<'_>, fields: &Map<String, Value>, list: &str, scope: Scope) -> Draft {
    let kind = first_str(fields, &["annotator_kind"]);
    let identifier = first_text(fields, &["identifier"]);
    let mut draft = Draft {
        target: target(carrier, list, scope),
        criterion: first_text(fields, &["name"]),
        label: first_text(fields, &["label"]),
        comment: first_text(fields, &["explanation"]),
        source: kind.and_then(source),
        reviewer: identifier.clone(),
        identifier,
        ..Draft::default()
    };
    draft.rate(first(fields, &["score"]));
    draft.note("annotator_kind", kind);
    draft.note("metadata", first(fields, &["metadata"]).map(structured));
    draft
}

fn target(carrier: &Carrier<'_>, list: &str, scope: Scope) -> Option<Target> {
    let kind = carrier.attributes.get("openinference.span.kind").and_then(Value::as_str).unwrap_or_default();
    let speaks_of_another = list == "evaluations" || kind.eq_ignore_ascii_case("evaluator");
    let link = if speaks_of_another { carrier.single_link() } else { None };
    let span = link.or_else(|| carrier.context())?;
    match scope {
        Scope::Span => Some(span),
        Scope::Trace => Some(Target { span_id: None, ..span }),
        Scope::Session => Some(carrier.session().unwrap_or(Target { span_id: None, ..span })),
    }
}
