use gleaner_model::{Fragment, LogFragment, SpanEvent, SpanFragment, StoredFragment};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{Merged, merge};

fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

fn span(span_id: &str, end: u64, attributes: Value) -> SpanFragment {
    SpanFragment {
        trace_id: "0af7651916cd43dd8448eb211c80319c".into(),
        span_id: span_id.into(),
        name: "chat".into(),
        end_time_unix_nano: end,
        attributes: object(attributes),
        ..SpanFragment::default()
    }
}

fn log(span_id: Option<&str>, time: u64, name: &str) -> LogFragment {
    LogFragment {
        trace_id: Some("0af7651916cd43dd8448eb211c80319c".into()),
        span_id: span_id.map(str::to_owned),
        observed_time_unix_nano: time,
        event_name: name.into(),
        ..LogFragment::default()
    }
}

fn stored(position: u64, fragment: Fragment) -> StoredFragment {
    StoredFragment { project: "default".into(), position, ordinal: 0, recorded_at_unix_nano: position, fragment }
}

fn span_at(position: u64, span: SpanFragment) -> StoredFragment {
    stored(position, Fragment::Span(Box::new(span)))
}

fn log_at(position: u64, log: LogFragment) -> StoredFragment {
    stored(position, Fragment::Log(Box::new(log)))
}

#[test]
fn a_later_report_wins_and_empties_nothing() {
    let mut started = span("00f067aa0ba902b7", 0, json!({"model": "a", "only": 1}));
    started.parent_span_id = Some("b7ad6b7169203331".into());
    let ended = span("00f067aa0ba902b7", 9, json!({"model": "b", "tokens": 7}));
    let merged = merge(&[span_at(1, ended), span_at(2, started)]);
    let [whole] = merged.spans.as_slice() else { panic!("{merged:?}") };
    assert_eq!(Value::Object(whole.span.attributes.clone()), json!({"model": "b", "only": 1, "tokens": 7}));
    assert_eq!(whole.span.parent_span_id.as_deref(), Some("b7ad6b7169203331"));
    assert_eq!((whole.span.end_time_unix_nano, whole.position), (9, 2));
}

#[test]
fn a_repeat_is_no_later_fact() {
    let one = span("00f067aa0ba902b7", 9, json!({"a": 1}));
    let merged = merge(&[span_at(8, one.clone()), span_at(3, one)]);
    assert_eq!(merged.spans.len(), 1);
    assert_eq!(merged.spans[0].position, 3);
}

#[test]
fn events_of_several_reports_are_united_by_time() {
    let event = |name: &str, time| SpanEvent { name: name.into(), time_unix_nano: time, ..SpanEvent::default() };
    let mut first = span("00f067aa0ba902b7", 1, json!({}));
    first.events = vec![event("b", 2), event("twice", 5), event("twice", 5)];
    let mut second = span("00f067aa0ba902b7", 2, json!({}));
    second.events = vec![event("b", 2), event("a", 1)];
    let merged = merge(&[span_at(1, first), span_at(2, second)]);
    let names: Vec<&str> = merged.spans[0].span.events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "twice", "twice"]);
}

#[test]
fn logs_go_to_their_span_or_stay_apart() {
    let merged = merge(&[
        log_at(1, log(Some("00f067aa0ba902b7"), 5, "later")),
        log_at(2, log(Some("1111111111111111"), 1, "of a span that has not come")),
        span_at(3, span("00f067aa0ba902b7", 9, json!({}))),
        log_at(4, log(Some("00f067aa0ba902b7"), 4, "earlier")),
        log_at(5, log(None, 2, "of no span")),
    ]);
    let names: Vec<&str> = merged.spans[0].logs.iter().map(|log| log.event_name.as_str()).collect();
    assert_eq!(names, ["earlier", "later"]);
    let loose: Vec<_> = merged.loose_logs.iter().map(|loose| (loose.log.event_name.as_str(), loose.position)).collect();
    assert_eq!(loose, [("of a span that has not come", 2), ("of no span", 5)]);
    assert_eq!(merged.spans[0].position, 4);
}

#[test]
fn a_placeholder_stands_only_until_its_span_comes() {
    let mut pending = span("1111111111111111", 0, json!({"logfire.span_type": "pending_span"}));
    pending.parent_span_id = Some("00f067aa0ba902b7".into());
    assert_eq!(merge(&[span_at(1, pending.clone())]).spans.len(), 1);
    let merged = merge(&[span_at(1, pending), span_at(2, span("00f067aa0ba902b7", 9, json!({})))]);
    let ids: Vec<&str> = merged.spans.iter().map(|merged| merged.span.span_id.as_str()).collect();
    assert_eq!(ids, ["00f067aa0ba902b7"]);
}

fn any_fragment() -> impl Strategy<Value = Fragment> {
    let value = prop_oneof![Just(json!(1)), Just(json!(1.0)), Just(json!("x")), Just(json!(null))];
    let attributes = prop::collection::vec(("[ab]", value), 0..3);
    let id = prop::sample::select(vec!["00f067aa0ba902b7", "b7ad6b7169203331", "1111111111111111"]);
    let event_times = prop::collection::vec(0_u64..3, 0..3);
    (id, 0_u64..3, attributes, event_times, any::<bool>()).prop_map(|(id, time, attributes, event_times, is_log)| {
        if is_log {
            return Fragment::Log(Box::new(LogFragment {
                attributes: attributes.into_iter().collect(),
                ..log(Some(id), time, "record")
            }));
        }
        let mut one = span(id, time, json!({}));
        one.attributes = attributes.into_iter().collect();
        one.events = event_times
            .into_iter()
            .map(|time_unix_nano| SpanEvent { name: "e".into(), time_unix_nano, ..SpanEvent::default() })
            .collect();
        Fragment::Span(Box::new(one))
    })
}

#[test]
fn records_of_one_moment_keep_the_order_and_the_number_sent() {
    let sent = |position, ordinal, name: &str| {
        let fragment = Fragment::Log(Box::new(log(Some("00f067aa0ba902b7"), 5, name)));
        StoredFragment { ordinal, ..stored(position, fragment) }
    };
    let request = [(0, "system"), (1, "user"), (2, "assistant"), (3, "user")];
    let mut fragments = vec![span_at(1, span("00f067aa0ba902b7", 9, json!({})))];
    // The exporter sent the request twice.
    for position in [7, 3] {
        fragments.extend(request.map(|(ordinal, name)| sent(position, ordinal, name)));
    }
    let merged = merge(&fragments);
    let names: Vec<&str> = merged.spans[0].logs.iter().map(|log| log.event_name.as_str()).collect();
    assert_eq!(names, ["system", "user", "assistant", "user"]);
    assert_eq!(merged.spans[0].position, 3);
}

/// Scenario: the records of one moment come in two requests, in each order and split in each way.
/// Guarantees: one order, that of a conversation's events; where they come together as well, the order of that request.
#[test]
fn records_of_one_moment_that_come_apart_have_one_order() {
    let sent = |position, ordinal, name: &str| {
        let fragment = Fragment::Log(Box::new(log(Some("00f067aa0ba902b7"), 5, name)));
        StoredFragment { ordinal, ..stored(position, fragment) }
    };
    let names = ["gen_ai.choice", "gen_ai.tool.message", "gen_ai.user.message", "gen_ai.system.message", "other"];
    let order = |fragments: &[StoredFragment]| {
        let spans = merge(&[&[span_at(1, span("00f067aa0ba902b7", 9, json!({})))], fragments].concat()).spans;
        spans[0].logs.iter().map(|log| log.event_name.clone()).collect::<Vec<_>>()
    };
    let conversation =
        ["gen_ai.system.message", "gen_ai.user.message", "gen_ai.tool.message", "gen_ai.choice", "other"];
    for split in 1..names.len() {
        for (first, second) in [(2, 3), (3, 2)] {
            let place = |index: usize| if index < split { (first, index) } else { (second, index - split) };
            let mut fragments: Vec<StoredFragment> =
                (0..names.len()).map(|index| sent(place(index).0, place(index).1 as u32, names[index])).collect();
            assert_eq!(order(&fragments), conversation, "split at {split}");
            fragments.extend((0..names.len()).map(|index| sent(9, index as u32, names[index])));
            assert_eq!(order(&fragments), names);
        }
    }
}

#[test]
fn a_client_that_counts_its_records_tells_their_order() {
    let sent = |position, sequence: u64| {
        let attributes = object(json!({"event.sequence": sequence.to_string()}));
        let record = LogFragment { attributes, ..log(Some("00f067aa0ba902b7"), 5, "event") };
        stored(position, Fragment::Log(Box::new(record)))
    };
    let merged = merge(&[span_at(1, span("00f067aa0ba902b7", 9, json!({}))), sent(2, 10), sent(3, 9), sent(4, 11)]);
    let numbers: Vec<_> = merged.spans[0].logs.iter().map(|log| log.attributes["event.sequence"].clone()).collect();
    assert_eq!(numbers, ["9", "10", "11"]);
}

/// Key order included, which `PartialEq` of maps does not see.
fn exact(merged: &Merged) -> String {
    format!("{merged:?}")
}

proptest! {
    #[test]
    fn order_and_repeats_never_matter(
        (sent, shuffled) in prop::collection::vec(any_fragment(), 0..12).prop_flat_map(|fragments| {
            let sent: Vec<_> = fragments.into_iter().enumerate().map(|(i, f)| stored(i as u64, f)).collect();
            let twice: Vec<_> = sent.iter().chain(sent.iter()).cloned().collect();
            (Just(sent), Just(twice).prop_shuffle())
        }),
    ) {
        prop_assert_eq!(exact(&merge(&sent)), exact(&merge(&shuffled)));
    }

    #[test]
    fn nothing_is_lost(fragments in prop::collection::vec(any_fragment(), 0..12)) {
        let sent: Vec<_> = fragments.iter().cloned().enumerate().map(|(i, f)| stored(i as u64, f)).collect();
        let merged = merge(&sent);
        for fragment in &fragments {
            let Fragment::Span(report) = fragment else { continue };
            let whole = merged.spans.iter().find(|merged| merged.span.span_id == report.span_id).unwrap();
            prop_assert!(report.attributes.keys().all(|key| whole.span.attributes.contains_key(key)));
            prop_assert!(report.events.iter().all(|event| whole.span.events.contains(event)));
        }
    }
}
