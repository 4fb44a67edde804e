//! `trajectory`: the whole attempt as chain of thought.

use std::collections::HashMap;

use gleaner_model::{Message, canonical_json};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    ExportError, Options, Reason, Rows,
    answer::{Answers, check_status},
    conversation::{ChatMessage, conversation},
    dataset::TRAJECTORY,
    provenance::Provenance,
    read::{self, ConversationRow, Which},
    sft::{characters, example, overall, score},
    writer::{Writer, rounded, row_id},
};

#[derive(Serialize)]
struct TrajectoryRow<'a> {
    messages: &'a [ChatMessage],
    tools: &'a [Value],
    id: &'a str,
    session_id: &'a str,
    attempt_id: &'a str,
    trace_id: Option<&'a String>,
    status: &'a str,
    score: Option<f64>,
    assistant_messages: usize,
    characters: usize,
    metadata: String,
}

pub(crate) fn write(
    rows: &dyn Rows,
    options: &Options,
    answers: &Answers,
    writer: &mut Writer<'_>,
) -> Result<(), ExportError> {
    writer.begin(&TRAJECTORY)?;
    let feedback = answers.scores_by_attempt();
    read::conversations(rows, options, Which::All, &mut |row| {
        let scores = feedback.get(row.attempt.attempt_id.as_str()).map(|scores| overall(scores)).unwrap_or_default();
        let mut provenance = Provenance::of(&row.attempt);
        scores.iter().for_each(|score| provenance.add_score(score));
        let (messages, tools) = match trajectory(&row, options) {
            Ok(shaped) => shaped,
            Err(reason) => return writer.candidate(Err::<(String, TrajectoryRow<'_>), _>(reason), &provenance),
        };
        let id = row_id(&TRAJECTORY, &json!({"messages": messages, "tools": tools}));
        let line = TrajectoryRow {
            messages: &messages,
            tools: &tools,
            id: &id,
            session_id: &row.attempt.session_id,
            attempt_id: &row.attempt.attempt_id,
            trace_id: row.attempt.trace_ids.first(),
            status: &row.attempt.status,
            score: score(&scores, options.score_rule).map(rounded),
            assistant_messages: messages.iter().filter(|message| message.role == "assistant").count(),
            characters: characters(&messages),
            metadata: provenance.to_json(),
        };
        writer.candidate(Ok((id.clone(), line)), &provenance)
    })
}

/// Pure: all messages of an attempt, and its tools.
fn trajectory(row: &ConversationRow, options: &Options) -> Result<(Vec<ChatMessage>, Vec<Value>), Reason> {
    check_status(&row.attempt, options)?;
    let example = example(row, options)?;
    let mut messages = example.prompt;
    messages.push(example.completion?);
    if options.reasoning {
        restore_reasoning(&mut messages, &row.thoughtful);
    }
    Ok((messages, example.tools))
}

/// Most APIs drop earlier reasoning from the history that the last call was given. Where exactly one call of the attempt
/// wrote a message of this content, its reasoning is put back.
fn restore_reasoning(messages: &mut [ChatMessage], outputs: &[Vec<Message>]) {
    let mut thoughts: HashMap<String, Option<String>> = HashMap::new();
    for output in outputs {
        for message in conversation(None, output, true).map(|c| c.messages).unwrap_or_default() {
            let Some(thought) = message.reasoning_content.clone() else { continue };
            let same = |known: &mut Option<String>| {
                if known.as_ref() != Some(&thought) {
                    *known = None;
                }
            };
            thoughts.entry(said(&message)).and_modify(same).or_insert_with(|| Some(thought.clone()));
        }
    }
    for message in messages.iter_mut().filter(|m| m.role == "assistant" && m.reasoning_content.is_none()) {
        message.reasoning_content = thoughts.get(&said(message)).cloned().flatten();
    }
}

/// What a message says apart from its reasoning and the ids of its calls.
fn said(message: &ChatMessage) -> String {
    let calls: Vec<_> = message.tool_calls.iter().map(|call| &call.function).collect();
    canonical_json(&json!([message.content, calls]))
}

#[cfg(test)]
mod tests;
