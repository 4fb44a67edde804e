//! The rows of a page, made into attempts.
//!
//! Long texts come as lists of ids of pieces ([`Pieces`]). A message that stands in several columns of one attempt is parsed once.

use std::collections::HashMap;

use arrow::array::{Array, AsArray, StringArray};
use gleaner_model::Message;
use serde_json::Value;

use super::{
    Attempt, AttemptRow, Beside, Given,
    columns::{Columns, RELATION, is, lists, optional, pieces, required, texts},
    handful::{Handful, Known, Plain},
    texts::{ById, Pieces},
};
use crate::{
    ExportError, Reason, messages,
    tools::{Tools, tools},
};

/// Answers to questions about lists of pieces that nearly all rows share.
const MAX_KNOWN: usize = 4_096;

/// What is put together for one row after the other.
#[derive(Default)]
pub(crate) struct Assembler {
    pieces: Pieces,
    buffer: String,
    /// Whether the keys that a span's fields were read from tell of a cut. Spans of one library have the same keys.
    truncated: HashMap<Vec<u64>, bool, ById>,
    tools: HashMap<Vec<u64>, Option<Result<Tools, Reason>>, ById>,
}

impl Assembler {
    /// Visits the attempts of a handful.
    pub(crate) fn attempts(
        &mut self,
        handful: Handful,
        beside: &mut Beside,
        visit: &mut dyn FnMut(Attempt) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        let Handful { batch, mut rows, pieces, page } = handful;
        self.pieces = pieces;
        let columns = Columns::of(&batch)?;
        rows.try_for_each(|at| visit(self.attempt(&columns, at, beside, &page)?))
    }

    fn attempt(
        &mut self,
        columns: &Columns<'_>,
        at: usize,
        beside: &mut Beside,
        page: &Known,
    ) -> Result<Attempt, ExportError> {
        let row = AttemptRow {
            attempt_id: required(columns.attempt_id, at, "attempt_id")?,
            project: required(columns.project, at, "project")?,
            session_id: required(columns.session_id, at, "session_id")?,
            lineage_id: optional(columns.lineage_id, at),
            agent_definition_id: optional(columns.agent_definition_id, at),
            trace_ids: texts(columns.trace_ids, at),
            span_ids: texts(columns.span_ids, at),
            status: required(columns.status, at, "status")?,
            output_text: optional(columns.output_text, at),
            started_unix_nano: optional(columns.started, at).and_then(|digits| digits.parse().ok()).unwrap_or(0),
        };
        let definition = beside.definition(&row.project, row.agent_definition_id.as_deref())?;
        let [asked, given] = self.question_and_input(columns, at)?;
        let question = Given {
            messages: asked,
            lacks_history: is(columns.question_complete, at, false),
            is_truncated: self.any_is_truncated(lists(columns.source_keys, at))?,
            system_prompt: definition.told.system_prompt.clone(),
            tools: definition.tools.clone(),
        };
        let tools = match self.tools(pieces(columns.tool_definitions, at), "tool_definitions")? {
            Some(tools) => Some(tools),
            // Some instrumentations tell the tools once, with the agent, and not with its calls.
            None => match question.tools.clone() {
                Some(tools) => Some(tools),
                None => self.tools(pieces(columns.agent_tools, at), "agent_tools")?,
            },
        };
        let conversation = Given {
            messages: given,
            lacks_history: is(columns.history_complete, at, false),
            is_truncated: self.any_is_truncated(pieces(columns.call_source_keys, at).into_iter())?,
            system_prompt: self.text(pieces(columns.system_prompt, at))?,
            tools,
        };
        let none = Plain::default();
        let plain = page.plain.get(&row.attempt_id).unwrap_or(&none);
        Ok(Attempt {
            question,
            conversation,
            input_text: plain.input_text.clone(),
            output_messages: self.messages(pieces(columns.output, at), "output_messages")?,
            call_output_text: plain.call_output_text.clone(),
            thoughtful: self.thoughtful(columns, at)?,
            feedback: beside.feedback(&row.attempt_id)?,
            has_model: !is(columns.has_model, at, false),
            is_compared: page.compared.contains(&row.attempt_id),
            need: beside.need(&row.project, &row.session_id)?,
            artifact: beside.artifact(&row.attempt_id)?,
            model: definition.told.model.clone(),
            agent_name: definition.told.agent_name.clone(),
            version: definition.told.version.clone(),
            row,
        })
    }

    fn text(&mut self, ids: Option<&[u64]>) -> Result<Option<String>, ExportError> {
        let Some(ids) = ids else { return Ok(None) };
        self.pieces.join(ids, &mut self.buffer)?;
        Ok(Some(self.buffer.clone()))
    }

    fn messages(&mut self, ids: Option<&[u64]>, column: &'static str) -> Result<Option<Vec<Message>>, ExportError> {
        let Some(ids) = ids else { return Ok(None) };
        self.pieces.join(ids, &mut self.buffer)?;
        parse(&self.buffer, column)
    }

    /// What the first call was given and what the last was, which mostly begins with it.
    fn question_and_input(
        &mut self,
        columns: &Columns<'_>,
        at: usize,
    ) -> Result<[Option<Vec<Message>>; 2], ExportError> {
        let of = |history: &'static str, texts: &StringArray| match texts.is_valid(at) {
            true => parse(texts.value(at), history).map(Some),
            false => Ok(None),
        };
        let (asked, given) = (pieces(columns.question, at), pieces(columns.input, at));
        let whole = match of("input_messages", columns.input_history)? {
            Some(whole) => whole,
            None => self.messages(given, "input_messages")?,
        };
        let question = match of("question_messages", columns.question_history)? {
            Some(question) => question,
            None => match (asked, given, &whole) {
                (Some(asked), Some(given), Some(messages)) if columns.input_history.is_null(at) => {
                    match self.beginning(asked, given)?.filter(|count| *count <= messages.len()) {
                        Some(count) => Some(messages[..count].to_vec()),
                        None => self.messages(Some(asked), "question_messages")?,
                    }
                }
                _ => self.messages(asked, "question_messages")?,
            },
        };
        Ok([question, whole])
    }

    /// How many messages the first list has, where the second begins with them. A list is a bracket, its messages with a comma between
    /// two, and a bracket; brackets and commas are pieces of their own.
    fn beginning(&self, list: &[u64], of: &[u64]) -> Result<Option<usize>, ExportError> {
        let [begin @ .., _] = list else { return Ok(None) };
        if list == of && begin.len() > 1 {
            return self.count(begin).map(Some);
        }
        match of.get(begin.len()) {
            Some(next) if begin.len() > 1 && of.starts_with(begin) && self.pieces.piece(*next)? == "," => {
                self.count(begin).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn count(&self, begin: &[u64]) -> Result<usize, ExportError> {
        let mut commas = 0;
        for id in begin {
            commas += usize::from(self.pieces.piece(*id)? == ",");
        }
        Ok(commas + 1)
    }

    fn any_is_truncated<'b>(&mut self, lists: impl Iterator<Item = &'b [u64]>) -> Result<bool, ExportError> {
        for ids in lists {
            let is = match self.truncated.get(ids) {
                Some(known) => *known,
                None => {
                    self.pieces.join(ids, &mut self.buffer)?;
                    let is = self.buffer.contains("\"truncated\"");
                    remember(&mut self.truncated, ids, is);
                    is
                }
            };
            if is {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn tools(
        &mut self,
        ids: Option<&[u64]>,
        column: &'static str,
    ) -> Result<Option<Result<Tools, Reason>>, ExportError> {
        let Some(ids) = ids else { return Ok(None) };
        if let Some(known) = self.tools.get(ids) {
            return Ok(known.clone());
        }
        self.pieces.join(ids, &mut self.buffer)?;
        let tools = json(&self.buffer, column, "JSON")?.map(|definitions: Value| tools(Some(&definitions)));
        remember(&mut self.tools, ids, tools.clone());
        Ok(tools)
    }

    /// Outputs that show reasoning or hold some that is encrypted.
    fn thoughtful(&mut self, columns: &Columns<'_>, at: usize) -> Result<Vec<Vec<Message>>, ExportError> {
        let Some((outputs, think)) = columns.outputs else { return Ok(Vec::new()) };
        let think = think.is_valid(at).then(|| think.value(at));
        let thinks =
            |n: usize| think.as_ref().and_then(|think| think.as_boolean_opt()).is_some_and(|think| is(think, n, true));
        let mut out = Vec::new();
        for (n, ids) in lists(outputs, at).enumerate() {
            self.pieces.join(ids, &mut self.buffer)?;
            if thinks(n) || self.buffer.contains("\"encrypted\"") {
                out.extend(parse(&self.buffer, "output_messages")?);
            }
        }
        Ok(out)
    }
}

fn remember<T>(known: &mut HashMap<Vec<u64>, T, ById>, ids: &[u64], value: T) {
    if known.len() == MAX_KNOWN {
        known.clear();
    }
    known.insert(ids.to_vec(), value);
}

fn parse(text: &str, column: &'static str) -> Result<Option<Vec<Message>>, ExportError> {
    let expected = "a list of messages";
    messages::parse(text).map_err(|_| ExportError::Column { relation: RELATION, column, expected })
}

fn json<T: serde::de::DeserializeOwned>(
    text: &str,
    column: &'static str,
    expected: &'static str,
) -> Result<Option<T>, ExportError> {
    serde_json::from_str(text).map_err(|_| ExportError::Column { relation: RELATION, column, expected })
}

#[cfg(test)]
mod tests;
