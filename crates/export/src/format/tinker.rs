//! Tinker cookbook: conversations with `trainable` marks, and labelled comparisons.

use serde_json::{Value, json};

use super::{Row, Unfit, conversation, row as columns_of, with_string_arguments};
use crate::{
    Kind,
    conversation::ChatMessage,
    dataset::{Column, Columns, JSON_LIST},
    example::{Content, Example},
};

pub(crate) const NOTES: &str = "- Conversations for the Tinker cookbook: `arguments` is a JSON string, `trainable` marks the assistant messages to \
    learn, `content` is a list of parts on every message (its reader fails on a file that mixes \
    lists and texts), reasoning is a `thinking` part. `tools` is beside them for your renderer.\n\
    - The cookbook's renderers want `ToolCall` objects, and its readers of files make none: \
    `message[\"tool_calls\"] = [ToolCall(**call) for call in message[\"tool_calls\"]]`.\n\
    - Pairs are labelled comparisons: completion A is always the better one, label `A`; there are no ties.\n\
    - Its `test_size` splits by row: use separate files. Where rows come from is in `provenance.jsonl`, line by line.\n";

pub(crate) fn columns(kind: Kind) -> Option<Columns> {
    match kind {
        Kind::Sft | Kind::Trajectory | Kind::Revisions => Some(&[("messages", JSON_LIST), ("tools", JSON_LIST)]),
        Kind::Preference => Some(&[("comparison", Column::Json), ("label", Column::Text), ("tools", JSON_LIST)]),
        _ => None,
    }
}

pub(crate) fn row(example: &Example) -> Result<Row, Unfit> {
    if let Content::Pair { prompt, chosen, rejected } = &example.content {
        let list = |messages: &[ChatMessage]| -> Vec<Row> { messages.iter().map(message).collect() };
        let comparison = json!({
            "prompt_conversation": list(prompt), "completion_A": list(chosen), "completion_B": list(rejected),
        });
        return Ok(columns_of([("comparison", comparison), ("label", json!("A")), ("tools", json!(example.tools))]));
    }
    let (messages, learned) = conversation(example).ok_or_else(Unfit::content)?;
    let marked = messages.into_iter().enumerate().map(|(at, one)| {
        let mut out = message(one);
        out.insert("trainable".into(), json!(one.role == "assistant" && at >= learned));
        Value::Object(out)
    });
    Ok(columns_of([("messages", marked.collect()), ("tools", json!(example.tools))]))
}

fn message(message: &ChatMessage) -> Row {
    let mut out = with_string_arguments(message);
    let thought = message.reasoning_content.iter().map(|thought| json!({"type": "thinking", "thinking": thought}));
    let text = (!message.content.is_empty()).then(|| json!({"type": "text", "text": message.content}));
    out.insert("content".into(), thought.chain(text).collect());
    out
}
