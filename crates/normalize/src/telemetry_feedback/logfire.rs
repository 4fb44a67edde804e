//! Logfire: `record_feedback` writes a span of type `annotation` below the span that it judges. `logfire.feedback.name` names the
//! attribute that holds the value: a number is a score, text a label, a boolean an assertion.

use super::{Carrier, Draft, Signal, first_str, first_text, span_target};

pub(super) fn read(carrier: &Carrier<'_>) -> Vec<Draft> {
    if carrier.signal == Signal::SpanEvent {
        return Vec::new();
    }
    let Some(name) = first_str(carrier.attributes, &["logfire.feedback.name"]) else { return Vec::new() };
    let parent = carrier.span.and_then(|span| Some((span.trace_id.as_str(), span.parent_span_id.as_deref()?)));
    let mut draft = Draft {
        target: parent.map(|(trace_id, parent)| span_target(trace_id, Some(parent))),
        criterion: Some(name.to_owned()),
        comment: first_text(carrier.attributes, &["logfire.feedback.comment"]),
        reviewer: carrier.user(),
        ..Draft::default()
    };
    draft.rate(carrier.attributes.get(name));
    vec![draft]
}
