//! What comes late, twice, in parts, or never.

use gleaner_model::Fragment;
use serde_json::{Value, json};

use crate::rig::{Sent, TRACE, alone, calls, chat, derive, record, row, said, span, trace};

const OTHER: &str = "11111111111111111111111111111111";

fn agent() -> Sent {
    span("agent", None, (1, 9), json!({"gen_ai.operation.name": "invoke_agent", "session.id": "s"}))
}

/// A span is sent when it ends: leaves first, the root last.
#[test]
fn children_come_before_their_parents() {
    let call = || span("call", Some("agent"), (2, 3), chat(json!({})));
    let late = trace([call(), agent()]);
    assert_eq!(late, trace([agent(), call()]));
    assert_eq!(late.attempts.len(), 1);
    assert!(late.spans.iter().all(|span| span.attempt_id.as_deref() == Some(&late.attempts[0].attempt_id)));
}

/// Sampled out, exported elsewhere, or killed.
#[test]
fn a_parent_never_comes() {
    let trace = trace([span("call", Some("gone"), (2, 3), chat(json!({"session.id": "s"})))]);
    assert_eq!(calls(&trace), ["call"]);
    assert_eq!((trace.attempts.len(), trace.attempts[0].session_id.as_str()), (1, "s"));
}

#[test]
fn one_session_is_many_traces_and_one_trace_many_sessions() {
    let of = |id: &str, session: &str, trace: &str| {
        span(id, None, (1, 2), chat(json!({"session.id": session}))).trace(trace)
    };
    let traces = derive(vec![of("a", "s", TRACE).into(), of("b", "s", OTHER).into()]);
    let sessions: Vec<_> = traces.iter().flat_map(|t| &t.attempts).map(|a| a.session_id.as_str()).collect();
    assert_eq!(sessions, ["s", "s"]);
    // A trace without keys of its own is one attempt; a batch job names its attempts.
    let job = |id: &str| {
        let keys = json!({"gen_ai.operation.name": "chat", "gleaner.attempt.id": id, "gleaner.session.id": id});
        span(id, None, (1, 2), keys)
    };
    let batch = trace([job("one"), job("two")]);
    let sessions: Vec<_> = batch.attempts.iter().map(|attempt| attempt.session_id.as_str()).collect();
    assert_eq!((sessions.contains(&"one"), sessions.contains(&"two")), (true, true));
}

/// Logfire sends a copy of each span that starts, under another id.
#[test]
fn placeholders_of_spans_that_have_only_started() {
    let pending = json!({"logfire.span_type": "pending_span", "gen_ai.operation.name": "chat"});
    let trace = trace([span("copy", Some("call"), (1, 1), pending), span("call", None, (1, 2), chat(json!({})))]);
    assert_eq!(trace.spans.len(), 1);
}

/// A stream's usage comes at its end or not at all: what was not told is not zero.
#[test]
fn missing_usage_is_not_zero() {
    let call = alone(chat(json!({})));
    assert_eq!((call.input_tokens, call.output_tokens, call.cost_usd), (None, None, None));
}

/// Spans and records travel in pipelines of their own, seconds apart, and records may name no trace.
#[test]
fn records_come_long_after_their_span() {
    let message = |at, name: &str, body: Value| record(Some("call"), at, name, json!({}), body);
    let records = [
        message(2, "gen_ai.user.message", json!({"content": "q"})),
        message(3, "gen_ai.choice", json!({"index": 0, "finish_reason": "stop", "message": {"content": "a"}})),
    ];
    let call: Fragment = span("call", None, (1, 4), chat(json!({}))).into();
    for fragments in [[vec![call.clone()], records.to_vec()].concat(), [records.to_vec(), vec![call]].concat()] {
        let traces = derive(fragments);
        let call = row(&traces[0], "call");
        assert_eq!((call.input_text.as_deref(), call.output_text.as_deref()), (Some("q"), Some("a")));
    }
}

/// The name of a record is a field, an attribute, or nothing but its body.
#[test]
fn records_are_named_in_three_ways() {
    use gleaner_wire::{Encoding, Limits};
    let request = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [
        {"eventName": "gen_ai.choice", "timeUnixNano": "1"},
        {"attributes": [{"key": "event.name", "value": {"stringValue": "gen_ai.choice"}}], "timeUnixNano": "2"},
        {"body": {"stringValue": "gen_ai.choice"}, "timeUnixNano": "3", "traceId": "", "spanId": "0000000000000000"},
    ]}]}]});
    let bytes = request.to_string().into_bytes();
    let logs = gleaner_wire::decode_logs(Encoding::Json, &bytes, &Limits::ACCEPTED).expect("OTLP/JSON");
    let names: Vec<(String, Option<String>)> = gleaner_normalize::decode_logs(logs)
        .into_iter()
        .filter_map(|fragment| match fragment {
            Fragment::Log(log) => Some((log.event_name.clone(), log.span_id.clone())),
            Fragment::Span(_) => None,
        })
        .collect();
    assert_eq!(names[0], ("gen_ai.choice".to_owned(), None));
    assert_eq!(names[1], ("gen_ai.choice".to_owned(), None));
    assert_eq!(names[2].1, None, "an id of zeros is none");
}

/// Exporters send again what was taken but not acknowledged.
#[test]
fn what_is_sent_again_is_no_news() {
    let sent = || vec![agent().into(), span("call", Some("agent"), (2, 3), chat(json!({}))).into()];
    let once = derive(sent());
    let mut twice = derive([sent(), sent()].concat());
    for fact in twice.iter_mut().flat_map(|trace| &mut trace.session_facts) {
        fact.position = once[0].session_facts[0].position;
    }
    assert_eq!(twice[0].spans, once[0].spans);
    assert_eq!(twice[0].attempts, once[0].attempts);
}

/// Clocks of a client and a server differ: a child may begin before its parent does.
#[test]
fn clocks_differ() {
    let trace = trace([
        agent(),
        span("early", Some("agent"), (0, 1), chat(json!({"gen_ai.output.messages": said(&[("assistant", "a")])}))),
    ]);
    assert_eq!(row(&trace, "early").attempt_id, row(&trace, "agent").attempt_id);
    assert_eq!(calls(&trace), ["early"]);
}
