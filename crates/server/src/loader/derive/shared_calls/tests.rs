use gleaner_model::{Evaluation, FeedbackBody, FeedbackItem, Fragment, Source, SpanFragment, StoredFragment, Target};
use gleaner_store::{Commit, Store};
use serde_json::{Value, json};

use super::super::derive;
use super::*;
use crate::loader::derive::Derived;

const PROJECT: &str = "default";
const CALLS: u64 = 3;

/// A span of a framework's trace (1) or of a client's (one a call).
fn span(trace: u64, id: u64, scope: &str, time: (u64, u64), attributes: &Value) -> StoredFragment {
    let span = SpanFragment {
        trace_id: format!("{trace:032x}"),
        span_id: format!("{id:016x}"),
        parent_span_id: (trace == 1 && id != 1).then(|| format!("{:016x}", 1)),
        name: format!("span {id}"),
        start_time_unix_nano: time.0,
        end_time_unix_nano: time.1,
        attributes: attributes.as_object().cloned().unwrap_or_default(),
        scope: gleaner_model::ScopeInfo { name: scope.into(), ..Default::default() },
        ..SpanFragment::default()
    };
    StoredFragment {
        project: PROJECT.into(),
        position: 0,
        ordinal: 0,
        recorded_at_unix_nano: 0,
        fragment: Fragment::Span(Box::new(span)),
    }
}

/// An agent that calls a model three times, by its framework in one trace and by its client in one a call.
fn told_twice() -> Vec<StoredFragment> {
    let agent = json!({"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "researcher"});
    let mut spans = vec![span(1, 1, "framework", (1, 1_000), &agent)];
    for n in 1..=CALLS {
        let call = json!({
            "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 10,
            "gen_ai.response.id": format!("chatcmpl-9b1deb4d3b7d4bad9bdd2b0d7b3dcb6{n}"),
        });
        spans.push(span(1, 10 + n, "framework", (n * 100, n * 100 + 50), &call));
        spans.push(span(1 + n, 20 + n, "client", (n * 100 + 5, n * 100 + 45), &call));
    }
    spans
}

/// A store that batches are loaded into, at ever later positions.
struct World {
    store: Store,
    position: u64,
}

impl World {
    fn load(batches: impl IntoIterator<Item = Vec<StoredFragment>>) -> Self {
        let mut world = Self { store: Store::open_in_memory().expect("a store"), position: 0 };
        for batch in batches {
            world.load_batch(batch, Vec::new());
        }
        world
    }

    fn load_batch(&mut self, mut batch: Vec<StoredFragment>, feedback: Vec<(u64, u64, FeedbackItem)>) {
        self.position += 1;
        for (ordinal, stored) in (0..).zip(&mut batch) {
            (stored.position, stored.ordinal) = (self.position, ordinal);
            stored.recorded_at_unix_nano = self.position * 1_000_000;
        }
        let Derived { facts, traces, links } = derive(&Rules::default(), &self.store, batch).expect("derives");
        let commit = Commit { position: self.position, facts, feedback, traces, links, ..Commit::default() };
        self.store.commit(&commit).expect("a commit");
    }

    fn rows(&self, sql: &str) -> Value {
        json!(self.store.reader().and_then(|reader| reader.rows(sql, &[])).expect("a query"))
    }

    fn attempts(&self) -> Value {
        self.rows("SELECT trace_id, llm_calls, input_tokens, status FROM attempts ORDER BY ALL")
    }

    fn spans(&self) -> Value {
        self.rows("SELECT trace_id, span_id, kind, duplicate_of, attempt_id FROM execution_spans ORDER BY ALL")
    }
}

/// Guarantees: whatever the batches and their order, the framework's trace makes the one attempt, each call counts once, and the client's
/// rows name the report that counts; what was loaded first as an attempt of its own is none any more.
#[test]
fn batches_make_no_difference() {
    let all = told_twice();
    let at_once = World::load([all.clone()]);
    let counted = json!([{"trace_id": format!("{:032x}", 1), "llm_calls": CALLS, "input_tokens": 30, "status": "ok"}]);
    assert_eq!(at_once.attempts(), counted);
    let told = at_once
        .rows("SELECT count(*) AS n FROM execution_spans WHERE duplicate_of IS NOT NULL AND attempt_id IS NOT NULL");
    assert_eq!(told, json!([{"n": CALLS}]));

    let one_by_one = |spans: Vec<StoredFragment>| World::load(spans.into_iter().map(|span| vec![span]));
    let backwards = all.iter().rev().cloned().collect();
    let (framework, client): (Vec<_>, Vec<_>) =
        all.iter().cloned().partition(|span| span.fragment.trace_id() == Some(&format!("{:032x}", 1)));
    let clients_first = World::load([client.clone(), framework.clone()]);
    let framework_first = World::load([framework, client]);
    for world in [one_by_one(all), one_by_one(backwards), clients_first, framework_first] {
        assert_eq!(world.attempts(), counted);
        assert_eq!(world.spans(), at_once.spans());
    }
}

/// Scenario: scores name the client's trace, and its span, as a program does that has no other context at hand.
/// Guarantees: they are of the attempt that counts the call, whether they came before or after that was known.
#[test]
fn feedback_on_the_other_trace_finds_the_attempt() {
    let score = |id: &str, span_id: Option<String>| {
        let target = Target { trace_id: Some(format!("{:032x}", 2)), span_id, ..Target::default() };
        let item = FeedbackItem {
            item_id: id.into(),
            project: PROJECT.into(),
            content_hash: id.into(),
            idempotency_key: None,
            reviewer: None,
            source: Source::Human,
            created_at_unix_nano: 0,
            body: FeedbackBody::Evaluation(Evaluation {
                target,
                criterion: None,
                score: Some(7.0),
                value: None,
                label: None,
                comment: None,
                correction: None,
                metadata: None,
            }),
        };
        (0, 0, item)
    };
    let all = told_twice();
    let mut early = World::load([]);
    early.load_batch(Vec::new(), vec![score("a", None), score("b", Some(format!("{:016x}", 21)))]);
    for stored in all.iter().rev() {
        early.load_batch(vec![stored.clone()], Vec::new());
    }
    let mut late = World::load([all]);
    late.load_batch(Vec::new(), vec![score("a", None), score("b", Some(format!("{:016x}", 21)))]);
    for world in [early, late] {
        let found = world.rows(
            "SELECT e.evaluation_id, a.llm_calls FROM evaluations e JOIN attempts a USING (attempt_id) ORDER BY 1",
        );
        assert_eq!(
            found,
            json!([{"evaluation_id": "a", "llm_calls": CALLS}, {"evaluation_id": "b", "llm_calls": CALLS}])
        );
    }
}
