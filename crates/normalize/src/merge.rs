//! Fragments of one trace to whole spans.
//!
//! A pure function of the *set* of fragments: neither their order nor their repetition matters (log records of one moment that
//! came together keep the order of their request, the only one that they have). It decides what a span is, never what it means;
//! nothing here reads a convention, apart from the one placeholder that Logfire sends for a span that has only started, and
//! the order of OpenTelemetry's events of a conversation.
//!
//! Invariants: no attribute, event or link of any fragment is lost; of two values for one key the later fragment's wins,
//! where "later" is (end time, number of attributes, canonical JSON), never the time of arrival.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use gleaner_model::{Fragment, LogFragment, SpanEvent, SpanFragment, SpanLink, StoredFragment, canonical_json};
use serde_json::Value;

use crate::mapped::MergedSpan;
use crate::value::integer;

/// What [`merge`] makes of fragments.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Merged {
    /// By trace id, then span id.
    pub spans: Vec<MergedSpan>,
    /// Log records without a span, or whose span is not among the fragments: in the order that they
    /// were written in, see `in_order`.
    pub loose_logs: Vec<LooseLog>,
}

/// A log record that belongs to no known span.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LooseLog {
    /// The record.
    pub log: LogFragment,
    /// Journal position of its first report.
    pub position: u64,
}

type SpanKey = (String, String);

/// Puts spans together from all of their fragments, and log records to their spans.
pub fn merge(fragments: &[StoredFragment]) -> Merged {
    let mut spans: BTreeMap<SpanKey, Vec<(&SpanFragment, u64)>> = BTreeMap::new();
    let mut logs: HashMap<Option<SpanKey>, Vec<SentLog<'_>>> = HashMap::new();
    for stored in fragments {
        match &stored.fragment {
            Fragment::Span(span) => {
                let key = (span.trace_id.clone(), span.span_id.clone());
                spans.entry(key).or_default().push((span, stored.position));
            }
            Fragment::Log(log) => {
                let key = log.trace_id.clone().zip(log.span_id.clone());
                logs.entry(key).or_default().push((log, stored.position, stored.ordinal));
            }
        }
    }
    drop_placeholders(&mut spans);

    let mut merged = Merged::default();
    for (key, reports) in spans {
        let logs = in_order(logs.remove(&Some(key)).unwrap_or_default());
        let reports = unique(reports, |span| (span.end_time_unix_nano, span.attributes.len()));
        let position = reports.iter().map(|r| r.1).chain(logs.iter().map(|l| l.1)).max().unwrap_or_default();
        let span = unite(&reports.into_iter().map(|r| r.0).collect::<Vec<_>>());
        let logs = logs.into_iter().map(|l| l.0.clone()).collect();
        merged.spans.push(MergedSpan { span, logs, position, ..MergedSpan::default() });
    }
    merged.loose_logs = in_order(logs.into_values().flatten().collect())
        .into_iter()
        .map(|(log, position)| LooseLog { log: log.clone(), position })
        .collect();
    merged
}

fn log_time(log: &LogFragment) -> u64 {
    if log.time_unix_nano == 0 { log.observed_time_unix_nano } else { log.time_unix_nano }
}

/// A log record with its journal position and its place in the request.
type SentLog<'a> = (&'a LogFragment, u64, u32);

/// When a record was written, as far as it tells: its time, when it was observed, its number where the client counts.
type Moment = (u64, u64, u64);

/// Different records in order, each with the lowest position that it was reported at.
///
/// Clients with a clock of milliseconds record a whole conversation at one moment. Then only the place in the request tells
/// the order, and two records that are equal in one request are two messages; of two requests with the same record it is one.
/// Where no request holds all records of the moment, the places tell nothing: then it is the order of a conversation's
/// events, and their content. Neither the order of the requests nor how a moment's records are spread over several of them
/// makes a difference.
fn in_order(logs: Vec<SentLog<'_>>) -> Vec<(&LogFragment, u64)> {
    if logs.len() < 2 {
        return logs.into_iter().map(|(log, position, _)| (log, position)).collect();
    }
    let mut moments: BTreeMap<Moment, Vec<SentLog<'_>>> = BTreeMap::new();
    for sent in logs {
        let moment = (log_time(sent.0), sent.0.observed_time_unix_nano, sequence(sent.0));
        moments.entry(moment).or_default().push(sent);
    }
    moments.into_values().flat_map(of_one_moment).collect()
}

/// The records of one moment.
fn of_one_moment(logs: Vec<SentLog<'_>>) -> Vec<(&LogFragment, u64)> {
    if let [(log, position, _)] = logs.as_slice() {
        return vec![(*log, *position)];
    }
    let mut by_content: BTreeMap<String, Copies<'_>> = BTreeMap::new();
    for (log, position, ordinal) in logs {
        let json = log.json();
        let text = json.to_string();
        let copies = by_content.entry(canonical_json(&json)).or_insert_with(|| Copies {
            log,
            text: text.clone(),
            places: BTreeMap::new(),
        });
        // `1` and `1.0` are one content, yet one of the two has to be chosen whatever came first.
        if text < copies.text {
            (copies.log, copies.text) = (log, text);
        }
        copies.places.entry(position).or_default().insert(ordinal);
    }
    let copies: Vec<Copies<'_>> = by_content.into_values().collect();
    let mut requests: BTreeMap<u64, Vec<(u32, usize)>> = BTreeMap::new();
    for (index, copies) in copies.iter().enumerate() {
        for (position, places) in &copies.places {
            requests.entry(*position).or_default().extend(places.iter().map(|place| (*place, index)));
        }
    }
    let orders = requests.into_values().filter_map(|mut sent| {
        sent.sort_unstable();
        let order: Vec<usize> = sent.into_iter().map(|(_, index)| index).collect();
        let different: BTreeSet<usize> = order.iter().copied().collect();
        (different.len() == copies.len()).then_some(order)
    });
    let order = orders.max_by_key(|order| (order.len(), Reverse(order.clone()))).unwrap_or_else(|| {
        let most = |copies: &Copies<'_>| copies.places.values().map(BTreeSet::len).max().unwrap_or_default();
        let mut order: Vec<usize> = (0..copies.len()).collect();
        order.sort_by_key(|index| rank(copies[*index].log));
        order.into_iter().flat_map(|index| std::iter::repeat_n(index, most(&copies[index]))).collect()
    });
    let record = |index: usize| (copies[index].log, copies[index].places.keys().next().copied().unwrap_or_default());
    order.into_iter().map(record).collect()
}

/// The number that some clients give their records: two of one moment differ by it.
fn sequence(log: &LogFragment) -> u64 {
    log.attributes.get("event.sequence").and_then(|number| integer(number)?.try_into().ok()).unwrap_or_default()
}

/// How the events of one exchange follow each other; others come last.
fn rank(log: &LogFragment) -> usize {
    const CONVERSATION: [&str; 5] = ["system", "user", "assistant", "tool", "choice"];
    let name = log.event_name.strip_prefix("gen_ai.").unwrap_or_default();
    let name = name.strip_suffix(".message").unwrap_or(name);
    CONVERSATION.iter().position(|event| *event == name).unwrap_or(CONVERSATION.len())
}

/// One record, wherever it was sent.
struct Copies<'a> {
    log: &'a LogFragment,
    text: String,
    /// Places in each request, by its journal position.
    places: BTreeMap<u64, BTreeSet<u32>>,
}

/// Logfire sends a copy of each started span under an id of its own, as a child of the span that is to come.
fn drop_placeholders(spans: &mut BTreeMap<SpanKey, Vec<(&SpanFragment, u64)>>) {
    let known: HashSet<SpanKey> = spans.keys().cloned().collect();
    spans.retain(|(trace_id, _), reports| {
        !reports.iter().all(|(span, _)| {
            let parent = span.parent_span_id.clone().map(|parent| (trace_id.clone(), parent));
            is_placeholder(span) && parent.is_some_and(|parent| known.contains(&parent))
        })
    });
}

fn is_placeholder(span: &SpanFragment) -> bool {
    span.attributes.get("logfire.span_type").and_then(Value::as_str) == Some("pending_span")
}

/// Different items in a fixed order, each with the lowest position that it was reported at: a repeat is no later fact.
fn unique<T: Content, K: Ord>(items: Vec<(&T, u64)>, rank: impl Fn(&T) -> K) -> Vec<(&T, u64)> {
    if items.len() < 2 {
        return items;
    }
    let mut ranked: BTreeMap<(K, String), (String, &T, u64)> = BTreeMap::new();
    for (item, position) in items {
        let json = item.json();
        // `1` and `1.0` are one content, yet one of the two has to be chosen whatever came first.
        let text = json.to_string();
        let key = (rank(item), canonical_json(&json));
        match ranked.get_mut(&key) {
            Some(kept) => {
                kept.2 = kept.2.min(position);
                if text < kept.0 {
                    (kept.0, kept.1) = (text, item);
                }
            }
            None => {
                ranked.insert(key, (text, item, position));
            }
        }
    }
    ranked.into_values().map(|(_, item, position)| (item, position)).collect()
}

/// What is compared by its content.
trait Content {
    fn json(&self) -> Value;
}

macro_rules! content {
    ($($type:ty),+) => {$(
        impl Content for $type {
            fn json(&self) -> Value {
                serde_json::to_value(self).unwrap_or_default()
            }
        }
    )+};
}

content!(SpanFragment, LogFragment, SpanEvent, SpanLink);

/// One span out of its reports, the last being the latest. A report that leaves a field empty does not empty it.
fn unite(reports: &[&SpanFragment]) -> SpanFragment {
    let mut reports = reports.iter();
    let Some(&first) = reports.next() else { return SpanFragment::default() };
    let mut span = first.clone();
    let mut events = Union::new(&mut span.events);
    let mut links = Union::new(&mut span.links);
    for &later in reports.clone() {
        events.add(&later.events);
        links.add(&later.links);
    }
    if reports.len() > 0 {
        span.events.sort_by_key(|event| event.time_unix_nano);
    }
    for &later in reports {
        replace_if(&mut span.parent_span_id, &later.parent_span_id, later.parent_span_id.is_some());
        replace_if(&mut span.trace_state, &later.trace_state, !later.trace_state.is_empty());
        replace_if(&mut span.flags, &later.flags, later.flags != 0);
        replace_if(&mut span.name, &later.name, !later.name.is_empty());
        replace_if(&mut span.kind, &later.kind, later.kind != 0);
        replace_if(&mut span.start_time_unix_nano, &later.start_time_unix_nano, later.start_time_unix_nano != 0);
        replace_if(&mut span.end_time_unix_nano, &later.end_time_unix_nano, later.end_time_unix_nano != 0);
        replace_if(&mut span.status_code, &later.status_code, later.status_code != 0);
        replace_if(&mut span.status_message, &later.status_message, !later.status_message.is_empty());
        replace_if(&mut span.resource_schema_url, &later.resource_schema_url, !later.resource_schema_url.is_empty());
        replace_if(&mut span.scope.name, &later.scope.name, !later.scope.name.is_empty());
        replace_if(&mut span.scope.version, &later.scope.version, !later.scope.version.is_empty());
        replace_if(&mut span.scope.schema_url, &later.scope.schema_url, !later.scope.schema_url.is_empty());
        span.attributes.extend(later.attributes.clone());
        span.resource.extend(later.resource.clone());
        span.scope.attributes.extend(later.scope.attributes.clone());
        for (count, more) in span.dropped_counts.iter_mut().zip(later.dropped_counts) {
            *count = more.max(*count);
        }
    }
    span
}

fn replace_if<T: Clone>(old: &mut T, new: &T, says: bool) {
    if says {
        new.clone_into(old);
    }
}

/// Items of several reports. Two equal events of one report are two events; of two reports they are one.
struct Union<'a, T> {
    items: &'a mut Vec<T>,
    /// How often each content is among the items.
    counts: HashMap<String, usize>,
}

impl<'a, T: Content + Clone> Union<'a, T> {
    fn new(items: &'a mut Vec<T>) -> Self {
        Self { items, counts: HashMap::new() }
    }

    /// Adds what the items lack of another report.
    fn add(&mut self, report: &[T]) {
        if report.is_empty() {
            return;
        }
        if self.counts.is_empty() {
            for item in self.items.iter() {
                *self.counts.entry(canonical_json(&item.json())).or_default() += 1;
            }
        }
        let mut in_report: HashMap<String, usize> = HashMap::new();
        for item in report {
            let content = canonical_json(&item.json());
            let known = self.counts.entry(content.clone()).or_default();
            let seen = in_report.entry(content).or_default();
            *seen += 1;
            if *seen > *known {
                *known = *seen;
                self.items.push(item.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests;
