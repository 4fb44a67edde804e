//! The rows of a page, made into attempts.
//!
//! Long texts come as lists of ids of pieces ([`Texts`]). A message that stands in several columns of one attempt is parsed once.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    sync::Arc,
};

use arrow::{
    array::{Array, AsArray, BooleanArray, ListArray, StringArray},
    datatypes::UInt64Type,
    record_batch::RecordBatch,
};
use gleaner_model::Message;
use serde_json::Value;

use super::{
    Attempt, AttemptRow, Beside, Given,
    texts::{ById, Pieces, Texts},
};
use crate::{
    ExportError, Reason, Rows, messages,
    tools::{Tools, tools},
};

const RELATION: &str = "attempts";
/// Ids of pieces that are looked up together, some 300 bytes each and 4 KB at most.
const MAX_IDS: usize = 16_384;
/// Answers to questions about lists of pieces that nearly all rows share.
const MAX_KNOWN: usize = 4_096;

/// Some rows of a page, with the pieces of their texts.
pub(crate) struct Handful {
    batch: RecordBatch,
    rows: Range<usize>,
    pieces: Pieces,
    page: Arc<Known>,
}

/// What is known of the attempts of a page apart from their rows.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Those that pairs, rankings or directives speak of.
    pub(crate) compared: HashSet<String>,
    /// Of those that recorded no messages.
    pub(crate) plain: HashMap<String, Plain>,
}

/// Plain texts of an attempt.
#[derive(Debug, Default)]
pub(crate) struct Plain {
    input_text: Option<String>,
    call_output_text: Option<String>,
}

impl Plain {
    pub(crate) fn bytes(&self) -> usize {
        [&self.input_text, &self.call_output_text].into_iter().flatten().map(String::len).sum()
    }
}

/// The attempts of a batch whose question, or whose last answer, is not known from messages.
pub(crate) fn without_messages(batch: &RecordBatch) -> Result<Vec<&str>, ExportError> {
    let columns = Columns::of(batch)?;
    let is_without = |at: &usize| {
        let is_asked = columns.question.is_valid(*at) || columns.question_history.is_valid(*at);
        // An empty list is one piece.
        !is_asked || pieces(columns.output, *at).is_none_or(|ids| ids.len() < 2)
    };
    Ok((0..batch.num_rows()).filter(is_without).map(|at| columns.attempt_id.value(at)).collect())
}

/// Reads the rows of `sql::plain_texts`.
pub(crate) fn plain_texts(batch: &RecordBatch, out: &mut HashMap<String, Plain>) -> Result<(), ExportError> {
    let text = |name| column::<StringArray>(batch, name, "text");
    let (ids, inputs, outputs) = (text("attempt_id")?, text("input_text")?, text("call_output_text")?);
    out.extend((0..batch.num_rows()).map(|at| {
        let plain = Plain { input_text: optional(inputs, at), call_output_text: optional(outputs, at) };
        (ids.value(at).to_owned(), plain)
    }));
    Ok(())
}

impl Handful {
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Of the pieces, which are the most of it.
    pub(crate) fn bytes(&self) -> usize {
        self.pieces.bytes()
    }
}

/// Visits the rows of a batch in handfuls.
pub(crate) fn handfuls(
    rows: &dyn Rows,
    texts: &mut Texts,
    batch: &RecordBatch,
    page: &Arc<Known>,
    visit: &mut dyn FnMut(Handful) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let columns = Columns::of(batch)?;
    let mut first = 0;
    while first < batch.num_rows() {
        let mut ids = Vec::new();
        let mut end = first;
        while end < batch.num_rows() && (end == first || ids.len() < MAX_IDS) {
            columns.add_ids(end, &mut ids);
            end += 1;
        }
        let pieces = texts.load(rows, ids)?;
        visit(Handful { batch: batch.clone(), rows: first..end, pieces, page: page.clone() })?;
        first = end;
    }
    Ok(())
}

/// What is put together for one row after the other.
#[derive(Default)]
pub(crate) struct Assembler {
    pieces: Pieces,
    buffer: String,
    /// Whether the keys that a span's fields were read from tell of a cut. Spans of one library have the same keys.
    truncated: HashMap<Vec<u64>, bool, ById>,
    tools: HashMap<Vec<u64>, Option<Result<Tools, Reason>>, ById>,
}

/// The columns of `sql::page`.
struct Columns<'a> {
    attempt_id: &'a StringArray,
    project: &'a StringArray,
    session_id: &'a StringArray,
    lineage_id: &'a StringArray,
    agent_definition_id: &'a StringArray,
    trace_ids: &'a ListArray,
    span_ids: &'a ListArray,
    status: &'a StringArray,
    output_text: &'a StringArray,
    started: &'a StringArray,
    question: &'a ListArray,
    question_history: &'a StringArray,
    question_complete: &'a BooleanArray,
    system_prompt: &'a ListArray,
    input: &'a ListArray,
    input_history: &'a StringArray,
    history_complete: &'a BooleanArray,
    output: &'a ListArray,
    tool_definitions: &'a ListArray,
    agent_tools: &'a ListArray,
    /// Of all model calls.
    source_keys: &'a ListArray,
    /// Of the last one.
    call_source_keys: &'a ListArray,
    has_model: &'a BooleanArray,
    /// Outputs of calls in their order, and whether each shows reasoning; where it is asked for.
    outputs: Option<(&'a ListArray, &'a ListArray)>,
}

fn column<'a, T: 'static>(
    batch: &'a RecordBatch,
    name: &'static str,
    expected: &'static str,
) -> Result<&'a T, ExportError> {
    let column = batch.column_by_name(name).and_then(|column| column.as_any().downcast_ref());
    column.ok_or(ExportError::Column { relation: RELATION, column: name, expected })
}

impl<'a> Columns<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Self, ExportError> {
        let text = |name| column::<StringArray>(batch, name, "text");
        let list = |name| column::<ListArray>(batch, name, "a list");
        let boolean = |name| column::<BooleanArray>(batch, name, "a boolean");
        let outputs = match batch.column_by_name("outputs") {
            Some(_) => Some((list("outputs")?, list("outputs_think")?)),
            None => None,
        };
        Ok(Self {
            attempt_id: text("attempt_id")?,
            project: text("project")?,
            session_id: text("session_id")?,
            lineage_id: text("lineage_id")?,
            agent_definition_id: text("agent_definition_id")?,
            trace_ids: list("trace_ids")?,
            span_ids: list("span_ids")?,
            status: text("status")?,
            output_text: text("output_text")?,
            started: text("started")?,
            question: list("question")?,
            question_history: text("question_history")?,
            question_complete: boolean("question_complete")?,
            system_prompt: list("system_prompt")?,
            input: list("input")?,
            input_history: text("input_history")?,
            history_complete: boolean("history_complete")?,
            output: list("output")?,
            tool_definitions: list("tool_definitions")?,
            agent_tools: list("agent_tools")?,
            source_keys: list("source_keys")?,
            call_source_keys: list("call_source_keys")?,
            has_model: boolean("has_model")?,
            outputs,
        })
    }

    /// The ids of all pieces that a row names.
    fn add_ids(&self, at: usize, ids: &mut Vec<u64>) {
        let plain = [
            self.question,
            self.system_prompt,
            self.input,
            self.output,
            self.tool_definitions,
            self.agent_tools,
            self.call_source_keys,
        ];
        plain.into_iter().filter_map(|column| pieces(column, at)).for_each(|of| ids.extend(of));
        let nested = [Some(self.source_keys), self.outputs.map(|(outputs, _)| outputs)];
        nested.into_iter().flatten().flat_map(|column| lists(column, at)).for_each(|of| ids.extend(of));
    }
}

fn optional(column: &StringArray, at: usize) -> Option<String> {
    column.is_valid(at).then(|| column.value(at).to_owned())
}

fn required(column: &StringArray, at: usize, name: &'static str) -> Result<String, ExportError> {
    optional(column, at).ok_or(ExportError::Column { relation: RELATION, column: name, expected: "present" })
}

fn is(column: &BooleanArray, at: usize, what: bool) -> bool {
    column.is_valid(at) && column.value(at) == what
}

fn range(column: &ListArray, at: usize) -> std::ops::Range<usize> {
    let offsets = column.value_offsets();
    offsets[at] as usize..offsets[at + 1] as usize
}

/// The ids of a cell.
fn pieces(column: &ListArray, at: usize) -> Option<&[u64]> {
    let ids = column.values().as_primitive_opt::<UInt64Type>().filter(|_| column.is_valid(at))?;
    Some(&ids.values()[range(column, at)])
}

/// The ids of each list of a cell.
fn lists(column: &ListArray, at: usize) -> impl Iterator<Item = &[u64]> {
    let inner = column.values().as_list_opt::<i32>().filter(|_| column.is_valid(at));
    inner.into_iter().flat_map(move |inner| range(column, at).filter_map(|one| pieces(inner, one)))
}

fn texts(column: &ListArray, at: usize) -> Vec<String> {
    let inner = column.values().as_string_opt::<i32>().filter(|_| column.is_valid(at));
    inner.map(|inner| range(column, at).map(|one| inner.value(one).to_owned()).collect()).unwrap_or_default()
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
