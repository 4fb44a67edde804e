//! GitHub Copilot CLI (scope `github.copilot`, in early versions `@github/copilot`): OpenTelemetry's GenAI spans with
//! `github.copilot.*` beside them.
//!
//! A call holds only the messages that are new since the call before it, of this turn or of an earlier one in the same
//! conversation; [`crate::agent_logs::history`] puts them together. What the root agent is called is not told.
//!
//! Left out: `github.copilot.cost`, which counts premium requests and not money.

use gleaner_model::{SpanFragment, SpanKind};

use super::Reading;
use super::reader::Reader;
use crate::mapped::MergedSpan;
use crate::value::first_text;

/// Whether the span is Copilot CLI's.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    is_own(&span.span)
}

/// Reads what OpenTelemetry's keys do not say.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    reader.mapped.session_key = reader.text("session_key", &["gen_ai.conversation.id"]).map(|id| (1, id));
    reader.mapped.user_key = reader.text("user_key", &["enduser.id", "enduser.pseudo.id"]);
    if reader.text("kind", &["gen_ai.operation.name"]).as_deref() == Some("invoke_agent") {
        reader.mapped.kind = Some(SpanKind::Agent);
        reader.mapped.agent_name = reader
            .text("agent_name", &["gen_ai.agent.name"])
            .or_else(|| first_text(&span.span.resource, &["service.name"]))
            .or_else(|| Some("github-copilot".to_owned()));
        reader.mapped.agent_version = first_text(&span.span.resource, &["service.version"]);
    } else {
        reader.mapped.source_keys.shift_remove("kind");
    }
    Reading { structured: reader.mapped, ..Reading::default() }
}

/// The conversation that a span of Copilot CLI belongs to.
pub(crate) fn session_of(span: &SpanFragment) -> Option<String> {
    is_own(span).then(|| first_text(&span.attributes, &["gen_ai.conversation.id"]))?
}

/// Whether the span's messages are only the new ones.
pub(crate) fn tells_news(span: &SpanFragment) -> bool {
    is_own(span)
}

/// The name of the scope can be changed.
fn is_own(span: &SpanFragment) -> bool {
    matches!(span.scope.name.as_str(), "github.copilot" | "@github/copilot")
        || span.attributes.contains_key("gen_ai.conversation.id")
            && span.attributes.keys().any(|key| key.starts_with("github.copilot."))
}

#[cfg(test)]
mod tests;
