//! A pass over protobuf requests that builds nothing: the shape of OTLP, its limits, and its ids.
//!
//! Invariant: what is accepted here, prost decodes. So every field that prost knows is checked as prost checks it, and
//! fields that it does not know are skipped. The field numbers are those of `opentelemetry-proto` 1.11; the tests hold
//! them against prost.

pub(crate) mod cursor;

use cursor::{Field, Message};

use crate::tally::{Scan, Tally};
use crate::{Limits, WireError};

type Checked = Result<(), WireError>;

/// Scans an `ExportTraceServiceRequest`.
pub(crate) fn scan_traces(bytes: &[u8], limits: &Limits) -> Result<Scan, WireError> {
    scan(bytes, limits, |tally, field| match field.tag {
        1 => envelope(tally, field.message("resource_spans")?, "scope_spans", "spans", span),
        _ => Ok(()),
    })
}

/// Scans an `ExportLogsServiceRequest`.
pub(crate) fn scan_logs(bytes: &[u8], limits: &Limits) -> Result<Scan, WireError> {
    scan(bytes, limits, |tally, field| match field.tag {
        1 => envelope(tally, field.message("resource_logs")?, "scope_logs", "log_records", log_record),
        _ => Ok(()),
    })
}

fn scan(bytes: &[u8], limits: &Limits, each: impl Fn(&mut Tally<'_>, Field<'_>) -> Checked) -> Result<Scan, WireError> {
    limits.check_request_bytes(bytes.len())?;
    let mut tally = Tally::new(limits);
    Message::root(bytes).fields(|field| each(&mut tally, field))?;
    Ok(tally.finish())
}

/// `ResourceSpans` or `ResourceLogs`: both have the same numbers.
fn envelope(
    tally: &mut Tally<'_>,
    message: Message<'_>,
    scopes: &'static str,
    items: &'static str,
    item: impl Fn(&mut Tally<'_>, Message<'_>) -> Checked,
) -> Checked {
    tally.group()?;
    message.fields(|field| match field.tag {
        1 => resource(tally, field.message("resource")?),
        2 => scope_envelope(tally, field.message(scopes)?, items, &item),
        3 => field.text("schema_url"),
        _ => Ok(()),
    })
}

/// `ScopeSpans` or `ScopeLogs`.
fn scope_envelope(
    tally: &mut Tally<'_>,
    message: Message<'_>,
    items: &'static str,
    item: impl Fn(&mut Tally<'_>, Message<'_>) -> Checked,
) -> Checked {
    tally.group()?;
    message.fields(|field| match field.tag {
        1 => scope(tally, field.message("scope")?),
        2 => item(tally, field.message(items)?),
        3 => field.text("schema_url"),
        _ => Ok(()),
    })
}

fn resource(tally: &mut Tally<'_>, message: Message<'_>) -> Checked {
    message.fields(|field| match field.tag {
        1 => attribute(tally, &field),
        2 => field.varint("dropped_attributes_count"),
        3 => entity_ref(tally, field.message("entity_refs")?),
        _ => Ok(()),
    })
}

fn entity_ref(tally: &mut Tally<'_>, message: Message<'_>) -> Checked {
    tally.group()?;
    message.fields(|field| match field.tag {
        1 => field.text("schema_url"),
        2 => field.text("type"),
        3 | 4 => {
            tally.attribute()?;
            field.text(if field.tag == 3 { "id_keys" } else { "description_keys" })
        }
        _ => Ok(()),
    })
}

fn scope(tally: &mut Tally<'_>, message: Message<'_>) -> Checked {
    message.fields(|field| match field.tag {
        1 => field.text("name"),
        2 => field.text("version"),
        3 => attribute(tally, &field),
        4 => field.varint("dropped_attributes_count"),
        _ => Ok(()),
    })
}

fn span(tally: &mut Tally<'_>, message: Message<'_>) -> Checked {
    tally.span()?;
    let (mut trace_id, mut span_id): (&[u8], &[u8]) = (&[], &[]);
    message.fields(|field| {
        match field.tag {
            1 => trace_id = field.bytes("trace_id")?,
            2 => span_id = field.bytes("span_id")?,
            3 => field.text("trace_state")?,
            4 => field.bytes("parent_span_id").map(drop)?,
            5 => field.text("name")?,
            6 => field.varint("kind")?,
            7 => field.fixed64("start_time_unix_nano")?,
            8 => field.fixed64("end_time_unix_nano")?,
            9 => attribute(tally, &field)?,
            10 => field.varint("dropped_attributes_count")?,
            11 => event(tally, field.message("events")?)?,
            12 => field.varint("dropped_events_count")?,
            13 => link(tally, field.message("links")?)?,
            14 => field.varint("dropped_links_count")?,
            15 => status(field.message("status")?)?,
            16 => field.fixed32("flags")?,
            _ => {}
        }
        Ok(())
    })?;
    tally.span_ids(trace_id, span_id);
    Ok(())
}

fn event(tally: &mut Tally<'_>, message: Message<'_>) -> Checked {
    tally.event()?;
    message.fields(|field| match field.tag {
        1 => field.fixed64("time_unix_nano"),
        2 => field.text("name"),
        3 => attribute(tally, &field),
        4 => field.varint("dropped_attributes_count"),
        _ => Ok(()),
    })
}

fn link(tally: &mut Tally<'_>, message: Message<'_>) -> Checked {
    tally.link()?;
    message.fields(|field| match field.tag {
        1 => field.bytes("trace_id").map(drop),
        2 => field.bytes("span_id").map(drop),
        3 => field.text("trace_state"),
        4 => attribute(tally, &field),
        5 => field.varint("dropped_attributes_count"),
        6 => field.fixed32("flags"),
        _ => Ok(()),
    })
}

fn status(message: Message<'_>) -> Checked {
    message.fields(|field| match field.tag {
        2 => field.text("message"),
        3 => field.varint("code"),
        _ => Ok(()),
    })
}

fn log_record(tally: &mut Tally<'_>, message: Message<'_>) -> Checked {
    tally.log_record()?;
    let (mut trace_id, mut span_id): (&[u8], &[u8]) = (&[], &[]);
    message.fields(|field| {
        match field.tag {
            1 => field.fixed64("time_unix_nano")?,
            2 => field.varint("severity_number")?,
            3 => field.text("severity_text")?,
            5 => value(tally, field.message("body")?, 1)?,
            6 => attribute(tally, &field)?,
            7 => field.varint("dropped_attributes_count")?,
            8 => field.fixed32("flags")?,
            9 => trace_id = field.bytes("trace_id")?,
            10 => span_id = field.bytes("span_id")?,
            11 => field.fixed64("observed_time_unix_nano")?,
            12 => field.text("event_name")?,
            _ => {}
        }
        Ok(())
    })?;
    tally.log_record_ids(trace_id, span_id);
    Ok(())
}

/// An attribute of anything that has attributes.
fn attribute(tally: &mut Tally<'_>, field: &Field<'_>) -> Checked {
    key_value(tally, field.message("attributes")?, 1)
}

/// `level` is that of the value in it.
fn key_value(tally: &mut Tally<'_>, message: Message<'_>, level: u32) -> Checked {
    tally.attribute()?;
    message.fields(|field| match field.tag {
        1 => {
            field.text("key")?;
            tally.key(field.bytes("key")?.len())
        }
        2 => value(tally, field.message("value")?, level),
        3 => field.varint("key_strindex"),
        _ => Ok(()),
    })
}

/// An `AnyValue`; `level` is 1 when it lies in no other.
fn value(tally: &mut Tally<'_>, message: Message<'_>, level: u32) -> Checked {
    tally.limits.check_depth(level)?;
    message.fields(|field| match field.tag {
        1 => field.text("string_value"),
        2 => field.varint("bool_value"),
        3 => field.varint("int_value"),
        4 => field.fixed64("double_value"),
        5 => field.message("array_value")?.fields(|element| match element.tag {
            1 => {
                tally.attribute()?;
                value(tally, element.message("values")?, level + 1)
            }
            _ => Ok(()),
        }),
        6 => field.message("kvlist_value")?.fields(|entry| match entry.tag {
            1 => key_value(tally, entry.message("values")?, level + 1),
            _ => Ok(()),
        }),
        7 => field.bytes("bytes_value").map(drop),
        8 => field.varint("string_value_strindex"),
        _ => Ok(()),
    })
}

#[cfg(test)]
mod tests;
