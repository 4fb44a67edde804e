//! The cells of a page's rows.

use arrow::{
    array::{Array, AsArray, BooleanArray, ListArray, StringArray},
    datatypes::UInt64Type,
    record_batch::RecordBatch,
};

use crate::ExportError;

pub(super) const RELATION: &str = "attempts";

/// The columns of `sql::page`.
pub(super) struct Columns<'a> {
    pub(super) attempt_id: &'a StringArray,
    pub(super) project: &'a StringArray,
    pub(super) session_id: &'a StringArray,
    pub(super) lineage_id: &'a StringArray,
    pub(super) agent_definition_id: &'a StringArray,
    pub(super) trace_ids: &'a ListArray,
    pub(super) span_ids: &'a ListArray,
    pub(super) status: &'a StringArray,
    pub(super) output_text: &'a StringArray,
    pub(super) started: &'a StringArray,
    pub(super) question: &'a ListArray,
    pub(super) question_history: &'a StringArray,
    pub(super) question_complete: &'a BooleanArray,
    pub(super) system_prompt: &'a ListArray,
    pub(super) input: &'a ListArray,
    pub(super) input_history: &'a StringArray,
    pub(super) history_complete: &'a BooleanArray,
    pub(super) output: &'a ListArray,
    pub(super) tool_definitions: &'a ListArray,
    pub(super) agent_tools: &'a ListArray,
    /// Of all model calls.
    pub(super) source_keys: &'a ListArray,
    /// Of the last one.
    pub(super) call_source_keys: &'a ListArray,
    pub(super) has_model: &'a BooleanArray,
    /// Outputs of calls in their order, and whether each shows reasoning; where it is asked for.
    pub(super) outputs: Option<(&'a ListArray, &'a ListArray)>,
}

pub(super) fn column<'a, T: 'static>(
    batch: &'a RecordBatch,
    name: &'static str,
    expected: &'static str,
) -> Result<&'a T, ExportError> {
    let column = batch.column_by_name(name).and_then(|column| column.as_any().downcast_ref());
    column.ok_or(ExportError::Column { relation: RELATION, column: name, expected })
}

impl<'a> Columns<'a> {
    pub(super) fn of(batch: &'a RecordBatch) -> Result<Self, ExportError> {
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
    pub(super) fn add_ids(&self, at: usize, ids: &mut Vec<u64>) {
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

pub(super) fn optional(column: &StringArray, at: usize) -> Option<String> {
    column.is_valid(at).then(|| column.value(at).to_owned())
}

pub(super) fn required(column: &StringArray, at: usize, name: &'static str) -> Result<String, ExportError> {
    optional(column, at).ok_or(ExportError::Column { relation: RELATION, column: name, expected: "present" })
}

pub(super) fn is(column: &BooleanArray, at: usize, what: bool) -> bool {
    column.is_valid(at) && column.value(at) == what
}

pub(super) fn range(column: &ListArray, at: usize) -> std::ops::Range<usize> {
    let offsets = column.value_offsets();
    offsets[at] as usize..offsets[at + 1] as usize
}

/// The ids of a cell.
pub(super) fn pieces(column: &ListArray, at: usize) -> Option<&[u64]> {
    let ids = column.values().as_primitive_opt::<UInt64Type>().filter(|_| column.is_valid(at))?;
    Some(&ids.values()[range(column, at)])
}

/// The ids of each list of a cell.
pub(super) fn lists(column: &ListArray, at: usize) -> impl Iterator<Item = &[u64]> {
    let inner = column.values().as_list_opt::<i32>().filter(|_| column.is_valid(at));
    inner.into_iter().flat_map(move |inner| range(column, at).filter_map(|one| pieces(inner, one)))
}

pub(super) fn texts(column: &ListArray, at: usize) -> Vec<String> {
    let inner = column.values().as_string_opt::<i32>().filter(|_| column.is_valid(at));
    inner.map(|inner| range(column, at).map(|one| inner.value(one).to_owned()).collect()).unwrap_or_default()
}
