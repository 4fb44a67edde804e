//! Whether a trace without keys of attempts tells of an agent's work at all.

use gleaner_model::SpanKind;

use crate::conventions::mcp::METHOD;
use crate::derive::tree::Tree;
use crate::telemetry_feedback::span_carries_feedback;

/// A call, a tool, an agent, a recorded input or output, a named session make an attempt; a program's HTTP requests and
/// internals do not, nor does the judgement of other traces, nor what a server of tools does for a client elsewhere.
pub(super) fn is_attempt(tree: &Tree<'_>, kinds: &[SpanKind]) -> bool {
    let is_named = tree.nodes.iter().any(|node| node.mapped.rollout_key.is_some() || node.mapped.attempt_key.is_some());
    is_named || tells_of_work(tree, kinds) && !only_judges(tree, kinds) && !only_serves(tree, kinds)
}

fn tells_of_work(tree: &Tree<'_>, kinds: &[SpanKind]) -> bool {
    tree.nodes.iter().zip(kinds).any(|(node, kind)| {
        let mapped = node.mapped;
        // That an agent was set up is no run of it.
        let is_definition = mapped.operation.as_deref() == Some("create_agent");
        let tells = !matches!(kind, SpanKind::Chain | SpanKind::Evaluator | SpanKind::Other)
            || mapped.session_key.is_some()
            || mapped.input_text.is_some()
            || mapped.output_text.is_some()
            || mapped.input_messages.is_some()
            || mapped.output_messages.is_some();
        tells && !is_definition
    })
}

/// Whether a trace holds nothing but judgement of other traces: spans of evaluators, with the calls of their models, and spans
/// that carry feedback and nothing else.
fn only_judges(tree: &Tree<'_>, kinds: &[SpanKind]) -> bool {
    let mut roots = (0..tree.nodes.len()).filter(|place| tree.parents[*place].is_none()).peekable();
    roots.peek().is_some()
        && !kinds.contains(&SpanKind::Agent)
        && roots.all(|place| {
            let (node, kind) = (&tree.nodes[place], kinds[place]);
            let only_carries = || node.mapped.convention.is_none() && span_carries_feedback(node.span());
            tree.is_parentless(place) && (kind == SpanKind::Evaluator || only_carries())
        })
}

/// Whether a trace is the other end of calls over MCP whose context did not come along: the client's trace tells of the run.
fn only_serves(tree: &Tree<'_>, kinds: &[SpanKind]) -> bool {
    const SERVER: i32 = 2;
    let mut roots = (0..tree.nodes.len()).filter(|place| tree.parents[*place].is_none()).peekable();
    roots.peek().is_some()
        && !kinds.iter().any(|kind| matches!(kind, SpanKind::Agent | SpanKind::Llm))
        && roots.all(|place| {
            let span = tree.nodes[place].span();
            tree.is_parentless(place) && span.kind == SERVER && span.attributes.contains_key(METHOD)
        })
}
