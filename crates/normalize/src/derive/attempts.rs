//! One [`AttemptPart`] per attempt: status, question, final answer, counts, sums, definition, artifacts.
//!
//! Whose calls are the root agent's is decided in [`root_agent_calls`]; everything that speaks of "the agent" rests on it.

use std::collections::HashSet;

use gleaner_model::{
    AgentDefinition, AttemptPart, AttemptStatus, DeclaredArtifact, Span, SpanKind, SubAgent, UsedDocument,
};
use serde_json::Value;

use crate::attribution::keys::{self, KeyFinder};
use crate::attribution::{Attempt, Attribution};
use crate::cost::attempt_cost_usd;
use crate::derive::definition::{Recorded, agent_definition, sub_agent_definition};
use crate::derive::documents::used_documents;
use crate::derive::spans::last_user_text;
use crate::derive::tree::Tree;

/// Summarises every attempt. `rows` are the canonical spans, in the order of the tree.
pub(crate) fn attempt_parts(
    project: &str,
    trace_id: &str,
    tree: &Tree<'_>,
    attribution: &Attribution,
    finder: &mut KeyFinder<'_, '_>,
    rows: &[Span],
) -> Vec<AttemptPart> {
    let Agents { ranks, above } = agents(tree, attribution, rows);
    let named_agents = tree.nearest(|place| rows[place].agent_name.is_some());
    let versions = tree.nearest(|place| tree.nodes[place].mapped.agent_version.is_some());
    attribution
        .attempts
        .iter()
        .enumerate()
        .map(|(index, attempt)| {
            // A convention's own keys hold within the attempt: an orchestrator above it is another agent.
            let in_attempt = |place: &usize| attribution.attempt_of[*place] == Some(index);
            let recorded = |call: usize| Recorded {
                name: named_agents[call].filter(in_attempt).and_then(|place| rows[place].agent_name.clone()),
                version: versions[call]
                    .filter(in_attempt)
                    .and_then(|place| tree.nodes[place].mapped.agent_version.clone()),
            };
            let calls = root_agent_calls(attempt, &ranks, rows);
            let definition =
                calls.first().map(|call| agent_definition(project, finder, *call, &rows[*call], recorded(*call)));
            let sub_agents = sub_agents(attempt, &calls, &above, rows)
                .into_iter()
                .map(|(agent, call)| SubAgent {
                    span_id: rows[agent].span_id.clone(),
                    definition: sub_agent_definition(project, &rows[call], recorded(call)),
                    start_time_unix_nano: rows[call].start_time_unix_nano,
                })
                .collect();
            let found = Found {
                definition,
                sub_agents,
                documents: used_documents(attempt, finder, rows),
                test_input: finder
                    .of_attempt(attempt.top, &attempt.spans, keys::ATTEMPT_TEST_INPUT)
                    .map(|found| found.value),
            };
            attempt_part(trace_id, attempt, rows, &ranks, &calls, found)
        })
        .collect()
}

/// What was found out about an attempt by looking at the whole tree.
struct Found {
    definition: Option<AgentDefinition>,
    sub_agents: Vec<SubAgent>,
    documents: Vec<UsedDocument>,
    test_input: Option<String>,
}

fn attempt_part(
    trace_id: &str,
    attempt: &Attempt,
    rows: &[Span],
    ranks: &[AgentRank],
    calls: &[usize],
    found: Found,
) -> AttemptPart {
    let Found { definition, sub_agents, documents, test_input } = found;
    let root = attempt.root.map(|root| &rows[root]);
    let spans = || attempt.spans.iter().map(|place| &rows[*place]);
    let count = |kind: SpanKind, only_failed: bool| {
        let of_kind = spans().filter(|span| span.kind == kind && span.duplicate_of.is_none());
        of_kind.filter(|span| !only_failed || has_failed(span)).count() as i64
    };
    let sum = |tokens: fn(&Span) -> Option<i64>| {
        let known = spans().filter(|span| span.kind == SpanKind::Llm && span.duplicate_of.is_none()).filter_map(tokens);
        known.fold(None, |sum: Option<i64>, tokens| Some(sum.unwrap_or(0).saturating_add(tokens)))
    };
    let first_call = calls.first().map(|place| &rows[*place]);
    let input_messages = first_call.and_then(|call| call.input_messages.clone());
    AttemptPart {
        attempt_id: attempt.attempt_id.clone(),
        rollout_id: attempt.rollout_id.clone(),
        lineage_id: attempt.lineage_id.clone(),
        session_id: attempt.session_id.clone(),
        trace_id: trace_id.to_owned(),
        root_span_id: root.map(|root| root.span_id.clone()),
        lineage_label: attempt.lineage_label.clone(),
        cycle: attempt.cycle,
        attempt_number: attempt.number,
        surrounds: attempt.surrounds,
        definition_start_time_unix_nano: first_call.map(|call| call.start_time_unix_nano),
        definition,
        status: match root {
            None => AttemptStatus::Open,
            Some(root) if has_failed(root) => AttemptStatus::Error,
            Some(_) => AttemptStatus::Ok,
        },
        error: root.and_then(|root| root.error.clone()),
        input_text: question(root, first_call),
        continued_span_id: first_call
            .filter(|call| call.previous_response_id.is_some())
            .map(|call| call.span_id.clone()),
        input_messages,
        output_text: final_answer(attempt, rows, ranks, calls),
        test_input,
        start_time_unix_nano: root
            .map_or_else(|| spans().map(|span| span.start_time_unix_nano).min(), |root| Some(root.start_time_unix_nano))
            .unwrap_or(0),
        end_time_unix_nano: root
            .map_or_else(|| spans().map(|span| span.end_time_unix_nano).max(), |root| Some(root.end_time_unix_nano))
            .unwrap_or(0),
        llm_calls: count(SpanKind::Llm, false),
        llm_calls_failed: count(SpanKind::Llm, true),
        tool_calls: count(SpanKind::Tool, false),
        tool_calls_failed: count(SpanKind::Tool, true),
        input_tokens: sum(|span| span.input_tokens),
        output_tokens: sum(|span| span.output_tokens),
        cached_tokens: sum(|span| span.cached_tokens),
        reasoning_tokens: sum(|span| span.reasoning_tokens),
        cost_usd: attempt_cost_usd(spans()),
        artifacts: artifacts(attempt, rows),
        conversation_span_id: calls
            .iter()
            .rev()
            .find(|place| rows[**place].input_messages.is_some())
            .map(|place| rows[*place].span_id.clone()),
        documents,
        sub_agents,
    }
}

/// The question: what the root was given, else what the root agent's first call was asked.
fn question(root: Option<&Span>, first_call: Option<&Span>) -> Option<String> {
    let messages = first_call.and_then(|call| call.input_messages.as_deref());
    let asked = messages.and_then(last_user_text).or_else(|| first_call.and_then(|call| call.input_text.clone()));
    match (root.and_then(|root| root.input_text.clone()), asked) {
        // A framework may record all arguments of its entry; where they hold the question word for word, it is meant.
        (Some(arguments), Some(asked)) if is_json_around(&arguments, &asked) => Some(asked),
        (recorded, asked) => recorded.or(asked),
    }
}

fn has_failed(span: &Span) -> bool {
    span.status == "error"
}

/// How far a span stands from the attempt's root agent: 0 is the agent itself, each sub-agent, tool, guardrail or evaluator
/// on the way adds one. A span without any agent above it gives way to one that has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
struct AgentRank {
    depth: u32,
    is_agentless: bool,
}

/// Whose agent every span is.
struct Agents {
    ranks: Vec<AgentRank>,
    /// The nearest agent's span of the same attempt, itself included.
    above: Vec<Option<usize>>,
}

fn agents(tree: &Tree<'_>, attribution: &Attribution, rows: &[Span]) -> Agents {
    let mut ranks = vec![AgentRank { depth: 0, is_agentless: true }; rows.len()];
    let mut agent_above: Vec<Option<usize>> = vec![None; rows.len()];
    for place in tree.top_down() {
        let same_attempt = |parent: &usize| attribution.attempt_of[*parent] == attribution.attempt_of[place];
        if let Some(parent) = tree.parents[place].filter(same_attempt) {
            ranks[place] = ranks[parent];
            agent_above[place] = agent_above[parent];
        }
        match rows[place].kind {
            SpanKind::Agent => {
                // Two spans for one agent (a caller's and its framework's) are one agent.
                let same_agent = agent_above[place].is_some_and(|above| {
                    rows[above].agent_name.is_some() && rows[above].agent_name == rows[place].agent_name
                });
                ranks[place].depth += u32::from(!ranks[place].is_agentless && !same_agent);
                ranks[place].is_agentless = false;
                agent_above[place] = Some(place);
            }
            SpanKind::Tool | SpanKind::Guardrail | SpanKind::Evaluator => ranks[place].depth += 1,
            _ => {}
        }
    }
    Agents { ranks, above: agent_above }
}

/// The agents below the root agent that call models, each with its first call, by start of that call.
fn sub_agents(
    attempt: &Attempt,
    root_agent_calls: &[usize],
    above: &[Option<usize>],
    rows: &[Span],
) -> Vec<(usize, usize)> {
    let of_root: HashSet<usize> = root_agent_calls.iter().copied().collect();
    let root_agents: HashSet<usize> = root_agent_calls.iter().filter_map(|call| above[*call]).collect();
    let is_call = |place: &usize| rows[*place].kind == SpanKind::Llm && rows[*place].duplicate_of.is_none();
    let mut seen = HashSet::new();
    let calls = attempt.spans.iter().copied().filter(|place| is_call(place) && !of_root.contains(place));
    calls
        .filter_map(|call| Some((above[call]?, call)))
        .filter(|(agent, _)| !root_agents.contains(agent) && seen.insert(*agent))
        .collect()
}

/// The model calls that are the root agent's own, by start: those nearest to it. Where it makes none itself (a wrapper, a
/// sequence of agents), those of the agents next below.
fn root_agent_calls(attempt: &Attempt, ranks: &[AgentRank], rows: &[Span]) -> Vec<usize> {
    let is_call = |place: &usize| rows[*place].kind == SpanKind::Llm && rows[*place].duplicate_of.is_none();
    let all: Vec<usize> = attempt.spans.iter().copied().filter(is_call).collect();
    let nearest = all.iter().map(|place| ranks[*place]).min();
    all.into_iter().filter(|place| Some(ranks[*place]) == nearest).collect()
}

/// The final answer: what the root recorded, else what the root agent recorded, else what its last call answered.
fn final_answer(attempt: &Attempt, rows: &[Span], ranks: &[AgentRank], calls: &[usize]) -> Option<String> {
    let answered = calls.last().and_then(|call| rows[*call].output_text.as_deref());
    let agent_recorded = || {
        let is_root_agent = |place: &&usize| {
            rows[**place].kind == SpanKind::Agent && ranks[**place] == AgentRank { depth: 0, is_agentless: false }
        };
        attempt.spans.iter().rev().filter(is_root_agent).find_map(|place| rows[*place].output_text.as_deref())
    };
    let recorded = attempt.root.and_then(|root| rows[root].output_text.as_deref()).or_else(agent_recorded);
    match (recorded, answered) {
        // A framework may record its whole state; where that holds the answer word for word, the answer is meant.
        (Some(state), Some(answer)) if is_json_around(state, answer) => Some(answer.to_owned()),
        (recorded, answered) => recorded.or(answered).map(str::to_owned),
    }
}

fn is_json_around(state: &str, answer: &str) -> bool {
    let Ok(state @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str::<Value>(state) else { return false };
    let mut open = vec![&state];
    while let Some(value) = open.pop() {
        match value {
            Value::String(text) if text.trim() == answer.trim() => return true,
            Value::Array(items) => open.extend(items),
            Value::Object(fields) => open.extend(fields.values()),
            _ => {}
        }
    }
    false
}

/// By time; the same artifact on several spans (copied by baggage) once, as of the first.
fn artifacts(attempt: &Attempt, rows: &[Span]) -> Vec<DeclaredArtifact> {
    let mut artifacts: Vec<DeclaredArtifact> = Vec::new();
    let mut known = HashSet::new();
    for span in attempt.spans.iter().map(|place| &rows[*place]) {
        let Some(content) = keys::text(&span.attributes, keys::ARTIFACT_CONTENT) else { continue };
        let name = keys::text(&span.attributes, keys::ARTIFACT_NAME);
        let r#type = keys::text(&span.attributes, keys::ARTIFACT_TYPE);
        if known.insert((name.clone(), r#type.clone(), content.clone())) {
            artifacts.push(DeclaredArtifact {
                span_id: span.span_id.clone(),
                name,
                r#type,
                content,
                time_unix_nano: span.end_time_unix_nano,
            });
        }
    }
    artifacts.sort_by(|a, b| (a.time_unix_nano, &a.span_id).cmp(&(b.time_unix_nano, &b.span_id)));
    artifacts
}

#[cfg(test)]
mod tests;
