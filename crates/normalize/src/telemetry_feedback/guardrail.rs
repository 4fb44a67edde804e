//! Guardrails that say whether they stepped in: `gen_ai.guardrail.name` and `gen_ai.guardrail.triggered` on a span. The value is
//! what was sent: `true` means that the guardrail was triggered.

use gleaner_model::Source;

use super::{Carrier, Draft, Signal, first, first_text};

pub(super) fn read(carrier: &Carrier<'_>) -> Vec<Draft> {
    if carrier.signal != Signal::Span {
        return Vec::new();
    }
    let Some(name) = first_text(carrier.attributes, &["gen_ai.guardrail.name"]) else { return Vec::new() };
    let mut draft = Draft { criterion: Some(name), source: Some(Source::Code), ..Draft::default() };
    draft.rate(first(carrier.attributes, &["gen_ai.guardrail.triggered"]));
    draft.note("says", Some("guardrail_triggered"));
    vec![draft]
}
