//! Strands Agents: OpenTelemetry's keys and events under the framework's name. Source: strands-agents/sdk-python
//! `strands/telemetry/tracer.py`.
//!
//! Recognised by `strands-agents` in the provider's place, by its tracer, or by its event loop's keys. Messages are span
//! events: one per message with Bedrock's content blocks as JSON, or, with `gen_ai_latest_experimental`, several
//! `…operation.details` of one part each; both are read as OpenTelemetry's. An agent's span sums up the usage of its calls,
//! and a cycle of its loop repeats the messages: both are no calls. Here is what only this library says: the model's name
//! tells the provider, the tools are listed by name, older versions write `system_prompt`.

use gleaner_model::SpanKind;

use super::Reading;
use super::provider::provider_of_model;
use super::reader::Reader;
use crate::mapped::MergedSpan;
use crate::messages::{system_text, tool_definitions};
use crate::value::first_str;

const NAME: &str = "strands-agents";

/// Whether the span comes from Strands.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    let attributes = &span.span.attributes;
    let names = ["gen_ai.provider.name", "gen_ai.system"].iter().any(|key| first_str(attributes, &[key]) == Some(NAME));
    names || span.span.scope.name.starts_with("strands.") || attributes.contains_key("event_loop.cycle_id")
}

/// Reads Strands' own keys.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    let operation = first_str(&span.span.attributes, &["gen_ai.operation.name"]).unwrap_or_default();
    // The model is called without a span of its own.
    if operation == "execute_structured_output" {
        reader.mapped.kind = Some(SpanKind::Llm);
    } else if operation.starts_with("invoke_") {
        // Teams: `invoke_swarm`, `invoke_graph`.
        let is_team = !matches!(operation, "invoke_agent" | "invoke_workflow");
        reader.mapped.kind = is_team.then_some(SpanKind::Chain);
    } else if span.span.attributes.contains_key("event_loop.cycle_id") && !matches!(operation, "chat" | "execute_tool")
    {
        reader.mapped.kind = Some(SpanKind::Chain);
    }
    reader.mapped.provider = reader
        .text("provider", &["gen_ai.request.model", "gen_ai.response.model"])
        .and_then(|model| provider_of_model(&model));
    reader.mapped.system_prompt =
        reader.find("system_prompt", &["gen_ai.agent.system_prompt", "system_prompt"]).and_then(system_text);
    reader.mapped.tool_definitions =
        reader.find("tool_definitions", &["gen_ai.agent.tools", "agent.tools"]).and_then(tool_definitions);
    if first_str(&span.span.attributes, &["gen_ai.tool.status", "tool.status"]) == Some("error") {
        reader.note("error", "gen_ai.tool.status");
        reader.mapped.error = Some("error".to_owned());
    }
    Reading { structured: reader.mapped, ..Reading::default() }
}

#[cfg(test)]
mod tests;
