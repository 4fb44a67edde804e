//! verl: Parquet for its reinforcement trainer, its multi-turn SFT trainer and its reward models.
//!
//! pandas reads the files: free JSON would come back as undecoded text, so messages are plain structs with `arguments` as
//! a JSON string.

use serde_json::{Value, json};

use super::{Row, Unfit, conversation, one_message, row as columns_of, with_string_arguments};
use crate::{
    Kind,
    dataset::{Column, Columns},
    example::{Content, Example},
};

pub(crate) const NOTES: &str = "- Parquet for verl. `messages` and `prompt` are structs; `arguments` of tool calls is a JSON string, so check that \
    your chat template takes strings. Absent keys read as null. Reasoning is left out.\n\
    - verl hands a column `tools` to the template as it reads it, where structs put nulls into schemas and texts fail. So the schemas are in \
    `tools_json`, which it does not look at: show them in your template or system prompt where rows call tools.\n\
    - verl's SFT trainer learns all assistant messages of a row. `data_source` names the project, to pick the reward function; \
    `reward_model.ground_truth` is an answer known to be good, or empty.\n\
    - Where rows come from is in `extra_info`, or in `provenance.jsonl`, line by line.\n";

const FUNCTION: Columns = &[("name", Column::Text), ("arguments", Column::Text)];
const CALL: Columns = &[("id", Column::Text), ("type", Column::Text), ("function", Column::Struct(FUNCTION))];
const MESSAGE: Columns = &[
    ("role", Column::Text),
    ("content", Column::Text),
    ("tool_calls", Column::List(&Column::Struct(CALL))),
    ("tool_call_id", Column::Text),
];
const MESSAGES: Column = Column::List(&Column::Struct(MESSAGE));

pub(crate) fn columns(kind: Kind, name: &str) -> Option<Columns> {
    match kind {
        Kind::Sft | Kind::Trajectory | Kind::Revisions => Some(&[("messages", MESSAGES), ("tools_json", Column::Text)]),
        Kind::Reward if name == "reward" => {
            Some(&[("prompt", Column::Text), ("chosen", Column::Text), ("rejected", Column::Text)])
        }
        Kind::Prompts => Some(&[
            ("data_source", Column::Text),
            ("prompt", MESSAGES),
            ("ability", Column::Text),
            ("reward_model", Column::Struct(&[("style", Column::Text), ("ground_truth", Column::Text)])),
            (
                "extra_info",
                Column::Struct(&[
                    ("id", Column::Text),
                    ("session_id", Column::Text),
                    ("attempt_id", Column::Text),
                    ("tools", Column::Text),
                ]),
            ),
        ]),
        _ => None,
    }
}

pub(crate) fn row(id: &str, example: &Example) -> Result<Row, Unfit> {
    let fact = |name: &str| example.facts.get(name).cloned().unwrap_or(Value::Null);
    match &example.content {
        // Its reward models read three plain texts.
        Content::Pair { prompt, chosen, rejected } => {
            let [question] = prompt.as_slice() else {
                return Err(Unfit::inexpressible("the prompt has more than one message"));
            };
            let sides = [one_message(chosen)?, one_message(rejected)?];
            if sides.iter().any(|side| !side.tool_calls.is_empty()) {
                return Err(Unfit::inexpressible("a side of the pair has tool calls"));
            }
            let [chosen, rejected] = sides.map(|side| json!(side.content));
            Ok(columns_of([("prompt", json!(question.content)), ("chosen", chosen), ("rejected", rejected)]))
        }
        Content::Prompt(prompt) => Ok(columns_of([
            ("data_source", json!(format!("gleaner/{}", example.provenance.project))),
            ("prompt", prompt.iter().map(with_string_arguments).map(Value::Object).collect()),
            ("ability", json!("agent")),
            ("reward_model", json!({"style": "model", "ground_truth": fact("reference").as_str().unwrap_or_default()})),
            (
                "extra_info",
                json!({
                    "id": id, "session_id": fact("session_id"), "attempt_id": fact("attempt_id"),
                    "tools": json!(example.tools).to_string(),
                }),
            ),
        ])),
        _ => {
            let (messages, _) = conversation(example).ok_or_else(Unfit::content)?;
            let messages = messages.into_iter().map(with_string_arguments).map(Value::Object);
            Ok(columns_of([("messages", messages.collect()), ("tools_json", json!(json!(example.tools).to_string()))]))
        }
    }
}
