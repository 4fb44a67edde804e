//! The words of the command line: each a closed list, with the sentence that answers any other word.

use std::str::FromStr;

use gleaner_model::ReasoningKind;
use serde::Serialize;

use super::refused;
use crate::ExportError;

/// A kind of dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Prompt and good completion: from scores and from corrections.
    Sft,
    /// Prompt, chosen, rejected.
    Preference,
    /// Prompt, completion, desirable or not.
    Kto,
    /// The pairs with margins, and beside them every score and every ranking.
    Reward,
    /// The whole attempt with reasoning, tool calls and results.
    Trajectory,
    /// Prompts alone, for reinforcement learning.
    Prompts,
    /// Output, directive, better output.
    Revisions,
    /// Whatever a query returns.
    Sql,
}

impl Kind {
    /// All kinds, in the order in which they are listed to users.
    pub const ALL: [Kind; 8] = [
        Kind::Sft,
        Kind::Preference,
        Kind::Kto,
        Kind::Reward,
        Kind::Trajectory,
        Kind::Prompts,
        Kind::Revisions,
        Kind::Sql,
    ];

    /// The name on the command line and in file names.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sft => "sft",
            Self::Preference => "preference",
            Self::Kto => "kto",
            Self::Reward => "reward",
            Self::Trajectory => "trajectory",
            Self::Prompts => "prompts",
            Self::Revisions => "revisions",
            Self::Sql => "sql",
        }
    }

    /// The shapes that this kind has, the default first.
    pub fn shapes(self) -> &'static [Shape] {
        match self {
            Self::Preference | Self::Reward => &[Shape::Step, Shape::Attempt, Shape::Task],
            Self::Sft | Self::Kto | Self::Prompts => &[Shape::Attempt, Shape::Step, Shape::Task],
            Self::Trajectory => &[Shape::Attempt, Shape::Step],
            Self::Revisions => &[Shape::Attempt, Shape::Task],
            Self::Sql => &[],
        }
    }
}

impl FromStr for Kind {
    type Err = ExportError;

    fn from_str(text: &str) -> Result<Self, ExportError> {
        named("kind", text, &Self::ALL, Self::as_str)
    }
}

/// How much of an attempt one row holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// One row per attempt (per pair of attempts).
    Attempt,
    /// One assistant message after everything before it.
    Step,
    /// The user's need and the artifact: nothing of how it was made.
    Task,
}

impl Shape {
    /// All shapes.
    pub const ALL: [Shape; 3] = [Shape::Attempt, Shape::Step, Shape::Task];

    /// The name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Attempt => "attempt",
            Self::Step => "step",
            Self::Task => "task",
        }
    }
}

impl FromStr for Shape {
    type Err = ExportError;

    fn from_str(text: &str) -> Result<Self, ExportError> {
        named("shape", text, &Self::ALL, Self::as_str)
    }
}

/// Shape of the rows: what reads them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// The conversational rows that TRL's trainers load as they are.
    #[default]
    Trl,
    /// Fine-tuning files of OpenAI, and of the hosts that copy them.
    Openai,
    /// LLaMA-Factory's, with its `dataset_info.json`.
    Sharegpt,
    /// Axolotl's `chat_template` types.
    Axolotl,
    /// verl's Parquet.
    Verl,
    /// NeMo-RL's.
    NemoRl,
    /// Tinker cookbook's.
    Tinker,
    /// Harbor's Agent Trajectory Interchange Format.
    Atif,
}

impl Format {
    /// All formats, in the order in which they are listed to users.
    pub const ALL: [Format; 8] = [
        Format::Trl,
        Format::Openai,
        Format::Sharegpt,
        Format::Axolotl,
        Format::Verl,
        Format::NemoRl,
        Format::Tinker,
        Format::Atif,
    ];

    /// The name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trl => "trl",
            Self::Openai => "openai",
            Self::Sharegpt => "sharegpt",
            Self::Axolotl => "axolotl",
            Self::Verl => "verl",
            Self::NemoRl => "nemo-rl",
            Self::Tinker => "tinker",
            Self::Atif => "atif",
        }
    }
}

impl FromStr for Format {
    type Err = ExportError;

    fn from_str(text: &str) -> Result<Self, ExportError> {
        named("format", text, &Self::ALL, Self::as_str)
    }
}

/// How rows are put into files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileFormat {
    /// One JSON object per line.
    Jsonl,
    /// Apache Parquet; free JSON is in JSON columns.
    Parquet,
    /// Comma-separated values with a header line; for `sql` alone.
    Csv,
}

impl FileFormat {
    /// All file formats.
    pub const ALL: [FileFormat; 3] = [FileFormat::Jsonl, FileFormat::Parquet, FileFormat::Csv];

    /// The name on the command line, and the files' extension.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
            Self::Csv => "csv",
        }
    }
}

impl FromStr for FileFormat {
    type Err = ExportError;

    fn from_str(text: &str) -> Result<Self, ExportError> {
        named("file-format", text, &Self::ALL, Self::as_str)
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
            _ => Err(unknown("score-rule", text, &["mean", "min", "max", "any", "latest"])),
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
            _ => Err(unknown("system", text, &["drop", "chosen", "shared"])),
        }
    }
}

/// What becomes of reasoning. What only its provider can read is never exported, whatever is said here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reasoning {
    /// The model's own words and summaries become `reasoning_content`.
    #[default]
    Keep,
    /// The model's own words alone; a row is left out that would be trained on an answer of which the reasoning is a summary
    /// or encrypted.
    Raw,
    /// Only rows whose completion shows reasoning: own words or a summary.
    Require,
    /// Only rows whose completion shows reasoning, all of it the model's own words.
    RequireRaw,
    /// None.
    Drop,
}

impl Reasoning {
    /// All policies, in the order in which they are listed to users.
    pub const ALL: [Reasoning; 5] =
        [Reasoning::Keep, Reasoning::Raw, Reasoning::Require, Reasoning::RequireRaw, Reasoning::Drop];

    /// The name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Raw => "raw",
            Self::Require => "require",
            Self::RequireRaw => "require-raw",
            Self::Drop => "drop",
        }
    }

    /// Whether reasoning of this kind goes along.
    pub(crate) fn keeps(self, kind: ReasoningKind) -> bool {
        match kind {
            ReasoningKind::Raw => self != Self::Drop,
            ReasoningKind::Summary => matches!(self, Self::Keep | Self::Require),
            ReasoningKind::Encrypted => false,
        }
    }

    /// Whether nothing but the model's own words may stand behind what is trained on.
    pub(crate) fn is_raw_only(self) -> bool {
        matches!(self, Self::Raw | Self::RequireRaw)
    }

    pub(crate) fn is_required(self) -> bool {
        matches!(self, Self::Require | Self::RequireRaw)
    }
}

impl FromStr for Reasoning {
    type Err = ExportError;

    fn from_str(text: &str) -> Result<Self, ExportError> {
        named("reasoning", text, &Self::ALL, Self::as_str)
    }
}

pub(crate) fn named<T: Copy>(
    option: &'static str,
    text: &str,
    all: &[T],
    name: fn(T) -> &'static str,
) -> Result<T, ExportError> {
    let found = all.iter().copied().find(|value| name(*value) == text);
    found.ok_or_else(|| unknown(option, text, &all.iter().map(|value| name(*value)).collect::<Vec<_>>()))
}

fn unknown(option: &'static str, text: &str, known: &[&str]) -> ExportError {
    refused(option, format!("`{text}` is unknown; supported: {}", known.join(", ")))
}
