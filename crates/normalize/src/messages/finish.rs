//! Finish reasons: `stop`, `length`, `tool_call`, `content_filter`, `error`, else lower-cased as sent.

use serde_json::Value;

use crate::value::{is_empty_text, json};

/// The status of a whole response, in the place of a finish reason: what it ended with is left open. Not canonical.
pub(crate) const COMPLETED: &str = "completed";

/// The canonical word of a finish reason; of a list the first. Where a list has one for every item of an answer (OpenAI's
/// Responses API: `["stop", "tool_calls"]`), the model stopped to call a tool.
pub(crate) fn finish_reason(value: &Value) -> Option<String> {
    let mut reasons = finish_reasons(value);
    let first = reasons.first()?;
    let call = reasons
        .iter()
        .position(|reason| reason == "tool_call")
        .filter(|_| matches!(first.as_str(), "stop" | COMPLETED));
    Some(reasons.swap_remove(call.unwrap_or(0)))
}

/// The canonical words of a list: native, JSON text, or separated by commas.
fn finish_reasons(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().filter_map(Value::as_str).filter_map(canonical).collect(),
        Value::String(text) => match json(text) {
            Some(Value::String(inner)) => canonical(&inner).into_iter().collect(),
            Some(list) => finish_reasons(&list),
            None => text.split(',').filter_map(canonical).collect(),
        },
        // `{"unified": "stop", "raw": "end_turn"}`
        Value::Object(map) => map.get("unified").or_else(|| map.get("type")).map(finish_reasons).unwrap_or_default(),
        _ => Vec::new(),
    }
}

fn canonical(text: &str) -> Option<String> {
    // Python prints lists as `['stop']`.
    let text = text.trim().trim_matches(['[', ']', '\'', '"']);
    // Enum members: `FinishReason.STOP`, `FINISH_REASON_STOP`.
    let word = text.rsplit('.').next().unwrap_or(text).to_ascii_lowercase();
    let word = word.strip_prefix("finish_reason_").unwrap_or(&word);
    if is_empty_text(word) || matches!(word, "none" | "null" | "unspecified") {
        return None;
    }
    let canonical = match word {
        "stop" | "end_turn" | "endturn" | "stop_sequence" | "eos" | "end" => "stop",
        "completed" | "complete" => COMPLETED,
        "length" | "max_tokens" | "max_output_tokens" | "model_context_window_exceeded" => "length",
        "tool_calls" | "tool_call" | "tool_use" | "tool-calls" | "tool-call" | "function_call" | "function_calls" => {
            "tool_call"
        }
        "content_filter" | "content-filter" | "safety" | "refusal" | "guardrail_intervened" | "content_filtered" => {
            "content_filter"
        }
        "error" | "failed" => "error",
        other => other,
    };
    Some(canonical.to_owned())
}

#[cfg(test)]
mod tests;
