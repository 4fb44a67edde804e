//! What holds for any telemetry, however odd: nothing panics, nothing is lost, and neither order nor batching matters.

#![expect(clippy::expect_used, reason = "clippy allows it in test functions, not in the helpers beside them")]

use std::collections::{BTreeMap, BTreeSet, HashMap};

use gleaner_model::{DerivedTrace, Fragment, LogFragment, Span, SpanFragment, StoredFragment};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

#[path = "../corpus/bodies.rs"]
mod bodies;
mod telemetry;

/// `PROPTEST_CASES` sets how many cases are tried.
fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(128);
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 2_000, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    /// Guarantees: every span sent is derived, with every attribute, event and link of every report of it; every log record of
    /// a trace is with its span, or made one, or is feedback, or listed as unmapped. (That it returns at all says that nothing panicked.)
    #[test]
    fn nothing_is_lost(telemetry in telemetry::arbitrary()) {
        let fragments = telemetry.fragments();
        let tells: Vec<bool> =
            stored(&fragments).iter().map(|stored| !gleaner_normalize::telemetry_feedback(stored).is_empty()).collect();
        let traces = derive(&fragments);
        let spans: HashMap<(&str, &str), &Span> = traces
            .iter()
            .flat_map(|trace| &trace.spans)
            .map(|span| ((span.trace_id.as_str(), span.span_id.as_str()), span))
            .collect();
        for (key, reports) in reports(&fragments) {
            let Some(span) = spans.get(&key) else {
                prop_assert!(is_placeholder(&reports, &fragments), "{key:?} is not derived");
                continue;
            };
            prop_assert_eq!(missing(&span.attributes, reports.iter().map(|report| &report.attributes)), None);
            prop_assert_eq!(missing(&span.resource, reports.iter().map(|report| &report.resource)), None);
            for report in &reports {
                let of_span = |event: &&Value| event.get("origin").is_none();
                let sent = report.events.iter().map(|event| {
                    json!({"name": event.name, "time_unix_nano": event.time_unix_nano, "attributes": event.attributes})
                });
                prop_assert_eq!(not_among(sent, span.events.iter().filter(of_span)), None, "an event of {:?}", key);
                let sent = report.links.iter().map(|link| {
                    json!({"trace_id": link.trace_id, "span_id": link.span_id, "attributes": link.attributes})
                });
                prop_assert_eq!(not_among(sent, span.links.iter()), None, "a link of {:?}", key);
            }
        }
        for (fragment, tells_feedback) in fragments.iter().zip(tells) {
            if let Fragment::Log(log) = fragment
                && log.trace_id.is_some()
                && !tells_feedback
            {
                prop_assert!(is_kept(log, &traces), "{log:?} is lost");
            }
        }
    }

    /// Guarantees: the same fragments make the same traces in any order, and when some are sent twice.
    #[test]
    fn no_order_makes_a_difference(
        (telemetry, order) in telemetry::arbitrary().prop_flat_map(|telemetry| {
            let twice: Vec<usize> = (0..telemetry.len()).chain(0..telemetry.len().min(3)).collect();
            (Just(telemetry), Just(twice).prop_shuffle())
        }),
    ) {
        let fragments = telemetry.fragments();
        let reordered: Vec<Fragment> = order.iter().map(|place| fragments[*place].clone()).collect();
        prop_assert_eq!(same(derive(&reordered)), same(derive(&fragments)));
    }

    /// Guarantees: a span that comes in two reports, each with some of its attributes and events, is the span that comes whole.
    #[test]
    fn a_span_may_come_in_parts(telemetry in telemetry::once_each(), halves in any::<u64>()) {
        let whole = telemetry.fragments();
        let parts: Vec<Fragment> = whole.iter().flat_map(|fragment| split(fragment, halves)).collect();
        prop_assert_eq!(same(derive(&parts)), same(derive(&whole)));
    }
}

fn stored(fragments: &[Fragment]) -> Vec<StoredFragment> {
    let stored = |(position, fragment): (u64, &Fragment)| StoredFragment {
        project: "default".to_owned(),
        position,
        ordinal: 0,
        recorded_at_unix_nano: 1,
        fragment: fragment.clone(),
    };
    (1..).zip(fragments).map(stored).collect()
}

fn derive(fragments: &[Fragment]) -> Vec<DerivedTrace> {
    gleaner_normalize::derive_unit("default", &stored(fragments))
}

/// What must not differ: journal positions do by their nature.
fn same(mut traces: Vec<DerivedTrace>) -> Vec<DerivedTrace> {
    for fact in traces.iter_mut().flat_map(|trace| &mut trace.session_facts) {
        fact.position = 0;
    }
    traces
}

type Reports<'a> = BTreeMap<(&'a str, &'a str), Vec<&'a SpanFragment>>;

fn reports(fragments: &[Fragment]) -> Reports<'_> {
    let mut reports = Reports::new();
    for fragment in fragments {
        if let Fragment::Span(span) = fragment {
            reports.entry((&span.trace_id, &span.span_id)).or_default().push(span);
        }
    }
    reports
}

/// Logfire's copy of a span that has only started is no span of its own once the span is there.
fn is_placeholder(reports: &[&SpanFragment], fragments: &[Fragment]) -> bool {
    let spans: BTreeSet<(&str, Option<&str>)> = fragments
        .iter()
        .filter(|fragment| matches!(fragment, Fragment::Span(_)))
        .filter_map(|fragment| Some((fragment.trace_id()?, fragment.span_id())))
        .collect();
    reports.iter().all(|report| {
        report.attributes.get("logfire.span_type") == Some(&json!("pending_span"))
            && spans.contains(&(report.trace_id.as_str(), report.parent_span_id.as_deref()))
    })
}

/// A key that was sent and is not there, or has a value that nobody sent.
fn missing<'a>(kept: &Map<String, Value>, sent: impl Iterator<Item = &'a Map<String, Value>>) -> Option<String> {
    let mut values: BTreeMap<&String, Vec<&Value>> = BTreeMap::new();
    for (key, value) in sent.flatten() {
        values.entry(key).or_default().push(value);
    }
    let is_kept = |key: &str, values: &[&Value]| kept.get(key).is_some_and(|value| values.contains(&value));
    values.into_iter().find(|(key, values)| !is_kept(key, values)).map(|(key, _)| key.clone())
}

/// The first of some values that is not among others, counting repeats.
fn not_among<'a>(sent: impl Iterator<Item = Value>, kept: impl Iterator<Item = &'a Value>) -> Option<Value> {
    let mut kept: Vec<&Value> = kept.collect();
    for value in sent {
        // Of `1` and `1.0`, which are one content, one is kept.
        let found =
            kept.iter().position(|known| gleaner_model::canonical_json(known) == gleaner_model::canonical_json(&value));
        match found {
            Some(place) => drop(kept.swap_remove(place)),
            None => return Some(value),
        }
    }
    None
}

fn is_kept(log: &LogFragment, traces: &[DerivedTrace]) -> bool {
    let canonical = |attributes: &Value, body: &Value| gleaner_model::canonical_json(&json!([attributes, body]));
    let content = canonical(&Value::Object(log.attributes.clone()), &log.body);
    let with_span =
        |span: &Span| span.events.iter().any(|event| canonical(&event["attributes"], &event["body"]) == content);
    traces.iter().any(|trace| {
        trace.spans.iter().any(with_span)
            || trace
                .unmapped
                .iter()
                .any(|row| row.span_id == log.span_id && row.name == log.event_name && row.scope_name == log.scope.name)
    })
}

/// A span as two reports, each attribute and event in one of them.
fn split(fragment: &Fragment, halves: u64) -> Vec<Fragment> {
    let Fragment::Span(span) = fragment else { return vec![fragment.clone()] };
    let is_first = |place: usize| halves.rotate_left(place as u32 % 64) & 1 == 1;
    let half = |wanted: bool| {
        let mut half = (**span).clone();
        half.attributes = span
            .attributes
            .iter()
            .enumerate()
            .filter(|(place, _)| is_first(*place) == wanted)
            .map(|(_, (key, value))| (key.clone(), value.clone()))
            .collect();
        let mut place = span.attributes.len();
        half.events.retain(|_| {
            place += 1;
            is_first(place) == wanted
        });
        Fragment::Span(Box::new(half))
    };
    vec![half(true), half(false)]
}
