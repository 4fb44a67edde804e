//! The attempt model made into training datasets: selection, shaping, honesty checks, formats, manifest, dataset card.
//!
//! Data in: rows of the public relations (`attempts`, `execution_spans`, `evaluations`, `comparisons`,
//! `preference_pairs`, `directives`) through [`Rows`]. Data out: files through [`Output`]. This crate knows neither OTLP
//! nor sockets, and reads no clock.
//!
//! One way: select (`sql`, `read`) ▶ over to a thread of its own (`pipeline`) ▶ make ready (`case`) ▶ shape into the canonical example (`sft`, `pairs`, `reward`,
//! `trajectory`, `revisions`) ▶ over to another ▶ honesty checks (`check`) ▶ hygiene (`stage`) ▶ row of a format (`format`) ▶ on disk, until
//! all are known (`collect`, `ledger`) ▶ judged beside each other (`judged`, `decide`, `stage`) ▶ files (`sink`, `card`, `manifest`).
//!
//! Invariants:
//! - The same rows and options give the same bytes: order is by derived ids, and no file holds a time of writing.
//! - Every candidate is either a row or a line of `rejected.jsonl` with its reason; no example is silently shortened.
//! - Every row names the session, attempts, traces, spans and feedback that made it, by itself or in `provenance.jsonl`.
//! - Within a file all rows have the columns that the dataset card declares, and no others.
//! - Memory holds ids and hashes of rows, and only of one file while they are judged; never all of their contents.

mod canonical;
mod card;
mod case;
mod check;
mod collect;
mod conversation;
mod dataset;
mod decide;
mod error;
mod example;
mod format;
mod frame;
mod hygiene;
mod judged;
mod ledger;
mod lookup;
mod manifest;
mod messages;
mod options;
mod output;
mod pairs;
mod pipeline;
mod progress;
mod provenance;
mod query;
mod read;
mod reason;
mod reasoning;
mod revisions;
mod reward;
mod row;
mod rows;
mod score;
mod select;
mod sft;
mod shelf;
mod sink;
mod spool;
mod sql;
mod stage;
mod steps;
mod tools;
mod trajectory;

pub use error::ExportError;
pub use hygiene::{GivenFile, Hygiene, Normalize, PairRule, Pattern, Redact, Shares, SplitBy, SplitOptions};
pub use lookup::{Found, Lookup, Sought, lookup};
pub use manifest::{FileEntry, Manifest, Program, Section};
pub use options::{FileFormat, Format, Host, Kind, Options, Reasoning, ScoreRule, Shape, SystemPrompt};
pub use output::{DirOutput, MemoryOutput, Output};
pub use progress::Progress;
pub use reason::Reason;
pub use rows::Rows;
pub use select::Select;

use std::{collections::HashMap, path::Path};

use case::{Case, Cases};
use collect::{Collector, Made};
use dataset::Dataset;
use hygiene::ScoreScale;
use output::Files;
use pipeline::{Taker, pipe};
use read::{Assembler, Beside, Handful, Pages};
use spool::Spool;
use sql::Wanted;
use stage::Stage;

/// Writes the dataset of `options.kind`: [`export_all`] for one kind.
pub fn export(
    rows: &dyn Rows,
    options: &Options,
    program_version: &str,
    out: &mut dyn Output,
    progress: &mut dyn Progress,
) -> Result<Manifest, ExportError> {
    export_all(rows, &[options.kind], options, program_version, out, progress)
}

/// Writes the datasets of several kinds side by side, with one `rejected.jsonl`, one `manifest.json` and one `README.md`
/// over all of them. `options.kind` is not looked at; a kind that is named twice is written once.
///
/// Files get their final names only at the end. Beside `out`'s files, about as much again lies in temporary ones.
pub fn export_all(
    rows: &dyn Rows,
    kinds: &[Kind],
    options: &Options,
    program_version: &str,
    out: &mut dyn Output,
    progress: &mut dyn Progress,
) -> Result<Manifest, ExportError> {
    let kinds = distinct(kinds);
    options.check(&kinds)?;
    let journal_position = rows.position()?;
    let scratch = out.scratch().map(Path::to_owned);
    let spool = || Spool::new(scratch.as_deref());
    let mut cases = Cases::new(spool()?);
    let collector = Collector::new(&kinds, options, &spool, stages(rows, options, scratch.as_deref())?)?;
    let mut files = Files::new(out);
    let queried = match kinds.contains(&Kind::Sql) {
        true => Some(query::write(rows, options, &mut files, progress)?),
        false => None,
    };
    let kinds_of_attempts: Vec<Kind> = kinds.iter().copied().filter(|kind| *kind != Kind::Sql).collect();
    let collector = pipeline::run(collector, |taker| {
        collect(rows, &kinds_of_attempts, options, &spool, &mut cases, taker, progress)
    })?;
    let ended = rows.position()?;
    if ended != journal_position {
        return Err(ExportError::Moved { began: journal_position, ended });
    }
    collector.finish(files, queried, Made { kinds: &kinds, program_version, journal_position }, progress)
}

/// Hygiene, in the order of its stages.
fn stages(rows: &dyn Rows, options: &Options, scratch: Option<&Path>) -> Result<Vec<Box<dyn Stage>>, ExportError> {
    let questions = match options.hygiene.needs_questions() {
        true => read::first_questions(rows, options)?,
        false => HashMap::new(),
    };
    options.hygiene.stages(questions, scratch)
}

/// Reads everything once: attempts with what is said of them, then what is said of several attempts.
fn collect(
    rows: &dyn Rows,
    kinds: &[Kind],
    options: &Options,
    spool: &dyn Fn() -> Result<Spool, ExportError>,
    cases: &mut Cases,
    taker: &Taker<'_>,
    progress: &mut dyn Progress,
) -> Result<(), ExportError> {
    if kinds.is_empty() {
        return Ok(());
    }
    let wanted = Wanted::of(kinds, options);
    progress.begin("counting attempts", 0);
    let scale = read::score_scale(rows, options)?;
    let mut pages = Pages::choose(rows, options, &wanted, spool()?)?;
    let beside = Beside::read(rows, options, &wanted, &scale, spool)?;
    progress.begin("reading attempts", pages.total());
    let mut done = 0;
    let shaper = Shaper { assembler: Assembler::default(), beside, cases, kinds, options, taker };
    pipe(shaper, WAITING_BYTES, Shaper::shape, |queue| {
        read::attempts(rows, options, &wanted, &mut pages, &mut |handful| {
            progress.check()?;
            done += handful.len() as u64;
            progress.advance(done);
            let bytes = handful.bytes();
            queue.put(handful, bytes)
        })
    })?;
    if kinds.iter().any(|kind| matches!(kind, Kind::Preference | Kind::Reward)) {
        of_pairs(rows, kinds, options, &scale, cases, taker, progress)?;
    }
    if kinds.contains(&Kind::Reward) {
        let shape = options.shape_of(Kind::Reward);
        read::rankings(rows, options, &mut |row| {
            progress.check()?;
            taker.take(&dataset::RANKINGS, reward::ranking(&row, cases, options, shape)?)
        })?;
    }
    if kinds.contains(&Kind::Revisions) {
        let shape = options.shape_of(Kind::Revisions);
        read::revisions(rows, options, &mut |row| {
            progress.check()?;
            let Some(case) = cases.get(&row.attempt_id)? else { return Ok(()) };
            let next = row.next_attempt_id.as_deref().map(|id| cases.get(id)).transpose()?.flatten();
            taker.take(&dataset::REVISIONS, [revisions::directed(&row, &case, next.as_ref(), options, shape)])
        })?;
    }
    Ok(())
}

/// Bytes of rows that wait to be put together: enough to go on with while the next page is read.
const WAITING_BYTES: usize = 16 << 20;

/// Puts rows together and shapes them.
struct Shaper<'a> {
    assembler: Assembler,
    beside: Beside,
    cases: &'a mut Cases,
    kinds: &'a [Kind],
    options: &'a Options,
    taker: &'a Taker<'a>,
}

impl Shaper<'_> {
    fn shape(&mut self, handful: Handful) -> Result<(), ExportError> {
        let Self { assembler, beside, cases, kinds, options, taker } = self;
        assembler.attempts(handful, beside, &mut |attempt| {
            let is_compared = attempt.is_compared;
            let case = Case::of(attempt, options);
            kinds.iter().try_for_each(|kind| of_one_attempt(*kind, &case, options, taker))?;
            if is_compared { cases.put(&case) } else { Ok(()) }
        })
    }
}

fn of_one_attempt(kind: Kind, case: &Case, options: &Options, taker: &Taker<'_>) -> Result<(), ExportError> {
    let shape = options.shape_of(kind);
    let candidates = match kind {
        Kind::Sft => sft::sft(case, options, shape),
        Kind::Kto => sft::kto(case, options, shape),
        Kind::Reward => return taker.take(&dataset::SCORES, reward::scores(case, options, shape)),
        Kind::Trajectory => trajectory::trajectory(case, options, shape),
        Kind::Prompts => trajectory::prompts(case, options, shape),
        Kind::Revisions => revisions::corrected(case, options, shape),
        Kind::Preference | Kind::Sql => return Ok(()),
    };
    match Dataset::main(kind, shape) {
        Some(dataset) => taker.take(dataset, candidates),
        None => Ok(()),
    }
}

fn of_pairs(
    rows: &dyn Rows,
    kinds: &[Kind],
    options: &Options,
    scale: &ScoreScale,
    cases: &mut Cases,
    taker: &Taker<'_>,
    progress: &mut dyn Progress,
) -> Result<(), ExportError> {
    let mut session: Vec<read::PairRow> = Vec::new();
    // How many there are is known only to whoever has read them.
    progress.begin("reading pairs", 0);
    let mut done = 0;
    let mut write = |session: &[read::PairRow]| {
        progress.check()?;
        done += session.len() as u64;
        progress.advance(done);
        for kind in kinds.iter().filter(|kind| matches!(kind, Kind::Preference | Kind::Reward)) {
            let shape = options.shape_of(*kind);
            let candidates = pairs::session(session, cases, options, shape)?;
            if let Some(dataset) = Dataset::main(*kind, shape) {
                taker.take(dataset, candidates)?;
            }
        }
        Ok(())
    };
    read::pairs(rows, options, scale, &mut |pair| {
        let is_next =
            session.last().is_some_and(|last| (&last.project, &last.session_id) != (&pair.project, &pair.session_id));
        if is_next {
            write(&std::mem::take(&mut session))?;
        }
        session.push(pair);
        Ok(())
    })?;
    write(&session)
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
