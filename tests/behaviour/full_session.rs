//! A whole session: four lineages, three cycles, and everything that can be said of them. Its truth was computed by hand.

use std::collections::HashMap;
use std::process::Command;

use gleaner_server::stubs::feedback_service_client::FeedbackServiceClient;
use gleaner_wire::feedback::{Item, ItemResult, SubmitRequest, Timestamp, item, item_result::Status};
use gleaner_wire::proto::trace::v1::Span;
use serde_json::Value;
use tonic::transport::Channel;

use self::items::{Ids, Said, bad_items, named_by_id};
use crate::harness::{Gleaner, request};

mod agents;
mod items;
mod truth;

/// How a run sends what there is: the order of arrival differs, the order in which people said things does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Half of the feedback, the spans cycle by cycle, each cycle twice, and the other half.
    HalfBefore,
    /// All feedback, then every span in a request of its own, the last one first: children before parents.
    SpansLast,
    /// All spans in one request, then the feedback.
    SpansFirst,
}

/// Scenario: see [`agents`] and [`items`]. Every item is sent twice, the second time over the stream and with another
/// time; bad items stand in every batch; another project uses the same keys. Then all of it is sent once more. Then the
/// server stops, its store is deleted, and a new one is made of the journal.
/// Guarantees: each item is accepted once and each bad one refused alone with its field; every relation is as in [`truth`], before
/// and after.
#[tokio::test(flavor = "multi_thread")]
async fn every_count_link_and_pair_is_as_computed_by_hand() {
    let ids = Ids::learn().await;
    let gleaner = Gleaner::start().await;
    let mut script = Script::new(&gleaner).await;
    script.play(Order::HalfBefore, &ids).await;
    script.everything_again(&ids).await;
    script.keys_mean_one_thing().await;
    script.another_project().await;
    let names = script.names;
    assert_truth(&gleaner, &names).await;
    assert_eq!(Ids::read(&gleaner).await, ids, "derived ids are the same on every server");

    let Gleaner { running, dir, .. } = gleaner;
    running.shutdown().await.expect("stops");
    let data = dir.path().join("data");
    for store in ["store.duckdb", "store.duckdb.wal"] {
        let path = data.join(store);
        if path.exists() {
            std::fs::remove_file(path).expect("deleted");
        }
    }
    let rebuilt =
        Command::new(env!("CARGO_BIN_EXE_gleaner")).args(["rebuild", "--data"]).arg(&data).output().expect("runs");
    assert!(rebuilt.status.success(), "{}", String::from_utf8_lossy(&rebuilt.stderr));
    let gleaner = Gleaner::start_in(dir).await;
    assert_truth(&gleaner, &names).await;
}

/// Scenario: the same, with all spans after all feedback and children before their parents; and with all spans first.
/// Guarantees: the truth does not depend on the order of arrival.
#[tokio::test(flavor = "multi_thread")]
async fn the_order_of_arrival_makes_no_difference() {
    let ids = Ids::learn().await;
    for order in [Order::SpansLast, Order::SpansFirst] {
        let gleaner = Gleaner::start().await;
        let mut script = Script::new(&gleaner).await;
        script.play(order, &ids).await;
        script.another_project().await;
        let names = script.names;
        assert_truth(&gleaner, &names).await;
    }
}

async fn assert_truth(gleaner: &Gleaner, names: &HashMap<String, &'static str>) {
    let mut differences = Vec::new();
    for (relation, query, truth) in truth::RELATIONS {
        let rows = gleaner.sql(&format!("{}{query}", truth::NAMES)).await;
        let mut found: Vec<String> = rows.iter().map(|row| line(row, names)).collect();
        let mut expected: Vec<String> = truth.iter().map(|line| (*line).to_owned()).collect();
        found.sort();
        expected.sort();
        if found != expected {
            let missing: Vec<_> = expected.iter().filter(|line| !found.contains(line)).collect();
            let surplus: Vec<_> = found.iter().filter(|line| !expected.contains(line)).collect();
            differences.push(format!("{relation}: missing {missing:#?}, not in the truth {surplus:#?}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// A row as the truth writes it.
fn line(row: &Value, names: &HashMap<String, &'static str>) -> String {
    let cell = |value: &Value| match value {
        Value::Null => "-".to_owned(),
        Value::Number(number) => number.as_f64().expect("a number").to_string(),
        Value::String(text) => names
            .iter()
            .fold(text.clone(), |text, (id, name)| if text.contains(id) { text.replace(id, name) } else { text }),
        other => other.to_string(),
    };
    row.as_object().expect("a row").values().map(cell).collect::<Vec<_>>().join(" | ")
}

/// What sends, and what it was told.
struct Script<'g> {
    gleaner: &'g Gleaner,
    client: FeedbackServiceClient<Channel>,
    /// Item id to the name of the item.
    names: HashMap<String, &'static str>,
    /// How many bad items were sent: they are taken in turn.
    bad: usize,
}

impl<'g> Script<'g> {
    async fn new(gleaner: &'g Gleaner) -> Self {
        let client = FeedbackServiceClient::connect(format!("http://{}", gleaner.running.api)).await.expect("connects");
        Self { gleaner, client, names: HashMap::new(), bad: 0 }
    }

    async fn play(&mut self, order: Order, ids: &Ids) {
        let items = items::items(ids);
        let cycles = agents::cycles();
        match order {
            Order::HalfBefore => {
                let (before, after) = items.split_at(items.len() / 2);
                self.say_twice(before).await;
                for cycle in cycles {
                    self.gleaner.send(&request(cycle.clone())).await;
                    self.gleaner.send(&request(cycle)).await;
                }
                self.say_twice(after).await;
            }
            Order::SpansLast => {
                self.say_twice(&items).await;
                let spans: Vec<Span> = cycles.into_iter().flatten().collect();
                for span in spans.into_iter().rev() {
                    self.gleaner.send(&request(vec![span])).await;
                }
            }
            Order::SpansFirst => {
                self.gleaner.send(&request(cycles.into_iter().flatten().collect())).await;
                self.say_twice(&items).await;
            }
        }
        assert!(self.bad >= bad_items().len(), "every bad item was sent");
    }

    /// Small batches, each with bad items among the good; each batch again over the stream, as a client does that
    /// had no answer.
    async fn say_twice(&mut self, items: &[Said]) {
        const BATCH: usize = 4;
        for batch in items.chunks(BATCH) {
            let (mut sent, mut expected) = (Vec::new(), Vec::new());
            for (place, said) in batch.iter().enumerate() {
                if place < 2 {
                    let bad = bad_items();
                    let (field, item) = bad[self.bad % bad.len()].clone();
                    self.bad += 1;
                    sent.push(item);
                    expected.push(Err(field));
                }
                sent.push(said.item.clone());
                expected.push(Ok(said.name));
            }
            let first = self.submit(sent.clone(), "default").await;
            for (result, expected) in first.iter().zip(&expected) {
                match expected {
                    Ok(name) => {
                        assert_eq!(result.status(), Status::Accepted, "{name}: {result:?}");
                        self.names.insert(result.item_id.clone(), *name);
                    }
                    Err(field) => assert_refused(result, field),
                }
            }
            let again = self.stream(sent.into_iter().map(later).collect()).await;
            for ((result, first), expected) in again.iter().zip(&first).zip(&expected) {
                match expected {
                    Ok(name) => assert_eq!(
                        (result.status(), &result.item_id),
                        (Status::Repeated, &first.item_id),
                        "{name} a second time"
                    ),
                    Err(field) => assert_refused(result, field),
                }
            }
        }
    }

    /// All items in one batch, which are all known: what was taken back stays so.
    async fn everything_again(&mut self, ids: &Ids) {
        let all = items::items(ids).into_iter().map(|said| said.item).collect();
        let results = self.submit(all, "default").await;
        assert!(results.iter().all(|result| result.status() == Status::Repeated), "{results:?}");
    }

    /// A key with another content is refused, within one batch too; that with its own content is a repeat.
    async fn keys_mean_one_thing(&mut self) {
        let score = |score| items::score("A1-mara", "mara", items::at("A", 1), score).item;
        let mut another = score(8.0);
        another.reviewer = "jonas".into();
        let results = self.submit(vec![score(9.0), score(8.0), another], "default").await;
        let first = self.names.iter().find(|(_, name)| **name == "A1-mara").expect("accepted before").0;
        assert_refused(&results[0], "idempotency_key");
        assert!(results[0].message.contains(first), "names the first: {}", results[0].message);
        assert_eq!((results[1].status(), &results[1].item_id), (Status::Repeated, first));
        assert_refused(&results[2], "idempotency_key");
    }

    /// One trace and the same keys in another project, where one of two scores is taken back.
    async fn another_project(&mut self) {
        let mut spans = agents::cycles().into_iter().flatten();
        let trace = vec![spans.next().expect("a root"), spans.next().expect("a call")];
        let url = format!("http://{}/v1/traces", self.gleaner.running.otlp_http);
        let post = self.gleaner.http.post(url).header("content-type", "application/x-protobuf");
        let body = prost::Message::encode_to_vec(&request(trace));
        let answer = post.header("x-gleaner-project", "other").body(body).send().await.expect("answered");
        assert_eq!(answer.status(), 200);
        let score = |name, reviewer, score| items::score(name, reviewer, items::at("A", 1), score).item;
        let mut retraction = score("retract-in-other", "mara", 1.0);
        retraction.kind = Some(item::Kind::Retraction(gleaner_wire::feedback::Retraction {
            of: "B1-mara".into(),
            reason: String::new(),
        }));
        let sent = vec![score("A1-mara", "mara", 2.0), score("B1-mara", "jonas", 3.0), retraction];
        let results = self.submit(sent, "other").await;
        assert!(results.iter().all(|result| result.status() == Status::Accepted), "{results:?}");
        assert!(!self.names.contains_key(&results[0].item_id), "a key of another project is another item");
    }

    async fn submit(&mut self, items: Vec<Item>, project: &str) -> Vec<ItemResult> {
        let sent = items.len();
        let mut request = tonic::Request::new(SubmitRequest { items });
        request.metadata_mut().insert("x-gleaner-project", project.parse().expect("a header"));
        let results = self.client.submit(request).await.expect("answered").into_inner().results;
        assert_eq!(results.len(), sent);
        results
    }

    /// One request for each item.
    async fn stream(&mut self, items: Vec<Item>) -> Vec<ItemResult> {
        let sent = items.len();
        let requests = tokio_stream::iter(items.into_iter().map(|item| SubmitRequest { items: vec![item] }));
        let mut answers = self.client.submit_stream(requests).await.expect("answered").into_inner();
        let mut results = Vec::new();
        while let Some(answer) = answers.message().await.expect("goes on") {
            results.extend(answer.results);
        }
        assert_eq!(results.len(), sent);
        results
    }
}

fn assert_refused(result: &ItemResult, field: &str) {
    assert_eq!((result.status(), result.field.as_str()), (Status::Refused, field), "{result:?}");
    assert!(result.item_id.is_empty() && result.message.contains(field), "{result:?}");
}

/// The same item by a client whose clock went on.
fn later(mut item: Item) -> Item {
    if let Some(time @ Timestamp { seconds: 0.., .. }) = &mut item.created_at {
        time.seconds += 3600;
    }
    item
}

impl Ids {
    /// Sends all spans, and the items that others name, to a server of its own.
    async fn learn() -> Self {
        let gleaner = Gleaner::start().await;
        gleaner.send(&request(agents::cycles().into_iter().flatten().collect())).await;
        let mut script = Script::new(&gleaner).await;
        script.submit(named_by_id().into_iter().map(|said| said.item).collect(), "default").await;
        Self::read(&gleaner).await
    }

    async fn read(gleaner: &Gleaner) -> Self {
        let mut script = Script::new(gleaner).await;
        let items = named_by_id().into_iter().map(|said| said.item).collect();
        let items = script.submit(items, "default").await;
        let id = async |query: &str| {
            let rows = gleaner.sql(&format!("{}{query}", truth::NAMES)).await;
            assert_eq!(rows.len(), 1, "{query}: {rows:?}");
            rows[0]["id"].as_str().expect("an id").to_owned()
        };
        Self {
            attempt_d1: id("SELECT attempt_id AS id FROM named WHERE attempt = 'D1.1'").await,
            artifact_d1: id("SELECT artifact_id AS id FROM artifacts WHERE name = 'd.txt'").await,
            answer_c1: id("SELECT artifact_id AS id FROM artifacts WHERE content = 'C one'").await,
            definition_plain: id("SELECT agent_definition_id AS id FROM defined WHERE definition = 'writer#1'").await,
            definition_tooled: id("SELECT agent_definition_id AS id FROM defined WHERE definition = 'writer#4'").await,
            declared_artifact: items[0].item_id.clone(),
            second_lock: items[1].item_id.clone(),
        }
    }
}
