//! The public relations read into typed rows. The only file that knows SQL and columns.
//!
//! Values are bound, never written into a query; the one exception is the caller's `--where`, which the caller has
//! checked. Every query is ordered by derived ids, so that what is read does not depend on how the store scans.

use gleaner_model::{Message, Source};
use serde_json::{Map, Value};

use crate::{ExportError, Options, Rows};

/// What every shape needs of an attempt.
#[derive(Debug, Clone, Default, PartialEq)]
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
}

/// An attempt with its question and its agent's definition.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct QuestionRow {
    pub(crate) attempt: AttemptRow,
    pub(crate) input_messages: Option<Vec<Message>>,
    /// The messages end a conversation whose beginning is not all known.
    pub(crate) lacks_history: bool,
    pub(crate) input_text: Option<String>,
    pub(crate) system_prompt: Option<String>,
    pub(crate) tools: Option<Value>,
}

/// An attempt with what its last LLM call was given and answered.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ConversationRow {
    pub(crate) attempt: AttemptRow,
    pub(crate) system_prompt: Option<String>,
    pub(crate) input_messages: Option<Vec<Message>>,
    /// The messages end a conversation whose beginning is not all known.
    pub(crate) lacks_history: bool,
    pub(crate) output_messages: Option<Vec<Message>>,
    /// The call's plain answer, where it recorded no messages.
    pub(crate) call_output_text: Option<String>,
    pub(crate) tool_definitions: Option<Value>,
    /// Outputs of the attempt's LLM calls that show reasoning, a list per call; trajectories only.
    pub(crate) thoughtful: Vec<Vec<Message>>,
}

/// A score or correction in force.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ScoreRow {
    pub(crate) evaluation_id: String,
    pub(crate) attempt_id: String,
    pub(crate) criterion: Option<String>,
    pub(crate) score: Option<f64>,
    pub(crate) correction: Option<String>,
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

const ATTEMPT_COLUMNS: &str = "a.attempt_id, a.project, a.session_id, a.lineage_id, a.agent_definition_id, \
     to_json(a.trace_ids) AS trace_ids, to_json(s.span_ids) AS span_ids, a.status, a.output_text";

/// The spans that an attempt is made of. Duplicates are told better by another span.
const SPANS: &str = "LEFT JOIN (SELECT attempt_id, list(span_id ORDER BY span_id) AS span_ids FROM execution_spans \
     WHERE duplicate_of IS NULL AND kind IN ('llm', 'tool') GROUP BY attempt_id) s ON s.attempt_id = a.attempt_id";

const CONVERSATION: &str = "LEFT JOIN execution_spans c ON c.attempt_id = a.attempt_id \
     AND c.span_id = a.conversation_span_id AND c.duplicate_of IS NULL";

const CONVERSATION_COLUMNS: &str = "c.system_prompt, c.input_messages, c.history_complete, c.output_messages, c.output_text AS call_output_text, \
     c.tool_definitions";

const THOUGHTS: &str = "LEFT JOIN (SELECT attempt_id, to_json(list(output_messages ORDER BY start_time_unix_nano, span_id)) \
     AS thoughtful FROM execution_spans WHERE duplicate_of IS NULL AND kind = 'llm' AND reasoning_text IS NOT NULL \
     AND output_messages IS NOT NULL GROUP BY attempt_id) t ON t.attempt_id = a.attempt_id";

/// Attempts that feedback speaks of, with their questions, by attempt id.
pub(crate) fn judged_attempts(
    rows: &dyn Rows,
    options: &Options,
    visit: &mut dyn FnMut(QuestionRow) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let (filter, params) = attempt_filter(options);
    let sql = format!(
        "SELECT {ATTEMPT_COLUMNS}, a.input_messages, a.history_complete, a.input_text, d.system_prompt, d.tools \
         FROM attempts a LEFT JOIN agent_definitions d ON d.agent_definition_id = a.agent_definition_id AND d.project = a.project {SPANS} \
         WHERE {filter} AND a.attempt_id IN (SELECT attempt_id FROM evaluations WHERE in_force \
         UNION ALL SELECT chosen_attempt_id FROM preference_pairs UNION ALL SELECT rejected_attempt_id FROM preference_pairs \
         UNION ALL SELECT attempt_id FROM comparison_entries) ORDER BY a.attempt_id"
    );
    rows.for_each_row(&sql, &params, &mut |row| {
        let mut row = Row { relation: "attempts", row };
        visit(QuestionRow {
            attempt: row.attempt()?,
            input_messages: row.messages("input_messages")?,
            lacks_history: row.typed("history_complete", "a boolean")? == Some(false),
            input_text: row.text("input_text")?,
            system_prompt: row.text("system_prompt")?,
            tools: row.json("tools")?,
        })
    })
}

/// Attempts with their conversations, by attempt id. `Scored`: those alone that a score or correction speaks of.
pub(crate) fn conversations(
    rows: &dyn Rows,
    options: &Options,
    which: Which,
    visit: &mut dyn FnMut(ConversationRow) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let (filter, params) = attempt_filter(options);
    let (thought_column, thoughts, restriction) = match which {
        Which::Scored => (
            "",
            "",
            "AND a.attempt_id IN (SELECT attempt_id FROM evaluations WHERE in_force \
             AND (score IS NOT NULL OR correction IS NOT NULL))",
        ),
        Which::All => (", t.thoughtful", THOUGHTS, ""),
    };
    let sql = format!(
        "SELECT {ATTEMPT_COLUMNS}, {CONVERSATION_COLUMNS}{thought_column} FROM attempts a {CONVERSATION} {SPANS} {thoughts} \
         WHERE {filter} {restriction} ORDER BY a.attempt_id, c.start_time_unix_nano DESC, c.trace_id"
    );
    let mut last = None;
    rows.for_each_row(&sql, &params, &mut |row| {
        let mut row = Row { relation: "attempts", row };
        let attempt = row.attempt()?;
        // An attempt of several traces may know its conversation span twice: the later one is it.
        if last.as_ref() == Some(&attempt.attempt_id) {
            return Ok(());
        }
        last = Some(attempt.attempt_id.clone());
        visit(ConversationRow {
            attempt,
            system_prompt: row.text("system_prompt")?,
            input_messages: row.messages("input_messages")?,
            lacks_history: row.typed("history_complete", "a boolean")? == Some(false),
            output_messages: row.messages("output_messages")?,
            call_output_text: row.text("call_output_text")?,
            tool_definitions: row.json("tool_definitions")?,
            thoughtful: row.typed("thoughtful", "a list of lists of messages")?.unwrap_or_default(),
        })
    })
}

/// Which attempts [`conversations`] reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    Scored,
    All,
}

/// Scores and corrections in force, by attempt, then from the earliest to the latest.
pub(crate) fn scores(rows: &dyn Rows, options: &Options) -> Result<Vec<ScoreRow>, ExportError> {
    let (filter, params) = project_filter(options, "e.project");
    let sql = format!(
        "SELECT e.evaluation_id, e.attempt_id, e.criterion, e.score, e.correction, e.reviewer, e.source FROM evaluations e \
         WHERE {filter} AND e.in_force AND e.attempt_id IS NOT NULL AND (e.score IS NOT NULL OR e.correction IS NOT NULL) \
         ORDER BY e.attempt_id, e.created_at, e.evaluation_id"
    );
    let mut out = Vec::new();
    rows.for_each_row(&sql, &params, &mut |row| {
        let mut row = Row { relation: "evaluations", row };
        out.push(ScoreRow {
            evaluation_id: row.required("evaluation_id")?,
            attempt_id: row.required("attempt_id")?,
            criterion: row.text("criterion")?.filter(|criterion| !criterion.is_empty()),
            score: row.number("score")?,
            correction: row.text("correction")?.filter(|text| !text.is_empty()),
            reviewer: row.text("reviewer")?,
            source: row.source()?,
        });
        Ok(())
    })?;
    out.retain(|score| options.takes_source(score.source));
    Ok(out)
}

/// All pairs of the sources asked for, by pair id.
pub(crate) fn pairs(rows: &dyn Rows, options: &Options) -> Result<Vec<PairRow>, ExportError> {
    let (filter, params) = project_filter(options, "p.project");
    let sql = format!(
        "SELECT p.project, p.session_id, p.chosen_attempt_id, p.rejected_attempt_id, p.rule, p.margin, p.reviewer, p.source, \
         to_json(p.evidence) AS evidence FROM preference_pairs p WHERE {filter} ORDER BY p.pair_id"
    );
    let mut out = Vec::new();
    rows.for_each_row(&sql, &params, &mut |row| {
        let mut row = Row { relation: "preference_pairs", row };
        let rule = row.required("rule")?;
        let rule = Rule::BY_MARGIN.into_iter().find(|known| known.as_str() == rule);
        out.push(PairRow {
            project: row.required("project")?,
            session_id: row.required("session_id")?,
            chosen_attempt_id: row.text("chosen_attempt_id")?,
            rejected_attempt_id: row.required("rejected_attempt_id")?,
            rule: rule.ok_or_else(|| row.unlike("rule", "lock, ranking, pairwise, score or correction"))?,
            margin: row.number("margin")?,
            reviewer: row.text("reviewer")?,
            source: row.source()?,
            evidence: row.texts("evidence")?,
        });
        Ok(())
    })?;
    out.retain(|pair| options.takes_source(pair.source));
    Ok(out)
}

/// All rankings of the sources asked for, by comparison id.
pub(crate) fn rankings(rows: &dyn Rows, options: &Options) -> Result<Vec<RankingRow>, ExportError> {
    let (filter, params) = project_filter(options, "c.project");
    let sql = format!(
        "SELECT c.comparison_id, c.criterion, c.reviewer, c.source, e.attempt_id, e.rank FROM comparisons c \
         JOIN comparison_entries e ON e.comparison_id = c.comparison_id AND e.project = c.project \
         WHERE {filter} AND c.kind = 'ranking' ORDER BY c.comparison_id, e.rank, e.attempt_id"
    );
    let mut out: Vec<RankingRow> = Vec::new();
    rows.for_each_row(&sql, &params, &mut |row| {
        let mut row = Row { relation: "comparisons", row };
        let comparison_id = row.required("comparison_id")?;
        let rank = row.number("rank")?.ok_or_else(|| row.unlike("rank", "a number"))?;
        let entry = (row.text("attempt_id")?, rank as i64);
        match out.last_mut() {
            Some(ranking) if ranking.comparison_id == comparison_id => ranking.entries.push(entry),
            _ => out.push(RankingRow {
                comparison_id,
                criterion: row.text("criterion")?.filter(|criterion| !criterion.is_empty()),
                reviewer: row.text("reviewer")?,
                source: row.source()?,
                entries: vec![entry],
            }),
        }
        Ok(())
    })?;
    out.retain(|ranking| options.takes_source(ranking.source));
    Ok(out)
}

fn project_filter(options: &Options, column: &str) -> (String, Vec<Value>) {
    match &options.project {
        Some(project) => (format!("{column} = ?"), vec![Value::from(project.as_str())]),
        None => ("TRUE".to_owned(), Vec::new()),
    }
}

fn attempt_filter(options: &Options) -> (String, Vec<Value>) {
    let (mut filter, params) = project_filter(options, "a.project");
    if let Some(condition) = &options.where_sql {
        // The line breaks keep a comment at the end of the condition from swallowing the brackets.
        filter.push_str(" AND a.attempt_id IN (SELECT attempt_id FROM attempts WHERE (\n");
        filter.push_str(condition);
        filter.push_str("\n))");
    }
    (filter, params)
}

/// One row on its way to its type. Columns are taken out, so that large values are moved, not copied.
struct Row {
    relation: &'static str,
    row: Map<String, Value>,
}

impl Row {
    fn attempt(&mut self) -> Result<AttemptRow, ExportError> {
        Ok(AttemptRow {
            attempt_id: self.required("attempt_id")?,
            project: self.required("project")?,
            session_id: self.required("session_id")?,
            lineage_id: self.text("lineage_id")?,
            agent_definition_id: self.text("agent_definition_id")?,
            trace_ids: self.texts("trace_ids")?,
            span_ids: self.texts("span_ids")?,
            status: self.required("status")?,
            output_text: self.text("output_text")?,
        })
    }

    fn take(&mut self, column: &str) -> Option<Value> {
        self.row.get_mut(column).map(Value::take).filter(|value| !value.is_null())
    }

    fn unlike(&self, column: &'static str, expected: &'static str) -> ExportError {
        ExportError::Column { relation: self.relation, column, expected }
    }

    fn text(&mut self, column: &'static str) -> Result<Option<String>, ExportError> {
        match self.take(column) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.unlike(column, "text")),
        }
    }

    fn required(&mut self, column: &'static str) -> Result<String, ExportError> {
        self.text(column)?.ok_or_else(|| self.unlike(column, "present"))
    }

    fn number(&mut self, column: &'static str) -> Result<Option<f64>, ExportError> {
        let value = self.take(column);
        let number = value.as_ref().map(|value| value.as_f64().ok_or_else(|| self.unlike(column, "a number")));
        number.transpose()
    }

    fn source(&mut self) -> Result<Source, ExportError> {
        match self.text("source")?.as_deref() {
            Some("human") => Ok(Source::Human),
            Some("model") => Ok(Source::Model),
            Some("code") => Ok(Source::Code),
            _ => Err(self.unlike("source", "human, model or code")),
        }
    }

    /// A JSON column: parsed already, or as its text.
    fn json(&mut self, column: &'static str) -> Result<Option<Value>, ExportError> {
        let parsed = match self.take(column) {
            Some(Value::String(text)) => serde_json::from_str(&text).map_err(|_| self.unlike(column, "JSON"))?,
            other => other,
        };
        Ok(parsed.filter(|value: &Value| !value.is_null()))
    }

    fn typed<T: serde::de::DeserializeOwned>(
        &mut self,
        column: &'static str,
        expected: &'static str,
    ) -> Result<Option<T>, ExportError> {
        let value = self.json(column)?;
        value.map(|value| serde_json::from_value(value).map_err(|_| self.unlike(column, expected))).transpose()
    }

    fn texts(&mut self, column: &'static str) -> Result<Vec<String>, ExportError> {
        Ok(self.typed(column, "a list of texts")?.unwrap_or_default())
    }

    fn messages(&mut self, column: &'static str) -> Result<Option<Vec<Message>>, ExportError> {
        self.typed(column, "a list of messages")
    }
}

#[cfg(test)]
mod tests;
