//! A capture of three sessions with four lineages each, from bytes to attempts, against what the model server saw.
//!
//! `tests/corpus/lineages` holds the requests as an OpenInference agent sent them, and `truth.json`: the attempts,
//! definitions and sessions by another program's count. Its traps: an orchestrator outside all attempts, keys on the root of
//! a subtree only or on every span as baggage, a root that comes last, a sub-agent below a tool, retries side by side, a
//! failed attempt with an output, a cycle without success, a span sent twice.

#![expect(clippy::expect_used, reason = "clippy allows it in test functions, not in the helpers beside them")]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;

use gleaner_model::{AttemptPart, DerivedTrace, SpanKind, StoredFragment};
use gleaner_normalize::derive::derive_trace;
use gleaner_normalize::{Mapped, MergedSpan, map, merge};
use proptest::prelude::*;
use serde_json::Value;

#[path = "corpus/bodies.rs"]
mod bodies;

fn truth() -> Value {
    let text = fs::read(bodies::corpus().join("lineages/truth.json")).expect("readable");
    serde_json::from_slice(&text).expect("JSON")
}

/// The fragments of every request, in the order sent.
fn requests() -> Vec<Vec<gleaner_model::Fragment>> {
    bodies::read(&bodies::corpus().join("lineages")).iter().map(bodies::Body::fragments).collect()
}

/// What is known once these requests have come, in this order.
fn derive(requests: &[&Vec<gleaner_model::Fragment>]) -> Vec<DerivedTrace> {
    let mut by_trace: BTreeMap<String, Vec<StoredFragment>> = BTreeMap::new();
    for (position, fragments) in (1..).zip(requests) {
        for (ordinal, fragment) in (0..).zip(fragments.iter()) {
            let trace_id = fragment.trace_id().expect("spans have traces").to_owned();
            by_trace.entry(trace_id).or_default().push(StoredFragment {
                project: "p".into(),
                position,
                ordinal,
                recorded_at_unix_nano: 0,
                fragment: fragment.clone(),
            });
        }
    }
    let of_trace = |(trace_id, fragments): (&String, &Vec<StoredFragment>)| {
        let spans: Vec<(MergedSpan, Mapped)> =
            merge(fragments).spans.into_iter().map(|span| (span.clone(), map(&span))).collect();
        derive_trace("p", trace_id, 0, &spans, &[])
    };
    by_trace.iter().map(of_trace).collect()
}

/// Journal positions differ between orders by their nature.
fn without_positions(mut traces: Vec<DerivedTrace>) -> Vec<DerivedTrace> {
    for fact in traces.iter_mut().flat_map(|trace| &mut trace.session_facts) {
        fact.position = 0;
    }
    traces
}

fn in_order() -> Vec<DerivedTrace> {
    derive(&requests().iter().collect::<Vec<_>>())
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} is text"))
}

fn find<'t>(traces: &'t [DerivedTrace], expected: &Value) -> (&'t DerivedTrace, &'t AttemptPart) {
    let found: Vec<_> = traces
        .iter()
        .flat_map(|trace| trace.attempts.iter().map(move |attempt| (trace, attempt)))
        .filter(|(_, attempt)| {
            attempt.session_id == text(expected, "session")
                && attempt.lineage_label == text(expected, "lineage")
                && attempt.cycle == expected["cycle"].as_i64()
                && attempt.attempt_number == expected["attempt_number"].as_i64()
        })
        .collect();
    assert_eq!(found.len(), 1, "{} {}", text(expected, "session"), text(expected, "lineage"));
    found[0]
}

#[test]
fn every_attempt_is_as_the_model_server_saw_it() {
    let (traces, truth) = (in_order(), truth());
    let attempts = truth["attempts"].as_array().expect("attempts");
    assert_eq!(traces.iter().map(|trace| trace.attempts.len()).sum::<usize>(), attempts.len());
    for expected in attempts {
        let (trace, attempt) = find(&traces, expected);
        let name =
            format!("{} {} {:?}", attempt.session_id, attempt.lineage_label, (attempt.cycle, attempt.attempt_number));
        assert_eq!(trace.trace_id, text(expected, "trace_id"), "{name}");
        assert_eq!(attempt.root_span_id.as_deref(), Some(text(expected, "root_span_id")), "{name}");
        assert_eq!(attempt.status.as_str(), text(expected, "status"), "{name}");
        assert_eq!(attempt.output_text.as_deref(), expected["output_text"].as_str(), "{name}");
        assert_eq!(attempt.error.as_deref(), expected["error"].as_str(), "{name}");
        assert_eq!(attempt.input_text.as_deref(), expected["prompt"].as_str(), "{name}");
        let numbers = [
            ("llm_calls", Some(attempt.llm_calls)),
            ("llm_calls_failed", Some(attempt.llm_calls_failed)),
            ("tool_calls", Some(attempt.tool_calls)),
            ("tool_calls_failed", Some(attempt.tool_calls_failed)),
            ("input_tokens", attempt.input_tokens),
            ("output_tokens", attempt.output_tokens),
            ("cached_tokens", attempt.cached_tokens),
            ("reasoning_tokens", attempt.reasoning_tokens),
        ];
        for (field, number) in numbers {
            assert_eq!(number.unwrap_or(0), expected[field].as_i64().unwrap_or(0), "{name}: {field}");
        }
        let spans: BTreeSet<&str> = trace
            .spans
            .iter()
            .filter(|span| span.attempt_id.as_ref() == Some(&attempt.attempt_id))
            .map(|span| span.span_id.as_str())
            .collect();
        let expected_spans: BTreeSet<&str> =
            expected["span_ids"].as_array().expect("ids").iter().filter_map(Value::as_str).collect();
        assert_eq!(spans, expected_spans, "{name}");
        let artifact = attempt.artifacts.last().map(|artifact| artifact.content.as_str());
        assert_eq!(artifact, expected["artifact"]["content"].as_str(), "{name}");
        assert!(attempt.artifacts.len() <= 1, "{name}");
    }
}

#[test]
fn orchestrators_are_outside_all_attempts() {
    let traces = in_order();
    let outside: BTreeSet<&str> = traces
        .iter()
        .flat_map(|trace| &trace.spans)
        .filter(|span| span.attempt_id.is_none())
        .map(|span| span.span_id.as_str())
        .collect();
    let truth = truth();
    let expected: BTreeSet<&str> =
        truth["spans_outside_attempts"].as_array().expect("ids").iter().filter_map(Value::as_str).collect();
    assert_eq!(outside, expected);
    let spans: usize = traces.iter().map(|trace| trace.spans.len()).sum();
    assert_eq!(spans, 119, "a span that came twice is one");
}

#[test]
fn definitions_are_told_apart_by_content() {
    let (traces, truth) = (in_order(), truth());
    let mut id_of_name: HashMap<&str, &str> = HashMap::new();
    for expected in truth["attempts"].as_array().expect("attempts") {
        let (_, attempt) = find(&traces, expected);
        let name = text(expected, "agent_definition");
        let definition = attempt.definition.as_ref().expect("every attempt called a model");
        let id = *id_of_name.entry(name).or_insert(&definition.agent_definition_id);
        assert_eq!(id, definition.agent_definition_id, "{name} is one definition");
        let label = expected["version_label"].as_str();
        assert!(label.is_none_or(|label| definition.version_labels.iter().any(|own| own == label)), "{name}");

        let known = truth["agent_definitions"].as_array().expect("definitions");
        let known = known.iter().find(|known| known["id"] == name).expect("it is listed");
        assert_eq!(definition.agent_name.as_deref(), known["agent_name"].as_str());
        assert_eq!(definition.model.as_deref(), known["model"].as_str(), "{name}");
        assert_eq!(definition.system_prompt.as_deref(), known["system_prompt"].as_str(), "{name}");
        let temperature = definition.parameters.as_ref().and_then(|parameters| parameters.get("temperature"));
        assert_eq!(temperature.and_then(Value::as_f64), known["temperature"].as_f64(), "{name}");
        let tools: Vec<&str> = definition
            .tools
            .iter()
            .flat_map(|tools| tools.as_array())
            .flatten()
            .map(|tool| text(tool, "name"))
            .collect();
        let known_tools: Vec<&str> =
            known["tools"].as_array().expect("tools").iter().filter_map(Value::as_str).collect();
        assert_eq!(tools, known_tools, "{name}");
    }
    assert_eq!(id_of_name.values().collect::<BTreeSet<_>>().len(), 17);
    assert_eq!(id_of_name.len(), 17);
}

#[test]
fn sessions_say_who_and_what() {
    let (traces, truth) = (in_order(), truth());
    for session in truth["sessions"].as_array().expect("sessions") {
        for field in ["user_id", "need", "constraints", "context"] {
            let values: BTreeSet<&str> = traces
                .iter()
                .flat_map(|trace| &trace.session_facts)
                .filter(|fact| fact.session_id == text(session, "id") && fact.field == field)
                .map(|fact| fact.value.as_str())
                .collect();
            assert_eq!(values, BTreeSet::from([text(session, field)]), "{} {field}", text(session, "id"));
        }
    }
    let sessions: BTreeSet<&str> =
        traces.iter().flat_map(|trace| &trace.session_facts).map(|fact| fact.session_id.as_str()).collect();
    assert_eq!(sessions.len(), 3);
}

/// The library gives its tool spans no id: every one is joined to the call that the model made.
#[test]
fn every_tool_span_knows_its_call() {
    for trace in in_order() {
        let tools = trace.spans.iter().filter(|span| span.kind == SpanKind::Tool);
        for tool in tools {
            assert!(tool.tool_call_id.is_some(), "{} {}", tool.name, tool.span_id);
            assert!(tool.tool_arguments.as_ref().is_some_and(Value::is_object), "{} {}", tool.name, tool.span_id);
        }
    }
}

#[test]
fn a_late_root_leaves_its_attempt_open_until_then() {
    let requests = requests();
    let before: Vec<_> = requests[..24].iter().collect();
    let late = "a40cf4a04a85445f";
    assert!(derive(&before).iter().flat_map(|trace| &trace.spans).all(|span| span.span_id != late));
    let child = |traces: &[DerivedTrace]| {
        let spans = traces.iter().flat_map(|trace| &trace.spans);
        spans
            .filter(|span| span.parent_span_id.as_deref() == Some(late))
            .map(|span| span.attempt_id.clone())
            .collect::<Vec<_>>()
    };
    let known = child(&derive(&before));
    assert!(!known.is_empty() && known.iter().all(Option::is_none), "its children look like the orchestrator's");
    assert!(child(&in_order()).iter().all(Option::is_some));
}

#[test]
fn the_reverse_order_makes_no_difference() {
    let requests = requests();
    let reversed: Vec<_> = requests.iter().rev().collect();
    assert_eq!(without_positions(derive(&reversed)), without_positions(in_order()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    /// Guarantees: whatever the order of requests, the derived traces are the same.
    #[test]
    fn no_order_makes_a_difference(order in Just((0..27).collect::<Vec<usize>>()).prop_shuffle()) {
        let requests = requests();
        let shuffled: Vec<_> = order.iter().map(|index| &requests[*index]).collect();
        prop_assert_eq!(without_positions(derive(&shuffled)), without_positions(in_order()));
    }
}
