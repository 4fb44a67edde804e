//! `span_facts` (fragments as they arrived) and `span_rows` (canonical spans). Texts that rows are likely to share are kept as
//! pieces, in columns named `<column>_pieces`.

use gleaner_model::{DerivedTrace, Fragment, Span, SpanFragment, SpanOrigin};
use serde_json::Value;

use super::{json_text, recorded_at};
use crate::Fact;
use crate::columns::{Cell, Column, Kind, column};
use crate::texts::Texts;

/// A fragment as it arrived.
pub(crate) struct FactRow<'a> {
    fact: &'a Fact,
    /// What a span's body has before its attributes: ids and times, unlike those of every other. Absent of log records.
    head: Option<String>,
    /// The body, but for its head.
    body: Vec<u64>,
    /// Pieces of a span's attributes: some of those of the body.
    pub(crate) attributes: Vec<u64>,
}

impl<'a> FactRow<'a> {
    /// The body is cut around the attributes, so that the canonical span can have the same pieces.
    pub(crate) fn new(fact: &'a Fact, texts: &mut Texts) -> Self {
        match &fact.stored.fragment {
            Fragment::Span(span) => {
                let [head, tail] = span.json_around_attributes();
                let attributes = texts.pieces(&json_text(&span.attributes));
                let mut body = attributes.clone();
                texts.add_pieces(&tail, &mut body);
                Self { fact, head: Some(head), body, attributes }
            }
            log @ Fragment::Log(_) => {
                Self { fact, head: None, body: texts.pieces(&json_text(log)), attributes: Vec::new() }
            }
        }
    }

    /// Trace and span id, of a span.
    pub(crate) fn span(&self) -> Option<&'a SpanFragment> {
        match &self.fact.stored.fragment {
            Fragment::Span(span) => Some(span),
            Fragment::Log(_) => None,
        }
    }
}

/// Fragments, in journal order. `unit_key` says which records outside of traces belong together.
pub(crate) fn span_facts<'a>() -> Vec<Column<FactRow<'a>>> {
    use Kind::{Bool, LongText, Pieces, Text, Time, UInt};
    vec![
        column("project", Text, |r| (&r.fact.stored.project).into()),
        column("trace_id", Text, |r| r.fact.stored.fragment.trace_id().into()),
        column("span_id", Text, |r| r.fact.stored.fragment.span_id().into()),
        column("unit_key", Text, |r| (&r.fact.unit_key).into()),
        column("is_note", Bool, |r| r.fact.is_note.into()),
        column("signal", Text, |r| match r.fact.stored.fragment {
            Fragment::Span(_) => "span".into(),
            Fragment::Log(_) => "log".into(),
        }),
        column("position", UInt, |r| r.fact.stored.position.into()),
        column("ordinal", UInt, |r| u64::from(r.fact.stored.ordinal).into()),
        column("feedback_items", UInt, |r| (r.fact.feedback.len() as u64).into()),
        column("recorded_at", Time, |r| recorded_at(r.fact.stored.recorded_at_unix_nano)),
        column("recorded_at_unix_nano", UInt, |r| r.fact.stored.recorded_at_unix_nano.into()),
        column("body_head", LongText, |r| (&r.head).into()),
        column("body_pieces", Pieces, |r| r.body.as_slice().into()),
    ]
}

/// A span with the trace that it was derived with.
pub(crate) struct SpanRow<'a> {
    pub(crate) trace: &'a DerivedTrace,
    pub(crate) span: &'a Span,
    pub(crate) texts: SpanTexts,
}

impl SpanRow<'_> {
    /// Whether the output is the tool's result, word for word: then the one is read from the other.
    fn output_is_result(&self) -> bool {
        match (&self.span.output_text, &self.span.tool_result) {
            (Some(output), Some(Value::String(result))) => output == result,
            (Some(output), Some(result)) => *output == json_text(result),
            _ => false,
        }
    }
}

/// The texts of a span that other spans are likely to have too, as pieces.
#[derive(Default)]
pub(crate) struct SpanTexts {
    pub(crate) system_prompt: Option<Vec<u64>>,
    pub(crate) input_messages: Option<Vec<u64>>,
    pub(crate) input_message_hashes: Option<Vec<u64>>,
    pub(crate) output_messages: Option<Vec<u64>>,
    pub(crate) output_message_hashes: Option<Vec<u64>>,
    pub(crate) input_text: Option<Vec<u64>>,
    pub(crate) reasoning_text: Option<Vec<u64>>,
    pub(crate) tool_result: Option<Vec<u64>>,
    pub(crate) tool_definitions: Option<Vec<u64>>,
    pub(crate) attributes: Vec<u64>,
    pub(crate) events: Vec<u64>,
    pub(crate) resource: Vec<u64>,
    pub(crate) source_keys: Vec<u64>,
}

/// Canonical spans: the columns of `execution_spans` and what goes beyond them.
pub(crate) fn span_rows<'a>() -> Vec<Column<SpanRow<'a>>> {
    use Kind::{Bool, Float, Int, Json, LongText, Pieces, Text, Time, UInt};
    vec![
        column("project", Text, |r| (&r.trace.project).into()),
        column("recorded_at", Time, |r| recorded_at(r.trace.recorded_at_unix_nano)),
        column("trace_id", Text, |r| (&r.span.trace_id).into()),
        column("span_id", Text, |r| (&r.span.span_id).into()),
        column("parent_span_id", Text, |r| (&r.span.parent_span_id).into()),
        column("attempt_id", Text, |r| (&r.span.attempt_id).into()),
        column("kind", Text, |r| r.span.kind.as_str().into()),
        column("name", Text, |r| (&r.span.name).into()),
        column("status", Text, |r| (&r.span.status).into()),
        column("error", LongText, |r| (&r.span.error).into()),
        column("convention", Text, |r| (&r.span.convention).into()),
        column("provider", Text, |r| (&r.span.provider).into()),
        column("model", Text, |r| (&r.span.model).into()),
        column("response_model", Text, |r| (&r.span.response_model).into()),
        column("response_id", Text, |r| (&r.span.response_id).into()),
        column("previous_response_id", Text, |r| (&r.span.previous_response_id).into()),
        column("operation", Text, |r| (&r.span.operation).into()),
        column("system_prompt_pieces", Pieces, |r| (&r.texts.system_prompt).into()),
        column("input_messages_pieces", Pieces, |r| (&r.texts.input_messages).into()),
        column("input_message_hashes_pieces", Pieces, |r| (&r.texts.input_message_hashes).into()),
        column("output_messages_pieces", Pieces, |r| (&r.texts.output_messages).into()),
        column("output_message_hashes_pieces", Pieces, |r| (&r.texts.output_message_hashes).into()),
        // The one that is asked for most, so it is at hand as it is: what a tool gave back apart, which is long and rarely asked for.
        column("output_text", LongText, |r| r.span.output_text.as_ref().filter(|_| !r.output_is_result()).into()),
        column("output_is_result", Bool, |r| r.output_is_result().into()),
        column("input_text_pieces", Pieces, |r| (&r.texts.input_text).into()),
        column("reasoning_text_pieces", Pieces, |r| (&r.texts.reasoning_text).into()),
        column("tool_definitions_pieces", Pieces, |r| (&r.texts.tool_definitions).into()),
        column("tool_name", Text, |r| (&r.span.tool_name).into()),
        column("tool_call_id", Text, |r| (&r.span.tool_call_id).into()),
        column("tool_arguments", Json, |r| r.span.tool_arguments.as_ref().map(json_text).into()),
        column("tool_result_pieces", Pieces, |r| (&r.texts.tool_result).into()),
        column("finish_reason", Text, |r| (&r.span.finish_reason).into()),
        column("parameters", Json, |r| r.span.parameters.as_ref().map(json_text).into()),
        column("input_tokens", Int, |r| r.span.input_tokens.into()),
        column("output_tokens", Int, |r| r.span.output_tokens.into()),
        column("cached_tokens", Int, |r| r.span.cached_tokens.into()),
        column("reasoning_tokens", Int, |r| r.span.reasoning_tokens.into()),
        column("cost_usd", Float, |r| r.span.cost_usd.into()),
        column("agent_name", Text, |r| (&r.span.agent_name).into()),
        column("started_at", Time, |r| Cell::Time(r.span.start_time_unix_nano)),
        column("ended_at", Time, |r| Cell::Time(r.span.end_time_unix_nano)),
        column("start_time_unix_nano", UInt, |r| r.span.start_time_unix_nano.into()),
        column("end_time_unix_nano", UInt, |r| r.span.end_time_unix_nano.into()),
        column("duration_ms", Float, |r| duration_ms(r.span).into()),
        column("attributes_pieces", Pieces, |r| r.texts.attributes.as_slice().into()),
        column("events_pieces", Pieces, |r| r.texts.events.as_slice().into()),
        column("links", Json, |r| json_text(&r.span.links).into()),
        column("resource_pieces", Pieces, |r| r.texts.resource.as_slice().into()),
        column("scope_name", Text, |r| (&r.span.scope_name).into()),
        column("scope_version", Text, |r| (&r.span.scope_version).into()),
        column("origin", Text, |r| match r.span.origin {
            SpanOrigin::Span => "span".into(),
            SpanOrigin::Log => "log".into(),
        }),
        column("duplicate_of", Text, |r| (&r.span.duplicate_of).into()),
        column("answer_key", UInt, |r| r.span.answer_key.into()),
        column("source_keys_pieces", Pieces, |r| r.texts.source_keys.as_slice().into()),
    ]
}

/// `None` while the end is unknown, or where it lies before the start.
#[expect(clippy::cast_precision_loss, reason = "a duration, exact for 104 days of nanoseconds")]
fn duration_ms(span: &Span) -> Option<f64> {
    if span.start_time_unix_nano == 0 || span.end_time_unix_nano == 0 {
        return None;
    }
    span.end_time_unix_nano.checked_sub(span.start_time_unix_nano).map(|nanos| nanos as f64 / 1e6)
}
