//! Which of many pairs are taken: by their place among the pairs of one comparison, by margin, by number per session.
//!
//! A comparison is all pairs of one session and one question, seen as a graph of "better than" between attempts (a
//! reviewer's own text is a node of its own). Pairs come here after the votes: no pair is in both directions. Pairs that are
//! unfit (too long, contaminated, without a prompt) take no part: what is best is best among the others.

use std::{
    collections::{HashMap, HashSet},
    str::FromStr,
};

use serde::Serialize;

use super::words::combined;
use crate::{
    ExportError, Reason,
    conversation::ChatMessage,
    dataset::Dataset,
    example::{Content, Example},
    provenance::Provenance,
    stage::{Entry, Stage},
};
use xxhash_rust::xxh3::xxh3_64;

/// Which pairs of one comparison are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PairRule {
    /// Each of them.
    #[default]
    All,
    /// Those with nothing in between: of A > B > C the pairs A > B and B > C.
    Adjacent,
    /// Those of which the better side is beaten by nobody: of A > B > C the pairs A > B and A > C.
    BestVsRest,
}

impl FromStr for PairRule {
    type Err = ExportError;

    fn from_str(text: &str) -> Result<Self, ExportError> {
        match text {
            "all" => Ok(Self::All),
            "adjacent" => Ok(Self::Adjacent),
            "best-vs-rest" => Ok(Self::BestVsRest),
            _ => Err(ExportError::Option {
                option: "pairs",
                message: format!("`{text}` is unknown; supported: all, adjacent, best-vs-rest"),
            }),
        }
    }
}

/// The stage. Works on pairs alone; other rows pass.
#[derive(Debug)]
pub(crate) struct PairRules {
    rule: PairRule,
    min_margin: Option<f64>,
    seen: HashMap<&'static str, HashMap<u32, Seen>>,
}

/// What is held of a pair, in hashes.
#[derive(Debug, Clone, Copy)]
struct Seen {
    comparison: u64,
    chosen: u64,
    rejected: u64,
}

impl PairRules {
    pub(crate) fn new(rule: PairRule, min_margin: Option<f64>) -> Self {
        Self { rule, min_margin, seen: HashMap::new() }
    }

    fn by_place(&self, seen: &HashMap<u32, Seen>, entries: &mut [Entry]) {
        let mut better_than: HashMap<(u64, u64), Vec<u64>> = HashMap::new();
        let mut beaten: HashSet<(u64, u64)> = HashSet::new();
        // What another row says as well was said all the same.
        let was_said = |entry: &&Entry| matches!(entry.verdict, Ok(()) | Err(Reason::Duplicate));
        for pair in entries.iter().filter(was_said).filter_map(|entry| seen.get(&entry.number)) {
            better_than.entry((pair.comparison, pair.chosen)).or_default().push(pair.rejected);
            beaten.insert((pair.comparison, pair.rejected));
        }
        let beats = |comparison: u64, one: u64| better_than.get(&(comparison, one)).map_or(&[][..], Vec::as_slice);
        for entry in entries.iter_mut().filter(|entry| entry.verdict.is_ok()) {
            let Some(Seen { comparison, chosen, rejected, .. }) = seen.get(&entry.number) else { continue };
            let is_taken = match self.rule {
                PairRule::All => true,
                PairRule::Adjacent => !beats(*comparison, *chosen)
                    .iter()
                    .any(|between| between != rejected && beats(*comparison, *between).contains(rejected)),
                PairRule::BestVsRest => !beaten.contains(&(*comparison, *chosen)),
            };
            if !is_taken {
                entry.verdict = Err(Reason::PairRule);
            }
        }
    }
}

impl Stage for PairRules {
    fn pass(&mut self, _dataset: &'static Dataset, example: &mut Example) -> Result<(), Reason> {
        let margin = example.facts.get("margin").and_then(serde_json::Value::as_f64);
        match (self.min_margin, margin) {
            (Some(least), Some(margin)) if margin < least => {
                example.provenance.detail = Some(format!("margin {margin}, {least} asked for"));
                Err(Reason::MarginTooSmall)
            }
            _ => Ok(()),
        }
    }

    fn see(&mut self, dataset: &'static Dataset, number: u32, example: &Example) {
        let Content::Pair { prompt, chosen, rejected } = &example.content else { return };
        if self.rule == PairRule::All {
            return;
        }
        let session = session(example);
        let question = prompt.iter().filter(|message| message.role != "system").map(hash).collect::<Vec<_>>();
        let side = |fact: &str, messages: &[ChatMessage]| match example.facts.get(fact).and_then(|id| id.as_str()) {
            Some(attempt_id) => xxh3_64(attempt_id.as_bytes()),
            None => combined(&messages.iter().map(hash).collect::<Vec<_>>()),
        };
        let seen = Seen {
            comparison: combined(&[session, combined(&question)]),
            chosen: side("chosen_attempt_id", chosen),
            rejected: side("rejected_attempt_id", rejected),
        };
        self.seen.entry(dataset.name).or_default().insert(number, seen);
    }

    fn decide(&mut self, dataset: &'static Dataset, entries: &mut [Entry]) {
        let Some(seen) = self.seen.remove(dataset.name) else { return };
        self.by_place(&seen, entries);
    }
}

fn session(example: &Example) -> u64 {
    let Provenance { project, session_id, .. } = &example.provenance;
    xxh3_64(format!("{project}\0{session_id}").as_bytes())
}

fn hash(message: &ChatMessage) -> u64 {
    xxh3_64(serde_json::to_string(message).unwrap_or_default().as_bytes())
}

/// The stage that gives no session more pairs than asked for, however much it was judged. To come after the duplicates.
#[derive(Debug)]
pub(crate) struct SessionLimit {
    pairs: u64,
    sessions: HashMap<&'static str, HashMap<u32, u64>>,
}

impl SessionLimit {
    pub(crate) fn new(pairs: u64) -> Self {
        Self { pairs, sessions: HashMap::new() }
    }
}

impl Stage for SessionLimit {
    fn see(&mut self, dataset: &'static Dataset, number: u32, example: &Example) {
        if matches!(example.content, Content::Pair { .. }) {
            self.sessions.entry(dataset.name).or_default().insert(number, session(example));
        }
    }

    /// Of a session the rows with the lowest ids, which are hashes: chance decides, and the same chance every time.
    fn decide(&mut self, dataset: &'static Dataset, entries: &mut [Entry]) {
        let Some(sessions) = self.sessions.remove(dataset.name) else { return };
        let mut ids: HashMap<u64, Vec<u128>> = HashMap::new();
        for entry in entries.iter().filter(|entry| entry.verdict.is_ok()) {
            if let Some(session) = sessions.get(&entry.number) {
                ids.entry(*session).or_default().push(entry.id);
            }
        }
        ids.values_mut().for_each(|ids| ids.sort_unstable());
        for entry in entries.iter_mut().filter(|entry| entry.verdict.is_ok()) {
            let ids = sessions.get(&entry.number).and_then(|session| ids.get(session));
            let first_out = ids.and_then(|ids| ids.get(self.pairs as usize));
            if first_out.is_some_and(|first_out| entry.id >= *first_out) {
                entry.verdict = Err(Reason::SessionLimit);
            }
        }
    }
}

#[cfg(test)]
mod tests;
