use std::collections::HashSet;

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::derive::fixtures::{TestSpan, agent, chain, derive, llm, tool};

/// A trace of up to 14 spans with arbitrary parents (absent ones, cycles and itself among them), kinds, times and keys.
fn any_trace() -> impl Strategy<Value = Vec<TestSpan>> {
    let span = |index: usize| {
        let kind = 0..4_u8;
        let parent = prop::option::weighted(0.8, 0..16_usize);
        let keys = prop::option::weighted(0.3, (select(vec!["A", "B"]), 1..3_i64, 1..3_i64));
        let session = prop::option::weighted(0.2, select(vec!["s1", "s2"]));
        let response = prop::option::weighted(0.3, select(vec!["r1", "r2"]));
        (kind, parent, 0..20_u64, 0..20_u64, keys, session, response).prop_map(
            move |(kind, parent, start, length, keys, session, response)| {
                let id = format!("{index:02}");
                let span = match kind {
                    0 => agent(&id).named("writer"),
                    1 => chain(&id),
                    2 => tool(&id, "f"),
                    _ => llm(&id)
                        .tokens(1, 1)
                        .asks(&[(Some("c"), "f", serde_json::json!({"start": start}))])
                        .mapped(|mapped| mapped.response_id = response.map(str::to_owned)),
                };
                let mut span = span.at(start, start + length).position(start * 7 % 5);
                if let Some(parent) = parent {
                    span = span.under(&format!("{parent:02}"));
                }
                if let Some((lineage, cycle, number)) = keys {
                    span = span.keys(lineage, cycle, number);
                }
                match session {
                    Some(session) => span.attr("gleaner.session.id", session),
                    None => span,
                }
            },
        )
    };
    (0..14_usize).prop_flat_map(move |count| (0..count).map(span).collect::<Vec<_>>())
}

proptest! {
    /// Guarantees: the result is a function of the set of spans, whatever their order and whatever their tree.
    #[test]
    fn the_order_of_spans_makes_no_difference((spans, shuffled) in any_trace()
        .prop_flat_map(|spans| (Just(spans.clone()), Just(spans).prop_shuffle())))
    {
        prop_assert_eq!(derive(spans), derive(shuffled));
    }

    /// Guarantees: each span once; every attempt has spans, and its counts are those of its spans.
    #[test]
    fn attempts_partition_the_spans_that_they_have(spans in any_trace()) {
        let count = spans.len();
        let trace = derive(spans);
        prop_assert_eq!(trace.spans.len(), count);
        for attempt in &trace.attempts {
            let own: Vec<&Span> =
                trace.spans.iter().filter(|span| span.attempt_id.as_ref() == Some(&attempt.attempt_id)).collect();
            prop_assert!(!own.is_empty());
            let calls = own.iter().filter(|span| span.kind == gleaner_model::SpanKind::Llm && span.duplicate_of.is_none());
            prop_assert_eq!(attempt.llm_calls, calls.count() as i64);
            prop_assert!(attempt.root_span_id.is_none() || own.iter().any(|span| Some(&span.span_id) == attempt.root_span_id.as_ref()));
        }
        let named: HashSet<&str> = trace.spans.iter().filter_map(|span| span.attempt_id.as_deref()).collect();
        prop_assert_eq!(named.len(), trace.attempts.len());
        for span in &trace.spans {
            let best = span.duplicate_of.as_ref().map(|id| trace.spans.iter().find(|other| other.span_id == *id));
            prop_assert!(best.is_none_or(|best| best.is_some_and(|best| best.duplicate_of.is_none())));
        }
    }
}

#[test]
fn project_trace_and_time_are_passed_through() {
    let trace = derive_trace("p", "t", 42, &[], &[]);
    assert_eq!((trace.project.as_str(), trace.trace_id.as_str(), trace.recorded_at_unix_nano), ("p", "t", 42));
}

#[test]
fn a_report_without_an_answer_takes_the_failure_that_another_report_tells() {
    let outer = llm("outer").at(0, 9).question("Oslo?").status(1, "");
    let inner = llm("inner").under("outer").at(1, 8).mapped(|mapped| {
        mapped.finish_reason = Some("error".to_owned());
        mapped.error = Some("error".to_owned());
    });
    let trace = derive([outer, inner]);
    let call = trace.spans.iter().find(|span| span.span_id == "outer").unwrap();
    assert_eq!(trace.spans[1].duplicate_of.as_deref(), Some("outer"));
    assert_eq!((call.status.as_str(), call.error.as_deref()), ("error", Some("error")));
    assert_eq!(call.source_keys["error"], "span:inner");
}

/// Instrumentations count a stream's pieces; Anthropic's own client reports what the provider counted.
#[test]
fn the_provider_s_own_client_counts() {
    let report = |id: &str, scope: &str, output: i64| {
        let mut span = llm(id).under("a").at(1, 9).tokens(5, output).mapped(|mapped| {
            mapped.response_id = Some("r".into());
            mapped.knows_usage = scope.starts_with("com.anthropic.sdk");
        });
        span.0.span.scope.name = scope.into();
        span
    };
    let trace = derive([
        agent("a").at(0, 10),
        report("m1", "opentelemetry.instrumentation.anthropic", 12).question("hi").answer("Hello."),
        report("m2", "com.anthropic.sdk.python", 11),
    ]);
    let richest = trace.spans.iter().find(|span| span.span_id == "m1").expect("the instrumentation's report");
    assert_eq!(
        (richest.duplicate_of.as_deref(), richest.input_tokens, richest.output_tokens),
        (None, Some(5), Some(11))
    );
    assert_eq!(richest.source_keys["output_tokens"], "span:m2");
}
