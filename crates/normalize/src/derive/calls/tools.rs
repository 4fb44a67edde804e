//! Tool executions, each counted once: two reports of one are joined.

use std::collections::{HashMap, VecDeque};

use gleaner_model::{SpanKind, canonical_json};

use super::{Reports, overlap};
use crate::derive::tree::{Node, Tree};

/// A tool span straight inside a tool span of the same tool, or one with the same call id at the same time, is the same
/// execution told twice (a framework and its MCP client, for instance).
pub(super) fn join_tool_reports(tree: &Tree<'_>, kinds: &[SpanKind], reports: &mut Reports) {
    let mut enclosing_tool: Vec<Option<usize>> = vec![None; tree.nodes.len()];
    for place in tree.top_down() {
        let Some(parent) = tree.parents[place] else { continue };
        enclosing_tool[place] = match kinds[parent] {
            SpanKind::Tool => Some(parent),
            SpanKind::Llm | SpanKind::Agent => None,
            _ => enclosing_tool[parent],
        };
        if let Some(outer) = enclosing_tool[place].filter(|_| kinds[place] == SpanKind::Tool)
            && is_same_execution(&tree.nodes[outer], &tree.nodes[place])
        {
            reports.join(outer, place);
        }
    }
    let mut last_with: HashMap<&str, usize> = HashMap::new();
    for (place, node) in tree.nodes.iter().enumerate() {
        let Some(id) = node.mapped.tool_call_id.as_deref().filter(|_| kinds[place] == SpanKind::Tool) else { continue };
        if let Some(earlier) = last_with.insert(id, place)
            && overlap(&tree.nodes[earlier], node)
            && is_same_execution(&tree.nodes[earlier], node)
        {
            reports.join(earlier, place);
        }
    }
    join_tool_reports_side_by_side(tree, kinds, reports);
}

/// Two tracers may tell of one execution side by side: what a model's instrumentation knows of the call, id and all, and the
/// function that ran. Same parent, name and arguments; only one of them knows the id.
fn join_tool_reports_side_by_side(tree: &Tree<'_>, kinds: &[SpanKind], reports: &mut Reports) {
    let mut waiting: HashMap<(&str, &str, String), VecDeque<usize>> = HashMap::new();
    for (place, node) in tree.nodes.iter().enumerate().filter(|(place, _)| kinds[*place] == SpanKind::Tool) {
        let Some(parent) = node.span().parent_span_id.as_deref() else { continue };
        let (Some(name), Some(arguments)) = (node.mapped.tool_name.as_deref(), &node.mapped.tool_arguments) else {
            continue;
        };
        let same = waiting.entry((parent, name, canonical_json(arguments))).or_default();
        let is_other_report = |earlier: &usize| {
            let earlier = &tree.nodes[*earlier];
            earlier.span().scope.name != node.span().scope.name
                && earlier.mapped.tool_call_id.is_some() != node.mapped.tool_call_id.is_some()
        };
        match same.front().copied().filter(is_other_report) {
            Some(earlier) => {
                same.pop_front();
                reports.join(earlier, place);
            }
            None => same.push_back(place),
        }
    }
}

/// One name, or one with the name of its server before it: `weather__get_forecast`, `mcp.weather/get_forecast`.
fn is_same_tool(a: &str, b: &str) -> bool {
    let (long, short) = if a.len() >= b.len() { (a, b) } else { (b, a) };
    long.strip_suffix(short)
        .is_some_and(|server| server.is_empty() || (!short.is_empty() && server.ends_with(['_', '.', '/', ':', '-'])))
}

fn is_same_execution(a: &Node<'_>, b: &Node<'_>) -> bool {
    let agree = |x: Option<String>, y: Option<String>| x.is_none() || y.is_none() || x == y;
    let arguments = |node: &Node<'_>| node.mapped.tool_arguments.as_ref().map(canonical_json);
    a.mapped.tool_name.as_deref().zip(b.mapped.tool_name.as_deref()).is_some_and(|(a, b)| is_same_tool(a, b))
        && agree(a.mapped.tool_call_id.clone(), b.mapped.tool_call_id.clone())
        && agree(arguments(a), arguments(b))
}
