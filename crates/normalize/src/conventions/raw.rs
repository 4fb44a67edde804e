//! The last resort: why nothing explains a span. The span itself is kept all the same (I8).

use crate::mapped::MergedSpan;

/// Prefixes of conventions for LLM calls and agents. A span with such keys that no convention recognised tells of an LLM
/// call, a tool or an agent in a way that is not understood yet.
const FAMILIES: &[&str] = &[
    "agentops.",
    "ai.",
    "aisdk.",
    "braintrust.",
    "claude_code.",
    "codex.",
    "crewai.",
    "gcp.vertex.agent.",
    "gemini_cli.",
    "gen_ai.",
    "genkit:",
    "github.copilot.",
    "haystack.",
    "langfuse.",
    "langsmith.",
    "langwatch.",
    "lk.",
    "llm.",
    "lmnr.",
    "logfire.",
    "mastra.",
    "mcp.",
    "mlflow.",
    "pydantic_ai.",
    "traceloop.",
    "weave.",
];

/// Prefixes of the general conventions for transport and storage.
const TRANSPORT: &[&str] =
    &["aws.", "db.", "dns.", "http.", "messaging.", "net.", "network.", "peer.", "rpc.", "server.", "url."];

/// One of `unknown_convention`, `transport`, `no_known_attributes`.
pub(super) fn reason(span: &MergedSpan) -> &'static str {
    let carries = |prefixes: &[&str]| {
        span.span.attributes.keys().any(|key| prefixes.iter().any(|prefix| key.starts_with(prefix)) && !is_copied(key))
    };
    if carries(FAMILIES) {
        "unknown_convention"
    } else if carries(TRANSPORT) {
        "transport"
    } else {
        "no_known_attributes"
    }
}

/// Keys that libraries copy from baggage onto every span, HTTP calls too.
fn is_copied(key: &str) -> bool {
    matches!(key, "gen_ai.conversation.id" | "gen_ai.agent.name" | "gen_ai.agent.call.id" | "gen_ai.agent.id")
        || key.starts_with("langfuse.") && !key.starts_with("langfuse.observation.")
        || key.starts_with("logfire.")
        || key.starts_with("traceloop.association.properties.")
}

#[cfg(test)]
mod tests;
