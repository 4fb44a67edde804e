//! AgentOps: spans of its decorators and of the instrumentations that it took over from OpenLLMetry.
//!
//! Recognised by `agentops.span.kind`, `agentops.entity.*` and `agentops.operation.*`. Messages stand in
//! `gen_ai.prompt.<i>.*` and `gen_ai.completion.<i>.*`, which [`super::openllmetry`] reads, offered tools in
//! `gen_ai.request.tools.<i>.*`, tools and agents in bare `tool.*`, `agent.*` and `workflow.*`. Tools that a
//! model asked for stand in its message, or in spans `tool_call.<name>` below it. A session is a trace, unless the workflow or
//! a tag names one.

use gleaner_model::{Message, Part, SpanKind};
use serde_json::Value;

use super::Reading;
use super::functions::{answer_of, arguments_of, final_text_of, question_of};
use super::reader::Reader;
use crate::mapped::MergedSpan;
use crate::messages::{arguments, tool_definitions};
use crate::value::{structured, unflatten};

/// Keys each of which shows a span of AgentOps. Tags and the like are copied onto every span.
const EVIDENCE: &[&str] = &[
    "agentops.span.kind",
    "agentops.entity.input",
    "agentops.entity.output",
    "agentops.entity.name",
    "agentops.operation.name",
    "agentops.agent.input",
    "agentops.agent.output",
    "agentops.tool.input",
    "agentops.tool.output",
    "agentops.task.input",
    "agentops.task.output",
    "gen_ai.request.type",
];

/// Whether the span carries the kind or the entity of AgentOps.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    EVIDENCE.iter().any(|key| span.span.attributes.contains_key(*key))
        || span.span.attributes.keys().any(|key| key.starts_with("gen_ai.request.tools."))
}

/// Reads the span's attributes.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    if let Some(asked) = asked_tool(&mut reader, span) {
        return asked;
    }
    reader.mapped.kind = ["agentops.span.kind", "gen_ai.request.type"]
        .iter()
        .find_map(|key| reader.text("kind", &[key]).and_then(|name| kind(&name)));
    for prefix in ["gen_ai.request.tools", "gen_ai.request.functions"] {
        let offered = Value::Array(unflatten(reader.attributes(), prefix));
        if let Some(definitions) = tool_definitions(&offered).filter(|_| reader.mapped.tool_definitions.is_none()) {
            reader.mapped.tool_definitions = Some(definitions);
            reader.note("tool_definitions", &format!("{prefix}.*"));
        }
    }
    // Tags of a trace are bare keys of its first span.
    let session = reader.text("session_key", &["workflow.session_id", "session_id"]).map(|id| (0, id));
    let threads = ["thread_id", "conversation_id"];
    reader.mapped.session_key = session.or_else(|| Some((1, reader.text("session_key", &threads)?)));
    reader.mapped.user_key = reader.text("user_key", &["workflow.user_id", "user_id"]);
    if reader.mapped.kind == Some(SpanKind::Tool) {
        read_tool(&mut reader);
    } else {
        reader.mapped.input_text = reader.find("input_text", GIVEN).and_then(question_of);
        let returned = reader.find("output_text", RETURNED);
        reader.mapped.output_text = returned.filter(|value| !is_reward(value)).and_then(final_text_of);
    }
    if reader.mapped.kind == Some(SpanKind::Agent) {
        let names = ["agent.name", "agentops.entity.name", "agentops.operation.name", "operation.name"];
        reader.mapped.agent_name = reader.text("agent_name", &names);
        reader.mapped.agent_version = reader.text("agent_version", &["agentops.entity.version", "operation.version"]);
    }
    Reading { structured: reader.mapped, ..Reading::default() }
}

/// Inputs of agents, tasks and workflows, as later and earlier versions name them.
const GIVEN: &[&str] = &[
    "agentops.entity.input",
    "agentops.agent.input",
    "agentops.workflow.input",
    "agentops.operation.input",
    "agentops.task.input",
    "agentops.session.input",
    "workflow.input",
];

/// Their outputs.
const RETURNED: &[&str] = &[
    "agentops.entity.output",
    "agentops.agent.output",
    "agentops.workflow.output",
    "agentops.operation.output",
    "agentops.task.output",
    "agentops.session.output",
    "workflow.final_output",
    "workflow.output",
];

/// A tool that the model above asked for, which newer versions tell in a span of its own. Nothing ran in it.
fn asked_tool(reader: &mut Reader, span: &MergedSpan) -> Option<Reading> {
    let name =
        span.span.name.strip_prefix("tool_call.").and_then(|_| reader.text("output_messages", &["tool.name"]))?;
    let id = reader.text("output_messages", &["tool.call.id"])?;
    let given = reader.attributes().get("tool.parameters").unwrap_or(&Value::Null);
    let call = Part::ToolCall { id: Some(id), name, arguments: arguments(given) };
    let message = Message { role: "assistant".to_owned(), parts: vec![call], name: None, finish_reason: None };
    reader.note("output_messages", "tool.*");
    reader.note("kind", "tool.call.id");
    let mut mapped = std::mem::take(&mut reader.mapped);
    mapped.kind = Some(SpanKind::Chain);
    mapped.repeats_parent = true;
    mapped.output_messages = Some(vec![message]);
    Some(Reading { structured: mapped, ..Reading::default() })
}

fn kind(name: &str) -> Option<SpanKind> {
    // Some are printed as Python prints an enum.
    let name = name.strip_prefix("AgentOpsSpanKindValues.").unwrap_or(name);
    Some(match name.to_ascii_lowercase().as_str() {
        "llm" | "llm.call" | "chat" | "completion" => SpanKind::Llm,
        "agent" => SpanKind::Agent,
        "tool" => SpanKind::Tool,
        "embedding" => SpanKind::Embedding,
        "retriever" => SpanKind::Retriever,
        "guardrail" => SpanKind::Guardrail,
        "evaluator" => SpanKind::Evaluator,
        "session" | "operation" | "task" | "workflow" | "workflow.step" | "chain" | "team" => SpanKind::Chain,
        "agent.action" | "agent.thinking" | "agent.decision" => SpanKind::Chain,
        _ => return None,
    })
}

fn read_tool(reader: &mut Reader) {
    let given = reader.find("tool_arguments", &["tool.parameters", "agentops.entity.input", "agentops.tool.input"]);
    reader.mapped.tool_arguments = given.map(arguments_of);
    if let Some(returned) =
        reader.find("tool_result", &["tool.result", "agentops.entity.output", "agentops.tool.output"])
    {
        let answer = answer_of(returned);
        reader.mapped.tool_result = Some(answer.response);
        (reader.mapped.tool_call_id, reader.mapped.tool_name) = (answer.id, answer.name);
    }
    let named =
        reader.text("tool_name", &["tool.name", "agentops.entity.name", "agentops.operation.name", "operation.name"]);
    reader.mapped.tool_name = named.or(reader.mapped.tool_name.take());
    let id = reader.text("tool_call_id", &["tool.call_id", "tool.id"]);
    reader.mapped.tool_call_id = id.or(reader.mapped.tool_call_id.take());
}

/// Agent Lightning sends rewards as the output of an operation.
fn is_reward(value: &Value) -> bool {
    structured(value).get("type").is_some_and(|kind| kind == "reward")
}

#[cfg(test)]
mod tests;
