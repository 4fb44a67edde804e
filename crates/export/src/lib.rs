//! The attempt model made into training datasets: selection, shaping, honesty checks, JSONL, manifest, dataset card.
//!
//! Data in: rows of the public relations (`attempts`, `execution_spans`, `evaluations`, `comparisons`,
//! `preference_pairs`) through [`Rows`]. Data out: files through [`Output`]. This crate knows neither OTLP nor sockets,
//! and reads no clock.
//!
//! Invariants:
//! - The same rows and options give the same bytes: order is by derived ids, and no file holds a time of writing.
//! - Every candidate is either a row or a line of `rejected.jsonl` with its reason; no example is silently shortened.
//! - Every row names the session, attempts, traces, spans and feedback that made it.
//! - Within a file all rows have the same columns in the same order, those that the dataset card declares.

mod answer;
mod card;
mod conversation;
mod dataset;
mod error;
#[allow(dead_code, reason = "the pipeline is put onto it next")]
mod example;
#[allow(dead_code, reason = "the pipeline is put onto it next")]
mod hygiene;
mod manifest;
mod options;
mod output;
mod pairs;
mod provenance;
mod read;
mod reason;
mod reward;
mod rows;
mod sft;
#[allow(dead_code, reason = "the pipeline is put onto it next")]
mod stage;
mod tools;
mod trajectory;
mod writer;

pub use error::ExportError;
pub use hygiene::{Benchmark, GivenFile, Hygiene, Normalize, PairRule, Pattern, Redact, Shares, SplitBy, SplitOptions};
pub use manifest::{FileEntry, Manifest, Program, Section};
pub use options::{Format, Kind, Options, ScoreRule, SystemPrompt};
pub use output::{DirOutput, MemoryOutput, Output};
pub use reason::Reason;
pub use rows::Rows;

use answer::Answers;
use writer::Writer;

/// Writes the dataset of `options.kind`: [`export_all`] for one kind.
pub fn export(
    rows: &dyn Rows,
    options: &Options,
    program_version: &str,
    out: &mut dyn Output,
    progress: &mut dyn FnMut(u64),
) -> Result<Manifest, ExportError> {
    export_all(rows, &[options.kind], options, program_version, out, progress)
}

/// Writes the datasets of several kinds side by side, with one `rejected.jsonl`, one `manifest.json` and one `README.md`
/// over all of them. `options.kind` is not looked at; a kind that is named twice is written once.
///
/// `progress` is called with the number of candidates handled so far. Files get their final names only at the end.
pub fn export_all(
    rows: &dyn Rows,
    kinds: &[Kind],
    options: &Options,
    program_version: &str,
    out: &mut dyn Output,
    progress: &mut dyn FnMut(u64),
) -> Result<Manifest, ExportError> {
    options.check()?;
    let kinds = distinct(kinds);
    let journal_position = rows.position()?;
    let mut writer = Writer::new(out, progress)?;
    let answers = match kinds.iter().any(|kind| matches!(kind, Kind::Preference | Kind::Reward)) {
        true => Answers::load(rows, options)?,
        false => Answers::load_scores(rows, options)?,
    };
    for kind in &kinds {
        match kind {
            Kind::Sft => sft::write(rows, options, &answers, &mut writer)?,
            Kind::Preference => pairs::write(options, &answers, &dataset::PREFERENCE, &mut writer)?,
            Kind::Reward => {
                pairs::write(options, &answers, &dataset::REWARD, &mut writer)?;
                reward::write_scores(options, &answers, &mut writer)?;
                reward::write_rankings(rows, options, &answers, &mut writer)?;
            }
            Kind::Trajectory => trajectory::write(rows, options, &answers, &mut writer)?,
        }
    }
    let ended = rows.position()?;
    if ended != journal_position {
        return Err(ExportError::Moved { began: journal_position, ended });
    }
    writer.finish(&kinds, options, program_version, journal_position)
}

fn distinct(kinds: &[Kind]) -> Vec<Kind> {
    let mut out = Vec::new();
    for kind in kinds {
        if !out.contains(kind) {
            out.push(*kind);
        }
    }
    out
}

#[cfg(test)]
mod tests;
