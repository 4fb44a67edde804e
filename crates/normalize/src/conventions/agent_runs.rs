//! Runs of agents that one span tells of, with a model's name and the tools' spans below it, and none of the model's calls: another
//! program makes them (Claude's Agent SDK, by OpenInference), or their client is not instrumented (Agno and LlamaIndex, by
//! OpenTelemetry). The question is the span's input, the last answer its output. OpenInference for Python has every block that the
//! model wrote as a message of the output.
//!
//! A call ends with the tools that it asked for. What comes after them is the next call's; a further request for a tool is one of
//! the same call if the tools ran side by side, or one followed the other faster than a model answers. Usage is the run's: a
//! call has it where it is the only one. An agent that is given a tool for its final answer (smolagents) does not write it.

use std::collections::HashMap;

use gleaner_model::{Message, Part, SpanFragment, SpanKind};
use serde_json::Value;

use super::told_calls::calls_of_history;
use crate::mapped::{Mapped, MergedSpan};
use crate::messages::finish_reason;

/// A tool's span below a run.
pub(crate) type Tool<'a> = (&'a MergedSpan, &'a Mapped);

/// No model has answered before that.
const FASTEST_ANSWER_NANO: u64 = 20_000_000;

/// Whether a span may stand for the model calls of a run.
pub(crate) fn is_run(span: &MergedSpan, mapped: &Mapped) -> bool {
    let attributes = &span.span.attributes;
    let has_answer = mapped.output_messages.iter().flatten().any(|message| !message.parts.is_empty());
    let is_told = if attributes.get("openinference.span.kind").is_some_and(|kind| kind == "AGENT") {
        has_answer || mapped.output_text.is_some() && mapped.output_tokens.is_some()
    } else {
        attributes.get("gen_ai.operation.name").is_some_and(|name| name == "invoke_agent")
            && attributes.contains_key("gen_ai.request.model")
            && mapped.input_messages.is_some()
            && has_answer
            && !answers_by_tool(mapped)
    };
    is_told && mapped.kind == Some(SpanKind::Agent) && mapped.model.is_some()
}

fn answers_by_tool(run: &Mapped) -> bool {
    let offered = run.tool_definitions.as_ref().and_then(Value::as_array);
    offered.into_iter().flatten().any(|tool| tool.get("name").is_some_and(|name| name == "final_answer"))
}

/// What a call answered, and what the tools that it asked for returned.
#[derive(Default)]
struct Step {
    answer: Vec<Part>,
    results: Vec<Part>,
    /// When the first of these tools began, and when the last ended.
    ran: Option<(u64, u64)>,
}

impl Step {
    fn add_run(&mut self, (merged, _): Tool<'_>) {
        let SpanFragment { start_time_unix_nano: start, end_time_unix_nano: end, .. } = merged.span;
        self.ran = Some(self.ran.map_or((start, end), |(first, last)| (first.min(start), last.max(end))));
    }
}

/// When each step's call was made: from the end of the tools before it to the start of its own. `None` where nothing tells when
/// tools ran.
fn times(span: &SpanFragment, steps: &[Step]) -> Option<Vec<(u64, u64)>> {
    let mut from = span.start_time_unix_nano;
    let mut times = Vec::with_capacity(steps.len());
    for (place, step) in steps.iter().enumerate() {
        let (to, next) = match step.ran {
            Some(ran) => ran,
            None if place + 1 == steps.len() => (span.end_time_unix_nano, 0),
            None => return None,
        };
        times.push((from, to.max(from)));
        from = next.max(from);
    }
    Some(times)
}

/// When each of so many calls was made, where the tools that ran tell of as many.
pub(crate) fn times_of_tools(span: &SpanFragment, tools: &[Tool<'_>], calls: usize) -> Option<Vec<(u64, u64)>> {
    let answered = Mapped { output_text: Some(String::new()), ..Mapped::default() };
    let steps = steps_of_tools(&answered, tools);
    if steps.len() == calls { times(span, &steps) } else { None }
}

/// The calls of a run, in order, and when each was made.
pub(crate) fn told_by_run(
    (span, run): (&MergedSpan, &Mapped),
    tools: &[Tool<'_>],
) -> (Vec<Mapped>, Option<Vec<(u64, u64)>>) {
    let told = run.output_messages.as_deref().unwrap_or_default();
    let asks = |part: &Part| matches!(part, Part::ToolCall { .. });
    let mut steps = if told.len() > 1 || told.iter().any(|message| message.parts.iter().any(asks)) {
        steps_of_messages(told, tools)
    } else {
        steps_of_tools(run, tools)
    };
    let times = times(&span.span, &steps);
    let Some(last) = steps.pop() else { return (Vec::new(), None) };
    let question = || run.input_text.clone().map(|text| vec![Message::text("user", text)]);
    let mut history = run.input_messages.clone().or_else(question).unwrap_or_default();
    let is_only = steps.is_empty();
    // Why the last call ended; the run's own reading of it knows of all that was asked for.
    let ended = span.span.attributes.get("llm.finish_reason").and_then(finish_reason);
    let ended = ended.or_else(|| run.finish_reason.clone());
    for step in steps {
        history.push(message("assistant", step.answer));
        if !step.results.is_empty() {
            history.push(message("tool", step.results));
        }
    }
    let mut call = Mapped {
        convention: run.convention,
        kind: Some(SpanKind::Llm),
        provider: run.provider.clone(),
        model: run.model.clone(),
        system_prompt: run.system_prompt.clone(),
        input_messages: (!history.is_empty()).then_some(history),
        output_messages: Some(vec![Message { finish_reason: ended.clone(), ..message("assistant", last.answer) }]),
        tool_definitions: run.tool_definitions.clone(),
        finish_reason: ended,
        parameters: run.parameters.clone(),
        agent_name: run.agent_name.clone(),
        ..Mapped::default()
    };
    if is_only {
        (call.input_tokens, call.output_tokens) = (run.input_tokens, run.output_tokens);
        (call.cached_tokens, call.reasoning_tokens) = (run.cached_tokens, run.reasoning_tokens);
    }
    (calls_of_history(call), times)
}

/// By the blocks that the model wrote.
fn steps_of_messages(told: &[Message], tools: &[Tool<'_>]) -> Vec<Step> {
    let ran: HashMap<&str, Tool<'_>> =
        tools.iter().filter_map(|tool| Some((tool.1.tool_call_id.as_deref()?, *tool))).collect();
    let mut steps: Vec<Step> = Vec::new();
    let mut latest = Latest::default();
    for part in told.iter().flat_map(|message| &message.parts) {
        let tool = match part {
            Part::ToolCall { id, .. } => Some(id.as_deref().and_then(|id| ran.get(id)).copied()),
            _ => None,
        };
        let begins = latest.ends_before(tool.map(|tool| tool.map(|(merged, _)| &merged.span)));
        if begins || steps.is_empty() {
            steps.push(Step::default());
        }
        let Some(step) = steps.last_mut() else { continue };
        step.answer.push(part.clone());
        if let Some(tool) = tool.flatten() {
            step.add_run(tool);
            step.results.extend(result(tool));
        }
    }
    steps
}

/// By the tools that ran, and the answer after them.
fn steps_of_tools(run: &Mapped, tools: &[Tool<'_>]) -> Vec<Step> {
    let answer = match run.output_messages.as_deref() {
        Some([message, ..]) => message.parts.clone(),
        _ => run.output_text.clone().map(|content| Part::Text { content }).into_iter().collect(),
    };
    // What a tool's server reports of the same execution is no other request.
    let is_asked_for = |(merged, _): &&Tool<'_>| !merged.span.attributes.contains_key("mcp.method.name");
    let mut tools: Vec<Tool<'_>> = tools.iter().filter(is_asked_for).copied().collect();
    tools.sort_by_key(|(merged, _)| (merged.span.start_time_unix_nano, &merged.span.span_id));
    let mut steps: Vec<Step> = Vec::new();
    let mut latest = Latest::default();
    for tool in tools {
        let (merged, mapped) = tool;
        let (Some(name), Some(arguments)) = (mapped.tool_name.clone(), mapped.tool_arguments.clone()) else { continue };
        if latest.ends_before(Some(Some(&merged.span))) || steps.is_empty() {
            steps.push(Step::default());
        }
        let Some(step) = steps.last_mut() else { continue };
        step.answer.push(Part::ToolCall { id: mapped.tool_call_id.clone(), name, arguments });
        step.add_run(tool);
        step.results.extend(result(tool));
    }
    steps.push(Step { answer, ..Step::default() });
    steps
}

/// When the tools that the latest call asked for had all ended; `None` before it asked for one.
#[derive(Default)]
struct Latest(Option<u64>);

impl Latest {
    /// Whether what the model writes next is another call's: words (`None`), or a request for a tool, with its span if there is one.
    fn ends_before(&mut self, asked: Option<Option<&SpanFragment>>) -> bool {
        let is_over = match (self.0, asked) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(ended), Some(tool)) => {
                tool.is_some_and(|tool| tool.start_time_unix_nano >= ended.saturating_add(FASTEST_ANSWER_NANO))
            }
        };
        if is_over {
            self.0 = None;
        }
        if let Some(tool) = asked {
            let end = tool.map_or(0, |tool| tool.end_time_unix_nano);
            self.0 = Some(self.0.map_or(end, |ended| ended.max(end)));
        }
        is_over
    }
}

fn result((merged, mapped): Tool<'_>) -> Option<Part> {
    let message = Some(merged.span.status_message.clone()).filter(|message| !message.is_empty());
    let failed = || mapped.error.clone().or(message).map(Value::String);
    let response = mapped.tool_result.clone().or_else(failed)?;
    Some(Part::ToolCallResponse { id: mapped.tool_call_id.clone(), name: mapped.tool_name.clone(), response })
}

fn message(role: &str, parts: Vec<Part>) -> Message {
    Message { role: role.to_owned(), parts, name: None, finish_reason: None }
}

#[cfg(test)]
mod tests;
