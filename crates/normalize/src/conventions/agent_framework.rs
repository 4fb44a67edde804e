//! Microsoft's Agent Framework: agents, models and tools in OpenTelemetry's keys; its workflows are steps in keys of its own
//! (`workflow.*`, `executor.*`, `edge_group.*`, `message.*`). The keys are common words, so the span's name must fit too.
//! Source: microsoft/agent-framework, `observability`.

use gleaner_model::SpanKind;

use super::Reading;
use crate::mapped::{Mapped, MergedSpan};

const NAMES: &[&str] = &["workflow.build", "workflow.run", "executor.process", "edge_group.process", "message.send"];

const PREFIXES: &[&str] = &["workflow.", "executor.", "edge_group.", "message."];

/// Whether the span is a workflow's.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    let name = span.span.name.split(' ').next().unwrap_or_default();
    NAMES.contains(&name)
        && span.span.attributes.keys().any(|key| PREFIXES.iter().any(|prefix| key.starts_with(prefix)))
}

/// A workflow's spans say where something ran, and nothing else.
pub(super) fn read(_span: &MergedSpan) -> Reading {
    Reading { structured: Mapped { kind: Some(SpanKind::Chain), ..Mapped::default() }, ..Reading::default() }
}

#[cfg(test)]
mod tests;
