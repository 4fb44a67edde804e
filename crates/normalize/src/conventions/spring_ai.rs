//! Spring AI: OpenTelemetry's keys on model spans; tools, clients, advisors and vector stores in keys of its own.
//!
//! Model content is logged, in records whose body starts `Chat Model Prompt Content:` or `Chat Model Completion:`; before
//! 1.0 it stood in span events, and in `gen_ai.prompt` and `gen_ai.completion`. The log names no roles: every prompt counts
//! as the user's. Source: spring-projects/spring-ai, `ChatModelPromptContentObservationHandler` and its siblings.

use gleaner_model::{LogFragment, Message, SpanKind};

use super::Reading;
use super::reader::{Reader, captured};
use crate::mapped::MergedSpan;
use crate::messages::{arguments, tool_definitions};
use crate::value::json;

const PROMPT: &str = "Chat Model Prompt Content:";
const COMPLETION: &str = "Chat Model Completion:";

/// Whether the span carries Spring AI's keys or logged content.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    span.span.attributes.keys().any(|key| key.starts_with("spring.ai."))
        || span.logs.iter().any(|log| logged(log, PROMPT).or_else(|| logged(log, COMPLETION)).is_some())
}

/// Reads Spring AI's own keys and records.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    let declared = reader.text("kind", &["spring.ai.kind"]);
    reader.mapped.kind = declared.as_deref().and_then(|kind| match kind {
        "tool_call" => Some(SpanKind::Tool),
        "vector_store" => Some(SpanKind::Retriever),
        "chat_client" | "advisor" => Some(SpanKind::Chain),
        _ => None,
    });
    reader.mapped.session_key = reader
        .text("session_key", &["spring.ai.chat.client.conversation.id", "spring.ai.chat.client.conversationId"])
        .map(|id| (1, id));
    let names =
        reader.find("tool_definitions", &["spring.ai.chat.client.tool.names", "spring.ai.model.request.tool.names"]);
    reader.mapped.tool_definitions = names.and_then(tool_definitions);
    let tool = ["spring.ai.tool.definition.name"];
    reader.mapped.tool_name = reader.text("tool_name", &tool);
    reader.mapped.tool_call_id = reader.text("tool_call_id", &["spring.ai.tool.call.id"]);
    reader.mapped.tool_arguments = reader.find("tool_arguments", &["spring.ai.tool.call.arguments"]).map(arguments);
    reader.mapped.tool_result = reader.find("tool_result", &["spring.ai.tool.call.result"]).cloned();
    reader.mapped.input_text =
        reader.text("input_text", &["db.vector.query.content", "spring.ai.chat.client.user.text"]);
    reader.mapped.output_text = reader.text("output_text", &["db.vector.query.response.documents"]);
    let mut content = |start: &str, field: &str, role: &str| {
        let texts = span.logs.iter().find_map(|log| logged(log, start))?;
        reader.note(field, start.trim_end_matches(':'));
        captured(texts.into_iter().map(|text| Message::text(role, text)).collect())
    };
    let (input, output) =
        (content(PROMPT, "input_messages", "user"), content(COMPLETION, "output_messages", "assistant"));
    reader.mapped.input_messages = input;
    reader.mapped.output_messages = output;
    Reading { structured: reader.mapped, ..Reading::default() }
}

/// The texts of a record. They stand as a list whose strings are quoted, and not escaped.
fn logged(log: &LogFragment, start: &str) -> Option<Vec<String>> {
    let list = log.body.as_str()?.strip_prefix(start)?.trim();
    if let Some(items) = json(list).as_ref().and_then(serde_json::Value::as_array) {
        return items.iter().map(|item| item.as_str().map(str::to_owned)).collect();
    }
    let inner = list.strip_prefix('[').and_then(|list| list.strip_suffix(']')).unwrap_or(list).trim();
    let inner = inner.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(inner);
    Some(inner.split("\", \"").map(str::to_owned).filter(|text| !text.is_empty()).collect())
}

#[cfg(test)]
mod tests;
