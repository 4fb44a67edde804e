//! What the telemetry shows of the reasoning behind a message, and whether the policy lets it be trained on.
//!
//! Pure. Kinds are noted whether or not the reasoning itself goes along: an answer whose reasoning is hidden is another thing
//! to train on than one that had none.

use gleaner_model::ReasoningKind;
use serde::{Deserialize, Serialize};

use crate::{
    Reason, Reasoning,
    conversation::{ChatMessage, is_redacted},
    example::{Content, Example},
};

/// A set of kinds of reasoning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Kinds(u8);

/// [`ReasoningKind`], and reasoning that an instrumentation took out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    Raw = 1,
    Summary = 2,
    Encrypted = 4,
    Redacted = 8,
}

impl Shown {
    const ALL: [Shown; 4] = [Shown::Raw, Shown::Summary, Shown::Encrypted, Shown::Redacted];

    /// What a part shows; none of an empty one.
    pub(crate) fn of(kind: ReasoningKind, content: &str) -> Option<Self> {
        match kind {
            ReasoningKind::Encrypted => Some(Self::Encrypted),
            _ if content.trim().is_empty() => None,
            _ if is_redacted(content) => Some(Self::Redacted),
            ReasoningKind::Raw => Some(Self::Raw),
            ReasoningKind::Summary => Some(Self::Summary),
        }
    }

    /// The name in provenance and in the manifest.
    fn as_str(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Summary => "summary",
            Self::Encrypted => "encrypted",
            Self::Redacted => "redacted",
        }
    }
}

impl Kinds {
    pub(crate) fn add(&mut self, shown: Shown) {
        self.0 |= shown as u8;
    }

    pub(crate) fn join(&mut self, other: Self) {
        self.0 |= other.0;
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn bits(self) -> u8 {
        self.0
    }

    pub(crate) fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    fn has(self, shown: Shown) -> bool {
        self.0 & shown as u8 != 0
    }

    /// In a fixed order.
    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        Shown::ALL.into_iter().filter(move |shown| self.has(*shown)).map(Shown::as_str)
    }

    fn of(messages: &[ChatMessage]) -> Self {
        let mut out = Self::default();
        messages.iter().for_each(|message| out.join(message.reasoning));
        out
    }
}

/// The kinds behind what is trained on: every completion, or the assistant's part of a whole conversation.
pub(crate) fn kinds(example: &Example) -> Kinds {
    let mut out = Kinds::default();
    trained(example).into_iter().for_each(|messages| out.join(Kinds::of(messages)));
    out
}

/// The reason why the policy does not let this example be trained on, if there is one.
pub(crate) fn check(example: &Example, policy: Reasoning) -> Result<(), Reason> {
    for messages in trained(example) {
        let kinds = Kinds::of(messages);
        let hidden = match () {
            () if kinds.has(Shown::Encrypted) => Some(Reason::ReasoningEncrypted),
            () if kinds.has(Shown::Redacted) => Some(Reason::Redacted),
            () => None,
        };
        if policy.is_raw_only() {
            if kinds.has(Shown::Summary) {
                return Err(Reason::ReasoningSummarized);
            }
            hidden.map_or(Ok(()), Err)?;
        }
        let shows_some = messages.iter().any(|message| message.reasoning_content.is_some());
        if policy.is_required() && !shows_some {
            return Err(hidden.unwrap_or(Reason::NoReasoning));
        }
    }
    Ok(())
}

fn trained(example: &Example) -> Vec<&[ChatMessage]> {
    match &example.content {
        Content::Messages(messages) => vec![messages],
        _ => example.completions(),
    }
}
