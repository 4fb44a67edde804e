//! TRL: the canonical form as it is, with scalar columns that its trainers ignore.

use serde_json::Value;

use crate::{
    canonical::write_json,
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

/// Appends all columns in order: those that the example does not have are null.
pub(crate) fn write(dataset: &Dataset, id: &str, example: &Example, provenance: &str, out: &mut Vec<u8>) {
    for (at, (name, _)) in dataset.columns.iter().enumerate() {
        out.extend_from_slice(if at > 0 { b",\"" } else { b"{\"" });
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":");
        match *name {
            "id" => write_json(id, out),
            "metadata" => write_json(provenance, out),
            "tools" => out.extend_from_slice(example.tools.json().as_bytes()),
            "prompt_characters" | "characters" => write_json(&characters(example.prompt()), out),
            "completion_characters" | "chosen_characters" => {
                write_json(&characters(example.completions().first().unwrap_or(&&[][..])), out);
            }
            "rejected_characters" => {
                write_json(&characters(example.completions().get(1).unwrap_or(&&[][..])), out);
            }
            "output" => write_json(&text(example.prompt().iter().rev().nth(1)), out),
            "directive" => write_json(&text(example.prompt().last()), out),
            "better_output" => write_json(&text(completion(example)), out),
            _ => of_content(name, example, out),
        }
    }
    out.push(b'}');
}

/// Messages, else a fact.
fn of_content(name: &str, example: &Example, out: &mut Vec<u8>) {
    match &example.content {
        Content::List { completions, .. } if name == "completions" => write_json(completions, out),
        Content::List { ranks, .. } if name == "ranks" => write_json(ranks, out),
        _ => match example.parts().into_iter().find(|(part, _)| *part == name) {
            Some((_, messages)) => write_json(messages, out),
            None => write_json(example.facts.get(name).unwrap_or(&Value::Null), out),
        },
    }
}

fn completion(example: &Example) -> Option<&ChatMessage> {
    match &example.content {
        Content::Completion { completion, .. } => completion.last(),
        _ => None,
    }
}

fn text(message: Option<&ChatMessage>) -> Option<&str> {
    message.map(|message| message.content.as_str())
}

fn characters(messages: &[ChatMessage]) -> usize {
    messages.iter().map(ChatMessage::characters).sum()
}
