//! Axolotl: `chat_template` for conversations, `chat_template.default` for pairs.

use serde_json::{Value, json};

use super::{Row, Unfit, conversation, one_message, plain, row as columns_of};
use crate::{
    Kind,
    conversation::ChatMessage,
    dataset::{Column, Columns, JSON_LIST},
    example::{Content, Example},
};

pub(crate) const NOTES: &str = "- Conversations are for `type: chat_template` with `message_field_training: train`: assistant messages with \
    `train` false are context. Pairs are for `type: chat_template.default`.\n\
    - Of a pair's sides Axolotl reads role and content of one message, and drops tool calls: pairs that have more than a text \
    there are in `rejected.jsonl` (`not_expressible`). Where rows come from is in `provenance.jsonl`, line by line.\n";

pub(crate) fn columns(kind: Kind) -> Option<Columns> {
    match kind {
        Kind::Sft | Kind::Trajectory | Kind::Revisions => Some(&[("messages", JSON_LIST), ("tools", JSON_LIST)]),
        Kind::Preference => Some(&[("messages", JSON_LIST), ("chosen", Column::Json), ("rejected", Column::Json)]),
        _ => None,
    }
}

pub(crate) fn row(example: &Example) -> Result<Row, Unfit> {
    if let Content::Pair { prompt, chosen, rejected } = &example.content {
        let has_calls = |message: &ChatMessage| !message.tool_calls.is_empty() || message.role == "tool";
        if prompt.iter().chain(chosen).chain(rejected).any(has_calls) {
            return Err(Unfit::inexpressible("the pair has tool calls or results"));
        }
        let context: Vec<Row> = prompt.iter().map(plain).collect();
        return Ok(columns_of([
            ("messages", json!(context)),
            ("chosen", json!(plain(one_message(chosen)?))),
            ("rejected", json!(plain(one_message(rejected)?))),
        ]));
    }
    let (messages, learned) = conversation(example).ok_or_else(Unfit::content)?;
    let marked = messages.into_iter().enumerate().map(|(at, message)| {
        let mut message = json!(message);
        message["train"] = json!(message["role"] == "assistant" && at >= learned);
        message
    });
    Ok(columns_of([("messages", Value::Array(marked.collect())), ("tools", json!(example.tools))]))
}
