//! Hygiene: what keeps a dataset clean beyond the form of its rows.
//!
//! Each step is a [`crate::stage::Stage`]: pure, examples in, verdicts out. None opens a file or reads a clock.

mod contamination;
#[cfg(test)]
mod examples;
mod lengths;
mod near_duplicates;
mod options;
mod pair_rules;
mod prefixes;
mod redact;
mod score_scale;
mod splits;
mod words;

pub(crate) use options::Questions;
pub use options::{GivenFile, Hygiene, SplitOptions};
pub use pair_rules::PairRule;
pub use redact::{Pattern, Redact};
pub use score_scale::Normalize;
pub(crate) use score_scale::ScoreScale;
pub use splits::{Shares, SplitBy};
