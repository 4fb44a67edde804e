//! Which attempts and which feedback: conditions for the queries.
//!
//! Pure. Values are bound. Several values of one filter are alternatives; several filters must all hold.

use std::sync::LazyLock;

use regex::Regex;
use serde::Serialize;
use serde_json::Value;

use crate::{ExportError, Normalize};

/// Filters by name. Empty ones hold everything.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Select {
    /// Names of agents.
    pub agents: Vec<String>,
    /// Versions of agents: a label that they were given, or their number.
    pub versions: Vec<String>,
    /// Models that an LLM call of the attempt asked for or was answered by.
    pub models: Vec<String>,
    /// Session ids.
    pub sessions: Vec<String>,
    /// Attempts that started at this time (UTC) or later.
    pub since: Option<String>,
    /// Attempts that started before this time (UTC).
    pub until: Option<String>,
    /// Feedback of these reviewers alone.
    pub reviewers: Vec<String>,
    /// The scores of this criterion take the place of overall scores, and pairs are those judged by it.
    pub criterion: Option<String>,
    /// Puts the scores of strict and of mild reviewers onto one scale.
    pub normalize_scores: Option<Normalize>,
}

/// A date, or a date and a time of day in UTC.
static TIME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?Z?)?$").ok()
});

impl Select {
    pub(crate) fn check(&self) -> Result<(), ExportError> {
        for (option, time) in [("since", &self.since), ("until", &self.until)] {
            let Some(time) = time else { continue };
            if TIME.as_ref().is_some_and(|form| form.is_match(time)) {
                continue;
            }
            let message = format!("`{time}` is no time; it must be like 2026-01-31 or 2026-01-31T12:00:00Z (UTC)");
            return Err(ExportError::Option { option, message });
        }
        Ok(())
    }

    /// A condition over `attempts a` joined with nothing; begins with ` AND ` where there is one.
    pub(crate) fn of_attempts(&self, params: &mut Vec<Value>) -> String {
        let mut out = String::new();
        let agents = "SELECT d.agent_definition_id FROM agent_definitions d WHERE d.project = a.project";
        if !self.agents.is_empty() {
            let names = among("d.agent_name", &self.agents, params);
            out.push_str(&format!(" AND a.agent_definition_id IN ({agents} AND {names})"));
        }
        if !self.versions.is_empty() {
            let labels = self.versions.iter().map(|label| {
                params.push(Value::from(label.as_str()));
                "list_contains(CAST(d.version_labels AS VARCHAR[]), ?)"
            });
            let labels = labels.collect::<Vec<_>>().join(" OR ");
            let numbers = among("CAST(d.version_number AS VARCHAR)", &self.versions, params);
            out.push_str(&format!(" AND a.agent_definition_id IN ({agents} AND ({labels} OR {numbers}))"));
        }
        if !self.models.is_empty() {
            let asked = among("m.model", &self.models, params);
            let answered = among("m.response_model", &self.models, params);
            out.push_str(&format!(
                " AND a.attempt_id IN (SELECT m.attempt_id FROM execution_spans m WHERE m.kind = 'llm' AND m.duplicate_of IS NULL \
                 AND ({asked} OR {answered}))"
            ));
        }
        if !self.sessions.is_empty() {
            out.push_str(&format!(" AND {}", among("a.session_id", &self.sessions, params)));
        }
        for (time, comparison) in [(&self.since, ">="), (&self.until, "<")] {
            if let Some(time) = time {
                params.push(Value::from(time.trim_end_matches('Z')));
                out.push_str(&format!(" AND a.started_at {comparison} CAST(? AS TIMESTAMP)"));
            }
        }
        out
    }

    /// A condition over a relation of feedback; begins with ` AND ` where there is one. `table` may be empty.
    pub(crate) fn of_feedback(&self, table: &str, params: &mut Vec<Value>) -> String {
        match self.reviewers.is_empty() {
            true => String::new(),
            false => format!(" AND {}", among(&column(table, "reviewer"), &self.reviewers, params)),
        }
    }

    /// As [`Select::of_feedback`], of comparisons and pairs, which have one criterion each. Corrections have none to speak of.
    pub(crate) fn of_criterion(&self, table: &str, params: &mut Vec<Value>) -> String {
        let Some(criterion) = &self.criterion else { return String::new() };
        params.push(Value::from(criterion.as_str()));
        format!(" AND {} = ?", column(table, "criterion"))
    }

    /// Whether a score counts for its attempt: overall scores, or those of the criterion asked for.
    pub(crate) fn takes_criterion(&self, criterion: Option<&str>) -> bool {
        criterion == self.criterion.as_deref()
    }
}

fn column(table: &str, name: &str) -> String {
    if table.is_empty() { name.to_owned() } else { format!("{table}.{name}") }
}

fn among(expression: &str, values: &[String], params: &mut Vec<Value>) -> String {
    params.extend(values.iter().map(|value| Value::from(value.as_str())));
    format!("{expression} IN ({})", vec!["?"; values.len()].join(", "))
}

#[cfg(test)]
mod tests;
