//! What to export and how: kinds, formats, filters. Names are those of the command line.

use std::str::FromStr;

use gleaner_model::Source;
use serde::Serialize;

use crate::ExportError;

/// A kind of dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Prompt and good completion: from scores and from corrections.
    Sft,
    /// Prompt, chosen, rejected.
    Preference,
    /// The pairs with margins, and beside them every score and every ranking.
    Reward,
    /// The whole attempt with reasoning, tool calls and results.
    Trajectory,
}

impl Kind {
    /// All kinds, in the order in which they are listed to users.
    pub const ALL: [Kind; 4] = [Kind::Sft, Kind::Preference, Kind::Reward, Kind::Trajectory];

    /// The name on the command line and in file names.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sft => "sft",
            Self::Preference => "preference",
            Self::Reward => "reward",
            Self::Trajectory => "trajectory",
        }
    }
}

impl FromStr for Kind {
    type Err = ExportError;

    fn from_str(text: &str) -> Result<Self, ExportError> {
        if let Some(kind) = Self::ALL.into_iter().find(|kind| kind.as_str() == text) {
            return Ok(kind);
        }
        Err(unknown("kind", text, &["kto", "prompts", "revisions", "sql"], &Self::ALL.map(Self::as_str)))
    }
}

/// Shape of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// The conversational rows that TRL's trainers load as they are.
    #[default]
    Trl,
}

impl FromStr for Format {
    type Err = ExportError;

    fn from_str(text: &str) -> Result<Self, ExportError> {
        match text {
            "trl" => Ok(Self::Trl),
            _ => Err(unknown("format", text, &["openai", "sharegpt", "atif"], &["trl"])),
        }
    }
}

/// How several scores of one attempt become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ScoreRule {
    /// Their arithmetic mean.
    #[default]
    Mean,
    /// The lowest: all must reach the threshold.
    Min,
    /// The highest; the same selection as `any`.
    Max,
    /// One that reaches the threshold is enough; the exported score is the highest.
    Any,
    /// The one given last.
    Latest,
}

impl FromStr for ScoreRule {
    type Err = ExportError;

    fn from_str(text: &str) -> Result<Self, ExportError> {
        match text {
            "mean" => Ok(Self::Mean),
            "min" => Ok(Self::Min),
            "max" => Ok(Self::Max),
            "any" => Ok(Self::Any),
            "latest" => Ok(Self::Latest),
            _ => Err(unknown("score-rule", text, &[], &["mean", "min", "max", "any", "latest"])),
        }
    }
}

/// What becomes of the system prompt (and with it the tools) where a row is made from several attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SystemPrompt {
    /// Never exported in pairs, scores and rankings.
    Drop,
    /// That of the chosen (or best) attempt.
    Chosen,
    /// Kept when all attempts of the row have the same one.
    #[default]
    Shared,
}

impl FromStr for SystemPrompt {
    type Err = ExportError;

    fn from_str(text: &str) -> Result<Self, ExportError> {
        match text {
            "drop" => Ok(Self::Drop),
            "chosen" => Ok(Self::Chosen),
            "shared" => Ok(Self::Shared),
            _ => Err(unknown("system", text, &[], &["drop", "chosen", "shared"])),
        }
    }
}

/// Everything that decides what an export holds. All of it is repeated in the manifest.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Options {
    /// The kind that [`crate::export`] writes.
    #[serde(skip)]
    pub kind: Kind,
    /// Shape of the files.
    pub format: Format,
    /// SFT: at or above this score (1 to 10).
    pub score_threshold: f64,
    /// SFT: which score is meant.
    pub score_rule: ScoreRule,
    /// Feedback of these sources only; empty: of all.
    pub sources: Vec<Source>,
    /// System prompts of pairs.
    pub system: SystemPrompt,
    /// A condition over the relation `attempts`, put into the query as it stands: the caller must have checked it with
    /// the read-only guard.
    #[serde(rename = "where")]
    pub where_sql: Option<String>,
    /// Attempts that ended in an error too.
    pub include_failed: bool,
    /// This project only; absent: all of them.
    pub project: Option<String>,
    /// Visible reasoning becomes `reasoning_content`; otherwise it is left out.
    pub reasoning: bool,
}

impl Options {
    /// The defaults, for one kind.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            format: Format::Trl,
            score_threshold: 8.0,
            score_rule: ScoreRule::Mean,
            sources: Vec::new(),
            system: SystemPrompt::Shared,
            where_sql: None,
            include_failed: false,
            project: None,
            reasoning: true,
        }
    }

    pub(crate) fn check(&self) -> Result<(), ExportError> {
        if (1.0..=10.0).contains(&self.score_threshold) {
            return Ok(());
        }
        let message = format!("{} is not a number from 1 to 10", self.score_threshold);
        Err(ExportError::Option { option: "score-threshold", message })
    }

    pub(crate) fn takes_source(&self, source: Source) -> bool {
        self.sources.is_empty() || self.sources.contains(&source)
    }
}

fn unknown(option: &'static str, text: &str, planned: &[&str], known: &[&str]) -> ExportError {
    let what = if planned.contains(&text) { "is not supported yet" } else { "is unknown" };
    ExportError::Option { option, message: format!("`{text}` {what}; supported: {}", known.join(", ")) }
}

#[cfg(test)]
mod tests;
