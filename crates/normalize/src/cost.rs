//! What calls cost: as the telemetry says, else by the price table.
//!
//! A cost that is not known is absent, never zero: an attempt with one answered call of unknown cost has none.

use gleaner_model::{Span, SpanKind};

/// Sum over the model calls of an attempt; `None` where one that was answered tells none. Failed calls cost what they say.
pub(crate) fn attempt_cost_usd<'a>(spans: impl Iterator<Item = &'a Span>) -> Option<f64> {
    let calls = spans.filter(|span| span.kind == SpanKind::Llm && span.duplicate_of.is_none());
    let mut sum = None;
    for call in calls {
        match call.cost_usd {
            Some(cost) => sum = Some(sum.unwrap_or(0.0) + cost),
            None if call.status == "error" => {}
            None => return None,
        }
    }
    sum
}
