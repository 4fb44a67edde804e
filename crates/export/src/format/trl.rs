//! TRL: the canonical form as it is, with scalar columns that its trainers ignore.

use serde_json::{Value, json};

use super::Row;
use crate::{
    conversation::ChatMessage,
    dataset::Dataset,
    example::{Content, Example},
};

pub(crate) const NOTES: &str = "- Messages have the form of TRL: `arguments` is an object, `content` is never null, reasoning is `reasoning_content`.\n\
    - `tools` is on every row, empty where the agent had none or the attempts of a row had different ones.\n\
    - `metadata` is JSON text: attempts, traces, spans, feedback and reviewers of the row.\n\
    - Some chat templates refuse what is legal here: Llama 3.1 and 3.2 several tool calls in one message (leave such rows out with \
    `--no-parallel-calls`), gpt-oss a text beside reasoning and calls (`--reasoning drop`), and tools without a description.\n\
    - Lengths are in characters, not tokens: trainers drop or cut rows over their `max_length`, often without a word.\n";

/// All columns in order: those that the example does not have are null.
pub(crate) fn row(dataset: &Dataset, id: &str, example: &Example, mut content: Row) -> Row {
    let mut value = |name: &str| match name {
        "id" => json!(id),
        "metadata" => json!(example.provenance.to_json()),
        "prompt_characters" | "characters" => characters(example.prompt()),
        "completion_characters" | "chosen_characters" => characters(example.completions().first().unwrap_or(&&[][..])),
        "rejected_characters" => characters(example.completions().get(1).unwrap_or(&&[][..])),
        "output" => text(example.prompt().iter().rev().nth(1)),
        "directive" => text(example.prompt().last()),
        "better_output" => text(completion(example)),
        _ => content.remove(name).or_else(|| example.facts.get(name).cloned()).unwrap_or(Value::Null),
    };
    dataset.columns.iter().map(|(name, _)| ((*name).to_owned(), value(name))).collect()
}

fn completion(example: &Example) -> Option<&ChatMessage> {
    match &example.content {
        Content::Completion { completion, .. } => completion.last(),
        _ => None,
    }
}

fn text(message: Option<&ChatMessage>) -> Value {
    json!(message.map(|message| &message.content))
}

fn characters(messages: &[ChatMessage]) -> Value {
    json!(messages.iter().map(ChatMessage::characters).sum::<usize>())
}
