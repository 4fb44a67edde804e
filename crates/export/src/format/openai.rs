//! OpenAI's fine-tuning files, which Azure, Fireworks, Together and others copy. No key but those that the hosts know.

use serde_json::{Value, json};

use super::{Host, Row, Unfit, conversation, one_message, row as columns_of};
use crate::{
    Kind,
    conversation::ChatMessage,
    dataset::{Column, Columns, JSON_LIST},
    example::{Content, Example},
};

pub(crate) const NOTES: &str = "- The form of OpenAI's fine-tuning files: `arguments` is a JSON string, `weight` 0 marks assistant messages \
    that are not to be trained on. Ids of tool calls are nine letters and digits, as Mistral wants them. Hosts refuse unknown keys: where rows come from is in `provenance.jsonl`, line by line.\n\
    - Reasoning is left out: the form has no place for it, save with `--host fireworks`.\n\
    - `--host` leaves out what the host's own checker refuses (`refused_by_host`, with what it is). Together's takes no tools: rows that \
    call some are left out, and those that call none do not say which there were.\n\
    - OpenAI and Azure want 10 rows at least, Fireworks 3.\n\
    - `prompts` are rows for reinforcement fine-tuning; graders read `reference_answer` as `{{item.reference_answer}}`.\n";

pub(crate) fn columns(kind: Kind) -> Option<Columns> {
    match kind {
        Kind::Sft | Kind::Trajectory | Kind::Revisions => Some(&[("messages", JSON_LIST), ("tools", JSON_LIST)]),
        Kind::Preference => {
            Some(&[("input", Column::Json), ("preferred_output", JSON_LIST), ("non_preferred_output", JSON_LIST)])
        }
        Kind::Prompts => Some(&[("messages", JSON_LIST), ("tools", JSON_LIST), ("reference_answer", Column::Text)]),
        _ => None,
    }
}

pub(crate) fn row(example: &Example, host: Host) -> Result<Row, Unfit> {
    let tools = host.tools(&example.tools);
    let message_of = |message: &ChatMessage| message_for(message, host);
    for messages in example.parts() {
        host.check(&messages.1.iter().collect::<Vec<_>>(), &tools)?;
    }
    match &example.content {
        Content::Pair { prompt, chosen, rejected } => {
            let side = |side: &[ChatMessage]| Ok(json!([message_of(one_message(side)?)]));
            let messages: Vec<Row> = prompt.iter().map(message_of).collect();
            let mut input = columns_of([("messages", json!(messages))]);
            if host.has_tools() {
                input.extend(columns_of([("tools", json!(tools)), ("parallel_tool_calls", json!(true))]));
            }
            Ok(columns_of([
                ("input", Value::Object(input)),
                ("preferred_output", side(chosen)?),
                ("non_preferred_output", side(rejected)?),
            ]))
        }
        // The last message of a row for reinforcement is the user's.
        Content::Prompt(prompt) if prompt.last().is_none_or(|last| last.role != "user") => {
            Err(Unfit::inexpressible("the prompt ends with a tool's result, and must end with the user"))
        }
        Content::Prompt(prompt) => {
            let messages: Vec<Row> = prompt.iter().map(message_of).collect();
            let mut out = with_tools(json!(messages), &tools);
            let reference = example.facts.get("reference").filter(|text| !text.is_null());
            out.extend(reference.map(|text| ("reference_answer".to_owned(), text.clone())));
            Ok(out)
        }
        _ => {
            let (messages, learned) = conversation(example).ok_or_else(Unfit::content)?;
            host.check(&messages, &tools)?;
            let weighted = messages.into_iter().enumerate().map(|(at, message)| {
                let mut out = message_of(message);
                if message.role == "assistant" {
                    out.insert("weight".into(), json!(u8::from(at >= learned)));
                }
                Value::Object(out)
            });
            Ok(with_tools(weighted.collect(), &tools))
        }
    }
}

/// With ids of calls that Mistral takes too: nine letters and digits. They are hashes of those that were sent, so that a
/// result still names its call.
fn message_for(message: &ChatMessage, host: Host) -> Row {
    let mut message = message.clone();
    for call in &mut message.tool_calls {
        call.id = call.id.as_deref().map(short_id);
    }
    message.tool_call_id = message.tool_call_id.as_deref().map(short_id);
    let mut out = super::with_string_arguments(&message);
    if let Some(thought) = message.reasoning_content.filter(|_| host.has_reasoning()) {
        out.insert("reasoning_content".into(), json!(thought));
    }
    out
}

fn short_id(id: &str) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut rest = crate::case::key(id);
    let digits = (0..9).map(|_| {
        let digit = DIGITS[(rest % 62) as usize];
        rest /= 62;
        char::from(digit)
    });
    digits.collect()
}

/// An empty list of tools is refused by some hosts, and means the same as none.
fn with_tools(messages: Value, tools: &[Value]) -> Row {
    let mut out = columns_of([("messages", messages)]);
    if !tools.is_empty() {
        out.insert("tools".into(), json!(tools));
    }
    out
}
