//! Near duplicates: rows that say almost the same as another row of their file, found by MinHash and LSH.
//!
//! Compared are the 5-word shingles of the prompt and of the completion, each by itself: both must be alike. The prompt
//! alone does not make a duplicate (siblings answer one question, steps share their history), nor does the answer alone
//! ("Done." to many questions). Nor are rows duplicates that say other things of one text: another score, label or ranking.
//! A threshold is met by the estimate of the signatures, which is within 0.06 of the true Jaccard index for 19 rows of 20.
//! Signatures wait on disk ([`Waiting`]); in memory are those of rows that stay and share a bucket with another, some 300 bytes each, never
//! a text.
//!
//! Greedy in the order of [`Entry::tie`]: a row goes if it is like a row that stays, so nothing is left out for being like a
//! row that is left out itself. The outcome does not depend on the order of arrival.

use std::collections::HashMap;

use serde_json::json;
use xxhash_rust::xxh3::xxh3_64;

use self::waiting::Waiting;
use super::words::{combined, mixed, push_words};
use crate::{
    ExportError, Reason,
    conversation::ChatMessage,
    dataset::Dataset,
    example::{Content, Example},
    spool::Spool,
    stage::{Entry, Stage},
};

mod waiting;

/// Where signatures wait.
type MakeSpool = Box<dyn Fn() -> Result<Spool, ExportError> + Send>;

/// Words in a shingle: the usual choice for documents.
const SHINGLE_WORDS: usize = 5;
/// Hash functions of one MinHash.
const PERMUTATIONS: usize = 128;
/// Fewest of the pairs at the threshold that become candidates.
const RECALL: f64 = 0.99;
/// Rows of one bucket that are compared: beyond that many rows alike in a band but not as a whole, more comparing costs
/// time quadratic in their number.
const MAX_CANDIDATES_PER_BUCKET: usize = 128;

/// The lowest byte of each minimum: enough to compare (b-bit MinHash), a quarter of the memory.
type Sketch = [u8; PERMUTATIONS];

/// What is held of a row.
#[derive(Debug, Clone)]
struct Signature {
    /// What else must be equal: label, score, ranks.
    identity: u64,
    prompt: Sketch,
    completion: Sketch,
}

/// The stage. See the module's text.
pub(crate) struct NearDuplicates {
    threshold: f64,
    bands: Bands,
    family: Vec<(u64, u64)>,
    spool: MakeSpool,
    by_dataset: HashMap<&'static str, Waiting>,
    fault: Option<ExportError>,
}

/// How minima are put into bands: each band takes `rows` minima of the prompt and as many of the completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bands {
    count: usize,
    rows: usize,
}

impl NearDuplicates {
    /// `threshold`: lowest Jaccard index, from 0.5 to 1.
    pub(crate) fn new(threshold: f64, spool: MakeSpool) -> Self {
        let family = (0..PERMUTATIONS as u64).map(|i| (mixed(2 * i) | 1, mixed(2 * i + 1))).collect();
        Self { threshold, bands: Bands::at(threshold), family, spool, by_dataset: HashMap::new(), fault: None }
    }

    fn put(&mut self, dataset: &'static Dataset, example: &Example) -> Result<(), ExportError> {
        let signature = self.signature(dataset, example);
        let waiting = match self.by_dataset.remove(dataset.name) {
            Some(waiting) => waiting,
            None => Waiting::new((self.spool)()?, (self.spool)()?, self.bands.count),
        };
        let waiting = self.by_dataset.entry(dataset.name).or_insert(waiting);
        waiting.put(signature.as_ref().map(|(signature, buckets)| (signature, buckets.as_slice())))
    }

    /// With one bucket of each band. `None`: there is nothing to compare.
    fn signature(&self, dataset: &Dataset, example: &Example) -> Option<(Signature, Vec<u64>)> {
        let (mut prompt, mut completion) = (Vec::new(), Vec::new());
        match &example.content {
            Content::Messages(messages) => {
                for message in messages {
                    push_message(message, if message.role == "assistant" { &mut completion } else { &mut prompt });
                }
            }
            _ => {
                example.prompt().iter().for_each(|message| push_message(message, &mut prompt));
                for (side, messages) in example.completions().into_iter().enumerate() {
                    let mut words = Vec::new();
                    messages.iter().for_each(|message| push_message(message, &mut words));
                    // The sides of a pair are told apart: the same two answers the other way round are no duplicate.
                    if side > 0 && !words.is_empty() {
                        completion.extend(std::iter::repeat_n(mixed(side as u64), SHINGLE_WORDS));
                    }
                    completion.append(&mut words);
                }
            }
        }
        if prompt.is_empty() && completion.is_empty() {
            return None;
        }
        let (prompt, completion) = (self.minima(&prompt), self.minima(&completion));
        let identity = identity(dataset, example);
        let rows = self.bands.rows;
        let bucket = |band: usize| {
            let range = band * rows..(band + 1) * rows;
            combined(&[band as u64, identity, combined(&prompt[range.clone()]), combined(&completion[range])])
        };
        let buckets = (0..self.bands.count).map(bucket).collect();
        Some((Signature { identity, prompt: sketch(&prompt), completion: sketch(&completion) }, buckets))
    }

    /// For each hash function the lowest value that a shingle has.
    fn minima(&self, words: &[u64]) -> [u64; PERMUTATIONS] {
        let mut minima = [u64::MAX; PERMUTATIONS];
        let shingles: Vec<u64> = match words.len() {
            0 => Vec::new(),
            n if n < SHINGLE_WORDS => vec![combined(words)],
            _ => words.windows(SHINGLE_WORDS).map(combined).collect(),
        };
        for shingle in shingles {
            for (minimum, (factor, summand)) in minima.iter_mut().zip(&self.family) {
                *minimum = (*minimum).min(mixed(shingle.wrapping_mul(*factor).wrapping_add(*summand)));
            }
        }
        minima
    }

    fn alike(&self, one: &Signature, other: &Signature) -> bool {
        one.identity == other.identity
            && jaccard(&one.completion, &other.completion) >= self.threshold
            && jaccard(&one.prompt, &other.prompt) >= self.threshold
    }
}

impl Stage for NearDuplicates {
    fn see(&mut self, dataset: &'static Dataset, _number: u32, example: &Example) {
        if self.fault.is_none() {
            self.fault = self.put(dataset, example).err();
        }
    }

    fn decide(&mut self, dataset: &'static Dataset, entries: &mut [Entry]) {
        let Some(waiting) = self.by_dataset.remove(dataset.name) else { return };
        if self.fault.is_none() {
            self.fault = self.leave_out(waiting, entries).err();
        }
    }

    fn fault(&mut self) -> Option<ExportError> {
        self.fault.take()
    }
}

/// A row that stays, in the chain of a bucket.
struct Link {
    kept: usize,
    /// The one before it in the bucket.
    earlier: Option<usize>,
}

impl NearDuplicates {
    fn leave_out(&self, mut waiting: Waiting, entries: &mut [Entry]) -> Result<(), ExportError> {
        let mut wanted = vec![false; entries.len()];
        for entry in entries.iter().filter(|entry| entry.verdict.is_ok()) {
            wanted[entry.number as usize] = true;
        }
        let shared = waiting.shared(&wanted)?;
        // The rows that stay, chained by bucket from the latest to the earliest.
        let mut latest: Vec<Option<usize>> = vec![None; shared.buckets];
        let mut links: Vec<Link> = Vec::new();
        let mut kept: Vec<(Signature, u128)> = Vec::new();
        let mut bytes = Vec::new();
        for entry in entries.iter_mut().filter(|entry| entry.verdict.is_ok()) {
            if shared.of(entry.number).next().is_none() {
                continue;
            }
            let this = waiting.signature(entry.number, &mut bytes)?;
            let mut like: Option<usize> = None;
            for bucket in shared.of(entry.number) {
                let mut at = latest[bucket];
                let mut left = MAX_CANDIDATES_PER_BUCKET;
                while let Some(link) = at.map(|at| &links[at]).filter(|_| left > 0) {
                    if self.alike(&this, &kept[link.kept].0) {
                        like = Some(like.map_or(link.kept, |known| known.min(link.kept)));
                    }
                    at = link.earlier;
                    left -= 1;
                }
            }
            if let Some(at) = like {
                entry.verdict = Err(Reason::NearDuplicate);
                entry.kept = Some(Box::new(kept[at].1));
                continue;
            }
            for bucket in shared.of(entry.number) {
                links.push(Link { kept: kept.len(), earlier: latest[bucket] });
                latest[bucket] = Some(links.len() - 1);
            }
            kept.push((this, entry.id));
        }
        Ok(())
    }
}

impl Bands {
    /// The longest bands that still catch [`RECALL`] of the pairs at the threshold: the longer, the fewer pairs below it.
    fn at(threshold: f64) -> Self {
        let recall = |rows: usize| {
            let count = PERMUTATIONS / rows;
            1.0 - (1.0 - threshold.powi(2 * rows as i32)).powi(count as i32)
        };
        let rows = (1..=8).rev().find(|rows| recall(*rows) >= RECALL).unwrap_or(1);
        Self { count: PERMUTATIONS / rows, rows }
    }
}

fn identity(dataset: &Dataset, example: &Example) -> u64 {
    let facts: Vec<_> = dataset.identity.iter().map(|name| example.facts.get(*name)).collect();
    let ranks = match &example.content {
        Content::List { ranks, .. } => ranks.as_slice(),
        _ => &[],
    };
    xxh3_64(json!([facts, ranks]).to_string().as_bytes())
}

fn push_message(message: &ChatMessage, out: &mut Vec<u64>) {
    message.reasoning_content.iter().for_each(|text| push_words(text, out));
    push_words(&message.content, out);
    for call in &message.tool_calls {
        push_words(&call.function.name, out);
        push_words(&serde_json::to_string(&call.function.arguments).unwrap_or_default(), out);
    }
}

fn sketch(minima: &[u64; PERMUTATIONS]) -> Sketch {
    minima.map(|minimum| minimum as u8)
}

/// The estimate, corrected for bytes that agree by chance.
fn jaccard(one: &Sketch, other: &Sketch) -> f64 {
    let equal = one.iter().zip(other).filter(|(a, b)| a == b).count();
    const BY_CHANCE: f64 = 1.0 / 256.0;
    ((equal as f64 / PERMUTATIONS as f64 - BY_CHANCE) / (1.0 - BY_CHANCE)).max(0.0)
}

#[cfg(test)]
mod tests;
