//! What to export and how: kinds, formats, filters. Names are those of the command line.

use std::str::FromStr;

use gleaner_model::Source;
use serde::Serialize;

use crate::{ExportError, Hygiene, Select};

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

/// Everything that decides what an export holds. All of it is repeated in the manifest.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Options {
    /// The kind that [`crate::export`] writes.
    #[serde(skip)]
    pub kind: Kind,
    /// Shape of the rows.
    pub format: Format,
    /// How rows are put into files; absent: as the format is read, JSON lines where it reads both.
    pub file_format: Option<FileFormat>,
    /// How much of an attempt a row holds; absent: each kind's default.
    pub shape: Option<Shape>,
    /// At or above this score (1 to 10) an attempt is good: `sft` takes it, `kto` calls it desirable.
    pub score_threshold: f64,
    /// At or below this score `kto` calls an attempt undesirable.
    pub undesirable_threshold: f64,
    /// Which of several scores is meant.
    pub score_rule: ScoreRule,
    /// Feedback of these sources only; empty: of all.
    pub sources: Vec<Source>,
    /// System prompts of pairs.
    pub system: SystemPrompt,
    /// A condition over the relation `attempts`, put into the query as it stands: the caller must have checked it with
    /// the read-only guard.
    #[serde(rename = "where")]
    pub where_sql: Option<String>,
    /// The query of the kind `sql`, run as it stands: the caller must have checked it with the read-only guard.
    pub query: Option<String>,
    /// Attempts that ended in an error too.
    pub include_failed: bool,
    /// This project only; absent: all of them.
    pub project: Option<String>,
    /// Visible reasoning becomes `reasoning_content`; otherwise it is left out.
    pub reasoning: bool,
    /// Only rows whose completion shows reasoning.
    pub require_reasoning: bool,
    /// Rows that call tools whose definitions the telemetry does not hold, too.
    pub undeclared_tools: bool,
    /// Pairs whose answers rest on steps that are not in the prompt, too.
    pub unseen_steps: bool,
    /// Which attempts and which feedback, by name.
    pub select: Select,
    /// What keeps the rows clean.
    pub hygiene: Hygiene,
}

impl Options {
    /// The defaults, for one kind.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            format: Format::Trl,
            file_format: None,
            shape: None,
            score_threshold: 8.0,
            undesirable_threshold: 4.0,
            score_rule: ScoreRule::Mean,
            sources: Vec::new(),
            system: SystemPrompt::Shared,
            where_sql: None,
            query: None,
            include_failed: false,
            project: None,
            reasoning: true,
            require_reasoning: false,
            undeclared_tools: false,
            unseen_steps: true,
            select: Select::default(),
            hygiene: Hygiene::default(),
        }
    }

    /// Whether these options and kinds go together; to be asked before anything is read.
    pub fn check(&self, kinds: &[Kind]) -> Result<(), ExportError> {
        for (option, score) in
            [("score-threshold", self.score_threshold), ("undesirable-threshold", self.undesirable_threshold)]
        {
            if !(1.0..=10.0).contains(&score) {
                return Err(refused(option, format!("{score} is not a number from 1 to 10")));
            }
        }
        if self.undesirable_threshold >= self.score_threshold {
            let message =
                format!("{} is not below score-threshold, {}", self.undesirable_threshold, self.score_threshold);
            return Err(refused("undesirable-threshold", message));
        }
        self.select.check()?;
        self.hygiene.check()?;
        kinds.iter().try_for_each(|kind| self.check_kind(*kind))
    }

    fn check_kind(&self, kind: Kind) -> Result<(), ExportError> {
        let name = kind.as_str();
        if kind == Kind::Sql {
            return match &self.query {
                Some(_) => Ok(()),
                None => Err(refused("query", "the kind sql needs a query".to_owned())),
            };
        }
        if let Some(shape) = self.shape.filter(|shape| !kind.shapes().contains(shape)) {
            let known = list(kind.shapes(), Shape::as_str);
            return Err(refused("shape", format!("{name} has no shape `{}`; it has: {known}", shape.as_str())));
        }
        if !self.format.takes(kind) {
            let able: Vec<Format> = Format::ALL.into_iter().filter(|format| format.takes(kind)).collect();
            let able = list(&able, Format::as_str);
            return Err(refused(
                "format",
                format!("`{}` cannot express {name}; these can: {able}", self.format.as_str()),
            ));
        }
        if self.shape_of(kind) == Shape::Step && self.format == Format::Atif {
            return Err(refused("shape", "atif holds whole attempts".to_owned()));
        }
        match (self.file_format, self.format) {
            (Some(FileFormat::Csv), _) => Err(refused("file-format", format!("csv is for sql, not for {name}"))),
            (Some(FileFormat::Jsonl), Format::Verl) => Err(refused("file-format", "verl reads Parquet".to_owned())),
            (Some(FileFormat::Parquet), format) if !format.takes_parquet() => {
                let message = format!("`{}` is read from JSON lines", format.as_str());
                Err(refused("file-format", message))
            }
            _ => Ok(()),
        }
    }

    /// The shape that rows of `kind` have.
    pub fn shape_of(&self, kind: Kind) -> Shape {
        self.shape.or(kind.shapes().first().copied()).unwrap_or(Shape::Attempt)
    }

    pub(crate) fn file_format(&self) -> FileFormat {
        match (self.file_format, self.format) {
            (Some(format), _) => format,
            (None, Format::Verl) => FileFormat::Parquet,
            (None, _) => FileFormat::Jsonl,
        }
    }
}

fn named<T: Copy>(option: &'static str, text: &str, all: &[T], name: fn(T) -> &'static str) -> Result<T, ExportError> {
    let found = all.iter().copied().find(|value| name(*value) == text);
    found.ok_or_else(|| unknown(option, text, &all.iter().map(|value| name(*value)).collect::<Vec<_>>()))
}

fn unknown(option: &'static str, text: &str, known: &[&str]) -> ExportError {
    refused(option, format!("`{text}` is unknown; supported: {}", known.join(", ")))
}

fn list<T: Copy>(values: &[T], name: fn(T) -> &'static str) -> String {
    values.iter().map(|value| name(*value)).collect::<Vec<_>>().join(", ")
}

fn refused(option: &'static str, message: String) -> ExportError {
    ExportError::Option { option, message }
}

#[cfg(test)]
mod tests;
