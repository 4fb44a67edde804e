//! The one canonical form of a training example: what all kinds are shaped into and all formats are written from.
//!
//! Pure. An example names its messages, the scalar facts beside them, and where it comes from; it knows no file format.

use serde_json::{Map, Value};

use crate::{Reason, conversation::ChatMessage, provenance::Provenance, read::AttemptRow, tools::Tools};

/// One example on its way from an attempt to a row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Example {
    pub(crate) content: Content,
    /// `[{"type":"function","function":{…}}]`; empty where there are none.
    pub(crate) tools: Tools,
    /// Scalar columns by name: `score`, `margin`, `label`, `origin`, ids …
    pub(crate) facts: Map<String, Value>,
    pub(crate) provenance: Provenance,
    /// Two examples of one content and opposite opinions: who stands behind this one.
    pub(crate) opinion: Option<Opinion>,
    /// Of equal examples the one with the lowest stays; the ids of the provenance decide among equals.
    pub(crate) precedence: u8,
}

/// The messages of an example. A prompt is never empty and ends with a user or tool message; a completion ends with an
/// assistant message.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    /// A whole conversation, every assistant message of which may be trained on.
    Messages(Vec<ChatMessage>),
    /// What a model is asked, without an answer.
    Prompt(Vec<ChatMessage>),
    /// A prompt and what is trained on.
    Completion { prompt: Vec<ChatMessage>, completion: Vec<ChatMessage> },
    /// A prompt and two completions, the better one first.
    Pair { prompt: Vec<ChatMessage>, chosen: Vec<ChatMessage>, rejected: Vec<ChatMessage> },
    /// A prompt and completions with their ranks; 1 is best.
    List { prompt: Vec<ChatMessage>, completions: Vec<Vec<ChatMessage>>, ranks: Vec<i64> },
}

/// One opinion on a content that may also be judged the other way round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Opinion {
    /// Hash of the content whichever opinion is held of it.
    pub(crate) content: u128,
    /// Which of the two opinions this is.
    pub(crate) is_first: bool,
    /// Hashes of those who hold it, distinct.
    pub(crate) reviewers: Vec<u64>,
}

/// What becomes of one candidate: an example, or the reason why there is none.
pub(crate) type Candidate = Result<Example, Rejection>;

/// A candidate that is left out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rejection {
    pub(crate) reason: Reason,
    pub(crate) provenance: Box<Provenance>,
}

impl Rejection {
    pub(crate) fn new(reason: Reason, provenance: Provenance) -> Self {
        Self { reason, provenance: Box::new(provenance) }
    }
}

/// An example of this content, or the rejection of the candidate.
pub(crate) fn candidate(shaped: Result<(Content, Tools), Reason>, provenance: Provenance) -> Candidate {
    match shaped {
        Ok((content, tools)) => Ok(Example::new(content, tools, provenance)),
        Err(reason) => Err(Rejection::new(reason, provenance)),
    }
}

impl Example {
    pub(crate) fn new(content: Content, tools: impl Into<Tools>, provenance: Provenance) -> Self {
        Self { content, tools: tools.into(), facts: Map::new(), provenance, opinion: None, precedence: 0 }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }

    /// The columns that name the attempt.
    pub(crate) fn of_attempt(self, row: &AttemptRow) -> Self {
        self.with("session_id", row.session_id.as_str())
            .with("attempt_id", row.attempt_id.as_str())
            .with("trace_id", row.trace_ids.first().map(String::as_str))
    }

    /// Lists of messages by column name: what a trainer sees, in the order of a conversation.
    pub(crate) fn parts(&self) -> Vec<(&'static str, &[ChatMessage])> {
        match &self.content {
            Content::Messages(messages) => vec![("messages", messages)],
            Content::Prompt(prompt) => vec![("prompt", prompt)],
            Content::Completion { prompt, completion } => vec![("prompt", prompt), ("completion", completion)],
            Content::Pair { prompt, chosen, rejected } => {
                vec![("prompt", prompt), ("chosen", chosen), ("rejected", rejected)]
            }
            Content::List { prompt, completions, .. } => {
                let lists = completions.iter().map(|completion| ("completions", completion.as_slice()));
                std::iter::once(("prompt", prompt.as_slice())).chain(lists).collect()
            }
        }
    }

    /// The messages of the prompt, or of the whole conversation where it is not divided.
    pub(crate) fn prompt(&self) -> &[ChatMessage] {
        match &self.content {
            Content::Messages(messages) => messages,
            Content::Prompt(prompt)
            | Content::Completion { prompt, .. }
            | Content::Pair { prompt, .. }
            | Content::List { prompt, .. } => prompt,
        }
    }

    /// What is trained on, after the prompt: one list, the two sides of a pair, every completion of a ranking.
    pub(crate) fn completions(&self) -> Vec<&[ChatMessage]> {
        self.parts().into_iter().filter(|(name, _)| !matches!(*name, "prompt" | "messages")).map(|(_, m)| m).collect()
    }

    /// Every message, to be rewritten in place (redaction).
    pub(crate) fn messages_mut(&mut self) -> Vec<&mut ChatMessage> {
        match &mut self.content {
            Content::Messages(messages) | Content::Prompt(messages) => messages.iter_mut().collect(),
            Content::Completion { prompt, completion } => prompt.iter_mut().chain(completion).collect(),
            Content::Pair { prompt, chosen, rejected } => prompt.iter_mut().chain(chosen).chain(rejected).collect(),
            Content::List { prompt, completions, .. } => {
                prompt.iter_mut().chain(completions.iter_mut().flatten()).collect()
            }
        }
    }

    /// The content as JSON by column name.
    #[cfg(test)]
    pub(crate) fn content_json(&self) -> Map<String, Value> {
        use serde_json::json;
        let mut out = Map::new();
        match &self.content {
            Content::List { prompt, completions, ranks } => {
                out.insert("prompt".into(), json!(prompt));
                out.insert("completions".into(), json!(completions));
                out.insert("ranks".into(), json!(ranks));
            }
            _ => out.extend(self.parts().into_iter().map(|(name, messages)| (name.to_owned(), json!(messages)))),
        }
        out.insert("tools".into(), json!(self.tools));
        out
    }
}
