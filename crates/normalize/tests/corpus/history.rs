//! What calls were given that go on from an earlier response, over all traces: the store puts it together when it is read.
//! Here the same is done in memory, so that the figures are those of the public relations.

use std::collections::{HashMap, HashSet};

use gleaner_model::{DerivedTrace, Message, Span, SpanKind};

/// The whole input of every call, by the order of the spans in the traces. `None`: not captured.
pub(crate) fn whole_inputs(traces: &[DerivedTrace]) -> Vec<Option<Vec<Message>>> {
    let spans: Vec<&Span> = traces.iter().flat_map(|trace| &trace.spans).collect();
    let previous = previous_calls(&spans);
    let mut histories: HashMap<usize, Vec<Message>> = HashMap::new();
    let inputs = (0..spans.len()).map(|place| match chain(&spans, &previous, place) {
        Some(chain) => {
            for link in chain {
                extend(&spans, &previous, link, &mut histories);
            }
            histories.get(&place).cloned()
        }
        None => spans[place].input_messages.clone(),
    });
    inputs.collect()
}

/// For each call the one that it goes on from, where that is known: of several with one response id the first.
fn previous_calls(spans: &[&Span]) -> Vec<Option<usize>> {
    let mut answering: HashMap<&str, usize> = HashMap::new();
    for (place, span) in spans.iter().enumerate() {
        let is_call = span.kind == SpanKind::Llm && span.duplicate_of.is_none();
        let Some(id) = span.response_id.as_deref().filter(|_| is_call) else { continue };
        let known = answering.entry(id).or_insert(place);
        let age = |place: usize| (spans[place].start_time_unix_nano, &spans[place].trace_id, &spans[place].span_id);
        if age(place) < age(*known) {
            *known = place;
        }
    }
    let previous = |span: &&Span| answering.get(span.previous_response_id.as_deref()?).copied();
    spans.iter().map(previous).collect()
}

/// The calls that lead to one, the earliest first, itself last. `None` where it goes on from none, or in a circle.
fn chain(spans: &[&Span], previous: &[Option<usize>], place: usize) -> Option<Vec<usize>> {
    spans[place].previous_response_id.as_ref()?;
    let (mut links, mut seen, mut at) = (Vec::new(), HashSet::new(), Some(place));
    while let Some(link) = at {
        if !seen.insert(link) {
            return None;
        }
        links.push(link);
        at = previous[link];
    }
    links.reverse();
    Some(links)
}

/// Adds what was said before to what a call was given, unless it was given that too.
fn extend(spans: &[&Span], previous: &[Option<usize>], link: usize, histories: &mut HashMap<usize, Vec<Message>>) {
    if histories.contains_key(&link) {
        return;
    }
    let own = spans[link].input_messages.clone().unwrap_or_default();
    let mut history = Vec::new();
    if let Some(earlier) = previous[link] {
        history.extend(histories.get(&earlier).cloned().unwrap_or_default());
        history.extend(spans[earlier].output_messages.clone().unwrap_or_default());
    }
    let hashes = |messages: &[Message]| messages.iter().map(Message::content_hash).collect::<Vec<_>>();
    let whole = if hashes(&own).starts_with(&hashes(&history)) { own } else { [history, own].concat() };
    histories.insert(link, whole);
}
