//! NeMo-RL: `context` with two ranked completions, and OpenAI-like conversations with argument objects.

use serde_json::json;

use super::{Row, Unfit, conversation, one_message, row as columns_of};
use crate::{
    Kind,
    dataset::{Column, Columns, JSON_LIST},
    example::{Content, Example},
};

pub(crate) const NOTES: &str = "- Pairs are for NeMo-RL's `PreferenceDataset`: the lowest rank wins. Conversations are for `openai_format`; set \
    `use_preserving_dataset: true`, or nulls are put into tool arguments.\n\
    - All assistant messages of a conversation are trained on. Split validation by these files, not by its row-wise option. \
    Where rows come from is in `provenance.jsonl`, line by line.\n";

pub(crate) fn columns(kind: Kind, name: &str) -> Option<Columns> {
    match kind {
        Kind::Sft | Kind::Trajectory | Kind::Revisions => Some(&[("messages", JSON_LIST), ("tools", JSON_LIST)]),
        Kind::Preference | Kind::Reward if matches!(name, "preference" | "reward") => {
            Some(&[("context", JSON_LIST), ("completions", JSON_LIST), ("task_name", Column::Text)])
        }
        _ => None,
    }
}

pub(crate) fn row(example: &Example) -> Result<Row, Unfit> {
    if let Content::Pair { prompt, chosen, rejected } = &example.content {
        let ranked = [(0, chosen), (1, rejected)]
            .map(|(rank, side)| Ok(json!({"rank": rank, "completion": [one_message(side)?]})));
        let [chosen, rejected] = ranked;
        return Ok(columns_of([
            ("context", json!(prompt)),
            ("completions", json!([chosen?, rejected?])),
            ("task_name", json!("gleaner")),
        ]));
    }
    let (messages, _) = conversation(example).ok_or_else(Unfit::content)?;
    Ok(columns_of([("messages", json!(messages)), ("tools", json!(example.tools))]))
}
