//! Examples for the tests of stages.

use crate::{
    conversation::ChatMessage,
    example::{Content, Example},
    provenance::Provenance,
};

/// One question with one answer.
pub(crate) fn answered(prompt: &str, completion: &str) -> Example {
    let content = Content::Completion {
        prompt: vec![ChatMessage::text("user", prompt)],
        completion: vec![ChatMessage::text("assistant", completion)],
    };
    Example::new(content, Vec::new(), Provenance::default())
}

/// One question with a better and a worse answer.
pub(crate) fn pair(prompt: &str, chosen: &str, rejected: &str) -> Example {
    let content = Content::Pair {
        prompt: vec![ChatMessage::text("user", prompt)],
        chosen: vec![ChatMessage::text("assistant", chosen)],
        rejected: vec![ChatMessage::text("assistant", rejected)],
    };
    Example::new(content, Vec::new(), Provenance::default())
}
