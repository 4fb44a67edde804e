//! Model Context Protocol: one span per request of client and server, named `{mcp.method.name} {target}`; the Python SDK's
//! own client says `MCP send {mcp.method.name} {target}`, and names the tool nowhere else.
//!
//! `tools/call` is a tool's execution; within a framework's own tool span it is the same execution told again. Everything
//! else (`initialize`, `tools/list`, `resources/read`, `prompts/get` …) is a step. `mcp.session.id` is a connection, no
//! conversation. Source: open-telemetry/semantic-conventions, `docs/gen-ai/mcp.md`.

use gleaner_model::SpanKind;

use super::Reading;
use super::reader::Reader;
use crate::mapped::MergedSpan;
use crate::messages::arguments;

/// The key that every version writes.
pub(crate) const METHOD: &str = "mcp.method.name";

/// Whether the span is a request of the protocol.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    span.span.attributes.contains_key(METHOD)
}

/// Reads the method, and of a tool call its tool.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    let method = reader.text("kind", &[METHOD]).unwrap_or_default();
    if method != "tools/call" {
        reader.mapped.kind = Some(SpanKind::Chain);
        return Reading { structured: reader.mapped, ..Reading::default() };
    }
    reader.mapped.kind = Some(SpanKind::Tool);
    reader.mapped.tool_name = reader.text("tool_name", &["gen_ai.tool.name", "mcp.tool.name"]).or_else(|| {
        let name = span.span.name.strip_prefix("MCP send ").unwrap_or(&span.span.name);
        let target = name.strip_prefix("tools/call ")?.trim();
        (!target.is_empty()).then(|| target.to_owned())
    });
    let given = reader.find("tool_arguments", &["gen_ai.tool.call.arguments", "mcp.request.argument"]);
    reader.mapped.tool_arguments = given.map(arguments);
    reader.mapped.tool_result = reader.find("tool_result", &["gen_ai.tool.call.result", "mcp.response.value"]).cloned();
    Reading { structured: reader.mapped, ..Reading::default() }
}

#[cfg(test)]
mod tests;
