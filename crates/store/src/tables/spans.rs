//! `span_facts` (fragments as they arrived) and `span_rows` (canonical spans).

use gleaner_model::{DerivedTrace, Fragment, Message, Span, SpanOrigin};

use super::{json_text, recorded_at};
use crate::Fact;
use crate::columns::{Cell, Column, Kind, column};

/// A span with the trace that it was derived with.
pub(crate) struct SpanRow<'a> {
    pub(crate) trace: &'a DerivedTrace,
    pub(crate) span: &'a Span,
}

/// Fragments, in journal order. `unit_key` says which records outside of traces belong together.
pub(crate) fn span_facts<'a>() -> Vec<Column<&'a Fact>> {
    use Kind::{Bool, LongText, Text, Time, UInt};
    vec![
        column("project", Text, |f| (&f.stored.project).into()),
        column("trace_id", Text, |f| f.stored.fragment.trace_id().into()),
        column("span_id", Text, |f| f.stored.fragment.span_id().into()),
        column("unit_key", Text, |f| (&f.unit_key).into()),
        column("is_note", Bool, |f| f.is_note.into()),
        column("signal", Text, |f| match f.stored.fragment {
            Fragment::Span(_) => "span".into(),
            Fragment::Log(_) => "log".into(),
        }),
        column("position", UInt, |f| f.stored.position.into()),
        column("ordinal", UInt, |f| u64::from(f.stored.ordinal).into()),
        column("feedback_items", UInt, |f| (f.feedback.len() as u64).into()),
        column("recorded_at", Time, |f| recorded_at(f.stored.recorded_at_unix_nano)),
        column("recorded_at_unix_nano", UInt, |f| f.stored.recorded_at_unix_nano.into()),
        column("body", LongText, |f| json_text(&f.stored.fragment).into()),
    ]
}

/// Canonical spans: the columns of `execution_spans` and what goes beyond them.
pub(crate) fn span_rows<'a>() -> Vec<Column<SpanRow<'a>>> {
    use Kind::{Float, Int, Json, LongText, Text, Texts, Time, UInt};
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
        column("system_prompt", LongText, |r| (&r.span.system_prompt).into()),
        column("input_messages", Json, |r| r.span.input_messages.as_ref().map(json_text).into()),
        column("input_message_hashes", Texts, |r| hashes(r.span.input_messages.as_deref())),
        column("output_messages", Json, |r| r.span.output_messages.as_ref().map(json_text).into()),
        column("output_message_hashes", Texts, |r| hashes(r.span.output_messages.as_deref())),
        column("output_text", LongText, |r| (&r.span.output_text).into()),
        column("input_text", LongText, |r| (&r.span.input_text).into()),
        column("reasoning_text", LongText, |r| (&r.span.reasoning_text).into()),
        column("tool_definitions", Json, |r| r.span.tool_definitions.as_ref().map(json_text).into()),
        column("tool_name", Text, |r| (&r.span.tool_name).into()),
        column("tool_call_id", Text, |r| (&r.span.tool_call_id).into()),
        column("tool_arguments", Json, |r| r.span.tool_arguments.as_ref().map(json_text).into()),
        column("tool_result", Json, |r| r.span.tool_result.as_ref().map(json_text).into()),
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
        column("attributes", Json, |r| json_text(&r.span.attributes).into()),
        column("events", Json, |r| json_text(&r.span.events).into()),
        column("links", Json, |r| json_text(&r.span.links).into()),
        column("resource", Json, |r| json_text(&r.span.resource).into()),
        column("scope_name", Text, |r| (&r.span.scope_name).into()),
        column("scope_version", Text, |r| (&r.span.scope_version).into()),
        column("origin", Text, |r| match r.span.origin {
            SpanOrigin::Span => "span".into(),
            SpanOrigin::Log => "log".into(),
        }),
        column("duplicate_of", Text, |r| (&r.span.duplicate_of).into()),
        column("source_keys", Json, |r| json_text(&r.span.source_keys).into()),
    ]
}

fn hashes(messages: Option<&[Message]>) -> Cell<'static> {
    match messages {
        Some(messages) => Cell::Texts(messages.iter().map(|m| m.content_hash().0).collect()),
        None => Cell::Null,
    }
}

/// `None` while the end is unknown, or where it lies before the start.
#[expect(clippy::cast_precision_loss, reason = "a duration, exact for 104 days of nanoseconds")]
fn duration_ms(span: &Span) -> Option<f64> {
    if span.start_time_unix_nano == 0 || span.end_time_unix_nano == 0 {
        return None;
    }
    span.end_time_unix_nano.checked_sub(span.start_time_unix_nano).map(|nanos| nanos as f64 / 1e6)
}
