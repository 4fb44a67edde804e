//! What the user asks of hygiene, and the stages that do it.

use std::{collections::HashMap, path::Path};

use serde::{Serialize, Serializer};

use super::{
    contamination::{Benchmarks, MAX_BENCHMARK_BYTES, NGRAM_WORDS},
    lengths::{Lengths, TokenizerFile},
    near_duplicates::NearDuplicates,
    pair_rules::{PairRule, PairRules, SessionLimit},
    prefixes::Prefixes,
    redact::{Pattern, Redact, Redactor},
    splits::{Shares, SplitBy, Splits},
};
use crate::{ExportError, spool::Spool, stage::Stage};

/// A file of the user's: this crate opens none. The manifest tells its name and hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenFile {
    /// File name without its directory.
    pub name: String,
    /// All of it.
    pub bytes: Vec<u8>,
}

impl Serialize for GivenFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let blake3 = blake3::hash(&self.bytes).to_hex().to_string();
        serde_json::json!({"file": self.name, "blake3": blake3}).serialize(serializer)
    }
}

/// How a dataset is split.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SplitOptions {
    /// How much goes where.
    pub shares: Shares,
    /// Another seed is another split.
    pub seed: u64,
    /// What stays together.
    pub by: SplitBy,
}

/// Everything that is asked of hygiene. The defaults leave out only what says nothing new: exact duplicates (always) and
/// conversations that another row begins with.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hygiene {
    /// Absent: one file per dataset.
    pub split: Option<SplitOptions>,
    /// Rows this much alike (Jaccard index of word shingles, 0.5 to 1) go once.
    pub near_duplicates: Option<f64>,
    /// Whole conversations stay although another row begins with them.
    pub keep_prefixes: bool,
    /// Benchmarks whose items no row may hold.
    pub decontaminate: Vec<GivenFile>,
    /// Words of an n-gram that a row must not share with a benchmark.
    pub decontaminate_words: usize,
    /// What becomes pseudonyms.
    pub redact: Vec<Redact>,
    /// What else does.
    pub redact_patterns: Vec<Pattern>,
    /// Secret of the pseudonyms. Not in the manifest, which tells only whether there is one.
    #[serde(rename = "redact_with_salt", serialize_with = "is_given")]
    pub redact_salt: String,
    /// Longest prompt.
    pub max_prompt_bytes: Option<u64>,
    /// Longest completion; of a pair, the longer side.
    pub max_completion_bytes: Option<u64>,
    /// Most tokens of prompt and completion together.
    pub max_tokens: Option<u64>,
    /// Hugging Face's `tokenizer.json`, for `max_tokens`.
    pub tokenizer: Option<GivenFile>,
    /// Which pairs of one comparison are taken.
    pub pairs: PairRule,
    /// Smallest margin of a pair.
    pub min_margin: Option<f64>,
    /// Most pairs of one session.
    pub max_pairs_per_session: Option<u64>,
}

impl Default for Hygiene {
    fn default() -> Self {
        Self {
            split: None,
            near_duplicates: None,
            keep_prefixes: false,
            decontaminate: Vec::new(),
            decontaminate_words: NGRAM_WORDS,
            redact: Vec::new(),
            redact_patterns: Vec::new(),
            redact_salt: String::new(),
            max_prompt_bytes: None,
            max_completion_bytes: None,
            max_tokens: None,
            tokenizer: None,
            pairs: PairRule::All,
            min_margin: None,
            max_pairs_per_session: None,
        }
    }
}

/// First question of a session, by project and session.
pub(crate) type Questions = HashMap<(String, String), String>;

impl Hygiene {
    pub(crate) fn check(&self) -> Result<(), ExportError> {
        if let Some(threshold) = self.near_duplicates.filter(|t| !(0.5..=1.0).contains(t)) {
            return Err(refused("near-duplicates", format!("{threshold} is not a number from 0.5 to 1")));
        }
        if !(4..=100).contains(&self.decontaminate_words) {
            let message = format!("{} is not a number from 4 to 100", self.decontaminate_words);
            return Err(refused("decontaminate-words", message));
        }
        if let Some(file) = self.decontaminate.iter().find(|file| file.bytes.len() as u64 > MAX_BENCHMARK_BYTES) {
            return Err(refused("decontaminate", format!("{} has over {MAX_BENCHMARK_BYTES} bytes", file.name)));
        }
        if let Some(margin) = self.min_margin.filter(|margin| !margin.is_finite()) {
            return Err(refused("min-margin", format!("{margin} is not a number")));
        }
        match (self.max_tokens, &self.tokenizer) {
            (Some(_), None) => Err(refused("max-tokens", "needs --tokenizer FILE".to_owned())),
            (None, Some(_)) => {
                Err(refused("tokenizer", "counts tokens for --max-tokens, which is not given".to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// Whether [`Hygiene::stages`] needs the first questions of sessions.
    pub(crate) fn needs_questions(&self) -> bool {
        self.split.is_some_and(|split| split.by == SplitBy::Question)
    }

    /// The stages in order. Contamination is looked for in what was said, not in pseudonyms; the place of a pair among others
    /// is judged before duplicates go, the number of pairs after.
    pub(crate) fn stages(
        &self,
        questions: Questions,
        scratch: Option<&Path>,
    ) -> Result<Vec<Box<dyn Stage>>, ExportError> {
        let mut out: Vec<Box<dyn Stage>> = Vec::new();
        if !self.decontaminate.is_empty() {
            let mut benchmarks = Benchmarks::new(self.decontaminate_words);
            for file in &self.decontaminate {
                let text = std::str::from_utf8(&file.bytes);
                let text = text.map_err(|_| refused("decontaminate", format!("{} is not UTF-8", file.name)))?;
                benchmarks.add(&file.name, text)?;
            }
            out.push(Box::new(benchmarks));
        }
        if !self.redact.is_empty() || !self.redact_patterns.is_empty() {
            out.push(Box::new(Redactor::new(&self.redact, &self.redact_patterns, &self.redact_salt)?));
        }
        let mut lengths = Lengths::new(self.max_prompt_bytes, self.max_completion_bytes);
        if let (Some(limit), Some(file)) = (self.max_tokens, &self.tokenizer) {
            lengths =
                lengths.with_tokens(limit, Box::new(TokenizerFile::from_bytes(Path::new(&file.name), &file.bytes)?));
        }
        out.push(Box::new(lengths));
        out.push(Box::new(PairRules::new(self.pairs, self.min_margin)));
        if !self.keep_prefixes {
            let scratch = scratch.map(Path::to_owned);
            out.push(Box::new(Prefixes::new(Box::new(move || Spool::new(scratch.as_deref())))));
        }
        if let Some(threshold) = self.near_duplicates {
            let scratch = scratch.map(Path::to_owned);
            out.push(Box::new(NearDuplicates::new(threshold, Box::new(move || Spool::new(scratch.as_deref())))));
        }
        if let Some(limit) = self.max_pairs_per_session {
            out.push(Box::new(SessionLimit::new(limit)));
        }
        if let Some(SplitOptions { shares, seed, by }) = self.split {
            out.push(Box::new(Splits::new(shares, seed, by, questions)));
        }
        Ok(out)
    }
}

fn is_given<S: Serializer>(salt: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bool(!salt.is_empty())
}

fn refused(option: &'static str, message: String) -> ExportError {
    ExportError::Option { option, message }
}

#[cfg(test)]
mod tests;
