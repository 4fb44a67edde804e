//! Joins tool spans with the model's tool calls: id and arguments from the call, the result from the next model input.
//!
//! A call is found by its id; else by tool name and order, among the outputs of model calls that began before the tool did:
//! those with the same parent first, then those of the same agent, then those of the same attempt. A call is given to one
//! tool span only. A tool span that is named by the tool's class is found by its arguments. What a tool span says itself
//! stays, except arguments that the framework flattened (`Paris` for `{"city": "Paris"}`).

use std::collections::{HashMap, VecDeque};

use gleaner_model::{Message, Part, Span, SpanKind, canonical_json};
use serde_json::Value;

use crate::attribution::Attribution;
use crate::derive::calls::Calls;
use crate::derive::note_source;
use crate::derive::tree::Tree;

/// Fills `tool_name`, `tool_call_id`, `tool_arguments` and `tool_result` of tool spans.
pub(crate) fn join_tool_calls(tree: &Tree<'_>, calls: &Calls, attribution: &Attribution, rows: &mut [Span]) {
    let is_first_report = |place: usize| calls.duplicate_of[place].is_none();
    let tools: Vec<usize> =
        (0..rows.len()).filter(|place| calls.kinds[*place] == SpanKind::Tool && is_first_report(*place)).collect();
    if tools.is_empty() {
        return;
    }
    let mut asked = AskedCalls::new(tree, |place| calls.kinds[place] == SpanKind::Llm && is_first_report(place));
    let mut without_call = Vec::new();
    for place in &tools {
        match rows[*place].tool_call_id.clone().and_then(|id| asked.claim_by_id(&id, *place)) {
            Some(call) => fill_from_call(&mut rows[*place], tree, &asked.calls[call]),
            None => without_call.push(*place),
        }
    }
    let agent_of = tree.nearest(|place| calls.kinds[place] == SpanKind::Agent);
    let scopes = |place: usize| {
        [
            Scope::Parent(tree.parents[place]),
            Scope::Agent(agent_of[place]),
            Scope::Attempt(attribution.attempt_of[place]),
        ]
    };
    let mut offers = Offers::default();
    let mut next_call = 0;
    for place in without_call {
        while let Some(call) = asked.calls.get(next_call).filter(|call| call.model_span < place) {
            offers.add(next_call, call, &scopes(call.model_span));
            next_call += 1;
        }
        let by_class = rows[place].tool_name.as_deref().is_some_and(is_class_name);
        let call = if by_class {
            let attempt = attribution.attempt_of[place];
            rows[place].tool_arguments.as_ref().and_then(|own| {
                let is_same = |call: &AskedCall<'_>| {
                    attribution.attempt_of[call.model_span] == attempt && call.arguments == own && !call.is_claimed
                };
                asked.claim_last(next_call, is_same)
            })
        } else {
            offers.claim(&mut asked, &rows[place], &scopes(place))
        };
        if let Some(call) = call {
            if by_class {
                rows[place].tool_name = None;
            }
            fill_from_call(&mut rows[place], tree, &asked.calls[call]);
        }
    }
    fill_results(tree, calls, &tools, rows);
}

/// A tool call that a model asked for.
struct AskedCall<'a> {
    id: Option<&'a str>,
    name: &'a str,
    arguments: &'a Value,
    /// Place of the span whose output it stands in.
    model_span: usize,
    is_claimed: bool,
}

struct AskedCalls<'a> {
    /// In order of the model spans, then of the output.
    calls: Vec<AskedCall<'a>>,
    by_id: HashMap<&'a str, SameId>,
}

/// Calls with one id.
#[derive(Default)]
struct SameId {
    all: Vec<usize>,
    /// How many of them stand before the tool span that was looked at last.
    before: usize,
    /// Those of them that no tool span has claimed, the latest last.
    open: Vec<usize>,
}

impl<'a> AskedCalls<'a> {
    fn new(tree: &Tree<'a>, is_model_call: impl Fn(usize) -> bool) -> Self {
        let mut calls: Vec<AskedCall<'a>> = Vec::new();
        let mut by_id: HashMap<&str, SameId> = HashMap::new();
        for (model_span, node) in tree.nodes.iter().enumerate().filter(|(place, _)| is_model_call(*place)) {
            for part in parts(node.mapped.output_messages.as_deref()) {
                let Part::ToolCall { id, name, arguments } = part else { continue };
                let id = id.as_deref().filter(|id| !id.is_empty());
                if let Some(id) = id {
                    by_id.entry(id).or_default().all.push(calls.len());
                }
                calls.push(AskedCall { id, name, arguments, model_span, is_claimed: false });
            }
        }
        Self { calls, by_id }
    }

    /// Some providers number the calls of every answer alike: of several with one id, the latest before the tool span is
    /// meant, if no other tool span has it. To be asked in the order of the tool spans.
    fn claim_by_id(&mut self, id: &str, tool_span: usize) -> Option<usize> {
        let same_id = self.by_id.get_mut(id)?;
        let is_before = |call: &&usize| self.calls[**call].model_span < tool_span;
        while let Some(call) = same_id.all.get(same_id.before).filter(is_before) {
            same_id.open.push(*call);
            same_id.before += 1;
        }
        let unclaimed = std::iter::from_fn(|| same_id.open.pop()).find(|call| !self.calls[*call].is_claimed);
        let latest = same_id.before.checked_sub(1).map(|last| same_id.all[last]);
        let call = unclaimed.or(latest).or(same_id.all.first().copied())?;
        self.calls[call].is_claimed = true;
        Some(call)
    }

    /// The latest before `end` that fits.
    fn claim_last(&mut self, end: usize, fits: impl Fn(&AskedCall<'a>) -> bool) -> Option<usize> {
        let call = (end.saturating_sub(MAX_COMPARED)..end).rev().find(|call| fits(&self.calls[*call]))?;
        self.calls[call].is_claimed = true;
        Some(call)
    }
}

/// How many calls are compared with the arguments of a tool span.
const MAX_COMPARED: usize = 64;

/// `DynamicStructuredTool`: the class that stands for any tool.
fn is_class_name(name: &str) -> bool {
    name.ends_with("Tool") && name.starts_with(char::is_uppercase) && !name.contains(['_', ' ', '-'])
}

/// Where a call and a tool span may meet, closest first.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Scope {
    Parent(Option<usize>),
    Agent(Option<usize>),
    Attempt(Option<usize>),
}

/// Calls that no tool span has claimed yet, by scope and tool name; the latest output last.
#[derive(Default)]
struct Offers<'a> {
    by_scope: HashMap<Scope, HashMap<&'a str, OpenCalls>>,
}

/// Calls of one tool, one queue for each output.
#[derive(Default)]
struct OpenCalls {
    outputs: Vec<Output>,
    last_model_span: Option<usize>,
}

/// Calls of one output, in order, and also by their arguments.
#[derive(Default)]
struct Output {
    calls: VecDeque<usize>,
    by_arguments: HashMap<String, VecDeque<usize>>,
}

impl<'a> Offers<'a> {
    fn add(&mut self, index: usize, call: &AskedCall<'a>, scopes: &[Scope]) {
        let arguments = canonical_json(call.arguments);
        for scope in scopes {
            let open = self.by_scope.entry(*scope).or_default().entry(call.name).or_default();
            if open.outputs.is_empty() || open.last_model_span != Some(call.model_span) {
                open.outputs.push(Output::default());
                open.last_model_span = Some(call.model_span);
            }
            if let Some(output) = open.outputs.last_mut() {
                output.calls.push_back(index);
                output.by_arguments.entry(arguments.clone()).or_default().push_back(index);
            }
        }
    }

    /// The first unclaimed call of the latest output in the closest scope; one with the tool's own arguments before others.
    fn claim(&mut self, asked: &mut AskedCalls<'a>, tool: &Span, scopes: &[Scope]) -> Option<usize> {
        let name = tool.tool_name.as_deref()?;
        for scope in scopes {
            let Some(open) = self.by_scope.get_mut(scope).and_then(|by_name| by_name.get_mut(name)) else { continue };
            while let Some(output) = open.outputs.last_mut() {
                let Some(first) = first_unclaimed(&mut output.calls, asked) else {
                    open.outputs.pop();
                    continue;
                };
                let own_arguments = tool.tool_arguments.as_ref().map(canonical_json);
                let with_own = own_arguments.and_then(|own| output.by_arguments.get_mut(&own));
                let call = with_own.and_then(|calls| first_unclaimed(calls, asked)).unwrap_or(first);
                asked.calls[call].is_claimed = true;
                return Some(call);
            }
        }
        None
    }
}

/// Drops what is claimed at the head of a queue; what comes then.
fn first_unclaimed(calls: &mut VecDeque<usize>, asked: &AskedCalls<'_>) -> Option<usize> {
    while calls.front().is_some_and(|call| asked.calls[*call].is_claimed) {
        calls.pop_front();
    }
    calls.front().copied()
}

fn fill_from_call(row: &mut Span, tree: &Tree<'_>, call: &AskedCall<'_>) {
    let mut filled = Vec::new();
    if row.tool_name.is_none() {
        row.tool_name = Some(call.name.to_owned());
        filled.push("tool_name");
    }
    if row.tool_call_id.is_none() && call.id.is_some() {
        row.tool_call_id = call.id.map(str::to_owned);
        filled.push("tool_call_id");
    }
    let is_flattened = row.tool_arguments.as_ref().is_some_and(|own| !own.is_object()) && call.arguments.is_object();
    if row.tool_arguments.is_none() || is_flattened {
        row.tool_arguments = Some(call.arguments.clone());
        filled.push("tool_arguments");
    }
    note_source(row, filled, &tree.nodes[call.model_span].span().span_id);
}

/// A result that the tool span lacks is what the next model call was told under the call's id.
fn fill_results(tree: &Tree<'_>, calls: &Calls, tools: &[usize], rows: &mut [Span]) {
    let waiting: Vec<(usize, String)> = tools
        .iter()
        .filter(|place| rows[**place].tool_result.is_none())
        .filter_map(|place| Some((*place, rows[*place].tool_call_id.clone()?)))
        .collect();
    let mut answers: HashMap<&str, Vec<(usize, &Value)>> =
        waiting.iter().map(|(_, id)| (id.as_str(), Vec::new())).collect();
    if answers.is_empty() {
        return;
    }
    for (place, node) in tree.nodes.iter().enumerate().filter(|(place, _)| calls.kinds[*place] == SpanKind::Llm) {
        for part in parts(node.mapped.input_messages.as_deref()) {
            if let Part::ToolCallResponse { id: Some(id), response, .. } = part
                && let Some(known) = answers.get_mut(id.as_str())
            {
                known.push((place, response));
            }
        }
    }
    for (tool, id) in &waiting {
        let known = &answers[id.as_str()];
        let after_tool = &known[known.partition_point(|(model_span, _)| model_span <= tool)..];
        let Some((next, _)) = after_tool.first().copied() else { continue };
        // Where ids repeat, the history holds several: the last is the newest.
        let newest = after_tool[..after_tool.partition_point(|(model_span, _)| *model_span == next)].last();
        if let Some((_, result)) = newest {
            let row = &mut rows[*tool];
            row.tool_result = Some((*result).clone());
            note_source(row, ["tool_result"], &tree.nodes[next].span().span_id);
        }
    }
}

fn parts(messages: Option<&[Message]>) -> impl Iterator<Item = &Part> {
    messages.unwrap_or_default().iter().flat_map(|message| &message.parts)
}

#[cfg(test)]
mod tests;
