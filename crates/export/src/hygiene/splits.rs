//! Train, validation and test: which side a row is on.
//!
//! Guaranteed: the side depends on the seed and the split's key alone, so it never changes as data grows, and all rows of
//! one key are on one side, in every kind and every export with that seed. The key is the session ([`SplitBy::Session`]),
//! so that siblings of one task are together; or the question that the session began with ([`SplitBy::Question`]), so that
//! sessions that begin alike are together too.
//!
//! Not guaranteed: that two sessions never hold the same prompt later on. Keeping those together would make a side depend
//! on rows that came later. Prompts that are on more than one side are counted in the manifest; near duplicates are never on
//! two sides where `--near-duplicates` is given, since one row of them stays.

use std::{collections::HashMap, str::FromStr};

use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    ExportError,
    dataset::Dataset,
    example::Example,
    provenance::Provenance,
    stage::{Entry, Split, Stage},
};

/// Shares of the parts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Shares {
    /// Share of the training part, 0 to 1.
    pub train: f64,
    /// Share of the validation part.
    pub validation: f64,
    /// Share of the test part.
    pub test: f64,
}

/// What keeps rows together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SplitBy {
    /// Rows of one session.
    #[default]
    Session,
    /// Rows of all sessions that began with the same question.
    Question,
}

impl FromStr for SplitBy {
    type Err = ExportError;

    fn from_str(text: &str) -> Result<Self, ExportError> {
        match text {
            "session" => Ok(Self::Session),
            "question" => Ok(Self::Question),
            _ => Err(ExportError::Option {
                option: "split-by",
                message: format!("`{text}` is unknown; supported: session, question"),
            }),
        }
    }
}

impl FromStr for Shares {
    type Err = ExportError;

    /// `train=0.9,validation=0.05,test=0.05`: parts that are not named have none.
    fn from_str(text: &str) -> Result<Self, ExportError> {
        let mut shares = Self { train: 0.0, validation: 0.0, test: 0.0 };
        let mut named = Vec::new();
        for part in text.split(',') {
            let (name, share) = part.split_once('=').unwrap_or((part, ""));
            let slot = match name.trim() {
                "train" => &mut shares.train,
                "validation" => &mut shares.validation,
                "test" => &mut shares.test,
                other => return refused(format!("`{other}` is unknown; supported: train, validation, test")),
            };
            if named.contains(&name.trim()) {
                return refused(format!("{} is given twice", name.trim()));
            }
            named.push(name.trim());
            *slot = match share.trim().parse() {
                Ok(share) if (0.0..=1.0).contains(&share) => share,
                _ => return refused(format!("{name} is `{share}`, not a number from 0 to 1")),
            };
        }
        let sum = shares.train + shares.validation + shares.test;
        if (sum - 1.0).abs() > 1e-9 {
            return refused(format!("the shares sum up to {sum}, not to 1"));
        }
        Ok(shares)
    }
}

fn refused<T>(message: String) -> Result<T, ExportError> {
    Err(ExportError::Option { option: "split", message })
}

impl Shares {
    /// The part of a key. The parts lie one after the other on the line of all hashes.
    pub(crate) fn side(&self, seed: u64, key: &str) -> Split {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&seed.to_le_bytes());
        hasher.update(key.as_bytes());
        let mut first = [0; 8];
        first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        // 53 bits: as many as a share has.
        let point = (u64::from_be_bytes(first) >> 11) as f64 / (1_u64 << 53) as f64;
        match point {
            p if p < self.train => Split::Train,
            p if p < self.train + self.validation => Split::Validation,
            // A share of nothing gets nothing, also where the others sum up to a little less than 1.
            _ if self.test == 0.0 && self.validation == 0.0 => Split::Train,
            _ if self.test == 0.0 => Split::Validation,
            _ => Split::Test,
        }
    }
}

/// The stage: puts every row on its side.
#[derive(Debug)]
pub(crate) struct Splits {
    shares: Shares,
    seed: u64,
    by: SplitBy,
    /// First question of a session, by project and session; filled before the first example for [`SplitBy::Question`].
    questions: HashMap<(String, String), String>,
    seen: HashMap<&'static str, Vec<(Split, u64)>>,
}

impl Splits {
    pub(crate) fn new(shares: Shares, seed: u64, by: SplitBy, questions: HashMap<(String, String), String>) -> Self {
        Self { shares, seed, by, questions, seen: HashMap::new() }
    }

    fn side(&self, example: &Example) -> Split {
        let Provenance { project, session_id, original_session_id, .. } = &example.provenance;
        let session = original_session_id.as_ref().unwrap_or(session_id);
        let question = match self.by {
            SplitBy::Session => None,
            SplitBy::Question => self.questions.get(&(project.clone(), session.clone())),
        };
        self.shares.side(self.seed, question.unwrap_or(session))
    }
}

impl Stage for Splits {
    fn see(&mut self, dataset: &'static Dataset, number: u32, example: &Example) {
        let side = self.side(example);
        let prompt = example.prompt().iter().filter(|message| message.role != "system").map(|message| {
            xxhash_rust::xxh3::xxh3_64(message.content.as_bytes()) ^ super::words::mixed(message.role.len() as u64)
        });
        let prompt = super::words::combined(&prompt.collect::<Vec<_>>());
        let seen = self.seen.entry(dataset.name).or_default();
        let number = number as usize;
        if seen.len() <= number {
            seen.resize(number + 1, (Split::Train, 0));
        }
        seen[number] = (side, prompt);
    }

    fn decide(&mut self, dataset: &'static Dataset, entries: &mut [Entry]) {
        let Some(seen) = self.seen.get(dataset.name) else { return };
        for entry in entries {
            entry.split = seen.get(entry.number as usize).map(|(side, _)| *side);
        }
    }

    fn report(&mut self, dataset: &'static Dataset, entries: &[Entry]) -> Option<(&'static str, Value)> {
        let seen = self.seen.remove(dataset.name).unwrap_or_default();
        let mut prompts: HashMap<u64, (Split, bool)> = HashMap::new();
        let written = entries.iter().filter(|entry| entry.verdict.is_ok());
        for (side, prompt) in written.filter_map(|entry| seen.get(entry.number as usize)) {
            let known = prompts.entry(*prompt).or_insert((*side, false));
            known.1 |= known.0 != *side;
        }
        let shared = prompts.values().filter(|(_, is_shared)| *is_shared).count();
        Some(("prompts_in_several_splits", json!(shared)))
    }
}

#[cfg(test)]
mod tests;
