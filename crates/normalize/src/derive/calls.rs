//! Which spans are model calls and tool executions, each counted once.
//!
//! Two things make one call look like several. A *wrapper* repeats the model, the usage and the answer of the calls below it:
//! it becomes a chain or agent span. A *second report* is another instrumentation's span of the very same call: it keeps its
//! kind and is marked as the duplicate of the richest report.

use std::collections::{HashMap, HashSet};

use gleaner_model::{Part, SpanKind, canonical_json, output_text};
use serde_json::json;

use self::tools::join_tool_reports;
use crate::derive::tree::{Node, Tree};
use crate::mapped::STATUS_ERROR;

mod tools;

/// Kinds and duplicates, by place in the tree.
pub(crate) struct Calls {
    /// Final kind of every span.
    pub(crate) kinds: Vec<SpanKind>,
    /// The richer report of the same call.
    pub(crate) duplicate_of: Vec<Option<usize>>,
}

/// Decides kind and duplicate for every span.
pub(crate) fn find_calls(tree: &Tree<'_>) -> Calls {
    let mut kinds: Vec<SpanKind> = tree.nodes.iter().map(|node| node.mapped.kind.unwrap_or(SpanKind::Other)).collect();
    let mut reports = Reports::new(tree.nodes.len());
    let recorded = join_late_records(tree, &kinds, &mut reports);
    drop_announcements(tree, &mut kinds, &recorded);
    join_copies(tree, &mut reports);
    settle_nested_llm_spans(tree, &mut kinds, &mut reports);
    join_by_response_id(tree, &kinds, &mut reports);
    join_sibling_reports(tree, &kinds, &mut reports);
    join_tool_reports(tree, &kinds, &mut reports);
    Calls { kinds, duplicate_of: reports.duplicates(tree) }
}

/// The model calls below a span, as far as nesting needs to know.
#[derive(Clone, Copy, Default)]
struct CallsBelow {
    /// The call, if there is exactly one.
    only: Option<usize>,
    /// More than one.
    many: bool,
    /// Start of the earliest.
    first_start: u64,
}

impl CallsBelow {
    fn one(place: usize, start: u64) -> Self {
        Self { only: Some(place), many: false, first_start: start }
    }

    fn is_empty(self) -> bool {
        self.only.is_none() && !self.many
    }

    fn and(self, other: Self, tree: &Tree<'_>) -> Self {
        if self.is_empty() {
            return other;
        }
        if other.is_empty() {
            return self;
        }
        let first_start = self.first_start.min(other.first_start);
        match (self.only, other.only) {
            (Some(a), Some(b)) if same_response_id(&tree.nodes[a], &tree.nodes[b]) => {
                Self { only: Some(a.min(b)), many: false, first_start }
            }
            _ => Self { only: None, many: true, first_start },
        }
    }
}

/// A step with a call's question and answer around no call is that call. An LLM span around exactly one other LLM span is a
/// second report if both tell of the same call; around anything else it is a wrapper, which becomes a chain. One that had
/// ended when the calls below it began is neither: its context leaked.
fn settle_nested_llm_spans(tree: &Tree<'_>, kinds: &mut [SpanKind], reports: &mut Reports) {
    let mut below = vec![CallsBelow::default(); tree.nodes.len()];
    for place in tree.bottom_up() {
        let mut calls = below[place];
        if tree.nodes[place].mapped.report_of.is_some() {
            continue;
        }
        if kinds[place] == SpanKind::Llm {
            let node = &tree.nodes[place];
            let own = CallsBelow::one(place, node.span().start_time_unix_nano);
            let encloses = !calls.is_empty() && calls.first_start < end_or_never(node);
            match calls.only {
                _ if !encloses => calls = calls.and(own, tree),
                Some(inner) if tell_of_one_call(node, &tree.nodes[inner]) => {
                    reports.join(place, inner);
                    calls = CallsBelow { first_start: calls.first_start.min(own.first_start), ..own };
                }
                _ => kinds[place] = wrapper_kind(node),
            }
        }
        let may_stand = match kinds[place] {
            SpanKind::Chain => true,
            // Guardrails' own call of the model has its kind, as the steps around it do; a call alone costs tokens.
            SpanKind::Guardrail => tree.nodes[place].mapped.output_tokens.is_some(),
            _ => false,
        };
        if may_stand && calls.is_empty() && stands_for_a_call(&tree.nodes[place]) {
            kinds[place] = SpanKind::Llm;
            calls = CallsBelow::one(place, tree.nodes[place].span().start_time_unix_nano);
        }
        if let Some(parent) = tree.parents[place] {
            below[parent] = below[parent].and(calls, tree);
        }
    }
}

/// A wrapper that says which model was asked what, and what it answered, is all there is of its call where nobody reports
/// the call itself.
fn stands_for_a_call(node: &Node<'_>) -> bool {
    let mapped = node.mapped;
    let answered = mapped.output_messages.is_some() || mapped.output_text.is_some();
    mapped.model.is_some() && mapped.input_messages.is_some() && answered
}

fn wrapper_kind(node: &Node<'_>) -> SpanKind {
    match node.mapped.operation.as_deref() {
        Some("invoke_agent" | "create_agent") => SpanKind::Agent,
        _ => SpanKind::Chain,
    }
}

/// A span that is still open, or has no length, is taken to go on.
fn end_or_never(node: &Node<'_>) -> u64 {
    let span = node.span();
    if span.end_time_unix_nano > span.start_time_unix_nano { span.end_time_unix_nano } else { u64::MAX }
}

fn tell_of_one_call(outer: &Node<'_>, inner: &Node<'_>) -> bool {
    if inner.mapped.repeats_parent || same_response_id(outer, inner) {
        return true;
    }
    if !share_a_model(outer, inner) {
        return false;
    }
    match (output_of(outer), output_of(inner)) {
        (Some(a), Some(b)) => a == b || a.text == b.text && (hides_calls(outer, &a) || hides_calls(inner, &b)),
        // One of them did not capture content. Two ids would tell two calls apart.
        _ => outer.mapped.response_id.is_none() || inner.mapped.response_id.is_none(),
    }
}

fn same_response_id(a: &Node<'_>, b: &Node<'_>) -> bool {
    response_id(a).is_some() && response_id(a) == response_id(b)
}

fn response_id<'a>(node: &Node<'a>) -> Option<&'a str> {
    node.mapped.response_id.as_deref().filter(|id| !id.is_empty())
}

/// Requested or answering model, without a router's `provider/` prefix; a name without a date is that of every version.
fn share_a_model(a: &Node<'_>, b: &Node<'_>) -> bool {
    let models = |node: &Node<'_>| -> Vec<String> {
        [&node.mapped.model, &node.mapped.response_model]
            .into_iter()
            .flatten()
            .map(|name| name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase())
            .collect()
    };
    let (of_a, of_b) = (models(a), models(b));
    of_a.iter().any(|a| of_b.iter().any(|b| a == b || is_version_of(a, b) || is_version_of(b, a)))
}

/// `gpt-4o-mini-2024-07-18` answers for `gpt-4o-mini`.
pub(crate) fn is_version_of(version: &str, model: &str) -> bool {
    let Some(date) = version.strip_prefix(model).and_then(|rest| rest.strip_prefix('-')) else { return false };
    date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
        && date.bytes().filter(u8::is_ascii_digit).count() >= 6
}

/// What a model answered, comparable across conventions: ids apart.
#[derive(PartialEq)]
struct Output<'a> {
    text: Option<String>,
    /// Name and canonical arguments.
    tool_calls: Vec<(&'a str, String)>,
}

/// `None`: not captured.
fn output_of<'a>(node: &Node<'a>) -> Option<Output<'a>> {
    let messages = node.mapped.output_messages.as_deref()?;
    let text = output_text(messages).map(|text| text.trim().to_owned());
    let tool_calls: Vec<(&str, String)> = messages
        .iter()
        .flat_map(|message| &message.parts)
        .filter_map(|part| match part {
            Part::ToolCall { name, arguments, .. } => Some((name.as_str(), canonical_json(arguments))),
            _ => None,
        })
        .collect();
    (text.is_some() || !tool_calls.is_empty()).then_some(Output { text, tool_calls })
}

/// It stopped to call tools and shows none: its instrumentation records the text alone (Mastra's innermost span).
fn hides_calls(node: &Node<'_>, told: &Output<'_>) -> bool {
    told.tool_calls.is_empty() && node.mapped.finish_reason.as_deref() == Some("tool_call")
}

/// A record of how a streamed call ended belongs to the latest call before it that has the same question, no answer, and no
/// record yet; both stand below the same parent, or the record below the call.
/// Returned are the calls that have one.
fn join_late_records(tree: &Tree<'_>, kinds: &[SpanKind], reports: &mut Reports) -> HashSet<usize> {
    type Question = (Option<usize>, String);
    let mut recorded = HashSet::new();
    if !tree.nodes.iter().any(|node| node.mapped.is_late_record) {
        return recorded;
    }
    let mut waiting: HashMap<Question, Vec<usize>> = HashMap::new();
    for (place, node) in tree.nodes.iter().enumerate().filter(|(place, _)| kinds[*place] == SpanKind::Llm) {
        let mapped = node.mapped;
        let question = json!([mapped.system_prompt, mapped.input_messages, mapped.model]);
        let asked = canonical_json(&question);
        let parent = tree.parents[place];
        if mapped.is_late_record {
            let beside = waiting.get_mut(&(parent, asked)).and_then(Vec::pop);
            let call = beside.or_else(|| parent.filter(|above| kinds[*above] == SpanKind::Llm));
            if let Some(call) = call {
                reports.join(call, place);
                recorded.insert(call);
            }
        } else if output_of(node).is_none() && node.span().status_code != STATUS_ERROR {
            waiting.entry((parent, asked)).or_default().push(place);
        }
    }
    recorded
}

/// Below no other span, a record begins a trace of its own: there the call counts, and the request alone is none.
fn drop_announcements(tree: &Tree<'_>, kinds: &mut [SpanKind], recorded: &HashSet<usize>) {
    for (place, node) in tree.nodes.iter().enumerate().filter(|(place, _)| tree.is_parentless(*place)) {
        let is_answered = output_of(node).is_some() || recorded.contains(&place);
        if node.mapped.awaits_record && !is_answered && node.span().status_code != STATUS_ERROR {
            kinds[place] = SpanKind::Chain;
        }
    }
}

/// What another trace tells of a call is a report of it, and stands nowhere in this one.
fn join_copies(tree: &Tree<'_>, reports: &mut Reports) {
    for (place, node) in tree.nodes.iter().enumerate() {
        if let (Some(_), Some(call)) = (&node.mapped.report_of, tree.parents[place]) {
            reports.join(call, place);
        }
    }
}

/// One response id is one call, wherever its reports stand in the trace. Two that do not overlap in time and say different
/// things are two calls all the same: some servers number every answer alike.
fn join_by_response_id(tree: &Tree<'_>, kinds: &[SpanKind], reports: &mut Reports) {
    let mut first_with: HashMap<&str, usize> = HashMap::new();
    for (place, node) in tree.nodes.iter().enumerate() {
        let Some(id) = response_id(node).filter(|_| kinds[place] == SpanKind::Llm) else { continue };
        let first = *first_with.entry(id).or_insert(place);
        if first != place && (!contradict(&tree.nodes[first], node) || overlap(&tree.nodes[first], node)) {
            reports.join(first, place);
        }
    }
}

/// Both captured what the model answered, and it is not the same.
pub(crate) fn contradict(a: &Node<'_>, b: &Node<'_>) -> bool {
    matches!((output_of(a), output_of(b)), (Some(a), Some(b)) if a != b)
}

/// Two instrumentations of one client may end up side by side: a streaming span is seldom current while it streams. Such
/// reports come from different tracers, begin together (or one lies within the other), and do not contradict each other.
fn join_sibling_reports(tree: &Tree<'_>, kinds: &[SpanKind], reports: &mut Reports) {
    const MAX_START_DIFFERENCE_NANO: u64 = 50_000_000;
    let mut last_below: HashMap<&str, usize> = HashMap::new();
    for (place, later) in tree.nodes.iter().enumerate().filter(|(place, _)| kinds[*place] == SpanKind::Llm) {
        let Some(parent) = later.span().parent_span_id.as_deref() else { continue };
        let Some(earlier_place) = last_below.insert(parent, place) else { continue };
        let earlier = &tree.nodes[earlier_place];
        let start_difference = later.span().start_time_unix_nano - earlier.span().start_time_unix_nano;
        let begin_together = start_difference < MAX_START_DIFFERENCE_NANO;
        let lies_within = end_or_never(later) <= end_or_never(earlier);
        if earlier.span().scope.name != later.span().scope.name
            && overlap(earlier, later)
            && (begin_together || lies_within)
            && tell_of_one_call(earlier, later)
        {
            reports.join(earlier_place, place);
        }
    }
}

fn overlap(earlier: &Node<'_>, later: &Node<'_>) -> bool {
    later.span().start_time_unix_nano < end_or_never(earlier)
}

/// Sets of spans that report the same call: a union-find with the earliest span as representative.
struct Reports {
    towards_first: Vec<usize>,
}

impl Reports {
    fn new(spans: usize) -> Self {
        Self { towards_first: (0..spans).collect() }
    }

    fn first(&mut self, mut place: usize) -> usize {
        while self.towards_first[place] != place {
            self.towards_first[place] = self.towards_first[self.towards_first[place]];
            place = self.towards_first[place];
        }
        place
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.first(a), self.first(b));
        self.towards_first[a.max(b)] = a.min(b);
    }

    fn duplicates(mut self, tree: &Tree<'_>) -> Vec<Option<usize>> {
        let firsts: Vec<usize> = (0..tree.nodes.len()).map(|place| self.first(place)).collect();
        let mut richest: Vec<usize> = (0..tree.nodes.len()).collect();
        for (place, first) in firsts.iter().enumerate() {
            if richness(&tree.nodes[place]) > richness(&tree.nodes[richest[*first]]) {
                richest[*first] = place;
            }
        }
        firsts.iter().enumerate().map(|(place, first)| Some(richest[*first]).filter(|best| *best != place)).collect()
    }
}

/// Orders reports of one call: content counts before usage, usage before the number of other fields.
fn richness(node: &Node<'_>) -> (bool, bool, bool, bool, usize) {
    let mapped = node.mapped;
    let fields = [
        mapped.system_prompt.is_some(),
        mapped.tool_definitions.is_some(),
        mapped.parameters.is_some(),
        mapped.response_id.is_some(),
        mapped.response_model.is_some(),
        mapped.finish_reason.is_some(),
        mapped.output_tokens.is_some(),
        mapped.cached_tokens.is_some(),
        mapped.reasoning_tokens.is_some(),
        mapped.cost_usd.is_some(),
        mapped.tool_call_id.is_some(),
        mapped.tool_arguments.is_some(),
        mapped.tool_result.is_some(),
    ];
    (
        !mapped.repeats_parent && mapped.report_of.is_none(),
        output_of(node).is_some(),
        mapped.input_messages.is_some(),
        mapped.input_tokens.is_some(),
        fields.into_iter().filter(|filled| *filled).count(),
    )
}

#[cfg(test)]
mod tests;
