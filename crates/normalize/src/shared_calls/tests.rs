use gleaner_model::{Fragment, SpanFragment, StoredFragment};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::derive_units;

const RESPONSE: &str = "chatcmpl-9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d";

/// A span of `trace` by the conventions of GenAI: `attributes` beside its times, id and parent.
struct Sent {
    trace: u64,
    id: u64,
    parent: Option<u64>,
    scope: &'static str,
    time: (u64, u64),
    attributes: serde_json::Value,
}

impl Sent {
    fn stored(&self, position: u64) -> StoredFragment {
        let span = SpanFragment {
            trace_id: trace_id(self.trace),
            span_id: span_id(self.id),
            parent_span_id: self.parent.map(span_id),
            name: format!("span {}", self.id),
            start_time_unix_nano: self.time.0,
            end_time_unix_nano: self.time.1,
            attributes: self.attributes.as_object().cloned().unwrap_or_default(),
            scope: gleaner_model::ScopeInfo { name: self.scope.into(), ..Default::default() },
            ..SpanFragment::default()
        };
        StoredFragment {
            project: "p".into(),
            position,
            ordinal: 0,
            recorded_at_unix_nano: position,
            fragment: Fragment::Span(Box::new(span)),
        }
    }
}

fn trace_id(n: u64) -> String {
    format!("{n:032x}")
}

fn span_id(n: u64) -> String {
    format!("{n:016x}")
}

fn call(trace: u64, id: u64, parent: Option<u64>, scope: &'static str, time: (u64, u64), response: &str) -> Sent {
    let attributes = json!({
        "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.response.id": response,
    });
    Sent { trace, id, parent, scope, time, attributes }
}

fn with(mut sent: Sent, more: serde_json::Value) -> Sent {
    let attributes = sent.attributes.as_object_mut().expect("an object");
    attributes.extend(more.as_object().expect("an object").clone());
    sent
}

fn agent(trace: u64, id: u64, time: (u64, u64)) -> Sent {
    let attributes = json!({"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "researcher"});
    Sent { trace, id, parent: None, scope: "framework", time, attributes }
}

/// Each trace derived as a unit of its own, beside the others.
fn derive(spans: &[Sent]) -> BTreeMap<String, DerivedTrace> {
    let mut units: BTreeMap<u64, Vec<StoredFragment>> = BTreeMap::new();
    for (position, sent) in (1..).zip(spans) {
        units.entry(sent.trace).or_default().push(sent.stored(position));
    }
    let units: Vec<&[StoredFragment]> = units.values().map(Vec::as_slice).collect();
    derive_units("p", &units).into_iter().map(|trace| (trace.trace_id.clone(), trace)).collect()
}

/// An agent that calls a model twice, by its framework, and each call by the client's instrumentation in a trace of its own.
fn told_twice() -> Vec<Sent> {
    let second = RESPONSE.replace("9b1d", "77aa");
    vec![
        agent(1, 10, (100, 1_000)),
        call(1, 11, Some(10), "framework", (200, 400), RESPONSE),
        call(1, 12, Some(10), "framework", (500, 800), &second),
        with(
            call(2, 21, None, "client", (210, 390), RESPONSE),
            json!({"gen_ai.usage.input_tokens": 7, "gen_ai.usage.output_tokens": 3, "session.id": "s-1"}),
        ),
        call(3, 31, None, "client", (510, 790), &second),
    ]
}

/// Guarantees: calls count where the agent's trace has them, the client's traces make no attempt, their rows stay and name the report that
/// counts and its attempt, and what only they tell is told.
#[test]
fn a_call_of_two_traces_counts_once() {
    let traces = derive(&told_twice());
    let counting = &traces[&trace_id(1)];
    assert_eq!(counting.spans.len(), 3, "no copy stays");
    let [attempt] = counting.attempts.as_slice() else { panic!("{:?}", counting.attempts) };
    assert_eq!((attempt.llm_calls, attempt.input_tokens, attempt.output_tokens), (2, Some(7), Some(3)));
    assert_eq!(attempt.session_id, "s-1", "a session that only the client's trace names");
    for (trace, span, richest) in [(2, 21, 11), (3, 31, 12)] {
        let told = &traces[&trace_id(trace)];
        assert!(told.attempts.is_empty(), "{:?}", told.attempts);
        assert_eq!(told.spans[0].span_id, span_id(span));
        assert_eq!(told.spans[0].parent_span_id, None, "as sent");
        assert_eq!(told.spans[0].duplicate_of, Some(span_id(richest)));
        assert_eq!(told.spans[0].attempt_id.as_ref(), Some(&attempt.attempt_id));
    }
}

/// Guarantees: with Gleaner's keys on every span, as baggage puts them there, the client's calls are no further attempts.
#[test]
fn keys_on_both_traces_make_one_attempt() {
    let keys = json!({"gleaner.session.id": "s", "gleaner.lineage.label": "A", "gleaner.rollout.cycle": 1});
    let traces = derive(&told_twice().into_iter().map(|sent| with(sent, keys.clone())).collect::<Vec<_>>());
    let attempts: Vec<_> = traces.values().flat_map(|trace| &trace.attempts).collect();
    assert_eq!(attempts.iter().map(|attempt| attempt.llm_calls).collect::<Vec<_>>(), [2]);
}

/// Guarantees: a trace with a call of its own keeps its attempt, without the call that another counts.
#[test]
fn a_trace_with_calls_of_its_own_keeps_its_attempt() {
    let mut spans = told_twice();
    spans.push(call(3, 32, None, "client", (900, 950), "chatcmpl-5e0c2f6a8d9b4c1e"));
    let traces = derive(&spans);
    let calls: Vec<_> = traces.values().flat_map(|trace| &trace.attempts).map(|attempt| attempt.llm_calls).collect();
    assert_eq!(calls, [2, 1]);
}

/// Guarantees: what a server for tests answers, or a cache, is not taken for one call: one tracer, one after the other, different answers,
/// an id that nobody made up.
#[test]
fn equal_ids_alone_make_no_call_one() {
    let said = |text: &str| json!({"gen_ai.output.messages": json!([{"role": "assistant", "parts": [{"type": "text", "content": text}]}]).to_string()});
    let pairs: [(&str, Sent, Sent); 4] = [
        ("one tracer", call(1, 11, None, "a", (0, 9), RESPONSE), call(2, 21, None, "a", (1, 8), RESPONSE)),
        ("one after the other", call(1, 11, None, "a", (1, 5), RESPONSE), call(2, 21, None, "b", (5, 8), RESPONSE)),
        (
            "different answers",
            with(call(1, 11, None, "a", (1, 9), RESPONSE), said("yes")),
            with(call(2, 21, None, "b", (2, 8), RESPONSE), said("no")),
        ),
        (
            "an example's id",
            call(1, 11, None, "a", (1, 9), "chatcmpl-123"),
            call(2, 21, None, "b", (2, 8), "chatcmpl-123"),
        ),
    ];
    for (why, one, other) in pairs {
        let traces = derive(&[one, other]);
        assert_eq!(traces.values().map(|trace| trace.attempts.len()).collect::<Vec<_>>(), [1, 1], "{why}");
        assert!(traces.values().flat_map(|trace| &trace.spans).all(|span| span.duplicate_of.is_none()), "{why}");
    }
}

/// A call whose stream told no response id, with what it was asked and answered.
fn without_id(sent: Sent, question: &str, answer: serde_json::Value) -> Sent {
    let mut sent = sent;
    sent.attributes.as_object_mut().expect("an object").remove("gen_ai.response.id");
    asked(sent, question, answer)
}

fn asked(sent: Sent, question: &str, answer: serde_json::Value) -> Sent {
    let message = |role: &str, part: serde_json::Value| json!([{"role": role, "parts": [part]}]).to_string();
    with(
        sent,
        json!({
            "gen_ai.input.messages": message("user", json!({"type": "text", "content": question})),
            "gen_ai.output.messages": message("assistant", answer),
        }),
    )
}

/// Scenario: two tries at once of one question, answered alike; the framework's streams tell no response id.
/// Guarantees: each of them is one call with one of the client's, by question and answer, or by the ids of the tool calls.
#[test]
fn streams_without_ids_are_found_by_their_answers() {
    let text = json!({"type": "text", "content": "4"});
    let tool = |id: &str| json!({"type": "tool_call", "id": id, "name": "add", "arguments": {"a": 2}});
    let (one, two) = (tool("call_85dd3f61b8201c4bb2fecefd"), tool("call_2758afafbaa49274a9cc429c"));
    for [first, second] in [[text.clone(), text], [one, two]] {
        let spans = [
            without_id(call(1, 11, None, "framework", (1, 9), ""), "2+2?", first.clone()),
            without_id(call(2, 21, None, "framework", (2, 10), ""), "2+2?", second.clone()),
            asked(call(3, 31, None, "client", (3, 8), RESPONSE), "2+2?", first),
            asked(call(4, 41, None, "client", (4, 7), &RESPONSE.replace("9b1d", "77aa")), "2+2?", second),
        ];
        let traces = derive(&spans);
        let attempts: Vec<_> = traces.values().map(|trace| trace.attempts.len()).collect();
        assert_eq!(attempts, [1, 1, 0, 0]);
        let counted: HashSet<_> = [3, 4].map(|trace| traces[&trace_id(trace)].spans[0].duplicate_of.clone()).into();
        assert_eq!(counted, HashSet::from([Some(span_id(11)), Some(span_id(21))]));
    }
}

/// Guarantees: an id on more spans than a call has reports is no id.
#[test]
fn an_id_on_many_spans_is_none() {
    const SCOPES: [&str; 2] = ["framework", "client"];
    let reports = |traces: usize| -> Vec<Sent> {
        (1..=traces as u64).map(|n| call(n, n, None, SCOPES[(n % 2) as usize], (1, 9), RESPONSE)).collect()
    };
    let attempts = |spans: &[Sent]| derive(spans).values().map(|trace| trace.attempts.len()).sum::<usize>();
    assert!(attempts(&reports(MAX_REPORTS_OF_ONE_CALL)) < MAX_REPORTS_OF_ONE_CALL);
    assert_eq!(attempts(&reports(MAX_REPORTS_OF_ONE_CALL + 1)), MAX_REPORTS_OF_ONE_CALL + 1);
}

proptest! {
    /// Guarantees: whatever traces tell of the same calls, every span keeps its one row in its trace, each report that is another's
    /// duplicate shares its attempt, each call counts in one attempt at most, and the order of units makes no difference.
    #[test]
    fn each_call_counts_once(
        reports in proptest::collection::vec((1_u64..5, 0_usize..3, 0_usize..3, 0_u64..4), 1..12),
        turn in 0_usize..4,
    ) {
        const SCOPES: [&str; 3] = ["framework", "client", "proxy"];
        let ids: Vec<String> = ["9b1d", "77aa", "40ce"].iter().map(|head| RESPONSE.replace("9b1d", head)).collect();
        let spans: Vec<Sent> = (1..)
            .zip(&reports)
            .map(|(id, (trace, scope, response, start))| {
                call(*trace, id, None, SCOPES[*scope], (*start + 1, 10 - start), &ids[*response])
            })
            .collect();
        let mut units: BTreeMap<u64, Vec<StoredFragment>> = BTreeMap::new();
        for (position, sent) in (1..).zip(&spans) {
            units.entry(sent.trace).or_default().push(sent.stored(position));
        }
        let mut order: Vec<&[StoredFragment]> = units.values().map(Vec::as_slice).collect();
        let derived = derive_units("p", &order);
        let places = order.len();
        order.rotate_left(turn % places);
        let mut turned = derive_units("p", &order);
        turned.sort_by(|a, b| a.trace_id.cmp(&b.trace_id));
        prop_assert_eq!(&turned, &derived);

        prop_assert_eq!(derived.iter().map(|trace| trace.spans.len()).sum::<usize>(), spans.len());
        for trace in &derived {
            prop_assert!(trace.spans.iter().all(|span| span.trace_id == trace.trace_id));
        }
        let rows: HashMap<&str, &gleaner_model::Span> =
            derived.iter().flat_map(|trace| &trace.spans).map(|span| (span.span_id.as_str(), span)).collect();
        for row in rows.values() {
            if let Some(richest) = &row.duplicate_of {
                prop_assert_eq!(&rows[richest.as_str()].duplicate_of, &None);
                prop_assert_eq!(&rows[richest.as_str()].attempt_id, &row.attempt_id);
                prop_assert_eq!(&rows[richest.as_str()].response_id, &row.response_id);
            }
        }
        let counted: i64 = derived.iter().flat_map(|trace| &trace.attempts).map(|attempt| attempt.llm_calls).sum();
        let calls = rows.values().filter(|row| row.duplicate_of.is_none()).count();
        prop_assert_eq!(usize::try_from(counted).ok(), Some(calls));
    }
}
