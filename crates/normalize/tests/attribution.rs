//! Attribution against a reference that is written from the rules alone: for every span and level the nearest
//! ancestor-or-self with the key decides, else the resource; spans without a keyed ancestor are in no attempt; what resolves to the same keys is one
//! attempt, by number or by the root of the keyed subtree.
//!
//! Trees, keys and where they stand are random; so are the order of arrival, what is sent twice, and what never comes. It does
//! not prove what conventions' own keys do, nor a trace without any keys (the corpus does).

#![expect(clippy::expect_used, reason = "clippy allows it in test functions, not in the helpers beside them")]

use std::collections::{BTreeMap, BTreeSet};

use gleaner_model::{AttemptPart, DerivedTrace, Fragment, Span, SpanFragment, StoredFragment};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

const TRACE: &str = "000000000000000000000000000000aa";

/// What one span carries. Labels `N…` go without a number wherever they stand; `W` has one on some spans, so that unnumbered
/// spans stand around numbered attempts of their rollout; the others always have one.
#[derive(Debug, Clone)]
struct Keys {
    session: &'static str,
    label: &'static str,
    /// As sent: text, as baggage has it, a number, or something that is no cycle.
    cycle: Value,
    number: Option<Value>,
}

#[derive(Debug, Clone)]
struct Node {
    /// Among the nodes before it; the first node's is outside.
    parent: usize,
    kind: &'static str,
    keys: Option<Keys>,
}

fn keys() -> impl Strategy<Value = Keys> {
    let cycles = || select(vec![json!(1), json!("1"), json!(2), json!("2"), json!(2.0)]);
    let odd = select(vec![json!("x"), json!(0), json!(-1), json!(1.5), json!("")]);
    let numbered = (
        select(vec!["A", "B"]),
        prop_oneof![4 => cycles(), 1 => odd],
        select(vec![json!(1), json!("1"), json!(2), json!("3")]).prop_map(Some),
    );
    let unnumbered = (select(vec!["N1", "N2"]), cycles(), Just(None));
    let around = (Just("W"), cycles(), option::of(select(vec![json!(1), json!("2")])));
    (select(vec!["s1", "s1", "s1", "s2"]), prop_oneof![numbered, unnumbered, around]).prop_map(|(session, rest)| Keys {
        session,
        label: rest.0,
        cycle: rest.1,
        number: rest.2,
    })
}

fn nodes() -> impl Strategy<Value = Vec<Node>> {
    let node = (any::<u16>(), select(vec!["AGENT", "LLM", "TOOL", "CHAIN"]), option::weighted(0.4, keys()));
    vec(node, 1..14).prop_map(|nodes| {
        let node = |(place, (parent, kind, keys)): (usize, (u16, &'static str, Option<Keys>))| Node {
            parent: usize::from(parent) % place.max(1),
            // An attempt's root is an agent; a call that names an attempt is a rule of its own.
            kind: if keys.is_some() { "AGENT" } else { kind },
            keys,
        };
        nodes.into_iter().enumerate().map(node).collect()
    })
}

/// Keys of the resource: they fill in what spans leave open, and never split a trace.
fn resource() -> impl Strategy<Value = Map<String, Value>> {
    let cycle = option::weighted(0.3, select(vec![json!("5"), json!(6), json!("x")]));
    let number = option::weighted(0.2, select(vec![json!("7"), json!(8), json!(0)]));
    (cycle, number).prop_map(|(cycle, number)| {
        let cycle = cycle.map(|cycle| ("gleaner.rollout.cycle".to_owned(), cycle));
        let number = number.map(|number| ("gleaner.attempt.number".to_owned(), number));
        cycle.into_iter().chain(number).collect()
    })
}

fn span_id(place: usize) -> String {
    format!("{:016x}", place + 1)
}

/// The spans as sent. Parents may start after their children: order of start is no ancestry.
fn spans(nodes: &[Node], resource: &Map<String, Value>, start_of: impl Fn(usize) -> u64) -> Vec<SpanFragment> {
    let span = |(place, node): (usize, &Node)| {
        let mut attributes = json!({"openinference.span.kind": node.kind, "agent.name": format!("agent-{place}")});
        if let Some(keys) = &node.keys {
            attributes["gleaner.session.id"] = json!(keys.session);
            attributes["gleaner.lineage.label"] = json!(keys.label);
            attributes["gleaner.rollout.cycle"] = keys.cycle.clone();
            if let Some(number) = &keys.number {
                attributes["gleaner.attempt.number"] = number.clone();
            }
        }
        let Value::Object(attributes) = attributes else { unreachable!("an object") };
        SpanFragment {
            trace_id: TRACE.to_owned(),
            span_id: span_id(place),
            parent_span_id: (place > 0).then(|| span_id(node.parent)),
            name: format!("span {place}"),
            start_time_unix_nano: 1_000 + start_of(place),
            end_time_unix_nano: 2_000_000,
            attributes,
            resource: resource.clone(),
            ..SpanFragment::default()
        }
    };
    nodes.iter().enumerate().map(span).collect()
}

/// Session, label, cycle, number; and the keyed subtree's root where no number tells.
type Attempt = (String, String, Option<i64>, Option<i64>, Option<usize>);

/// The reference. `absent` spans were never sent: nobody knows what they carried, and who their parents were.
fn expected(
    nodes: &[Node],
    resource: &Map<String, Value>,
    absent: &BTreeSet<usize>,
) -> BTreeMap<usize, Option<Attempt>> {
    let parent = |place: usize| (place > 0 && !absent.contains(&nodes[place].parent)).then(|| nodes[place].parent);
    let lineage_up = |place: usize| std::iter::successors(Some(place), |place| parent(*place));
    let ordinal = |value: &Value| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        text.strip_suffix(".0").unwrap_or(&text).parse::<i64>().ok().filter(|number| *number >= 1)
    };
    let of_resource = |key: &str| ordinal(resource.get(key)?);
    let resolve = |place: usize| {
        let keys = || lineage_up(place).filter_map(|place| nodes[place].keys.as_ref());
        let first = keys().next()?;
        let cycle = keys().find_map(|keys| ordinal(&keys.cycle)).or_else(|| of_resource("gleaner.rollout.cycle"));
        let number =
            keys().find_map(|keys| ordinal(keys.number.as_ref()?)).or_else(|| of_resource("gleaner.attempt.number"));
        Some((first.session.to_owned(), first.label.to_owned(), cycle, number))
    };
    let attempt = |place: usize| {
        let (session, label, cycle, number) = resolve(place)?;
        let same = |above: &usize| resolve(*above) == resolve(place);
        let root = lineage_up(place).take_while(same).last();
        Some((session, label, cycle, number, root.filter(|_| number.is_none())))
    };
    let sent = || (0..nodes.len()).filter(|place| !absent.contains(place));
    // What names a rollout around attempts of it is one of them only if it calls a model.
    let refined = |(session, label, cycle, number, _): &Attempt, root: usize| {
        number.is_none()
            && sent().any(|below| {
                let other = attempt(below).filter(|other| other.3.is_some());
                parent(below).is_some_and(|above| attempt(above).is_some_and(|a| a.4 == Some(root) && a.3.is_none()))
                    && other.is_some_and(|other| (&other.0, &other.1, &other.2) == (session, label, cycle))
            })
    };
    let is_llm = |place: usize| nodes[place].kind == "LLM";
    // What contains calls is none itself.
    let is_call = |place: usize| {
        is_llm(place) && !sent().any(|other| is_llm(other) && lineage_up(other).skip(1).any(|above| above == place))
    };
    let calls_model = |wanted: &Attempt| sent().any(|place| is_call(place) && attempt(place).as_ref() == Some(wanted));
    let kept = |attempt: &Attempt| !attempt.4.is_some_and(|root| refined(attempt, root)) || calls_model(attempt);
    sent().map(|place| (place, attempt(place).filter(kept))).collect()
}

fn derive(fragments: &[SpanFragment]) -> DerivedTrace {
    let stored: Vec<StoredFragment> = (1..)
        .zip(fragments)
        .map(|(position, fragment)| StoredFragment {
            project: "p".to_owned(),
            position,
            ordinal: 0,
            recorded_at_unix_nano: 1,
            fragment: Fragment::Span(Box::new(fragment.clone())),
        })
        .collect();
    gleaner_normalize::derive_unit("p", &stored).pop().expect("one trace")
}

/// The implementation's answer, by the keys that it read.
fn found(trace: &DerivedTrace) -> BTreeMap<usize, Option<&AttemptPart>> {
    let part = |span: &Span| {
        let id = span.attempt_id.as_ref()?;
        Some(trace.attempts.iter().find(|attempt| attempt.attempt_id == *id).expect("an attempt of the trace"))
    };
    let place = |span: &Span| usize::from_str_radix(&span.span_id, 16).expect("an id of this test") - 1;
    trace.spans.iter().map(|span| (place(span), part(span))).collect()
}

/// `PROPTEST_CASES` sets how many cases are tried.
fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(1_000);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    /// Guarantees: whatever comes, in whatever order, in two halves, twice or not at all, each span is in the attempt that the nearest
    /// keys above it name, and spans are together exactly if they name the same. An agent without keys of its own is never
    /// an attempt beside the one that it works for.
    #[test]
    fn the_nearest_keys_decide(
        nodes in nodes(),
        resource in resource(),
        starts in any::<u64>(),
        absent in vec(any::<prop::sample::Index>(), 0..3),
        halves in any::<u64>(),
        order in Just((0..28).collect::<Vec<usize>>()).prop_shuffle(),
    ) {
        let absent: BTreeSet<usize> = absent.iter().map(|index| index.index(nodes.len())).collect();
        let is_keyed = |place: &usize| nodes[*place].keys.is_some() && !absent.contains(place);
        if !(0..nodes.len()).any(|place| is_keyed(&place)) {
            return Ok(());
        }
        let expected = expected(&nodes, &resource, &absent);
        let sent = spans(&nodes, &resource, |place| starts.rotate_left(place as u32 * 5) % 1_000);
        // Every span in two reports, each attribute in one of them, in any order.
        let reports: Vec<SpanFragment> = order
            .iter()
            .filter(|report| **report / 2 < nodes.len() && !absent.contains(&(**report / 2)))
            .map(|report| half(&sent[report / 2], halves.rotate_left(*report as u32 / 2), report % 2 == 0))
            .collect();
        let trace = derive(&reports);
        let found = found(&trace);
        prop_assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
        let mut ids: BTreeMap<&Attempt, &str> = BTreeMap::new();
        for (place, expected) in &expected {
            let found = found[place];
            let keys = found.map(|part| {
                (part.session_id.clone(), part.lineage_label.clone(), part.cycle, part.attempt_number)
            });
            let wanted = expected.as_ref().map(|(session, label, cycle, number, _)| (session.clone(), label.clone(), *cycle, *number));
            prop_assert_eq!(keys, wanted, "span {}", place);
            if let Some((part, expected)) = found.zip(expected.as_ref()) {
                prop_assert_eq!(*ids.entry(expected).or_insert(&part.attempt_id), part.attempt_id.as_str(), "span {} is apart", place);
            }
        }
        prop_assert_eq!(ids.len(), ids.values().collect::<BTreeSet<_>>().len(), "two attempts have one id");
        prop_assert_eq!(ids.len(), trace.attempts.len(), "an attempt without spans");
    }
}

/// A report of a span with some of its attributes.
fn half(span: &SpanFragment, halves: u64, first: bool) -> SpanFragment {
    let mut half = span.clone();
    let mut place = 0;
    half.attributes.retain(|_, _| {
        place += 1;
        (halves.rotate_left(place) & 1 == 1) == first
    });
    half
}
