//! Several scores of one attempt as one.

use crate::{ScoreRule, case::Case, read::ScoreRow};

/// The overall scores of an attempt, in order of time: those without a criterion.
pub(crate) fn overall(case: &Case) -> Vec<&ScoreRow> {
    case.feedback.iter().filter(|row| row.criterion.is_none() && row.score.is_some()).collect()
}

/// One score of several, which must be in order of time. None of none.
pub(crate) fn score(scores: &[&ScoreRow], rule: ScoreRule) -> Option<f64> {
    let numbers = || scores.iter().filter_map(|row| row.score);
    match rule {
        ScoreRule::Mean => (!scores.is_empty()).then(|| numbers().sum::<f64>() / numbers().count() as f64),
        ScoreRule::Min => numbers().reduce(f64::min),
        ScoreRule::Max | ScoreRule::Any => numbers().reduce(f64::max),
        ScoreRule::Latest => numbers().next_back(),
    }
}

/// Six decimals: readers (datasets' JSON columns) round after ten, and a mean should read back as it was written.
pub(crate) fn rounded(number: f64) -> f64 {
    (number * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests;
