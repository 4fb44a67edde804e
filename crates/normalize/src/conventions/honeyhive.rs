//! HoneyHive's tracer: functions that it decorates (`honeyhive_inputs.*`, `honeyhive_outputs.*`), and what it copies onto
//! every span.
//!
//! Recognised by the decorator's keys. Its processor also writes `honeyhive_event_type` on the spans of others, `tool` where it
//! knows nothing; so the type counts only beside the decorator's own keys, and below those of other conventions. Metrics,
//! feedback and configuration stay attributes. Source: PyPI honeyhive 1.7 `tracer/instrumentation` and `tracer/processing`.

use gleaner_model::SpanKind;
use serde_json::{Map, Value};

use super::reader::Reader;
use super::{Reading, payload};
use crate::mapped::MergedSpan;

const INPUT: &str = "honeyhive_inputs";
const OUTPUT: &str = "honeyhive_outputs";

/// Whether the span is a function that HoneyHive decorated or enriched.
pub(super) fn recognises(span: &MergedSpan) -> bool {
    span.span.attributes.keys().any(|key| key.starts_with(INPUT) || key.starts_with(OUTPUT))
}

/// Reads the function's arguments and what it returned.
pub(super) fn read(span: &MergedSpan) -> Reading {
    let mut reader = Reader::new(span);
    let declared = reader.text("kind", &["honeyhive_event_type_raw", "honeyhive_event_type"]);
    reader.mapped.kind = declared.as_deref().and_then(kind);
    let kind = reader.mapped.kind;
    let given = fields(&reader, INPUT).map(Value::Object);
    let returned = fields(&reader, OUTPUT).map(unwrapped);
    let input = given.as_ref().map(|value| (INPUT, value));
    let output = returned.as_ref().map(|value| (OUTPUT, value));
    let opaque = payload::read(kind, input, output, &mut reader.mapped);
    Reading { structured: reader.mapped, opaque }
}

fn fields(reader: &Reader, prefix: &str) -> Option<Map<String, Value>> {
    let mut fields = payload::metadata(reader.attributes(), prefix);
    // What a method belongs to is no argument.
    fields.shift_remove("self");
    (!fields.is_empty()).then_some(fields)
}

/// What a function returned stands under `result`.
fn unwrapped(mut fields: Map<String, Value>) -> Value {
    match fields.shift_remove("result") {
        Some(result) if fields.is_empty() => result,
        Some(result) => {
            fields.insert("result".to_owned(), result);
            Value::Object(fields)
        }
        None => Value::Object(fields),
    }
}

fn kind(name: &str) -> Option<SpanKind> {
    Some(match name.to_ascii_lowercase().as_str() {
        "model" => SpanKind::Llm,
        "tool" => SpanKind::Tool,
        "chain" | "session" => SpanKind::Chain,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
