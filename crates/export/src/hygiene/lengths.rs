//! Length limits: a row over a limit is left out with a reason, never cut.
//!
//! Bytes and tokens are those of the texts that a template renders (content, reasoning, names and arguments of calls),
//! without the template's own marks: a trainer's count is higher by some tokens per message.

use std::path::Path;

use tokenizers::Tokenizer;

use crate::{
    ExportError, Reason,
    conversation::ChatMessage,
    dataset::Dataset,
    example::{Content, Example},
    stage::Stage,
};

/// The stage.
pub(crate) struct Lengths {
    max_prompt_bytes: Option<u64>,
    max_completion_bytes: Option<u64>,
    max_tokens: Option<(u64, Box<dyn CountTokens>)>,
}

/// Counts the tokens of a text.
pub(crate) trait CountTokens: Send {
    /// None: the text cannot be encoded.
    fn count(&self, text: &str) -> Option<u64>;
}

impl Lengths {
    pub(crate) fn new(max_prompt_bytes: Option<u64>, max_completion_bytes: Option<u64>) -> Self {
        Self { max_prompt_bytes, max_completion_bytes, max_tokens: None }
    }

    /// `max_tokens`: of prompt and completion together; of a pair, of the longer side.
    pub(crate) fn with_tokens(mut self, max_tokens: u64, tokens: Box<dyn CountTokens>) -> Self {
        self.max_tokens = Some((max_tokens, tokens));
        self
    }

    fn check(&self, example: &Example) -> Result<(), (Reason, String)> {
        let over = |reason: Reason, length: u64, limit: u64, unit: &str| {
            if length > limit { Err((reason, format!("{length} {unit}, {limit} allowed"))) } else { Ok(()) }
        };
        let (prompt, completions) = divided(example);
        if let Some(limit) = self.max_prompt_bytes {
            over(Reason::PromptTooLong, prompt.iter().map(|message| bytes(message)).sum(), limit, "bytes")?;
        }
        if let Some(limit) = self.max_completion_bytes {
            let longest = completions.iter().map(|side| side.iter().map(|message| bytes(message)).sum()).max();
            over(Reason::CompletionTooLong, longest.unwrap_or(0), limit, "bytes")?;
        }
        if let Some((limit, tokens)) = &self.max_tokens {
            let count = |messages: &[&ChatMessage]| {
                let texts = messages.iter().flat_map(|message| texts(message));
                texts.map(|text| tokens.count(&text)).sum::<Option<u64>>()
            };
            let sides: Option<Vec<u64>> = completions.iter().map(|side| count(side)).collect();
            let (Some(prompt), Some(sides)) = (count(&prompt), sides) else {
                return Err((Reason::NotTokenizable, "the tokenizer refuses a text".to_owned()));
            };
            over(Reason::TooManyTokens, prompt + sides.into_iter().max().unwrap_or(0), *limit, "tokens")?;
        }
        Ok(())
    }
}

impl Stage for Lengths {
    fn pass(&mut self, _dataset: &'static Dataset, example: &mut Example) -> Result<(), Reason> {
        self.check(example).map_err(|(reason, detail)| {
            example.provenance.detail = Some(detail);
            reason
        })
    }
}

/// Prompt and completions; of a conversation that is not divided the assistant's messages are the completion.
fn divided(example: &Example) -> (Vec<&ChatMessage>, Vec<Vec<&ChatMessage>>) {
    match &example.content {
        Content::Messages(messages) => {
            let (completion, prompt) = messages.iter().partition(|message| message.role == "assistant");
            (prompt, vec![completion])
        }
        _ => {
            let completions = example.completions().into_iter().map(|side| side.iter().collect()).collect();
            (example.prompt().iter().collect(), completions)
        }
    }
}

fn texts(message: &ChatMessage) -> Vec<String> {
    let mut out = vec![message.content.clone()];
    out.extend(message.reasoning_content.clone());
    for call in &message.tool_calls {
        out.push(call.function.name.clone());
        out.push(serde_json::to_string(&call.function.arguments).unwrap_or_default());
    }
    out
}

fn bytes(message: &ChatMessage) -> u64 {
    texts(message).iter().map(|text| text.len() as u64).sum()
}

/// A `tokenizer.json` as Hugging Face's libraries write it.
pub(crate) struct TokenizerFile(Tokenizer);

impl TokenizerFile {
    pub(crate) fn from_bytes(file: &Path, bytes: &[u8]) -> Result<Self, ExportError> {
        Tokenizer::from_bytes(bytes).map(Self).map_err(|e| ExportError::Option {
            option: "tokenizer",
            message: format!("{} is no tokenizer.json: {e}", file.display()),
        })
    }
}

impl CountTokens for TokenizerFile {
    fn count(&self, text: &str) -> Option<u64> {
        // Without offsets and without the marks of a whole sequence.
        self.0.encode_fast(text, false).ok().map(|encoding| encoding.len() as u64)
    }
}

#[cfg(test)]
mod tests;
