//! LLaMA-Factory's sharegpt rows, and the `dataset_info.json` that names them.
//!
//! Its reader skips a row that breaks the order of turns with a warning alone, so rows are checked here: user and
//! observation at odd places, assistant and calls at even ones.

use serde_json::{Map, Value, json};

use super::{Row, Unfit, row as columns_of};
use crate::{
    Kind, Section,
    conversation::ChatMessage,
    dataset::{Column, Columns, JSON_LIST},
    example::{Content, Example},
};

pub(crate) const NOTES: &str = "- The sharegpt form of LLaMA-Factory: put the folder's path into `dataset_dir`; `dataset_info.json` names the files.\n\
    - All assistant turns of a row are trained on unless `mask_history: true` is set: set it for `sft` and `revisions`.\n\
    - Reasoning stands as `<think>` before the text. A text beside a tool call has no place in this form: such rows are in \
    `rejected.jsonl` (`not_expressible`). Where rows come from is in `provenance.jsonl`, line by line.\n";

/// What LLaMA-Factory joins parallel results with.
const BETWEEN_RESULTS: &str = "\n</tool_response>\n<tool_response>\n";

pub(crate) fn columns(kind: Kind, name: &str) -> Option<Columns> {
    match kind {
        Kind::Sft | Kind::Trajectory | Kind::Revisions => {
            Some(&[("conversations", JSON_LIST), ("system", Column::Text), ("tools", Column::Text)])
        }
        Kind::Kto => Some(&[
            ("conversations", JSON_LIST),
            ("kto_tag", Column::Bool),
            ("system", Column::Text),
            ("tools", Column::Text),
        ]),
        Kind::Preference | Kind::Reward if matches!(name, "preference" | "reward") => Some(&[
            ("conversations", JSON_LIST),
            ("chosen", Column::Json),
            ("rejected", Column::Json),
            ("system", Column::Text),
            ("tools", Column::Text),
        ]),
        _ => None,
    }
}

pub(crate) fn row(example: &Example) -> Result<Row, Unfit> {
    let (system, messages) = match example.prompt() {
        [first, rest @ ..] if first.role == "system" => (first.content.as_str(), rest),
        messages => ("", messages),
    };
    let functions: Vec<&Value> = example.tools.iter().filter_map(|tool| tool.get("function")).collect();
    let tools = if functions.is_empty() { String::new() } else { json!(functions).to_string() };
    let mut turns = turns(messages)?;
    let mut out = match &example.content {
        Content::Messages(_) => columns_of([("conversations", json!(turns))]),
        Content::Completion { completion, .. } => {
            turns.extend(self::turns(completion)?);
            let mut out = columns_of([("conversations", json!(turns))]);
            out.extend(example.facts.get("label").map(|label| ("kto_tag".to_owned(), label.clone())));
            out
        }
        Content::Pair { chosen, rejected, .. } => {
            columns_of([("conversations", json!(turns)), ("chosen", side(chosen)?), ("rejected", side(rejected)?)])
        }
        Content::Prompt(_) | Content::List { .. } => return Err(Unfit::content()),
    };
    check_order(&turns, !matches!(example.content, Content::Pair { .. }))?;
    out.extend(columns_of([("system", json!(system)), ("tools", json!(tools))]));
    Ok(out)
}

fn side(messages: &[ChatMessage]) -> Result<Value, Unfit> {
    match turns(messages)?.as_slice() {
        [turn] => Ok(turn.clone()),
        _ => Err(Unfit::inexpressible("a side of the pair has more than one turn")),
    }
}

fn turns(messages: &[ChatMessage]) -> Result<Vec<Value>, Unfit> {
    let mut out: Vec<Value> = Vec::new();
    let mut results: Vec<&str> = Vec::new();
    for message in messages {
        if message.role == "tool" {
            results.push(&message.content);
            continue;
        }
        out.extend(observation(&mut results));
        out.push(turn(message)?);
    }
    out.extend(observation(&mut results));
    Ok(out)
}

/// Results of parallel calls are one turn.
fn observation(results: &mut Vec<&str>) -> Option<Value> {
    let joined = results.join(BETWEEN_RESULTS);
    let some = !std::mem::take(results).is_empty();
    some.then(|| json!({"from": "observation", "value": joined}))
}

fn turn(message: &ChatMessage) -> Result<Value, Unfit> {
    let thought = |text: String| match &message.reasoning_content {
        Some(thought) => format!("<think>\n{thought}\n</think>\n\n{text}"),
        None => text,
    };
    match message.role {
        "user" => Ok(json!({"from": "human", "value": message.content})),
        "assistant" if message.tool_calls.is_empty() => {
            Ok(json!({"from": "gpt", "value": thought(message.content.clone())}))
        }
        "assistant" if message.content.trim().is_empty() => {
            let calls = message.tool_calls.iter().map(|call| json!(call.function)).collect::<Vec<_>>();
            let value = if let [call] = calls.as_slice() { call.to_string() } else { json!(calls).to_string() };
            Ok(json!({"from": "function_call", "value": thought(value)}))
        }
        "assistant" => Err(Unfit::inexpressible("a text stands beside a tool call")),
        _ => Err(Unfit::inexpressible("a system message stands after the first")),
    }
}

fn check_order(turns: &[Value], ends_with_answer: bool) -> Result<(), Unfit> {
    let asks = |turn: &Value| matches!(turn["from"].as_str(), Some("human" | "observation"));
    let alternates = turns.iter().enumerate().all(|(at, turn)| asks(turn) == at.is_multiple_of(2));
    let is_whole = turns.len().is_multiple_of(2) == ends_with_answer;
    if alternates && is_whole {
        Ok(())
    } else {
        Err(Unfit::inexpressible("turns of user and assistant do not alternate"))
    }
}

/// `dataset_info.json`: one entry per file that has rows, named as the file.
pub(crate) fn dataset_info(sections: &[Section]) -> (&'static str, String) {
    let files =
        sections.iter().flat_map(|section| section.file_names().into_iter().map(move |(_, file, _)| (section, file)));
    let entries = files.map(|(section, file)| {
        let mut columns = Map::new();
        columns.insert("messages".into(), json!("conversations"));
        let mut entry = Map::new();
        entry.insert("file_name".into(), json!(file));
        entry.insert("formatting".into(), json!("sharegpt"));
        match section.kind {
            Kind::Preference | Kind::Reward => {
                entry.insert("ranking".into(), json!(true));
                columns.insert("chosen".into(), json!("chosen"));
                columns.insert("rejected".into(), json!("rejected"));
            }
            Kind::Kto => {
                columns.insert("kto_tag".into(), json!("kto_tag"));
            }
            _ => {}
        }
        columns.insert("system".into(), json!("system"));
        columns.insert("tools".into(), json!("tools"));
        entry.insert("columns".into(), Value::Object(columns));
        let name = file.strip_suffix(".jsonl").unwrap_or(&file).replace('.', "_");
        (name, Value::Object(entry))
    });
    let text = serde_json::to_string_pretty(&entries.collect::<Map<String, Value>>()).unwrap_or_default();
    ("dataset_info.json", text + "\n")
}
