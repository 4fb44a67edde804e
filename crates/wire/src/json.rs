//! OTLP/JSON into the protobuf messages, lenient as the proto3 mapping asks and as far as clients need: see
//! [`reader`] for what each kind of value may look like.
//!
//! Field names are lowerCamelCase; every other name is ignored at every level, and one with an underscore is worth a
//! warning, since a client that sends `resource_spans` would otherwise be told that all is well. A repeated field that
//! comes twice is joined, of any other the last one counts. Counts and depth are checked before anything is built.

mod number;
pub(crate) mod reader;

use reader::Reader;

use crate::proto::collector::logs::v1::ExportLogsServiceRequest;
use crate::proto::collector::trace::v1::ExportTraceServiceRequest;
use crate::proto::common::v1::any_value::Value;
use crate::proto::common::v1::{AnyValue, ArrayValue, EntityRef, InstrumentationScope, KeyValue, KeyValueList};
use crate::proto::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use crate::proto::resource::v1::Resource;
use crate::proto::trace::v1::span::{Event, Link};
use crate::proto::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use crate::tally::{Scan, Tally};
use crate::{Limits, WireError};

/// Objects and arrays around an attribute value, e.g. of an event, and four for each level of nesting in it
/// (`{"kvlistValue":{"values":[{"value":`). What OTLP does not know may be nested as deep.
const fn max_json_depth(max_value_depth: u32) -> u32 {
    16 + 4 * max_value_depth
}

type Read<T> = Result<T, WireError>;

/// Decodes an `ExportTraceServiceRequest` and counts what is in it.
pub(crate) fn decode_traces(bytes: &[u8], limits: &Limits) -> Read<(ExportTraceServiceRequest, Scan)> {
    decode(bytes, Tally::new(limits), traces)
}

/// Counts and judges what is in an `ExportTraceServiceRequest`; holds one span at a time.
pub(crate) fn scan_traces(bytes: &[u8], limits: &Limits) -> Read<Scan> {
    decode(bytes, Tally::scanning(limits), traces).map(|(_, scan)| scan)
}

fn traces(r: &mut Reader<'_>, t: &mut Tally<'_>) -> Read<ExportTraceServiceRequest> {
    let mut request = ExportTraceServiceRequest::default();
    r.object(|r, key| match key {
        "resourceSpans" => list(r, t, &mut request.resource_spans, resource_spans),
        _ => unknown(r, t, key),
    })?;
    Ok(request)
}

/// Decodes an `ExportLogsServiceRequest` and counts what is in it.
pub(crate) fn decode_logs(bytes: &[u8], limits: &Limits) -> Read<(ExportLogsServiceRequest, Scan)> {
    decode(bytes, Tally::new(limits), logs)
}

/// Counts and judges what is in an `ExportLogsServiceRequest`; holds one record at a time.
pub(crate) fn scan_logs(bytes: &[u8], limits: &Limits) -> Read<Scan> {
    decode(bytes, Tally::scanning(limits), logs).map(|(_, scan)| scan)
}

fn logs(r: &mut Reader<'_>, t: &mut Tally<'_>) -> Read<ExportLogsServiceRequest> {
    let mut request = ExportLogsServiceRequest::default();
    r.object(|r, key| match key {
        "resourceLogs" => list(r, t, &mut request.resource_logs, resource_logs),
        _ => unknown(r, t, key),
    })?;
    Ok(request)
}

fn decode<M>(
    bytes: &[u8],
    mut tally: Tally<'_>,
    request: impl Fn(&mut Reader<'_>, &mut Tally<'_>) -> Read<M>,
) -> Read<(M, Scan)> {
    tally.limits.check_request_bytes(bytes.len())?;
    let mut reader = Reader::new(bytes, max_json_depth(crate::limits::MAX_DEPTH))?;
    let message = request(&mut reader, &mut tally)?;
    reader.finish()?;
    Ok((message, tally.finish()))
}

/// Reads a repeated field of messages. A scan keeps none of them.
fn list<M>(
    r: &mut Reader<'_>,
    t: &mut Tally<'_>,
    messages: &mut Vec<M>,
    read: impl Fn(&mut Reader<'_>, &mut Tally<'_>) -> Read<M>,
) -> Read<()> {
    r.array(|r| {
        let message = read(r, t)?;
        if t.keeps_elements {
            messages.push(message);
        }
        Ok(())
    })
}

fn unknown(r: &mut Reader<'_>, t: &mut Tally<'_>, key: &str) -> Read<()> {
    if key.contains('_') {
        t.warn(|| "a field with an underscore in its name was ignored: OTLP/JSON names are lowerCamelCase".to_owned());
    }
    r.skip(&mut || Ok(()))
}

fn resource_spans(r: &mut Reader<'_>, t: &mut Tally<'_>) -> Read<ResourceSpans> {
    t.group()?;
    let mut message = ResourceSpans::default();
    r.object(|r, key| {
        match key {
            "resource" => message.resource = Some(resource(r, t)?),
            "scopeSpans" => list(r, t, &mut message.scope_spans, scope_spans)?,
            "schemaUrl" => message.schema_url = r.text()?,
            _ => unknown(r, t, key)?,
        }
        Ok(())
    })?;
    Ok(message)
}

fn resource_logs(r: &mut Reader<'_>, t: &mut Tally<'_>) -> Read<ResourceLogs> {
    t.group()?;
    let mut message = ResourceLogs::default();
    r.object(|r, key| {
        match key {
            "resource" => message.resource = Some(resource(r, t)?),
            "scopeLogs" => list(r, t, &mut message.scope_logs, scope_logs)?,
            "schemaUrl" => message.schema_url = r.text()?,
            _ => unknown(r, t, key)?,
        }
        Ok(())
    })?;
    Ok(message)
}

fn scope_spans(r: &mut Reader<'_>, t: &mut Tally<'_>) -> Read<ScopeSpans> {
    t.group()?;
    let mut message = ScopeSpans::default();
    r.object(|r, key| {
        match key {
            "scope" => message.scope = Some(scope(r, t)?),
            "spans" => list(r, t, &mut message.spans, span)?,
            "schemaUrl" => message.schema_url = r.text()?,
            _ => unknown(r, t, key)?,
        }
        Ok(())
    })?;
    Ok(message)
}

fn scope_logs(r: &mut Reader<'_>, t: &mut Tally<'_>) -> Read<ScopeLogs> {
    t.group()?;
    let mut message = ScopeLogs::default();
    r.object(|r, key| {
        match key {
            "scope" => message.scope = Some(scope(r, t)?),
            "logRecords" => list(r, t, &mut message.log_records, log_record)?,
            "schemaUrl" => message.schema_url = r.text()?,
            _ => unknown(r, t, key)?,
        }
        Ok(())
    })?;
    Ok(message)
}

fn resource(r: &mut Reader<'_>, t: &mut Tally<'_>) -> Read<Resource> {
    let mut message = Resource::default();
    r.object(|r, key| {
        match key {
            "attributes" => list(r, t, &mut message.attributes, attribute)?,
            "droppedAttributesCount" => message.dropped_attributes_count = r.integer()?,
            "entityRefs" => list(r, t, &mut message.entity_refs, entity_ref)?,
            _ => unknown(r, t, key)?,
        }
        Ok(())
    })?;
    Ok(message)
}

fn entity_ref(r: &mut Reader<'_>, t: &mut Tally<'_>) -> Read<EntityRef> {
    t.group()?;
    let mut message = EntityRef::default();
    let entity_key = |r: &mut Reader<'_>, t: &mut Tally<'_>| {
        t.attribute()?;
        r.text()
    };
    r.object(|r, key| {
        match key {
            "schemaUrl" => message.schema_url = r.text()?,
            "type" => message.r#type = r.text()?,
            "idKeys" => list(r, t, &mut message.id_keys, entity_key)?,
            "descriptionKeys" => list(r, t, &mut message.description_keys, entity_key)?,
            _ => unknown(r, t, key)?,
        }
        Ok(())
    })?;
    Ok(message)
}

fn scope(r: &mut Reader<'_>, t: &mut Tally<'_>) -> Read<InstrumentationScope> {
    let mut message = InstrumentationScope::default();
    r.object(|r, key| {
        match key {
            "name" => message.name = r.text()?,
            "version" => message.version = r.text()?,
            "attributes" => list(r, t, &mut message.attributes, attribute)?,
            "droppedAttributesCount" => message.dropped_attributes_count = r.integer()?,
            _ => unknown(r, t, key)?,
        }
        Ok(())
    })?;
    Ok(message)
}

fn span(r: &mut Reader<'_>, t: &mut Tally<'_>) -> Read<Span> {
    t.span()?;
    let mut span = Span::default();
    r.object(|r, key| {
        match key {
            "traceId" => span.trace_id = r.hex()?,
            "spanId" => span.span_id = r.hex()?,
            "traceState" => span.trace_state = r.text()?,
            "parentSpanId" => span.parent_span_id = r.hex()?,
            "flags" => span.flags = r.integer()?,
            "name" => span.name = r.text()?,
            "kind" => span.kind = r.enumeration()?,
            "startTimeUnixNano" => span.start_time_unix_nano = r.integer()?,
            "endTimeUnixNano" => span.end_time_unix_nano = r.integer()?,
            "attributes" => list(r, t, &mut span.attributes, attribute)?,
            "droppedAttributesCount" => span.dropped_attributes_count = r.integer()?,
            "events" => list(r, t, &mut span.events, event)?,
            "droppedEventsCount" => span.dropped_events_count = r.integer()?,
            "links" => list(r, t, &mut span.links, link)?,
            "droppedLinksCount" => span.dropped_links_count = r.integer()?,
            "status" => span.status = Some(status(r, t)?),
            _ => unknown(r, t, key)?,
        }
        Ok(())
    })?;
    t.span_ids(&span.trace_id, &span.span_id);
    Ok(span)
}

fn event(r: &mut Reader<'_>, t: &mut Tally<'_>) -> Read<Event> {
    t.event()?;
    let mut event = Event::default();
    r.object(|r, key| {
        match key {
            "timeUnixNano" => event.time_unix_nano = r.integer()?,
            "name" => event.name = r.text()?,
            "attributes" => list(r, t, &mut event.attributes, attribute)?,
            "droppedAttributesCount" => event.dropped_attributes_count = r.integer()?,
            _ => unknown(r, t, key)?,
        }
        Ok(())
    })?;
    Ok(event)
}

fn link(r: &mut Reader<'_>, t: &mut Tally<'_>) -> Read<Link> {
    t.link()?;
    let mut link = Link::default();
    r.object(|r, key| {
        match key {
            "traceId" => link.trace_id = r.hex()?,
            "spanId" => link.span_id = r.hex()?,
            "traceState" => link.trace_state = r.text()?,
            "attributes" => list(r, t, &mut link.attributes, attribute)?,
            "droppedAttributesCount" => link.dropped_attributes_count = r.integer()?,
            "flags" => link.flags = r.integer()?,
            _ => unknown(r, t, key)?,
        }
        Ok(())
    })?;
    Ok(link)
}

fn status(r: &mut Reader<'_>, t: &mut Tally<'_>) -> Read<Status> {
    let mut status = Status::default();
    r.object(|r, key| {
        match key {
            "message" => status.message = r.text()?,
            "code" => status.code = r.enumeration()?,
            _ => unknown(r, t, key)?,
        }
        Ok(())
    })?;
    Ok(status)
}

fn log_record(r: &mut Reader<'_>, t: &mut Tally<'_>) -> Read<LogRecord> {
    t.log_record()?;
    let mut record = LogRecord::default();
    r.object(|r, key| {
        match key {
            "timeUnixNano" => record.time_unix_nano = r.integer()?,
            "observedTimeUnixNano" => record.observed_time_unix_nano = r.integer()?,
            "severityNumber" => record.severity_number = r.enumeration()?,
            "severityText" => record.severity_text = r.text()?,
            "body" => record.body = Some(value(r, t, 1)?),
            "attributes" => list(r, t, &mut record.attributes, attribute)?,
            "droppedAttributesCount" => record.dropped_attributes_count = r.integer()?,
            "flags" => record.flags = r.integer()?,
            "traceId" => record.trace_id = r.hex()?,
            "spanId" => record.span_id = r.hex()?,
            "eventName" => record.event_name = r.text()?,
            _ => unknown(r, t, key)?,
        }
        Ok(())
    })?;
    t.log_record_ids(&record.trace_id, &record.span_id);
    Ok(record)
}

fn attribute(r: &mut Reader<'_>, t: &mut Tally<'_>) -> Read<KeyValue> {
    key_value(r, t, 1)
}

/// `level` is that of the value in it.
fn key_value(r: &mut Reader<'_>, t: &mut Tally<'_>, level: u32) -> Read<KeyValue> {
    t.attribute()?;
    let mut pair = KeyValue::default();
    r.object(|r, key| {
        match key {
            "key" => {
                pair.key = r.text()?;
                t.key(pair.key.len())?;
            }
            "value" => pair.value = Some(value(r, t, level)?),
            "keyStrindex" => pair.key_strindex = r.integer()?,
            _ => unknown(r, t, key)?,
        }
        Ok(())
    })?;
    Ok(pair)
}

/// An `AnyValue`; `level` is 1 when it lies in no other. Without a member that is known it is empty.
fn value(r: &mut Reader<'_>, t: &mut Tally<'_>, level: u32) -> Read<AnyValue> {
    t.limits.check_depth(level)?;
    let mut value = None;
    r.object(|r, key| {
        value = Some(match key {
            "stringValue" => Value::StringValue(r.text()?),
            "boolValue" => Value::BoolValue(r.boolean()?),
            "intValue" => Value::IntValue(r.integer()?),
            "doubleValue" => Value::DoubleValue(r.double()?),
            "arrayValue" => Value::ArrayValue(array(r, t, level + 1)?),
            "kvlistValue" => Value::KvlistValue(key_value_list(r, t, level + 1)?),
            "bytesValue" => Value::BytesValue(r.base64()?),
            "stringValueStrindex" => Value::StringValueStrindex(r.integer()?),
            _ => return unknown(r, t, key),
        });
        Ok(())
    })?;
    Ok(AnyValue { value })
}

fn array(r: &mut Reader<'_>, t: &mut Tally<'_>, level: u32) -> Read<ArrayValue> {
    let mut array = ArrayValue::default();
    let element = |r: &mut Reader<'_>, t: &mut Tally<'_>| {
        t.attribute()?;
        value(r, t, level)
    };
    r.object(|r, key| match key {
        "values" => list(r, t, &mut array.values, element),
        _ => unknown(r, t, key),
    })?;
    Ok(array)
}

fn key_value_list(r: &mut Reader<'_>, t: &mut Tally<'_>, level: u32) -> Read<KeyValueList> {
    let mut pairs = KeyValueList::default();
    r.object(|r, key| match key {
        "values" => list(r, t, &mut pairs.values, |r, t| key_value(r, t, level)),
        _ => unknown(r, t, key),
    })?;
    Ok(pairs)
}

#[cfg(test)]
mod tests;
