//! Formats: the canonical example as the row that one family of readers takes. One small file per format; what all of
//! them need is here.
//!
//! Pure. A format names its columns per dataset, or that it has none for it; and makes a row, or tells that this one
//! cannot be carried. What a format's rows cannot hold of provenance goes to `provenance.jsonl`.

mod atif;
mod axolotl;
mod host;
mod nemo_rl;
mod openai;
mod sharegpt;
mod tinker;
mod trl;
mod verl;

use serde_json::{Map, Value, json};

use crate::{
    Format, Kind, Reason, Section,
    conversation::ChatMessage,
    dataset::{Columns, Dataset},
    example::{Content, Example},
};

pub use host::Host;

/// One row by column.
pub(crate) type Row = Map<String, Value>;

impl Format {
    /// Whether this format can express rows of `kind`.
    pub(crate) fn takes(self, kind: Kind) -> bool {
        match Dataset::main(kind, crate::Shape::Attempt) {
            Some(main) => self.columns(main).is_some(),
            None => true,
        }
    }

    pub(crate) fn takes_parquet(self) -> bool {
        matches!(self, Self::Trl | Self::Verl)
    }

    /// The columns of a dataset's rows, in order; none where the format has no such rows.
    pub(crate) fn columns(self, dataset: &Dataset) -> Option<Columns> {
        match self {
            Self::Trl => Some(dataset.columns),
            Self::Openai => openai::columns(dataset.kind),
            Self::Sharegpt => sharegpt::columns(dataset.kind, dataset.name),
            Self::Axolotl => axolotl::columns(dataset.kind),
            Self::Verl => verl::columns(dataset.kind, dataset.name),
            Self::NemoRl => nemo_rl::columns(dataset.kind, dataset.name),
            Self::Tinker => tinker::columns(dataset.kind),
            Self::Atif => atif::columns(dataset.kind),
        }
    }

    /// Appends the example as a row. `provenance` is the JSON of the example's own, which is at hand.
    pub(crate) fn write(
        self,
        dataset: &Dataset,
        id: &str,
        example: &Example,
        provenance: &str,
        host: Host,
        out: &mut Vec<u8>,
    ) -> Result<(), Unfit> {
        let row = match self {
            Self::Trl => {
                trl::write(dataset, id, example, provenance, out);
                return Ok(());
            }
            Self::Openai => openai::row(example, host),
            Self::Sharegpt => sharegpt::row(example),
            Self::Axolotl => axolotl::row(example),
            Self::Verl => verl::row(id, example),
            Self::NemoRl => nemo_rl::row(example),
            Self::Tinker => tinker::row(example),
            Self::Atif => atif::row(id, example),
        }?;
        crate::canonical::write_json(&row, out);
        Ok(())
    }

    /// Whether rows name what they were made from.
    pub(crate) fn carries_provenance(self) -> bool {
        self == Self::Trl
    }

    /// What users of the format must know, for the dataset card.
    pub(crate) fn notes(self) -> &'static str {
        match self {
            Self::Trl => trl::NOTES,
            Self::Openai => openai::NOTES,
            Self::Sharegpt => sharegpt::NOTES,
            Self::Axolotl => axolotl::NOTES,
            Self::Verl => verl::NOTES,
            Self::NemoRl => nemo_rl::NOTES,
            Self::Tinker => tinker::NOTES,
            Self::Atif => atif::NOTES,
        }
    }

    /// A file that the format's reader wants beside the rows.
    pub(crate) fn companion(self, sections: &[Section]) -> Option<(&'static str, String)> {
        match self {
            Self::Sharegpt => Some(sharegpt::dataset_info(sections)),
            _ => None,
        }
    }
}

/// A message with `arguments` as a JSON string, as OpenAI's interface writes them.
fn with_string_arguments(message: &ChatMessage) -> Row {
    let mut out = plain(message);
    if !message.tool_calls.is_empty() {
        let calls = message.tool_calls.iter().map(|call| {
            let arguments = Value::Object(call.function.arguments.clone()).to_string();
            json!({"id": call.id, "type": "function", "function": {"name": call.function.name, "arguments": arguments}})
        });
        out.insert("tool_calls".into(), calls.collect());
    }
    if let Some(id) = &message.tool_call_id {
        out.insert("tool_call_id".into(), json!(id));
    }
    out
}

/// Role and content alone.
fn plain(message: &ChatMessage) -> Row {
    Row::from_iter([("role".to_owned(), json!(message.role)), ("content".to_owned(), json!(message.content))])
}

fn row<const N: usize>(columns: [(&str, Value); N]) -> Row {
    columns.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The messages of a conversation to learn from, and from which of them on assistant messages are learned.
fn conversation(example: &Example) -> Option<(Vec<&ChatMessage>, usize)> {
    match &example.content {
        Content::Messages(messages) => Some((messages.iter().collect(), 0)),
        Content::Completion { prompt, completion } => Some((prompt.iter().chain(completion).collect(), prompt.len())),
        _ => None,
    }
}

/// A side of a pair as the one assistant message that many readers take; it may not be more.
fn one_message(side: &[ChatMessage]) -> Result<&ChatMessage, Unfit> {
    match side {
        [message] => Ok(message),
        _ => Err(Unfit::inexpressible("a side of the pair has more than one message")),
    }
}

/// Why a format cannot carry an example.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Unfit {
    pub(crate) reason: Reason,
    /// What of the example it is.
    pub(crate) detail: Option<String>,
}

impl Unfit {
    fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: Some(detail.into()) }
    }

    fn inexpressible(detail: &str) -> Self {
        Self::new(Reason::NotExpressible, detail)
    }

    /// A kind of content that the format has no rows for.
    fn content() -> Self {
        Self { reason: Reason::NotExpressible, detail: None }
    }
}

#[cfg(test)]
mod tests;
