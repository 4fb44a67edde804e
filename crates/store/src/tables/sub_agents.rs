//! `sub_agent_rows`: agents below an attempt's root agent, with what they are.

use gleaner_model::{AttemptPart, DerivedTrace, SubAgent};

use super::traces::{DefinitionTexts, time_key};
use super::{json_text, recorded_at};
use crate::columns::{Cell, Column, Kind, column};

/// An agent below an attempt's root agent.
pub(crate) struct SubAgentRow<'a> {
    pub(crate) trace: &'a DerivedTrace,
    pub(crate) part: &'a AttemptPart,
    pub(crate) agent: &'a SubAgent,
    pub(crate) texts: DefinitionTexts,
}

pub(crate) fn sub_agent_rows<'a>() -> Vec<Column<SubAgentRow<'a>>> {
    use Kind::{Json, Pieces, Text, Texts, Time};
    vec![
        column("project", Text, |r| (&r.trace.project).into()),
        column("recorded_at", Time, |r| recorded_at(r.trace.recorded_at_unix_nano)),
        column("trace_id", Text, |r| (&r.trace.trace_id).into()),
        column("attempt_id", Text, |r| (&r.part.attempt_id).into()),
        column("span_id", Text, |r| (&r.agent.span_id).into()),
        column("agent_definition_id", Text, |r| (&r.agent.definition.agent_definition_id).into()),
        column("definition_key", Text, |r| time_key(r.agent.start_time_unix_nano, &r.trace.trace_id).into()),
        column("started_at", Time, |r| Cell::Time(r.agent.start_time_unix_nano)),
        column("agent_name", Text, |r| (&r.agent.definition.agent_name).into()),
        column("version_labels", Texts, |r| r.agent.definition.version_labels.as_slice().into()),
        column("system_prompt_pieces", Pieces, |r| (&r.texts.system_prompt).into()),
        column("prompt_template_pieces", Pieces, |r| (&r.texts.prompt_template).into()),
        column("tools_pieces", Pieces, |r| (&r.texts.tools).into()),
        column("parameters", Json, |r| r.agent.definition.parameters.as_ref().map(json_text).into()),
        column("model", Text, |r| (&r.agent.definition.model).into()),
    ]
}
