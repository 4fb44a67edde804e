//! Feedback that belongs to no library: a span, event or record named `user_feedback` (or alike), and attributes below
//! `user_feedback.`, `user.feedback.` or `feedback.` on anything.
//!
//! A rating is `score`, `value`, `rating`, `thumbs` or `vote`; beside it a `name`, a `label`, a `comment`. The target is named by
//! `trace_id` and `span_id`, else it is the one link, the response that is named, the span around, the session.

use gleaner_model::{Source, Target};
use serde_json::{Map, Value};

use super::{Carrier, Draft, Signal, first, first_str, first_text, linked, source};

const NAMES: &[&str] = &["user_feedback", "user.feedback"];
const PREFIXES: &[&str] = &["user_feedback.", "user.feedback.", "feedback."];
const RATINGS: &[&str] = &["score", "value", "rating", "thumbs", "vote"];
const LABELS: &[&str] = &["label", "sentiment", "category"];
const COMMENTS: &[&str] = &["comment", "text", "explanation", "reason"];

pub(super) fn read(carrier: &Carrier<'_>) -> Vec<Draft> {
    let is_named = NAMES.contains(&carrier.name);
    let mut fields: Map<String, Value> = Map::new();
    // A carrier of that name may leave the prefix away; what has it says more.
    if is_named {
        fields.extend(carrier.attributes.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
    for (key, value) in carrier.attributes {
        if let Some(field) = PREFIXES.iter().find_map(|prefix| key.strip_prefix(prefix)) {
            fields.insert(field.to_owned(), value.clone());
        }
    }
    if fields.is_empty() {
        return Vec::new();
    }
    let mut draft = Draft {
        criterion: Some(first_text(&fields, &["name", "criterion", "key"]).unwrap_or_else(|| NAMES[0].to_owned())),
        label: first_text(&fields, LABELS),
        comment: first_text(&fields, COMMENTS),
        source: Some(first_str(&fields, &["source"]).and_then(source).unwrap_or(Source::Human)),
        reviewer: first_text(&fields, &["reviewer"]).or_else(|| carrier.user()),
        identifier: first_text(&fields, &["id"]),
        target: target(carrier, &fields, is_named),
        ..Draft::default()
    };
    draft.rate(first(&fields, RATINGS));
    vec![draft]
}

fn target(carrier: &Carrier<'_>, fields: &Map<String, Value>, is_named: bool) -> Option<Target> {
    let id = |key| first_str(fields, &[key]).unwrap_or_default();
    let named = linked(id("trace_id"), id("span_id")).or_else(|| carrier.single_link().filter(|_| is_named));
    // A span that stands alone is about something else: its own trace has nothing but feedback in it.
    let stands_alone =
        is_named && carrier.signal == Signal::Span && carrier.span.is_some_and(|span| span.parent_span_id.is_none());
    named.or_else(|| if stands_alone { carrier.response().or_else(|| carrier.session()) } else { None }).or_else(|| {
        match carrier.signal {
            Signal::Span if is_named => carrier.response().or_else(|| carrier.context()),
            _ => carrier.context_or_named(),
        }
    })
}
