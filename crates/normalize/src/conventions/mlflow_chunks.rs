//! The answer in the chunks of a stream, which MLflow records as span events (`mlflow.chunk.item.<n>`).
//!
//! Needed where the recorded output lacks what the stream said: MLflow leaves tool calls out of the answer that it puts
//! together. Chunks of OpenAI's chat and Responses API, of Anthropic and of Bedrock.

use std::collections::BTreeMap;

use gleaner_model::{Message, Part, SpanFragment};
use serde_json::{Map, Value, json};

use super::bodies;
use crate::mapped::Mapped;
use crate::value::structured;

/// What the chunks add up to, where that is more than the recorded output: there is none, or it lacks tool calls. MLflow puts
/// text beside which tools are asked for together as an answer that stopped.
pub(super) fn fuller_response(span: &SpanFragment, recorded: Option<&[Message]>) -> Option<Mapped> {
    if let Some(streamed) = bedrock_response(span) {
        return Some(streamed);
    }
    let asks = |messages: &[Message]| {
        messages.iter().flat_map(|message| &message.parts).any(|part| matches!(part, Part::ToolCall { .. }))
    };
    if recorded.is_some_and(asks) {
        return None;
    }
    let streamed = response(span);
    let says_more = recorded.is_none() || streamed.output_messages.as_deref().is_some_and(asks);
    (says_more && streamed.output_messages.is_some()).then_some(streamed)
}

/// What the chunks add up to; nothing where one is missing.
fn response(span: &SpanFragment) -> Mapped {
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

/// The answer in the events of Bedrock's `ConverseStream`, which are named by their kind. The output that MLflow makes of them
/// lacks reasoning, and runs the arguments of parallel calls together.
fn bedrock_response(span: &SpanFragment) -> Option<Mapped> {
    let [_, dropped_events, _] = span.dropped_counts;
    let mut events: Vec<(u64, &str, Value)> = span
        .events
        .iter()
        .filter(|event| matches!(event.name.as_str(), "contentBlockStart" | "contentBlockDelta" | "messageStop"))
        .filter_map(|event| {
            Some((event.time_unix_nano, event.name.as_str(), structured(event.attributes.get("json")?)))
        })
        .collect();
    events.sort_by_key(|(time, ..)| *time);
    let mut blocks: BTreeMap<u64, Block> = BTreeMap::new();
    let mut stop_reason = None;
    for (_, name, event) in &events {
        if *name == "messageStop" {
            stop_reason = event.get("stopReason").cloned();
            continue;
        }
        let block = blocks.entry(event["contentBlockIndex"].as_u64()?).or_default();
        if let Some(call) = event.pointer("/start/toolUse") {
            block.call = Some(call.clone());
        }
        let delta = &event["delta"];
        append(&mut block.text, &delta["text"]);
        append(&mut block.reasoning, &delta["reasoningContent"]["text"]);
        append(&mut block.arguments, &delta["toolUse"]["input"]);
    }
    if dropped_events > 0 || blocks.is_empty() || stop_reason.is_none() {
        return None;
    }
    let content: Value = blocks.into_values().map(Block::into_content).collect();
    let message = json!({"role": "assistant", "content": content});
    let read = bodies::response(&json!({"output": {"message": message}, "stopReason": stop_reason}));
    read.output_messages.is_some().then_some(read)
}

/// One block of Bedrock's in the making.
#[derive(Default)]
struct Block {
    text: String,
    reasoning: String,
    call: Option<Value>,
    arguments: String,
}

impl Block {
    fn into_content(self) -> Value {
        match self.call {
            Some(call) => json!({"toolUse": {
                "toolUseId": call["toolUseId"], "name": call["name"], "input": self.arguments}}),
            None if !self.reasoning.is_empty() => {
                json!({"reasoningContent": {"reasoningText": {"text": self.reasoning}}})
            }
            None => json!({"text": self.text}),
        }
    }
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
