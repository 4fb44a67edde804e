//! The answer in the chunks of a stream, which MLflow records as span events (`mlflow.chunk.item.<n>`).
//!
//! Needed where the recorded output lacks what the stream said: MLflow leaves tool calls out of the answer that it puts
//! together. Chunks of OpenAI's chat and Responses API and of Anthropic.

use std::collections::BTreeMap;

use gleaner_model::SpanFragment;
use serde_json::{Map, Value, json};

use super::bodies;
use crate::mapped::Mapped;
use crate::value::structured;

/// What the chunks add up to; nothing where one is missing.
pub(super) fn response(span: &SpanFragment) -> Mapped {
    let [_, dropped_events, _] = span.dropped_counts;
    let mut chunks: BTreeMap<u64, Value> = BTreeMap::new();
    for event in &span.events {
        let index = event.name.strip_prefix("mlflow.chunk.item.").and_then(|index| index.parse().ok());
        if let Some((index, value)) = index.zip(event.attributes.get("mlflow.chunk.value")) {
            chunks.insert(index, chunk(value));
        }
    }
    let is_whole = chunks.keys().copied().eq(0..chunks.len() as u64);
    if chunks.is_empty() || !is_whole || dropped_events > 0 {
        return Mapped::default();
    }
    let mut sum = Sum::default();
    for chunk in chunks.values() {
        // The last event of the Responses API holds all of the answer.
        if let Some(whole) = chunk.get("response").filter(|_| chunk["type"] == "response.completed") {
            return bodies::response(whole);
        }
        sum.add_chat(chunk);
        sum.add_anthropic(chunk);
    }
    bodies::response(&sum.into_message())
}

/// Python prints some chunks as a quoted string.
fn chunk(value: &Value) -> Value {
    let unquoted = value.as_str().and_then(|text| text.strip_prefix('\'')?.strip_suffix('\''));
    unquoted.map_or_else(|| structured(value), |text| structured(&Value::String(text.to_owned())))
}

/// One answer in the making.
#[derive(Default)]
struct Sum {
    thinking: String,
    text: String,
    refusal: String,
    calls: BTreeMap<u64, Call>,
    finish_reason: Option<Value>,
}

#[derive(Default)]
struct Call {
    id: Option<Value>,
    name: String,
    arguments: String,
}

impl Sum {
    fn add_chat(&mut self, chunk: &Value) {
        let Some(choice) = chunk.pointer("/choices/0") else { return };
        let delta = choice.get("delta").unwrap_or(&Value::Null);
        append(&mut self.text, &delta["content"]);
        append(&mut self.refusal, &delta["refusal"]);
        append(&mut self.thinking, &delta["reasoning_content"]);
        for (place, piece) in delta["tool_calls"].as_array().into_iter().flatten().enumerate() {
            let call = self.calls.entry(piece["index"].as_u64().unwrap_or(place as u64)).or_default();
            call.begin(piece);
            append(&mut call.name, &piece["function"]["name"]);
            append(&mut call.arguments, &piece["function"]["arguments"]);
        }
        self.finish(&choice["finish_reason"]);
    }

    fn add_anthropic(&mut self, chunk: &Value) {
        let index = chunk["index"].as_u64().unwrap_or(0);
        match chunk["type"].as_str() {
            Some("content_block_start") if chunk["content_block"]["type"] == "tool_use" => {
                let call = self.calls.entry(index).or_default();
                call.begin(&chunk["content_block"]);
                append(&mut call.name, &chunk["content_block"]["name"]);
            }
            Some("content_block_delta") => {
                let delta = &chunk["delta"];
                append(&mut self.text, &delta["text"]);
                append(&mut self.thinking, &delta["thinking"]);
                if let Some(call) = self.calls.get_mut(&index) {
                    append(&mut call.arguments, &delta["partial_json"]);
                }
            }
            Some("message_delta") => self.finish(&chunk["delta"]["stop_reason"]),
            _ => {}
        }
    }

    fn finish(&mut self, reason: &Value) {
        if reason.is_string() {
            self.finish_reason = Some(reason.clone());
        }
    }

    fn into_message(self) -> Value {
        let mut message = Map::from_iter([("role".to_owned(), json!("assistant"))]);
        for (key, text) in [("content", self.text), ("refusal", self.refusal), ("reasoning_content", self.thinking)] {
            if !text.is_empty() {
                message.insert(key.to_owned(), Value::String(text));
            }
        }
        let calls: Value = self
            .calls
            .into_values()
            .map(|call| json!({"id": call.id, "function": {"name": call.name, "arguments": call.arguments}}))
            .collect();
        message.insert("tool_calls".to_owned(), calls);
        message.insert("finish_reason".to_owned(), json!(self.finish_reason));
        Value::Object(message)
    }
}

impl Call {
    fn begin(&mut self, piece: &Value) {
        if piece["id"].is_string() {
            self.id = Some(piece["id"].clone());
        }
    }
}

fn append(text: &mut String, piece: &Value) {
    text.push_str(piece.as_str().unwrap_or_default());
}

#[cfg(test)]
mod tests;
