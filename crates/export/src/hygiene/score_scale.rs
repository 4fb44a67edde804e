//! Scores of strict and of mild reviewers on one scale.
//!
//! `z-score`: s' = M + S · (s − m) / max(d, 0.5), `min-max`: s' = L + (H − L) · (s − l) / (h − l); both held within 1 and 10.
//! m, d, l and h are the mean, the standard deviation (of the whole population), the lowest and the highest of the
//! reviewer's scores, M, S, L and H those of all scores. So thresholds and gaps keep their meaning: 8 is what 8 is to all
//! reviewers together. A reviewer of whom fewer than 3 scores are known keeps the scores as they are; one who always gives
//! the same says nothing, and gets M, or the middle of L and H.

use std::{collections::BTreeMap, str::FromStr};

use gleaner_model::Source;
use serde::Serialize;

use crate::ExportError;

/// Fewest scores from which something is said of a reviewer.
const MIN_SCORES: u64 = 3;
/// Smallest standard deviation that is divided by: a reviewer who gives 7, 7, 7, 8 does not mean 10 by 8.
const MIN_DEVIATION: f64 = 0.5;

/// How scores of a reviewer are put onto the scale of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Normalize {
    /// By mean and standard deviation.
    ZScore,
    /// By lowest and highest.
    MinMax,
}

impl FromStr for Normalize {
    type Err = ExportError;

    fn from_str(text: &str) -> Result<Self, ExportError> {
        match text {
            "reviewer" | "z-score" => Ok(Self::ZScore),
            "min-max" => Ok(Self::MinMax),
            _ => Err(ExportError::Option {
                option: "normalize-scores",
                message: format!("`{text}` is unknown; supported: reviewer (the same as z-score), z-score, min-max"),
            }),
        }
    }
}

/// Who gave a score; reviewers without a name are one per source.
type Reviewer = (Option<String>, &'static str);

/// The scale of every reviewer, and that of all.
#[derive(Debug, Clone, Default)]
pub(crate) struct ScoreScale {
    normalize: Option<Normalize>,
    all: Spread,
    by_reviewer: BTreeMap<Reviewer, Spread>,
}

/// Sums over scores. The scores come in a fixed order, so that the sums are the same to the last bit.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Spread {
    count: u64,
    sum: f64,
    sum_of_squares: f64,
    lowest: f64,
    highest: f64,
}

impl ScoreScale {
    pub(crate) fn new(normalize: Normalize) -> Self {
        Self { normalize: Some(normalize), ..Self::default() }
    }

    /// Takes note of `count` equal scores of a reviewer.
    pub(crate) fn add(&mut self, reviewer: Option<&str>, source: Source, score: f64, count: u64) {
        self.all.add(score, count);
        self.by_reviewer.entry(of(reviewer, source)).or_default().add(score, count);
    }

    /// The score on the scale of all.
    pub(crate) fn score(&self, reviewer: Option<&str>, source: Source, score: f64) -> f64 {
        let Some(normalize) = self.normalize else { return score };
        let one = self.by_reviewer.get(&of(reviewer, source)).copied().unwrap_or_default();
        if one.count < MIN_SCORES {
            return score;
        }
        let all = &self.all;
        let moved = match normalize {
            Normalize::ZScore => {
                all.mean() + all.deviation() * (score - one.mean()) / one.deviation().max(MIN_DEVIATION)
            }
            Normalize::MinMax if one.lowest == one.highest => (all.lowest + all.highest) / 2.0,
            Normalize::MinMax => {
                all.lowest + (all.highest - all.lowest) * (score - one.lowest) / (one.highest - one.lowest)
            }
        };
        moved.clamp(1.0, 10.0)
    }

    /// By how much a difference of two scores of this reviewer grows.
    pub(crate) fn gap(&self, reviewer: Option<&str>, source: Source, gap: f64) -> f64 {
        let one = self.by_reviewer.get(&of(reviewer, source)).copied().unwrap_or_default();
        match self.normalize {
            Some(_) if one.count < MIN_SCORES => gap,
            None => gap,
            Some(Normalize::ZScore) => gap * self.all.deviation() / one.deviation().max(MIN_DEVIATION),
            Some(Normalize::MinMax) if one.lowest == one.highest => gap,
            Some(Normalize::MinMax) => gap * (self.all.highest - self.all.lowest) / (one.highest - one.lowest),
        }
    }
}

fn of(reviewer: Option<&str>, source: Source) -> Reviewer {
    (reviewer.map(str::to_owned), source.as_str())
}

impl Spread {
    fn add(&mut self, score: f64, count: u64) {
        if count == 0 {
            return;
        }
        self.lowest = if self.count == 0 { score } else { self.lowest.min(score) };
        self.highest = if self.count == 0 { score } else { self.highest.max(score) };
        self.count += count;
        self.sum += score * count as f64;
        self.sum_of_squares += score * score * count as f64;
    }

    fn mean(&self) -> f64 {
        self.sum / self.count.max(1) as f64
    }

    fn deviation(&self) -> f64 {
        (self.sum_of_squares / self.count.max(1) as f64 - self.mean().powi(2)).max(0.0).sqrt()
    }
}

#[cfg(test)]
mod tests;
