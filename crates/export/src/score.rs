//! Several scores of one attempt as one.

use crate::{Options, ScoreRule, case::Case, read::ScoreRow};

/// The overall scores of an attempt, in order of time: those without a criterion, or of the criterion asked for.
pub(crate) fn overall<'a>(case: &'a Case, options: &Options) -> Vec<&'a ScoreRow> {
    let counts = |row: &&ScoreRow| options.select.takes_criterion(row.criterion.as_deref()) && row.score.is_some();
    case.feedback.iter().filter(counts).collect()
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
