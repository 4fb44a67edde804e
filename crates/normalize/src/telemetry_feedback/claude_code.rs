//! Claude Code: the log record `feedback_survey`, the session quality survey, once it is answered.
//!
//! Sent with the session, and outside any trace or in the span of the turn that it was shown after. A survey that only appeared
//! says nothing. `appearance_id` tells one survey from the next: the same answer twice is two.

use gleaner_model::Source;

use super::{Carrier, Draft, Signal, first_str, first_text};

pub(super) fn read(carrier: &Carrier<'_>) -> Vec<Draft> {
    let name = carrier.name.strip_prefix("claude_code.").unwrap_or(carrier.name);
    if carrier.signal != Signal::Log || name != "feedback_survey" {
        return Vec::new();
    }
    let attributes = carrier.attributes;
    if first_str(attributes, &["event_type"]).is_some_and(|event| event != "responded") {
        return Vec::new();
    }
    let survey = first_str(attributes, &["survey_type"]);
    let mut draft = Draft {
        criterion: Some(match survey {
            None | Some("session") => "feedback_survey".to_owned(),
            Some(other) => format!("feedback_survey.{other}"),
        }),
        label: first_text(attributes, &["response"]),
        source: Some(Source::Human),
        reviewer: carrier.user(),
        identifier: first_text(attributes, &["appearance_id"]),
        ..Draft::default()
    };
    draft.note("survey_type", survey);
    draft.note("prompt_id", first_str(attributes, &["prompt.id"]));
    vec![draft]
}
