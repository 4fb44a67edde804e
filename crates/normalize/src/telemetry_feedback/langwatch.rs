//! LangWatch: span events `langwatch.evaluation.custom` (`add_evaluation`), whose attribute `json_encoded_event` holds `{name,
//! score, passed, label, details, status, …}`; and `langwatch.event` of type `thumbs_up_down`, a user's vote.
//!
//! Both are about the span that has the event. Other types of `langwatch.event` are behaviour, not judgement.

use gleaner_model::Source;
use serde_json::{Map, Value};

use super::{Carrier, Draft, Signal, first, first_str, first_text};
use crate::value::structured;

pub(super) fn read(carrier: &Carrier<'_>) -> Vec<Draft> {
    if carrier.signal != Signal::SpanEvent {
        return Vec::new();
    }
    match carrier.name {
        "langwatch.evaluation.custom" => {
            let event = first(carrier.attributes, &["json_encoded_event"]).map(structured);
            event.as_ref().and_then(Value::as_object).map(evaluation).into_iter().collect()
        }
        "langwatch.event" => vote(carrier).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn evaluation(event: &Map<String, Value>) -> Draft {
    let mut draft = Draft {
        criterion: first_text(event, &["name", "type"]),
        label: first_text(event, &["label"]),
        comment: first_text(event, &["details"]),
        identifier: first_text(event, &["evaluation_id"]),
        ..Draft::default()
    };
    draft.rate(first(event, &["score", "passed"]));
    for key in ["passed", "status", "is_guardrail"] {
        draft.note(key, first(event, &[key]).cloned());
    }
    draft
}

fn vote(carrier: &Carrier<'_>) -> Option<Draft> {
    let attributes = carrier.attributes;
    first_str(attributes, &["event.type"]).filter(|kind| *kind == "thumbs_up_down")?;
    let mut draft = Draft {
        criterion: Some("thumbs_up_down".to_owned()),
        comment: first_text(attributes, &["event.details.feedback"]),
        source: Some(Source::Human),
        reviewer: carrier.user(),
        ..Draft::default()
    };
    draft.rate(first(attributes, &["event.metrics.vote"]));
    Some(draft)
}
