//! Feedback that travels in telemetry: scores as log records, span events and span attributes become evaluations.

use gleaner_model::{FeedbackItem, StoredFragment};

/// The evaluations that one fragment carries: none for nearly all. A pure function of the fragment, so that an item is a fact
/// like any other, with an id made of its content.
pub fn telemetry_feedback(_stored: &StoredFragment) -> Vec<FeedbackItem> {
    Vec::new()
}
