//! Captures of real libraries, replayed and scored against what the model server saw.
//!
//! `tests/corpus/README.md` of the workspace says what a capture is and how to add one. Here every one is mapped as the
//! loader would map it, each fact of its truth is looked for in what came out, and the counts of those that are right, missing
//! and absent must be those of `tests/corpus/scores.txt`, no lower and no higher: `UPDATE_SCORES=1` writes them down.

#![expect(clippy::expect_used, reason = "clippy allows it in test functions, not in the helpers beside them")]

use std::collections::{BTreeMap, BTreeSet};

use gleaner_model::{DerivedTrace, Fragment, StoredFragment};
use serde_json::json;

mod absent;
mod bodies;
mod capture;
mod evidence;
mod history;
mod pack;
mod scope;
mod score;
mod table;
mod text;

use capture::Capture;
use table::Outcome;

/// Scenario: every capture, its requests in the order sent.
/// Guarantees: what comes out right and what is absent is what the committed table says, field by field.
#[test]
fn scores_are_the_committed_ones() {
    let (mut scores, mut wrongs) = (Vec::new(), Vec::new());
    for capture in Capture::all() {
        let derived = derive(&each_request(&capture.requests()));
        let evidence = capture.evidence();
        let mut facts = score::facts(&capture.expected, &derived, &evidence);
        let entries = absent::read(&capture.name);
        let wrong = absent::apply(&entries, &mut facts, &capture.expected, &evidence);
        wrongs.extend(wrong.into_iter().map(|wrong| format!("{}: {wrong}", capture.name)));
        misses(&capture.name, &facts, &evidence);
        scores.push((capture.name, facts.iter().map(|fact| (fact.field, fact.outcome())).collect()));
    }
    table::compare(&scores);
    assert!(wrongs.is_empty(), "not as absent.json says:\n{}", wrongs.join("\n"));
}

/// Prints every fact that is missing, and where the bytes seem to hold it.
fn misses(name: &str, facts: &[score::Fact], evidence: &evidence::Evidence) {
    for fact in facts.iter().filter(|fact| !fact.is_right && !fact.places.is_empty()) {
        let what: String = fact.what.chars().take(100).collect();
        println!("missing: {name} {}[{}] {what:?}", fact.field, fact.of);
        let places: BTreeSet<String> = fact.places.iter().map(|place| evidence.describe(*place)).collect();
        places.iter().for_each(|place| println!("    {place}"));
    }
}

/// Scenario: entries of `absent.json` that say what is not so.
/// Guarantees: each is told of, and makes nothing absent.
#[test]
fn a_wrong_witness_is_found() {
    let capture = Capture::all().into_iter().find(|capture| capture.name == "langfuse").expect("it is there");
    let derived = derive(&each_request(&capture.requests()));
    let evidence = capture.evidence();
    let witnesses = [
        json!({}),
        json!({"only_in": ["another.key"]}),
        json!({"nowhere": ["What is 12 multiply 34?"]}),
        json!({"not_at_home": ["resp_"], "only_in": ["langfuse.observation.input*"]}),
    ];
    for witness in witnesses {
        let entry = json!([{"field": "input", "of": [7, 8], "reason": "none", "witness": witness}]);
        let entries: Vec<absent::Entry> = serde_json::from_value(entry).expect("an entry");
        let mut facts = score::facts(&capture.expected, &derived, &evidence);
        let missing = |facts: &[score::Fact]| facts.iter().filter(|f| f.outcome() == Outcome::Missing).count();
        let before = missing(&facts);
        assert!(!absent::apply(&entries, &mut facts, &capture.expected, &evidence).is_empty(), "{witness}");
        assert_eq!(missing(&facts), before, "{witness}");
    }
    let right = json!([{"field": "output", "of": [1], "reason": "none", "witness": {"nowhere": ["not there"]}}]);
    let entries: Vec<absent::Entry> = serde_json::from_value(right).expect("an entry");
    let mut facts = score::facts(&capture.expected, &derived, &evidence);
    assert_eq!(absent::apply(&entries, &mut facts, &capture.expected, &evidence).len(), 1, "it came out right");
}

/// Scenario: every capture, first as sent, then with its last request first, then with every span and every record in a request
/// of its own, in three orders.
/// Guarantees: all make the same traces. Where several messages of one role were recorded at one moment, nothing but their
/// place in the request tells their order: apart, they make one and the same conversation in every order, with the same
/// messages.
#[test]
fn neither_order_nor_batching_makes_a_difference() {
    let mut without_order = BTreeSet::new();
    for capture in Capture::all() {
        let sent = capture.requests();
        let as_sent = derive(&each_request(&sent));
        let reversed: Vec<_> = sent.iter().rev().cloned().collect();
        compare(&derive(&each_request(&reversed)), &as_sent, &format!("{}, reversed", capture.name));

        let mut apart: Vec<_> = sent.into_iter().flatten().map(|fragment| vec![fragment]).collect();
        let one_by_one = derive(&each_request(&apart));
        apart.reverse();
        compare(&derive(&each_request(&apart)), &one_by_one, &format!("{}, apart and reversed", capture.name));
        let half = apart.len() / 2;
        apart.rotate_left(half);
        compare(&derive(&each_request(&apart)), &one_by_one, &format!("{}, apart and turned", capture.name));

        if one_by_one != as_sent {
            assert_eq!(messages(&one_by_one), messages(&as_sent), "{}", capture.name);
            without_order.insert(capture.name.clone());
        }
    }
    assert_eq!(
        without_order,
        BTreeSet::from(["otel-js-instrumentation-openai".to_owned()]),
        "its clock has milliseconds"
    );
}

/// The prompts of all spans, each without the order of its messages.
fn messages(traces: &[DerivedTrace]) -> Vec<Vec<String>> {
    let prompt = |span: &gleaner_model::Span| {
        let mut prompt: Vec<String> =
            span.input_messages.iter().flatten().map(|message| message.content_hash().0).collect();
        prompt.sort();
        prompt
    };
    traces.iter().flat_map(|trace| &trace.spans).map(prompt).collect()
}

fn compare(other: &[DerivedTrace], as_sent: &[DerivedTrace], how: &str) {
    let trace_ids = |traces: &[DerivedTrace]| traces.iter().map(|t| t.trace_id.clone()).collect::<Vec<_>>();
    assert_eq!(trace_ids(other), trace_ids(as_sent), "{how}");
    for (other, as_sent) in other.iter().zip(as_sent) {
        assert_eq!(other, as_sent, "{how}, trace {}", as_sent.trace_id);
    }
}

/// Scenario: every capture.
/// Guarantees: each field of each span names the key, event, record or other span that it was read from.
#[test]
fn every_field_names_its_source() {
    const FIELDS: &[&str] = &[
        "provider",
        "model",
        "response_model",
        "response_id",
        "previous_response_id",
        "operation",
        "system_prompt",
        "input_messages",
        "output_messages",
        "tool_definitions",
        "tool_name",
        "tool_call_id",
        "tool_arguments",
        "tool_result",
        "finish_reason",
        "parameters",
        "input_tokens",
        "output_tokens",
        "cached_tokens",
        "reasoning_tokens",
        "cost_usd",
        "agent_name",
    ];
    let mut unnamed = BTreeMap::new();
    for capture in Capture::all() {
        for span in derive(&each_request(&capture.requests())).into_iter().flat_map(|trace| trace.spans) {
            let row = serde_json::to_value(&span).expect("JSON");
            for field in
                FIELDS.iter().filter(|field| !row[**field].is_null() && !span.source_keys.contains_key(**field))
            {
                *unnamed.entry((capture.name.clone(), *field)).or_insert(0) += 1;
            }
        }
    }
    assert!(unnamed.is_empty(), "fields without a source: {unnamed:#?}");
}

/// Numbers fragments as the journal would: one position a request.
fn each_request(requests: &[Vec<Fragment>]) -> Vec<StoredFragment> {
    let mut stored = Vec::new();
    for (position, fragments) in (1..).zip(requests) {
        for (ordinal, fragment) in (0..).zip(fragments) {
            stored.push(StoredFragment {
                project: "default".to_owned(),
                position,
                ordinal,
                recorded_at_unix_nano: 1,
                fragment: fragment.clone(),
            });
        }
    }
    stored
}

/// Everything derived, without journal positions: those differ between orders by their nature.
fn derive(stored: &[StoredFragment]) -> Vec<DerivedTrace> {
    let mut traces = gleaner_normalize::derive_unit("default", stored);
    for fact in traces.iter_mut().flat_map(|trace| &mut trace.session_facts) {
        fact.position = 0;
    }
    traces
}
