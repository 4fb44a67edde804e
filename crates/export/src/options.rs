//! What to export and how, and which choices go together. Names are those of the command line.

mod names;

use gleaner_model::Source;
use serde::Serialize;

pub(crate) use names::named;
pub use names::{FileFormat, Format, Kind, Reasoning, ScoreRule, Shape, SystemPrompt};

pub use crate::format::Host;
use crate::{ExportError, Hygiene, Select};

/// Everything that decides what an export holds. All of it is repeated in the manifest.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Options {
    /// The kind that [`crate::export`] writes.
    #[serde(skip)]
    pub kind: Kind,
    /// Shape of the rows.
    pub format: Format,
    /// Who trains on files of the format `openai`; absent: OpenAI.
    pub host: Option<Host>,
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
    /// What becomes of reasoning.
    pub reasoning: Reasoning,
    /// Rows that call tools whose definitions the telemetry does not hold, too.
    pub undeclared_tools: bool,
    /// Rows with messages that call several tools at once, too.
    pub parallel_calls: bool,
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
            host: None,
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
            reasoning: Reasoning::Keep,
            undeclared_tools: false,
            parallel_calls: true,
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
        if let Some(host) = self.host {
            if self.format != Format::Openai {
                let message =
                    format!("{} goes with the format openai, not with {}", host.as_str(), self.format.as_str());
                return Err(refused("host", message));
            }
            if !host.takes(kind) {
                return Err(refused("host", format!("{} does not train on {name}", host.as_str())));
            }
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

fn list<T: Copy>(values: &[T], name: fn(T) -> &'static str) -> String {
    values.iter().map(|value| name(*value)).collect::<Vec<_>>().join(", ")
}

fn refused(option: &'static str, message: String) -> ExportError {
    ExportError::Option { option, message }
}

#[cfg(test)]
mod tests;
