//! The public relations read into typed rows. With `sql.rs` the only file that knows columns.
//!
//! Values are bound, never written into a query; the one exception is the caller's `--where`, which the caller has
//! checked. Attempts come in no particular order: sorting rows that hold whole conversations would cost more than all
//! the rest. Narrow rows are ordered by derived ids.

mod beside;
mod columns;
mod handful;
mod page;
mod pages;
mod texts;

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use gleaner_model::{Message, Source};
use serde::{Deserialize, Serialize};

use crate::{
    ExportError, Options, Reason, Rows,
    hygiene::{Questions, ScoreScale},
    row::Row,
    sql,
    tools::Tools,
};

pub(crate) use beside::Beside;
pub(crate) use handful::Handful;
use handful::{Known, Plain, handfuls, plain_texts, without_messages};
pub(crate) use page::Assembler;
pub(crate) use pages::{Page, Pages};
use texts::Texts;

/// What every shape needs of an attempt.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct AttemptRow {
    pub(crate) attempt_id: String,
    pub(crate) project: String,
    pub(crate) session_id: String,
    pub(crate) lineage_id: Option<String>,
    pub(crate) agent_definition_id: Option<String>,
    pub(crate) trace_ids: Vec<String>,
    pub(crate) span_ids: Vec<String>,
    /// `open`, `ok` or `error`.
    pub(crate) status: String,
    pub(crate) output_text: Option<String>,
    /// Nanoseconds since the epoch; 0 where it is not known.
    pub(crate) started_unix_nano: u64,
}

/// An attempt with its question, its last LLM call and the feedback on it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Attempt {
    pub(crate) row: AttemptRow,
    /// What the first call was given.
    pub(crate) question: Given,
    pub(crate) input_text: Option<String>,
    /// What the last call was given.
    pub(crate) conversation: Given,
    pub(crate) output_messages: Option<Vec<Message>>,
    /// The last call's plain answer, where it recorded no messages.
    pub(crate) call_output_text: Option<String>,
    /// Outputs of the attempt's LLM calls that show reasoning, a list per call; read where they are wanted.
    pub(crate) thoughtful: Vec<Vec<Message>>,
    /// Scores and corrections in force, from the earliest to the latest.
    pub(crate) feedback: Vec<ScoreRow>,
    /// Whether a model call or an agent is among its spans.
    pub(crate) has_model: bool,
    /// Whether a pair, a ranking or a directive speaks of it.
    pub(crate) is_compared: bool,
    /// What the user needs, of the session; read for the task shape.
    pub(crate) need: Option<String>,
    /// The artifact declared last; read for the task shape.
    pub(crate) artifact: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) agent_name: Option<String>,
    pub(crate) version: Option<String>,
}

/// Messages, system prompt and tools of one LLM call.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Given {
    pub(crate) messages: Option<Vec<Message>>,
    /// The messages end a conversation whose beginning is not all known.
    pub(crate) lacks_history: bool,
    /// Something on the way cut the messages off.
    pub(crate) is_truncated: bool,
    pub(crate) system_prompt: Option<String>,
    /// The reason stands for tools that cannot be told.
    pub(crate) tools: Option<Result<Tools, Reason>>,
}

/// A score or correction in force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ScoreRow {
    pub(crate) evaluation_id: String,
    pub(crate) criterion: Option<String>,
    /// On the scale that scores are compared on.
    pub(crate) score: Option<f64>,
    /// As the reviewer gave it.
    #[serde(default)]
    pub(crate) given: Option<f64>,
    pub(crate) correction: Option<String>,
    pub(crate) comment: Option<String>,
    pub(crate) reviewer: Option<String>,
    pub(crate) source: Source,
}

/// What made a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    Ranking,
    Pairwise,
    Score,
    Lock,
    Correction,
}

impl Rule {
    /// In the order in which margins are taken.
    pub(crate) const BY_MARGIN: [Rule; 5] = [Rule::Ranking, Rule::Pairwise, Rule::Score, Rule::Lock, Rule::Correction];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ranking => "ranking",
            Self::Pairwise => "pairwise",
            Self::Score => "score",
            Self::Lock => "lock",
            Self::Correction => "correction",
        }
    }
}

/// One reviewer's word that one output is better than another.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PairRow {
    pub(crate) project: String,
    pub(crate) session_id: String,
    /// Absent for corrections.
    pub(crate) chosen_attempt_id: Option<String>,
    pub(crate) rejected_attempt_id: String,
    pub(crate) rule: Rule,
    pub(crate) margin: Option<f64>,
    pub(crate) reviewer: Option<String>,
    pub(crate) source: Source,
    /// Ids of evaluations and comparisons.
    pub(crate) evidence: Vec<String>,
}

/// A ranking in force with its entries by rank.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RankingRow {
    pub(crate) comparison_id: String,
    pub(crate) criterion: Option<String>,
    pub(crate) reviewer: Option<String>,
    pub(crate) source: Source,
    /// Attempt (absent while unbound) and rank; 1 is best, ties share one.
    pub(crate) entries: Vec<(Option<String>, i64)>,
}

/// What a user asked to change about an output, and the output that came next.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RevisionRow {
    pub(crate) directive_id: String,
    pub(crate) text: String,
    pub(crate) reviewer: Option<String>,
    pub(crate) source: Source,
    pub(crate) attempt_id: String,
    /// The lineage's next attempt that ended well; absent where none has followed.
    pub(crate) next_attempt_id: Option<String>,
}

/// Visits the attempts of all pages as rows that are yet to be put together, in the order of the pages, and within one in no particular
/// order.
pub(crate) fn attempts(
    rows: &dyn Rows,
    options: &Options,
    wanted: &sql::Wanted,
    pages: &mut Pages,
    visit: &mut dyn FnMut(Handful) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let mut texts = Texts::default();
    while let Some(page) = pages.next()? {
        let (sql, params) = sql::page(options, wanted, &page);
        let (mut batches, mut bytes) = (Vec::new(), 0);
        rows.for_each_page(&sql, &params, &mut |batch| {
            bytes += batch.get_array_memory_size();
            batches.push(batch.clone());
            Ok(())
        })?;
        let known = Arc::new(known(rows, &page, &batches)?);
        bytes += known.plain.values().map(Plain::bytes).sum::<usize>();
        batches.iter().try_for_each(|batch| handfuls(rows, &mut texts, batch, &known, visit))?;
        pages.held(page.attempt_ids.len(), bytes);
    }
    Ok(())
}

fn known(rows: &dyn Rows, page: &Page, batches: &[RecordBatch]) -> Result<Known, ExportError> {
    let compared = page.attempt_ids.iter().zip(&page.compared).filter(|(_, is)| **is).map(|(id, _)| id.clone());
    let mut known = Known { compared: compared.collect(), ..Known::default() };
    let mut ids = Vec::new();
    for batch in batches {
        ids.extend(without_messages(batch)?);
    }
    if !ids.is_empty() {
        let (sql, params) = sql::plain_texts(page, &ids);
        rows.for_each_page(&sql, &params, &mut |batch| plain_texts(batch, &mut known.plain))?;
    }
    Ok(known)
}

/// All pairs of the sources asked for, those of a session together.
pub(crate) fn pairs(
    rows: &dyn Rows,
    options: &Options,
    scale: &ScoreScale,
    visit: &mut dyn FnMut(PairRow) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let (sql, params) = sql::pairs(options);
    rows.for_each_row(&sql, &params, &mut |row| {
        let mut row = Row::new("preference_pairs", row);
        let rule = row.required("rule")?;
        let rule = Rule::BY_MARGIN.into_iter().find(|known| known.as_str() == rule);
        let (margin, reviewer, source) = (row.number("margin")?, row.text("reviewer")?, row.source()?);
        let is_score = rule == Some(Rule::Score);
        visit(PairRow {
            project: row.required("project")?,
            session_id: row.required("session_id")?,
            chosen_attempt_id: row.text("chosen_attempt_id")?,
            rejected_attempt_id: row.required("rejected_attempt_id")?,
            rule: rule.ok_or_else(|| row.unlike("rule", "lock, ranking, pairwise, score or correction"))?,
            margin: margin.map(|gap| if is_score { scale.gap(reviewer.as_deref(), source, gap) } else { gap }),
            reviewer,
            source,
            evidence: row.texts("evidence")?,
        })
    })
}

/// What puts scores onto one scale; nothing does where it is not asked for.
pub(crate) fn score_scale(rows: &dyn Rows, options: &Options) -> Result<ScoreScale, ExportError> {
    let Some(normalize) = options.select.normalize_scores else { return Ok(ScoreScale::default()) };
    let mut scale = ScoreScale::new(normalize);
    let (sql, params) = sql::score_counts(options);
    rows.for_each_row(&sql, &params, &mut |row| {
        let mut row = Row::new("evaluations", row);
        let score = row.number("score")?.ok_or_else(|| row.unlike("score", "a number"))?;
        let count = row.number("scores")?.unwrap_or(0.0) as u64;
        scale.add(row.text("reviewer")?.as_deref(), row.source()?, score, count);
        Ok(())
    })?;
    Ok(scale)
}

/// The question that each session began with, as its hash, by project and session.
pub(crate) fn first_questions(rows: &dyn Rows, options: &Options) -> Result<Questions, ExportError> {
    let (sql, params) = sql::first_questions(options);
    let mut out = Questions::new();
    rows.for_each_row(&sql, &params, &mut |row| {
        let mut row = Row::new("attempts", row);
        if let Some(hash) = row.text("prompt_hash")? {
            out.insert((row.required("project")?, row.required("session_id")?), hash);
        }
        Ok(())
    })?;
    Ok(out)
}

/// All rankings of the sources asked for, by comparison id.
pub(crate) fn rankings(
    rows: &dyn Rows,
    options: &Options,
    visit: &mut dyn FnMut(RankingRow) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let (sql, params) = sql::rankings(options);
    let mut current: Option<RankingRow> = None;
    rows.for_each_row(&sql, &params, &mut |row| {
        let mut row = Row::new("comparisons", row);
        let comparison_id = row.required("comparison_id")?;
        let rank = row.number("rank")?.ok_or_else(|| row.unlike("rank", "a number"))?;
        let entry = (row.text("attempt_id")?, rank as i64);
        if let Some(ranking) = current.as_mut().filter(|ranking| ranking.comparison_id == comparison_id) {
            ranking.entries.push(entry);
            return Ok(());
        }
        let next = RankingRow {
            comparison_id,
            criterion: row.text("criterion")?.filter(|criterion| !criterion.is_empty()),
            reviewer: row.text("reviewer")?,
            source: row.source()?,
            entries: vec![entry],
        };
        current.replace(next).map_or(Ok(()), &mut *visit)
    })?;
    current.map_or(Ok(()), visit)
}

/// Directives of the sources asked for, each with the output that it speaks of and the lineage's next one.
pub(crate) fn revisions(
    rows: &dyn Rows,
    options: &Options,
    visit: &mut dyn FnMut(RevisionRow) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let (sql, params) = sql::revisions(options);
    rows.for_each_row(&sql, &params, &mut |row| {
        let mut row = Row::new("directives", row);
        visit(RevisionRow {
            directive_id: row.required("directive_id")?,
            text: row.text("text")?.unwrap_or_default(),
            reviewer: row.text("reviewer")?,
            source: row.source()?,
            attempt_id: row.required("attempt_id")?,
            next_attempt_id: row.text("next_attempt_id")?,
        })
    })
}

#[cfg(test)]
mod tests;
