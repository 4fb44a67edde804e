use proptest::prelude::*;

use super::{decode_logs, decode_traces, scan_logs, scan_traces};
use crate::limits::MAX_DEPTH;
use crate::proto::common::v1::any_value::Value;
use crate::proto::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use crate::proto::logs::v1::LogRecord;
use crate::proto::trace::v1::{Span, Status};
use crate::testing::{logs, logs_json, nested_in_lists_of_pairs, one_span, traces, traces_json};
use crate::{Limits, Scan, WireError};

fn spans(json: &str) -> Result<(Vec<Span>, Scan), WireError> {
    let (mut request, scan) = decode_traces(json.as_bytes(), &Limits::default())?;
    Ok((request.resource_spans.remove(0).scope_spans.remove(0).spans, scan))
}

/// A request with one span that has these members.
fn with_span(members: &str) -> String {
    format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{members}}}]}}]}}]}}"#)
}

fn span(members: &str) -> Span {
    spans(&with_span(members)).unwrap_or_else(|error| panic!("{members}: {error}")).0.remove(0)
}

fn span_error(members: &str) -> String {
    spans(&with_span(members)).expect_err(members).to_string()
}

/// The value of one attribute.
fn value(json: &str) -> Option<Value> {
    let mut span = span(&format!(r#""attributes":[{{"key":"k","value":{json}}}]"#));
    span.attributes.remove(0).value.and_then(|value| value.value)
}

proptest! {
    #[test]
    fn damaged_bytes_never_panic(request in traces(), at in 0.0..1.0_f64, byte: u8) {
        let mut bytes = traces_json(&request).to_string().into_bytes();
        let at = (bytes.len() as f64 * at) as usize;
        bytes[at] = byte;
        let _ = decode_traces(&bytes, &Limits::default());
        let _ = decode_traces(&bytes[..at], &Limits::default());
    }
}

proptest! {
    /// The scan that acknowledges and the decoder that loads judge alike, what is broken included.
    #[test]
    fn a_scan_judges_as_the_decoder_does(
        (spans, records) in (traces(), logs()), (at, byte) in (0.0..1.0_f64, any::<u8>()), breaks: bool,
    ) {
        let damage = |mut bytes: Vec<u8>| {
            let at = (bytes.len() as f64 * at) as usize;
            if breaks {
                bytes[at] = byte;
            }
            bytes
        };
        let limits = Limits::default();
        let bytes = damage(traces_json(&spans).to_string().into_bytes());
        prop_assert_eq!(scan_traces(&bytes, &limits), decode_traces(&bytes, &limits).map(|(_, scan)| scan));
        let bytes = damage(logs_json(&records).to_string().into_bytes());
        prop_assert_eq!(scan_logs(&bytes, &limits), decode_logs(&bytes, &limits).map(|(_, scan)| scan));
    }
}

#[test]
fn a_long_key_is_refused() {
    let limits = Limits { max_key_bytes: 3, ..Limits::default() };
    let with_key = |key: &str| with_span(&format!(r#""attributes":[{{"key":"{key}"}}]"#));
    assert!(scan_traces(with_key("abc").as_bytes(), &limits).is_ok());
    let error = scan_traces(with_key("abcd").as_bytes(), &limits).expect_err("too long");
    assert!(error.is_too_large(), "{error}");
}

#[test]
fn j1_ids_are_hex_in_any_case() {
    for (hex, bytes) in [("0aFf", vec![0x0a, 0xff]), ("", vec![])] {
        let span = span(&format!(r#""traceId":"{hex}","spanId":"{hex}","parentSpanId":"{hex}""#));
        assert_eq!((span.trace_id, span.span_id, span.parent_span_id), (bytes.clone(), bytes.clone(), bytes));
    }
    assert_eq!(
        span_error(r#""traceId":"VjLHgGU5vsE=""#),
        "malformed request at resourceSpans[0].scopeSpans[0].spans[0].traceId: expected an even number of hex digits"
    );
    assert_eq!(value(r#"{"bytesValue":"-_8"}"#), Some(Value::BytesValue(vec![0xfb, 0xff])));
}

#[test]
fn j2_enums_are_integers() {
    assert_eq!(span(r#""kind":3"#).kind, 3);
    assert_eq!(span(r#""kind":99,"status":{"code":-5}"#).status, Some(Status { code: -5, message: String::new() }));
    assert_eq!(
        span_error(r#""kind":"SPAN_KIND_SERVER""#),
        "malformed request at resourceSpans[0].scopeSpans[0].spans[0].kind: expected an integer, found a string: \
         OTLP/JSON has no enum names"
    );
}

#[test]
fn j3_integers_are_numbers_or_strings() {
    for text in ["1000000000", "\"1000000000\"", "1e9", "\"1e9\"", "1.0e9", "10E+8"] {
        assert_eq!(value(&format!(r#"{{"intValue":{text}}}"#)), Some(Value::IntValue(1_000_000_000)), "{text}");
        let span = span(&format!(r#""startTimeUnixNano":{text},"droppedEventsCount":{text},"flags":{text}"#));
        assert_eq!(
            (span.start_time_unix_nano, span.dropped_events_count, span.flags),
            (1_000_000_000, 1_000_000_000, 1_000_000_000)
        );
    }
    assert_eq!(value(r#"{"intValue":"-9223372036854775808"}"#), Some(Value::IntValue(i64::MIN)));
    assert_eq!(span(r#""endTimeUnixNano":18446744073709551615"#).end_time_unix_nano, u64::MAX);
    for (members, reason) in [
        (r#""endTimeUnixNano":18446744073709551616"#, "endTimeUnixNano: integer out of range"),
        (r#""endTimeUnixNano":-1"#, "endTimeUnixNano: integer out of range"),
        (r#""flags":"4294967296""#, "flags: integer out of range"),
        (r#""flags":1.5"#, "flags: expected an integer"),
        (r#""flags":"""#, "flags: expected an integer"),
        (r#""flags":true"#, "flags: expected an integer, found a boolean (byte 52)"),
    ] {
        let error = span_error(members);
        assert!(error.ends_with(reason), "{error}");
    }
}

#[test]
fn j4_unknown_fields_are_ignored_at_every_level() {
    let unknown = r#""future":{"a":[1,"}",{"b":null}],"c":-1e5}"#;
    let json = format!(
        r#"{{{unknown},"resourceSpans":[{{{unknown},"resource":{{{unknown}}},"scopeSpans":[{{{unknown},"scope":{{{unknown}}},
        "spans":[{{{unknown},"name":"n","status":{{{unknown}}},"links":[{{{unknown}}}],"events":[{{{unknown}}}],
        "attributes":[{{{unknown},"key":"k","value":{{"stringValue":"s",{unknown}}}}}]}}]}}]}}]}}"#
    );
    let (spans, scan) = spans(&json).unwrap();
    assert_eq!((spans[0].name.as_str(), spans[0].links.len(), spans[0].events.len()), ("n", 1, 1));
    assert_eq!(spans[0].attributes[0].value.clone().unwrap().value, Some(Value::StringValue("s".to_owned())));
    assert_eq!(scan.warnings, 0);
    assert_eq!(value(r#"{"futureValue":1}"#), None);
}

#[test]
fn j5_names_with_underscores_are_unknown_and_warned_of() {
    let (request, scan) = decode_traces(br#"{"resource_spans":[{}]}"#, &Limits::default()).unwrap();
    assert!(request.resource_spans.is_empty());
    assert_eq!((scan.items, scan.warnings), (0, 1));
    assert!(scan.first_warning.unwrap().contains("lowerCamelCase"));
}

#[test]
fn j6_null_is_the_default() {
    let members = ["traceId", "name", "kind", "flags", "startTimeUnixNano", "attributes", "events", "links", "status"]
        .map(|name| format!(r#""{name}":null"#))
        .join(",");
    assert_eq!(span(&members), Span::default());
    for json in ["null", "{}", r#"{"stringValue":null}"#, r#"{"arrayValue":null}"#] {
        assert_eq!(value(json), None, "{json}");
    }
    for json in [r#"{"resourceSpans":null}"#, "{}", r#"{"resourceSpans":[]}"#] {
        assert!(decode_traces(json.as_bytes(), &Limits::default()).unwrap().0.resource_spans.is_empty());
    }
    // A place in a list is kept.
    let empty = AnyValue { value: None };
    let array = ArrayValue { values: vec![empty.clone(), empty] };
    assert_eq!(value(r#"{"arrayValue":{"values":[null,{}]}}"#), Some(Value::ArrayValue(array)));
}

#[test]
fn j7_doubles_are_numbers_or_strings() {
    let double = |text: &str| match value(&format!(r#"{{"doubleValue":{text}}}"#)) {
        Some(Value::DoubleValue(double)) => double,
        other => panic!("{text}: {other:?}"),
    };
    assert!(double("\"NaN\"").is_nan());
    assert_eq!(double("\"Infinity\""), f64::INFINITY);
    assert_eq!(double("\"-Infinity\""), f64::NEG_INFINITY);
    for text in ["1.5", "\"1.5\"", "15e-1", "\"0.15e1\""] {
        assert_eq!(double(text), 1.5);
    }
    assert_eq!(double("7"), 7.0);
    assert!(double("-0.0").is_sign_negative());
    for text in ["1e400", "\"inf\"", "\"nan\"", "\"\"", "NaN", "true", "{}"] {
        assert!(
            spans(&with_span(&format!(r#""attributes":[{{"value":{{"doubleValue":{text}}}}}]"#))).is_err(),
            "{text}"
        );
    }
}

#[test]
fn j8_what_is_left_out_is_the_default() {
    assert_eq!(value(r#"{"arrayValue":{}}"#), Some(Value::ArrayValue(ArrayValue::default())));
    assert_eq!(value(r#"{"kvlistValue":{}}"#), Some(Value::KvlistValue(KeyValueList::default())));
    assert_eq!(
        value(r#"{"kvlistValue":{"values":[{}]}}"#),
        Some(Value::KvlistValue(KeyValueList { values: vec![KeyValue::default()] }))
    );
    let (request, _) = decode_traces(br#"{"resourceSpans":[{"scopeSpans":[{}]}]}"#, &Limits::default()).unwrap();
    assert_eq!(request.resource_spans[0].resource, None);
    assert_eq!(request.resource_spans[0].scope_spans[0].scope, None);
}

#[test]
fn j9_odd_texts_are_decided() {
    assert_eq!(span(r#""name":"a","name":"b""#).name, "b");
    assert_eq!(span(r#""events":[{}],"events":[{},{}]"#).events.len(), 3);
    assert_eq!(span(r#""name":"cut \ud83d""#).name, "cut \u{fffd}");
    assert_eq!(span(r#""name":"a\u0000b""#).name, "a\0b");
    decode_traces("\u{feff}{}\n".as_bytes(), &Limits::default()).unwrap();
    for bytes in [&b"{} {}"[..], b"{}x", b"", b"[]", b"\"\"", b"{\"resourceSpans\":{}}", b"{\"a\":\"\xff\"}"] {
        let error = decode_traces(bytes, &Limits::default()).unwrap_err();
        assert!(matches!(error, WireError::Malformed { .. }), "{error}");
    }
}

#[test]
fn a_log_record_is_read_whole() {
    let json = br#"{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"s"}}]},
        "scopeLogs":[{"scope":{"name":"n","version":"1"},"logRecords":[{"timeUnixNano":"5","observedTimeUnixNano":6,
        "severityNumber":9,"severityText":"INFO","body":{"kvlistValue":{"values":[{"key":"k","value":{"boolValue":true}}]}},
        "attributes":[],"droppedAttributesCount":1,"flags":1,"traceId":"0102","spanId":"","eventName":"e"}]}]}]}"#;
    let (request, scan) = decode_logs(json, &Limits::default()).unwrap();
    let record = &request.resource_logs[0].scope_logs[0].log_records[0];
    let pair = KeyValue {
        key: "k".to_owned(),
        value: Some(AnyValue { value: Some(Value::BoolValue(true)) }),
        key_strindex: 0,
    };
    let expected = LogRecord {
        time_unix_nano: 5,
        observed_time_unix_nano: 6,
        severity_number: 9,
        severity_text: "INFO".to_owned(),
        body: Some(AnyValue { value: Some(Value::KvlistValue(KeyValueList { values: vec![pair] })) }),
        attributes: Vec::new(),
        dropped_attributes_count: 1,
        flags: 1,
        trace_id: vec![1, 2],
        span_id: Vec::new(),
        event_name: "e".to_owned(),
    };
    assert_eq!(record, &expected);
    assert_eq!((scan.items, scan.rejected, scan.warnings), (1, 0, 1));
}

#[test]
fn counts_are_refused_before_they_are_built() {
    let json = with_span(&format!(r#""events":[{}{{}}]"#, "{},".repeat(1_000_000)));
    let error = decode_traces(json.as_bytes(), &Limits::default()).unwrap_err();
    assert_eq!(error, WireError::TooMany { what: "span events", limit: 1_000_000 });

    let limits = Limits { max_spans_per_request: 0, ..Limits::default() };
    assert!(decode_traces(with_span("").as_bytes(), &limits).unwrap_err().is_too_large());
    let limits = Limits { max_request_bytes: 1, ..Limits::default() };
    assert!(decode_traces(b"{}", &limits).unwrap_err().is_too_large());
}

#[test]
fn depth_is_that_of_values() {
    let nested = |levels| {
        let pair = KeyValue { key: "k".to_owned(), value: Some(nested_in_lists_of_pairs(levels)), key_strindex: 0 };
        traces_json(&one_span(vec![pair])).to_string()
    };
    decode_traces(nested(MAX_DEPTH).as_bytes(), &Limits::default()).unwrap();
    let error = decode_traces(nested(MAX_DEPTH + 1).as_bytes(), &Limits::ACCEPTED).unwrap_err();
    assert_eq!(error.to_string(), "attribute values are nested more than 32 deep");

    let unknown = with_span(&format!(r#""future":{}"#, "[".repeat(100_000)));
    assert!(matches!(spans(&unknown), Err(WireError::TooDeep { .. })));
}
