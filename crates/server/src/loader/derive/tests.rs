use gleaner_model::{LogFragment, SpanFragment, UnmappedSpan};
use gleaner_store::{Commit, Store};
use serde_json::json;

use super::*;

const PROJECT: &str = "default";

fn trace(n: u64) -> String {
    format!("{n:032x}")
}

fn stored(position: u64, fragment: Fragment) -> StoredFragment {
    StoredFragment { project: PROJECT.into(), position, ordinal: 0, recorded_at_unix_nano: position * 1_000, fragment }
}

fn span(position: u64, trace_id: u64, name: &str) -> StoredFragment {
    let span = SpanFragment {
        trace_id: trace(trace_id),
        span_id: format!("{position:016x}"),
        name: name.into(),
        ..SpanFragment::default()
    };
    stored(position, Fragment::Span(Box::new(span)))
}

/// A record, in a trace or outside, of a session or of none.
fn log(position: u64, trace_id: Option<u64>, session: Option<&str>, name: &str) -> StoredFragment {
    let mut log = LogFragment { trace_id: trace_id.map(trace), event_name: name.into(), ..LogFragment::default() };
    if let Some(session) = session {
        log.attributes.insert("session".into(), json!(session));
    }
    stored(position, Fragment::Log(Box::new(log)))
}

/// Rules of a world in which records name their session, and every fragment is a row of its trace, or of a derived one.
const RULES: Rules = Rules { unit_key, derive_units };

fn unit_key(fragment: &Fragment) -> Option<String> {
    match fragment {
        Fragment::Log(log) => Some(log.attributes.get("session")?.as_str()?.to_owned()),
        Fragment::Span(_) => None,
    }
}

fn derive_units(project: &str, units: &[&[StoredFragment]]) -> Vec<DerivedTrace> {
    units.iter().flat_map(|fragments| derive_unit(project, fragments)).collect()
}

/// Records outside of traces go to a derived trace of their session, unless the unit has a trace: then to the first of it. Each row
/// is told by its name; how many fragments the unit has is told by none, so that what does not change stays equal.
fn derive_unit(project: &str, fragments: &[StoredFragment]) -> Vec<DerivedTrace> {
    let session = fragments.iter().find_map(|f| unit_key(&f.fragment)).unwrap_or_default();
    let first =
        fragments.iter().filter_map(|f| f.fragment.trace_id()).min().map_or(format!("loose {session}"), str::to_owned);
    let mut traces: BTreeMap<String, DerivedTrace> = BTreeMap::new();
    for stored in fragments {
        let trace_id = stored.fragment.trace_id().unwrap_or(&first).to_owned();
        let name = match &stored.fragment {
            Fragment::Span(span) => span.name.clone(),
            Fragment::Log(log) => log.event_name.clone(),
        };
        let trace = traces.entry(trace_id.clone()).or_default();
        (trace.project, trace.trace_id) = (project.to_owned(), trace_id);
        trace.recorded_at_unix_nano = trace.recorded_at_unix_nano.max(stored.recorded_at_unix_nano);
        trace.unmapped.push(UnmappedSpan {
            trace_id: stored.fragment.trace_id().map(str::to_owned),
            span_id: None,
            scope_name: String::new(),
            name,
            reason: "told".into(),
        });
    }
    for trace in traces.values_mut() {
        trace.unmapped.sort_by(|a, b| a.name.cmp(&b.name));
    }
    traces.into_values().collect()
}

/// A store that batches are loaded into.
struct World(Store);

impl World {
    fn new() -> Self {
        Self(Store::open_in_memory().expect("a store"))
    }

    /// Loads a batch; tells how many facts were new, and which traces were written.
    fn load(&mut self, batch: Vec<StoredFragment>) -> (usize, Vec<String>) {
        let position = batch.iter().map(|f| f.position).max().unwrap_or(0).max(self.0.position().expect("a position"));
        let Derived { facts, traces, links } = derive(&RULES, &self.0, batch).expect("derives");
        let told = (facts.len(), traces.iter().map(|t| t.trace_id.clone()).collect());
        self.0.commit(&Commit { position, facts, traces, links, ..Commit::default() }).expect("a commit");
        told
    }

    /// What the store holds of every derived trace.
    fn rows(&self) -> Vec<(String, String)> {
        let sql =
            "SELECT trace_id, string_agg(name, ' ' ORDER BY name) AS names FROM unmapped_rows GROUP BY ALL ORDER BY 1";
        let rows = self.0.reader().and_then(|r| r.rows(sql, &[])).expect("a query");
        rows.into_iter()
            .map(|row| (row["trace_id"].as_str().expect("text").into(), row["names"].as_str().expect("text").into()))
            .collect()
    }

    fn count(&self, relation: &str) -> u64 {
        let sql = format!("SELECT count(*) AS n FROM {relation}");
        self.0.reader().and_then(|r| r.rows(&sql, &[])).expect("a query")[0]["n"].as_u64().expect("a count")
    }
}

fn row(trace_id: &str, names: &str) -> (String, String) {
    (trace_id.to_owned(), names.to_owned())
}

/// Scenario: a batch repeats a span that is stored, and one of its own, and adds a child.
/// Guarantees: repeats make no new fact, and the trace is derived from old and new together.
#[test]
fn repeats_are_no_new_facts() {
    let mut world = World::new();
    world.load(vec![span(1, 1, "root")]);
    let repeat = StoredFragment { position: 2, ..span(1, 1, "root") };
    let child = span(2, 1, "child");
    let again = StoredFragment { ordinal: 1, ..child.clone() };
    assert_eq!(world.load(vec![repeat.clone(), child, again]), (1, vec![trace(1)]));
    assert_eq!(world.rows(), [row(&trace(1), "child root")]);
    assert_eq!(world.load(vec![StoredFragment { position: 3, ..repeat }]), (0, vec![]), "nothing new, nothing derived");
}

/// Guarantees: records of one session are one unit whatever batches they come in, a retried one is one fact, and of a unit
/// only what changed is written.
#[test]
fn records_outside_traces_are_found_again_by_their_key() {
    let mut world = World::new();
    assert_eq!(world.load(vec![log(1, None, Some("s"), "a"), log(1, None, Some("other"), "x")]).0, 2);
    let (new, written) = world.load(vec![log(2, None, Some("s"), "a"), log(2, None, Some("s"), "b")]);
    assert_eq!((new, written), (1, vec!["loose s".to_owned()]));
    assert_eq!(world.count("span_facts"), 3);
    assert_eq!(world.count("log_records"), 3);
    let (new, written) = world.load(vec![log(3, Some(1), Some("s"), "c")]);
    // The records are now told with the trace that came: what was derived without it goes.
    assert_eq!((new, written), (1, vec![trace(1), "loose s".to_owned()]));
    assert!(world.rows().contains(&row(&trace(1), "a b c")), "{:?}", world.rows());
    let (new, written) = world.load(vec![log(4, Some(2), Some("s"), "d")]);
    assert_eq!((new, written), (1, vec![trace(2)]), "the first trace stays as it is");
}

/// Guarantees: a derived trace that is no longer derived leaves neither rows nor book-keeping.
#[test]
fn what_is_no_longer_derived_goes() {
    let mut world = World::new();
    world.load(vec![log(1, None, Some("s"), "a")]);
    assert_eq!((world.rows(), world.count("known_traces")), (vec![row("loose s", "a")], 1));
    world.load(vec![log(2, Some(1), Some("s"), "b")]);
    assert_eq!((world.rows(), world.count("known_traces")), (vec![row(&trace(1), "a b")], 1));
}

/// Scenario: spans of two traces, then records of two sessions in one each, then one record that names the first session in
/// the second trace.
/// Guarantees: they are one unit from then on, found over links of several steps, from a span that names no session.
#[test]
fn units_grow_together_over_traces() {
    let mut world = World::new();
    world.load(vec![span(1, 1, "a"), span(2, 2, "b"), span(3, 3, "stranger")]);
    world.load(vec![log(4, Some(1), Some("s"), "c"), log(5, Some(2), Some("t"), "d")]);
    world.load(vec![log(6, None, Some("t"), "loose")]);
    assert_eq!(world.rows(), [row(&trace(1), "a c"), row(&trace(2), "b d loose"), row(&trace(3), "stranger")]);
    let (_, written) = world.load(vec![log(7, Some(2), Some("s"), "link")]);
    // Derived together the loose record goes to the first trace of the unit.
    assert_eq!(written, [trace(1), trace(2)]);
    assert_eq!(world.rows(), [row(&trace(1), "a c loose"), row(&trace(2), "b d link"), row(&trace(3), "stranger")]);
    let (_, written) = world.load(vec![span(8, 1, "e"), span(9, 3, "f")]);
    assert_eq!(written, [trace(3), trace(1)]);
    let links = world.0.unit_links(&[(PROJECT.into(), trace(1))], &[]).expect("links");
    let names: Vec<_> = links.iter().map(|l| (l.unit_key.as_str(), l.trace_id.clone())).collect();
    assert_eq!(names, [("s", Some(trace(1))), ("s", Some(trace(2))), ("t", None), ("t", Some(trace(2)))]);
    let others = world.0.unit_links(&[("other".into(), trace(1))], &[("other".into(), "s".into())]).expect("links");
    assert_eq!(others, [], "units are a project's own");
}

/// Guarantees: whatever batches fragments come in, one by one or all at once, the store holds the same.
#[test]
fn batches_make_no_difference() {
    let fragments = vec![
        log(1, None, Some("s"), "a"),
        span(2, 1, "b"),
        log(3, None, Some("t"), "c"),
        log(4, Some(1), Some("t"), "d"),
        log(5, None, None, "outside"),
        log(6, None, Some("s"), "a"),
        span(7, 2, "e"),
        log(8, Some(1), Some("s"), "f"),
        log(9, None, None, "outside"),
    ];
    let (mut one_by_one, mut at_once) = (World::new(), World::new());
    for fragment in &fragments {
        one_by_one.load(vec![fragment.clone()]);
    }
    at_once.load(fragments);
    assert_eq!(one_by_one.rows(), at_once.rows());
    for relation in ["span_facts", "known_units", "known_traces", "log_records", "unmapped_spans"] {
        assert_eq!(one_by_one.count(relation), at_once.count(relation), "{relation}");
    }
}

/// Guarantees: a record of no unit is a fact each time it is sent, and listed once.
#[test]
fn a_record_of_no_unit_is_listed_once() {
    let mut world = World::new();
    for position in 1..=2 {
        assert_eq!(world.load(vec![log(position, None, None, "boot")]), (1, vec![]));
    }
    let sql = "SELECT name, reason FROM unmapped_spans";
    let rows = world.0.reader().and_then(|r| r.rows(sql, &[])).expect("a query");
    assert_eq!(serde_json::Value::from_iter(rows), json!([{"name": "boot", "reason": "log_outside_any_trace"}]));
}
