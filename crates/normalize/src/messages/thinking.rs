//! Reasoning that stands in the text itself: `<think>…</think>` before the answer, as open models served without a reasoning
//! parser write it.

use gleaner_model::{Message, Part};

/// Tags that models put around their reasoning (Qwen, DeepSeek; older fine-tunes).
const TAGS: [(&str, &str); 2] = [("<think>", "</think>"), ("<thinking>", "</thinking>")];

/// Takes reasoning at the very beginning of an assistant's first text out into a part of its own. A tag further on is what the
/// model writes about, one that is not closed was cut off: both stay. So does all of a message that shows its reasoning already.
pub(crate) fn separate_thinking(message: &mut Message) {
    if message.role != "assistant" || message.parts.iter().any(Part::is_reasoning) {
        return;
    }
    let Some(place) = message.parts.iter().position(|part| matches!(part, Part::Text { .. })) else { return };
    let Part::Text { content } = &message.parts[place] else { return };
    let Some((reasoning, answer)) = split(content) else { return };
    let reasoning = (!reasoning.is_empty()).then(|| Part::reasoning(reasoning));
    let answer = (!answer.is_empty()).then(|| Part::Text { content: answer.to_owned() });
    message.parts.splice(place..=place, reasoning.into_iter().chain(answer));
}

/// The reasoning and what follows it, both without the white space around.
fn split(text: &str) -> Option<(&str, &str)> {
    TAGS.iter().find_map(|(open, close)| {
        let (reasoning, answer) = text.trim_start().strip_prefix(open)?.split_once(close)?;
        Some((reasoning.trim(), answer.trim_start()))
    })
}

#[cfg(test)]
mod tests;
