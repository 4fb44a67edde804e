//! What stands beside attempts and is asked for once, not with every page: definitions, feedback, needs, artifacts. It waits on
//! disk until its attempt comes.

use std::{collections::HashMap, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ScoreRow;
use crate::{
    ExportError, Options, Reason, Rows,
    hygiene::ScoreScale,
    row::Row,
    shelf::Shelf,
    spool::Spool,
    sql,
    tools::{Tools, tools},
};

/// Definitions in memory: most exports see a few dozen.
const CACHED_DEFINITIONS: usize = 256;

/// Of the root agent.
#[derive(Debug, Default)]
pub(crate) struct Definition {
    pub(crate) told: Told,
    pub(crate) tools: Option<Result<Tools, Reason>>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) system_prompt: Option<String>,
    tools: Option<Value>,
    pub(crate) model: Option<String>,
    pub(crate) agent_name: Option<String>,
    pub(crate) version: Option<String>,
}

pub(crate) struct Beside {
    definitions: Shelf,
    cached: HashMap<String, Arc<Definition>>,
    feedback: Shelf,
    needs: Shelf,
    artifacts: Shelf,
}

impl Beside {
    pub(crate) fn read(
        rows: &dyn Rows,
        options: &Options,
        wanted: &sql::Wanted,
        scale: &ScoreScale,
        spool: &dyn Fn() -> Result<Spool, ExportError>,
    ) -> Result<Self, ExportError> {
        let shelf = || spool().map(Shelf::new);
        let mut beside = Self {
            definitions: shelf()?,
            cached: HashMap::new(),
            feedback: shelf()?,
            needs: shelf()?,
            artifacts: shelf()?,
        };
        beside.read_definitions(rows, options)?;
        beside.read_feedback(rows, options, scale)?;
        if wanted.task {
            beside.read_task(rows, options)?;
        }
        Ok(beside)
    }

    /// Empty where the attempt has none.
    pub(crate) fn definition(&mut self, project: &str, id: Option<&str>) -> Result<Arc<Definition>, ExportError> {
        let Some(id) = id else { return Ok(Arc::default()) };
        let key = in_project(project, id);
        if let Some(known) = self.cached.get(&key) {
            return Ok(known.clone());
        }
        let told: Told = self.definitions.get(&key)?.unwrap_or_default();
        let tools = told.tools.as_ref().map(|definitions| tools(Some(definitions)));
        let definition = Arc::new(Definition { told, tools });
        if self.cached.len() == CACHED_DEFINITIONS {
            self.cached.clear();
        }
        self.cached.insert(key, definition.clone());
        Ok(definition)
    }

    /// Scores and corrections in force, from the earliest to the latest.
    pub(crate) fn feedback(&mut self, attempt_id: &str) -> Result<Vec<ScoreRow>, ExportError> {
        Ok(self.feedback.get(attempt_id)?.unwrap_or_default())
    }

    pub(crate) fn need(&mut self, project: &str, session_id: &str) -> Result<Option<String>, ExportError> {
        self.needs.get(&in_project(project, session_id))
    }

    pub(crate) fn artifact(&mut self, attempt_id: &str) -> Result<Option<String>, ExportError> {
        self.artifacts.get(attempt_id)
    }

    fn read_definitions(&mut self, rows: &dyn Rows, options: &Options) -> Result<(), ExportError> {
        let (sql, params) = sql::definitions(options);
        rows.for_each_row(&sql, &params, &mut |row| {
            let mut row = Row::new("agent_definitions", row);
            let key = in_project(&row.required("project")?, &row.required("agent_definition_id")?);
            let told = Told {
                system_prompt: row.text("system_prompt")?,
                tools: row.json("tools")?,
                model: row.text("model")?,
                agent_name: row.text("agent_name")?,
                version: row.text("version")?,
            };
            self.definitions.put(&key, &told)
        })
    }

    /// The rows of an attempt follow each other.
    fn read_feedback(&mut self, rows: &dyn Rows, options: &Options, scale: &ScoreScale) -> Result<(), ExportError> {
        let (sql, params) = sql::feedback(options);
        let mut current: Option<(String, Vec<ScoreRow>)> = None;
        rows.for_each_row(&sql, &params, &mut |row| {
            let mut row = Row::new("evaluations", row);
            let attempt_id = row.required("attempt_id")?;
            let given = row.number("score")?;
            let (reviewer, source) = (row.text("reviewer")?, row.source()?);
            let score = ScoreRow {
                evaluation_id: row.required("evaluation_id")?,
                criterion: row.text("criterion")?.filter(|criterion| !criterion.is_empty()),
                score: given.map(|given| scale.score(reviewer.as_deref(), source, given)),
                given,
                correction: row.text("correction")?.filter(|text| !text.is_empty()),
                comment: row.text("comment")?,
                reviewer,
                source,
            };
            match &mut current {
                Some((of, scores)) if *of == attempt_id => scores.push(score),
                _ => {
                    let before = current.replace((attempt_id, vec![score]));
                    before.map_or(Ok(()), |(of, scores)| self.feedback.put(&of, &scores))?;
                }
            }
            Ok(())
        })?;
        current.map_or(Ok(()), |(of, scores)| self.feedback.put(&of, &scores))
    }

    fn read_task(&mut self, rows: &dyn Rows, options: &Options) -> Result<(), ExportError> {
        let (sql, params) = sql::needs(options);
        rows.for_each_row(&sql, &params, &mut |row| {
            let mut row = Row::new("sessions", row);
            let key = in_project(&row.required("project")?, &row.required("session_id")?);
            let need: Option<String> = row.text("need")?.filter(|need| !need.trim().is_empty());
            need.map_or(Ok(()), |need| self.needs.put(&key, &need))
        })?;
        let (sql, params) = sql::artifacts(options);
        rows.for_each_row(&sql, &params, &mut |row| {
            let mut row = Row::new("artifacts", row);
            let attempt_id = row.required("attempt_id")?;
            let content: Option<String> = row.text("artifact")?.filter(|content| !content.trim().is_empty());
            content.map_or(Ok(()), |content| self.artifacts.put(&attempt_id, &content))
        })
    }
}

fn in_project(project: &str, id: &str) -> String {
    format!("{project}\0{id}")
}
